"""Where in a clip's sound somebody speaks.

Hum, fans, keys, music, applause and the laughter of a crowd are sound, but no speech. What a
network that learned speech predicts from them has no meaning. Error rates stand in
``docs/results/speech.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import SOUND, BaseReader, Features
from emonets.media.clip import SoundChunk
from emonets.voices.speech_network import STEP
from emonets.voices.speech_stream import SpeechStream

SPEECH_VERSION = 1
"""Changes when the same sound gives other probabilities or another mask."""
AVERAGED = 8
"""Steps, 0.26 s, over which the probability is averaged before the thresholds."""
ON, OFF = 0.5, 0.3
"""Speech begins where the averaged probability reaches the first, and lasts while it is above the
second (``benchmarks/speech.py`` measures both)."""
GAP = 0.3
"""Seconds; a shorter pause between words belongs to the speech."""
SHORTEST = 0.2
"""Seconds; what is shorter is no speech."""
NEEDED = 0.25
"""Seconds of speech that a span must hold, or half of it, for speech to count as found there."""


@dataclass(frozen=True, eq=False)
class Speech:
    """The probability that somebody speaks, over the sound of a clip.

    Parameters
    ----------
    start : seconds since the clip's start, of the first step.
    step : seconds from one step to the next.
    p : (n,) float32, 0..1, the probability in each step.

    Examples
    --------
    >>> speech = Speech(0.0, 0.032, np.repeat(np.float32([0, 1, 0]), 100))
    >>> [(round(a, 1), round(b, 1)) for a, b in speech.intervals()]
    [(3.1, 6.5)]
    >>> round(speech.share(3.2, 6.4), 1)
    1.0
    """

    start: float
    step: float
    p: NDArray[np.float32]

    @classmethod
    def of(cls, features: Features) -> Speech | None:
        """Of features that hold ``speech``, as `SpeechReader.finish` returns; else None."""
        if "speech" not in features:
            return None
        start, step = float(features["speech_start"]), float(features["speech_step"])
        return cls(start, step, features["speech"])

    def mask(self) -> NDArray[np.bool_]:
        """(n,) bool, whether somebody speaks in each step: after thresholds and smoothing."""
        return self._mask.copy()

    def intervals(self) -> list[tuple[float, float]]:
        """Start and end of each stretch of speech, seconds since the clip's start."""
        edges = self.start + self.step * _runs(self._mask)
        return [(float(a), float(b)) for a, b in edges]

    def seconds(self, start: float, end: float) -> float:
        """How much of a span, seconds since the clip's start, is speech."""
        edges = self._edges
        overlap = np.minimum(edges[:, 1], end) - np.maximum(edges[:, 0], start)
        return float(np.maximum(overlap, 0.0).sum())

    def share(self, start: float, end: float) -> float:
        """Share of a span, seconds since the clip's start, that is speech: 0..1."""
        return min(self.seconds(start, end) / (end - start), 1.0) if end > start else 0.0

    def found_in(self, start: float, end: float) -> bool:
        """Whether a span holds enough speech: `NEEDED` seconds, or half of a shorter span."""
        return end > start and self.seconds(start, end) >= min(NEEDED, (end - start) / 2)

    def near(self, times: NDArray[np.floating], margin: float) -> NDArray[np.bool_]:
        """(n,) bool, whether each time (n,) lies within speech or ``margin`` seconds of it."""
        if not len(self._edges):
            return np.zeros(len(times), np.bool_)
        before = np.searchsorted(self._edges[:, 0], np.asarray(times) + margin, side="right") - 1
        near: NDArray[np.bool_] = (before >= 0) & (times <= self._edges[before, 1] + margin)
        return near

    @cached_property
    def _edges(self) -> NDArray[np.float64]:
        return self.start + self.step * _runs(self._mask).astype(np.float64)

    @cached_property
    def _mask(self) -> NDArray[np.bool_]:
        return speech_mask(self.p, self.step)


def speech_mask(
    p: NDArray[np.floating], step: float = STEP, *, on: float = ON, off: float = OFF
) -> NDArray[np.bool_]:
    """(n,) bool from probabilities (n,): averaged, two thresholds, pauses closed, flicker removed.

    Parameters
    ----------
    step : seconds. on, off : see `ON` and `OFF`.
    """
    mask = np.zeros(len(p), np.bool_)
    smooth = averaged(p)
    for first, last in _runs(smooth >= off):
        mask[first:last] = smooth[first:last].max() >= on
    for first, last in _runs(~mask):
        if first > 0 and last < len(mask) and (last - first) * step < GAP:
            mask[first:last] = True
    for first, last in _runs(mask):
        if (last - first) * step < min(SHORTEST, len(mask) * step / 2):
            mask[first:last] = False
    return mask


def averaged(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) mean of `AVERAGED` steps around each; fewer at the ends."""
    total = np.concatenate([[0.0], np.cumsum(p, dtype=np.float64)])
    at = np.arange(len(p))
    first = np.maximum(at - AVERAGED // 2, 0)
    last = np.minimum(at + (AVERAGED + 1) // 2, len(p))
    mean: NDArray[np.float64] = (total[last] - total[first]) / np.maximum(last - first, 1)
    return mean


def _runs(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(k, 2) first and last (excluded) position of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


class SpeechReader(BaseReader):
    """The probability of speech in a clip's sound, chunk by chunk.

    Examples
    --------
    >>> reader = SpeechReader()
    >>> reader.push_sound(SoundChunk(0.5, np.zeros(96_000, np.float32)))
    >>> speech = Speech.of(reader.finish())
    >>> speech.start, len(speech.p), speech.intervals()
    (0.5, 63, [])
    """

    needs = frozenset({SOUND})

    def __init__(self) -> None:
        self._stream = SpeechStream()
        self._start: float | None = None

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take sound at 48 kHz; each chunk begins where the one before ended."""
        self._start = chunk.time if self._start is None else self._start
        self._stream.push(chunk.samples)

    def finish(self) -> Features:
        """``speech`` (n,) float32, ``speech_start`` () and ``speech_step`` () seconds."""
        return {
            "speech": self._stream.finish(),
            "speech_start": np.array(self._start or 0.0),
            "speech_step": np.array(STEP),
        }
