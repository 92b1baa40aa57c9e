"""A face tube, the options by which it is built, and the detections that it is built from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.tubes.association import AssociationLimits
from emonets.tubes.gaps import MIN_CORRELATION
from emonets.tubes.smoothing import SCALE_THRESHOLD, WINDOW, Method

if TYPE_CHECKING:
    from emonets.media.clip import Frame

Floats = NDArray[np.float64]


class HasBoxes(Protocol):
    """What a tube needs of detections: :class:`emonets.tubes.detect.Detections` has it."""

    @property
    def boxes(self) -> NDArray[np.floating[Any]]:
        """(n, 4) pixels."""

    @property
    def scores(self) -> NDArray[np.floating[Any]]:
        """(n,) higher is surer."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceTube:
    """One person's face over n frames of a shot, or a piece of it if the shot is long."""

    track: int
    """Which person: the same in all pieces of a tube, from 0 in order of first appearance."""
    index: NDArray[np.int64]
    """(n,) numbers of the frames, rising; frames in which the face was not found are left out."""
    times: Floats
    """(n,) seconds."""
    boxes: Floats
    """(n, 4) smoothed squares, pixels of the frame; they may reach outside it."""
    raw_boxes: Floats
    """(n, 4) as detected or filled in, before smoothing."""
    detected: NDArray[np.bool_]
    """(n,) False where the box was interpolated or searched for."""
    scores: Floats
    """(n,) of the detector, interpolated where it did not find the face."""
    crops: NDArray[np.uint8]
    """(n, size, size, 3) RGB, the content of ``boxes``; the picture's edge is repeated outside."""
    embedded: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(k,) numbers 0..n-1 of the frames whose face was embedded, rising; see ``verify``."""
    embeddings: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 128), np.float32))
    """(k, 128) that tell people apart."""
    sure: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(k,) False where the face is too small, turned or hidden to be sure."""

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, kw_only=True)
class TubeOptions:
    """How tubes are built; times in seconds."""

    crop_size: int = 96
    """Pixels of a crop's side."""
    max_gap: float = 0.5
    """A tube ends when its face was missed for longer; gaps up to this are searched."""
    piece: int = 250
    """Frames in a piece of a long tube; boxes are smoothed and side lengths fitted per piece."""
    min_frames: int = 3
    """Shorter tubes are dropped, unless the detector ran on fewer frames than that."""
    min_correlation: float = MIN_CORRELATION
    """Of the colours of a missed face with those of the nearest found one."""
    window: int = WINDOW
    """Frames in the moving averages of boxes, odd."""
    scale_threshold: float = SCALE_THRESHOLD
    """See :func:`emonets.tubes.smoothing.smooth_sides`."""
    smoothing: Method = "paper"
    limits: AssociationLimits = field(default_factory=AssociationLimits)
    max_waiting: int = 256 * 2**20
    """Bytes of frames that may wait for a lost face; the oldest are given up beyond it."""
    max_kept: int = 128 * 2**20
    """Bytes of faces that may wait to be smoothed; beyond it pieces are finished early."""

    def __post_init__(self) -> None:
        for name in ("crop_size", "piece", "min_frames"):
            if int(getattr(self, name)) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not (np.isfinite(self.max_gap) and self.max_gap >= 0):
            raise ParameterError(f"max_gap must be 0 or more seconds, got {self.max_gap}")
        if not -1.0 <= self.min_correlation <= 1.0:
            raise ParameterError(f"min_correlation must be in -1..1, got {self.min_correlation}")
        if self.window < 1 or self.window % 2 == 0:
            raise ParameterError(f"window must be an odd number of frames, got {self.window}")

    @property
    def context(self) -> int:
        """Frames beyond a piece that its two moving averages take in: pieces join smoothly."""
        return max(1, 2 * (self.window // 2))  # an open tube has a last box


def usable_boxes(detections: HasBoxes, frame: Frame) -> tuple[Floats, Floats]:
    """The boxes (n, 4) that show something of the frame, and their scores."""
    boxes = np.asarray(detections.boxes, dtype=np.float64)
    scores = np.asarray(detections.scores, dtype=np.float64)
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != (len(boxes),):
        raise DataError(
            f"frame {frame.index}: expected boxes of shape (n, 4) with n scores, "
            f"got {boxes.shape} and {scores.shape}"
        )
    height, width = frame.image.shape[:2]
    finite = np.isfinite(boxes).all(axis=1)
    boxes, scores = boxes[finite], np.nan_to_num(scores[finite])
    # what is at least a pixel wide, not absurdly large, and touches the picture
    low, high = boxes[:, :2], boxes[:, 2:]
    side = high - low
    good = ((side >= 1.0) & (side <= 8 * max(width, height)) & (high > 0)).all(axis=1)
    good &= (low < (width, height)).all(axis=1)
    return boxes[good], scores[good]
