"""The amplitude envelope of a frame, and its modulation.

Yaafe means these features for frames of 0.7 s. The paper computes them on its 26 ms like all
others, which leaves seven points of envelope and puts both modulation frequencies at the lower
ends of their bands, always; they are part of the 909 and kept so.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from emonets.specialists.audio.features.framing import FRAME
from emonets.specialists.audio.features.waveform import SOUND_RATE

Floats = NDArray[np.float64]

DECIMATION = 200
"""Samples a point of the envelope stands for."""
POINTS = -(-FRAME // DECIMATION)
"""Points of a frame's envelope."""
TREMOLO, GRAIN = (4.0, 8.0), (10.0, 40.0)
"""The two bands of modulation, Hz."""

_MEMORY = 0.05  # seconds of the past that the low-pass weighs
_BIN = SOUND_RATE / DECIMATION / FRAME  # Hz from one modulation frequency to the next


def envelope(frames: Floats) -> Floats:
    """Smoothed modulus of the analytic signal, 240 points a second, (t, 7).

    Each frame starts from silence, and the low-pass is Yaafe's: half a Hann window that falls
    towards the present, so that points grow along the frame.

    Parameters
    ----------
    frames : (t, 1248) samples.
    """
    spectra = scipy.fft.rfft(frames, axis=1)
    spectra *= -1j
    spectra[:, [0, -1]] = 0
    # the analytic signal's imaginary part; its real part is the frame itself
    quadrature = scipy.fft.irfft(spectra, n=FRAME, axis=1)
    quadrature *= quadrature
    quadrature += frames * frames
    return np.asarray(np.sqrt(quadrature, out=quadrature) @ _smoothing())


def amplitude_modulation(envelopes: Floats) -> Floats:
    """Tremolo (4 to 8 Hz) and grain (10 to 40 Hz) of an envelope, (t, 8).

    Of each band: frequency of the strongest modulation (Hz), its amplitude above the mean of all
    frequencies, the same above the mean of the band (both ≥ 0), and frequency times the first
    amplitude.

    Parameters
    ----------
    envelopes : (t, 7) from `envelope`.
    """
    real, imaginary = _modulation()
    strength = np.sqrt((envelopes @ real) ** 2 + (envelopes @ imaginary) ** 2)
    mean = strength.mean(axis=1)
    columns: list[Floats] = []
    for low, high in (TREMOLO, GRAIN):
        start, end = math.ceil(low / _BIN) - 1, math.ceil(high / _BIN)
        band = strength[:, start:end]
        frequency = (start + band.argmax(axis=1)) * _BIN
        peak = band.max(axis=1)
        above = np.maximum(peak - mean, 0)
        columns += [frequency, above, np.maximum(peak - band.mean(axis=1), 0), frequency * above]
    return np.column_stack(columns)


@cache
def _smoothing() -> Floats:
    """What each sample of the modulus adds to each point, (1248, 7)."""
    length = round(_MEMORY * SOUND_RATE)
    phase = np.arange(length + 1, 2 * length + 1) / (2 * length + 1)
    falling = 0.5 * (1 - np.cos(2 * np.pi * phase))
    taps = np.zeros(-(-length // DECIMATION) * DECIMATION)
    taps[:length] = falling / falling.sum()
    weights = np.zeros((FRAME, POINTS))
    for point in range(POINTS):
        end = (point + 1) * DECIMATION
        seen = min(end, FRAME)
        weights[:seen, point] = taps[len(taps) - end :][:seen]
    return weights


@cache
def _modulation() -> tuple[Floats, Floats]:
    """The Fourier transform of a windowed envelope padded to 1248 points, as two real matrices,
    each (7, 624)."""
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, POINTS + 1) / (POINTS + 1)))
    angle = 2 * np.pi / FRAME * np.arange(POINTS)[:, None] * np.arange(FRAME // 2)
    return window[:, None] * np.cos(angle), window[:, None] * np.sin(angle)
