"""Where the faces of a clip are, and in how many of its frames each can be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Features, Floats
from emonets.result import Box
from emonets.specialists.per_face import of_known
from emonets.tubes.identity import USABLE_SIDE

_BRIDGED = 0.2  # seconds between two frames that the slowest detector examines

_PARTS = ("track", "index", "time", "boxes", "detected")


@dataclass(frozen=True, eq=False)
class Faces:
    """The face pictures of a clip, in the order of track and time.

    A picture is usable if its box has a side of at least 32 pixels of the frame, and the detector
    found the face in it. Where the detector examined each *n*-th frame only, it is enough that it
    found the face less than *n* frames away.

    Attributes
    ----------
    track, time : (n,) the time in seconds. boxes : (n, 4) x, y, width, height in pixels of the
        shown frame. usable : (n,) bool.
    frames : (m,) the times of all frames of the clip, rising; seconds.
    """

    track: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    time: Floats = field(default_factory=lambda: np.zeros(0))
    boxes: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    usable: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    frames: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, features: Iterable[Features], frames: Floats, stride: int = 1) -> Self:
        """The faces of a clip.

        Parameters
        ----------
        features : of its specialists of single faces. The first with a picture decides, if it
            has boxes.
        frames : (m,) the times of the clip's frames, seconds.
        stride : every how many frames the detector was run.
        """
        found = next((own for own in features if len(own.get("track", ()))), None)
        if found is None or any(name not in found for name in _PARTS):
            return cls(frames=np.asarray(frames, np.float64))
        found = of_known(found)
        order = np.lexsort([found["time"], found["track"]])
        track, index, time, corners, detected = (np.asarray(found[n])[order] for n in _PARTS)
        boxes = np.asarray(corners, np.float64).reshape(-1, 4).copy()
        boxes[:, 2:] -= boxes[:, :2]
        usable = _near(track, index, detected, _examined(index, time, detected, stride))
        usable &= boxes[:, 2] >= USABLE_SIDE
        return cls(track, np.asarray(time, np.float64), boxes, usable, np.asarray(frames))

    @cached_property
    def _places(self) -> dict[int, tuple[int, int]]:
        numbers, first = np.unique(self.track, return_index=True)
        ends = np.append(first, len(self.track))[1:]
        return {
            int(number): (int(a), int(b)) for number, a, b in zip(numbers, first, ends, strict=True)
        }

    def within(self, track: int, start: float, end: float) -> tuple[Box | None, float | None]:
        """The median box of a face in a span, and the share of usable frames.

        Parameters
        ----------
        track : of the face. start, end : seconds; the end is excluded unless the span has no
            length.

        Returns
        -------
        box : x, y, width, height; None where the face has no picture in the span.
        usable : usable pictures over frames, from the face's first picture in the span to its
            last; 0..1, or None.
        """
        low, high = self._places.get(track, (0, 0))
        own = self.time[low:high]
        a = int(np.searchsorted(own, start, "left"))
        b = int(np.searchsorted(own, end, "right" if start == end else "left"))
        if a >= b:
            return None, None
        taken = slice(low + a, low + b)
        x, y, w, h = np.round(np.median(self.boxes[taken], axis=0), 1).tolist()
        first, last = np.searchsorted(self.frames, (own[a] - 1e-6, own[b - 1] + 1e-6))
        count = max(int(last - first), b - a)
        return (x, y, w, h), round(float(np.count_nonzero(self.usable[taken])) / count, 4)

    def share(self, tracks: Sequence[int]) -> float | None:
        """The share of all frames of the clip in which these faces are usable, 0..1.

        None where no frame or no box is known.
        """
        if not len(self.frames) or not len(self.track):
            return None
        own = np.isin(self.track, tracks) & self.usable
        return min(1.0, round(float(np.count_nonzero(own)) / len(self.frames), 4))


def _examined(index: NDArray[Any], time: NDArray[Any], detected: NDArray[Any], stride: int) -> int:
    """Every how many frames the detector was run; at most as many as `_BRIDGED` has."""
    found = np.unique(index[detected])
    if len(found) < 2:
        return max(1, stride)
    frames = max(int(index.max() - index.min()), 1)
    step = float(time.max() - time.min()) / frames
    most = max(stride, int(np.ceil(_BRIDGED / step)) if step > 0 else 1)
    return int(np.clip(np.diff(found).min(), 1, most))


def _near(
    track: NDArray[Any], index: NDArray[Any], detected: NDArray[Any], every: int
) -> NDArray[np.bool_]:
    """(n,) whether the face of each picture was found less than ``every`` frames away."""
    if every <= 1:
        return np.asarray(detected, np.bool_).copy()
    out = np.zeros(len(track), np.bool_)
    for number in np.unique(track):
        own = track == number
        places, found = index[own], index[own & detected]
        if len(found):
            after = np.clip(np.searchsorted(found, places), 0, len(found) - 1)
            before = np.maximum(after - 1, 0)
            far = np.minimum(np.abs(found[after] - places), np.abs(places - found[before]))
            out[own] = far < every
    return out
