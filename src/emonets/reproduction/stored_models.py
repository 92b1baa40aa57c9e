"""Models as stored predictions: of each model, after training on some folds, for the clips.

A protocol calls a model to train on some clips and to predict others (``protocols.FitPredict``). A
model that is not available can still return stored predictions. Without these it raises
:class:`NotStoredError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.fusion.common import Floats, FusionDataError, Ints
from emonets.fusion.nested_folds import NestedPredictions
from emonets.fusion.protocols import FitPredict, Models

Trained = frozenset[str]
"""The folds that a model was trained on."""


class NotStoredError(FusionDataError):
    """Predictions of a model are requested that are not stored."""


@dataclass(frozen=True, eq=False)
class StoredModels:
    """Predictions of models for n clips, by the folds that they were trained on.

    Attributes
    ----------
    fold : (n,) the name of each clip's fold, or part ("train").
    predictions : model → folds it was trained on → (n, k), NaN where nothing is stored.
    """

    fold: NDArray[np.str_]
    predictions: Mapping[str, Mapping[Trained, Floats]]

    def __post_init__(self) -> None:
        for name, of in self.predictions.items():
            for p in of.values():
                if p.ndim != 2 or len(p) != len(self.fold):
                    raise FusionDataError(
                        f"model {name!r}: predictions {p.shape} for {len(self.fold)} clips"
                    )

    def models(self) -> Models:
        """Each as a callable (train, test) → (len(test), k), which raises NotStoredError."""
        return {name: self._model(name) for name in self.predictions}

    def _model(self, name: str) -> FitPredict:
        def call(train: Ints, test: Ints) -> Floats:
            on = frozenset(map(str, self.fold[train]))
            if np.isin(self.fold, list(on)).sum() != len(np.unique(train)):
                raise NotStoredError(
                    f"no predictions of {name} are stored after training on a part of a fold"
                )
            p = self.predictions[name].get(on)
            found = None if p is None else p[test]
            if found is None or np.isnan(found).any():
                of = "for the same clips" if np.isin(test, train).all() else "for other clips"
                after = " and ".join(sorted(on))
                raise NotStoredError(
                    f"no predictions of {name}, trained on {after}, are stored {of}"
                )
            return found

        return call

    @classmethod
    def from_nested(
        cls,
        names: list[str],
        nested: NestedPredictions,
        seen: NDArray[Any] | None = None,
    ) -> StoredModels:
        """Make them from nested predictions, whose folds get the names "0", "1" …

        Parameters
        ----------
        names : of the m models.
        seen : (F, F, n, m, k), predictions for training clips. seen[f, g, i] is of clip i, which is
            in neither f nor g, by models that were trained on all folds but these two
            (seen[f, f]: but one). NaN elsewhere. None: not stored.
        """
        folds = len(nested.inner)
        fold = nested.fold_of
        every = frozenset(map(str, range(folds)))
        if seen is not None and seen.shape != (folds, *nested.inner.shape):
            raise FusionDataError(
                f"seen must be {(folds, *nested.inner.shape)}, not {np.shape(seen)}"
            )
        predictions: dict[str, dict[Trained, Floats]] = {name: {} for name in names}
        for left in [(f, f) for f in range(folds)] + list(combinations(range(folds), 2)):
            p = np.full(nested.outer.shape, np.nan)
            for f, g in (left, left[::-1]):
                # a fusion tested on f learns on g from models trained on neither
                p[fold == g] = (nested.outer if f == g else nested.inner[f])[fold == g]
            if seen is not None:
                known = ~np.isin(fold, left)
                p[known] = seen[left][known]
            on = every - set(map(str, left))
            for j, name in enumerate(names):
                predictions[name][on] = p[:, j]
        return cls(fold.astype(str), predictions)

    def beside(self, other: StoredModels) -> StoredModels:
        """These models and those of another, of the same clips and folds."""
        if not np.array_equal(self.fold, other.fold):
            raise FusionDataError("the predictions are not of the same clips and folds")
        twice = set(self.predictions) & set(other.predictions)
        if twice:
            raise FusionDataError(f"two models have the name {min(twice)!r}; rename one")
        return StoredModels(self.fold, {**self.predictions, **other.predictions})
