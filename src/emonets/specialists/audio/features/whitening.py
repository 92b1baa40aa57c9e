"""Whitening of sound features, with statistics that are gathered file by file (paper 3.2.1).

The paper says that "online PCA" was applied and all 909 features retained. PCA whitening with
nothing dropped is a rotation onto the principal axes and a division by the standard deviation
along each: ``Whitening(rotate=True)``. The authors' code, however, ran its PCA with the covariance
cut down to its diagonal. What that does is to standardise each column, and to sort the columns by
their variance: ``Whitening()``, the default, for the paper's figures were made with it. (Their
code also centred training, validation and test files each by their own mean. That uses all
test files before it predicts one, and is not done here: all are centred by the mean of what was
fitted.)
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import BundleError, ParameterError
from emonets.specialists.audio.features.statistics import (
    Axes,
    Floats,
    Integers,
    Statistics,
    kept,
    merged,
    rotation,
    statistics,
    variances,
)

_DTYPES = ("float64", "float32")
_STATISTICS = ("n_rows", "count", "mean", "scatter")
_ARRAYS = (*_STATISTICS, "rotate", "ridge", "keep_variance", "dtype", "components", "variance")


class Whitening(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Centre features and give them unit variance, with or without rotating them first.

    Without rotation (what the authors' code did)::

        y[j] = (x[p[j]] - mean[p[j]]) / sqrt(var[p[j]] + ridge)

    p being the columns by falling variance, equal ones in their own order. With rotation (the
    paper's text) x - mean is first turned onto the eigenvectors of the covariance, and their
    eigenvalues take the place of var. Variances are those of a sample, with n - 1.

    A column of constant value comes out as 0 for that value and, since only the ridge is left
    below the fraction line, as 3,162 times the difference for any other.

    NaN is a missing value (LPC and LSF have none in exactly silent frames): without rotation it is
    left out of its own column's statistics, with rotation the whole row is, for a covariance of
    differing rows need not be one. `transform` puts the column's mean in its place, which
    without rotation is an output of 0. A column of fewer than two values has no variance,
    and its output is always 0.

    Parameters
    ----------
    rotate : turn onto the principal axes.
    ridge : added to every variance, > 0; the authors' 1e-7.
    keep_variance : in (0, 1]: the fewest outputs that hold this share of the total variance are
        kept. 1 keeps all, also those that hold none.
    dtype : "float64" or "float32", of what `transform` returns. Everything before is float64.

    Attributes
    ----------
    mean_ : (d,).
    count_ : (d,) rows that the statistics of each column rest on.
    n_rows_ : rows fitted.
    scatter_ : (d,) sums of squared deviations from the mean, or (d, d) with rotation.
    """

    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    _axes: Axes | None

    def __init__(
        self,
        *,
        rotate: bool = False,
        ridge: float = 1e-7,
        keep_variance: float = 1.0,
        dtype: str = "float64",
    ) -> None:
        self.rotate = rotate
        self.ridge = ridge
        self.keep_variance = keep_variance
        self.dtype = dtype

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Discard earlier statistics, and gather the statistics of X (n, d), n ≥ 2.

        Raises
        ------
        ParameterError : a parameter out of range, only one row, or values too large to square.
        ValueError : scikit-learn's, for X of a wrong shape or type, or with infinite values.
        """
        self._check_parameters()
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        self._keep(statistics(x, rotate=self.rotate))
        self._axes = self._solve()
        return self

    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Add the rows of one more file, X (n, d), n ≥ 1.

        Raises
        ------
        ParameterError, ValueError : as `fit`, which one row in all does not make raise.
        """
        self._check_parameters()
        first = not hasattr(self, "mean_")
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=first)
        new = statistics(x, rotate=self.rotate)
        self._keep(new if first else merged(self._statistics(), new))
        return self

    def merge(self, other: Whitening) -> Self:
        """Add the statistics of another worker, as if its files had been given to this one.

        Either may be without statistics yet. The other is left as it is.

        Raises
        ------
        ParameterError : the two differ in their columns or in ``rotate``.
        """
        if not isinstance(other, Whitening):
            raise ParameterError(f"other must be a Whitening, not {type(other).__name__}")
        if bool(other.rotate) != bool(self.rotate):
            raise ParameterError("one of the two gathers for rotation and the other does not")
        if not hasattr(other, "mean_"):
            return self
        if not hasattr(self, "mean_"):
            self.n_features_in_ = other.n_features_in_
            if hasattr(other, "feature_names_in_"):
                self.feature_names_in_ = other.feature_names_in_
            self._keep(other._statistics())
            return self
        mine, theirs = (getattr(w, "feature_names_in_", None) for w in (self, other))
        renamed = mine is not None and theirs is not None and list(mine) != list(theirs)
        if other.n_features_in_ != self.n_features_in_ or renamed:
            raise ParameterError(
                f"the two were fitted on different columns ({self.n_features_in_} and "
                f"{other.n_features_in_}); compute the same features for all files"
            )
        self._keep(merged(self._statistics(), other._statistics()))
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Whiten X (n, d): (n, k) of ``dtype``, widest axis first, never NaN.

        Raises
        ------
        NotFittedError : nothing was fitted.
        ParameterError : one row is all that was fitted.
        ValueError : scikit-learn's, for X of a wrong shape or type, or with infinite values.
        """
        check_is_fitted(self, "mean_")
        x = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False, copy=True
        )
        axes = self._solved()
        x -= self.mean_
        x[:, self.count_ < 2] = 0.0
        np.nan_to_num(x, copy=False, nan=0.0)
        x = x @ axes.components.T if self.rotate else x[:, axes.components.astype(np.intp)]
        x /= np.sqrt(axes.variance + self.ridge)
        return np.asarray(x.astype(self.dtype, copy=False))

    @property
    def var_(self) -> Floats:
        """(d,) sample variances of the columns; 0 where fewer than two values were fitted."""
        check_is_fitted(self, "mean_")
        return variances(self.scatter_, self.count_)

    @property
    def order_(self) -> Integers:
        """(k,) columns in the order of the outputs (without rotation only)."""
        if self.rotate:
            raise AttributeError("with rotation outputs are no columns: use components_")
        return self._solved().components.astype(np.int64)

    @property
    def components_(self) -> Floats:
        """(k, d) unit vectors, the axes of the outputs (with rotation only).

        Of a vector and its opposite, that whose entry of largest magnitude is positive.
        """
        if not self.rotate:
            raise AttributeError("without rotation outputs are columns: use order_")
        return self._solved().components.astype(np.float64)

    @property
    def explained_variance_(self) -> Floats:
        """(k,) variance along each output's axis, falling."""
        return self._solved().variance

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back."""
        check_is_fitted(self, "mean_")
        axes = self._solved()
        return {
            "n_rows": np.array([self.n_rows_]),
            "count": self.count_,
            "mean": self.mean_,
            "scatter": self.scatter_,
            "rotate": np.array([int(self.rotate)]),
            "ridge": np.array([float(self.ridge)]),
            "keep_variance": np.array([float(self.keep_variance)]),
            "dtype": np.array([_DTYPES.index(self.dtype)]),
            "components": axes.components,
            "variance": axes.variance,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted transformer from :meth:`to_arrays`; it can also be merged and fitted further.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        missing = [name for name in _ARRAYS if name not in arrays]
        if missing:
            raise BundleError(f"the whitening lacks {', '.join(missing)}; store it again")
        a = {name: np.asarray(arrays[name]) for name in _ARRAYS}
        _check_arrays(a)
        rotate = bool(a["rotate"][0])
        made = cls(
            rotate=rotate,
            ridge=float(a["ridge"][0]),
            keep_variance=float(a["keep_variance"][0]),
            dtype=_DTYPES[int(a["dtype"][0])],
        )
        try:
            made._check_parameters()
        except ParameterError as error:
            raise BundleError(f"the whitening is damaged: {error}") from error
        made.n_features_in_ = a["mean"].size
        made.n_rows_ = int(a["n_rows"][0])
        made.count_ = a["count"].astype(np.int64)
        made.mean_ = a["mean"].astype(np.float64)
        made.scatter_ = a["scatter"].astype(np.float64)
        # kept rather than solved again: eigenvectors differ from one machine to the next
        components = a["components"]
        made._axes = Axes(
            components.astype(np.float64) if rotate else components.astype(np.int64),
            a["variance"].astype(np.float64),
        )
        return made

    def _check_parameters(self) -> None:
        for name, value in (("ridge", self.ridge), ("keep_variance", self.keep_variance)):
            number = not isinstance(value, bool) and isinstance(value, Real)
            if not number or not 0.0 < float(value) < np.inf:
                raise ParameterError(f"{name} must be a number above 0, not {value!r}")
        if self.keep_variance > 1:
            raise ParameterError(f"keep_variance is a share, at most 1, not {self.keep_variance!r}")
        if self.dtype not in _DTYPES:
            raise ParameterError(f"dtype must be 'float64' or 'float32', not {self.dtype!r}")

    def _statistics(self) -> Statistics:
        if self.scatter_.ndim != (2 if self.rotate else 1):
            raise ParameterError("rotate was changed between two files; fit all of them again")
        return Statistics(self.n_rows_, self.count_, self.mean_, self.scatter_)

    def _keep(self, new: Statistics) -> None:
        if not np.isfinite(new.scatter).all():
            raise ParameterError("X holds values too large to be squared; scale it down first")
        self.n_rows_, self.count_ = new.n_rows, new.count
        self.mean_, self.scatter_ = new.mean, new.scatter
        self._axes = None

    def _solved(self) -> Axes:
        check_is_fitted(self, "mean_")
        if self._axes is None:
            self._axes = self._solve()
        return self._axes

    def _solve(self) -> Axes:
        if self.n_rows_ < 2:
            raise ParameterError("a variance needs at least two rows, and only 1 sample was given")
        if self.rotate:
            if self.count_.min() < 2:
                raise ParameterError(
                    "fewer than two rows were without NaN; rotate needs whole rows"
                )
            return rotation(self.scatter_, int(self.count_[0]), keep_variance=self.keep_variance)
        variance = self.var_
        order = np.argsort(-variance, kind="stable")[: kept(variance, self.keep_variance)]
        return Axes(order.astype(np.int64), variance[order])


def _check_arrays(a: Mapping[str, NDArray[Any]]) -> None:
    """Raise BundleError unless the stored arrays fit each other."""
    for name, array in a.items():
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise BundleError(f"the whitening's {name} is not finite numbers; it is damaged")
    single = ("n_rows", "rotate", "ridge", "keep_variance", "dtype")
    if any(a[name].shape != (1,) for name in single):
        raise BundleError(f"the whitening's {', '.join(single)} must be one number each")
    d, k, rotate = a["mean"].size, a["variance"].size, int(a["rotate"][0])
    shapes = {
        "mean": (d,), "count": (d,), "scatter": (d, d) if rotate else (d,),
        "variance": (k,), "components": (k, d) if rotate else (k,),
    }  # fmt: skip
    wrong = [name for name, shape in shapes.items() if a[name].shape != shape]
    if wrong or rotate not in (0, 1) or int(a["dtype"][0]) not in range(len(_DTYPES)):
        raise BundleError(f"the whitening's arrays do not fit together: {wrong or 'rotate, dtype'}")
    if not 0 < k <= d or (a["variance"] < 0).any() or (a["count"] < 0).any() or a["n_rows"][0] < 2:
        raise BundleError("the whitening's counts and variances cannot be; it is damaged")
    columns = a["components"]
    if not rotate and (len(np.unique(columns)) != k or columns.min() < 0 or columns.max() >= d):
        raise BundleError("the whitening's order names columns twice or that are not there")
