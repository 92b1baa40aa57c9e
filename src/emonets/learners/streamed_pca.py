"""Principal components from a covariance that is gathered part by part, whitened or not."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import ParameterError
from emonets.learners.checks import check_number
from emonets.learners.stored import check_stored

Floats = NDArray[np.floating[Any]]

_BLOCK = 4096  # rows at a time
_TINY = 1e-10  # of the largest variance: a smaller one is rounding


class StreamedPCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """PCA whose data may come in parts and need not fit in memory.

    Sums and products of the rows less a value near their mean are added up in float64, so that
    the parts into which the rows are cut matter no more than rounding does. Of a component and
    its opposite, that is given whose entry of largest magnitude is positive.

    Parameters
    ----------
    n_components : at most so many; None: as many as there are features.
    whiten : divide by the standard deviation along each component.
    keep_variance : in (0, 1]: no more components than hold this share of the total variance.

    Attributes
    ----------
    mean_ : (d,).
    components_ : (k, d) unit vectors by falling variance.
    explained_variance_ : (k,) sample variance along each.
    total_variance_ : of all features together.
    n_samples_seen_ : rows.
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        whiten: bool = False,
        keep_variance: float = 1.0,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.keep_variance = keep_variance

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Forget what was seen, and take the rows of X (n, d), n ≥ 2.

        Raises
        ------
        ParameterError : a parameter out of its range, or one row only.
        ValueError : scikit-learn's, for X of a wrong shape or type.
        """
        self.__dict__.pop("_sum", None)
        self.partial_fit(X)
        return self.solve()

    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Add the rows of X (n, d), n ≥ 1. Components are found by the next `transform`.

        float32 rows are multiplied in single precision, which is twice as fast.
        """
        self._check_parameters()
        first = not hasattr(self, "_sum")
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=first)
        if first:
            d = x.shape[1]
            self._near = x[:_BLOCK].mean(axis=0, dtype=np.float64)
            self._sum, self._products = np.zeros(d), np.zeros((d, d))
            self.n_samples_seen_ = 0
        for start in range(0, len(x), _BLOCK):
            part = x[start : start + _BLOCK] - self._near.astype(x.dtype)
            self._sum += part.sum(axis=0, dtype=np.float64)
            self._products += part.T @ part
        self.n_samples_seen_ += len(x)
        self.__dict__.pop("components_", None)
        return self

    def solve(self) -> Self:
        """Find the components of all that was seen.

        Raises
        ------
        ParameterError : that is one row, or too large to be squared.
        """
        check_is_fitted(self, "n_samples_seen_")
        n = self.n_samples_seen_
        if n < 2:
            raise ParameterError(f"a variance needs at least 2 rows, and only {n} sample was given")
        # the value near the mean as it was taken off, which float32 had rounded
        away = self._sum / n
        self.mean_ = self._near + away
        covariance = (self._products - n * np.outer(away, away)) / (n - 1)
        if not np.isfinite(covariance).all():
            raise ParameterError("X holds values too large to be squared; scale it down first")
        d = len(away)
        k = d if self.n_components is None else min(int(self.n_components), d)
        values, vectors = eigh(covariance, subset_by_index=[d - k, d - 1])
        variance, components = np.maximum(values[::-1], 0.0), vectors.T[::-1]
        self.total_variance_ = float(np.trace(covariance))
        kept = self._kept(variance)
        largest = np.abs(components).argmax(axis=1)
        sign = np.sign(components[np.arange(len(largest)), largest])[:, None]
        self.components_ = np.ascontiguousarray((components * sign)[:kept])
        self.explained_variance_ = variance[:kept].copy()
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Along the components: (n, d) → (n, k), float32 for float32."""
        x, matrix = self._ready(X)
        out = np.empty((len(x), matrix.shape[1]), dtype=x.dtype)
        mean, product = self.mean_.astype(x.dtype), np.asarray(matrix, x.dtype)
        for start in range(0, len(x), _BLOCK):
            out[start : start + _BLOCK] = (x[start : start + _BLOCK] - mean) @ product
        return out

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """From (n, k) back to (n, d), without what lay off the components."""
        if not hasattr(self, "components_"):
            self.solve()
        x: Floats = np.asarray(X, dtype=np.float64)
        scale = self._scale()[:, None]
        return np.asarray((x @ (self.components_ * scale)) + self.mean_)

    def matrix(self) -> NDArray[np.float64]:
        """(k, d): what the centred rows are multiplied by, the division of whitening included."""
        if not hasattr(self, "components_"):
            self.solve()
        return np.asarray(self.components_ / self._scale()[:, None])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back."""
        if not hasattr(self, "components_"):
            self.solve()
        return {
            "mean": self.mean_,
            "components": self.components_,
            "variance": self.explained_variance_,
            "total_variance": np.array([self.total_variance_]),
            "whiten": np.array([int(self.whiten)]),
            "n_samples": np.array([self.n_samples_seen_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted PCA from :meth:`to_arrays`; it transforms, and cannot take further rows.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        check_stored("the PCA", arrays, {"components": (None, None)})
        k, d = arrays["components"].shape
        check_stored(
            "the PCA", arrays,
            {"mean": (d,), "variance": (k,), "total_variance": (1,), "whiten": (1,),
             "n_samples": (1,)},
            kinds="iuf",
        )  # fmt: skip
        made = cls(k, whiten=bool(arrays["whiten"][0]))
        made.mean_, made.components_ = np.array(arrays["mean"]), np.array(arrays["components"])
        made.explained_variance_ = np.array(arrays["variance"])
        made.total_variance_ = float(arrays["total_variance"][0])
        made.n_samples_seen_ = int(arrays["n_samples"][0])
        made.n_features_in_ = d
        return made

    def _ready(self, X: ArrayLike) -> tuple[Floats, NDArray[np.float64]]:
        check_is_fitted(self, "n_samples_seen_")
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return x, self.matrix().T

    def _scale(self) -> NDArray[np.float64]:
        """(k,) what each component is divided by; a direction without variance by nothing."""
        if not self.whiten:
            return np.ones(len(self.components_))
        variance = self.explained_variance_
        least = _TINY * max(float(variance.max(initial=0.0)), np.finfo(float).tiny)
        return np.asarray(np.sqrt(np.where(variance > least, variance, 1.0)))

    def _kept(self, variance: Floats) -> int:
        if self.keep_variance == 1 or not self.total_variance_ > 0:
            return len(variance)
        reached = np.cumsum(variance) >= self.keep_variance * self.total_variance_
        return int(reached.argmax()) + 1 if reached.any() else len(variance)

    def _check_parameters(self) -> None:
        n: Any = self.n_components
        whole = isinstance(n, Integral) and not isinstance(n, bool)
        if n is not None and not (whole and n >= 1):
            raise ParameterError(f"n_components must be a whole number from 1 or None, not {n!r}")
        check_number("keep_variance", self.keep_variance, 0.0, 1.0, low_in=False)
        if not isinstance(self.whiten, bool | np.bool_):
            raise ParameterError(f"whiten must be True or False, not {self.whiten!r}")
