"""A support vector machine on histograms, with a chi-square kernel (paper 3.3).

Between two histograms lies D(x, y) = Σ (x - y)² / (x + y) over the bins that are not empty in
both. With M the mean of D over all pairs of training samples, which is kept,

    exponential:  K = exp(-gamma D / M)
    additive:     K = (|x| + |y| - D) / M,  the sum of 4 x y / (x + y), over M

where |x| is the sum of x. The authors' code divided by the mean of whatever it compared, test
samples among it; here a prediction does not depend on the other samples. Pairs of classes, their
sigmoids and coupling are those of `emonets.learners.svm.coupled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from emonets.errors import DataError, ParameterError
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored
from emonets.learners.svm.coupled import CoupledSVC

Floats = NDArray[np.float64]

KERNELS = ("exponential", "additive")

_TILE = 2**15  # numbers: what is made of them stays in the processor's cache
_NOTHING = 1e-300  # added to sums of bins: 0 / 0 is 0, and no other sum is changed


def chi2_distances(a: ArrayLike, b: ArrayLike | None = None) -> Floats:
    """D(x, y) = Σ (x - y)² / (x + y) of the rows x of a (n, d) and y of b (m, d): (n, m).

    Bins that are empty in both count nothing. Without b, of the rows of a with each other. Each
    value is a sum of differences along a row: exact for near neighbours, and the same however
    many rows come with it.

    Raises
    ------
    ParameterError : not two tables of one width, or values below 0 or not finite.
    """
    x = np.ascontiguousarray(a, dtype=np.float64)
    y = x if b is None else np.ascontiguousarray(b, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ParameterError(f"expected (n, d) and (m, d), got {x.shape} and {y.shape}")
    for table in (x, y):
        if table.size and not (np.isfinite(table).all() and table.min() >= 0):
            raise ParameterError("histograms must be finite and from 0 on")
    out = np.zeros((len(x), len(y)))
    step = max(1, _TILE // max(x.shape[1], 1))
    difference, total = (np.empty((step, x.shape[1])) for _ in range(2))
    for start in range(0, len(y), step):
        part = y[start : start + step]
        d, s = difference[: len(part)], total[: len(part)]
        # of a symmetric table the lower half is filled in afterwards
        for i in range(len(x) if b is not None else min(start + step, len(x))):
            np.subtract(part, x[i], out=d)
            np.add(part, x[i] + _NOTHING, out=s)
            np.divide(d, s, out=s)
            np.einsum("nd,nd->n", d, s, out=out[i, start : start + len(part)])
    if b is None:
        upper = np.triu(out, 1)
        out = upper + upper.T
    return out


def chi2_kernel(
    distances: Floats, a: Floats, b: Floats, *, kernel: str, gamma: float, mean: float
) -> Floats:
    """K (n, m) from distances (n, m) and the sums |x| (n,), |y| (m,) of the histograms.

    Parameters
    ----------
    kernel : "exponential" or "additive".
    gamma : of the exponential kernel.
    mean : M.
    """
    if kernel == "exponential":
        return np.exp(-float(gamma) / mean * distances)
    return (np.asarray(a)[:, None] + b - distances) / mean


class Chi2SVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """C-SVM with a chi-square kernel that predicts coupled probabilities.

    Parameters
    ----------
    C : penalty of an error, > 0 (the authors' code: 100).
    kernel : "exponential" or "additive".
    gamma : of the exponential kernel, > 0 (the authors' code: 0.5).
    cv : the folds behind the sigmoids, as in `CoupledSVC`; with groups whole groups of them.
    tol : of the optimiser.
    random_state : shuffles the folds where ``cv`` is a number.

    Attributes
    ----------
    classes_ : (k,) sorted.
    support_vectors_ : (s, d), numbers of single precision.
    mean_distance_ : M, over all pairs of training samples, each with itself among them; 1 where
        all are equal.
    machine_ : the `CoupledSVC` of the kernel values of the support vectors.
    """

    def __init__(
        self,
        *,
        C: float = 100.0,
        kernel: str = "exponential",
        gamma: float = 0.5,
        cv: Any = 5,
        tol: float = 1e-3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.cv = cv
        self.tol = tol
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Train the machine on all samples and its sigmoids on folds of them.

        The folds share M, which uses no label.

        Parameters
        ----------
        X : (n, d) histograms, finite and from 0 on.
        y : (n,) labels of at least two classes.
        groups : (n,) of samples that must share a fold (such as persons).

        Raises
        ------
        ParameterError : a parameter out of its range, one class only, folds that do not fit.
        ValueError : scikit-learn's, for X or y of a wrong shape or type, or values below 0.
        """
        check_choice("kernel", self.kernel, KERNELS)
        check_number("gamma", self.gamma, 0.0, np.inf, low_in=False, high_in=False)
        x, labels = validate_data(self, X, y, dtype=np.float64, order="C")
        check_classification_targets(labels)
        check_non_negative(x, f"{type(self).__name__}.fit")
        distances = chi2_distances(x)
        mean = float(distances.mean())
        self.mean_distance_ = mean if mean > 0 else 1.0
        machine = CoupledSVC(
            C=self.C, kernel="precomputed", cv=self.cv, tol=self.tol,
            random_state=self.random_state,
        ).fit(self._kernel(distances, x, x), labels, groups=groups)  # fmt: skip
        self.classes_ = machine.classes_
        # as they are stored
        self.support_vectors_ = x[machine.support_].astype(np.float32).astype(np.float64)
        self.machine_ = _of_support(machine)
        return self

    def pairwise_decisions(self, X: ArrayLike) -> Floats:
        """Decision values of the pairs, (n, k (k - 1) / 2); positive for a pair's first class."""
        return self.machine_.pairwise_decisions(self._against_support(X))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Coupled probabilities, (n, k) in the order of ``classes_``, rows summing to one."""
        values = self._against_support(X)
        return self.machine_.predict_proba(values)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Log-probabilities (n, k), or log-odds of the second class (n,) where there are two."""
        values = self._against_support(X)
        return self.machine_.decision_function(values)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class, (n,): not the winner of the pairs' votes."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back.

        Raises
        ------
        DataError : labels that are not numbers.
        """
        check_is_fitted(self, "machine_")
        if self.classes_.dtype.kind not in "iufb":
            raise DataError("only numeric labels can be stored; train on the classes' numbers")
        kept = {f"machine_{name}": array for name, array in _stored(self.machine_).items()}
        return {
            **kept,
            "classes": self.classes_,
            "support_vectors": self.support_vectors_.astype(np.float32),
            "kernel": np.array([KERNELS.index(self.kernel)]),
            "gamma": np.array([float(self.gamma)]),
            "mean_distance": np.array([self.mean_distance_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted machine from :meth:`to_arrays`; it predicts, and can be fitted anew.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        owner, start = "the chi-square SVM", "machine_"
        machine = CoupledSVC.from_arrays(
            {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
        )
        check_stored(
            owner, arrays,
            {"support_vectors": (len(machine.support_), None), "classes": machine.classes_.shape,
             "kernel": (1,), "gamma": (1,), "mean_distance": (1,)},
            kinds="iufb",
        )  # fmt: skip
        kernel = int(np.clip(arrays["kernel"][0], 0, len(KERNELS) - 1))
        made = cls(C=machine.C, kernel=KERNELS[kernel], gamma=float(arrays["gamma"][0]))
        machine.classes_ = np.array(arrays["classes"])
        made.machine_, made.classes_ = machine, machine.classes_
        made.support_vectors_ = np.ascontiguousarray(arrays["support_vectors"], dtype=np.float64)
        made.mean_distance_ = float(arrays["mean_distance"][0])
        made.n_features_in_ = made.support_vectors_.shape[1]
        return made

    def _kernel(self, distances: Floats, a: Floats, b: Floats) -> Floats:
        return chi2_kernel(
            distances, a.sum(axis=1), b.sum(axis=1), kernel=self.kernel, gamma=self.gamma,
            mean=self.mean_distance_,
        )  # fmt: skip

    def _against_support(self, X: ArrayLike) -> Floats:
        """Kernel of samples against the support vectors: (n, s)."""
        check_is_fitted(self, "machine_")
        x = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        check_non_negative(x, type(self).__name__)
        distances = chi2_distances(x, self.support_vectors_)
        return self._kernel(distances, x, self.support_vectors_)


def _stored(machine: CoupledSVC) -> dict[str, NDArray[Any]]:
    """The arrays of a machine on kernel values; its labels may be anything."""
    named = machine.classes_
    machine.classes_ = np.arange(len(named))
    try:
        return machine.to_arrays()
    finally:
        machine.classes_ = named


def _of_support(machine: CoupledSVC) -> CoupledSVC:
    """The same machine, that takes kernel values of its support vectors alone."""
    named, count = machine.classes_, len(machine.support_)
    arrays = _stored(machine)
    arrays |= {"support": np.arange(count), "n_features": np.array([count])}
    made = CoupledSVC.from_arrays(arrays)
    made.classes_ = named
    return made
