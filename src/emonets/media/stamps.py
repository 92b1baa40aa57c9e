"""The times of a file's packets, and where a stream of them has come to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_LONGEST = 1.0
"""A longer step (s) is a pause, and not how long a picture is shown."""
_RECENT = 8
"""So many packets show how long the last of them is shown."""


@dataclass(slots=True)
class Stamp:
    """When a packet is due, as the file states it.

    Attributes
    ----------
    stream : index of its stream.
    due : seconds, in the order of decoding; None: the file does not state it.
    shown : seconds, when it is shown; None: as ``due``.
    duration : seconds; 0 if unknown.
    place : its first byte in the file; None if unknown.
    size : bytes.
    packet : the packet itself.
    shift, shown_shift : seconds that are to be added to ``due`` and ``shown``; `Timeline` sets
        them.
    """

    stream: int
    due: float | None
    shown: float | None = None
    duration: float = 0.0
    place: int | None = None
    size: int = 0
    packet: Any = None
    shift: float = 0.0
    shown_shift: float = 0.0


@dataclass(slots=True)
class Course:
    """Where a stream has come to.

    ``raw`` and ``last`` are the time of its latest packet, by the file and on the clip's clock.
    """

    name: str
    raw: float = 0.0
    last: float = 0.0
    shift: float = 0.0
    before: float | None = None
    """Its shift before the latest correction."""
    broken: bool = False
    """Whether that one undid a broken time stamp of this stream alone."""
    shown: float = 0.0
    """When the last of its pictures or samples is shown."""
    duration: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    """When its latest packets are shown."""
    place: int | None = None
    begun: bool = False
    without: int = 0
    """How many packets had no time of decoding."""

    @property
    def step(self) -> float:
        """How long its last packet is shown, seconds.

        Files may state their nominal rate, or count a pause as a part of a duration.
        """
        steps = sorted(b - a for a, b in pairwise(sorted(self.recent)))
        step = steps[len(steps) // 2] if steps else 0.0
        if step > _LONGEST:
            step = 0.0
        stated = self.duration
        return step if step and (step <= 4 * stated or not 0 < stated <= _LONGEST) else stated

    @property
    def end(self) -> float:
        """Where what it shows ends, seconds."""
        return self.shown + min(self.step, _LONGEST)

    def show(self, time: float, duration: float) -> None:
        """Note when a packet is shown."""
        self.recent.append(time)
        if time >= self.shown:
            self.shown, self.duration = time, duration
