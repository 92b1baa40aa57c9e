"""A fingerprint of a clip's audio: 16 bits every 64 ms.

A bit is set if the difference in energy of two neighbouring bands grew since the word before
(Haitsma & Kalker, A highly robust audio fingerprinting system, ISMIR 2002). Codecs, gain and
resampling change few of these bits. Another clip of the same sentence by the same person differs
in a quarter of them and more (benchmarks/fingerprints.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import soxr
from numpy.typing import NDArray

from emonets.provenance.words import HOP, Rule

RATE = 8000
"""Hz at which audio is analysed; every codec and telephone keeps this range."""
STEP = 64
"""Samples between two words of a clip that is looked up: 8 ms."""
RULE = Rule(limit=0.25, slack=0.3, least=8)

_BITS = 16
_FRAME = 1024  # samples, 128 ms
_LOWEST, _HIGHEST = 300.0, 3400.0  # Hz
_RANGE = 45.0  # dB below the loudest frame, at which a word has no information
_SILENCE = -90.0  # dB of full scale, likewise
_BLOCK = 1024  # frames transformed together


def sound_words(samples: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The words of audio, one every 8 ms.

    Parameters
    ----------
    samples : (n,) mono at `RATE`, full scale 1.

    Returns
    -------
    (m,) uint16, 0 in near silence; empty for less than 0.2 s.
    """
    if len(samples) < _FRAME + HOP * STEP:
        return np.zeros(0, np.uint16)
    level, differences = _energies(np.ascontiguousarray(samples, np.float32))
    loud = level > max(float(level.max()) - _RANGE, _SILENCE)
    bits = np.packbits(differences[HOP:] > differences[:-HOP], axis=1).astype(np.uint16)
    words: NDArray[np.uint16] = np.maximum(bits[:, 0] << 8 | bits[:, 1], 1).astype(np.uint16)
    words[~(loud[HOP:] & loud[:-HOP])] = 0
    return words


def to_rate(chunks: Iterable[NDArray[np.float32]], rate: int) -> NDArray[np.float32]:
    """Consecutive pieces of mono audio, resampled from ``rate`` to `RATE`; (n,)."""
    stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
    parts = [stream.resample_chunk(chunk) for chunk in chunks]
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    whole: NDArray[np.float32] = np.concatenate(parts)
    return whole


def _energies(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n,) dB of each frame, and (n, 16) by how much each band exceeds the next, in nepers."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::STEP]
    window = np.hanning(_FRAME).astype(np.float32)
    levels, differences = [], []
    for k in range(0, len(frames), _BLOCK):
        spectrum = np.fft.rfft(frames[k : k + _BLOCK] * window, axis=1)
        power = np.abs(spectrum[:, : _EDGES[-1]]).astype(np.float32) ** 2 / _FRAME**2
        bands = np.log(np.add.reduceat(power, _EDGES[:-1], axis=1) + 1e-14)
        levels.append(10 * np.log10(power[:, _EDGES[0] :].sum(axis=1) + 1e-14))
        differences.append(bands[:, :-1] - bands[:, 1:])
    return np.concatenate(levels), np.concatenate(differences)


def _edges() -> NDArray[np.intp]:
    """Bins of the spectrum at which 17 bands begin, and where the last one ends."""
    edges = np.round(np.geomspace(_LOWEST, _HIGHEST, _BITS + 2) * _FRAME / RATE).astype(np.intp)
    for i in range(1, len(edges)):  # low bands would be empty
        edges[i] = max(edges[i], edges[i - 1] + 1)
    return edges


_EDGES = _edges()
