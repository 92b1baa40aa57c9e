"""Kernels of the coupled support vector machine, and their values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from emonets.errors import ParameterError

Floats = NDArray[np.float64]
Kernel = Callable[[Floats, Floats], Floats]

KERNELS = ("rbf", "linear", "precomputed")
"""Kernels by name; a function ``(a (n, d), b (m, d)) → (n, m)`` is one too, but not storable."""


def kernel_values(kernel: str | Kernel, gamma: float, a: Floats, b: Floats) -> Floats:
    if callable(kernel):
        return called(kernel, a, b)
    if kernel == "linear":
        return np.asarray(a @ b.T)
    # Differences, not the expanded square: exact for near neighbours, and each value is the same
    # however many samples come with it
    return np.asarray(np.exp(-gamma * cdist(a, b, "sqeuclidean")))


def called(kernel: Kernel, a: Floats, b: Floats) -> Floats:
    values = np.asarray(kernel(a, b), dtype=np.float64)
    if values.shape != (len(a), len(b)) or not np.isfinite(values).all():
        raise ParameterError(
            f"the kernel function must give finite values of shape {(len(a), len(b))}, "
            f"it gave {values.shape}"
        )
    return values
