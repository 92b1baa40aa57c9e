"""An open face tube: what the builder keeps of a face that it is still following."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emonets.tubes.neighbourhood import Neighbourhood, content_box, neighbourhood

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A frame in which some tube may still find its face."""

    position: int
    index: int
    time: float
    image: NDArray[np.uint8]
    searched: bool
    """Whether the detector ran on it."""


@dataclass(slots=True, eq=False)
class Entry:
    """A frame of a tube whose piece is not finished."""

    position: int
    index: int
    time: float
    box: Floats
    detected: bool
    score: float
    kept: Neighbourhood


@dataclass(slots=True, eq=False)
class Track:
    """An open tube. Its last entry is a detection, or what was searched for before a flash."""

    entries: list[Entry]
    latest_colours: Floats
    """Histogram of the latest detection, for the search of missed faces."""
    colours: Floats
    """Slowly following histogram, to match detections to the tube."""
    number: int | None = None
    frames: int = 0
    """Entries ever, those already handed out too."""
    missed: bool = False
    """Whether the detector has run since the last entry."""
    velocity: Floats = field(default_factory=lambda: np.zeros(2))
    before: list[tuple[float, Floats]] = field(default_factory=list)
    """Times and boxes of the latest entries handed out: context for smoothing the next piece."""
    kept_bytes: int = 0

    @property
    def last(self) -> Entry:
        return self.entries[-1]

    def predict(self, time: float) -> Floats:
        """Its box at a time if the motion continues, moved by at most one side."""
        side = float(np.max(self.last.box[2:] - self.last.box[:2]))
        shift = np.clip(self.velocity * (time - self.last.time), -side, side)
        return self.last.box + np.tile(shift, 2)

    def grow(self, entries: Sequence[Entry], *, front: bool = False) -> None:
        self.entries = [*entries, *self.entries] if front else [*self.entries, *entries]
        self.frames += len(entries)
        self.kept_bytes += sum(entry.kept.pixels.nbytes for entry in entries)


def filled_entry(frame: Waiting, box: Floats, score: float) -> Entry:
    """The entry of a frame whose box was interpolated or searched for."""
    kept = neighbourhood(frame.image, box, within=content_box(frame.image))
    return Entry(frame.position, frame.index, frame.time, box, False, score, kept)
