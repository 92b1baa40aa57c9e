"""Pools whose weights need no search (paper 4.1): means over any of the models, and products.

A linear pool adds the models' probabilities, a log pool multiplies them. The product is right where
models err for different reasons, as those of a face and a voice do. ``common.FLOOR`` limits how far
a single model can exclude a class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import BundleError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.common import (
    DOMAINS,
    Arrays,
    Floats,
    Ints,
    check_labels,
    check_models,
    check_probabilities,
    pool,
)
from emonets.fusion.scoring import Scorer, check_scoring
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored


def subsets(models: int) -> Iterator[tuple[int, ...]]:
    """Every non-empty subset of 0..models-1, the small ones first: 31 of five models."""
    for size in range(1, models + 1):
        yield from combinations(range(models), size)


@dataclass(frozen=True)
class SubsetScore:
    """How well the pool of some of the models did."""

    models: tuple[int, ...]
    score: float


def score_subsets(
    P: ArrayLike,
    y: ArrayLike,
    *,
    domain: str = "probability",
    scoring: str = "accuracy",
    found: ArrayLike | None = None,
) -> list[SubsetScore]:
    """Score the equally weighted pool of every subset of the models; the best first.

    Of equal scores the smaller subset comes first. P (n, m, k), y (n,), found (n, m) as for a
    fusion; m is at most 16.

    Raises
    ------
    DataError : as :meth:`Fusion.fit`.
    ParameterError : more models than that, or an invalid parameter.
    """
    check_choice("domain", domain, DOMAINS)
    check_scoring(scoring)
    p = check_probabilities(P, found=found)
    _, target = check_labels(y, p.shape[2], len(p))
    if p.shape[1] > 16:
        raise ParameterError(f"{p.shape[1]} models have too many subsets; choose 16 at most")
    chosen = list(subsets(p.shape[1]))
    weights = np.zeros((len(chosen), *p.shape[1:]))
    for row, models in zip(weights, chosen, strict=True):
        row[list(models)] = 1 / len(models)
    scores = Scorer(p, target, domain=domain, scoring=scoring).exact(weights)
    ranked = sorted(zip(-np.round(scores, 12), map(len, chosen), chosen, strict=True))
    return [SubsetScore(models, float(-negative)) for negative, _, models in ranked]


class PooledFusion(Fusion):
    """A fusion that is one weighted pool: ``weights_`` (m, k), added up in ``domain_``."""

    weights_: Floats
    domain_: str

    @classmethod
    def untrained(cls, n_models: int, n_classes: int = len(EMOTIONS)) -> Self:
        """Fitted without data, with equal weights; for fusions that learn nothing from labels.

        Raises
        ------
        ParameterError : this kind learns from labels.
        """
        made = cls()
        if made.needs_labels:
            raise ParameterError(f"{cls.__name__} learns from labels; call fit")
        made._be_fitted(n_models, np.arange(n_classes))
        made._fit(np.full((1, n_models, n_classes), 1 / n_classes), np.zeros(1, np.intp), None)
        return made

    def _fuse(self, p: Floats) -> Floats:
        return pool(p, self.weights_, self.domain_)

    def _settings(self) -> dict[str, Any]:
        return {"domain": self.domain_}

    def _arrays(self) -> Arrays:
        return {"weights": self.weights_}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        shape = (self.n_models_, len(self.classes_))
        check_stored("the fusion", arrays, {"weights": shape})
        if settings["domain"] not in DOMAINS:
            raise BundleError(f"the fusion's domain is {settings['domain']!r}, an unknown one")
        if (np.asarray(arrays["weights"]) < 0).any():
            raise BundleError("the fusion's weights are negative: they are damaged")
        self.weights_ = np.array(arrays["weights"], dtype=np.float64)
        self.domain_ = str(settings["domain"])


class MeanFusion(PooledFusion):
    """Mean of the models' probabilities (section 4.1).

    Parameters
    ----------
    models : which of them; None: all. "best": those whose mean is right most often on the training
        data (:func:`score_subsets`).
    n_models, uniform_models : see ``base``; of every fusion.

    Attributes
    ----------
    weights_ : (m, k), 1 over their number for the models chosen, 0 for the others.
    """

    kind = "mean"
    needs_labels = False
    domain_ = "probability"
    _each = "share"

    def __init__(
        self,
        *,
        models: Sequence[int] | str | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.models = models
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        self.weights_ = self._equal(p, target)

    def _equal(self, p: Floats, target: Ints) -> Floats:
        m = p.shape[1]
        if isinstance(self.models, str):
            check_choice("models", self.models, ("best",))
            chosen = list(score_subsets(p, target, domain=self.domain_)[0].models)
        elif self.models is None:
            chosen = list(range(m))
        else:
            chosen = check_models("models", self.models, m)
            if not chosen:
                raise ParameterError("models is empty; name one at least")
        weights = np.zeros(p.shape[1:])
        weights[chosen] = 1 / len(chosen)
        return weights


class ProductFusion(MeanFusion):
    """Product of the models' probabilities: a log-linear pool with equal weights.

    It follows from Bayes' rule for models that err independently of each other, and for classes
    that are equally common.

    Parameters
    ----------
    models : as for :class:`MeanFusion`.
    power : of each model's probabilities; None: 1 over the number of models chosen, the geometric
        mean. The label does not depend on it, the confidence does.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    weights_ : (m, k), the power for the models chosen, 0 for the others.
    """

    kind = "product"
    domain_ = "log"

    def __init__(
        self,
        *,
        models: Sequence[int] | str | None = None,
        power: float | None = 1.0,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        super().__init__(models=models, n_models=n_models, uniform_models=uniform_models)
        self.power = power

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.power is not None:
            check_number("power", self.power, 0, np.inf, low_in=False, high_in=False)

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        equal = self._equal(p, target)
        self.weights_ = equal if self.power is None else np.where(equal > 0, self.power, 0.0)


class RecallWeightedMean(PooledFusion):
    """Mean weighted by how much of each class a model recalls ("take best").

    The weight of model j for class c is its recall of c on the data of ``fit``, over the sum of
    the models' recalls of c. The authors used the training data, on which models that overfit
    recall everything (by their code). Give predictions of models not trained on these clips.

    Parameters
    ----------
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    weights_ : (m, k), columns summing to one; equal for a class that no clip has, or no model
        recalls.
    recall_ : (m, k), NaN for a class that no clip has.
    """

    kind = "recall"
    domain_ = "probability"

    def __init__(self, *, n_models: int | None = None, uniform_models: Sequence[int] = ()) -> None:
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        k = p.shape[2]
        count = np.bincount(target, minlength=k).astype(np.float64)
        count[count == 0] = np.nan
        right = p.argmax(axis=2) == target[:, None]
        hits = np.stack([right[target == c].sum(axis=0) for c in range(k)], axis=1)
        self.recall_ = hits / count
        total = np.nan_to_num(self.recall_.sum(axis=0))
        self.weights_ = np.where(
            total > 0, np.nan_to_num(self.recall_) / np.where(total > 0, total, 1), 1 / p.shape[1]
        )
