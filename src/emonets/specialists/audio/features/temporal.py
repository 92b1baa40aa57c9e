"""Features of a frame's samples as they are: crossings, energy, shape, autocorrelation."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)
"""2.2e-16: what Yaafe puts in the place of an exact zero."""

LAGS = 49
"""Lags of the autocorrelation, 0 to 1 ms."""

_SEGMENT = 24  # samples; divides a frame, and is about the fastest


def zero_crossing_rate(frames: Floats) -> Floats:
    """Sign changes divided by the number of samples, (t, 1), 0..1.

    Exact zeros have no sign: + 0 0 - is one change, + 0 + is none.

    Parameters
    ----------
    frames : (t, n) samples.
    """
    negative = np.signbit(frames)
    changes = np.count_nonzero(negative[:, 1:] != negative[:, :-1], axis=1)
    for row in np.flatnonzero((frames == 0).any(axis=1)):
        signs = negative[row, frames[row] != 0]
        changes[row] = np.count_nonzero(signs[1:] != signs[:-1])
    return np.asarray(changes / frames.shape[1])[:, None]


def energy(frames: Floats) -> Floats:
    """Root mean square of the samples, (t, 1).

    Parameters
    ----------
    frames : (t, n) samples.
    """
    power = np.einsum("tn,tn->t", frames, frames) / frames.shape[1]
    return np.asarray(np.sqrt(power))[:, None]


def shape_statistics(values: Floats) -> Floats:
    """Centroid, spread, skewness and kurtosis of rows seen as distributions over their index.

    Used on samples, on magnitudes of the spectrum and on the envelope. The kurtosis is Yaafe's:
    it has 6 m₁m₂ where the central moment has 6 m₁²m₂, and so is no kurtosis, may lie far below
    -3, and is huge (but finite) where all weight lies on one index.

    Parameters
    ----------
    values : (t, n); their absolute values are the weights.

    Returns
    -------
    (t, 4). Centroid and spread in units of the index, from 0; a row of zeros gives 0, 2.2e-16,
    0, -3.
    """
    weights = np.abs(values)
    moments = weights @ _index_powers(values.shape[1])
    total = moments[:, :1]
    m1, m2, m3, m4 = (moments[:, 1:] / np.where(total == 0, EPSILON, total)).T
    # rounding can make the variance of a single spike negative
    spread = np.sqrt(np.maximum(m2 - m1**2, 0))
    spread[spread == 0] = EPSILON
    skewness = (2 * m1**3 - 3 * m1 * m2 + m3) / spread**3
    kurtosis = (-3 * m1**4 + 6 * m1 * m2 - 4 * m1 * m3 + m4) / spread**4 - 3
    return np.column_stack([m1, spread, skewness, kurtosis])


def autocorrelation(frames: Floats, lags: int = LAGS) -> Floats:
    """Sum of each sample times the one ``lag`` later, lag = 0, 1, … (t, lags); not normalised.

    Parameters
    ----------
    frames : (t, n) samples, n ≥ lags.
    lags : how many.
    """
    # Not by a Fourier transform: linear prediction magnifies the rounding of small sums. Instead,
    # products of every sample of a segment with every one up to 48 after it, as products of
    # matrices; a lag is then a diagonal.
    t, n = frames.shape
    segments = -(-n // _SEGMENT)
    padded = np.zeros((t, segments * _SEGMENT + lags - 1))
    padded[:, :n] = frames
    here = padded[:, : segments * _SEGMENT].reshape(t, segments, _SEGMENT)
    # copied, since BLAS takes no overlapping rows
    ahead = sliding_window_view(padded, _SEGMENT + lags - 1, axis=1)[:, ::_SEGMENT].copy()
    products = here.transpose(0, 2, 1) @ ahead
    frame, row, column = products.strides
    diagonals = as_strided(products, (t, _SEGMENT, lags), (frame, row + column, column))
    return np.asarray(diagonals.sum(axis=1))


@cache
def _index_powers(n: int) -> Floats:
    """The powers 0 to 4 of each index, (n, 5)."""
    return np.arange(n, dtype=np.float64)[:, None] ** np.arange(5)
