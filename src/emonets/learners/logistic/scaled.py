"""Logistic regression on numbers of any scale, its penalty chosen in folds: small to store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import DataError, ParameterError
from emonets.learners.folds import Fold, choosing_folds, shuffled_folds
from emonets.learners.stored import check_stored

Floats = NDArray[np.float64]

C_GRID: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0)
"""Penalties that are tried on standardised numbers: inverse strengths, as scikit-learn has them."""
_LEAST = 1e-6  # a probability is counted as, where it is less: no single sample decides
_WORSE = 2  # penalties in a row that are worse than the best: weaker ones are not tried


class ScaledLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Standardise, then a multinomial logistic regression with a ridge.

    Parameters
    ----------
    C : inverse strength of the ridge; None chooses one of ``penalties`` by the mean -log p in
        folds, from the strongest on.
    cv : folds of that choice; of whole groups where ``fit`` has groups.
    max_iter : of the optimiser.

    Attributes
    ----------
    classes_ : (k,) sorted. C_ : the penalty.
    mean_, scale_ : (d,). coef_ : (k, d). intercept_ : (k,).
    n_iter_ : steps of the optimiser.
    """

    def __init__(
        self,
        *,
        C: float | None = None,
        penalties: Sequence[float] = C_GRID,
        cv: int = 5,
        max_iter: int = 500,
    ) -> None:
        self.C = C
        self.penalties = penalties
        self.cv = cv
        self.max_iter = max_iter

    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Learn from (n, d) finite numbers and (n,) labels of at least two classes.

        Raises
        ------
        ParameterError : one class only, or a penalty that is none.
        ValueError : scikit-learn's, for X or y of a wrong shape or type.
        """
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ParameterError(
                f"y holds one class only, {self.classes_[0]!r}; a classifier needs two"
            )
        penalties = [float(C) for C in (self.penalties if self.C is None else [self.C])]
        if not penalties or min(penalties) <= 0:
            raise ParameterError(f"penalties must be numbers above 0, got {penalties}")
        self.C_ = penalties[0]
        if self.C is None:
            self.C_ = self._chosen(x, target, groups, sorted(penalties))
        self.mean_, self.scale_ = _scales(x)
        self.coef_, self.intercept_ = self._solved((x - self.mean_) / self.scale_, target, self.C_)
        return self

    def _chosen(
        self, x: Floats, y: NDArray[np.intp], groups: ArrayLike | None, penalties: list[float]
    ) -> float:
        group = None if groups is None else np.asarray(groups)
        folds: int | list[Fold] = choosing_folds(y, group, self.cv)
        if isinstance(folds, int):
            folds = shuffled_folds(len(y), folds, np.random.RandomState(0), group)
        losses: list[float] = []
        for C in penalties:
            lost = []
            for train, test in folds:
                mean, scale = _scales(x[train])
                coef, intercept = self._solved((x[train] - mean) / scale, y[train], C)
                p = softmax((x[test] - mean) / scale @ coef.T + intercept, axis=1)
                seen = np.unique(y[train])
                column = np.searchsorted(seen, y[test])
                trained = np.isin(y[test], seen)  # others have no probability
                right = p[trained, column[trained]]
                lost.append(-np.log(np.maximum(right, _LEAST)))
            losses.append(float(np.concatenate(lost).mean()))
            if int(np.argmin(losses)) < len(losses) - _WORSE:
                break
        return penalties[int(np.argmin(losses))]

    def _solved(self, z: Floats, y: NDArray[np.intp], C: float) -> tuple[Floats, Floats]:
        """(k, d) and (k,), a row a class that is there."""
        machine = LogisticRegression(C=C, max_iter=self.max_iter, tol=1e-4).fit(z, y)
        self.n_iter_ = int(np.max(machine.n_iter_))
        coef, intercept = machine.coef_, machine.intercept_
        if len(machine.classes_) == 2:  # scikit-learn keeps the second's only
            coef = np.concatenate([np.zeros_like(coef), coef])
            intercept = np.concatenate([[0.0], intercept])
        return np.asarray(coef, np.float64), np.asarray(intercept, np.float64)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """(n, k) in the order of ``classes_``, rows summing to one."""
        check_is_fitted(self, "coef_")
        x = validate_data(self, X, dtype=np.float64, reset=False)
        # row by row, so that what else is in the batch changes nothing, not even by rounding
        z = (x - self.mean_) / self.scale_
        return np.asarray(
            softmax(np.stack([self.coef_ @ row for row in z]) + self.intercept_, axis=1)
        )

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
        check_is_fitted(self, "coef_")
        if self.classes_.dtype.kind not in "iufb":
            raise DataError("only numeric labels can be stored; train on the classes' numbers")
        return {
            "classes": self.classes_, "C": np.array([float(self.C_)]), "mean": self.mean_,
            "scale": np.where(np.isinf(self.scale_), 0.0, self.scale_), "coef": self.coef_,
            "intercept": self.intercept_,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The inverse of :meth:`to_arrays`.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        owner = "the logistic regression"
        check_stored(owner, arrays, {"classes": (None,)}, kinds="iuf")
        check_stored(owner, arrays, {"C": (1,), "mean": (None,)})
        k, width = len(arrays["classes"]), len(arrays["mean"])
        check_stored(owner, arrays, {"scale": (width,), "coef": (k, width), "intercept": (k,)})
        machine = cls(C=float(arrays["C"][0]))
        machine.classes_, machine.C_ = np.asarray(arrays["classes"]), float(arrays["C"][0])
        scale = np.asarray(arrays["scale"], np.float64)
        machine.scale_ = np.where(scale == 0, np.inf, scale)
        machine.mean_ = np.asarray(arrays["mean"], np.float64)
        machine.coef_ = np.asarray(arrays["coef"], np.float64)
        machine.intercept_ = np.asarray(arrays["intercept"], np.float64)
        machine.n_features_in_ = width
        return machine


def _scales(x: Floats) -> tuple[Floats, Floats]:
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    # columns that were constant carry nothing, and must not grow large where they then change
    deviation[deviation <= 1e-9 * np.maximum(1.0, np.abs(mean))] = np.inf
    return mean, deviation
