"""Sound that is pushed as it comes, of any rate, as the sound of files is: mono at 48 kHz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.media.convert import SoundPipe
from emonets.media.mix import Mixer, Mono
from emonets.media.parts import SoundChunk
from emonets.media.waveform import channel_names, checked_rate, checked_samples, full_scale


class LiveSound:
    """Turns pieces of sound into chunks on one clock; mono at once, others a second behind.

    Examples
    --------
    >>> sound = LiveSound()
    >>> samples, rate = sound.checked(np.zeros(4800), 48_000)
    >>> [chunk.time for chunk in sound.push(samples, rate, 1.5)]
    [1.5]
    """

    def __init__(self) -> None:
        self._mixer, self._pipe = Mixer(), SoundPipe()
        self._rate = 0
        self.begun = False
        """Whether there was any sound."""

    @property
    def end(self) -> float:
        """Where the sound so far ends, seconds."""
        return self._pipe.end

    def checked(self, samples: Any, rate: Any) -> tuple[NDArray[Any], int]:
        """Samples as (n, channels), and their rate: if None, that of the sound before.

        Raises
        ------
        ParameterError : they are no sound, or there is no rate.
        """
        if rate is None and not self._rate:
            raise ParameterError("sound: it has no rate; give rate, such as rate=16000")
        return checked_samples(samples), self._rate if rate is None else checked_rate(rate)

    def push(self, samples: NDArray[Any], rate: int, stamp: float | None) -> Iterator[SoundChunk]:
        """Take checked samples, with the time of the first in seconds; return what is ready."""
        self._rate, self.begun = rate, True
        block, names = full_scale(samples), channel_names(samples.shape[1])
        return self._converted(self._mixer.push(block.T, names, rate, stamp))

    def flush(self) -> Iterator[SoundChunk]:
        """The rest, at the end."""
        yield from self._converted(self._mixer.flush())
        for time, samples in self._pipe.flush():
            yield SoundChunk(time, samples)

    def _converted(self, mono: Sequence[Mono]) -> Iterator[SoundChunk]:
        for part in mono:
            for time, samples in self._pipe.push(part.samples, part.rate, part.stamp):
                yield SoundChunk(time, samples)
