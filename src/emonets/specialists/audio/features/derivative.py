"""First and second derivative of a feature over time, by a regression over nine frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError

Floats = NDArray[np.float64]

REACH = 5
"""Frames before and after that a derivative uses."""

_SLOPE = np.arange(-4, 5) / 60
_TAPS = {
    1: np.pad(_SLOPE, 1),
    # the slope of the slope, with half the difference of the neighbours as the outer one
    2: np.convolve(_SLOPE, [-0.5, 0, 0.5]),
}


def derivative(rows: Floats, order: int = 1) -> Floats:
    """Slope over time of each column, or slope of the slope, (t, d), per frame (or frame²).

    Before the first and after the last row Yaafe puts zeros: the first and last five rows see
    a step there.

    Parameters
    ----------
    rows : (t, d), one a frame.
    order : 1 or 2.
    """
    if order not in _TAPS:
        raise ParameterError(f"derivative(order={order!r}): must be 1 or 2")
    return inner_derivative(np.pad(rows, ((REACH, REACH), (0, 0))), order)


def inner_derivative(rows: Floats, order: int) -> Floats:
    """The derivative where all frames it uses are there: (t + 10, d) gives (t, d)."""
    count = len(rows) - 2 * REACH
    out = np.zeros((count, rows.shape[1]))
    for shift, tap in enumerate(_TAPS[order]):
        out += tap * rows[shift : shift + count]
    return out
