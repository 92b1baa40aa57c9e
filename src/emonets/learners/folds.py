"""Folds of a cross-validation, in the three ways a learner may be given them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError

Indices = NDArray[np.intp]
Fold = tuple[Indices, Indices]
"""Positions to train on, positions to test on."""


def shuffled_folds(
    n: int, folds: int, random: np.random.RandomState, groups: NDArray[Any] | None = None
) -> list[Fold]:
    """Shuffled folds of ``n`` samples, as libsvm cuts them; some are empty if n < folds.

    With ``groups`` whole groups are dealt out, the largest first and always to the smallest
    fold so far, those of one size in random order.
    """
    if groups is None:
        order = random.permutation(n)
        tests = [order[f * n // folds : (f + 1) * n // folds] for f in range(folds)]
    else:
        _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
        shuffled = random.permutation(len(size))
        fold_of, load = np.empty(len(size), dtype=np.intp), np.zeros(folds, dtype=np.intp)
        for g in shuffled[np.argsort(-size[shuffled], kind="stable")]:
            fold_of[g] = load.argmin()
            load[fold_of[g]] += size[g]
        tests = [np.flatnonzero(fold_of[group] == f) for f in range(folds)]
    everything = np.arange(n)
    return [(np.setdiff1d(everything, test), test) for test in tests]


def split_folds(
    splitter: Any, x: NDArray[np.float64], y: NDArray[Any], groups: NDArray[Any] | None
) -> list[Fold]:
    """What a splitter of scikit-learn's kind makes of these samples.

    Raises
    ------
    ParameterError : it refuses, most often because a class has fewer samples than it has folds.
    """
    try:
        return [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(x, y, groups)]
    except ValueError as error:
        raise ParameterError(
            f"cv {splitter!r} cannot split the {len(y)} samples of the classes "
            f"{', '.join(map(str, np.unique(y)))}: {error}"
        ) from error


def given_folds(cv: Iterable[Any], n: int) -> list[Fold]:
    """Check a list of (train, test) indices into ``n`` samples.

    Raises
    ------
    ParameterError : no fold, or indices that are not whole numbers in 0..n-1.
    """
    folds: list[Fold] = []
    for fold in cv:
        try:
            train, test = (np.asarray(part) for part in fold)
        except (TypeError, ValueError):
            raise ParameterError("each fold of cv must be a (train, test) of indices") from None
        for part in (train, test):
            if part.ndim != 1 or (part.dtype.kind not in "iu" and part.size):
                raise ParameterError("each part of a fold of cv must be a vector of whole numbers")
            if part.size and (part.min() < 0 or part.max() >= n):
                raise ParameterError(f"a fold of cv names a sample outside 0..{n - 1}")
        folds.append((train.astype(np.intp), test.astype(np.intp)))
    if not folds:
        raise ParameterError("cv holds no fold; an iterator can be read only once, give a list")
    return folds


def folds_within(folds: Iterable[Fold], rows: Indices, n: int) -> list[Fold]:
    """The part of folds of ``n`` samples that concerns ``rows``, as positions in ``rows``."""
    position = np.full(n, -1, dtype=np.intp)
    position[rows] = np.arange(len(rows))
    inside = [(position[train], position[test]) for train, test in folds]
    return [(train[train >= 0], test[test >= 0]) for train, test in inside]


def choosing_folds(y: NDArray[Any], groups: NDArray[Any] | None, most: int = 5) -> int | list[Fold]:
    """Folds to choose a number by: ``most``, or as many as few groups and samples allow.

    Returns
    -------
    ``most`` where that many folds can be made of whole groups with each class in them, so far as
    counts show; else the folds themselves, of whole groups or of samples, without those whose
    training part is of one class.

    Raises
    ------
    ParameterError : no fold leaves two classes to learn from.
    """
    counts = np.unique(y, return_counts=True)[1]
    units = len(y) if groups is None else len(np.unique(groups))
    if units >= most and counts.min() >= most:
        return most
    made = shuffled_folds(len(y), max(2, min(most, units)), np.random.RandomState(0), groups)
    kept = [
        (train, test)
        for train, test in made
        if len(test) and len(train) and len(np.unique(y[train])) > 1
    ]
    if not kept:
        raise ParameterError(
            f"{len(y)} samples of {units} groups: no fold of them leaves two classes to learn from"
        )
    return kept
