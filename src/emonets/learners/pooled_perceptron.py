"""A perceptron on the frames of a clip, pooled over time before its softmax (paper 3.2.3, 3.2.4).

Frames go through hidden layers one by one; the last hidden layer is pooled over the frames of a
clip (``temporal_pooling``); a softmax of the pooled vector gives the clip's probabilities. The
gradients are written out, so that training needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.rmsprop import DENOMINATORS, RMSProp, limit_norms
from emonets.learners.temporal_pooling import (
    Indices,
    StreamingPool,
    pool,
    pool_mean,
    pool_mean_gradient,
    pool_rows,
    pool_rows_gradient,
    top_rows,
)

Floats = NDArray[np.floating[Any]]

ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "linear")
"""Of hidden layers; relu6 is bounded at 6, as the paper's first RBM is."""
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

_ROWS = 4096  # frames that go through the layers at a time when predicting


def glorot(inputs: int, units: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Weights (inputs, units), uniform within ±√(6 / (inputs + units))."""
    limit = np.sqrt(6.0 / (inputs + units))
    return random.uniform(-limit, limit, (inputs, units)).astype(np.float32)


def activate(name: str, z: Floats) -> Floats:
    """An activation of ``ACTIVATIONS``, in place."""
    if name in ("relu", "relu6"):
        np.maximum(z, 0.0, out=z)
        if name == "relu6":
            np.minimum(z, 6.0, out=z)
    elif name == "sigmoid":
        np.negative(z, out=z)
        with np.errstate(over="ignore", under="ignore"):  # exp(-z) = inf is a sigmoid of 0
            np.exp(z, out=z)
        z += 1.0
        np.reciprocal(z, out=z)
    elif name == "tanh":
        np.tanh(z, out=z)
    return z


def times_slope(name: str, gradient: Floats, h: Floats) -> Floats:
    """``gradient``, in place, times the slope of the activation where its output is ``h``."""
    if name == "relu":
        gradient *= h > 0.0
    elif name == "relu6":
        gradient *= (h > 0.0) & (h < 6.0)
    elif name == "sigmoid":
        gradient *= h * (1.0 - h)
    elif name == "tanh":
        gradient *= 1.0 - h * h
    return gradient


def hidden_layer(
    frames: Floats, coefs: Sequence[Floats], intercepts: Sequence[Floats], names: Sequence[str]
) -> Floats:
    """The last hidden layer's activations: (frames, inputs) → (frames, units)."""
    h = frames
    for W, b, name in zip(coefs, intercepts, names, strict=False):
        h = h @ W.astype(h.dtype, copy=False)
        h += b
        activate(name, h)
    return h


def loss_and_gradients(
    frames: Floats,
    bounds: Indices,
    targets: Floats,
    coefs: Sequence[Floats],
    intercepts: Sequence[Floats],
    names: Sequence[str],
    *,
    weights: Sequence[float] | None,
    distinct: bool = False,
    keeps: Sequence[Floats | None] = (),
    keep_pooled: Floats | float = 1.0,
    out: Sequence[Floats] | None = None,
) -> tuple[float, Floats, list[Floats]]:
    """Cross-entropy of some clips and its gradients by all parameters.

    Parameters
    ----------
    frames, bounds : the clips' frames (t, inputs), one clip after the other, and (n + 1,) where
        they begin and end.
    targets : (n, classes); a clip's loss is ``-Σ target · log p``. The loss is their sum, so
        that 1 / n and class weights are factors of the targets.
    coefs, intercepts : of the hidden layers and the softmax: (inputs, units), (units,).
    names : the hidden layers' activations.
    weights, distinct : of the pooling (``temporal_pooling``); no weights: the mean.
    keeps : for each hidden layer, what multiplies its input (0 drops a unit), or None.
    keep_pooled : what multiplies the pooled vectors.
    out : arrays for the gradients, in the order of the result.

    Returns
    -------
    the loss, (n, classes) probabilities, gradients by coefs[0], intercepts[0], coefs[1] …
    """
    if out is None:
        out = [np.empty_like(p) for pair in zip(coefs, intercepts, strict=True) for p in pair]
    depth = len(names)
    keeps = keeps or [None] * depth
    inputs: list[Floats] = []
    outputs: list[Floats] = [frames]
    for W, b, name, keep in zip(coefs, intercepts, names, keeps, strict=False):
        inputs.append(outputs[-1] if keep is None else outputs[-1] * keep)
        z = inputs[-1] @ W
        z += b
        outputs.append(activate(name, z))
    h = outputs[-1]
    rows = None if weights is None else top_rows(h, bounds, len(weights), distinct=distinct)
    if weights is None or rows is None:
        pooled = pool_mean(h, bounds)
    else:
        pooled = pool_rows(h, rows, weights)
    pooled *= keep_pooled
    log_p = log_softmax(pooled @ coefs[-1] + intercepts[-1])
    p = np.exp(log_p)
    loss = -float((targets * log_p).sum())

    d = p * targets.sum(axis=1, keepdims=True) - targets
    np.matmul(pooled.T, d, out=out[2 * depth])
    d.sum(axis=0, out=out[2 * depth + 1])
    d = d @ coefs[-1].T
    d *= keep_pooled
    for layer in range(depth - 1, -1, -1):
        if layer < depth - 1:
            d = d @ coefs[layer + 1].T
            keep = keeps[layer + 1]
            if keep is not None:
                d *= keep
        elif weights is None or rows is None:
            d = pool_mean_gradient(d, bounds)
        else:
            d = pool_rows_gradient(d, rows, weights, len(frames))
        times_slope(names[layer], d, outputs[layer + 1])
        np.matmul(inputs[layer].T, d, out=out[2 * layer])
        d.sum(axis=0, out=out[2 * layer + 1])
    return loss, p, list(out)


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the probabilities, row by row."""
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def dropout(
    shape: tuple[int, ...], rate: float, random: np.random.Generator
) -> NDArray[np.float32] | None:
    """A float32 mask of zeros (with probability ``rate``) and 1 / (1 - rate); None for no rate.

    The probability is a multiple of 2⁻¹⁶: drawing it so is four times faster.
    """
    if not rate:
        return None
    size = int(np.prod(shape))
    dropped = min(max(round(rate * 65_536), 1), 65_535)
    draws = random.integers(0, 2**64, -(-size // 4), dtype=np.uint64).view(np.uint16)
    kept = draws[:size].reshape(shape) >= dropped
    return np.multiply(kept, np.float32(65_536 / (65_536 - dropped)), dtype=np.float32)


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
        frame. The paper says "0.121 %"; its code has 12.1 %, and a thousandth would be no dropout
        to speak of, so .121. What is kept is scaled by 1 / (1 - share), which the code lacked.
    pooled_dropout : share of the pooled features that is dropped.
    pooled_dropout_by : "feature", each by itself, or "update": all or none of them, by one draw
        an update, as the authors' code did.
    max_frames : frames of a clip in an update at most, drawn at random in each epoch (the code;
        the paper's text says that 98 clips were dropped out); None takes all.
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
        groups : (n,) of clips that must be held out together (speakers, films).
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
        targets, classes = _targets(y, len(clips))
        seed = check_random_state(self.random_state).randint(2**31)
        random = np.random.Generator(np.random.SFC64(seed))
        part = np.arange(len(clips))
        held: tuple[list[Floats], Floats] | None = None
        if validation is not None:
            held_clips = self._clips(validation[0], reset=False)
            held = held_clips, _targets(validation[1], len(held_clips), classes)[0]
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
            self.coefs_ = [glorot(*shape, random) for shape in shapes]
            self.intercepts_ = [np.zeros(units, np.float32) for _, units in shapes]
            given = list(self.initial or ())
            if len(given) >= len(shapes):
                raise ParameterError(
                    f"initial has {len(given)} layers for {len(shapes) - 1} hidden ones"
                )
            for i, (W, b) in enumerate(given):
                weights, biases = np.array(W, np.float32, order="C"), np.array(b, np.float32)
                if weights.shape != shapes[i] or biases.shape != shapes[i][1:]:
                    raise ParameterError(
                        f"initial[{i}] has shapes {weights.shape} and {biases.shape}, expected "
                        f"{shapes[i]} (inputs, units) and {shapes[i][1:]}"
                    )
                if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
                    raise ParameterError(f"initial[{i}] holds NaN or infinite values")
                self.coefs_[i], self.intercepts_[i] = weights, biases
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
        weighted = targets * _clip_weights(targets, self.class_weight, self.classes_)
        order, rate = random.permutation(len(clips)), float(self.learning_rate)
        keys = ["loss", "error", "rate"] + ["validation_loss", "validation_error"] * bool(held)
        self.history_ = {key: [] for key in keys}
        best, best_parameters = (np.inf, np.inf), [p.copy() for p in parameters]
        self.best_epoch_ = 0
        for epoch in range(int(self.n_epochs)):
            if epoch and self.shuffle == "epoch":
                order = random.permutation(len(clips))
            loss, error = self._epoch(
                clips, weighted.astype(np.float32), order, optimiser, rate, random
            )
            if not np.isfinite(loss) or not all(np.isfinite(p).all() for p in parameters):
                raise DataError(
                    f"the loss is no longer finite in epoch {epoch + 1}; lower the learning rate "
                    "or standardise the features"
                )
            found = [loss, error, rate]
            if held is not None:
                loss, error = _loss_and_error(self._log_proba(held[0]), held[1])
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

    def _epoch(
        self,
        clips: list[Floats],
        targets: NDArray[np.float32],
        order: Indices,
        optimiser: RMSProp,
        rate: float,
        random: np.random.Generator,
    ) -> tuple[float, float]:
        """Update on every clip once; the mean loss and the error of the updates."""
        names, weights = self._names(), self._weights(self.train_weights)
        gradients = [np.empty_like(p) for p in optimiser.parameters]
        most = np.inf if self.max_frames is None else self.max_frames
        size = int(self.batch_size)
        lengths = sorted((min(len(clip), most) for clip in clips), reverse=True)
        buffer = np.empty((int(sum(lengths[:size])), self.n_features_in_), np.float32)
        total, wrong = 0.0, 0
        for batch in (order[i : i + size] for i in range(0, len(order), size)):
            frames, bounds = gather([clips[i] for i in batch], most, buffer, random)
            keeps = [
                dropout((len(frames), len(W)), self.unit_dropout, random) for W in self.coefs_[:-1]
            ]
            loss, p, _ = loss_and_gradients(
                frames, bounds, targets[batch] / np.float32(len(batch)), self.coefs_,
                self.intercepts_, names, weights=weights, distinct=self.distinct, keeps=keeps,
                keep_pooled=self._keep_pooled(len(batch), random), out=gradients,
            )  # fmt: skip
            total += loss * len(batch)
            wrong += int((p.argmax(axis=1) != targets[batch].argmax(axis=1)).sum())
            optimiser.step(gradients, rate)
            if self.max_norm is not None:
                for W in self.coefs_:
                    limit_norms(W, float(self.max_norm))
        return total / len(clips), wrong / len(clips)

    def _keep_pooled(self, clips: int, random: np.random.Generator) -> Floats | float:
        if self.pooled_dropout_by == "update":
            return float(random.random() >= self.pooled_dropout) / (1.0 - self.pooled_dropout)
        mask = dropout((clips, len(self.coefs_[-1])), self.pooled_dropout, random)
        return 1.0 if mask is None else mask

    def hidden(self, frames: ArrayLike) -> Floats:
        """Activations of the last hidden layer: (t, features) → (t, units)."""
        check_is_fitted(self)
        clip = self._clips([frames], reset=False)[0]
        return np.concatenate(list(self._hidden_parts(clip)))

    def _hidden_parts(self, clip: Floats) -> Iterator[Floats]:
        for start in range(0, len(clip), _ROWS):
            part = clip[start : start + _ROWS]
            if part.dtype != np.float32:
                part = part.astype(np.float64)
            yield hidden_layer(part, self.coefs_[:-1], self.intercepts_[:-1], self._names())

    def pool_state(self) -> ClipState:
        """A state that takes in one long clip piece by piece."""
        check_is_fitted(self)
        return ClipState(self)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (n, classes) of clips, in the order of ``classes_``; X as for ``fit``."""
        check_is_fitted(self)
        p: NDArray[np.float64] = np.exp(self._log_proba(self._clips(X, reset=False)))
        return p

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each clip: (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _log_proba(self, clips: list[Floats]) -> NDArray[np.float64]:
        weights = self._weights(self.test_weights)
        pooled = np.empty((len(clips), len(self.coefs_[-1])))
        start = 0
        while start < len(clips):
            end, rows = start + 1, len(clips[start])
            while end < len(clips) and rows + len(clips[end]) <= _ROWS:
                rows += len(clips[end])
                end += 1
            if rows > _ROWS:
                stream = StreamingPool(weights)
                for part in self._hidden_parts(clips[start]):
                    stream.add(part)
                pooled[start] = stream.value()
            else:
                frames = clips[start] if end == start + 1 else np.concatenate(clips[start:end])
                h = next(self._hidden_parts(frames))
                pooled[start:end] = pool(h, _bounds(clips[start:end]), weights)
            start = end
        return self._log_softmax(pooled)

    def _log_softmax(self, pooled: Floats) -> NDArray[np.float64]:
        W, b = self.coefs_[-1].astype(np.float64), self.intercepts_[-1]
        return log_softmax(pooled.astype(np.float64) @ W + b).astype(np.float64, copy=False)

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
        if model.classes_.ndim != 1 or len(np.unique(model.classes_)) != len(model.classes_) > 1:
            raise BundleError("the perceptron's classes must be at least two different numbers")
        sizes = [model.n_features_in_, *model.hidden_layer_sizes, len(model.classes_)]
        model.coefs_, model.intercepts_ = [], []
        for i, shape in enumerate(pairwise(sizes)):
            model.coefs_.append(_stored(arrays, f"{i}.weight", shape))
            model.intercepts_.append(_stored(arrays, f"{i}.bias", shape[1:]))
        return model

    def _names(self) -> tuple[str, ...]:
        if isinstance(self.activations, str):
            return (self.activations,) * len(self.hidden_layer_sizes)
        return tuple(self.activations)

    def _weights(self, weights: Sequence[float]) -> Sequence[float] | None:
        """Of the ranks, as ``temporal_pooling`` wants them."""
        return {"top": weights, "max": (1.0,), "mean": None}[self.pooling]

    def _clips(self, X: Any, *, reset: bool) -> list[Floats]:
        """The clips, each (frames, features), as views where they can be."""
        several = isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.ndim > 0)
        if not (several and len(X) and np.ndim(X[0]) == 2):
            x = validate_data(self, X, dtype=[np.float64, np.float32], reset=reset)
            return list(x[:, None, :])
        clips = [np.asarray(clip) for clip in X]
        if reset:
            self.n_features_in_ = int(clips[0].shape[1])
        for i, clip in enumerate(clips):
            if clip.ndim != 2 or clip.dtype.kind not in "fiub":
                raise DataError(
                    f"clip {i} must be (frames, features) real numbers, not {clip.shape} "
                    f"{clip.dtype}"
                )
            if clip.shape[1] != self.n_features_in_:
                raise DataError(
                    f"clip {i} has {clip.shape[1]} features, expected {self.n_features_in_}"
                )
            if not len(clip):
                raise DataError(f"clip {i} has no frame; leave such clips out")
            if not _finite(clip):
                raise DataError(f"clip {i} holds NaN or infinite values")
        return clips

    def _check_parameters(self) -> None:
        for name, known in (
            ("pooling", POOLINGS), ("pooled_dropout_by", ("feature", "update")),
            ("denominator", DENOMINATORS), ("shuffle", ("once", "epoch")),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise ParameterError(f"{name} must be one of {known}, not {getattr(self, name)!r}")
        for name, low, high in (
            ("unit_dropout", 0.0, 1.0), ("pooled_dropout", 0.0, 1.0),
            ("validation_fraction", 0.0, 1.0), ("momentum", 0.0, 1.0), ("rho", 0.0, 1.0),
            ("learning_rate", 0.0, np.inf), ("l2", 0.0, np.inf), ("rate_decay", 0.0, np.inf),
        ):  # fmt: skip
            if not low <= getattr(self, name) < high:
                raise ParameterError(
                    f"{name} must be at least {low} and below {high}, not {getattr(self, name)!r}"
                )
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


class ClipState:
    """One clip taken in piece by piece, of any length; ``PooledPerceptron.pool_state`` makes it."""

    def __init__(self, model: PooledPerceptron) -> None:
        self._model = model
        self._pool = StreamingPool(model._weights(model.test_weights))

    @property
    def frames(self) -> int:
        """How many frames came so far."""
        return self._pool.frames

    def add(self, frames: ArrayLike) -> None:
        """Take in the next (t, features) frames, possibly none."""
        if len(np.asarray(frames)):
            for part in self._model._hidden_parts(self._model._clips([frames], reset=False)[0]):
                self._pool.add(part)

    def predict_proba(self) -> NDArray[np.float64]:
        """Probabilities (classes,) of the frames so far.

        Raises
        ------
        DataError : no frame came yet.
        """
        p: NDArray[np.float64] = np.exp(self._model._log_softmax(self._pool.value()[None]))[0]
        return p


def gather(
    clips: Sequence[Floats], most: float, buffer: Floats, random: np.random.Generator
) -> tuple[Floats, Indices]:
    """At most ``most`` random frames of each clip, in their order, at the start of ``buffer``.

    Returns the filled part of the buffer and the bounds of the clips in it.
    """
    bounds = np.zeros(len(clips) + 1, dtype=np.intp)
    for i, clip in enumerate(clips):
        start = bounds[i]
        if len(clip) <= most:
            bounds[i + 1] = start + len(clip)
            buffer[start : bounds[i + 1]] = clip
            continue
        rows = np.sort(random.choice(len(clip), int(most), replace=False, shuffle=False))
        bounds[i + 1] = start + len(rows)
        if clip.dtype == buffer.dtype:
            np.take(clip, rows, axis=0, out=buffer[start : bounds[i + 1]], mode="clip")
        else:
            buffer[start : bounds[i + 1]] = clip[rows]
    return buffer[: bounds[-1]], bounds


def hold_out(
    n: int, fraction: float, groups: ArrayLike | None, random: np.random.Generator
) -> tuple[Indices, Indices]:
    """Clips to train on, clips held out: about ``fraction`` of n, in whole groups.

    Raises
    ------
    ParameterError : groups of another number than clips, or nothing left on one side.
    """
    group = np.arange(n) if groups is None else np.asarray(groups)
    if group.shape != (n,):
        raise ParameterError(f"groups {group.shape} must have one entry a clip, ({n},)")
    _, member, size = np.unique(group, return_inverse=True, return_counts=True)
    shuffled = random.permutation(len(size))
    # A group goes out as long as more of it is wanted than not
    before = np.array([0, *accumulate(size[shuffled])][:-1])
    held = np.isin(member, shuffled[before + size[shuffled] / 2 <= fraction * n])
    if held.all() or not held.any():
        raise ParameterError(
            f"validation_fraction {fraction} of {n} clips in {len(size)} groups leaves nothing "
            "to train on or nothing held out"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _targets(
    y: Any, n: int, classes: NDArray[Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Probabilities (n, classes) that labels or probabilities mean, and the classes."""
    if y is None:
        raise ParameterError("this classifier requires y to be passed, but the target y is None")
    labels = np.asarray(y)
    soft = labels.ndim == 2 and labels.shape[1] > 1
    if not soft:
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
    if len(labels) != n:
        raise ParameterError(f"expected {n} labels, one a clip, got {len(labels)}")
    if soft:
        labels = labels.astype(np.float64)
        if not (labels >= 0.0).all() or np.abs(labels.sum(axis=1) - 1.0).max() > 1e-4:
            raise ParameterError("y of two dimensions must hold probabilities, rows summing to one")
        known = np.arange(labels.shape[1]) if classes is None else classes
        if labels.shape[1] != len(known):
            raise ParameterError(f"expected probabilities of {len(known)} classes in y")
        return labels, known
    known = np.unique(labels) if classes is None else classes
    if len(known) < 2:
        raise ParameterError(f"y holds one class only, {known[0]!r}; a classifier needs two")
    one_hot = labels[:, None] == known
    if not one_hot.any(axis=1).all():
        raise ParameterError("the validation labels hold a class that the training labels lack")
    return one_hot.astype(np.float64), known


def _clip_weights(
    targets: Floats, how: str | Mapping[Any, float] | None, classes: NDArray[Any]
) -> NDArray[np.float64]:
    """(n, 1): given by label, or inverse to the class's frequency and one on average."""
    weights = np.ones(len(classes))
    if isinstance(how, Mapping):
        weights[:] = [how.get(label, 1.0) for label in classes.tolist()]
    elif how == "balanced":
        counts = targets.sum(axis=0)
        weights[:] = len(targets) / (np.maximum(counts, 1e-9) * (counts > 0).sum())
    of_clips: NDArray[np.float64] = targets @ weights[:, None]
    return of_clips


def _loss_and_error(log_p: Floats, targets: Floats) -> tuple[float, float]:
    wrong = log_p.argmax(axis=1) != targets.argmax(axis=1)
    return float(-(targets * log_p).sum(axis=1).mean()), float(wrong.mean())


def _bounds(clips: Sequence[Floats]) -> Indices:
    return np.array([0, *accumulate(len(clip) for clip in clips)], dtype=np.intp)


def _finite(clip: Floats) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        # The sum tells without an array of truth values as large as the clip, but may overflow
        return bool(np.isfinite(clip.sum(dtype=np.float64)) or np.isfinite(clip).all())


def _stored(
    arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    if name not in arrays:
        raise BundleError(f"the perceptron's array {name!r} is missing")
    array = np.asarray(arrays[name])
    if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise BundleError(
            f"the perceptron's array {name!r} must be finite numbers of shape {shape}, it has "
            f"{array.shape} {array.dtype}"
        )
    return np.array(array, np.float32, order="C")
