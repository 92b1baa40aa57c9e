"""Logistic stacking with a strong prior: a product of the models, with weights from the data.

The logits are Σ_j w[j, c] log(k P[j, c]) + b[c], a log-linear pool. Its weights are w = s + δ: one
number s that all share, which the data set freely, and deviations δ (and b) that a Gaussian prior
holds near zero. With no data, or an infinitely strong prior, that is the calibrated product of the
models; with much data any weighted product. It is fitted by the likelihood, a convex problem with
one solution. So it does not vary from run to run, as a random search does, and cannot select the
luckiest of a hundred thousand weightings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.utils import check_random_state

from emonets.errors import BundleError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.common import Arrays, Floats, Ints, evidence
from emonets.fusion.protocols import inner_folds
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored

WEIGHTS = ("model", "class", "full")
"""One weight a model; one a model and class; one a model and pair of classes."""

SPREADS: tuple[float, ...] = (0.0, 0.03, 0.1, 0.3, 1.0)
"""Standard deviations of the prior that are tried; 0 leaves only the shared s."""


class LogisticFusion(Fusion):
    """Multinomial logistic regression on log-probabilities, shrunk towards equal weights.

    Minimised is Σ -log p(y | P) + (Σ δ² + Σ b²) / (2 spread²).

    Parameters
    ----------
    weights : "model" (m numbers), "class" (m·k) or "full" (m·k·k); see :data:`WEIGHTS`.
    spread : standard deviation of the prior on δ and b. None: chosen of ``spreads`` by folds (of
        whole groups) of the clips, by the likelihood; of equals the smallest.
    spreads : to choose from.
    cv : folds.
    intercept : whether there are b.
    balanced : count every class equally, however common it is in the training data; b then does
        not learn that one is more common.
    max_iter : steps of L-BFGS.
    random_state : of the folds.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    scale_ : s.
    weights_ : (m, k) s + δ; of "full" the part of a class on itself.
    cross_ : (m, k, k), what class c' of a model adds to class c; 0 off the diagonal but for "full".
    intercept_ : (k,). spread_ : the one used.
    n_iter_ : steps of L-BFGS.
    losses_ : mean negative log likelihood of each of ``spreads``, where it was chosen.
    """

    kind = "logistic"

    def __init__(
        self,
        *,
        weights: str = "model",
        spread: float | None = None,
        spreads: Sequence[float] = SPREADS,
        cv: int = 5,
        intercept: bool = True,
        balanced: bool = False,
        max_iter: int = 500,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.weights = weights
        self.spread = spread
        self.spreads = spreads
        self.cv = cv
        self.intercept = intercept
        self.balanced = balanced
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        x = evidence(p, "log")
        if self.spread is not None:
            self.spread_ = float(self.spread)
        else:
            seed = int(check_random_state(self.random_state).randint(2**31))
            folds = inner_folds(target, groups, self.cv, seed)
            self.losses_ = np.zeros(len(self.spreads))
            for i, spread in enumerate(self.spreads):
                for train, test in folds:
                    cross, b, *_ = self._solve(x[train], target[train], spread)
                    z = _logits(x[test], cross, b)
                    loss = logsumexp(z, axis=1) - z[np.arange(len(test)), target[test]]
                    self.losses_[i] += float(loss.sum()) / len(target)
            self.spread_ = float(self.spreads[int(np.round(self.losses_, 9).argmin())])
        solved = self._solve(x, target, self.spread_)
        self.cross_, self.intercept_, self.scale_, self.n_iter_ = solved
        self.weights_ = np.einsum("jcc->jc", self.cross_).copy()

    def _solve(self, x: Floats, target: Ints, spread: float) -> tuple[Floats, Floats, float, int]:
        """cross (m, k, k), intercept (k,), s, and steps."""
        problem = _Problem(x, target, self.weights, spread, self.intercept, self.balanced)
        found = minimize(
            problem.loss, problem.start, jac=True, method="L-BFGS-B",
            options={"maxiter": self.max_iter, "gtol": 1e-6, "ftol": 1e-11},
        )  # fmt: skip
        cross, b, s = problem.parts(found.x)
        return np.array(cross), b, float(s), max(int(found.nit), 1)

    def _fuse(self, p: Floats) -> Floats:
        return np.asarray(
            softmax(_logits(evidence(p, "log"), self.cross_, self.intercept_), axis=1)
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("weights", self.weights, WEIGHTS)
        check_number("cv", self.cv, 2, np.inf, high_in=False)
        check_number("max_iter", self.max_iter, 1, np.inf, high_in=False)
        if self.spread is None:
            if not len(self.spreads):
                raise ParameterError("spreads is empty; give one at least, or spread")
            for spread in self.spreads:
                check_number("each of spreads", spread, 0, np.inf, high_in=False)
        else:
            check_number("spread", self.spread, 0, np.inf, high_in=False)

    def _settings(self) -> dict[str, Any]:
        return {"weights": self.weights}

    def _arrays(self) -> Arrays:
        return {"cross": self.cross_, "intercept": self.intercept_}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        m, k = self.n_models_, len(self.classes_)
        check_stored("the logistic fusion", arrays, {"cross": (m, k, k), "intercept": (k,)})
        if settings["weights"] not in WEIGHTS:
            raise BundleError(f"the logistic fusion's weights are {settings['weights']!r}")
        self.weights = str(settings["weights"])
        self.cross_ = np.array(arrays["cross"], dtype=np.float64)
        self.intercept_ = np.array(arrays["intercept"], dtype=np.float64)
        self.weights_ = np.einsum("jcc->jc", self.cross_).copy()


def _logits(x: Floats, cross: Floats, intercept: Floats) -> Floats:
    n, m, k = x.shape
    return np.asarray(x.reshape(n, m * k) @ cross.reshape(m * k, k) + intercept)


class _Problem:
    """The penalised likelihood of [s, δ, b] and its gradient.

    δ and b are counted in units of ``spread``, so that a spread of 0 needs no case of its own and
    all parameters are of one size.
    """

    def __init__(
        self, x: Floats, target: Ints, weights: str, spread: float, intercept: bool, balanced: bool
    ) -> None:
        n, m, k = x.shape
        self.x, self.target, self.weights, self.spread = x, target, weights, spread
        self.shape = {"model": (m,), "class": (m, k), "full": (m, k, k)}[weights]
        self.bend = int(np.prod(self.shape))
        self.b = k if intercept else 0
        self.eye = np.eye(k)
        count = np.bincount(target, minlength=k)
        worth = n / (count[target] * (count > 0).sum()) if balanced else np.ones(n)
        self.worth = np.asarray(worth, dtype=np.float64)
        self.start = np.zeros(1 + self.bend + self.b)
        self.start[0] = 1.0

    def parts(self, theta: Floats) -> tuple[Floats, Floats, float]:
        s, delta = float(theta[0]), self.spread * theta[1 : 1 + self.bend].reshape(self.shape)
        m, k = self.x.shape[1:]
        if self.weights == "model":
            cross = (s + delta)[:, None, None] * self.eye
        elif self.weights == "class":
            cross = (s + delta)[:, :, None] * self.eye
        else:
            cross = s * self.eye + delta
        b = np.zeros(k)
        if self.b:
            b = self.spread * theta[1 + self.bend :]
        return np.broadcast_to(cross, (m, k, k)), b, s

    def loss(self, theta: Floats) -> tuple[float, Floats]:
        cross, b, _ = self.parts(theta)
        n, _, k = self.x.shape
        z = _logits(self.x, cross, b)
        rows = np.arange(n)
        own_logit = z[rows, self.target]
        top = z.max(axis=1)
        # one exponential serves the loss and its gradient: it costs more than the products
        np.exp(np.subtract(z, top[:, None], out=z), out=z)
        norm = z.sum(axis=1)
        total = float(self.worth @ (np.log(norm) + top - own_logit))
        r = np.divide(z, norm[:, None], out=z)
        r[rows, self.target] -= 1
        r *= self.worth[:, None]
        slope = np.zeros_like(theta)
        d = (self.x.reshape(n, -1).T @ r).reshape(-1, k, k)
        own = np.einsum("jcc->jc", d)
        if self.weights != "full":
            d = own.sum(axis=1) if self.weights == "model" else own
        slope[0] = own.sum()
        slope[1 : 1 + self.bend] = self.spread * d.ravel() + theta[1 : 1 + self.bend]
        if self.b:
            slope[1 + self.bend :] = self.spread * r.sum(axis=0) + theta[1 + self.bend :]
        penalty = float(theta[1:] @ theta[1:]) / 2
        # per clip, so that the tolerances mean the same however many there are
        return (total + penalty) / n, slope / n
