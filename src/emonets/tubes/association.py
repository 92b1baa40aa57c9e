"""Which box continues which face tube: costs of pairs, and the best one-to-one matching.

The paper (3.1.3) associates boxes "of successive frames" by relative positioning, sizes and
overlap. The authors' limits (overlap at least 0.08 of the mean area, areas within a factor of 10)
are for neighbouring frames of a video. Here they widen with the time that has passed. The colours
of the faces count, too, so that two people who cross do not swap tubes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AssociationLimits:
    """What a tube may do between two detections, and what each kind of difference costs.

    The cost of a pair is the weighted sum of four differences, each 0 (none) to 1 (the most that is
    allowed); a pair that costs 1 or more is no match.
    """

    min_overlap: float = 0.08
    """Least intersection, as a share of the mean area (the authors' value)."""
    max_area_ratio: float = 10.0
    """Largest factor between the areas (the authors' value)."""
    growth: float = 1.5
    """Before overlaps are measured boxes grow by this share of their size per second passed."""
    free_time: float = 0.04
    """Seconds without growth: one frame at 25 frames/s, which the authors' limits are for."""
    overlap_weight: float = 0.4
    distance_weight: float = 0.2
    size_weight: float = 0.2
    appearance_weight: float = 0.5


def overlap(a: ArrayLike, b: ArrayLike) -> Floats:
    """Intersection over mean area of all pairs: a (n, 4), b (m, 4) → (n, m), 0..1."""
    a, b = _boxes(a), _boxes(b)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.clip(high - low, 0.0, None), axis=2)
    mean_area = (_areas(a)[:, None] + _areas(b)[None, :]) / 2.0
    return np.asarray(common / np.maximum(mean_area, 1e-12))


def size_difference(a: ArrayLike, b: ArrayLike) -> Floats:
    """Length of the difference of (width, height), relative to the mean size: → (n, m), from 0."""
    a, b = _boxes(a), _boxes(b)
    difference = np.linalg.norm(_sizes(a)[:, None] - _sizes(b)[None, :], axis=2)
    return np.asarray(difference / _mean_size(a, b))


def centre_distance(a: ArrayLike, b: ArrayLike) -> Floats:
    """Distance of the centres, relative to the mean size: → (n, m), from 0."""
    a, b = _boxes(a), _boxes(b)
    distance = np.linalg.norm(_centres(a)[:, None] - _centres(b)[None, :], axis=2)
    return np.asarray(distance / _mean_size(a, b))


def association_costs(
    last: ArrayLike,
    boxes: ArrayLike,
    elapsed: ArrayLike,
    *,
    predicted: ArrayLike | None = None,
    likeness: ArrayLike | None = None,
    limits: AssociationLimits | None = None,
) -> Floats:
    """Cost of continuing tube *i* with box *j*; infinite where it cannot be the same face.

    Parameters
    ----------
    last : (n, 4) the tubes' latest boxes, pixels.
    boxes : (m, 4) the boxes of the current frame, pixels.
    elapsed : (n,) seconds since each tube's latest box, from 0.
    predicted : (n, 4) where each tube is expected now; by default where it was. A box has to
        overlap either of the two, and its distance is from the nearer one.
    likeness : (n, m) correlation of the colours of tube and box, -1..1; by default all 1.
    limits : weights and limits.

    Returns
    -------
    (n, m) costs, 0 to below 1, or infinity.
    """
    limits = limits or AssociationLimits()
    last, boxes = _boxes(last), _boxes(boxes)
    predicted = last if predicted is None else _boxes(predicted)
    seconds = np.maximum(np.asarray(elapsed, dtype=np.float64).reshape(-1) - limits.free_time, 0.0)
    grown = 1.0 + limits.growth * seconds[:, None]
    expected = np.concatenate([last, predicted])
    either = 2, len(last), len(boxes)
    distance = centre_distance(expected, boxes).reshape(either).min(axis=0)
    overlaps = _grown_overlap(expected, boxes, np.tile(grown, (2, 1))).reshape(either).max(axis=0)
    size = size_difference(last, boxes)
    areas = _areas(last)[:, None], _areas(boxes)[None, :]
    ratio = np.maximum(*areas) / np.maximum(np.minimum(*areas), 1e-12)
    unlike = np.zeros_like(overlaps)
    if likeness is not None:
        unlike = np.clip(1.0 - np.asarray(likeness, dtype=np.float64), 0.0, 1.0)
    costs = (
        limits.overlap_weight * (1.0 - overlaps)
        + limits.distance_weight * np.minimum(distance / grown, 1.0)
        + limits.size_weight * np.minimum(size, 1.0)
        + limits.appearance_weight * unlike
    )
    possible = (overlaps >= limits.min_overlap) & (ratio < limits.max_area_ratio) & (costs < 1.0)
    return np.where(possible, costs, np.inf)


def match(costs: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The one-to-one matching of least total cost, an unmatched pair costing 1.

    Parameters
    ----------
    costs : (n, m); pairs that cost 1 or more, or are not finite, are never matched.

    Returns
    -------
    rows, columns : equally long index arrays, each row and each column at most once, rows rising.
    """
    costs = np.asarray(costs, dtype=np.float64)
    # capping makes a forbidden pair as dear as leaving both alone, so it can be struck out after
    capped = np.minimum(np.nan_to_num(costs, nan=1.0, posinf=1.0), 1.0)
    rows, columns = linear_sum_assignment(capped)
    kept = capped[rows, columns] < 1.0
    return rows[kept], columns[kept]


def _grown_overlap(expected: Floats, boxes: Floats, grown: Floats) -> Floats:
    """Overlap of all pairs after both boxes grew about their centres by a factor per tube."""
    # sizes times g is the same as centres divided by g, sizes left alone
    shift = (_centres(boxes)[None, :] - _centres(expected)[:, None]) / grown[..., None]
    half = (_sizes(boxes)[None, :] / 2.0, _sizes(expected)[:, None] / 2.0)
    common = np.minimum(shift + half[0], half[1]) - np.maximum(shift - half[0], -half[1])
    mean_area = (_areas(expected)[:, None] + _areas(boxes)[None, :]) / 2.0
    return np.asarray(np.prod(np.clip(common, 0.0, None), axis=2) / np.maximum(mean_area, 1e-12))


def _boxes(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1, 4)


def _sizes(boxes: Floats) -> Floats:
    return boxes[:, 2:] - boxes[:, :2]


def _centres(boxes: Floats) -> Floats:
    return (boxes[:, 2:] + boxes[:, :2]) / 2.0


def _areas(boxes: Floats) -> Floats:
    return np.asarray(np.prod(np.clip(_sizes(boxes), 0.0, None), axis=1))


def _mean_size(a: Floats, b: Floats) -> Floats:
    mean_area = (_areas(a)[:, None] + _areas(b)[None, :]) / 2.0
    return np.sqrt(np.maximum(mean_area, 1e-12))
