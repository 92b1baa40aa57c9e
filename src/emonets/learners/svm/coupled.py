"""A support vector machine that predicts probabilities, as libsvm makes them (paper 3.1.4).

A C-SVM (the machine of scikit-learn's SVC, which is libsvm) gives one decision value a pair of
classes. For each pair a sigmoid is fitted to decision values of samples that the machine was not
trained on, from a cross-validation inside the pair, and the pairs are coupled (``coupling``).

scikit-learn's own ``SVC(probability=True)`` is on its way out and differs in two ways: its folds
cannot be chosen, and its ``predict`` counts the pairs' votes, where libsvm with probabilities,
and this class, take the most probable class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.svm import SVC
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.folds import (
    Fold,
    Indices,
    folds_within,
    given_folds,
    shuffled_folds,
    split_folds,
)
from emonets.learners.svm.coupling import (
    couple,
    fit_sigmoid,
    pairs_of,
    pairwise_probabilities,
)
from emonets.learners.svm.kernels import KERNELS, Floats, Kernel, called, kernel_values

_ROWS = 256  # samples evaluated at a time: memory does not grow with their number
_ARRAYS = ("kernel", "classes", "support", "support_vectors", "n_support", "dual_coef", "intercept",
           "probA", "probB", "gamma", "C", "n_features")  # fmt: skip


class CoupledSVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """C-SVM with pairwise Platt sigmoids and libsvm's coupling.

    Parameters
    ----------
    C : penalty of an error, > 0.
    kernel : "rbf" exp(-gamma |a - b|²), "linear", "precomputed" (X is then the kernel matrix:
        square to fit, samples × training samples to predict), or a function of two matrices.
    gamma : of the RBF kernel: a number > 0, "scale" (1 / (features × variance of X)) or "auto"
        (1 / features, libsvm's default).
    cv : the folds behind the sigmoids. A whole number ≥ 2: that many shuffled folds in each pair,
        as libsvm, of whole groups where ``fit`` is given groups. A splitter of scikit-learn's
        kind: its ``split(X, y, groups)`` is called on a copy of it, pair after pair, with the
        samples of the pair's first class and then those of its second. A list of
        (train, test) indices into the whole training set: each pair takes its part of them.
        Where a fold's training part lacks one class, its test samples get +1 or -1 for the class
        that is there, and 0 where it lacks both, as in libsvm.
    tol : of the optimiser, libsvm's epsilon.
    cache_size : megabytes of kernel values that the optimiser keeps.
    random_state : shuffles the folds where ``cv`` is a number.

    Attributes
    ----------
    classes_ : (k,) sorted.
    support_ : (s,) training samples that are support vectors, class by class.
    support_vectors_ : (s, d); (s, 0) for a precomputed kernel.
    n_support_ : (k,) how many of each class.
    dual_coef_ : (k - 1, s), libsvm's layout: row j - 1 of class i against j > i, row j of class i
        against j < i.
    intercept_, probA_, probB_ : (k (k - 1) / 2,) in the order of ``coupling``; a positive
        decision value favours the pair's first class, for two classes as well.
    gamma_ : the number that ``gamma`` meant.
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        kernel: str | Kernel = "rbf",
        gamma: float | str = "scale",
        cv: Any = 5,
        tol: float = 1e-3,
        cache_size: float = 200.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.cv = cv
        self.tol = tol
        self.cache_size = cache_size
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Train the machine on all samples and its sigmoids on folds of them.

        Parameters
        ----------
        X : (n, d) finite, or (n, n) for a precomputed kernel.
        y : (n,) labels of at least two classes.
        groups : (n,) of samples that must share a fold (such as persons), for ``cv``.

        Raises
        ------
        ParameterError : a parameter out of its range, one class only, folds that do not fit.
        ValueError : scikit-learn's, for X or y of a wrong shape or type.
        """
        self._check_parameters()
        x, labels = validate_data(self, X, y, dtype=np.float64, order="C")
        check_classification_targets(labels)
        classes, t = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ParameterError(f"y holds one class only, {classes[0]!r}; a classifier needs two")
        group = None if groups is None else np.asarray(groups)
        if group is not None and group.shape != t.shape:
            raise ParameterError(f"groups {group.shape} must have one entry a sample, {t.shape}")

        if callable(self.kernel):
            z, kind = called(self.kernel, x, x), "precomputed"
        else:
            z, kind = x, self.kernel
        if kind == "precomputed" and z.shape[0] != z.shape[1]:
            raise ParameterError(f"a precomputed kernel must be square to fit, not {z.shape}")
        self.gamma_ = self._gamma(x)

        machine = SVC(
            C=self.C, kernel=kind, gamma=self.gamma_, tol=self.tol, cache_size=self.cache_size,
            decision_function_shape="ovo",
        )  # fmt: skip
        with config_context(skip_parameter_validation=True, assume_finite=True):
            whole = clone(machine).fit(z, t)
            sigmoids = [
                _platt(machine, z, rows, t[rows] == i, folds)
                for i, rows, folds in self._pair_folds(x, t, labels, group)
            ]
        # For two classes scikit-learn turns libsvm's signs round; here they stay
        sign = -1.0 if len(classes) == 2 else 1.0
        self.classes_ = classes
        self.support_ = np.asarray(whole.support_, dtype=np.intp)
        self.support_vectors_ = x[self.support_, : 0 if self.kernel == "precomputed" else None]
        self.n_support_ = np.asarray(whole.n_support_, dtype=np.intp)
        self.dual_coef_ = sign * np.asarray(whole.dual_coef_, dtype=np.float64)
        self.intercept_ = sign * np.asarray(whole.intercept_, dtype=np.float64)
        self.probA_, self.probB_ = np.array(sigmoids).T.copy()
        return self

    def pairwise_decisions(self, X: ArrayLike) -> Floats:
        """Decision values of the pairs, (n, k (k - 1) / 2); positive for a pair's first class.

        They are those of scikit-learn's ``SVC(decision_function_shape="ovo")``, but for two
        classes, where that has the opposite sign.
        """
        check_is_fitted(self, "dual_coef_")
        x = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        decisions = np.empty((len(x), len(self.intercept_)))
        for start in range(0, len(x), _ROWS):
            kernel = self._against_support(x[start : start + _ROWS])
            decisions[start : start + _ROWS] = pairwise_decisions(
                kernel, self.dual_coef_, self.intercept_, self.n_support_
            )
        return decisions

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Coupled probabilities, (n, k) in the order of ``classes_``, rows summing to one."""
        decisions = self.pairwise_decisions(X)
        return couple(pairwise_probabilities(decisions, self.probA_, self.probB_))

    def decision_function(self, X: ArrayLike) -> Floats:
        """Log-probabilities (n, k), or log-odds of the second class (n,) where there are two.

        Their order is that of ``predict``, which the raw values of the pairs do not give.
        """
        p = np.log(self.predict_proba(X))
        return p if p.shape[1] > 2 else p[:, 1] - p[:, 0]

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class, (n,): not the winner of the pairs' votes."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back.

        Raises
        ------
        DataError : labels that are not numbers, or a kernel that is a function: neither fits in
            a file of arrays.
        """
        check_is_fitted(self, "dual_coef_")
        if callable(self.kernel):
            raise DataError("a kernel that is a function cannot be stored; use 'precomputed'")
        if self.classes_.dtype.kind not in "iufb":
            raise DataError("only numeric labels can be stored; train on the classes' numbers")
        return {
            "kernel": np.array([KERNELS.index(self.kernel)]),
            "classes": self.classes_,
            "support": self.support_.astype(np.int64),
            "support_vectors": self.support_vectors_,
            "n_support": self.n_support_.astype(np.int64),
            "dual_coef": self.dual_coef_,
            "intercept": self.intercept_,
            "probA": self.probA_,
            "probB": self.probB_,
            "gamma": np.array([self.gamma_]),
            "C": np.array([float(self.C)]),
            "n_features": np.array([self.n_features_in_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted machine from :meth:`to_arrays`; it predicts, and can be fitted anew.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        missing = [name for name in _ARRAYS if name not in arrays]
        if missing:
            raise BundleError(f"the coupled SVM lacks {', '.join(missing)}; store it again")
        a = {name: np.asarray(arrays[name]) for name in _ARRAYS}
        _check_arrays(a)
        kernel, gamma = KERNELS[int(a["kernel"][0])], float(a["gamma"][0])
        machine = cls(C=float(a["C"][0]), kernel=kernel, gamma=gamma)
        machine.gamma_ = gamma
        machine.classes_ = a["classes"]
        machine.support_ = a["support"].astype(np.intp)
        machine.n_support_ = a["n_support"].astype(np.intp)
        for name in ("support_vectors", "dual_coef", "intercept", "probA", "probB"):
            setattr(machine, f"{name}_", np.ascontiguousarray(a[name], dtype=np.float64))
        machine.n_features_in_ = int(a["n_features"][0])
        return machine

    def _check_parameters(self) -> None:
        for name in ("C", "tol", "cache_size"):
            _check_positive(name, getattr(self, name))
        if not callable(self.kernel) and self.kernel not in KERNELS:
            raise ParameterError(
                f"kernel must be one of {', '.join(KERNELS)} or a function, not {self.kernel!r}"
            )
        if isinstance(self.gamma, str):
            if self.gamma not in ("scale", "auto"):
                raise ParameterError(f"gamma must be a number, scale or auto, not {self.gamma!r}")
        else:
            _check_positive("gamma", self.gamma)
        if isinstance(self.cv, int | np.integer) and not isinstance(self.cv, bool):
            if self.cv < 2:
                raise ParameterError(f"cv must be at least 2 folds, not {self.cv}")
        elif isinstance(self.cv, bool | str) or not (
            hasattr(self.cv, "split") or isinstance(self.cv, Iterable)
        ):
            raise ParameterError(
                f"cv must be a number of folds, a splitter or a list of folds, not {self.cv!r}"
            )

    def _gamma(self, x: Floats) -> float:
        if not isinstance(self.gamma, str):
            return float(self.gamma)
        variance = float(x.var()) if self.gamma == "scale" else 1.0
        return 1.0 / (x.shape[1] * variance) if variance > 0.0 else 1.0

    def _pair_folds(
        self, x: Floats, t: Indices, labels: NDArray[Any], group: NDArray[Any] | None
    ) -> Iterator[tuple[int, Indices, list[Fold]]]:
        """Each pair's first class, its samples (that class first), folds of their positions."""
        random = check_random_state(self.random_state)
        splitter = deepcopy(self.cv) if hasattr(self.cv, "split") else None
        given = None
        if splitter is None and not isinstance(self.cv, int | np.integer):
            given = given_folds(self.cv, len(t))
        for i, j in pairs_of(int(t.max()) + 1):
            rows = np.concatenate([np.flatnonzero(t == i), np.flatnonzero(t == j)])
            among = None if group is None else group[rows]
            if given is not None:
                folds = folds_within(given, rows, len(t))
            elif splitter is not None:
                folds = split_folds(splitter, x[rows], labels[rows], among)
            else:
                folds = shuffled_folds(len(rows), int(self.cv), random, among)
            yield int(i), rows, folds

    def _against_support(self, x: Floats) -> Floats:
        """Kernel of samples against the support vectors: (n, s)."""
        if self.kernel == "precomputed":
            return x[:, self.support_]
        return kernel_values(self.kernel, self.gamma_, x, self.support_vectors_)


def pairwise_decisions(
    kernel: Floats, dual_coef: Floats, intercept: Floats, n_support: Indices
) -> Floats:
    """Decision values of all pairs from kernel values, libsvm's sign: (n, s) → (n, pairs).

    Each value is a sum along a row, so that a sample's does not depend on the batch.
    """
    ends = np.cumsum(n_support)
    of = [slice(end - n, end) for end, n in zip(ends, n_support, strict=True)]
    decisions = np.empty((len(kernel), len(intercept)))
    for pair, (i, j) in enumerate(pairs_of(len(n_support))):
        decisions[:, pair] = (
            (kernel[:, of[i]] * dual_coef[j - 1, of[i]]).sum(axis=1)
            + (kernel[:, of[j]] * dual_coef[i, of[j]]).sum(axis=1)
            + intercept[pair]
        )
    return decisions


def _platt(
    machine: SVC, z: Floats, rows: Indices, first: NDArray[np.bool_], folds: Iterable[Fold]
) -> tuple[float, float]:
    """Fit a pair's sigmoid to decision values of the parts left out (libsvm's way)."""
    gram = machine.kernel == "precomputed"
    values: list[Floats] = []
    truths: list[NDArray[np.bool_]] = []
    for train, test in folds:
        truths.append(first[test])
        seen = first[train]
        if not len(test) or not len(train) or seen.all() or not seen.any():
            lonely = 0.0 if not len(train) else 1.0 if seen.all() else -1.0
            values.append(np.full(len(test), lonely))
            continue
        inside = z[np.ix_(rows[train], rows[train])] if gram else z[rows[train]]
        # Class 0 is the pair's first: scikit-learn's sign for two classes is then the other one
        machine.fit(inside, np.where(seen, 0, 1))
        support = rows[train][machine.support_]
        if gram:
            kernel = z[np.ix_(rows[test], support)]
        else:
            kernel = kernel_values(machine.kernel, machine.gamma, z[rows[test]], z[support])
        values.append(-(kernel @ machine.dual_coef_[0] + machine.intercept_[0]))
    if not sum(map(len, values)):
        raise ParameterError(
            "cv leaves no sample of a pair of classes in any test fold; "
            "give folds whose test parts hold every class"
        )
    return fit_sigmoid(np.concatenate(values), np.concatenate(truths))


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < np.inf:
        raise ParameterError(f"{name} must be a number above 0, not {value!r}")


def _check_arrays(a: Mapping[str, NDArray[Any]]) -> None:
    """Raise BundleError unless the stored arrays fit each other."""
    for name, array in a.items():
        if array.dtype.kind not in "iufb" or not np.isfinite(array).all():
            raise BundleError(f"the coupled SVM's {name} is not finite numbers; it is damaged")
    if any(a[name].shape != (1,) for name in ("kernel", "gamma", "C", "n_features")):
        raise BundleError("the coupled SVM's kernel, gamma, C and n_features must be one number")
    kernel, k, s = int(a["kernel"][0]), a["classes"].size, a["support"].size
    pairs = k * (k - 1) // 2
    d = 0 if kernel == KERNELS.index("precomputed") else int(a["n_features"][0])
    expected = {
        "classes": (k,), "support": (s,), "n_support": (k,), "support_vectors": (s, d),
        "dual_coef": (k - 1, s), "intercept": (pairs,), "probA": (pairs,), "probB": (pairs,),
    }  # fmt: skip
    wrong = [name for name, shape in expected.items() if a[name].shape != shape]
    if kernel not in range(len(KERNELS)) or k < 2 or wrong:
        raise BundleError(f"the coupled SVM's arrays do not fit together: {wrong or 'kernel'}")
    n_support, support = a["n_support"], a["support"]
    if n_support.min() < 0 or n_support.sum() != s or (s and support.min() < 0):
        raise BundleError("the coupled SVM's numbers of support vectors do not add up")
    if kernel == KERNELS.index("precomputed") and s and support.max() >= a["n_features"][0]:
        raise BundleError("the coupled SVM's support vectors point outside its training samples")
    if (np.diff(a["classes"]) <= 0).any():
        raise BundleError("the coupled SVM's classes are not in rising order")
