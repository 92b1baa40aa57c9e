"""Colours as histograms: 16 bins of red, green and blue (the authors' choice, paper 3.1.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 16
"""Histogram bins of each colour channel."""


def colour_bins(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The bin 0..47 of every value of (..., 3) uint8 RGB pixels; red takes the first 16."""
    return (pixels.astype(np.intp) * BINS // 256) + np.arange(3) * BINS


def colour_shares(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(48,) shares of the pixels (..., 3) uint8 RGB in each bin; each channel sums to one."""
    counts = np.bincount(colour_bins(pixels).ravel(), minlength=3 * BINS)
    return np.asarray(counts / (pixels.size // 3), dtype=np.float64)
