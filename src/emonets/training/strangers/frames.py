"""Faces of still pictures, in the frame in which a face network is given them.

The project's own detector finds the face, as in ``emonets predict``. What is kept has a margin
around the frame, so that faces can be turned and moved in training.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.tubes.centerface import CenterFace
from emonets.tubes.detect import SensitiveDetector
from emonets.tubes.registration import FER_SIZE, TUBE_SIZE, TUBE_TO_FER

SIZE = 2 * FER_SIZE
"""Side of the frame, pixels: FER2013's at twice its resolution."""
ZOOM = 1.25
"""How many times larger than in FER2013's frame the network's pictures show a face."""
UP = 2.0
"""How much higher they show it, in 48ths of their side."""
MARGIN = 16
"""Pixels around the frame."""
SIDE = SIZE + 2 * MARGIN
"""Side of what is kept, pixels."""

_BLACK = 14  # grey levels below which an edge of a picture is an outline's background
_LEAST_BLACK = 0.02
_SHRUNK = 0.75  # scales below which a picture is averaged over areas first

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FramedFace:
    """A face in its frame.

    Attributes
    ----------
    image : (128, 128) grey; the frame is its middle 96 × 96.
    shown : (128, 128), where the picture shows something. Elsewhere its edge is repeated, or it
        is the background of a face that was cut out.
    found : whether a face was detected. Otherwise the middle of the picture is taken.
    scale : pixels of ``image`` a pixel of the picture.
    """

    image: Grey
    shown: Mask
    found: bool
    scale: float


class FaceFramer:
    """Finds the face of a picture, and frames it.

    Parameters
    ----------
    threads : of the detector.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._detector = CenterFace(threads=threads)
        self._sensitive = SensitiveDetector(threads=threads)

    def frame(self, picture: Grey, *, outlined: bool = False) -> FramedFace:
        """The face of an RGB picture (height, width, 3) uint8.

        Of several faces, a large one near the middle is taken.

        Parameters
        ----------
        outlined : the face may be cut out along its outline, on black.
        """
        height, width = picture.shape[:2]
        x, y, side, found = self._box(picture, outlined)
        scale = TUBE_SIZE / side
        to_tube = np.array([[scale, 0, -x * scale], [0, scale, -y * scale], [0, 0, 1]])
        to_frame = np.diag([2.0, 2.0, 1.0]) @ np.vstack([TUBE_TO_FER, [0, 0, 1]]) @ to_tube
        to_frame[:2, 2] += MARGIN
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        shown = np.full((height, width), 255, np.uint8)
        if outlined:
            shown[_background(grey)] = 0
        drawn = float(np.sqrt(abs(np.linalg.det(to_frame[:2, :2]))))
        if drawn < _SHRUNK:
            factor = drawn * 1.25
            size = max(1, round(width * factor)), max(1, round(height * factor))
            grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
            shown = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.uint8)
            to_frame = to_frame @ np.diag([width / size[0], height / size[1], 1.0])
        # OpenCV counts from pixel centres
        to_frame[:2, 2] += to_frame[:2, :2] @ [0.5, 0.5] - 0.5
        image = cv2.warpAffine(
            grey, to_frame[:2], (SIDE, SIDE), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        inside = cv2.warpAffine(
            shown, to_frame[:2], (SIDE, SIDE), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=0,
        )  # fmt: skip
        return FramedFace(np.asarray(image, np.uint8), np.asarray(inside > 127), found, drawn)

    def _box(self, picture: Grey, outlined: bool) -> tuple[float, float, float, bool]:
        """Left, top and side of the face's box in the picture, pixels; whether it was detected."""
        height, width = picture.shape[:2]
        longest, pad = max(height, width), 0
        self._detector.reset()
        boxes = np.asarray(self._detector.detect(picture).boxes, np.float64)
        if not len(boxes):  # a face that fills the picture is found in a wider one
            pad = longest // 4
            middle = np.median(picture.reshape(-1, 3), axis=0)
            colour = (0, 0, 0) if outlined else tuple(int(v) for v in middle)
            wide = cv2.copyMakeBorder(
                picture, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=colour
            )
            boxes = np.asarray(self._sensitive.detect(np.asarray(wide, np.uint8)).boxes, np.float64)
        if not len(boxes):
            side = 1.25 * min(height, width)
            return width / 2 - side / 2, height / 2 - side / 2, side, False
        boxes = boxes - pad
        sides = boxes[:, 2] - boxes[:, 0]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        away = np.abs(centres - [width / 2, height / 2]).max(axis=1)
        best = int(np.argmax((sides - away) / longest))
        return float(boxes[best, 0]), float(boxes[best, 1]), float(sides[best]), True


def _background(grey: Grey) -> Mask:
    """Where a picture is black from its edges on, slightly widened; nowhere if that is little."""
    _, parts = cv2.connectedComponents((grey < _BLACK).astype(np.uint8), connectivity=4)
    at_edges = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    outside = np.isin(parts, at_edges[at_edges > 0])
    if outside.mean() <= _LEAST_BLACK:
        return np.zeros(grey.shape, bool)
    wider = cv2.dilate(outside.astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(wider > 0)


def framed_still(image: Grey) -> tuple[Grey, Mask]:
    """A picture (side, side) that is framed as FER2013's are: ``image`` and ``shown``."""
    large = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR), np.uint8)
    shown = np.zeros((SIDE, SIDE), bool)
    shown[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    return np.pad(large, MARGIN, mode="edge"), shown


def frames_of(images: Grey) -> Grey:
    """The network's pictures of kept faces (n, 128, 128), unchanged: (n, 96, 96)."""
    to_network = np.array([[ZOOM, 0.0, 0.0], [0.0, ZOOM, 0.0]])
    to_network[:, 2] = (SIDE - 1) / 2 * (1 - ZOOM) - np.array([0.0, UP * SIZE / FER_SIZE])
    moved = [
        cv2.warpAffine(image, to_network, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        for image in images
    ]
    whole = np.asarray(moved, np.uint8).reshape(-1, SIDE, SIDE)
    return whole[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
