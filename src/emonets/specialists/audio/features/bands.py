"""Features of frequency bands: quarter octaves, mel, and octaves of musical pitch."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from emonets.specialists.audio.features.framing import BIN_WIDTH, BINS
from emonets.specialists.audio.features.temporal import EPSILON
from emonets.specialists.audio.features.waveform import SOUND_RATE

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

MEL_BANDS = 40
MEL_RANGE = (130.0, 6854.0)
"""Lower end of the lowest and upper end of the highest mel band, Hz."""
CEPSTRA = 22
"""Mel cepstral coefficients after the 0th, which is left out."""
LOWEST_OCTAVE = 27.5
"""Peak of the lowest octave, Hz: the lowest A of a piano."""

_NYQUIST = SOUND_RATE // 2


def spectral_flatness_per_band(powers: Floats) -> Floats:
    """Geometric over arithmetic mean of the powers in quarter-octave bands, (t, 27), 0..1.

    Parameters
    ----------
    powers : (t, 625) squared magnitudes.
    """
    grouped, starts, sizes = _grouped(powers)
    grouped += EPSILON
    means = np.add.reduceat(grouped, starts, axis=1) / sizes
    logs = np.add.reduceat(np.log(grouped), starts, axis=1) / sizes
    return np.asarray(np.exp(logs) / means)


def spectral_crest_factor_per_band(powers: Floats) -> Floats:
    """Largest power over the mean power in quarter-octave bands, (t, 27), ≥ 1.

    Parameters
    ----------
    powers : (t, 625) squared magnitudes, above 0.
    """
    grouped, starts, sizes = _grouped(powers)
    means = np.add.reduceat(grouped, starts, axis=1) / sizes
    return np.asarray(
        np.maximum.reduceat(grouped, starts, axis=1) / np.where(means == 0, EPSILON, means)
    )


@cache
def quarter_octaves() -> tuple[tuple[int, int, int], ...]:
    """The 27 bands of flatness and crest factor: first bin, end (exclusive), bins in a group.

    They start at 187.5 Hz, overlap by a tenth, and from 1 kHz on, neighbouring bins are added up
    in groups, twice as many each octave (the bands of MPEG-7's audio flatness).
    """
    bands = []
    lowest = _NYQUIST * 2.0 ** _round(math.log2(250 / _NYQUIST))
    for k in range(1_000):
        low, high = lowest * 2 ** (k / 4), lowest * 2 ** ((k + 1) / 4)
        if low >= _NYQUIST or 1.05 * high > _NYQUIST:
            break
        first, last = _round(0.95 * low / BIN_WIDTH), _round(1.05 * high / BIN_WIDTH)
        group = 1
        if low >= 1000:
            group = _round(2.0 ** math.floor(math.log2(low / 500)))
            last = _round((last - first + 1) / group) * group + first - 1
        bands.append((first, last + 1, group))
    return tuple(bands)


def mel_spectrum(magnitudes: Floats) -> Floats:
    """Magnitudes in 40 triangular bands of equal width in mel, 130 to 6854 Hz, (t, 40).

    Parameters
    ----------
    magnitudes : (t, 625).
    """
    first, weights = _mel_weights()
    return np.asarray(magnitudes[:, first : first + len(weights)] @ weights)


def mfcc(mel: Floats, count: int = CEPSTRA) -> Floats:
    """Mel cepstral coefficients 1 to ``count``, (t, count).

    The orthonormal cosine transform of the base-10 logarithm of the mel *magnitudes*; the 0th
    coefficient, the level, is left out. No liftering.

    Parameters
    ----------
    mel : (t, 40) from `mel_spectrum`.
    count : how many, up to 39.
    """
    logs = np.full_like(mel, math.log(EPSILON))
    np.log10(mel, where=mel > 0, out=logs)
    return np.asarray(logs @ _cosines()[:, 1 : count + 1])


def obsi(powers: Floats) -> Floats:
    """Octave band signal intensity: logarithm of the power in ten octaves, (t, 10).

    Overlapping triangles peak at 27.5 Hz and its octaves. As in Yaafe, a power never counts for
    less than 0.001 of the spectrum's largest *magnitude*.

    Parameters
    ----------
    powers : (t, 625) squared magnitudes, above 0.
    """
    floor = np.sqrt(1e-6 * powers.max(axis=1, keepdims=True))
    return np.asarray(np.log(np.maximum(powers @ _octave_weights(), floor)))


def obsir(intensities: Floats) -> Floats:
    """Each octave's intensity less that of the octave below (a log ratio), (t, 9).

    Parameters
    ----------
    intensities : (t, 10) from `obsi`.
    """
    return np.diff(intensities, axis=1)


def _round(x: float) -> int:
    """The nearest integer, halves up."""
    return math.floor(x + 0.5)


def _grouped(powers: Floats) -> tuple[Floats, Integers, Integers]:
    """Powers of the groups of all quarter octaves, one band after another, (t, groups); where
    each band starts among them, and how many it has."""
    bins, group_starts, band_starts, sizes = _grouping()
    groups = np.add.reduceat(powers.take(bins, axis=1), group_starts, axis=1)
    return np.asarray(groups), band_starts, sizes


@cache
def _grouping() -> tuple[Integers, Integers, Integers, Integers]:
    bands = quarter_octaves()
    bins = np.concatenate([np.arange(first, end) for first, end, _ in bands])
    sizes = np.array([(end - first) // group for first, end, group in bands])
    widths = np.repeat([group for *_, group in bands], sizes)
    return bins, _starts(widths), _starts(sizes), sizes


def _starts(sizes: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]])


@cache
def _mel_weights() -> tuple[int, Floats]:
    """The lowest bin that counts, and the weights from there to the highest, (bins, 40)."""
    low, high = (1127 * math.log(1 + f / 700) for f in MEL_RANGE)
    edges = 700 * (np.exp(np.linspace(low, high, MEL_BANDS + 2) / 1127) - 1)
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    f = np.arange(BINS)[:, None] * BIN_WIDTH
    rising, falling = (f - left) / (peak - left), (right - f) / (right - peak)
    weights = np.where(f < peak, rising, falling).clip(min=0) * 2 / (right - left)
    used = np.flatnonzero(weights.any(axis=1))
    return int(used[0]), weights[used[0] : used[-1] + 1].copy()


@cache
def _cosines() -> Floats:
    return np.asarray(scipy.fft.dct(np.eye(MEL_BANDS), axis=1, norm="ortho"))


@cache
def _octave_weights() -> Floats:
    count = 1 + math.floor(math.log2(_NYQUIST / LOWEST_OCTAVE))
    peaks = LOWEST_OCTAVE * 2.0 ** np.arange(count) / BIN_WIDTH
    corners = np.concatenate([[0.0], peaks, [float(BINS - 1)]])
    weights = np.zeros((BINS, count))
    for i in range(count):
        below, peak, above = corners[i : i + 3]
        rise = np.arange(math.ceil(below), math.floor(peak) + 1)
        fall = np.arange(math.ceil(peak), math.floor(above) + 1)
        weights[rise, i] = 2 * (rise - below) / (peak - below)
        weights[fall, i] = 2 * (1 - (fall - peak) / (above - peak))
    return weights
