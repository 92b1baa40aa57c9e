"""Nested evaluation: tests of a fusion on clips that neither it nor its models were trained on.

A fusion that is tested on a fold may learn only from the other folds' clips. Their predictions
must come from models that were trained on neither these clips nor the tested fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from emonets.fusion.common import Floats, FusionDataError, Ints
from emonets.fusion.protocols import Models, Views, all_models, check_apart


@dataclass(frozen=True, eq=False)
class NestedPredictions:
    """Predictions for a nested evaluation of fusions.

    Attributes
    ----------
    fold_of : (n,) the outer fold that each clip is tested in, 0..F-1.
    outer : (n, m, k) by models trained on all other folds.
    inner : (F, n, m, k); inner[f, i] by models trained on neither fold f nor the clip's own: what
        a fusion may learn from that is tested on f. NaN where the clip is in f.
    """

    fold_of: Ints
    outer: Floats
    inner: Floats

    def __post_init__(self) -> None:
        n = len(self.fold_of)
        folds = int(self.fold_of.max()) + 1 if n else 0
        if self.outer.ndim != 3 or self.outer.shape[0] != n or folds < 3:
            raise FusionDataError(
                f"nested predictions need three folds at least and (n, m, k) probabilities, not "
                f"{folds} folds and {self.outer.shape}"
            )
        if self.inner.shape != (folds, *self.outer.shape):
            raise FusionDataError(
                f"inner predictions must be {(folds, *self.outer.shape)}, not {self.inner.shape}"
            )

    def views(self) -> Iterator[Views]:
        """For each outer fold what a fusion learns from and what it is tested on."""
        for f in range(len(self.inner)):
            fit, test = np.flatnonzero(self.fold_of != f), np.flatnonzero(self.fold_of == f)
            yield Views(fit, self.inner[f, fit], test, self.outer[test])

    def fuse(
        self,
        fusion: Any,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        found: ArrayLike | None = None,
    ) -> Floats:
        """Fused probabilities (n, k): each clip by a fusion that was not fitted on its outer fold.

        A clone of ``fusion`` is fitted for each outer fold, on inner out-of-fold predictions of
        the other folds' clips.

        Raises
        ------
        DataError : a group in two folds.
        """
        labels = np.asarray(y)
        among = None if groups is None else np.asarray(groups)
        mask = None if found is None else np.asarray(found)
        out = np.empty((len(labels), self.outer.shape[2]))
        for view in self.views():
            check_apart(view.fit_rows, view.test_rows, among)
            one = clone(fusion)
            one.fit(
                view.fit, labels[view.fit_rows],
                groups=None if among is None else among[view.fit_rows],
                found=None if mask is None else mask[view.fit_rows],
            )  # fmt: skip
            out[view.test_rows] = one.predict_proba(
                view.test, found=None if mask is None else mask[view.test_rows]
            )
        return out

    def of(self, models: Sequence[int]) -> NestedPredictions:
        """The predictions of a subset of the models."""
        chosen = list(models)
        return NestedPredictions(self.fold_of, self.outer[:, chosen], self.inner[:, :, chosen])

    def beside(self, other: NestedPredictions) -> NestedPredictions:
        """These models and another's, of the same clips and folds."""
        if not np.array_equal(self.fold_of, other.fold_of):
            raise FusionDataError("the two were not made on the same clips and folds")
        return NestedPredictions(
            self.fold_of,
            np.concatenate([self.outer, other.outer], axis=1),
            np.concatenate([self.inner, other.inner], axis=2),
        )


def nested_predictions(
    models: Models, fold_of: ArrayLike, groups: ArrayLike | None = None
) -> NestedPredictions:
    """Train each model on all folds but one, and on all but two; keep its predictions of the rest.

    F folds take F (F + 1) / 2 trainings of each model. A model that was trained on neither fold f
    nor fold g predicts the clips of g for a fusion tested on f, and the other way round.

    Parameters
    ----------
    fold_of : (n,) whole numbers 0..F-1; three folds at least.
    groups : (n,); a group in two folds is an error.
    """
    of = np.asarray(fold_of)
    if of.ndim != 1 or of.dtype.kind not in "iu" or not len(of) or of.min() < 0:
        raise FusionDataError("fold_of must be whole numbers from 0, one a clip")
    of = of.astype(np.intp)
    folds = int(of.max()) + 1
    if folds < 3 or len(np.unique(of)) != folds:
        raise FusionDataError("a nested evaluation needs three folds at least, none of them empty")
    outer: Floats | None = None
    inner: Floats | None = None
    for left_out in [(f,) for f in range(folds)] + list(combinations(range(folds), 2)):
        test = np.flatnonzero(np.isin(of, left_out))
        p = all_models(models, np.flatnonzero(~np.isin(of, left_out)), test, groups)
        if outer is None or inner is None:
            outer = np.full((len(of), *p.shape[1:]), np.nan)
            inner = np.full((folds, *outer.shape), np.nan)
        if len(left_out) == 1:
            outer[test] = p
        else:
            a, b = left_out
            inner[a, test[of[test] == b]] = p[of[test] == b]
            inner[b, test[of[test] == a]] = p[of[test] == a]
    assert outer is not None
    assert inner is not None
    return NestedPredictions(of, outer, inner)
