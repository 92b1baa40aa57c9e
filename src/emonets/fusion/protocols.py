"""The predictions that a fusion may learn from (paper 4, 4.4): the protocols, and their checks.

A model is a function here: ``fit_predict(train, test)`` trains it on the clips ``train``
(positions) and returns its probabilities (len(test), k) for the clips ``test``. Every call goes
through :func:`guarded`, which refuses a clip or a group that is on both sides, so that no protocol
can leak. There are two exceptions, :func:`on_train` and :func:`on_both`. In these a fusion learns
from models' predictions of their own training clips, as in some of the paper's submissions. They
are here to show the effect. The clips that a fusion is tested on are apart from all others in
these, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError
from emonets.fusion.common import Floats, FusionDataError, Ints, check_groups
from emonets.learners.folds import Fold, shuffled_folds

FitPredict = Callable[[Ints, Ints], ArrayLike]
"""``(train, test)`` → probabilities (len(test), k) of a model trained on ``train`` alone."""
Models = Mapping[str, FitPredict]


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the clips of a challenge: to train on, to validate on, to test on."""

    train: Ints
    valid: Ints
    test: Ints

    def __post_init__(self) -> None:
        for name in ("train", "valid", "test"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.intp))

    @property
    def both(self) -> Ints:
        """Training and validation clips."""
        return np.concatenate([self.train, self.valid])


@dataclass(frozen=True, eq=False)
class Views:
    """The predictions that a fusion learns from, and those that it is then applied to.

    Attributes
    ----------
    fit_rows : (f,) positions of the clips to learn from. fit : (f, m, k) the models' predictions.
    test_rows : (t,) positions. test : (t, m, k).
    """

    fit_rows: Ints
    fit: Floats
    test_rows: Ints
    test: Floats


def check_apart(train: ArrayLike, test: ArrayLike, groups: ArrayLike | None = None) -> None:
    """Raise DataError if a clip, or a group, is on both sides; the message names the first such."""
    a, b = np.asarray(train), np.asarray(test)
    both = np.intersect1d(a, b)
    if len(both):
        raise FusionDataError(
            f"clip {both[0]} is both trained on and predicted ({len(both)} such clips)"
        )
    if groups is not None:
        g = np.asarray(groups)
        shared = np.intersect1d(g[a], g[b])
        if len(shared):
            raise FusionDataError(
                f"group {shared[0]!s} is both trained on and predicted ({len(shared)} such "
                "groups); divide the clips by whole groups"
            )


def guarded(fit_predict: FitPredict, groups: ArrayLike | None, name: str = "a model") -> FitPredict:
    """The same model, that refuses to predict a clip or a group it is trained on.

    Its predictions are checked, too: (len(test), k) finite numbers.
    """

    def call(train: Ints, test: Ints) -> Floats:
        for part, what in ((train, "trained on"), (test, "predicted")):
            if not len(part):
                raise FusionDataError(f"{name}: there is no clip to be {what}")
        check_apart(train, test, groups)
        return _predictions(fit_predict, train, test, name)

    return call


def _predictions(fit_predict: FitPredict, train: Ints, test: Ints, name: str) -> Floats:
    p = np.asarray(fit_predict(train, test), dtype=np.float64)
    if p.ndim != 2 or len(p) != len(test) or not np.isfinite(p).all():
        raise FusionDataError(
            f"{name} returned {p.shape} for {len(test)} clips; expected finite probabilities "
            f"({len(test)}, classes)"
        )
    return p


def all_models(models: Models, train: Ints, test: Ints, groups: ArrayLike | None) -> Floats:
    """Predictions of all models, trained on ``train``, for ``test``: (t, m, k).

    Where there is no test clip, no model is trained: (0, m, 0).
    """
    if not models:
        raise ParameterError("there are no models to combine")
    if not len(test):
        return np.empty((0, len(models), 0))
    parts = [guarded(model, groups, name)(train, test) for name, model in models.items()]
    return np.stack([np.asarray(part) for part in parts], axis=1)


def on_train(models: Models, split: Split, groups: ArrayLike | None = None) -> Views:
    """Combined on the training clips that the models were trained on (2013, submissions 2 and 4).

    Models that overfit have perfect scores there, so the fusion gives them too much weight.
    """
    fit = np.stack(
        [_predictions(model, split.train, split.train, name) for name, model in models.items()],
        axis=1,
    )
    test = all_models(models, split.train, split.test, groups)
    return Views(split.train, fit, split.test, test)


def on_valid(models: Models, split: Split, groups: ArrayLike | None = None) -> Views:
    """Models trained on train, combined on valid (2013, submissions 5 to 7; 2014, 1 and 2)."""
    fit = all_models(models, split.train, split.valid, groups)
    return Views(split.valid, fit, split.test, all_models(models, split.train, split.test, groups))


def on_both(models: Models, split: Split, groups: ArrayLike | None = None) -> Views:
    """Combined on predictions of train and valid by the models of train; then trained on both.

    Half of the clips that the fusion learns from are training clips of the models, as with
    :func:`on_train` (2014, submission 3).
    """
    own = on_train(models, split, groups).fit
    fit = np.concatenate([own, all_models(models, split.train, split.valid, groups)])
    return Views(split.both, fit, split.test, all_models(models, split.both, split.test, groups))


def retrained(
    models: Models,
    split: Split,
    groups: ArrayLike | None = None,
    *,
    only: Sequence[str] | None = None,
) -> Views:
    """Combined on valid; then the models are trained anew on train and valid (2014, 6 to 8).

    Parameters
    ----------
    only : names of the models that are trained anew; the others stay those of train (8).
    """
    fit = all_models(models, split.train, split.valid, groups)
    known = models if only is None else [_known(name, models) for name in only]
    parts = [
        all_models({name: model}, split.both if name in known else split.train, split.test, groups)
        for name, model in models.items()
    ]
    test = np.concatenate(parts, axis=1)
    return Views(split.valid, fit, split.test, test)


def swapped(models: Models, split: Split, groups: ArrayLike | None = None) -> Views:
    """Each half predicted by models trained on the other; combined on both (2014, 4, 9 and 10)."""
    fit = np.concatenate(
        [
            all_models(models, split.valid, split.train, groups),
            all_models(models, split.train, split.valid, groups),
        ]
    )
    return Views(split.both, fit, split.test, all_models(models, split.both, split.test, groups))


def grouped(
    models: Models, split: Split, groups: ArrayLike | None = None, *, folds: int = 5, seed: int = 0
) -> Views:
    """Out-of-fold predictions of train and valid: swapping, with more folds, of whole groups.

    Each clip is predicted by models that were trained on most of the others, so that what the
    fusion learns is true of the models that are used in the end.
    """
    rows = split.both
    among = rows if groups is None else np.asarray(groups)[rows]
    fit = out_of_fold(models, group_folds(among, folds, seed=seed), groups, rows=rows)
    return Views(rows, fit, split.test, all_models(models, rows, split.test, groups))


Protocol = Callable[..., Views]
"""``(models, split, groups)`` → :class:`Views`."""
PROTOCOLS: dict[str, Protocol] = {
    "on train": on_train,
    "on both": on_both,
    "on valid": on_valid,
    "retrained": retrained,
    "swapped": swapped,
    "out of fold": grouped,
}
"""Every protocol by name."""


def group_folds(groups: ArrayLike, folds: int, *, seed: int = 0) -> list[Fold]:
    """Divide clips into folds of whole groups, of sizes as equal as can be.

    Parameters
    ----------
    groups : (n,) of anything. folds : 2 at least, and no more than there are groups.

    Raises
    ------
    DataError : fewer groups than folds.
    """
    g = check_groups(groups, len(np.asarray(groups)))
    assert g is not None
    count = len(np.unique(g))
    if folds < 2:
        raise ParameterError(f"folds must be 2 at least, not {folds}")
    if count < folds:
        raise FusionDataError(
            f"{count} groups cannot be divided into {folds} folds; give {count} or fewer"
        )
    return shuffled_folds(len(g), folds, np.random.RandomState(seed), g)


def inner_folds(target: Ints, groups: NDArray[Any] | None, folds: int, seed: int) -> list[Fold]:
    """Folds to choose a fusion's numbers by: of whole groups, fewer where there are fewer groups.

    Folds that leave only one class to learn from are left out.

    Raises
    ------
    DataError : one group only, or no fold that leaves two classes.
    """
    among = np.arange(len(target)) if groups is None else groups
    count = len(np.unique(among))
    if count < 2:
        raise FusionDataError(
            "all clips are of one group: nothing can be chosen by leaving groups out"
        )
    made = [
        (train, test)
        for train, test in group_folds(among, min(folds, count), seed=seed)
        if len(test) and (target[train] != target[train[0]]).any()
    ]
    if not made:
        raise FusionDataError("every fold of the groups leaves one class only to learn from")
    return made


def out_of_fold(
    models: Models,
    folds: Sequence[Fold],
    groups: ArrayLike | None = None,
    *,
    rows: Ints | None = None,
) -> Floats:
    """Predictions of each clip by models not trained on it or on its group: (n, m, k).

    Parameters
    ----------
    folds : (train, test) positions; each clip is in one test part exactly.
    groups : of all clips.
    rows : the clips that folds divide, where they are not all; folds are positions in it then.

    Raises
    ------
    DataError : a clip or group on both sides of a fold, or a clip in no test part, or in two.
    """
    n = sum(len(test) for _, test in folds)
    places = np.concatenate([np.asarray(test) for _, test in folds])
    if not np.array_equal(np.sort(places), np.arange(n)):
        raise FusionDataError("each clip must be in the test part of one fold exactly")
    parts = [
        all_models(models, train, test, groups)
        for train, test in (
            fold if rows is None else (rows[fold[0]], rows[fold[1]]) for fold in folds
        )
    ]
    out = np.empty((n, *parts[0].shape[1:]))
    out[places] = np.concatenate(parts)
    return out


def _known(name: str, models: Models) -> str:
    if name not in models:
        raise DataError(f"there is no model {name!r}; there are {', '.join(models)}")
    return name
