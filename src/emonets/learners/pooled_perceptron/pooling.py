"""Pooling of activations over the frames of a clip (paper 3.2.3, equation 1).

Clips of different length lie one after the other in one matrix of frames: ``activations``
(frames, units), cut by ``bounds`` (clips + 1,), so that clip i is rows ``bounds[i]`` to
``bounds[i + 1]``. Each unit is pooled by itself, and the order of the frames plays no part.

Top-N pooling of weights w₁..w_N, whose sum is N, is ``(1 / N) Σ wᵢ f⁽ⁱ⁾`` with f⁽ⁱ⁾ the i-th
highest activation over time. Maximum pooling is the case N = 1. Where a clip has fewer than N
frames, its last rank takes the weights of the missing ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]


def top_rows(
    activations: Floats, bounds: Indices, count: int, *, distinct: bool = False
) -> Indices:
    """Which frames hold the ``count`` highest activations of each unit in each clip.

    Parameters
    ----------
    activations : (frames, units).
    bounds : (clips + 1,) where clips begin and end; every clip has a frame.
    count : N, at least 1.
    distinct : take the N highest *different* values, passing over further frames equal to one
        already taken, as the authors' training did; otherwise the first of equals ranks first.

    Returns
    -------
    (clips, N, units) rows of ``activations``, highest first; a rank that does not exist repeats
    the row of the last one that does.
    """
    clips, units = len(bounds) - 1, np.arange(activations.shape[1])
    if len(activations) == clips:  # one frame a clip
        return np.broadcast_to(bounds[:-1, None, None], (clips, count, len(units)))
    rows = np.empty((clips, count, len(units)), dtype=np.intp)
    for chosen, (start, end) in zip(rows, pairwise(bounds.tolist()), strict=True):
        # A unit's frames side by side: the search is several times faster so
        left = np.array(activations[start:end].T, order="C")
        for rank in range(count):
            if rank >= end - start:
                chosen[rank:] = chosen[rank - 1]
                break
            best = left.argmax(axis=1)
            value = left[units, best]
            chosen[rank] = best + start
            if distinct:
                if rank:
                    used_up = np.isneginf(value)
                    chosen[rank, used_up] = chosen[rank - 1, used_up]
                left[left == value[:, None]] = -np.inf
            else:
                left[units, best] = -np.inf
    return rows


def pool_rows(activations: Floats, rows: Indices, weights: Sequence[float]) -> Floats:
    """Equation 1 for frames chosen by :func:`top_rows`: (clips, units)."""
    units = np.arange(activations.shape[1])
    pooled = np.zeros((len(rows), len(units)), dtype=activations.dtype)
    for rank, weight in enumerate(weights):
        pooled += float(weight) / len(weights) * activations[rows[:, rank], units]
    return pooled


def pool_rows_gradient(
    gradient: Floats, rows: Indices, weights: Sequence[float], frames: int
) -> Floats:
    """The gradient (frames, units) by the activations, from that by :func:`pool_rows`'s result.

    It reaches the chosen frames only.
    """
    units = np.arange(gradient.shape[1])
    back = np.zeros((frames, len(units)), dtype=gradient.dtype)
    for rank, weight in enumerate(weights):
        # Within a rank no row and unit comes twice; a repeated rank adds up in the next round
        back[rows[:, rank], units] += float(weight) / len(weights) * gradient
    return back


def pool_mean(activations: Floats, bounds: Indices) -> Floats:
    """Mean over the frames of each clip: (clips, units), summed in float64."""
    sums = np.add.reduceat(activations, bounds[:-1], axis=0, dtype=np.float64)
    means: Floats = (sums / np.diff(bounds)[:, None]).astype(activations.dtype)
    return means


def pool_mean_gradient(gradient: Floats, bounds: Indices) -> Floats:
    """The gradient (frames, units) by the activations, from that by :func:`pool_mean`'s result."""
    lengths = np.diff(bounds)
    back: Floats = np.repeat(gradient / lengths[:, None].astype(gradient.dtype), lengths, axis=0)
    return back


def pool(activations: Floats, bounds: Indices, weights: Sequence[float] | None) -> Floats:
    """Pool every clip: (clips, units). Weights of the ranks, or None for the mean."""
    if weights is None:
        return pool_mean(activations, bounds)
    return pool_rows(activations, top_rows(activations, bounds, len(weights)), weights)


class StreamingPool:
    """Pools one clip whose activations come in pieces; memory does not grow with its length.

    Parameters
    ----------
    weights : as for :func:`pool`.

    Attributes
    ----------
    frames : how many were added.
    """

    def __init__(self, weights: Sequence[float] | None) -> None:
        self.frames = 0
        self._weights = weights
        self._kept: Floats | None = None  # the sum in float64, or the N highest, highest first

    def add(self, activations: Floats) -> None:
        """Take in the next (frames, units), possibly none."""
        if not len(activations):
            return
        self.frames += len(activations)
        if self._weights is None:
            total = activations.sum(axis=0, keepdims=True, dtype=np.float64)
            self._kept = total if self._kept is None else self._kept + total
            return
        if self._kept is not None:
            activations = np.concatenate([self._kept, activations])
        whole = np.array([0, len(activations)])
        rows = top_rows(activations, whole, min(len(self._weights), len(activations)))
        self._kept = activations[rows[0], np.arange(activations.shape[1])]

    def value(self) -> Floats:
        """The pooled (units,) of what came so far.

        Raises
        ------
        DataError : nothing came yet.
        """
        if self._kept is None:
            raise DataError("there is nothing to pool: add at least one frame")
        if self._weights is None:
            mean: Floats = self._kept[0] / self.frames
            return mean
        pooled: Floats = pool(self._kept, np.array([0, len(self._kept)]), self._weights)[0]
        return pooled
