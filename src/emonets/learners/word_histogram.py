"""Bags of words: descriptors to the nearest of k-means' centres, counted (paper 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import DataError, ParameterError
from emonets.learners.checks import check_choice
from emonets.learners.stored import check_stored

Floats = NDArray[np.floating[Any]]

ALGORITHMS = ("full", "minibatch")

_ROWS = 1024  # descriptors at a time


class WordHistogram(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """K-means on descriptors; ``transform`` gives each clip's histogram of its words.

    A clip is an array (descriptors, d), of which each may have any number, 0 too. A table (n, d)
    is n clips of one descriptor each, as scikit-learn has them.

    Parameters
    ----------
    n_words : centres; where there are fewer descriptors to learn from, as many as those.
    algorithm : "full" (Lloyd) or "minibatch", of scikit-learn; both begin with k-means++.
    max_iter : passes over the descriptors.
    max_rows : descriptors that are learned from, at random; None: all.
    random_state : seed of that draw and of the beginning.

    Attributes
    ----------
    words_ : (k, d) the centres.
    inertia_ : mean squared distance of the descriptors learned from to their word.
    n_iter_ : passes that were made.
    """

    def __init__(
        self,
        n_words: int = 3000,
        *,
        algorithm: str = "full",
        max_iter: int = 50,
        max_rows: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_words = n_words
        self.algorithm = algorithm
        self.max_iter = max_iter
        self.max_rows = max_rows
        self.random_state = random_state

    @property
    def _n_features_out(self) -> int:
        return len(self.words_)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the words of descriptors.

        Parameters
        ----------
        X : a table (n, d) of descriptors, or a list of clips, whose descriptors are taken
            together.

        Raises
        ------
        ParameterError : a parameter out of its range.
        DataError : clips of different widths, or no descriptor in any.
        ValueError : scikit-learn's, for X of a wrong shape or type, or not finite.
        """
        self._check_parameters()
        rows: Floats = validate_data(self, _table(X), dtype=[np.float32, np.float64])
        random = check_random_state(self.random_state)
        seed = int(random.randint(np.iinfo(np.int32).max))
        if self.max_rows is not None and len(rows) > self.max_rows:
            rows = rows[np.sort(random.permutation(len(rows))[: self.max_rows])]
        count = min(int(self.n_words), len(rows))
        kind = KMeans if self.algorithm == "full" else MiniBatchKMeans
        machine = kind(count, init="k-means++", n_init=1, max_iter=int(self.max_iter),
                       random_state=seed).fit(rows)  # fmt: skip
        self.words_: Floats = np.ascontiguousarray(machine.cluster_centers_, rows.dtype)
        self.inertia_ = float(machine.inertia_) / len(rows)
        self.n_iter_ = int(machine.n_iter_)
        return self

    def nearest(self, descriptors: ArrayLike) -> NDArray[np.int32]:
        """The word of each of (n, d) descriptors, (n,): the nearest, of equals the first.

        Raises
        ------
        DataError : of another width than those learned from.
        """
        check_is_fitted(self, "words_")
        x = np.asarray(descriptors, dtype=self.words_.dtype)
        if x.ndim != 2 or x.shape[1] != self.words_.shape[1]:
            raise DataError(f"expected descriptors (n, {self.words_.shape[1]}), got {x.shape}")
        half = np.einsum("kd,kd->k", self.words_, self.words_) / 2
        words = np.empty(len(x), np.int32)
        for start in range(0, len(x), _ROWS):
            part = x[start : start + _ROWS]
            words[start : start + _ROWS] = (half - part @ self.words_.T).argmin(axis=1)
        return words

    def transform(
        self, X: Any, *, weights: Sequence[ArrayLike] | None = None
    ) -> NDArray[np.float64]:
        """The histogram of each clip, (clips, k): sums to one, or to 0 where nothing counts.

        Parameters
        ----------
        X : a list of (descriptors, d), or a table of clips of one descriptor.
        weights : how much each descriptor of each clip counts, from 0 on; None: all alike. The
            authors' code weighted by mean(2 h - 1), the energy of the motion.

        Raises
        ------
        DataError : clips of another width, or weights that do not fit.
        """
        check_is_fitted(self, "words_")
        if isinstance(X, list | tuple) and all(np.ndim(part) == 2 for part in X):
            clips = [self.nearest(part) for part in X]
        else:
            clips = list(self.nearest(validate_data(self, X, reset=False))[:, None])
        each: Sequence[ArrayLike | None] = [None] * len(clips) if weights is None else weights
        if len(each) != len(clips):
            raise DataError(f"weights of {len(each)} clips for {len(clips)}")
        k = len(self.words_)
        return np.array(
            [histogram(words, k, of) for words, of in zip(clips, each, strict=True)]
        ).reshape(-1, k)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back."""
        check_is_fitted(self, "words_")
        return {"words": self.words_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted bag of words from :meth:`to_arrays`.

        Raises
        ------
        BundleError : no words, of a wrong shape, or not finite.
        """
        check_stored("the bag of words", arrays, {"words": (None, None)})
        made = cls(len(arrays["words"]))
        made.words_ = np.ascontiguousarray(arrays["words"])
        made.n_features_in_ = made.words_.shape[1]
        return made

    def _check_parameters(self) -> None:
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        for name in ("n_words", "max_iter", "max_rows"):
            value = getattr(self, name)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not (whole and value >= 1) and not (name == "max_rows" and value is None):
                raise ParameterError(f"{name} must be a whole number from 1, not {value!r}")


def histogram(
    words: ArrayLike, count: int, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """How often each of ``count`` words occurs, (count,): sums to one, or is 0 throughout.

    Parameters
    ----------
    words : (n,) whole numbers from 0 to below ``count``.
    weights : (n,) from 0 on, how much each counts; None: all alike.

    Raises
    ------
    DataError : a word that is none, or weights of another number, below 0 or not finite.
    """
    w = np.asarray(words)
    if w.ndim != 1 or (w.size and (w.dtype.kind not in "iu" or w.min() < 0 or w.max() >= count)):
        raise DataError(f"words must be whole numbers from 0 to {count - 1}, one a descriptor")
    how = None
    if weights is not None:
        how = np.asarray(weights, dtype=np.float64)
        if how.shape != w.shape or not np.isfinite(how).all() or (how < 0).any():
            raise DataError(f"weights must be {w.size} finite numbers from 0 on")
    bins = np.bincount(w.astype(np.intp), weights=how, minlength=count).astype(np.float64)
    total = bins.sum()
    return bins / total if total > 0 else bins


def _table(X: Any) -> Any:
    """All descriptors of clips in one table; a table as it is."""
    if not isinstance(X, list | tuple) or not X or any(np.ndim(part) != 2 for part in X):
        return X
    widths = sorted({np.shape(part)[1] for part in X})
    if len(widths) > 1:
        raise DataError(f"clips have descriptors of different widths, {widths}")
    return np.concatenate([np.asarray(part) for part in X])
