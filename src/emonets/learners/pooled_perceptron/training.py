"""One pass of a pooled perceptron's training over its clips (paper 3.2.3, 3.2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.learners.pooled_perceptron.clips import gather
from emonets.learners.pooled_perceptron.layers import dropout, loss_and_gradients
from emonets.learners.pooled_perceptron.pooling import Indices
from emonets.learners.pooled_perceptron.rmsprop import RMSProp, limit_norms

Floats = NDArray[np.floating[Any]]


def run_epoch(
    clips: Sequence[Floats],
    targets: NDArray[np.float32],
    order: Indices,
    optimiser: RMSProp,
    random: np.random.Generator,
    *,
    rate: float,
    names: Sequence[str],
    weights: Sequence[float] | None,
    distinct: bool,
    unit_dropout: float,
    pooled_dropout: float,
    pooled_dropout_by: str,
    max_frames: int | None,
    batch_size: int,
    max_norm: float | None,
) -> tuple[float, float]:
    """Update on every clip once.

    Parameters
    ----------
    clips : each (frames, inputs).
    targets : (n, classes), weighted.
    order : (n,) in which the clips come.
    optimiser : of weights and biases in turn, the softmax's last; they are changed.
    rate, unit_dropout, ... : as ``PooledPerceptron`` names them.
    names, weights, distinct : of ``perceptron_layers.loss_and_gradients``.

    Returns
    -------
    the mean loss of the clips and their share of errors, both as measured in the updates.
    """
    coefs, intercepts = optimiser.parameters[::2], optimiser.parameters[1::2]
    gradients = [np.empty_like(p) for p in optimiser.parameters]
    most = np.inf if max_frames is None else max_frames
    lengths = sorted((min(len(clip), most) for clip in clips), reverse=True)
    buffer = np.empty((int(sum(lengths[:batch_size])), len(coefs[0])), np.float32)
    total, wrong = 0.0, 0
    for batch in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        frames, bounds = gather([clips[i] for i in batch], most, buffer, random)
        keeps = [dropout((len(frames), len(W)), unit_dropout, random) for W in coefs[:-1]]
        keep: Floats | float | None
        if pooled_dropout_by == "update":
            keep = float(random.random() >= pooled_dropout) / (1.0 - pooled_dropout)
        else:
            keep = dropout((len(batch), len(coefs[-1])), pooled_dropout, random)
        loss, p, _ = loss_and_gradients(
            frames, bounds, targets[batch] / np.float32(len(batch)), coefs, intercepts, names,
            weights=weights, distinct=distinct, keeps=keeps,
            keep_pooled=1.0 if keep is None else keep, out=gradients,
        )  # fmt: skip
        total += loss * len(batch)
        wrong += int((p.argmax(axis=1) != targets[batch].argmax(axis=1)).sum())
        optimiser.step(gradients, rate)
        if max_norm is not None:
            for W in coefs:
                limit_norms(W, max_norm)
    return total / len(clips), wrong / len(clips)


def loss_and_error(log_p: Floats, targets: Floats) -> tuple[float, float]:
    """Mean cross-entropy and share of errors of log-probabilities (n, classes)."""
    wrong = log_p.argmax(axis=1) != targets.argmax(axis=1)
    return float(-(targets * log_p).sum(axis=1).mean()), float(wrong.mean())
