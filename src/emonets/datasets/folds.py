"""Folds of whole groups: those that the field has agreed on, or else our own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError
from emonets.learners.folds import Fold, shuffled_folds

MOST_FOLDS = 10
"""The number of folds where none is given and there are more groups."""

_FEWEST = 2  # folds, and groups to train on
_SHOWN = 5  # as many groups are named in a message


def folds_of_groups(
    groups: NDArray[np.str_],
    agreed: Mapping[str, int] | None = None,
    count: int | None = None,
    seed: int = 0,
    *,
    name: str = "the data",
) -> tuple[list[Fold], str]:
    """Folds of a cross-validation in which no group is on both sides.

    Parameters
    ----------
    groups : (n,) the group of each clip.
    agreed : group → number of its fold, where the field has agreed on folds.
    count : how many folds. None: the agreed ones; where there are none, one group at a time or,
        of more than ten groups, ten folds. A number replaces the agreed folds. So does a part of
        the data of which an agreed fold leaves fewer than two groups to train on.
    seed : of the order in which groups of one size are dealt out.
    name : of the data, for messages.

    Returns
    -------
    (train, test) positions of each fold, and a text: how they divide the groups.

    Raises
    ------
    DataError : fewer groups than folds, or than two; fewer than two folds; a group without an
        agreed fold.

    Examples
    --------
    >>> folds, text = folds_of_groups(np.array(["ann", "ann", "bob"]))
    >>> [test.tolist() for _, test in folds], text
    ([[0, 1], [2]], 'leave one of 2 groups out')
    >>> folds_of_groups(np.array(["ann", "bob", "cid"]), {"ann": 0, "bob": 1, "cid": 1})[1]
    'the 2 agreed folds of whole groups'
    """
    names = np.unique(groups)
    everything = np.arange(len(groups))
    fold = None
    if agreed is not None and count is None:
        fold = _agreed_folds(names, groups, agreed, name)
    if fold is not None:
        tests = [np.flatnonzero(fold == number) for number in np.unique(fold)]
        return (
            [(np.setdiff1d(everything, test), test) for test in tests],
            f"the {len(tests)} agreed folds of whole groups",
        )
    folds = min(MOST_FOLDS, len(names)) if count is None else count
    if count is not None and count < _FEWEST:
        raise DataError(f"{name}: {count} folds cannot be made; the number must be 2 or more")
    if len(names) < max(folds, _FEWEST):
        what = f"{len(names)} group{'' if len(names) == 1 else 's'}"
        raise DataError(
            f"{name}: {what} cannot be divided into {max(folds, _FEWEST)} folds; a score of "
            "unseen people needs more groups" + ("" if count is None else ", or fewer folds")
        )
    beside = "" if agreed is None else ", not the agreed ones"
    if folds == len(names):
        tests = [np.flatnonzero(groups == group) for group in names]
        text = f"leave one of {folds} groups out{beside}"
        return [(np.setdiff1d(everything, test), test) for test in tests], text
    made = shuffled_folds(len(groups), folds, np.random.RandomState(seed), groups)
    return made, f"{folds} folds of whole groups{beside}"


def _agreed_folds(
    names: NDArray[np.str_], groups: NDArray[np.str_], agreed: Mapping[str, int], name: str
) -> NDArray[np.int64] | None:
    """(n,) the number of the fold of each clip; None where they leave too few groups."""
    absent = [str(group) for group in names if str(group) not in agreed]
    if absent:
        more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        raise DataError(
            f"{name}: the agreed folds do not fit the data: no fold is agreed for group "
            f"{', '.join(absent[:_SHOWN])}{more}; leave these groups out, or give a number of folds"
        )
    fold = np.array([agreed[str(group)] for group in groups], np.int64)
    of_group = np.array([agreed[str(group)] for group in names], np.int64)
    left = min((int(np.sum(of_group != number)) for number in of_group), default=0)
    # of two groups no division leaves more than one
    return fold if left >= min(_FEWEST, len(names) - 1) and left else None
