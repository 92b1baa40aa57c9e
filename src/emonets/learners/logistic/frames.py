"""Multinomial logistic regression on more frames than fit into memory (paper 3.4).

scikit-learn's ``LogisticRegression`` holds all features as floats; here they may lie on disk as
small whole numbers and are read block by block, in every step of L-BFGS. What is minimised is

    Σ w[i] · -log p(y[i] | x[i]) / Σ w[i] + l2 · Σ W²

over the weights W of the features, standardised or as they are, and the biases, which go free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from emonets.errors import ParameterError
from emonets.learners.checks import check_number
from emonets.learners.stored import check_stored

Floats = NDArray[Any]

_ROWS = 256  # of a block: what the products read and write then stays in the processor's cache
_FLAT = 1e-6  # a column that deviates by less, as a share of its largest value, is constant


class FrameLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """L2-regularised softmax regression by L-BFGS, over blocks of rows.

    Parameters
    ----------
    l2 : penalty of a squared weight, beside the mean negative log likelihood of a frame (the
        authors' code: 1e-3).
    standardise : divide each feature by its standard deviation first (folded into the weights
        afterwards); without, features are taken as they are, as the authors did.
    max_iter : steps of L-BFGS.
    tol : it ends once no entry of the gradient is larger, each weight being counted in units of
        about one over the root of its curvature.
    warm_start : go on from the last solution, if the data have the same shape.

    Attributes
    ----------
    classes_ : (k,) labels, sorted.
    coef_, intercept_ : (k, d) and (k,), of the features as they come.
    n_iter_ : steps made.
    loss_ : what was minimised, at the end.
    """

    def __init__(
        self,
        *,
        l2: float = 1e-3,
        standardise: bool = False,
        max_iter: int = 200,
        tol: float = 1e-3,
        warm_start: bool = False,
    ) -> None:
        self.l2 = l2
        self.standardise = standardise
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        unit: ArrayLike | None = None,
    ) -> Self:
        """Learn from rows X.

        Parameters
        ----------
        X : (n, d) numbers, finite; a memory map is read by blocks and never copied whole.
        y : (n,) labels.
        sample_weight : (n,) ≥ 0; rows of weight 0 are ignored.
        unit : (d,) what the columns of X are to be multiplied by, where features are stored as
            small whole numbers; what is learned is of the products.

        Raises
        ------
        ParameterError : a parameter out of its range, one class only, or weights or units that
            do not fit.
        ValueError : scikit-learn's, for X or y of a wrong shape or type.
        """
        self._check_parameters()
        x, labels = validate_data(self, X, y, dtype="numeric")
        check_classification_targets(labels)
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ParameterError(
                f"two classes are needed at least; y has 1 class, {self.classes_[0]!r}"
            )
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        if not weight.sum() > 0:
            raise ParameterError("all sample weights are zero")
        units = np.ones(x.shape[1]) if unit is None else np.asarray(unit, np.float64)
        if units.shape != (x.shape[1],) or not (units > 0).all():
            raise ParameterError(f"unit must be {x.shape[1]} numbers above 0")
        weight = weight / weight.sum()
        mean, spread = _moments(x, weight)
        scale = units
        if self.standardise:
            scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        problem = _Problem(
            x, target, weight, scale, mean * scale, spread * scale, float(self.l2),
            len(self.classes_),
        )  # fmt: skip
        start = np.zeros(problem.size)
        before: Floats = getattr(self, "_solution", start[:0])
        if self.warm_start and before.size == start.size:
            start = problem.theta(before)
        found = minimize(
            problem.loss, start, jac=True, method="L-BFGS-B",
            options={"maxiter": self.max_iter, "gtol": self.tol, "ftol": 1e-12, "maxcor": 10,
                     "maxfun": 10 * self.max_iter},
        )  # fmt: skip
        if not np.isfinite(found.fun):
            raise ParameterError("the features are too large to learn from; scale them down first")
        weights, bias = problem.parts(found.x)
        self._solution: Floats = np.concatenate([weights, bias[None]])
        self.intercept_ = bias - problem.centre @ weights
        self.coef_ = np.ascontiguousarray((weights * (scale / units)[:, None]).T)
        self.n_iter_, self.loss_ = int(found.nit), float(found.fun)
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """(n, k) logits of the classes, or of two classes (n,): how much more for the second."""
        z = self._logits(X)
        return np.asarray(z[:, 1] - z[:, 0] if z.shape[1] == 2 else z)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """(n, k) probabilities of the classes."""
        return np.asarray(softmax(self._logits(X), axis=1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """(n,) the likeliest class."""
        best = self._logits(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _logits(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self, "coef_")
        x = validate_data(self, X, dtype="numeric", reset=False)
        out = np.empty((len(x), len(self.classes_)))
        for rows, block in _blocks(x):
            out[rows] = block @ self.coef_.T.astype(block.dtype)
        return np.asarray(out + self.intercept_)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back; float32."""
        check_is_fitted(self, "coef_")
        return {
            "coef": self.coef_.astype(np.float32),
            "intercept": self.intercept_.astype(np.float64),
            "classes": np.asarray(self.classes_),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted classifier of whole-number classes from :meth:`to_arrays`.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        owner = "the logistic regression"
        check_stored(owner, arrays, {"coef": (None, None)})
        k, d = np.shape(arrays["coef"])
        check_stored(owner, arrays, {"intercept": (k,)})
        check_stored(owner, arrays, {"classes": (k,)}, kinds="iu")
        made = cls()
        made.coef_ = np.asarray(arrays["coef"])
        made.intercept_ = np.asarray(arrays["intercept"])
        made.classes_ = np.asarray(arrays["classes"])
        made.n_features_in_, made.n_iter_ = d, 0
        return made

    def _check_parameters(self) -> None:
        check_number("l2", self.l2, 0, np.inf, high_in=False)
        check_number("tol", self.tol, 0, np.inf, low_in=False, high_in=False)
        check_number("max_iter", self.max_iter, 1, np.inf, high_in=False)


def strength_path(
    estimator: FrameLogistic,
    strengths: Sequence[float],
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    unit: ArrayLike | None = None,
) -> Iterator[FrameLogistic]:
    """Fit one strength of the penalty after the other, the strongest first.

    Each starts from the one before, so that all together cost little more than the weakest.

    Yields
    ------
    fitted copies of the estimator, whose ``l2`` is one of ``strengths``.
    """
    running = clone(estimator).set_params(warm_start=True)
    for l2 in sorted(strengths, reverse=True):
        running.set_params(l2=l2).fit(X, y, sample_weight, unit=unit)
        one = clone(estimator).set_params(l2=l2)
        for name in ("classes_", "coef_", "intercept_", "n_iter_", "loss_", "n_features_in_"):
            setattr(one, name, getattr(running, name))
        yield one


class _Problem:
    """Loss and gradient of the parameters: weights of scaled and centred features, then biases.

    That features are centred changes what the biases are, and neither the minimum nor the weights
    there; that each weight is counted in units of ``step``, about 1 / sqrt(its curvature), changes
    nothing but the way. By both L-BFGS gets there in far fewer steps.
    """

    def __init__(
        self,
        x: Floats,
        target: NDArray[np.intp],
        weight: NDArray[np.float64],
        scale: NDArray[np.float64],
        centre: NDArray[np.float64],
        spread: NDArray[np.float64],
        l2: float,
        classes: int,
    ) -> None:
        self.x, self.target, self.weight = x, target, weight
        self.scale, self.centre, self.l2 = scale, centre, l2
        curvature = spread**2 / (2 * classes) + 2 * l2
        self.step = 1 / np.sqrt(np.where(curvature > 0, curvature, 1))
        self.features, self.classes = x.shape[1], classes
        self.size = (self.features + 1) * classes
        self._columns = -classes % 8 + classes  # of eight BLAS is twice as fast as of seven

    def parts(self, theta: NDArray[np.float64]) -> tuple[Floats, Floats]:
        """Weights (d, k) and biases (k,)."""
        table = theta.reshape(self.features + 1, self.classes)
        return table[:-1] * self.step[:, None], table[-1]

    def theta(self, solution: Floats) -> NDArray[np.float64]:
        """The parameters of weights and, in the last row, biases (d + 1, k)."""
        return np.concatenate([solution[:-1] / self.step[:, None], solution[-1:]]).ravel()

    def loss(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        k = self.classes
        weights, bias = self.parts(theta)
        dtype = _dtype(self.x)
        table = np.zeros((self.features, self._columns), dtype)
        table[:, :k] = weights * self.scale[:, None]
        shift = bias - self.centre @ weights
        total, gradient = 0.0, np.zeros((self.features, self._columns))
        residuals = np.zeros(k)
        for rows, block in _blocks(self.x, self.weight > 0):
            z = (block @ table)[:, :k] + shift
            w, index = self.weight[rows], np.arange(len(block))
            norm = logsumexp(z, axis=1)
            total += float(w @ (norm - z[index, self.target[rows]]))
            r = np.exp(z - norm[:, None])
            r[index, self.target[rows]] -= 1
            r *= w[:, None]
            residuals += r.sum(axis=0)
            padded = np.zeros((len(block), self._columns), dtype)
            # weights are of the order of 1 / n: brought nearer to 1, float32 has room for them
            padded[:, :k] = r * len(self.x)
            gradient += (padded.T @ block).T
        slope = np.empty((self.features + 1, k))
        slope[:-1] = gradient[:, :k] / len(self.x) * self.scale[:, None]
        slope[:-1] -= np.outer(self.centre, residuals)
        slope[:-1] += 2 * self.l2 * weights
        slope[:-1] *= self.step[:, None]
        slope[-1] = residuals
        return total + self.l2 * float((weights**2).sum()), slope.ravel()


def _dtype(x: NDArray[Any]) -> type[np.floating[Any]]:
    """What is computed in: whole numbers up to 16 bits and float32 in float32."""
    small = x.dtype.itemsize <= 2 or x.dtype == np.float32
    return np.float32 if small else np.float64


def _blocks(
    x: NDArray[Any], used: NDArray[np.bool_] | None = None
) -> Iterator[tuple[slice, Floats]]:
    """Rows of x, some at a time, as floats; blocks of which nothing is used are left out."""
    buffer = np.empty((min(_ROWS, len(x)), x.shape[1]), _dtype(x))
    for start in range(0, len(x), _ROWS):
        rows = slice(start, min(start + _ROWS, len(x)))
        if used is None or used[rows].any():
            block = buffer[: rows.stop - start]
            block[...] = x[rows]
            yield rows, block


def _moments(x: NDArray[Any], weight: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Weighted mean and standard deviation of the columns; 0 of those that are constant."""
    mean, largest = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for rows, block in _blocks(x, weight > 0):
        mean += weight[rows] @ block
        np.maximum(largest, np.abs(block[weight[rows] > 0]).max(axis=0), out=largest)
    variance = np.zeros(x.shape[1])
    for rows, block in _blocks(x, weight > 0):
        away = block - mean.astype(block.dtype)
        variance += weight[rows] @ (away * away)
    spread = np.sqrt(variance)
    return mean, np.where(spread > _FLAT * largest, spread, 0.0)
