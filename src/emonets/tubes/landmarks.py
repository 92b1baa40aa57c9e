"""Facial landmarks: the 68 points of the iBUG markup, by a small convolutional network.

The network is face-api's ``face_landmark_68`` (NOTICE), run by onnxruntime. Points 0..16 are the
jaw, 17..26 the brows, 27..35 the nose, 36..47 the eyes, 48..67 the mouth; the 51 inner points that
registration uses are 17..67.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError
from emonets.tubes.networks import open_network

INPUT_SIZE = 112
"""Side of the network's input in pixels."""

# The network is best with a window that is tighter than the tube and reaches below the chin. On 44
# faces of three sets of clips, tubes shifted by 3 % at random: side 0.85 and shift 0.12 left the
# points 0.25 tube pixels from their mean and 1.2 from those of the mirrored face; the whole tube
# 0.68 and 1.7.
WINDOW_SIDE = 0.85
"""Side of the network's window, as a part of the tube's."""
WINDOW_SHIFT = 0.12
"""How far the window's centre lies below the tube's, as a part of the tube's side."""

MAX_ASYMMETRY = 0.045
"""Largest :func:`asymmetry` of a face.

At most 0.027 for 99 % of the calibration's faces, at least 0.065 for 99 % of its background
patches.
"""

BATCH = 32
"""Faces put through the network at once: bounds the memory and does not change the points."""

MIRRORED: NDArray[np.intp] = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ]
)
"""Point *k* of a face is point ``MIRRORED[k]`` of its mirror image."""


class FaceLandmarker:
    """Finds 68 points in crops of faces.

    Parameters
    ----------
    threads : for onnxruntime; see ``emonets.tubes.networks.open_network``.

    Raises
    ------
    BundleError : the network's file is missing or damaged.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        self._session = open_network("face_landmark_68.onnx", threads=threads)

    def points(self, crops: ArrayLike) -> NDArray[np.float32]:
        """The 68 points of each crop.

        Parameters
        ----------
        crops : (n, S, S, 3) uint8 RGB, framed as a face tube is. The network always returns
            points: ``emonets.tubes.registration.shape_residuals`` shows whether they are a face.

        Returns
        -------
        (n, 68, 2) : x and y in pixels of the crop (0..S, pixel *k* covers *k*..*k* + 1), in iBUG
            order; points may lie somewhat outside.

        Raises
        ------
        DataError : another type or shape.
        """
        x = np.asarray(crops)
        if x.dtype != np.uint8 or x.ndim != 4 or x.shape[1] != x.shape[2] or x.shape[3] != 3:
            raise DataError(
                f"expected uint8 RGB crops of shape (n, S, S, 3), got {x.dtype} {x.shape}"
            )
        if len(x) and x.shape[1] < 1:
            raise DataError(f"the crops are empty: shape {x.shape}")
        side = x.shape[1]
        parts = [self._session.run(["points"], {"image": batch})[0] for batch in _windows(x)]
        relative = np.concatenate(parts) if parts else np.zeros((0, 68, 2), np.float32)
        corner = np.array([0.5, 0.5 + WINDOW_SHIFT]) - WINDOW_SIDE / 2
        points: NDArray[np.float32] = ((relative * WINDOW_SIDE + corner) * side).astype(np.float32)
        return points

    def mirrored_points(self, crops: ArrayLike) -> NDArray[np.float32]:
        """The same from the mirrored crops, brought back: see ``points``.

        The mean of both is more exact; they differ where there is no face.
        """
        x = np.asarray(crops)
        points = self.points(x[:, :, ::-1] if x.ndim == 4 else x)
        points = points[:, MIRRORED]
        points[..., 0] = x.shape[1] - points[..., 0]
        return points


def asymmetry(plain: ArrayLike, mirrored: ArrayLike, side: int) -> NDArray[np.float64]:
    """How far the inner points of crops are from those of their mirror images.

    Parameters
    ----------
    plain, mirrored : (n, 68, 2), from ``points`` and ``mirrored_points``.
    side : of the crops, in pixels.

    Returns
    -------
    (n,) : mean distance as a part of the side; see :data:`MAX_ASYMMETRY`.
    """
    difference = np.asarray(plain) - np.asarray(mirrored)
    return np.asarray(np.linalg.norm(difference[:, 17:], axis=2).mean(axis=1) / side)


def _windows(crops: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """Batches (b, 3, 112, 112) of the network's windows, values 0..255."""
    side = crops.shape[1]
    limit = 2 * INPUT_SIZE
    for start in range(0, len(crops), BATCH):
        batch = crops[start : start + BATCH]
        out = np.empty((len(batch), 3, INPUT_SIZE, INPUT_SIZE), np.float32)
        for k, crop in enumerate(batch):
            picture = np.ascontiguousarray(crop)
            if side > limit:  # far larger than the input: bilinear sampling would skip pixels
                picture = cv2.resize(picture, (limit, limit), interpolation=cv2.INTER_AREA)
            n = picture.shape[0]
            step = WINDOW_SIDE * n / INPUT_SIZE
            left = (0.5 - WINDOW_SIDE / 2) * n
            top = (0.5 + WINDOW_SHIFT - WINDOW_SIDE / 2) * n
            # from centres of input pixels to centres of the picture's
            sampling = np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]])
            window = cv2.warpAffine(
                picture,
                sampling,
                (INPUT_SIZE, INPUT_SIZE),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            out[k] = window.transpose(2, 0, 1)
        yield out
