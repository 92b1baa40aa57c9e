"""Log-mel spectrograms: the loudness of a sound over time and pitch height, for networks.

Frame ``t`` is 40 ms long, begins at sample ``600 t`` and stands for the time of its middle. It
depends on its own 1,920 samples only: rows of a sound that is cut at a multiple of 600 samples
are the rows of the whole. Nothing is measured on the whole signal here; what level a network
makes of it is the network's business.

The mel scale is O'Shaughnessy's, ``2595 log10(1 + f / 700)``; the bands are triangles equally
spaced on it, each with a sum of one, so that a band's value is a weighted mean of powers.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from emonets.errors import ParameterError
from emonets.specialists.audio.features.waveform import SOUND_RATE

HOP = 600
"""Samples from one frame to the next: 12.5 ms at 48 kHz."""
WINDOW = 1920
"""Samples of a frame: 40 ms, long enough to part the harmonics of most voices."""
LOW, HIGH = 50.0, 7600.0
"""Hz, the outer edges of the lowest and the highest band: within the range of sound at 16 kHz."""
BANDS = 64
"""Bands between them, 26 Hz apart at the lower end and 270 Hz at the upper."""
FLOOR = -140.0
"""dB relative to full scale, what digital silence is given."""

_FFT = 3072  # zeros behind the window: a bin every 15.6 Hz, so that no band falls between bins
_BLOCK = 256  # frames computed together, about 6 MB


def mel(hz: ArrayLike) -> NDArray[np.float64]:
    """Frequencies in Hz → pitch heights in mel (O'Shaughnessy 1987)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)


def hertz(mels: ArrayLike) -> NDArray[np.float64]:
    """The inverse of :func:`mel`."""
    return 700.0 * (10.0 ** (np.asarray(mels, np.float64) / 2595.0) - 1.0)


def band_centres(bands: int = BANDS, low: float = LOW, high: float = HIGH) -> NDArray[np.float64]:
    """Hz at which each band is at its peak, (bands,)."""
    return hertz(np.linspace(mel(low), mel(high), bands + 2)[1:-1])


def frame_count(samples: int) -> int:
    """Frames of a sound of so many samples; a sound shorter than one frame is one frame."""
    return 0 if samples == 0 else max(0, samples - WINDOW) // HOP + 1


def frame_times(frames: int) -> NDArray[np.float64]:
    """The middle of each of the first ``frames`` frames, s from the first sample: (frames,)."""
    return (np.arange(frames) * HOP + WINDOW / 2) / SOUND_RATE


def log_mel(
    samples: ArrayLike, *, bands: int = BANDS, low: float = LOW, high: float = HIGH
) -> NDArray[np.float32]:
    """The log-mel spectrogram of a sound.

    Parameters
    ----------
    samples : (n,) mono at 48 kHz, full scale 1.
    bands : number of bands.
    low, high : outer edges of the lowest and highest band, Hz.

    Returns
    -------
    (frames, bands) float32, dB relative to a full-scale sine within one bin, not below
    :data:`FLOOR`. Samples behind the last whole frame are left out; a sound shorter than a
    frame is filled up with zeros, and no samples are no frames.

    Raises
    ------
    ParameterError : ``samples`` is not one-dimensional, not real or not finite; bands too many or
        too few for the edges.
    """
    x = np.asarray(samples)
    if x.ndim != 1 or x.dtype.kind not in "fiu":
        raise ParameterError(
            f"samples: expected one dimension of real numbers, got {x.dtype} {x.shape}; "
            "emonets.specialists.audio.features.waveform.mono mixes channels"
        )
    if not np.isfinite(x).all():
        raise ParameterError("samples: NaN or infinite values")
    bank = _bank(bands, float(low), float(high))
    frames = frame_count(len(x))
    out = np.empty((frames, bands), np.float32)
    if frames == 0:
        return out
    if len(x) < WINDOW:
        x = np.pad(x, (0, WINDOW - len(x)))
    window = _window()
    cut = sliding_window_view(x, WINDOW)[::HOP]
    for first in range(0, frames, _BLOCK):
        spectrum = np.fft.rfft(cut[first : first + _BLOCK] * window, _FFT, axis=1)
        spectrum = spectrum[:, : len(bank)]
        power = (spectrum.real**2 + spectrum.imag**2) @ bank
        out[first : first + _BLOCK] = 10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR / 10.0)))
    return out


@functools.cache
def _window() -> NDArray[np.float64]:
    """Hann, scaled so that a sine of amplitude one has a peak of one."""
    window = np.hanning(WINDOW + 1)[:-1]
    return _frozen(window * (2.0 / window.sum()))


@functools.lru_cache(maxsize=8)
def _bank(bands: int, low: float, high: float) -> NDArray[np.float64]:
    """Weights (bins, bands) of the triangles; bins above the highest edge are not there."""
    if not 0 <= low < high <= SOUND_RATE / 2:
        raise ParameterError(
            f"low, high: expected 0 <= low < high <= {SOUND_RATE // 2}, got {low}, {high}"
        )
    if bands < 1:
        raise ParameterError(f"bands: expected at least one, got {bands}")
    edges = hertz(np.linspace(mel(low), mel(high), bands + 2))
    bins = np.arange(int(high * _FFT / SOUND_RATE) + 2)[: _FFT // 2 + 1] * (SOUND_RATE / _FFT)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    up = (bins[:, None] - left) / (middle - left)
    down = (right - bins[:, None]) / (right - middle)
    weights = np.maximum(0.0, np.minimum(up, down))
    total = weights.sum(axis=0)
    if not (total > 0).all():
        raise ParameterError(
            f"bands: {bands} between {low:g} and {high:g} Hz are too many, some hold no bin"
        )
    return _frozen(weights / total)


def _frozen(x: NDArray[Any]) -> NDArray[Any]:
    x.flags.writeable = False
    return x
