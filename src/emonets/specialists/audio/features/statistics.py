"""Means, variances and principal axes of rows that come in parts.

Counts, means and sums of squared deviations are merged pairwise by the formulas of Chan, Golub &
LeVeque (1979, "Updating formulae and a pairwise algorithm for computing sample variances"), which
lose no digits to large means, so that it makes no difference, but for rounding, how the files are
grouped, ordered, or dealt out to workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Axes:
    """What the statistics come to: the axes kept, widest first.

    components : (k,) indices of columns, or (k, d) unit vectors.
    variance : (k,) along each, without the ridge.
    """

    components: Floats | Integers
    variance: Floats


@dataclass(frozen=True, eq=False)
class Statistics:
    """Number of rows, and per column (d,) their count without NaN, their mean, and the scatter:
    (d,) sums of squared deviations, or (d, d) of products of deviations."""

    n_rows: int
    count: Integers
    mean: Floats
    scatter: Floats


def statistics(x: Floats, *, rotate: bool) -> Statistics:
    """Statistics of the rows of x (n, d), by two passes; ``rotate`` takes whole rows only."""
    there = ~np.isnan(x)
    rows = len(x)
    if rotate and not there.all():
        x = x[there.all(axis=1)]
        there = np.ones(x.shape, dtype=bool)
    count = there.sum(axis=0, dtype=np.int64)
    some = np.maximum(count, 1)
    with np.errstate(over="ignore", invalid="ignore"):  # checked where the result is kept
        mean = np.where(there, x, 0.0).sum(axis=0) / some
        # once more about a mean that is nearly right: a constant column then has variance 0
        mean += np.where(there, x - mean, 0.0).sum(axis=0) / some
        centred = np.where(there, x - mean, 0.0)
        scatter = centred.T @ centred if rotate else np.einsum("nd,nd->d", centred, centred)
    return Statistics(rows, count, mean, scatter)


def merged(a: Statistics, b: Statistics) -> Statistics:
    """Statistics of the rows of a and b together (Chan, Golub & LeVeque 1979, eq. 1.3 and 2.1)."""
    count = a.count + b.count
    some = np.maximum(count, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        step = b.mean - a.mean
        mean = a.mean + step * (b.count / some)
        mean = np.where(a.count == 0, b.mean, mean)
        weight = a.count * (b.count / some)
        if a.scatter.ndim == 2:
            # rows count as a whole here, so that all columns have the same weight
            between = np.outer(step, step) * (weight[0] if len(weight) else 0.0)
        else:
            between = step * step * weight
        return Statistics(a.n_rows + b.n_rows, count, mean, a.scatter + b.scatter + between)


def rotation(scatter: Floats, count: int, *, keep_variance: float = 1.0) -> Axes:
    """Principal axes of a scatter matrix (d, d) of ``count`` rows, by falling variance."""
    values, vectors = np.linalg.eigh(scatter / max(count - 1, 1))
    variance = np.maximum(values[::-1], 0.0)  # rounding may leave -1e-17
    components = vectors.T[::-1]
    # both v and -v are eigenvectors, and libraries differ in which they give
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(len(largest)), largest])[:, None]
    k = kept(variance, keep_variance)
    return Axes(np.ascontiguousarray(components[:k]), variance[:k].copy())


def kept(variance: Floats, share: float) -> int:
    """How many of the largest variances it takes to reach a share of their sum; at least 1.

    A share of 1 takes all: sums of rounded numbers might reach it too early or too late.
    """
    falling = np.sort(variance)[::-1]
    total = falling.sum()
    if share == 1 or total == 0:
        return len(variance)
    reached = np.cumsum(falling) >= share * total
    return int(reached.argmax()) + 1 if reached.any() else len(variance)


def variances(scatter: Floats, count: Integers) -> Floats:
    squares = np.diagonal(scatter) if scatter.ndim == 2 else scatter
    return np.asarray(squares / np.maximum(count - 1, 1))
