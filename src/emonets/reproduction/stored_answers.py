"""Models as their answers: what each, trained on some folds, said of the clips.

A protocol asks a model to train on these clips and to predict those (``protocols.FitPredict``). A
model that is not at hand can still answer whatever it has answered before; what it has not, it says
(:class:`NotStoredError`).
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
    """A model's answers are asked for after a training of which none are there."""


@dataclass(frozen=True, eq=False)
class StoredAnswers:
    """What models said of n clips, by what they had been trained on.

    Attributes
    ----------
    fold : (n,) the name of each clip's fold, or part ("train").
    answers : model → folds it was trained on → (n, k), NaN where no answer is stored.
    """

    fold: NDArray[np.str_]
    answers: Mapping[str, Mapping[Trained, Floats]]

    def __post_init__(self) -> None:
        for name, of in self.answers.items():
            for p in of.values():
                if p.ndim != 2 or len(p) != len(self.fold):
                    raise FusionDataError(
                        f"model {name!r}: {p.shape} answers for {len(self.fold)} clips"
                    )

    def models(self) -> Models:
        """Each as a callable (train, test) → (len(test), k), which raises NotStoredError."""
        return {name: self._model(name) for name in self.answers}

    def _model(self, name: str) -> FitPredict:
        def call(train: Ints, test: Ints) -> Floats:
            on = frozenset(map(str, self.fold[train]))
            if np.isin(self.fold, list(on)).sum() != len(np.unique(train)):
                raise NotStoredError(f"no answers of {name} are stored after a part of a fold")
            p = self.answers[name].get(on)
            said = None if p is None else p[test]
            if said is None or np.isnan(said).any():
                of = "of the same clips" if np.isin(test, train).all() else "of the clips wanted"
                after = " and ".join(sorted(on))
                raise NotStoredError(f"no answers of {name}, trained on {after}, are stored {of}")
            return said

        return call

    @classmethod
    def from_nested(
        cls,
        names: list[str],
        nested: NestedPredictions,
        seen: NDArray[Any] | None = None,
    ) -> StoredAnswers:
        """Of nested predictions, whose folds get the names "0", "1" …

        Parameters
        ----------
        names : of the m models.
        seen : (F, F, n, m, k): seen[f, g, i] is said of clip i, which is in neither f nor g, by
            models that were trained on all folds but these two (seen[f, f]: but one), and so on
            that very clip; NaN elsewhere. None: not stored.
        """
        folds = len(nested.inner)
        fold = nested.fold_of
        every = frozenset(map(str, range(folds)))
        if seen is not None and seen.shape != (folds, *nested.inner.shape):
            raise FusionDataError(
                f"seen must be {(folds, *nested.inner.shape)}, not {np.shape(seen)}"
            )
        answers: dict[str, dict[Trained, Floats]] = {name: {} for name in names}
        for left in [(f, f) for f in range(folds)] + list(combinations(range(folds), 2)):
            p = np.full(nested.outer.shape, np.nan)
            for f, g in (left, left[::-1]):
                # models that met neither f nor g serve a fusion tested on f for the clips of g
                p[fold == g] = (nested.outer if f == g else nested.inner[f])[fold == g]
            if seen is not None:
                known = ~np.isin(fold, left)
                p[known] = seen[left][known]
            on = every - set(map(str, left))
            for j, name in enumerate(names):
                answers[name][on] = p[:, j]
        return cls(fold.astype(str), answers)

    def beside(self, other: StoredAnswers) -> StoredAnswers:
        """These models and another's, of the same clips and folds."""
        if not np.array_equal(self.fold, other.fold):
            raise FusionDataError("the answers are not of the same clips and folds")
        twice = set(self.answers) & set(other.answers)
        if twice:
            raise FusionDataError(f"two models are called {min(twice)!r}")
        return StoredAnswers(self.fold, {**self.answers, **other.answers})
