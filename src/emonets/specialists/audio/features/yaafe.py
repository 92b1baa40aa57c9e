"""The paper's 909 audio features (section 3.2), as Yaafe 0.70 computes them.

    Mathieu, Essid, Fillon, Prado, Richard: YAAFE, an easy to use and efficient audio feature
    extraction software. ISMIR 2010.

One frame of 26 ms every 13 ms. A whole sound and a stream of pieces give the same numbers, to the
last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import ParameterError
from emonets.specialists.audio.features.derivative import REACH, inner_derivative
from emonets.specialists.audio.features.framing import BLOCK, STEP, FrameBlocks, frame_count
from emonets.specialists.audio.features.plan import Block, choose, column_names
from emonets.specialists.audio.features.waveform import SOUND_RATE, Resampler, mono, resample

Floats = NDArray[np.float64]

_PIECE = 2**16  # samples added up at a time


@dataclass(frozen=True)
class Level:
    """What brings a sound to a common level: its mean is taken away, then it is multiplied."""

    mean: float
    """Mean of all samples, full scale 1."""
    gain: float
    """Factor; infinite for digital silence, which has no level."""

    @classmethod
    def measure(
        cls, chunks: Iterable[ArrayLike], *, rate: float = SOUND_RATE, peak: float = 0.99
    ) -> Level:
        """The level of a sound, in one pass over it.

        Parameters
        ----------
        chunks : the sound, piece by piece, each (n,), n ≥ 0, one channel. How it is cut makes no
            difference.
        rate : samples a second; the level is that of the sound at 48 kHz.
        peak : largest absolute sample afterwards, above 0.

        Raises
        ------
        ParameterError : samples or rate that `Resampler` refuses; a peak of 0, below, or NaN.
        """
        resampler = Resampler(rate)
        return _measure(_and_last(chunks, resampler), peak)

    @property
    def silent(self) -> bool:
        """Whether there is nothing but zeros."""
        return not math.isfinite(self.gain)

    def apply(self, samples: Floats) -> Floats:
        """The samples at the common level."""
        return (samples - self.mean) * self.gain


class YaafeStream:
    """The features of a sound that comes piece by piece.

    The rows that come out, one after another, are what `yaafe_features` gives of the whole, to
    the last bit and however it was cut. They come up to 0.5 s late; what is held does not grow.

    Parameters
    ----------
    rate : samples a second of what will be pushed.
    level : of the whole sound, from `Level.measure`, which takes a pass of its own; None leaves
        the level as it is.
    features : names out of `FEATURES`; None for all 29. Others are not computed.

    Attributes
    ----------
    names : of the columns.

    Raises
    ------
    ParameterError : a rate out of range, or an unknown feature.
    """

    def __init__(
        self,
        rate: float = SOUND_RATE,
        *,
        level: Level | None = None,
        features: Sequence[str] | None = None,
    ) -> None:
        self.names = column_names(features)
        self._features = choose(features)
        self._level = level
        self._resampler = Resampler(rate)
        self._frames = FrameBlocks()
        self._block: Block | None = None
        derived = any(feature.derivative for feature in self._features.values())
        self._reach = REACH if derived else 0
        self._waiting = np.zeros((self._reach, len(self.names)))
        self._finished = False

    def push(self, samples: ArrayLike) -> Floats:
        """Take the next samples, (n,), n ≥ 0, one channel; return the rows that are ready.

        Returns
        -------
        (frames, columns), often with no row.

        Raises
        ------
        ParameterError : samples that `Resampler` refuses, or the sound was finished before.
        """
        return self._rows(self._resampler.push(samples))

    def finish(self) -> Floats:
        """Return the last rows, (frames, columns); none a second time."""
        if self._finished:
            return np.empty((0, len(self.names)))
        self._finished = True
        ready = self._rows(self._resampler.finish())
        last = self._derive(self._columns(self._frames.finish()))
        end = self._derive(np.zeros((self._reach, len(self.names))))
        return np.concatenate([ready, last, end])

    def _rows(self, samples: Floats) -> Floats:
        """`push` of samples that are at 48 kHz and have been checked."""
        if self._level is not None and not self._level.silent:
            samples = self._level.apply(samples)
        rows = [self._derive(self._columns(frames)) for frames in self._frames.push(samples)]
        return np.concatenate([np.empty((0, len(self.names))), *rows])

    def _columns(self, frames: Floats) -> Floats:
        """All columns of a block of frames, derivatives not yet derived."""
        if self._level is not None and self._level.silent:
            return np.full((len(frames), len(self.names)), np.nan)
        rows = np.empty((len(frames), len(self.names)))
        if not len(frames):
            return rows
        self._block = Block(frames, before=self._block)
        start = 0
        for feature in self._features.values():
            rows[:, start : start + feature.size] = feature.compute(self._block)
            start += feature.size
        self._block.forget_before()
        return rows

    def _derive(self, rows: Floats) -> Floats:
        """The rows that no longer wait for later ones, with derivatives."""
        if not self._reach:
            return rows
        rows = np.concatenate([self._waiting, rows])
        ready = max(len(rows) - 2 * REACH, 0)
        self._waiting = rows[ready:].copy()
        out = rows[REACH : REACH + ready].copy()
        if not ready:
            return out
        start = 0
        for feature in self._features.values():
            columns = slice(start, start + feature.size)
            if feature.derivative:
                out[:, columns] = inner_derivative(rows[:, columns], feature.derivative)
            start += feature.size
        return out


def yaafe_features(
    waveform: ArrayLike,
    rate: float = SOUND_RATE,
    *,
    normalize: float | None = 0.99,
    features: Sequence[str] | None = None,
) -> Floats:
    """The features of a sound: one row for each frame of 26 ms, one frame every 13 ms.

    Parameters
    ----------
    waveform : (n,) or (n, channels), floating point with full scale 1 or integer PCM; see
        `emonets.specialists.audio.features.mono`.
    rate : samples a second, 1,000 to 768,000. What is not at 48 kHz is resampled: above half
        its rate there is then nothing, and features of these frequencies describe rounding.
    normalize : the mean of the whole sound is taken away and its peak brought to this, as the
        authors did. None leaves the level as it is.
    features : names out of `FEATURES`; None for all 29. Others are not computed.

    Returns
    -------
    (frames, 909) float64, frames = ⌈n / 624⌉ at 48 kHz; columns as `YAAFE_NAMES` has them, or
    only those of ``features``, in that same order. `frame_times` has the rows' times.

    LPC and LSF of a frame of nothing but zeros are NaN. A sound of nothing but zeros has no
    level: unless ``normalize`` is None, all is NaN. Nothing else ever is.

    Raises
    ------
    ParameterError : a waveform that `mono` refuses (empty, NaN, integers as floats, …), a rate
        or peak out of range, an unknown feature.
    """
    choose(features)
    samples = resample(mono(waveform), rate)
    level = None if normalize is None else _measure([samples], normalize)
    stream = YaafeStream(level=level, features=features)
    out = np.empty((frame_count(len(samples)), len(stream.names)))
    filled = 0
    for rows in _pieces(stream, samples):
        out[filled : filled + len(rows)] = rows
        filled += len(rows)
    return out


class LevelMeter:
    """Measures the level of a sound that comes piece by piece (`Level.measure`).

    Parameters
    ----------
    peak : largest absolute sample that the level brings the sound to, above 0.

    Raises
    ------
    ParameterError : a peak of 0, below, or NaN.
    """

    def __init__(self, peak: object = 0.99) -> None:
        number = isinstance(peak, Real) and not isinstance(peak, bool)
        self._peak = float(peak) if number else math.nan  # type: ignore[arg-type]
        if not (math.isfinite(self._peak) and self._peak > 0):
            raise ParameterError(f"normalize={peak!r}: the peak must be a number above 0, or None")
        self._sums: list[float] = []
        self._rest = np.empty(0)
        self._count, self._low, self._high = 0, 0.0, 0.0

    def push(self, chunk: NDArray[np.floating]) -> None:
        """Take (n,) samples at 48 kHz, n ≥ 0."""
        samples = np.asarray(chunk, np.float64)
        self._low = min(self._low, float(samples.min(initial=0)))
        self._high = max(self._high, float(samples.max(initial=0)))
        self._count += len(samples)
        # the same pieces are added up whatever the chunks, for the same sum to the last bit
        rest = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(rest) - len(rest) % _PIECE
        self._sums += rest[:whole].reshape(-1, _PIECE).sum(axis=1).tolist()
        self._rest = rest[whole:].copy()

    def level(self) -> Level:
        """The level of all that was pushed so far."""
        mean = math.fsum([*self._sums, float(self._rest.sum())]) / max(self._count, 1)
        loudest = max(abs(self._high - mean), abs(self._low - mean))
        return Level(mean, self._peak / loudest if loudest > 0 else math.inf)


def _measure(pieces: Iterable[Floats], level: object) -> Level:
    """The level of samples that have been checked, and a peak that has not."""
    meter = LevelMeter(level)
    for samples in pieces:
        meter.push(samples)
    return meter.level()


def _and_last(chunks: Iterable[ArrayLike], resampler: Resampler) -> Iterator[Floats]:
    """Each chunk at 48 kHz, and what the resampler holds back to the end."""
    for chunk in chunks:
        yield resampler.push(chunk)
    yield resampler.finish()


def _pieces(stream: YaafeStream, samples: Floats) -> Iterator[Floats]:
    for start in range(0, len(samples), BLOCK * STEP):
        yield stream._rows(samples[start : start + BLOCK * STEP])
    yield stream.finish()
