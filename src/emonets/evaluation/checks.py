"""Checks of the arguments of metrics: labels, predictions and groups, as whole numbers.

Every function raises DataError for input that it cannot use. The message names the argument, or
the first row that is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError

Ints = NDArray[np.int64]
K = len(EMOTIONS)
SUM_TOLERANCE = 1e-3
"""How far from one a row of probabilities may sum: many are kept with three decimals."""

FEW_GROUPS = 6
"""Intervals over fewer groups carry a warning: their resamples repeat the same few people."""


def checked_labels(labels: ArrayLike, name: str, k: int = K) -> Ints:
    """Labels (n,) as integers 0..k-1; ``name`` is for messages."""
    y = np.asarray(labels)
    if y.ndim != 1:
        raise DataError(f"expected {name} of shape (n,), found {y.shape}")
    if not len(y):
        raise DataError(f"no {name}: there is nothing to measure")
    if np.issubdtype(y.dtype, np.floating) and np.isnan(y).any():
        raise DataError(f"{name} hold NaN, first at {np.flatnonzero(np.isnan(y))[0]}")
    if not np.issubdtype(y.dtype, np.integer):
        raise DataError(
            f"expected {name} as integers 0..{k - 1}, found {y.dtype}; "
            "emonets.emotions.emotion_index turns names into them"
        )
    wrong = np.flatnonzero((y < 0) | (y >= k))
    if len(wrong):
        raise DataError(
            f"{name}[{wrong[0]}] is {y[wrong[0]]}, expected 0..{k - 1} ({len(wrong)} such)"
        )
    return y.astype(np.int64)


def predicted_labels(p: NDArray[Any], n: int, k: int = K) -> Ints:
    """(n,) the predicted labels, from labels (n,) or from probabilities (n, k)."""
    if len(p.shape) not in (1, 2) or len(p) != n or (p.ndim == 2 and p.shape[1] != k):
        raise DataError(
            f"expected predictions of shape ({n},) or probabilities of shape ({n}, {k}) for "
            f"{n} labels, found {p.shape}"
        )
    if p.ndim == 1:
        return checked_labels(p, "predictions", k)
    if not np.issubdtype(p.dtype, np.floating) and not np.issubdtype(p.dtype, np.integer):
        raise DataError(f"expected probabilities as numbers, found {p.dtype}")
    for what, wrong in (
        ("holds NaN or infinite values", ~np.isfinite(p).all(axis=1)),
        ("has values outside 0..1", ((p < -SUM_TOLERANCE) | (p > 1 + SUM_TOLERANCE)).any(axis=1)),
        ("does not sum to one", np.abs(p.sum(axis=1, dtype=np.float64) - 1) > SUM_TOLERANCE),
    ):
        if wrong.any():
            i = int(np.argmax(wrong))
            row = ", ".join(f"{x:.4g}" for x in p[i])
            raise DataError(f"row {i} of the probabilities {what}: {row} ({wrong.sum()} such rows)")
    return np.asarray(p.argmax(axis=1), dtype=np.int64)


def group_numbers(groups: ArrayLike, n: int) -> Ints:
    """(n,) a number 0, 1, … for each group, in the order of their sorted names."""
    g = np.asarray(groups)
    if g.shape != (n,):
        raise DataError(f"expected groups of shape ({n},), found {g.shape}")
    if np.issubdtype(g.dtype, np.floating) and np.isnan(g).any():
        raise DataError("groups hold NaN: every item must belong to a group")
    if g.dtype == object:
        g = g.astype(str)
    names, index = np.unique(g, return_inverse=True)
    if len(names) < 2:
        raise DataError(
            "an interval over groups needs at least two of them; leave groups out to draw items"
        )
    return index.astype(np.int64)


def few_groups(n: int | None) -> str:
    """A warning about intervals over ``n`` groups; "" for six and more, and for items (None)."""
    if n is None or n >= FEW_GROUPS:
        return ""
    return (
        f"Warning: {n} group{'' if n == 1 else 's'} are too few for an interval, which may be much "
        "too narrow; six and more are needed."
    )
