"""From several channels of sound to one, without losing what they have in common.

The plain mix is that of ITU-R BS.775. It fails where channels cancel each other: where one is the
other's opposite (a cable or a plug-in that swaps the poles), or its copy some milliseconds later.
A silent channel makes it quieter. These are found a second at a time; all other sound has the
plain mix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BLOCK = 1.0
"""Seconds of sound for which a mix is chosen."""

SILENCE = 1e-4
"""Sound that does not swing by more than this (full scale is 1) is silent."""

_SILENT = 1e-8
"""Mean square below which a channel is silent: -80 dBFS."""
_FAINT = 1e-5
"""Likewise relative to the loudest channel: -50 dB, what lossy coding leaves in a silent one."""
_OPPOSITE = -0.4
"""A channel whose correlation with the main one is lower is turned about. In stereo sound that was
not spoilt it is hardly ever below -0.2 over a second."""
_LAG = 0.05
"""Seconds by which a copy may be late."""
_COPY = 0.9
"""Least correlation of a late copy with the main channel."""
_CLEARER = 1.4
"""A copy's correlation is so many times that without the delay."""


@dataclass(frozen=True)
class Mono:
    """Mixed sound. samples : (n,) float32. rate : Hz. stamp : seconds, or None as it came."""

    samples: NDArray[np.float32]
    rate: int
    stamp: float | None


@dataclass(frozen=True)
class _Part:
    channels: NDArray[np.float32]
    rate: int
    stamp: float | None


class Mixer:
    """Mixes sound to mono, about a second behind what it takes. Mono sound passes through."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._held: list[_Part] = []
        self._count = 0
        self._active = np.zeros(0, np.bool_)
        self._alone: int | None = None
        self._weights = np.zeros(0, np.float32)
        self.loud = False
        """Whether any sound so far was not silent."""

    def push(
        self,
        channels: NDArray[np.float32],
        names: tuple[str, ...],
        rate: int,
        stamp: float | None,
    ) -> list[Mono]:
        """Take channels (c, n) with FFmpeg's names of them; return what is ready."""
        self.loud = self.loud or peak_of(channels) > SILENCE
        if len(names) == 1:
            return [*self.flush(), Mono(np.ascontiguousarray(channels[0]), rate, stamp)]
        ready: list[Mono] = []
        if names != self._names or (self._held and self._held[-1].rate != rate):
            ready = self.flush()
            if names != self._names:
                self._names, self._active = names, np.zeros(len(names), np.bool_)
                self._weights, self._alone = plain_mix(names), None
        self._held.append(_Part(channels, rate, stamp))
        self._count += channels.shape[1]
        return ready + self.flush() if self._count >= BLOCK * rate else ready

    def flush(self) -> list[Mono]:
        """Return what is still held."""
        if not self._held:
            return []
        held, self._held, self._count = self._held, [], 0
        whole = np.concatenate([part.channels for part in held], axis=1)
        self._choose(whole.astype(np.float64), held[0].rate)
        return [
            Mono(np.asarray(self._weights @ part.channels, np.float32), part.rate, part.stamp)
            for part in held
        ]

    def _choose(self, x: NDArray[np.float64], rate: int) -> None:
        """Set the weights for a block (channels, n)."""
        both = x @ x.T / max(x.shape[1], 1)
        power: NDArray[np.float64] = np.diag(both)
        if power.max() <= _SILENT:
            return
        loud = power > max(_SILENT, _FAINT * power.max())
        self._active |= loud
        plain = plain_mix(self._names)
        used = np.where(self._active, plain, 0)
        if not (used * loud).any():  # only the bass channel
            self._weights, self._alone = plain, None
            return
        share = power * used**2
        main = int(np.argmax(share >= share.max() / 4))
        level = np.sqrt(np.asarray(power * power[main]).clip(1e-30))
        alike = both[main] / level
        others = [i for i in np.flatnonzero(used * loud) if i != main]
        if len(others) == 1:
            self._find_copy(x[main], x[others[0]], main, abs(float(alike[others[0]])), rate)
        if self._alone is not None:
            self._weights = np.zeros_like(plain)
            self._weights[self._alone] = 1
        elif np.array_equal(used, plain) and (alike[others] >= _OPPOSITE).all():
            self._weights = plain  # to the last bit
        else:
            signs = np.where(loud & (alike < _OPPOSITE), -1, 1)
            self._weights = np.asarray(signs * used / used.sum(), np.float32)

    def _find_copy(
        self, x: NDArray[np.float64], y: NDArray[np.float64], main: int, alike: float, rate: int
    ) -> None:
        """Use one channel alone where the other is its copy, some milliseconds late."""
        if alike * _CLEARER > 1:
            self._alone = None
            return
        size = 1 << (2 * x.size - 1).bit_length()
        cross = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(y, size)), size)
        most = min(round(_LAG * rate), x.size - 1)
        near = np.abs(np.concatenate([cross[: most + 1], cross[size - most :]]))
        best = float(near.max()) / math.sqrt(max(float(x @ x) * float(y @ y), 1e-30))
        if best >= _COPY and best >= _CLEARER * alike:
            self._alone = main if self._alone is None else self._alone
        else:
            self._alone = None


def peak_of(channels: NDArray[np.float32]) -> float:
    """By how much the loudest channel of (c, n) samples swings."""
    return float(np.ptp(channels, axis=1).max()) if channels.size else 0.0


@lru_cache(maxsize=64)
def plain_mix(names: tuple[str, ...]) -> NDArray[np.float32]:
    """Weights of the channels in the mono mix: they add up to 1, so that nothing can clip.

    Centre 1, left and right 1/sqrt(2), anything around 1/2, the bass channel not at all (the
    proportions of ITU-R BS.775).
    """
    known = {"FC": 1.0, "FL": 2**-0.5, "FR": 2**-0.5, "DL": 2**-0.5, "DR": 2**-0.5}
    known |= {"LFE": 0.0, "LFE2": 0.0}
    weights = np.array([known.get(name, 0.5) for name in names], np.float32)
    if weights.sum() == 0:
        weights[:] = 1.0
    weights /= weights.sum()
    return weights
