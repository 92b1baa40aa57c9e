"""A synchrony autoencoder: motion as what several filters find at once (paper 3.3).

Konda, Memisevic and Michalski 2014 ("Learning to encode motion using spatio-temporal synchrony").
A filter w spans all frames of a block x. If the block moves as the filter does, the parts of wx
from the single frames agree, and (wx)² is large; a content that stands still or moves otherwise
makes them cancel. So the squared response encodes motion, and the sign of wx content:

    f = W x,   h = sigmoid(f²),   x̂ = Wᵀ (h ∘ f),   loss = |x̂ - x|² + contraction |∂h/∂x|²

with h the features and W both ways. The loss is a mean over blocks. Inputs should be whitened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import DataError, ParameterError
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored
from emonets.learners.synchrony.training import (
    SCHEDULES,
    Progress,
    Step,
    rate_at,
    read_progress,
    write_progress,
)

Floats = NDArray[np.floating[Any]]

_BLOCK = 4096  # rows at a time


class SynchronyAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Tied weights, squared responses, the product as decoder; ``transform`` gives h.

    The numbers of the constructor are the paper's (3.3). Each row of W begins as a random unit
    vector, so that the first reconstruction has about the size of its input.

    Parameters
    ----------
    n_components : filters.
    contraction : weight of the squared norm of h's Jacobian, summed over filters and inputs; 0
        leaves it out.
    learning_rate : of the gradient of the mean loss of a batch, > 0.
    momentum : share of the last step that is made again, 0..1 without 1.
    schedule : "constant", or "cosine": the rate falls from ``learning_rate`` to 0 over all epochs,
        after a rise over the first twentieth, along half a cosine.
    batch_size : rows an update (not in the paper); the last of an epoch has what is left.
    n_epochs : passes over the data, each in a new order.
    dtype : "float32" or "float64", of all that is learned and computed.
    checkpoint : a file in which training is kept after each epoch, and from which ``fit`` on the
        same data goes on as if it had not been interrupted; None keeps nothing.
    random_state : seed of weights and order. The order of an epoch depends on it and on the
        epoch's number alone.

    Attributes
    ----------
    weights_ : (n_components, n_features) W.
    n_iter_ : epochs made.
    history_ : lists, an entry an epoch: ``loss``, the mean over the epoch's batches of
        |x̂ - x|² a row before their update, ``penalty``, the same of the contraction, and
        ``rate``, that of the epoch's end.
    """

    def __init__(
        self,
        n_components: int = 300,
        *,
        contraction: float = 0.0,
        learning_rate: float = 1e-4,
        momentum: float = 0.9,
        schedule: str = "constant",
        batch_size: int = 128,
        n_epochs: int = 1000,
        dtype: str = "float32",
        checkpoint: str | Path | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.contraction = contraction
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.schedule = schedule
        self.batch_size = batch_size
        self.n_epochs = n_epochs
        self.dtype = dtype
        self.checkpoint = checkpoint
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [str(self.dtype)]
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.weights_.shape[0])

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        on_epoch: Callable[[int, SynchronyAutoencoder], object] | None = None,
    ) -> Self:
        """Train anew, or go on from the checkpoint, up to ``n_epochs`` epochs.

        Parameters
        ----------
        X : (n, d) finite, whitened; a memory map of ``dtype`` is read by batches.
        on_epoch : called after each epoch with its number, from 1, and this estimator.

        Raises
        ------
        ParameterError : a parameter out of its range, or learning that diverged.
        DataError : a checkpoint that is damaged, or of other data or settings.
        ValueError : scikit-learn's, for X of a wrong shape or type.
        """
        self._check_parameters()
        x: Floats = validate_data(self, X, dtype=self.dtype)
        place = None if self.checkpoint is None else Path(self.checkpoint)
        recipe = self._recipe(x)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        progress = None if place is None else read_progress(place, recipe)
        if progress is None:
            weights = np.random.default_rng(seed).normal(size=(self.n_components, x.shape[1]))
            weights /= np.linalg.norm(weights, axis=1, keepdims=True)
            progress = Progress.start(weights.astype(self.dtype), seed)
        if progress.epochs > self.n_epochs:
            raise DataError(
                f"{place}: has {progress.epochs} epochs, more than n_epochs, {self.n_epochs}; "
                "delete it to start anew"
            )
        self._take(progress)
        step = Step(progress.weights, progress.velocity, float(self.contraction))
        while progress.epochs < self.n_epochs:
            self._epoch(x, step, progress)
            self._take(progress)
            if place is not None:
                write_progress(place, progress, recipe)
            if on_epoch is not None:
                on_epoch(self.n_iter_, self)
        return self

    def responses(self, X: ArrayLike) -> Floats:
        """f = W x of the rows of X (n, d): (n, n_components)."""
        check_is_fitted(self, "weights_")
        x = validate_data(self, X, dtype=[np.float32, np.float64], reset=False)
        kind = self.weights_.dtype
        f = np.empty((len(x), len(self.weights_)), dtype=kind)
        for start in range(0, len(x), _BLOCK):
            f[start : start + _BLOCK] = (
                np.asarray(x[start : start + _BLOCK], dtype=kind) @ self.weights_.T
            )
        return f

    def transform(self, X: ArrayLike) -> Floats:
        """h = sigmoid((W x)²) of the rows of X (n, d): (n, n_components), 0.5..1."""
        return synchrony(self.responses(X))

    def reconstruct(self, X: ArrayLike) -> Floats:
        """x̂ = Wᵀ (h ∘ f) of the rows of X (n, d): (n, d)."""
        f = self.responses(X)
        reconstruction: Floats = (synchrony(f) * f) @ self.weights_
        return reconstruction

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as plain arrays that :meth:`from_arrays` turns back."""
        check_is_fitted(self, "weights_")
        return {"weights": self.weights_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], **parameters: Any) -> Self:
        """A fitted autoencoder from :meth:`to_arrays`; it transforms, and can be fitted anew.

        Raises
        ------
        BundleError : no weights, of a wrong shape, or not finite.
        """
        check_stored("the synchrony autoencoder", arrays, {"weights": (None, None)})
        weights = np.array(arrays["weights"])
        made = cls(**{**parameters, "n_components": len(weights), "dtype": str(weights.dtype)})
        made.weights_ = weights
        made.n_features_in_ = weights.shape[1]
        made.n_iter_, made.history_ = 0, {"loss": [], "penalty": [], "rate": []}
        return made

    def _epoch(self, x: Floats, step: Step, progress: Progress) -> None:
        """One pass over the rows of x in a new order."""
        epoch, size = progress.epochs, int(self.batch_size)
        order = np.random.default_rng([progress.seed, epoch + 1]).permutation(len(x))
        updates = -(-len(x) // size)
        total, penalty, rate = 0.0, 0.0, 0.0
        # what overflows shows in the loss, and raises a clear error
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(updates):
                batch = x[order[k * size : (k + 1) * size]]
                rate = rate_at(
                    (epoch + (k + 1) / updates) / self.n_epochs,
                    float(self.learning_rate), self.schedule,
                )  # fmt: skip
                error, contraction = step.update(batch, rate, float(self.momentum))
                total += error
                penalty += contraction * len(batch)
        if not np.isfinite(total) or not np.isfinite(progress.weights).all():
            raise ParameterError(
                f"learning diverged in epoch {epoch + 1}; lower learning_rate "
                f"({self.learning_rate}) or whiten X"
            )
        progress.add(loss=total / len(x), penalty=penalty / len(x), rate=rate)

    def _take(self, progress: Progress) -> None:
        self.weights_ = progress.weights
        self.n_iter_, self.history_ = progress.epochs, progress.history

    def _recipe(self, x: Floats) -> dict[str, Any]:
        """What must be equal for a run to go on."""
        names = ("n_components", "contraction", "learning_rate", "momentum", "schedule",
                 "batch_size", "dtype")  # fmt: skip
        recipe = {name: getattr(self, name) for name in names}
        if self.schedule != "constant":
            recipe["n_epochs"] = self.n_epochs
        if isinstance(self.random_state, Integral | None):
            recipe["random_state"] = self.random_state
        some = np.asarray(x[:: max(1, len(x) // 64)], dtype=np.float64)
        return {**recipe, "rows": len(x), "features": x.shape[1], "sum": repr(float(some.sum()))}

    def _check_parameters(self) -> None:
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("dtype", self.dtype, ("float32", "float64"))
        for name in ("n_components", "batch_size", "n_epochs"):
            value = getattr(self, name)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not whole or value < 1:
                raise ParameterError(f"{name} must be a whole number from 1, not {value!r}")
        check_number("learning_rate", self.learning_rate, 0.0, 1e6, low_in=False)
        check_number("contraction", self.contraction, 0.0, 1e6)
        check_number("momentum", self.momentum, 0.0, 1.0, high_in=False)
        if not isinstance(self.checkpoint, str | Path | None):
            raise ParameterError(f"checkpoint must be a path or None, not {self.checkpoint!r}")


def synchrony(responses: Floats) -> Floats:
    """sigmoid(f²), of any shape: 0.5 where f is 0, near 1 where its magnitude is large."""
    return np.asarray(expit(np.square(responses)))
