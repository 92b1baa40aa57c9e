"""An open face tube: what the builder keeps of a face that it is still following."""

from __future__ import annotations

from collections import deque
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
    factor: Floats = field(default_factory=lambda: np.ones(2))
    """From pixels of its own frame to those of the latest, which ``box`` is in."""
    clear: bool = True
    """Whether no other face overlaps it much."""
    settled: bool = True
    """Whether no change of the face is going on."""
    doubt: bool = False
    """Whether another person may begin here: the face changed, was lost, or was overlapped."""
    cut: bool = False
    """Whether a face begins here that has nothing of the one before."""
    embedding: NDArray[np.float32] | None = None
    """(128,) of some entries only."""
    sure: bool = False
    """Whether the embedding shows who it is."""

    @property
    def usable(self) -> bool:
        """Whether the face can show who it is."""
        return self.detected and self.clear and self.settled

    @property
    def own_box(self) -> Floats:
        """``box`` in pixels of its own frame."""
        return self.box / np.tile(self.factor, 2)


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
    looks: deque[tuple[float, NDArray[np.float32], Floats]] = field(default_factory=deque)
    """Times, edges and colours of the latest detections, to find changes."""
    doubted: float = -np.inf
    """When the face changed suddenly, seconds."""
    unsettled: float | None = None
    """Until when a slow change may go on, seconds."""
    anchors: list[NDArray[np.float32]] = field(default_factory=list)
    """Latest sure embeddings of the person."""
    tint: Floats | None = None
    """Colours of the latest entry that shows the person surely."""
    sampled: float = -np.inf
    """Time up to which the person is checked, seconds."""
    checked: int = 0
    """Entries of ``entries`` that are checked."""
    same: int = -1
    """Number in ``entries`` of the latest one that shows the person surely; -1 before them."""

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
        if front:
            self.checked += len(entries) if self.checked else 0
            self.same += len(entries) if self.same >= 0 else 0

    def take(self, n: int) -> list[Entry]:
        """Remove the first n entries and return them."""
        taken, self.entries = self.entries[:n], self.entries[n:]
        self.kept_bytes -= sum(entry.kept.pixels.nbytes for entry in taken)
        self.checked = max(0, self.checked - n)
        self.same = max(-1, self.same - n)
        return taken

    def resize(self, across: float, down: float) -> None:
        """Bring the boxes to a picture of another size: factors of its width and height."""
        factor = np.array([across, down, across, down])
        for entry in self.entries:
            entry.box, entry.factor = entry.box * factor, entry.factor * factor[:2]
        self.before = [(time, box * factor) for time, box in self.before]
        self.velocity = self.velocity * factor[:2]


def filled_entry(frame: Waiting, box: Floats, score: float) -> Entry:
    """The entry of a frame whose box was interpolated or searched for."""
    kept = neighbourhood(frame.image, box, within=content_box(frame.image))
    return Entry(frame.position, frame.index, frame.time, box, False, score, kept)
