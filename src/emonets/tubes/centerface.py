"""CenterFace (Xu et al. 2019): faces as points of a heat map, at a resolution that adapts."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.tubes.boxes import Detections, Framing, check_image, non_maximum
from emonets.tubes.networks import open_network

STRIDE = 4
"""Pixels of the network's input a cell of its outputs."""
MULTIPLE = 32
"""Both sides of the network's input are multiples of this."""
OVERLAP = 0.3
"""Two boxes whose intersection over union is larger are one face."""

CENTERFACE_FRAMING = Framing(side=1.14, dx=-0.010, dy=-0.055)
"""Measured by ``tools/calibrate_detectors.py`` on 82 clips and their mirror images.

Between 1.128 with pictures 640 pixels long and 1.145 with 160. From face to face the fitting side
varies by 6 % (standard deviation), and for one face by 4 % with its size in the network's input, in
a wave that repeats with each doubling; where that matters, register by landmarks.
"""


class CenterFaceNetwork:
    """The bare network: picture in, raw boxes out.

    Parameters
    ----------
    threads : for onnxruntime; see ``emonets.tubes.networks.open_network``.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        self._session: Any = open_network("centerface.onnx", threads=threads)

    def __call__(
        self, image: NDArray[np.uint8], scale: float, threshold: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Boxes (n, 4) from brow to chin, scores (n,), points (n, 5, 2), best first.

        ``image`` is (height, width, 3) uint8 RGB. It is resized by ``scale`` for the network; the
        results are in its own pixels.
        """
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size != (width, height):
            smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, size, interpolation=smaller), np.uint8)
        rows, columns = (-(-side // MULTIPLE) * MULTIPLE for side in (size[1], size[0]))
        blob = np.zeros((1, 3, rows, columns), np.float32)
        blob[0, :, : size[1], : size[0]] = image.transpose(2, 0, 1)
        outputs = self._session.run(["heatmap", "scale", "offset", "points"], {"image": blob})
        heatmap, logarithm, offset, five = (output[0] for output in outputs)
        boxes, scores, points = decode(heatmap, logarithm, offset, five, threshold)
        back = np.array([width / size[0], height / size[1]], np.float32)
        return boxes * np.tile(back, 2), scores, points * back


def decode(
    heatmap: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    points: NDArray[np.float32],
    threshold: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The network's output maps as boxes, scores and points, in pixels of its input.

    A cell whose heat exceeds ``threshold`` is the centre of a face: ``offset`` moves it (y, x, in
    cells), ``scale`` is the logarithm of height and width in cells, and ``points`` are the five
    points (y, x alternating) in heights and widths from the box's corner.

    Parameters
    ----------
    heatmap : (1, rows, columns); scale, offset : (2, rows, columns); points : (10, rows, columns).

    Returns
    -------
    boxes (n, 4), scores (n,), points (n, 5, 2): overlaps removed, best first.
    """
    row, column = np.nonzero(heatmap[0] > threshold)
    scores = heatmap[0, row, column]
    # a logarithm beyond 8 would be a face of 12,000 pixels
    size = np.exp(np.minimum(scale[:, row, column], 8.0))[::-1].T * STRIDE
    cells = np.stack([column, row], axis=1) + offset[::-1, row, column].T + 0.5
    corner = cells * STRIDE - size / 2
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    relative = points[:, row, column].T.reshape(-1, 5, 2)[:, :, ::-1]
    five = (relative * size[:, None] + corner[:, None]).astype(np.float32)
    keep = non_maximum(boxes, scores, OVERLAP)
    return boxes[keep], scores[keep], five[keep]


class CenterFace:
    """The default detector: CenterFace, no finer than the faces in the clip need.

    It keeps state from frame to frame, so a detector follows one clip at a time, frames in order;
    ``reset`` begins another. The same frames in the same order give the same detections.

    The network's input is the picture at one of a few sizes, each twice the one before. Mostly it
    is the smallest at which every face of the frame before is still large enough. The finest is
    used for the first frame, after a cut, for every ``every``-th frame (small new faces), and once
    more for a frame in which fewer faces are found than before.

    Parameters
    ----------
    threshold : least score, 0..1.
    coarse, finest : long side in pixels of the picture at the smallest and the largest size; a
        picture is never enlarged. Equal values switch the adapting off.
    every : frames between uses of the finest size.
    least : how long, in pixels of the network's input, the smallest face must be.
    threads : for onnxruntime.
    framing : from raw boxes to tube squares.

    Raises
    ------
    ParameterError : a value out of its range.
    BundleError : the network's file is missing or damaged.
    """

    name = "centerface"

    def __init__(
        self,
        *,
        threshold: float = 0.4,
        coarse: int = 160,
        finest: int = 640,
        every: int = 30,
        least: float = 40.0,
        threads: int | None = None,
        framing: Framing = CENTERFACE_FRAMING,
    ) -> None:
        if not 0.0 < threshold < 1.0:
            raise ParameterError(f"threshold must lie between 0 and 1, got {threshold}")
        if not 32 <= coarse <= finest:
            raise ParameterError(
                f"coarse must be at least 32 and at most finest, got {coarse} and {finest}"
            )
        if every < 1 or least <= 0:
            raise ParameterError(
                f"every must be at least 1 and least positive, got {every}, {least}"
            )
        self.threshold = threshold
        self.coarse = coarse
        self.finest = finest
        self.every = every
        self.least = least
        self.framing = framing
        self._network = CenterFaceNetwork(threads=threads)
        self.reset()

    def reset(self) -> None:
        """Clear the state, to begin another clip."""
        self._shape: tuple[int, int] | None = None
        self._thumbnail: NDArray[np.float32] | None = None
        self._since_finest = 0
        self._count = 0
        self._level = 0
        self._floor = 0

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of the next frame.

        Parameters
        ----------
        image : (height, width, 3) uint8 RGB.

        Returns
        -------
        Detections, best first; boxes are tube squares and may reach beyond the picture.

        Raises
        ------
        DataError : another type or shape.
        """
        check_image(image)
        sizes = self._sizes(image)
        last = len(sizes) - 1
        level = min(self._level, last)
        if self._is_new(image) or self._since_finest >= self.every:
            level = last
        found = self._run(image, sizes[level])
        if len(found[1]) < self._count and level < last:
            level = last
            fine = self._run(image, sizes[last])
            if len(fine[1]) > len(found[1]):
                # the smaller size has lost a face that is there: stay above it for a while
                self._floor = min(self._level + 1, last)
                found = fine
        if level == last:
            if self._since_finest >= self.every:
                self._floor = max(0, self._floor - 1)
            self._since_finest = 0
        self._since_finest += 1
        self._count = len(found[1])
        self._level = max(self._floor, self._needed(found[0], image, sizes))
        boxes, scores, points = found
        return Detections(self.framing.apply(boxes), scores, points)

    def _run(
        self, image: NDArray[np.uint8], long_side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        return self._network(image, long_side / max(image.shape[:2]), self.threshold)

    def _sizes(self, image: NDArray[np.uint8]) -> list[int]:
        """Long sides to choose from, smallest first; the last is the finest."""
        finest = min(self.finest, max(image.shape[:2]))
        steps = max(0, math.ceil(math.log2(finest / self.coarse)))
        return [*(self.coarse * 2**k for k in range(steps)), finest]

    def _needed(
        self, boxes: NDArray[np.float32], image: NDArray[np.uint8], sizes: list[int]
    ) -> int:
        """The first size at which the smallest face is ``least`` pixels long."""
        if not len(boxes):
            return 0
        smallest = float((boxes[:, 2:] - boxes[:, :2]).max(axis=1).min())
        for level, size in enumerate(sizes):
            if smallest * size / max(image.shape[:2]) >= self.least:
                return level
        return len(sizes) - 1

    def _is_new(self, image: NDArray[np.uint8]) -> bool:
        """Whether this is a first frame, by a thumbnail that resembles the one before too little.

        It finds the cut, not new faces; a false alarm costs one slow frame.
        """
        # every eighth pixel: averaging them all would cost as much as the network
        thin = np.ascontiguousarray(image[::8, ::8])
        thumbnail = cv2.resize(thin, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._thumbnail = self._thumbnail, thumbnail
        shape, self._shape = self._shape, (image.shape[0], image.shape[1])
        if before is None or shape != self._shape:
            self._count = self._level = self._floor = 0
            return True
        return float(np.abs(thumbnail - before).mean()) > CUT


CUT = 20.0
"""Mean difference of two frames' thumbnails, 0..255, beyond which a cut is suspected."""
