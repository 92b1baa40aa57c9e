"""Sound from memory: an array of samples as the sound of files is, mono at 48 kHz."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.media.convert import SOUND_RATES, SoundPipe
from emonets.media.mix import Mixer, Mono
from emonets.media.parts import SoundChunk

_LOUDEST = 8.0
"""Float samples beyond this are on another scale: -1..1 is full scale."""
_BLOCK = 2**20
"""Samples that are checked at a time."""
_STEP = 0.1
"""Seconds that are converted at a time."""
_MOST_CHANNELS = 64
_NAMES = {1: ("FC",), 2: ("FL", "FR")}
"""FFmpeg's names of the channels, by their number."""


class Waveform:
    """The sound of a clip, from an array.

    Parameters
    ----------
    samples : (n,) mono or (n, channels): float -1..1, int16 or int32. Two channels are left and
        right. More count the same, as those of several microphones.
    rate : samples a second.

    Raises
    ------
    ParameterError : they are none of these; the message tells how to change them.
    """

    def __init__(self, samples: Any, rate: Any) -> None:
        self.rate = checked_rate(rate)
        self._samples = checked_samples(samples)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self._samples) / self.rate

    def chunks(self, start: float = 0.0) -> Iterator[SoundChunk]:
        """The sound from the beginning, in pieces; those that end by ``start`` are left out."""
        mixer, pipe = Mixer(), SoundPipe()
        channels = self._samples.shape[1]
        names = channel_names(channels)
        step = max(1, round(_STEP * self.rate))

        def converted(mono: list[Mono]) -> Iterator[SoundChunk]:
            for part in mono:
                for time, samples in pipe.push(part.samples, part.rate, part.stamp):
                    yield SoundChunk(time, samples)

        for first in range(0, len(self._samples), step):
            block = full_scale(self._samples[first : first + step])
            yield from converted(mixer.push(block.T, names, self.rate, None))
        yield from converted(mixer.flush())
        for time, samples in pipe.flush():
            yield SoundChunk(time, samples)


def channel_names(count: int) -> tuple[str, ...]:
    """FFmpeg's names of so many channels."""
    return _NAMES.get(count) or tuple(f"channel {i}" for i in range(count))


def checked_rate(rate: Any) -> int:
    """A rate in samples a second, if it is one."""
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        raise ParameterError(f"rate must be the sound's samples a second, got {rate!r}")
    if not math.isfinite(rate) or rate != int(rate) or int(rate) not in SOUND_RATES:
        raise ParameterError(
            f"rate={rate!r}: must be a whole number of samples a second, from {SOUND_RATES[0]} to "
            f"{SOUND_RATES[-1]}, such as 16000 or 48000"
        )
    return int(rate)


def checked_samples(given: Any) -> NDArray[Any]:
    """The samples as (n, channels)."""
    if given is None or isinstance(given, str | bytes | dict):
        raise ParameterError(
            f"sound must be an array of samples (n,) or (n, channels), got {type(given).__name__}; "
            "give the path of a sound file as paths"
        )
    try:
        samples = np.asarray(given)
    except Exception as error:  # of the library that the object belongs to
        raise ParameterError(
            f"sound: a {type(given).__name__} cannot be made an array ({error}); give samples "
            "(n,) or (n, channels)"
        ) from error
    if samples.ndim not in (1, 2):
        raise ParameterError(
            f"sound: has shape {samples.shape}; samples are (n,) mono or (n, channels)"
        )
    if samples.size == 0:
        raise ParameterError(f"sound: has shape {samples.shape}, which holds no sample")
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.shape[1] > max(1, min(len(samples), _MOST_CHANNELS)):
        raise ParameterError(
            f"sound: has shape {samples.shape}, with its channels first; turn it with array.T"
        )
    _check_values(samples)
    return samples


def _check_values(samples: NDArray[Any]) -> None:
    kind = samples.dtype
    if kind in (np.int16, np.int32):
        most = max(abs(int(samples.min())), abs(int(samples.max())))
        if kind == np.int32 and 0 < most < 2**15:
            raise ParameterError(
                f"sound: is int32 with values up to {most}, and 2147483648 is full scale; if "
                "32768 is full scale, use array.astype(np.int16)"
            )
        return
    if not np.issubdtype(kind, np.floating):
        raise ParameterError(
            f"sound: has values of type {kind}; samples are float -1..1, int16 or int32: if 32768 "
            "is full scale, use array.astype(np.int16)"
        )
    rows = max(1, _BLOCK // samples.shape[1])
    for first in range(0, len(samples), rows):
        block = samples[first : first + rows]
        loudest = float(np.abs(block).max())
        if not math.isfinite(loudest):
            raise ParameterError(
                "sound: holds NaN or infinity; fill them, for example with np.nan_to_num(array)"
            )
        if loudest > _LOUDEST:
            raise ParameterError(
                f"sound: is {kind} with values up to {loudest:g}, and 1 is full scale; if 32768 is "
                "full scale, use array / 32768"
            )


def full_scale(block: NDArray[Any]) -> NDArray[np.float32]:
    """Samples as float32 with full scale 1, as `emonets.media.convert.to_channels` has them."""
    samples = block.astype(np.float32)
    if np.issubdtype(block.dtype, np.integer):
        samples *= np.float32(1 / 2.0 ** (8 * block.dtype.itemsize - 1))
    return samples
