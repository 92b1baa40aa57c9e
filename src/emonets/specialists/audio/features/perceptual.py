"""Loudness in Bark bands, and a sound's sharpness and spread derived from it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from emonets.specialists.audio.features.framing import BIN_WIDTH, BINS

Floats = NDArray[np.float64]

BARK_BANDS = 24


def loudness(powers: Floats) -> Floats:
    """Specific loudness of 24 bands of equal width in Bark, relative to their sum, (t, 24).

    Parameters
    ----------
    powers : (t, 625) squared magnitudes, above 0. The highest frequency is left out.

    Returns
    -------
    (t, 24), 0..1; every row sums to 1.
    """
    limits = bark_limits()
    specific = np.add.reduceat(powers[:, : limits[-1]], limits[:-1], axis=1) ** 0.23
    return np.asarray(specific / specific.sum(axis=1, keepdims=True))


def perceptual_sharpness(relative: Floats) -> Floats:
    """Where loudness has its centre, high bands counting more, (t, 1), acum.

    Parameters
    ----------
    relative : (t, 24) from `loudness`.
    """
    bark = np.arange(1.0, BARK_BANDS + 1)
    gain = np.where(bark <= 14, 1.0, 0.066 * np.exp(0.171 * bark))
    return np.asarray(relative @ (0.11 * bark * gain))[:, None]


def perceptual_spread(relative: Floats) -> Floats:
    """How far loudness is from lying in one band, (t, 1), 0..1.

    Parameters
    ----------
    relative : (t, 24) from `loudness`.
    """
    return np.asarray((1 - relative.max(axis=1, keepdims=True)) ** 2)


@cache
def bark_limits() -> tuple[int, ...]:
    """First bin of each Bark band, and the end of the last: 25 numbers from 0 to 624."""
    f = np.arange(BINS) * BIN_WIDTH
    bark = 13 * np.arctan(f / 1315.8) + 3.5 * np.arctan((f / 7518) ** 2)
    inner = [int(np.argmax(bark > bark[-1] * b / BARK_BANDS)) for b in range(1, BARK_BANDS)]
    return (0, *inner, BINS - 1)
