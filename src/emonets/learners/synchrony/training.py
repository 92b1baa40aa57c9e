"""The training of a synchrony autoencoder: loss, gradient, a step, and where it stands on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from scipy.special import expit

from emonets.errors import DataError
from emonets.runtime.files import write_whole

Floats = NDArray[np.floating[Any]]

SCHEDULES = ("constant", "cosine")
_RISE = 0.05  # share of the epochs over which "cosine" rises
_SERIES = ("loss", "penalty", "rate")


def loss_and_gradient(
    weights: Floats, x: Floats, contraction: float = 0.0
) -> tuple[float, float, Floats]:
    """The two parts of the loss of a batch and its gradient.

    With f = W x, h = sigmoid(f²), g = h (1 - h), a = h ∘ f, e = Wᵀ a - x and q_j = |w_j|²:
    |e|² has the gradient 2 a eᵀ + [2 W e ∘ (h + 2 f² g)] xᵀ. The Jacobian of h has the squared
    norm Σ_j 4 f_j² g_j² q_j.

    Parameters
    ----------
    weights : (k, d) W.
    x : (n, d).
    contraction : weight of the second part.

    Returns
    -------
    Sum of |e|² over the rows; contraction times the mean squared norm of the Jacobian; gradient
    (k, d) of the mean of |e|² plus that.
    """
    f = x @ weights.T
    square = np.square(f)
    h = expit(square)
    slope = h * (1.0 - h)
    coded = h * f
    error = coded @ weights
    error -= x
    loss = float(np.einsum("nd,nd->", error, error))
    back = error @ weights.T
    back *= h + 2.0 * square * slope
    gradient = coded.T @ error
    gradient += back.T @ x
    gradient *= 2.0 / len(x)
    penalty = 0.0
    if contraction:
        norm = np.einsum("kd,kd->k", weights, weights)
        part = 4.0 * contraction / len(x) * np.square(slope)
        each = (part * square).sum(axis=0)
        penalty = float(each @ norm)
        through = 2.0 * f * part * norm * (1.0 + 2.0 * square * (1.0 - 2.0 * h))
        gradient += through.T @ x
        gradient += (2.0 * each)[:, None] * weights
    return loss, penalty, gradient


class Step:
    """Gradient descent with momentum, on weights and velocity that are changed in place."""

    def __init__(self, weights: Floats, velocity: Floats, contraction: float) -> None:
        self.weights, self.velocity, self.contraction = weights, velocity, contraction

    def update(self, x: Floats, rate: float, momentum: float) -> tuple[float, float]:
        """v ← momentum v - rate gradient; W ← W + v. The loss' two parts, before."""
        loss, penalty, gradient = loss_and_gradient(self.weights, x, self.contraction)
        gradient *= rate
        self.velocity *= momentum
        self.velocity -= gradient
        self.weights += self.velocity
        return loss, penalty


def rate_at(done: float, rate: float, schedule: str) -> float:
    """The learning rate after a share of all updates, 0..1."""
    if schedule == "constant":
        return rate
    if done < _RISE:
        return rate * done / _RISE
    return rate * 0.5 * (1.0 + math.cos(math.pi * (done - _RISE) / (1.0 - _RISE)))


@dataclass(eq=False)
class Progress:
    """Where training stands."""

    weights: Floats
    velocity: Floats
    seed: int
    history: dict[str, list[float]]

    @classmethod
    def start(cls, weights: Floats, seed: int) -> Self:
        return cls(weights, np.zeros_like(weights), seed, {name: [] for name in _SERIES})

    @property
    def epochs(self) -> int:
        return len(self.history["loss"])

    def add(self, **values: float) -> None:
        for name in _SERIES:
            self.history[name].append(float(values[name]))


def write_progress(path: Path, progress: Progress, recipe: Mapping[str, Any]) -> None:
    """Keep all that training needs to go on exactly where it stands."""
    about = {"recipe": json.dumps(recipe), "history": json.dumps(progress.history),
             "seed": str(progress.seed)}  # fmt: skip
    arrays = {"weights": progress.weights, "velocity": progress.velocity}
    write_whole(path, save(arrays, about))


def read_progress(path: Path, recipe: Mapping[str, Any]) -> Progress | None:
    """What :func:`write_progress` kept; None where there is no file.

    Raises
    ------
    DataError : the file is damaged, or of another recipe.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            weights, velocity = (np.array(file.get_tensor(n)) for n in ("weights", "velocity"))
        saved, history = json.loads(about["recipe"]), json.loads(about["history"])
        series = {name: [float(value) for value in history[name]] for name in _SERIES}
        progress = Progress(weights, velocity, int(about["seed"]), series)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: not a training checkpoint ({error}); delete it to start anew"
        ) from None
    if saved != json.loads(json.dumps(dict(recipe))):
        raise DataError(
            f"{path}: made with other data or settings ({saved}); delete it to start anew"
        )
    return progress
