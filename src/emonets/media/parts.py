"""What a pass over a clip yields: frames, and pieces of sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonets.media.convert import SOUND_RATE


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a clip."""

    index: int
    """Its number among the frames of this pass, from 0."""
    time: float
    """Seconds since the clip's start, from the stream's own time stamps; strictly increasing."""
    image: NDArray[np.uint8]
    """(height, width, 3) uint8 RGB, upright, square pixels. The size may change within a clip."""
    duration: float = 0.0
    """Seconds for which it is shown, by the file; 0 if the file does not state it."""


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """A piece of a clip's sound."""

    time: float
    """Of its first sample: seconds since the clip's start."""
    samples: NDArray[np.float32]
    """(n,) float32, mono, 48 kHz, full scale 1 (broken files: 8 at most); always finite."""
    gap: bool = False
    """Whether it fills the middle of a long gap, `MARGIN` away from any sound. A reader that takes
    no time for such zeros only counts them."""

    @property
    def end(self) -> float:
        """End of its last sample, in seconds since the clip's start."""
        return self.time + self.samples.size / SOUND_RATE


MARGIN = 10.0
"""Seconds on both sides of a long gap whose zeros are passed on as any other sound."""

_ZEROS = np.zeros(SOUND_RATE, np.float32)
_ZEROS.flags.writeable = False


class GapFiller:
    """Joins chunks of sound: gaps between them are filled with zeros.

    A chunk that begins before the end of the one before it, or one sample after, is moved there.

    Attributes
    ----------
    gaps : start and end, in seconds, of those that are longer than twice `MARGIN`.
    """

    def __init__(self) -> None:
        self._start, self._count = 0.0, -1
        self.gaps: list[tuple[float, float]] = []

    def fill(self, chunk: SoundChunk) -> Iterator[SoundChunk]:
        """The chunk, behind as many zeros as are missing (a second of them at a time)."""
        if self._count < 0:
            self._start, self._count = chunk.time, 0
        gap = round((chunk.time - self._start) * SOUND_RATE) - self._count
        if gap > 1:  # a sample of rounding is no gap
            margin = round(MARGIN * SOUND_RATE)
            if gap > 2 * margin:
                self.gaps.append((self._end, chunk.time))
                yield from self._zeros(margin)
                yield from self._zeros(gap - 2 * margin, gap=True)
                yield from self._zeros(margin)
            else:
                yield from self._zeros(gap)
        yield self._next(chunk.samples)

    @property
    def _end(self) -> float:
        return self._start + self._count / SOUND_RATE

    def _zeros(self, count: int, *, gap: bool = False) -> Iterator[SoundChunk]:
        while count > 0:
            zeros = _ZEROS[:count]
            yield self._next(zeros, gap=gap)
            count -= zeros.size

    def _next(self, samples: NDArray[np.float32], *, gap: bool = False) -> SoundChunk:
        made = SoundChunk(self._end, samples, gap)
        self._count += samples.size
        return made
