"""From sound at 48 kHz, piece by piece, to the probability of speech.

The detector misses quiet speech, so the level is evened out first: to the loudest frames of the
seconds around each block. It also misses shouts and screams, whose pitch is high. So it gets the
sound a second time, slowed down as a tape is. There music is nearer to speech, so that only what
exceeds one half counts: the larger of ``p`` and ``2 p_slow - 1`` is returned.

Sound is cut into blocks of its own size. So the numbers are the same to the last bit whatever the
pieces were. Of what is kept only the probabilities grow with the sound.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import soxr
from numpy.typing import NDArray

from emonets.media.clip import SOUND_RATE
from emonets.voices.speech_network import FRAME, RATE, SpeechNetwork

Samples = NDArray[np.float32]

BLOCK = 80 * FRAME
"""Samples of a block at 16 kHz: 2.56 s."""
AROUND = 2
"""Blocks before and after one whose level counts for it."""
TARGET = -22.0
"""dB of full scale to which the level is brought."""
MOST = 40.0
"""dB by which quiet sound is made louder at most."""
SLOWED = 0.6
"""Speed of the sound that the detector gets a second time: pitch falls by as much."""
_LOUD = 0.95  # a block's level is exceeded by so few of its frames
_LEAST = 1e-12  # power of a frame: -120 dB


class _Cutter:
    """Cuts samples that come in pieces into blocks of one size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pieces: list[Samples] = []
        self._count = 0

    def push(self, samples: Samples) -> list[Samples]:
        """The blocks that are complete now."""
        self._pieces.append(samples)
        self._count += samples.size
        if self._count < self._size:
            return []
        whole = np.concatenate(self._pieces)
        ready = self._count - self._count % self._size
        self._pieces, self._count = [whole[ready:].copy()], self._count - ready
        return [whole[i : i + self._size] for i in range(0, ready, self._size)]

    def rest(self) -> Samples:
        """What is left at the end, less than a block."""
        return np.concatenate([np.empty(0, np.float32), *self._pieces])


class SpeechStream:
    """Probability of speech in one sound.

    Examples
    --------
    >>> stream = SpeechStream()
    >>> stream.push(np.zeros(48_000, np.float32))
    >>> len(stream.finish())  # a second, in steps of 32 ms
    32
    """

    def __init__(self) -> None:
        self._network, self._slow_network = SpeechNetwork(), SpeechNetwork()
        self._slower = soxr.ResampleStream(RATE * SLOWED, RATE, 1, "float32", "HQ")
        self._slow = _Cutter(FRAME)
        self._slow_out: list[Samples] = []
        self._resampler = soxr.ResampleStream(SOUND_RATE, RATE, 1, "float32", "HQ")
        self._high = _Cutter(BLOCK * (SOUND_RATE // RATE))
        self._low = _Cutter(BLOCK)
        self._waiting: deque[Samples] = deque()  # blocks that are not through the network
        self._levels: list[float] = []
        self._gains: list[float] = []
        self._out: list[Samples] = []

    def push(self, samples: Samples) -> None:
        """Take the next samples, (n,) mono at 48 kHz, full scale 1."""
        for block in self._high.push(np.asarray(samples, np.float32)):
            for low in self._low.push(self._resampler.resample_chunk(block)):
                self._take(low)

    def finish(self) -> Samples:
        """Probabilities (n,), one for every 32 ms of the sound; the last frame may be shorter."""
        rest = self._resampler.resample_chunk(self._high.rest(), last=True)
        for low in self._low.push(rest):
            self._take(low)
        last = self._low.rest()
        if last.size:
            self._take(last)
        while self._waiting:
            self._level_next(len(self._levels))
        self._push_slow(self._slower.resample_chunk(np.empty(0, np.float32), last=True))
        rest = self._slow.rest()
        if rest.size:
            self._slow_out.append(self._slow_network.push(np.pad(rest, (0, FRAME - rest.size))))
        p = np.concatenate([np.empty(0, np.float32), *self._out])
        slow = np.concatenate([np.empty(0, np.float32), *self._slow_out])
        larger: Samples = np.maximum(p, 2.0 * at_speed(slow, len(p)) - 1.0)
        return larger

    def _take(self, block: Samples) -> None:
        self._waiting.append(block)
        self._levels.append(level_of(block))
        # a block's gain leads over to that of the next one, which needs its own blocks around
        if len(self._levels) > len(self._out) + AROUND + 1:
            self._level_next(len(self._levels))

    def _level_next(self, known: int) -> None:
        """Give the network the next block, at an even level; ``known`` blocks have a level."""
        number, block = len(self._out), self._waiting.popleft()
        if not block.any():  # as in a gap of hours, which takes no time so
            self._out.append(np.zeros(-(-len(block) // FRAME), np.float32))
            self._network = SpeechNetwork()
            self._push_slow(self._slower.resample_chunk(block))
            return
        while len(self._gains) <= min(number + 1, known - 1):
            first = len(self._gains)
            around = self._levels[max(0, first - AROUND) : first + AROUND + 1]
            self._gains.append(float(np.clip(TARGET - max(around), -MOST, MOST)))
        numbers = np.arange(max(0, number - 1), min(number + 2, known))
        at = number + (np.arange(len(block)) + 0.5) / BLOCK - 0.5
        gain = np.interp(at, numbers, [self._gains[n] for n in numbers])
        levelled = (block * 10.0 ** (gain / 20.0)).astype(np.float32)
        missing = -len(levelled) % FRAME
        self._out.append(self._network.push(np.pad(levelled, (0, missing))))
        self._push_slow(self._slower.resample_chunk(levelled))

    def _push_slow(self, samples: Samples) -> None:
        frames = self._slow.push(samples)
        if any(frame.any() for frame in frames):
            self._slow_out.append(self._slow_network.push(np.concatenate(frames)))
        elif frames:
            self._slow_out.append(np.zeros(len(frames), np.float32))
            self._slow_network = SpeechNetwork()


def at_speed(slow: Samples, steps: int) -> Samples:
    """Probabilities of the slowed sound (m,) as ``steps`` of the sound itself: means, (steps,)."""
    total = np.concatenate([[0.0], np.cumsum(slow, dtype=np.float64)])
    edges = np.arange(steps + 1) / SLOWED
    at = np.interp(edges, np.arange(len(total)), total)
    lengths = np.diff(np.minimum(edges, len(slow)))
    mean: Samples = (np.diff(at) / np.maximum(lengths, 1e-9)).astype(np.float32)
    return mean


def level_of(block: Samples) -> float:
    """The level of the loud frames of a block at 16 kHz, dB of full scale; silence: -120."""
    whole = len(block) // FRAME * FRAME
    frames = block[:whole].reshape(-1, FRAME) if whole else block[None]
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return 10.0 * float(np.log10(max(np.quantile(power, _LOUD), _LEAST)))
