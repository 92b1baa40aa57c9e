"""Which tracks, or persons of several clips, are one person: clusters of embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError

SAME = 0.37
"""Distance up to which two clusters of embeddings are one person; see ``distances``."""
NOISE = 0.015
"""Mean squared distance of one embedding to the mean of many of the same track."""
BLOCK = 1000
"""Clusters that are compared with each other at once: bounds time and memory."""


def distances(means: ArrayLike, counts: ArrayLike) -> NDArray[np.float64]:
    """Distances (n, n) of mean embeddings (n, 128), less what comes of few embeddings.

    ``counts`` (n,) are the embeddings in each mean, from 1.
    """
    m, n = np.asarray(means, np.float64), np.asarray(counts, np.float64)
    power = (m * m).sum(axis=1)
    square = power[:, None] + power[None] - 2.0 * m @ m.T - NOISE * (1 / n[:, None] + 1 / n[None])
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def cluster(
    means: ArrayLike,
    counts: ArrayLike,
    apart: Sequence[tuple[float, float]] | NDArray[np.floating] | None = None,
    *,
    owners: ArrayLike | None = None,
    limit: float = SAME,
) -> NDArray[np.int64]:
    """Numbers (n,) of the clusters, from 0 in the order of their first members.

    Clusters are joined, the nearest first, until none are nearer than ``limit``. The distance of
    two is the mean over their members, and members that cannot be one person keep them apart.

    Parameters
    ----------
    means : (n, 128) mean embeddings. counts : (n,) embeddings in each.
    apart : (n, 2) first and last frame of each: two that share a frame are two persons.
    owners : (n,) whole numbers, such as those of files: two of one owner are two persons.
    limit : see :data:`SAME`.

    Raises
    ------
    DataError : shapes that do not fit.
    """
    m, n = np.asarray(means, np.float64), np.asarray(counts, np.int64)
    spans = None if apart is None else np.asarray(apart, np.float64)
    owner = None if owners is None else np.asarray(owners)
    if m.ndim != 2 or n.shape != (len(m),):
        raise DataError(f"expected means (n, 128) and counts (n,), got {m.shape} and {n.shape}")
    groups = [np.array([i]) for i in range(len(m))]
    while True:
        before = len(groups)
        groups = [
            joined
            for start in range(0, len(groups), BLOCK)
            for joined in _join(groups[start : start + BLOCK], m, n, spans, owner, limit)
        ]
        if before <= BLOCK or len(groups) > 0.9 * before:
            break
    out = np.empty(len(m), np.int64)
    for number, members in enumerate(sorted(groups, key=lambda g: int(g.min()))):
        out[members] = number
    return out


def _join(
    groups: list[NDArray[np.int64]],
    means: NDArray[np.float64],
    counts: NDArray[np.int64],
    spans: NDArray[np.float64] | None,
    owner: NDArray[np.generic] | None,
    limit: float,
) -> list[NDArray[np.int64]]:
    """Join the clusters of one block; see :func:`cluster`."""
    if len(groups) < 2:
        return groups
    sizes = np.array([counts[g].sum() for g in groups])
    centres = np.stack([np.average(means[g], axis=0, weights=counts[g]) for g in groups])
    d = distances(centres, sizes)
    for i, g in enumerate(groups):
        for j in range(i):
            if _conflict(g, groups[j], spans, owner):
                d[i, j] = d[j, i] = np.inf
    np.fill_diagonal(d, np.inf)
    weight = np.array([float(len(g)) for g in groups])
    alive = np.ones(len(groups), bool)
    nearest = d.argmin(axis=1)
    while True:
        best = d[np.arange(len(d)), nearest]
        i = int(best.argmin())
        j = int(nearest[i])
        if not best[i] < limit:
            break
        # the mean over pairs of members; infinity where any pair is kept apart
        row = (weight[i] * d[i] + weight[j] * d[j]) / (weight[i] + weight[j])
        row[[i, j]] = np.inf
        d[i], d[:, i] = row, row
        d[j], d[:, j] = np.inf, np.inf
        groups[i] = np.concatenate([groups[i], groups[j]])
        weight[i] += weight[j]
        alive[j] = False
        changed = np.flatnonzero(alive & ((nearest == i) | (nearest == j) | (row <= best)))
        for k in {i, *changed.tolist()}:
            nearest[k] = d[k].argmin()
    return [g for g, there in zip(groups, alive, strict=True) if there]


def _conflict(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    spans: NDArray[np.float64] | None,
    owner: NDArray[np.generic] | None,
) -> bool:
    if owner is not None and np.isin(owner[a], owner[b]).any():
        return True
    if spans is None:
        return False
    return bool(at_once(spans[a][:, None], spans[b][None]).any())


def at_once(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether tracks are seen at the same time, from first and last frames (..., 2)."""
    shared = np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]) + 1
    length = np.minimum(a[..., 1] - a[..., 0], b[..., 1] - b[..., 0]) + 1
    return np.asarray(shared >= np.minimum(OVERLAP, length))


OVERLAP = 4
"""Shared frames that make two persons of two tracks, or all frames of a shorter track.

A few are shared by one person's tracks: frames at a tube's end are searched for.
"""
