"""Sound as the features require it: one channel, float64, 48 kHz, full scale 1.

Arrays of sound come in many kinds that look alike, and most mistakes with them give numbers, only
wrong ones. What cannot be distinguished safely raises an error here, with what to do about it.
"""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from emonets.errors import ParameterError

Floats = NDArray[np.float64]

SOUND_RATE = 48_000
"""Samples a second of all sound inside EmoNets: what the paper's features were made for."""

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Sample rates that are believed, Hz."""

MAX_CHANNELS = 8
"""As many as 7.1 has."""

_FULL_SCALE = {"int8": 2.0**7, "uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}
_LOUDEST = 100.0  # float sound may overshoot full scale, but never by 40 dB
_BLOCK = 8192  # samples fed to the resampler at a time


def mono(waveform: ArrayLike) -> Floats:
    """One channel of sound: the mean of all channels, full scale 1.

    Parameters
    ----------
    waveform : (n,) or (n, channels), up to 8 channels. Floating point: full scale 1, moderate
        overshoot is let through. Integers: PCM of that width, scaled by its full scale: int16 and
        int32 by 2¹⁵ and 2³¹ (24-bit PCM lies in the upper bits of int32), int8 by 2⁷; uint8,
        which is how WAV holds 8 bits, has its zero at 128.

    Returns
    -------
    (n,) float64; the argument itself where it is one channel of float64.

    Raises
    ------
    ParameterError : empty; not numbers, or NaN or infinite ones; integers handed as floating
        point, or narrower ones handed in wider types (the full scale would be wrong);
        (channels, samples) instead of (samples, channels); more than 8 channels.
    """
    x = _array(waveform)
    if x.ndim not in (1, 2):
        raise ParameterError(f"waveform must be (samples,) or (samples, channels), not {x.shape}")
    if x.size == 0:
        raise ParameterError(f"waveform is empty, its shape is {x.shape}; give at least one sample")
    if x.ndim == 2:
        _check_channels(*x.shape)
    samples = _scaled(x, whole=True)
    return samples if samples.ndim == 1 else np.asarray(samples.mean(axis=1))


def resample(samples: ArrayLike, rate: float) -> Floats:
    """The same sound at 48 kHz, with neither delay nor a change of level.

    Frequencies up to 0.91 of the lower of the two Nyquist frequencies pass, by a filter of
    linear phase and 28 bits (libsoxr's VHQ).

    Parameters
    ----------
    samples : (n,), or whatever `mono` takes.
    rate : samples a second, 1,000 to 768,000; need not be whole.

    Returns
    -------
    (m,) float64, m = n × 48,000 / rate, rounded to the nearest, halves up: a piece shorter than
    half a sample at 48 kHz gives nothing. Sound at 48 kHz is passed through as it is.

    Raises
    ------
    ParameterError : a rate out of range, or sound that `mono` refuses.
    """
    rate = check_rate(rate)
    x = mono(samples)
    if rate == SOUND_RATE:
        return x
    stream = Resampler(rate)
    return np.concatenate([stream.push(x), stream.finish()])


class Resampler:
    """`resample` of sound that comes piece by piece.

    The pieces that come out, one after another, are what `resample` gives of the whole, to the
    last bit and however it was cut: whole and pieces go the same way, in blocks of one size.

    Parameters
    ----------
    rate : samples a second of what will be pushed, 1,000 to 768,000.

    Raises
    ------
    ParameterError : a rate out of range.
    """

    def __init__(self, rate: float) -> None:
        self.rate = check_rate(rate)
        self._through = self.rate == SOUND_RATE
        self._stream = soxr.ResampleStream(self.rate, SOUND_RATE, 1, "float64", "VHQ")
        self._rest = np.empty(0)
        self._finished = False

    def push(self, samples: ArrayLike) -> Floats:
        """Take the next samples, (n,), n ≥ 0; return those at 48 kHz that are ready, (m,).

        Raises
        ------
        ParameterError : not one channel of finite samples with full scale 1 (see `mono`), or the
            sound was finished before.
        """
        if self._finished:
            raise ParameterError("this Resampler is finished; make a new one for another sound")
        piece = _array(samples)
        if piece.ndim != 1:
            raise ParameterError(f"samples must be (n,), one channel, not {piece.shape}; see mono")
        if piece.size == 0:
            return np.empty(0)
        # a short piece may hold whole numbers by chance, so that is left to `mono`
        x = _scaled(piece, whole=False)
        if self._through:
            return x
        x = np.concatenate([self._rest, x])
        ready = len(x) - len(x) % _BLOCK
        self._rest = x[ready:].copy()
        blocks = [x[i : i + _BLOCK] for i in range(0, ready, _BLOCK)]
        return np.concatenate([np.empty(0), *map(self._stream.resample_chunk, blocks)])

    def finish(self) -> Floats:
        """Return the samples that were waiting for what follows, (m,); nothing a second time."""
        if self._finished or self._through:
            self._finished = True
            return np.empty(0)
        self._finished = True
        return np.asarray(self._stream.resample_chunk(self._rest, last=True))


def check_rate(rate: object) -> float:
    """The rate, or ParameterError unless it is a number from 1,000 to 768,000 (Hz)."""
    value = float(rate) if not isinstance(rate, bool) and isinstance(rate, Real) else math.nan
    if not MIN_RATE <= value <= MAX_RATE:
        raise ParameterError(
            f"rate={rate!r}: must be samples a second (Hz), {MIN_RATE} to {MAX_RATE}"
        )
    return value


def _array(values: ArrayLike) -> NDArray[np.generic]:
    """An array of real numbers, whatever their type."""
    try:
        x = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ParameterError(f"waveform is no array of numbers: {error}") from error
    if x.dtype.kind not in "fiu":
        raise ParameterError(
            f"waveform holds {x.dtype}, no samples; give real numbers (float, or integer PCM)"
        )
    return x


def _check_channels(samples: int, channels: int) -> None:
    if channels > 1 and samples <= channels:
        raise ParameterError(
            f"waveform {samples, channels} reads as {channels} channels of {samples} samples; "
            "it looks like (channels, samples): transpose it (waveform.T)"
        )
    if channels > MAX_CHANNELS:
        raise ParameterError(
            f"waveform {samples, channels} has {channels} channels, more than {MAX_CHANNELS}; "
            "take those that matter, or their mean"
        )


def _scaled(x: NDArray[np.generic], *, whole: bool) -> Floats:
    """Float64 with full scale 1; ``whole``: no more will come, so that it can be judged
    whether these are integers in a type that hides their full scale."""
    kind = x.dtype.name
    if x.dtype.kind in "iu":
        if kind not in _FULL_SCALE:
            raise ParameterError(
                f"waveform holds {kind}, without a defined full scale; PCM is int16, int32, int8 "
                "or uint8: convert it to the recorded type, or to float with full scale 1"
            )
        samples = (x.astype(np.float64) - (128.0 if kind == "uint8" else 0.0)) / _FULL_SCALE[kind]
        if whole and kind == "int32":
            _check_width(x)
        return samples
    samples = x.astype(np.float64, copy=False)
    bad = np.count_nonzero(~np.isfinite(samples))
    if bad:
        raise ParameterError(
            f"waveform holds {bad} samples that are NaN or infinite, of {samples.size}; repair "
            "them first (np.nan_to_num makes them silent)"
        )
    peak = float(np.abs(samples).max())
    if peak > _LOUDEST or (whole and peak > 1 and bool((samples == np.rint(samples)).all())):
        raise ParameterError(
            f"waveform peaks at {peak:g}, but floating point has full scale 1: these look like "
            "integers handed as float; divide them by their full scale (32768 for 16 bits) or "
            "pass the integers themselves (int16)"
        )
    return samples


def _check_width(x: NDArray[np.generic]) -> None:
    """Raise ParameterError where int32 holds what looks like 16-bit PCM.

    All of it would be below -96 dB. That very quiet 24-bit PCM can be, but its lower 8 bits are 0.
    """
    values = x.astype(np.int64)
    peak = int(np.abs(values).max())
    if 0 < peak <= 2**15 and bool((values % 256).any()):
        raise ParameterError(
            f"waveform is int32 but peaks at {peak}: it looks like 16-bit PCM in a wider type, and "
            "would be 65536 times too quiet; convert it to int16"
        )
