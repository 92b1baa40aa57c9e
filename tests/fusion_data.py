"""Predictions to fuse, made up: models that are right in part, each in its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def predictions(
    n: int = 210, m: int = 2, k: int = 7, *, seed: int = 0, strength: float = 1.5
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """P (n, m, k), labels (n,) and groups (n,) of seven clips each.

    Model j knows best the classes that leave the rest j over m.
    """
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % k)
    z = random.normal(size=(n, m, k))
    skill = strength * (0.4 + (np.arange(k) % m == np.arange(m)[:, None]))
    z[np.arange(n), :, y] += skill[:, y].T
    p = np.exp(z)
    return p / p.sum(axis=2, keepdims=True), y, np.arange(n) // 7
