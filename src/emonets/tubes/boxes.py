"""What every face detector returns, and how its boxes become the squares of face tubes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces found in one picture.

    Attributes
    ----------
    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels; squares, framed as a face tube is; they may
        reach beyond the picture.
    scores : (n,) float32; larger is surer; comparable within one detector only.
    points : (n, 5, 2) float32 x, y, or None: the eye on the left of the picture, the other eye, the
        tip of the nose, the corner of the mouth on the left of the picture, the other corner.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    points: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.boxes)


@runtime_checkable
class Detector(Protocol):
    """Anything with a name that finds faces; the optional ``reset()`` begins another clip."""

    name: str

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of an RGB picture (height, width, 3) uint8."""
        ...


@dataclass(frozen=True, slots=True)
class Framing:
    """From a detector's own boxes to the squares of a face tube.

    The tube frame is the one whose fixed transform ``registration.TUBE_TO_FER`` takes a mean face
    onto the mean face of FER2013; ``tools/calibrate_detectors.py`` measures these numbers.

    Attributes
    ----------
    side : side of the square, as a multiple of the box' longer side.
    dx, dy : from the centre of the box to that of the square, as parts of the square's side.
    """

    side: float
    dx: float = 0.0
    dy: float = 0.0

    def apply(self, boxes: ArrayLike) -> NDArray[np.float32]:
        """Squares (n, 4) for raw boxes (n, 4)."""
        b = np.asarray(boxes, np.float64).reshape(-1, 4)
        side = self.side * (b[:, 2:] - b[:, :2]).max(axis=1, initial=0.0)[:, None]
        corner = (b[:, :2] + b[:, 2:]) / 2 + side * (np.array([self.dx, self.dy]) - 0.5)
        return np.concatenate([corner, corner + side], axis=1).astype(np.float32)


def check_image(image: NDArray[np.uint8]) -> None:
    """Raise DataError unless ``image`` is uint8 (height, width, 3) with at least one pixel."""
    shape = np.shape(image)
    if getattr(image, "dtype", None) != np.uint8 or len(shape) != 3 or shape[2] != 3:
        raise DataError(
            "expected an RGB picture, uint8 of shape (height, width, 3), got "
            f"{getattr(image, 'dtype', type(image).__name__)} {shape}"
        )
    if 0 in shape:
        raise DataError(f"the picture has no pixels: shape {shape}")


def non_maximum(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float
) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best first: no two overlap more (intersection over union)."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    rest = np.argsort(-scores, kind="stable")
    keep: list[int] = []
    while len(rest):
        best, rest = int(rest[0]), rest[1:]
        keep.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.maximum(high - low, 0.0).prod(axis=1)
        union = area[best] + area[rest] - shared
        rest = rest[shared <= overlap * union]
    return np.array(keep, np.intp)
