"""A linear machine of numbers of any scale, with coupled probabilities: small to store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import DataError
from emonets.learners.coupled_svm import CoupledSVC
from emonets.learners.coupling import couple, pairs_of, pairwise_probabilities
from emonets.learners.folds import choosing_folds
from emonets.learners.grid import TwoStageGridSearch
from emonets.learners.stored import check_stored

Floats = NDArray[np.float64]

C_GRID: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Penalties that are tried, of standardised numbers divided by the root of how many there are."""


class ScaledSVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Standardise, then a linear `CoupledSVC` whose penalty is chosen in folds.

    What is kept is a weight a pair of classes and feature, and not the support vectors.

    Parameters
    ----------
    C : the penalty; None chooses one of ``penalties`` by the share right in folds.
    penalties : those that are tried.
    cv : folds: of the choice, and behind the sigmoids; of whole groups where ``fit`` has groups.
    random_state : shuffles the folds.

    Attributes
    ----------
    classes_ : (k,) sorted. C_ : the penalty.
    mean_, scale_ : (d,). weights_ : (pairs, d). bias_, probA_, probB_ : (pairs,).
    """

    def __init__(
        self,
        *,
        C: float | None = None,
        penalties: Sequence[float] = C_GRID,
        cv: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.C = C
        self.penalties = penalties
        self.cv = cv
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Learn from (n, d) finite numbers and (n,) labels of at least two classes.

        Raises
        ------
        ParameterError : one class only, or a parameter out of its range.
        ValueError : scikit-learn's, for X or y of a wrong shape or type.
        """
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.mean_ = x.mean(axis=0)
        deviation = x.std(axis=0)
        # numbers that never change say nothing, and must not blow up where they then do
        deviation[deviation <= 1e-9 * np.maximum(1.0, np.abs(self.mean_))] = np.inf
        self.scale_ = deviation * np.sqrt(x.shape[1])
        z = (x - self.mean_) / self.scale_
        machine = CoupledSVC(kernel="linear", cv=self.cv, random_state=self.random_state)
        C = self.C
        if C is None:
            group = None if groups is None else np.asarray(groups)
            cv = choosing_folds(labels, group, self.cv)
            search = TwoStageGridSearch(
                machine, coarse={"C": list(self.penalties)}, exponents=(0.0,), cv=cv
            )
            C = float(search.fit(z, labels, groups=groups).best_params_["C"])
        self.C_ = C
        machine.set_params(C=C).fit(z, labels, groups=groups)
        self.classes_ = machine.classes_
        # a linear machine's decisions are a matrix product: read off at 0 and at the unit vectors
        width = z.shape[1]
        self.bias_: Floats = machine.pairwise_decisions(np.zeros((1, width)))[0]
        self.weights_: Floats = (machine.pairwise_decisions(np.eye(width)) - self.bias_).T.copy()
        self.probA_, self.probB_ = machine.probA_, machine.probB_
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Coupled probabilities, (n, k) in the order of ``classes_``, rows summing to one."""
        check_is_fitted(self, "weights_")
        x = validate_data(self, X, dtype=np.float64, reset=False)
        # row by row, so that what else is in the batch changes nothing, not even by rounding
        z = (x - self.mean_) / self.scale_
        decisions = np.stack([self.weights_ @ row for row in z]) + self.bias_
        return couple(pairwise_probabilities(decisions, self.probA_, self.probB_))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back.

        Raises
        ------
        DataError : labels that are not numbers.
        """
        check_is_fitted(self, "weights_")
        if self.classes_.dtype.kind not in "iufb":
            raise DataError("only numeric labels can be stored; train on the classes' numbers")
        return {
            "classes": self.classes_, "C": np.array([float(self.C_)]), "mean": self.mean_,
            "scale": np.where(np.isinf(self.scale_), 0.0, self.scale_), "weights": self.weights_,
            "bias": self.bias_, "probA": self.probA_, "probB": self.probB_,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The inverse of :meth:`to_arrays`.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        owner = "the scaled SVM"
        check_stored(owner, arrays, {"classes": (None,)}, kinds="iuf")
        check_stored(owner, arrays, {"C": (1,), "mean": (None,)})
        pairs, width = len(pairs_of(len(arrays["classes"]))), len(arrays["mean"])
        check_stored(
            owner, arrays,
            {"scale": (width,), "weights": (pairs, width), "bias": (pairs,), "probA": (pairs,),
             "probB": (pairs,)},
        )  # fmt: skip
        machine = cls(C=float(arrays["C"][0]))
        machine.classes_, machine.C_ = np.asarray(arrays["classes"]), float(arrays["C"][0])
        machine.mean_ = np.asarray(arrays["mean"], np.float64)
        scale = np.asarray(arrays["scale"], np.float64)
        machine.scale_ = np.where(scale == 0, np.inf, scale)
        for name in ("weights", "bias", "probA", "probB"):
            setattr(machine, f"{name}_", np.asarray(arrays[name], np.float64))
        machine.n_features_in_ = width
        return machine
