"""The spectrum of a frame, and features of its magnitudes as a whole.

Features that compare a frame with earlier ones take those as ``before``; without it the sound
starts with the first frame.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from emonets.specialists.audio.features.framing import BIN_WIDTH
from emonets.specialists.audio.features.temporal import EPSILON

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

ROLLOFF = 0.99
"""Share of the power below the rolloff."""


def spectrum(frames: Floats) -> Complexes:
    """Fourier transform of the frames under a periodic Hann window, (t, n/2 + 1), not scaled.

    Parameters
    ----------
    frames : (t, n) samples, n even.
    """
    return np.asarray(scipy.fft.rfft(frames * _hann(frames.shape[1]), axis=1))


def magnitude_spectrum(spectra: Complexes) -> Floats:
    """Absolute values, (t, k), above 0: exact zeros become 2.2e-16.

    Parameters
    ----------
    spectra : (t, k) from `spectrum`.
    """
    magnitudes = np.abs(spectra)
    magnitudes[magnitudes == 0] = EPSILON
    return np.asarray(magnitudes)


def spectral_variation(magnitudes: Floats, before: Floats | None = None) -> Floats:
    """One minus the cosine between each spectrum and the one before, (t, 1), 0..1.

    The first frame of a sound gets 0. (Yaafe gives no row at all where that is the only one.)

    Parameters
    ----------
    magnitudes : (t, k).
    before : (k,) magnitudes of the frame before the first, if there is one.
    """
    previous, product = _previous(magnitudes, before)
    overlap = np.einsum("tk,tk->t", previous, magnitudes)
    cosine = np.divide(overlap, product, where=product > 0, out=np.ones(len(product)))
    return np.asarray(1 - cosine)[:, None]


def spectral_flux(magnitudes: Floats, before: Floats | None = None) -> Floats:
    """Squared distance of each spectrum from the one before, over both norms, (t, 1), ≥ 0.

    The first frame of a sound gets 0.

    Parameters
    ----------
    magnitudes : (t, k).
    before : (k,) magnitudes of the frame before the first, if there is one.
    """
    previous, product = _previous(magnitudes, before)
    change = magnitudes - previous
    squares = np.einsum("tk,tk->t", change, change)
    flux = np.divide(squares, product, where=product > 0, out=np.zeros(len(product)))
    return np.asarray(flux)[:, None]


def spectral_slope(magnitudes: Floats) -> Floats:
    """Slope of the regression line of the magnitudes, over their sum, (t, 1), 1/Hz.

    Parameters
    ----------
    magnitudes : (t, 625), above 0.
    """
    k = magnitudes.shape[1]
    frequencies = np.arange(k) * BIN_WIDTH
    total, frequency = magnitudes.sum(axis=1), frequencies.sum()
    scale = k * (frequencies @ frequencies) - frequency**2
    return np.asarray((k * (magnitudes @ frequencies) - frequency * total) / (total * scale))[
        :, None
    ]


def spectral_rolloff(powers: Floats) -> Floats:
    """Frequency above which lies at most 1 % of the power, (t, 1), Hz.

    It is the lowest frequency that had to be taken away, from the top down, to leave 99 %.

    Parameters
    ----------
    powers : (t, 625) squared magnitudes, above 0.
    """
    total = powers.sum(axis=1, keepdims=True)
    left = total - np.cumsum(powers[:, ::-1], axis=1)
    taken = 1 + np.count_nonzero(left > ROLLOFF * total, axis=1)
    return np.asarray((powers.shape[1] - taken) * BIN_WIDTH)[:, None]


def spectral_flatness(magnitudes: Floats) -> Floats:
    """Geometric over arithmetic mean of the magnitudes, (t, 1), 0..1.

    Parameters
    ----------
    magnitudes : (t, k), above 0.
    """
    geometric = np.exp(np.log(magnitudes).mean(axis=1, keepdims=True))
    return np.asarray(geometric / magnitudes.mean(axis=1, keepdims=True))


def spectral_decrease(magnitudes: Floats) -> Floats:
    """Mean slope of the magnitudes against the lowest one, near ones counting most, (t, 1).

    Parameters
    ----------
    magnitudes : (t, k), above 0.
    """
    rest = magnitudes[:, 1:]
    slopes = (rest - magnitudes[:, :1]) @ (1 / np.arange(1.0, magnitudes.shape[1]))
    return np.asarray(slopes / rest.sum(axis=1))[:, None]


def complex_domain_onset_detection(spectra: Complexes, before: Complexes | None = None) -> Floats:
    """How far each spectrum lies from its prediction, summed over frequencies, (t, 1), ≥ 0.

    Predicted is the magnitude of the frame before, its phase moved on as from the frame before
    that.

    Parameters
    ----------
    spectra : (t, k) from `spectrum`.
    before : (2, k) spectra of the two frames before the first; none at the start of a sound.
    """
    if before is None:
        before = np.zeros((2, spectra.shape[1]), complex)
    earlier = np.concatenate([before, spectra[:-1]])
    size = np.abs(earlier)
    turn = earlier / np.where(size == 0, 1, size)
    turn[size == 0] = 1
    predicted = earlier[1:] * turn[1:]
    predicted *= turn[:-1].conj()
    missed = np.abs(np.subtract(spectra, predicted, out=predicted))
    return np.asarray(missed.sum(axis=1, keepdims=True))


@cache
def _hann(n: int) -> Floats:
    return np.asarray(0.5 * (1 - np.cos(2 * np.pi * np.arange(n) / n)))


def _previous(magnitudes: Floats, before: Floats | None) -> tuple[Floats, Floats]:
    """The spectrum before each, (t, k), and the product of the two norms, (t,)."""
    first = np.zeros(magnitudes.shape[1]) if before is None else before
    every = np.concatenate([first[None], magnitudes])
    norms = np.sqrt(np.einsum("tk,tk->t", every, every))
    return every[:-1], norms[1:] * norms[:-1]
