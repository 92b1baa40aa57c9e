"""The layers of a pooled perceptron as functions of arrays, with their gradients written out.

Frames are rows throughout; those of several clips lie one clip after the other, and ``bounds``
defines where each begins and ends (``temporal_pooling``). Nothing here keeps a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import ParameterError
from emonets.learners.pooled_perceptron.pooling import (
    Indices,
    pool_mean,
    pool_mean_gradient,
    pool_rows,
    pool_rows_gradient,
    top_rows,
)

Floats = NDArray[np.floating[Any]]

ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "linear")
"""Of hidden layers; relu6 is bounded at 6, as the paper's first RBM is."""


def glorot(inputs: int, units: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Weights (inputs, units), uniform within ±√(6 / (inputs + units))."""
    limit = np.sqrt(6.0 / (inputs + units))
    return random.uniform(-limit, limit, (inputs, units)).astype(np.float32)


def initial_layers(
    shapes: Sequence[tuple[int, int]],
    given: Sequence[tuple[ArrayLike, ArrayLike]],
    random: np.random.Generator,
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Weights and biases to begin with: those given for the first layers, Glorot's and 0 after.

    Parameters
    ----------
    shapes : (inputs, units) of every layer, the softmax last.
    given : (W (inputs, units), b (units,)) of the first hidden layers; copied.

    Raises
    ------
    ParameterError : more layers given than are hidden, of wrong shapes, or not finite.
    """
    coefs = [glorot(*shape, random) for shape in shapes]
    intercepts = [np.zeros(units, np.float32) for _, units in shapes]
    if len(given) >= len(shapes):
        raise ParameterError(f"initial has {len(given)} layers for {len(shapes) - 1} hidden ones")
    for i, (W, b) in enumerate(given):
        weights, biases = np.array(W, np.float32, order="C"), np.array(b, np.float32)
        if weights.shape != shapes[i] or biases.shape != shapes[i][1:]:
            raise ParameterError(
                f"initial[{i}] has shapes {weights.shape} and {biases.shape}, expected "
                f"{shapes[i]} (inputs, units) and {shapes[i][1:]}"
            )
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            raise ParameterError(f"initial[{i}] holds NaN or infinite values")
        coefs[i], intercepts[i] = weights, biases
    return coefs, intercepts


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


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the probabilities, row by row."""
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


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
