"""Clips as arrays of frames, their labels and weights: what learners of clips check and draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from emonets.errors import DataError, ParameterError
from emonets.learners.pooled_perceptron.pooling import Indices

Floats = NDArray[np.floating[Any]]


def checked_clips(clips: Sequence[ArrayLike], n_features: int) -> list[Floats]:
    """The clips as arrays (frames, n_features), as views where they can be.

    Raises
    ------
    DataError : a clip without frames, with another number of features, or not finite.
    """
    checked = [np.asarray(clip) for clip in clips]
    for i, clip in enumerate(checked):
        if clip.ndim != 2 or clip.dtype.kind not in "fiub":
            raise DataError(
                f"clip {i} must be (frames, features) real numbers, not {clip.shape} {clip.dtype}"
            )
        if clip.shape[1] != n_features:
            raise DataError(f"clip {i} has {clip.shape[1]} features, expected {n_features}")
        if not len(clip):
            raise DataError(f"clip {i} has no frame; leave such clips out")
        if not _finite(clip):
            raise DataError(f"clip {i} holds NaN or infinite values")
    return checked


def clip_bounds(clips: Sequence[Floats]) -> Indices:
    """Where each clip begins and ends when they lie one after the other: (n + 1,)."""
    return np.array([0, *accumulate(len(clip) for clip in clips)], dtype=np.intp)


def gather(
    clips: Sequence[Floats], most: float, buffer: Floats, random: np.random.Generator
) -> tuple[Floats, Indices]:
    """At most ``most`` random frames of each clip, in their order, at the start of ``buffer``.

    Returns the filled part of the buffer and the bounds of the clips in it.
    """
    bounds = np.zeros(len(clips) + 1, dtype=np.intp)
    for i, clip in enumerate(clips):
        start = bounds[i]
        if len(clip) <= most:
            bounds[i + 1] = start + len(clip)
            buffer[start : bounds[i + 1]] = clip
            continue
        rows = np.sort(random.choice(len(clip), int(most), replace=False, shuffle=False))
        bounds[i + 1] = start + len(rows)
        if clip.dtype == buffer.dtype:
            np.take(clip, rows, axis=0, out=buffer[start : bounds[i + 1]], mode="clip")
        else:
            buffer[start : bounds[i + 1]] = clip[rows]
    return buffer[: bounds[-1]], bounds


def hold_out(
    n: int, fraction: float, groups: ArrayLike | None, random: np.random.Generator
) -> tuple[Indices, Indices]:
    """Clips to train on, clips held out: about ``fraction`` of n, in whole groups.

    Raises
    ------
    ParameterError : groups of another number than clips, or nothing left on one side.
    """
    group = np.arange(n) if groups is None else np.asarray(groups)
    if group.shape != (n,):
        raise ParameterError(f"groups {group.shape} must have one entry a clip, ({n},)")
    _, member, size = np.unique(group, return_inverse=True, return_counts=True)
    shuffled = random.permutation(len(size))
    # A group goes out as long as more of it is needed than not
    before = np.array([0, *accumulate(size[shuffled])][:-1])
    held = np.isin(member, shuffled[before + size[shuffled] / 2 <= fraction * n])
    if held.all() or not held.any():
        raise ParameterError(
            f"validation_fraction {fraction} of {n} clips in {len(size)} groups leaves nothing "
            "to train on or nothing held out"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def class_targets(
    y: Any, n: int, classes: NDArray[Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Probabilities (n, classes) that labels or probabilities mean, and the classes (k,).

    Parameters
    ----------
    y : (n,) labels, or (n, classes) probabilities with rows that sum to one.
    n : number of clips.
    classes : those already found, for labels of a validation set; None takes y's.

    Raises
    ------
    ParameterError : no y, not n of them, only one class, one not in ``classes``, or rows that
        are no probabilities.
    ValueError : scikit-learn's, for labels of a wrong shape or type.
    """
    if y is None:
        raise ParameterError("this classifier requires y to be passed, but the target y is None")
    labels = np.asarray(y)
    soft = labels.ndim == 2 and labels.shape[1] > 1
    if not soft:
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
    if len(labels) != n:
        raise ParameterError(f"expected {n} labels, one a clip, got {len(labels)}")
    if soft:
        labels = labels.astype(np.float64)
        if not (labels >= 0.0).all() or np.abs(labels.sum(axis=1) - 1.0).max() > 1e-4:
            raise ParameterError("y of two dimensions must hold probabilities, rows summing to one")
        distinct = np.arange(labels.shape[1]) if classes is None else classes
        if labels.shape[1] != len(distinct):
            raise ParameterError(f"expected probabilities of {len(distinct)} classes in y")
        return labels, distinct
    distinct = np.unique(labels) if classes is None else classes
    if len(distinct) < 2:
        raise ParameterError(f"y holds one class only, {distinct[0]!r}; a classifier needs two")
    one_hot = labels[:, None] == distinct
    if not one_hot.any(axis=1).all():
        raise ParameterError("the validation labels hold a class that the training labels lack")
    return one_hot.astype(np.float64), distinct


def clip_weights(
    targets: Floats, how: str | Mapping[Any, float] | None, classes: NDArray[Any]
) -> NDArray[np.float64]:
    """(n, 1) weights of clips by their class.

    Parameters
    ----------
    targets : (n, classes) probabilities.
    how : weights by label, 1 for those not named; "balanced", inverse to the class's frequency
        and one on average; None for 1.
    classes : (classes,) labels.
    """
    weights = np.ones(len(classes))
    if isinstance(how, Mapping):
        weights[:] = [how.get(label, 1.0) for label in classes.tolist()]
    elif how == "balanced":
        counts = targets.sum(axis=0)
        weights[:] = len(targets) / (np.maximum(counts, 1e-9) * (counts > 0).sum())
    of_clips: NDArray[np.float64] = targets @ weights[:, None]
    return of_clips


def _finite(clip: Floats) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        # The sum is enough and needs no array of truth values as large as the clip; it may overflow
        return bool(np.isfinite(clip.sum(dtype=np.float64)) or np.isfinite(clip).all())
