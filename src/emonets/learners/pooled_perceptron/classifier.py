"""A perceptron on the frames of a clip, pooled over time before its softmax (paper 3.2.3, 3.2.4).

Frames go through hidden layers one by one; the last hidden layer is pooled over the frames of a
clip (``temporal_pooling``); a softmax of the pooled vector gives the clip's probabilities. The
gradients are written out, so that training needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.checks import check_choice, check_number
from emonets.learners.pooled_perceptron.clips import (
    checked_clips,
    class_targets,
    clip_weights,
    hold_out,
)
from emonets.learners.pooled_perceptron.layers import ACTIVATIONS, initial_layers
from emonets.learners.pooled_perceptron.rmsprop import DENOMINATORS, RMSProp
from emonets.learners.pooled_perceptron.streaming import ClipState, PooledNetwork
from emonets.learners.pooled_perceptron.training import loss_and_error, run_epoch
from emonets.learners.stored import check_stored

Floats = NDArray[np.floating[Any]]

POOLINGS = ("top", "mean", "max")

AUTHORS: dict[str, Any] = {
    "hidden_layer_sizes": (310, 310),
    "learning_rate": 0.000502311626,
    "momentum": 0.459258504,
    "unit_dropout": 0.121193556,
    "denominator": "unit",
    "pooled_dropout_by": "update",
    "distinct": True,
}
"""What the authors' code sets otherwise than the paper: ``PooledPerceptron(**AUTHORS)``."""


class PooledPerceptron(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Hidden layers on frames, pooling over the clip, softmax; trained by RMSProp.

    The numbers of the constructor are the paper's (3.2.2 to 3.2.4); where the authors' code has
    others, ``AUTHORS`` names them. Training is in float32. Predicting is in float32 for float32
    frames, and in float64 for others.

    Parameters
    ----------
    hidden_layer_sizes : units of each hidden layer; none pools the frames themselves.
    activations : one of ``ACTIVATIONS`` a hidden layer, or one for all.
    initial : (W (inputs, units), b (units,)) of the first hidden layers, as a deep belief net
        gives them; the other weights are Glorot's (uniform), their biases zero.
    pooling : "top" (equation 1, of the weights below), "mean" or "max".
    train_weights, test_weights : w₁..w_N of "top"; each sums to its N.
    distinct : in training, "top" takes the highest *different* values, as the authors' code did.
    unit_dropout : share of the inputs of each hidden layer that is dropped, drawn anew for every
        frame. The paper has "0.121 %", its code 12.1 %. A thousandth would be almost no dropout,
        so .121. What is kept is scaled by 1 / (1 - share), which the code lacked.
    pooled_dropout : share of the pooled features that is dropped.
    pooled_dropout_by : "feature", each by itself, or "update": all or none of them, by one draw
        an update, as the authors' code did.
    max_frames : frames of a clip in an update at most, drawn at random in each epoch (the code;
        in the paper's text 98 clips were dropped out); None takes all.
    batch_size : clips an update.
    n_epochs : passes over the clips at most.
    learning_rate, momentum, rho, denominator, l2 : of ``rmsprop.RMSProp``.
    rate_decay, decay_after : once so many epochs are over, the rate is multiplied by
        ``rate_decay`` after every epoch whose validation error (without validation: training
        error) is not below all earlier ones.
    max_norm : largest L2 norm of the weights that enter a unit, in all layers; None for none.
    class_weight : "balanced": a clip weighs in inverse proportion to its class's frequency; or
        the weights of classes by label, 1 for those not named.
    validation_fraction : share of the clips given to ``fit`` that is held out as validation set,
        in whole groups where it is given groups; 0 for none.
    patience : stop after so many epochs that did not become the best; None never stops early.
    shuffle : "once", before the first epoch, as paper and code; or "epoch", before each.
    warm_start : ``fit`` goes on from the weights it left, with the optimiser's state anew.
    random_state : seed of weights, order, frames, dropout and the held-out part.

    Attributes
    ----------
    classes_ : (k,) labels in column order; 0..k - 1 where ``fit`` was given probabilities.
    coefs_, intercepts_ : float32 weights (inputs, units) and biases (units,), softmax last.
    history_ : lists with an entry an epoch. "loss" and "error" of training are those of the
        updates, with dropout and sampled frames; "rate"; with validation, "validation_loss" and
        "validation_error". Losses are mean cross-entropies without the penalty.
    best_epoch_ : whose weights were kept (from 0): the lowest validation error, then loss, then
        the earliest; without validation the last.
    """

    classes_: NDArray[Any]
    coefs_: list[NDArray[np.float32]]
    intercepts_: list[NDArray[np.float32]]
    history_: dict[str, list[float]]

    def __init__(
        self,
        *,
        hidden_layer_sizes: Sequence[int] = (350, 350),
        activations: str | Sequence[str] = ("relu", "sigmoid"),
        initial: Sequence[tuple[ArrayLike, ArrayLike]] | None = None,
        pooling: str = "top",
        train_weights: Sequence[float] = (1.4, 0.6),
        test_weights: Sequence[float] = (1.3, 0.7),
        distinct: bool = False,
        unit_dropout: float = 0.121,
        pooled_dropout: float = 0.4,
        pooled_dropout_by: str = "feature",
        max_frames: int | None = 98,
        batch_size: int = 1,
        n_epochs: int = 240,
        learning_rate: float = 0.0005,
        momentum: float = 0.46,
        rho: float = 0.92,
        denominator: str = "weight",
        l2: float = 1e-5,
        rate_decay: float = 0.99,
        decay_after: int = 50,
        max_norm: float | None = 1.2875,
        class_weight: str | Mapping[Any, float] | None = None,
        validation_fraction: float = 0.0,
        patience: int | None = None,
        shuffle: str = "once",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activations = activations
        self.initial = initial
        self.pooling = pooling
        self.train_weights = train_weights
        self.test_weights = test_weights
        self.distinct = distinct
        self.unit_dropout = unit_dropout
        self.pooled_dropout = pooled_dropout
        self.pooled_dropout_by = pooled_dropout_by
        self.max_frames = max_frames
        self.batch_size = batch_size
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.rho = rho
        self.denominator = denominator
        self.l2 = l2
        self.rate_decay = rate_decay
        self.decay_after = decay_after
        self.max_norm = max_norm
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        validation: tuple[Any, ArrayLike] | None = None,
        groups: ArrayLike | None = None,
        on_epoch: Callable[[int, PooledPerceptron], None] | None = None,
    ) -> Self:
        """Train on clips.

        Parameters
        ----------
        X : the clips: a list of (frames, features) arrays (float32 views of a memory-mapped file
            are read only as far as frames are drawn, after one pass that checks them), an array
            (n, frames, features), or (n, features) for clips of one frame.
        y : (n,) labels, or (n, classes) probabilities with rows that sum to one.
        validation : ``(X, y)`` of held-out clips; goes before ``validation_fraction``.
        groups : (n,) of clips that must be held out together (such as those of one person).
        on_epoch : called after each epoch (from 0) with this estimator, which then has the
            epoch's weights and the history so far.

        Raises
        ------
        ParameterError : a parameter out of its range or that does not fit the data.
        DataError : clips that are empty, not finite or of different numbers of features; a loss
            that is no longer finite.
        ValueError : scikit-learn's, for X or y of a wrong shape or type.
        """
        self._check_parameters()
        clips = self._clips(X, reset=True)
        targets, classes = class_targets(y, len(clips))
        seed = check_random_state(self.random_state).randint(2**31)
        random = np.random.Generator(np.random.SFC64(seed))
        part = np.arange(len(clips))
        held: tuple[list[Floats], Floats] | None = None
        if validation is not None:
            held_clips = self._clips(validation[0], reset=False)
            held = held_clips, class_targets(validation[1], len(held_clips), classes)[0]
        elif self.validation_fraction:
            part, out = hold_out(len(clips), self.validation_fraction, groups, random)
            held = [clips[i] for i in out], targets[out]
        self._start(classes, random)
        self._train([clips[i] for i in part], targets[part], held, random, on_epoch)
        return self

    def _start(self, classes: NDArray[Any], random: np.random.Generator) -> None:
        """Weights to begin with."""
        sizes = [self.n_features_in_, *(int(n) for n in self.hidden_layer_sizes), len(classes)]
        shapes = list(pairwise(sizes))
        if self.warm_start and hasattr(self, "coefs_"):
            old = [W.shape for W in self.coefs_]
            if old != shapes or not np.array_equal(self.classes_, classes):
                raise ParameterError(
                    f"warm_start goes on from layers {old} for classes {self.classes_.tolist()}, "
                    f"which do not fit {shapes} and {classes.tolist()}; set warm_start=False"
                )
            self.coefs_ = [W.copy() for W in self.coefs_]
            self.intercepts_ = [b.copy() for b in self.intercepts_]
        else:
            given = list(self.initial or ())
            self.coefs_, self.intercepts_ = initial_layers(shapes, given, random)
        self.classes_ = classes

    def _train(
        self,
        clips: list[Floats],
        targets: Floats,
        held: tuple[list[Floats], Floats] | None,
        random: np.random.Generator,
        on_epoch: Callable[[int, PooledPerceptron], None] | None,
    ) -> None:
        parameters = [p for pair in zip(self.coefs_, self.intercepts_, strict=True) for p in pair]
        optimiser = RMSProp(
            parameters, momentum=self.momentum, rho=self.rho, denominator=self.denominator,
            l2=self.l2,
        )  # fmt: skip
        weights = clip_weights(targets, self.class_weight, self.classes_)
        weighted = (targets * weights).astype(np.float32)
        order, rate = random.permutation(len(clips)), float(self.learning_rate)
        keys = ["loss", "error", "rate"] + ["validation_loss", "validation_error"] * bool(held)
        self.history_ = {key: [] for key in keys}
        best, best_parameters = (np.inf, np.inf), [p.copy() for p in parameters]
        self.best_epoch_ = 0
        for epoch in range(int(self.n_epochs)):
            if epoch and self.shuffle == "epoch":
                order = random.permutation(len(clips))
            loss, error = run_epoch(
                clips, weighted, order, optimiser, random, rate=rate, **self._update_options()
            )
            if not np.isfinite(loss) or not all(np.isfinite(p).all() for p in parameters):
                raise DataError(
                    f"the loss is no longer finite in epoch {epoch + 1}; lower the learning rate "
                    "or standardise the features"
                )
            found = [loss, error, rate]
            if held is not None:
                loss, error = loss_and_error(self._network().log_proba(held[0]), held[1])
                found += [loss, error]
            lowest = min(self.history_[keys[-1] if held else "error"], default=np.inf)
            for key, value in zip(keys, found, strict=True):
                self.history_[key].append(float(value))
            if held is None or (error, loss) < best:
                best, self.best_epoch_ = (error, loss), epoch
                for old, new in zip(best_parameters, parameters, strict=True):
                    np.copyto(old, new)
            if epoch >= self.decay_after and error >= lowest:
                rate *= float(self.rate_decay)
            if on_epoch is not None:
                on_epoch(epoch, self)
            if self.patience is not None and epoch - self.best_epoch_ >= self.patience:
                break
        self.coefs_, self.intercepts_ = best_parameters[::2], best_parameters[1::2]

    def _update_options(self) -> dict[str, Any]:
        """Of ``run_epoch``."""
        return {
            "names": self._names(),
            "weights": self._weights(self.train_weights),
            "distinct": self.distinct,
            "unit_dropout": self.unit_dropout,
            "pooled_dropout": self.pooled_dropout,
            "pooled_dropout_by": self.pooled_dropout_by,
            "max_frames": self.max_frames,
            "batch_size": int(self.batch_size),
            "max_norm": None if self.max_norm is None else float(self.max_norm),
        }

    def hidden(self, frames: ArrayLike) -> Floats:
        """Activations of the last hidden layer: (t, features) → (t, units)."""
        check_is_fitted(self)
        clip = self._clips([frames], reset=False)[0]
        return np.concatenate(list(self._network().hidden(clip)))

    def pool_state(self) -> ClipState:
        """A state that takes in one long clip piece by piece."""
        check_is_fitted(self)
        return ClipState(self._network())

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (n, classes) of clips, in the order of ``classes_``; X as for ``fit``."""
        check_is_fitted(self)
        p: NDArray[np.float64] = np.exp(self._network().log_proba(self._clips(X, reset=False)))
        return p

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each clip: (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a bundle stores: plain settings (JSON) and arrays; see :meth:`from_arrays`.

        Raises
        ------
        DataError : labels that are not whole numbers, which is all that is stored of them.
        """
        check_is_fitted(self)
        if self.classes_.dtype.kind not in "iu":
            raise DataError("only whole-number labels can be stored; train on the classes' numbers")
        settings = {
            "hidden": [len(b) for b in self.intercepts_[:-1]],
            "activations": list(self._names()),
            "pooling": self.pooling,
            "test_weights": [float(w) for w in self.test_weights],
            "n_features": self.n_features_in_,
            "classes": [int(c) for c in self.classes_],
        }
        arrays: dict[str, NDArray[Any]] = {}
        for i, (W, b) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
            arrays[f"{i}.weight"], arrays[f"{i}.bias"] = W.copy(), b.copy()
        return settings, arrays

    @classmethod
    def from_arrays(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The inverse of :meth:`to_arrays`; the result predicts, and can be fitted on.

        Raises
        ------
        BundleError : settings missing or wrong, an array missing, misshapen or not finite.
        """
        try:
            model = cls(
                hidden_layer_sizes=tuple(int(n) for n in settings["hidden"]),
                activations=tuple(settings["activations"]),
                pooling=settings["pooling"],
                test_weights=tuple(float(w) for w in settings["test_weights"]),
            )
            model._check_parameters()
            model.n_features_in_ = int(settings["n_features"])
            model.classes_ = np.asarray(settings["classes"], np.int64)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"the perceptron's settings are incomplete or wrong: {error}"
            ) from None
        if (
            model.classes_.ndim != 1
            or not 1 < model.classes_.size == np.unique(model.classes_).size
        ):
            raise BundleError("the perceptron's classes must be at least two different numbers")
        sizes = [model.n_features_in_, *model.hidden_layer_sizes, len(model.classes_)]
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (inputs, units) in enumerate(pairwise(sizes)):
            shapes |= {f"{i}.weight": (inputs, units), f"{i}.bias": (units,)}
        check_stored("the perceptron", arrays, shapes)
        stored = [np.array(arrays[name], np.float32, order="C") for name in shapes]
        model.coefs_, model.intercepts_ = stored[::2], stored[1::2]
        return model

    def _network(self) -> PooledNetwork:
        weights = self._weights(self.test_weights)
        return PooledNetwork(self.coefs_, self.intercepts_, self._names(), weights)

    def _names(self) -> tuple[str, ...]:
        if isinstance(self.activations, str):
            return (self.activations,) * len(self.hidden_layer_sizes)
        return tuple(self.activations)

    def _weights(self, weights: Sequence[float]) -> Sequence[float] | None:
        """Of the ranks, as ``temporal_pooling`` takes them."""
        return {"top": weights, "max": (1.0,), "mean": None}[self.pooling]

    def _clips(self, X: Any, *, reset: bool) -> list[Floats]:
        """The clips, each (frames, features), as views where they can be."""
        several = isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.ndim > 0)
        if not (several and len(X) and np.ndim(X[0]) == 2):
            x = validate_data(self, X, dtype=[np.float64, np.float32], reset=reset)
            return list(x[:, None, :])
        if reset:
            self.n_features_in_ = int(np.shape(X[0])[1])
        return checked_clips(X, self.n_features_in_)

    def _check_parameters(self) -> None:
        for name, choices in (
            ("pooling", POOLINGS), ("pooled_dropout_by", ("feature", "update")),
            ("denominator", DENOMINATORS), ("shuffle", ("once", "epoch")),
        ):  # fmt: skip
            check_choice(name, getattr(self, name), choices)
        for name in ("unit_dropout", "pooled_dropout", "validation_fraction", "momentum", "rho"):
            check_number(name, getattr(self, name), 0.0, 1.0, high_in=False)
        for name in ("learning_rate", "l2", "rate_decay"):
            check_number(name, getattr(self, name), 0.0, np.inf, high_in=False)
        for name in ("batch_size", "n_epochs", "max_frames", "patience", "max_norm"):
            value = getattr(self, name)
            if value is None and name in ("max_frames", "patience", "max_norm"):
                continue
            if not value > 0 or (name != "max_norm" and value != int(value)):
                raise ParameterError(f"{name} must be a number above 0, not {value!r}")
        for weights in (self.train_weights, self.test_weights):
            if not len(weights) or abs(sum(weights) - len(weights)) > 1e-6 * len(weights):
                raise ParameterError(
                    f"the weights of the N highest must sum to N (equation 1): {tuple(weights)}"
                )
        if self.class_weight not in (None, "balanced") and not isinstance(
            self.class_weight, Mapping
        ):
            raise ParameterError(
                f"class_weight must be None, 'balanced' or a dict, not {self.class_weight!r}"
            )
        names = self._names()
        if len(names) != len(self.hidden_layer_sizes) or not set(names) <= set(ACTIVATIONS):
            raise ParameterError(
                f"activations must be one of {', '.join(ACTIVATIONS)} for each of the "
                f"{len(self.hidden_layer_sizes)} hidden layers, not {names}"
            )
        if any(int(units) != units or units < 1 for units in self.hidden_layer_sizes):
            raise ParameterError(
                f"hidden_layer_sizes must be whole numbers above 0, not {self.hidden_layer_sizes}"
            )
