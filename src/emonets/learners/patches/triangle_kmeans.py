"""A dictionary of patches, and how near a patch is to its words (Coates, Ng & Lee 2011).

Every patch x loses its mean and is divided by its standard deviation, the dictionary's mean is
taken away, and what is left is turned onto the principal axes that hold most of the variance, each
of which is brought to variance 1::

    s = (x - mean(x)) / (std(x) + floor)
    y = (s - m) @ U / (sqrt(variance) + 1e-9)

With z[k], the distance of y to centre k, the triangle activation of feature k is
``max(0, mean(z) - z[k])``: 0 for centres that are further away than the average one.

All squared distances of many patches are one matrix product: the rows ``[y, y·y, 1]`` times
``[-2 C', 1, c·c]``. In float32 that costs distances of less than a tenth their last digits. The
functions below take patches as columns, which lie in memory as pictures do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import ParameterError
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored

Floats = NDArray[Any]

_TINY = 1e-9  # beside the standard deviation along an axis, as the authors' code has it
_NOTHING = 1e-8  # of the widest axis' variance: an axis with less holds rounding errors
_BLOCK = 1024  # patches at a time


class Dictionary(NamedTuple):
    """What a fitted dictionary comes to, ready for products with rows of patches.

    Attributes
    ----------
    floor : beside a patch's standard deviation.
    axes : (k, d), the whitening.
    shift : (k,), the whitened mean.
    table : (k + 2, n_clusters), ``[-2 C', 1, c·c]``.
    """

    floor: float
    axes: Floats
    shift: Floats
    table: Floats


class TriangleKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Triangle activations of patches over a dictionary of k-means centres (paper 3.4).

    Parameters
    ----------
    n_clusters : centres, and features a patch has (paper: 400 a region).
    floor : added to a patch's standard deviation, ≥ 0, in units of the data. The authors' 1e-9
        blows up what little a flat patch holds; Coates, Ng & Lee add 10 to the variance of pixels
        0..255.
    keep_variance : in (0, 1]: the fewest axes that hold this share of the variance are kept.
    max_iter : of k-means (the authors': 25).
    n_init : starts of k-means from different patches, of which the best is kept.
    dtype : "float32" or "float64", of all that is computed once the dictionary is there.
    random_state : seed of k-means' start, which is at patches drawn from the data.

    Attributes
    ----------
    mean_ : (d,) of the normalised patches.
    components_ : (k, d) axes, each divided by the standard deviation along it.
    centres_ : (n_clusters, k) in whitened coordinates.
    counts_ : (n_clusters,) patches of the training data that are nearest to each centre.
    n_iter_ : rounds of k-means made.
    """

    def __init__(
        self,
        n_clusters: int = 400,
        *,
        floor: float = 1e-9,
        keep_variance: float = 0.9,
        max_iter: int = 25,
        n_init: int = 1,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.floor = floor
        self.keep_variance = keep_variance
        self.max_iter = max_iter
        self.n_init = n_init
        self.dtype = dtype
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [str(self.dtype)]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self.centres_)

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn the whitening and the centres of patches X (n, d).

        Raises
        ------
        ParameterError : a parameter out of its range, or fewer patches than centres.
        ValueError : scikit-learn's, for X of a wrong shape or type, NaN or infinite values.
        """
        self._check_parameters()
        x = validate_data(self, X, dtype=self.dtype, copy=True)
        if len(x) < self.n_clusters:
            raise ParameterError(
                f"{self.n_clusters} centres need as many patches at least; X has {len(x)} sample(s)"
            )
        x -= x.mean(axis=1, keepdims=True)
        x /= _spread(x.T, self.floor)[:, None]
        mean = x.mean(axis=0, dtype=np.float64)
        x -= mean.astype(self.dtype)
        components = whitening_axes(_covariance(x), self.keep_variance)
        y = x @ components.T.astype(self.dtype)
        random = check_random_state(self.random_state)
        means = KMeans(
            self.n_clusters, init="random", n_init=self.n_init, max_iter=self.max_iter, tol=0.0,
            random_state=random.randint(np.iinfo(np.int32).max),
        ).fit(y)  # fmt: skip
        self.mean_ = mean.astype(self.dtype)
        self.components_ = components.astype(self.dtype)
        self.centres_ = np.ascontiguousarray(means.cluster_centers_, dtype=self.dtype)
        self.counts_ = np.bincount(means.labels_, minlength=self.n_clusters)
        self.n_iter_ = int(means.n_iter_)
        return self

    @property
    def dictionary(self) -> Dictionary:
        """What was learned, ready for :func:`activations` and :func:`pooled`."""
        check_is_fitted(self, "centres_")
        centres = self.centres_.astype(np.float64)
        table = np.concatenate(
            [-2 * centres.T, np.ones((1, len(centres))), (centres**2).sum(axis=1)[None]]
        )
        axes = self.components_.astype(np.float64)
        shift = axes @ self.mean_.astype(np.float64)
        return Dictionary(
            float(self.floor),
            np.ascontiguousarray(axes, dtype=self.dtype),
            shift.astype(self.dtype),
            np.ascontiguousarray(table, dtype=self.dtype),
        )

    def transform(self, X: ArrayLike) -> Floats:
        """Activations of the rows of X (n, d): (n, n_clusters), 0 or above.

        A patch of constant value is as far from everything as the mean patch is; nothing is NaN.
        """
        dictionary = self.dictionary
        x = validate_data(self, X, dtype=self.dtype, reset=False)
        out = np.empty((len(x), dictionary.table.shape[1]), self.dtype)
        for i in range(0, len(x), _BLOCK):
            out[i : i + _BLOCK] = activations(x[i : i + _BLOCK].T.copy(order="C"), dictionary)
        return out

    def whiten(self, X: ArrayLike) -> Floats:
        """The rows of X (n, d), normalised and whitened: (n, k)."""
        dictionary = self.dictionary
        x = validate_data(self, X, dtype=self.dtype, reset=False)
        return whitened(x.T.copy(order="C"), dictionary).T

    def patches(self) -> Floats:
        """The centres as patches (n_clusters, d): each contrast normalised."""
        check_is_fitted(self, "centres_")
        w = self.components_.astype(np.float64)
        turned_back = w / (w**2).sum(axis=1, keepdims=True)
        return np.asarray(self.centres_ @ turned_back + self.mean_)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back."""
        check_is_fitted(self, "centres_")
        return {
            "mean": self.mean_,
            "components": self.components_,
            "centres": self.centres_,
            "counts": self.counts_.astype(np.int64),
            "floor": np.array([float(self.floor)]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], owner: str = "the dictionary") -> Self:
        """A fitted dictionary from :meth:`to_arrays`.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        """
        check_stored(owner, arrays, {"components": (None, None), "centres": (None, None)})
        k, d = np.shape(arrays["components"])
        n = len(arrays["centres"])
        check_stored(owner, arrays, {"mean": (d,), "centres": (n, k), "floor": (1,)})
        check_stored(owner, arrays, {"counts": (n,)}, kinds="iu")
        dtype = str(np.asarray(arrays["centres"]).dtype)
        made = cls(n, floor=float(arrays["floor"][0]), dtype=dtype)
        made.mean_ = np.asarray(arrays["mean"], dtype)
        made.components_ = np.asarray(arrays["components"], dtype)
        made.centres_ = np.asarray(arrays["centres"], dtype)
        made.counts_ = np.asarray(arrays["counts"])
        made.n_features_in_, made.n_iter_ = d, 0
        return made

    def _check_parameters(self) -> None:
        for name in ("n_clusters", "max_iter", "n_init"):
            value = getattr(self, name)
            check_number(name, value, 1, np.inf, high_in=False)
            if int(value) != value:
                raise ParameterError(f"{name} must be a whole number, not {value!r}")
        check_number("floor", self.floor, 0, np.inf, high_in=False)
        check_number("keep_variance", self.keep_variance, 0, 1, low_in=False)
        check_choice("dtype", self.dtype, ("float32", "float64"))


def _covariance(x: Floats) -> NDArray[np.float64]:
    """Of centred rows x (n, d), in float64, without a copy of all of them."""
    total = np.zeros((x.shape[1], x.shape[1]))
    for i in range(0, len(x), _BLOCK):
        block = x[i : i + _BLOCK].astype(np.float64)
        total += block.T @ block
    return total / len(x)


def whitening_axes(covariance: NDArray[np.float64], keep_variance: float) -> Floats:
    """PCA whitening of centred rows with a covariance (d, d): (k, d), the widest axis first.

    Each axis is divided by the standard deviation along it. Of a vector and its opposite it is the
    one whose entry of largest magnitude is positive.
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors.T[::-1]
    some = values > _NOTHING * values[0]
    share = np.cumsum(values) / max(values.sum(), np.finfo(float).tiny)
    k = max(1, min(int(some.sum()), int(np.searchsorted(share, keep_variance - 1e-12)) + 1))
    axes = vectors[:k]
    signs = np.sign(axes[np.arange(k), np.abs(axes).argmax(axis=1)])
    return np.asarray(axes * signs[:, None] / (np.sqrt(values[:k, None]) + _TINY))


def whitened(x: Floats, dictionary: Dictionary) -> Floats:
    """Patches as columns x (d, n), which are overwritten, normalised and whitened: (k, n)."""
    x -= np.full(len(x), 1 / len(x), x.dtype) @ x
    y = dictionary.axes @ x
    y /= _spread(x, dictionary.floor)
    y -= dictionary.shift[:, None]
    return np.asarray(y)


def _spread(centred: Floats, floor: float) -> Floats:
    """Standard deviations of columns without mean, and the floor: (n,), never 0."""
    variance = np.full(len(centred), 1 / len(centred), centred.dtype) @ (centred * centred)
    spread = np.sqrt(variance) + centred.dtype.type(floor)
    spread[spread == 0] = 1
    return np.asarray(spread)


def distances(y: Floats, table: Floats) -> tuple[Floats, Floats]:
    """Distances of whitened patches, columns y (k, n), to the centres, and their means.

    Returns
    -------
    (n, n_clusters), (n, 1)
    """
    k, n = y.shape
    columns = np.empty((k + 2, n), y.dtype)
    columns[:k] = y
    np.einsum("ij,ij->j", y, y, out=columns[k])
    columns[k + 1] = 1
    z = columns.T @ table
    with np.errstate(invalid="ignore"):
        np.sqrt(z, out=z)
    ones = np.full(z.shape[1], 1 / z.shape[1], z.dtype)
    mean = z @ ones
    wrong = np.isnan(mean)  # a patch lies at a centre, and rounding took it beyond
    if wrong.any():
        z[wrong] = np.nan_to_num(z[wrong], nan=0.0)
        mean[wrong] = z[wrong] @ ones
    return z, mean[:, None]


def activations(x: Floats, dictionary: Dictionary) -> Floats:
    """Triangle activations of patches, columns x (d, n), which are overwritten: (n, n_clusters)."""
    z, mean = distances(whitened(x, dictionary), dictionary.table)
    np.subtract(mean, z, out=z)
    return np.maximum(z, 0, out=z)


def pooled(x: Floats, dictionary: Dictionary, per: int, *, deviation: bool = False) -> Floats:
    """Mean activations of several pictures' patches.

    Parameters
    ----------
    x : (d, per · n) patches as columns, which are overwritten: the first of each of n pictures,
        then the second of each, and so on.
    per : patches a picture.
    deviation : add the standard deviations.

    Returns
    -------
    (n, n_clusters), or (n, 2 · n_clusters): means, then deviations.
    """
    words = dictionary.table.shape[1]
    if deviation:
        a = activations(x, dictionary).reshape(per, -1, words)
        mean = a.mean(axis=0)
        a -= mean
        a *= a
        return np.concatenate([mean, np.sqrt(a.mean(axis=0))], axis=1)
    z, mean = distances(whitened(x, dictionary), dictionary.table)
    # mean(max(0, m - z)) = mean(m) - mean(min(m, z)): one pass over all distances, not two
    np.minimum(z, mean, out=z)
    share = np.full(per, 1 / per, z.dtype)
    near = (share @ mean.reshape(per, -1))[:, None] - (share @ z.reshape(per, -1)).reshape(
        -1, words
    )
    return np.asarray(np.maximum(near, 0))
