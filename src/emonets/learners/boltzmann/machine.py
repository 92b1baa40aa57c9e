"""What a restricted Boltzmann machine is: its conditionals, free energy and likelihood.

Of a visible vector v and a hidden vector h, with x = v W + c the input of the hidden units,

    Gaussian visible, sigmoid hidden    E(v, h) = |v - b|² / 2 - c·h - v·W h    (unit variance)
    Bernoulli visible, sigmoid hidden   E(v, h) = -b·v - c·h - v·W h

and p(v, h) = exp(-E(v, h)) / Z. Rectified hidden units have no such E: they are defined by how
they are drawn (paper 3.2.2, after Nair and Hinton 2010), h = min(bound, max(0, x + ψ)) with ψ
normal of *standard deviation* σ(x); the stand-in for their free energy is explained there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline
from scipy.special import ndtr

from emonets.errors import BundleError, ParameterError
from emonets.learners.stored import check_stored

Floats = NDArray[np.floating[Any]]
Visible = Literal["gaussian", "bernoulli"]
Hidden = Literal["relu", "sigmoid"]
VISIBLE: tuple[Visible, ...] = get_args(Visible)
HIDDEN: tuple[Hidden, ...] = get_args(Hidden)

ENUMERABLE = 20
"""Hidden units up to which all of their states are gone through: 2^20 of them."""

_ARRAYS: dict[str, tuple[int | None, ...]] = {
    "weights": (None, None), "hidden_bias": (None,), "visible_bias": (None,),
    "visible": (1,), "hidden": (1,), "bound": (1,),
}  # fmt: skip
_STATES = 4096  # hidden states at a time
_REACH = 10.0  # units of input beyond which the noise of a rectified unit no longer shows
_CELLS = 128  # of the table of its integral, a unit of input
_TAIL = (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530)


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)) in the type of x, never overflowing."""
    p: Floats = np.tanh(0.5 * x)
    p *= 0.5
    p += 0.5
    return p


def draw_rectified(x: Floats, bound: float, random: np.random.Generator) -> Floats:
    """Noisy bounded rectified units: min(bound, max(0, x + ψ)), ψ ~ N(0, std σ(x)) (paper 3.2.2).

    Nair and Hinton (2010) give the noise the *variance* σ(x); the paper, and so this, the
    standard deviation.
    """
    h = _normal(random, x)
    h *= sigmoid(x)
    h += x
    return np.clip(h, 0.0, bound, out=h)


def mean_rectified(x: Floats, bound: float) -> Floats:
    """The mean of :func:`draw_rectified`, exact, in 0..bound.

    With s = σ(x) it is clip(x, 0, bound) + s g(|x| / s) - s g(|x - bound| / s), where
    g(a) = φ(a) - a Φ(-a), of the normal density and distribution, is E max(0, ε - a).
    """
    s = np.maximum(sigmoid(x), 1e-6)  # far below zero s underflows
    mean = _noise(x, s)
    if np.isfinite(bound):
        mean -= _noise(x - bound, s)
    mean += np.clip(x, 0.0, bound)
    return np.clip(mean, 0.0, bound, out=mean)


def integral_mean_rectified(x: Floats, bound: float) -> NDArray[np.float64]:
    """∫ of :func:`mean_rectified` from -∞ to x: max(0, x)² / 2 - max(0, x - bound)² / 2 and what
    the noise adds, from a table with an error of about 1e-8.
    """
    wide = np.asarray(x, dtype=np.float64)
    total = _integral(wide, 0.0)
    if np.isfinite(bound):
        total -= _integral(wide, float(bound))
    return total


def contrast(
    v_data: Floats, h_data: Floats, v_chain: Floats, h_chain: Floats
) -> tuple[Floats, Floats, Floats]:
    """Statistics of the data minus those of the chain: the log-likelihood's estimated gradient.

    Parameters
    ----------
    v_data, h_data : (n, d) visible rows and (n, k) hidden means.
    v_chain, h_chain : (m, d) and (m, k) of the chain; m may differ from n.

    Returns
    -------
    Of the weights (d, k), the hidden biases (k,) and the visible biases (d,).
    """
    n, m = len(v_data), len(v_chain)
    # One matrix product of n + m rows rather than two and their difference
    v = np.concatenate([v_data, v_chain])
    h = np.concatenate([h_data * (1.0 / n), h_chain * (-1.0 / m)])
    sign = np.repeat(np.array([1.0 / n, -1.0 / m], dtype=v.dtype), (n, m))
    return v.T @ h, h.sum(axis=0), sign @ v


@dataclass(frozen=True)
class Machine:
    """A restricted Boltzmann machine with its parameters; rows are samples throughout.

    Attributes
    ----------
    weights : (d, k) visible × hidden.
    hidden_bias : (k,).
    visible_bias : (d,).
    visible : "gaussian" (unit variance, any real number) or "bernoulli" (0..1).
    hidden : "relu" (noisy, bounded) or "sigmoid".
    bound : of rectified units; may be infinite.
    """

    weights: Floats
    hidden_bias: Floats
    visible_bias: Floats
    visible: Visible = "gaussian"
    hidden: Hidden = "relu"
    bound: float = 6.0

    def hidden_input(self, v: Floats) -> Floats:
        """x = v W + c, (n, k)."""
        x: Floats = v @ self.weights
        x += self.hidden_bias
        return x

    def mean_hidden(self, v: Floats) -> Floats:
        """E[h | v], (n, k): σ(x), or the exact mean of the noisy rectified units."""
        return self.mean_of_input(self.hidden_input(v))

    def mean_of_input(self, x: Floats) -> Floats:
        """E[h | x] of hidden inputs x."""
        return sigmoid(x) if self.hidden == "sigmoid" else mean_rectified(x, self.bound)

    def draw_hidden(self, x: Floats, random: np.random.Generator) -> Floats:
        """A sample of h of hidden inputs x."""
        if self.hidden == "relu":
            return draw_rectified(x, self.bound, random)
        return _coin(sigmoid(x), random)

    def mean_visible(self, h: Floats) -> Floats:
        """E[v | h], (n, d): b + h Wᵀ, through σ for Bernoulli units."""
        mean: Floats = h @ self.weights.T
        mean += self.visible_bias
        return mean if self.visible == "gaussian" else sigmoid(mean)

    def draw_visible(self, h: Floats, random: np.random.Generator) -> Floats:
        """A sample of v given h."""
        mean = self.mean_visible(h)
        if self.visible == "bernoulli":
            return _coin(mean, random)
        mean += _normal(random, mean)
        return mean

    def reconstruct(self, v: Floats) -> Floats:
        """E[v | h] at h = E[h | v], (n, d)."""
        return self.mean_visible(self.mean_hidden(v))

    def gibbs(
        self, h: Floats, steps: int, random: np.random.Generator, *, sample_visible: bool = True
    ) -> tuple[Floats, Floats]:
        """Block Gibbs sampling from hidden states h (n, k): ``steps`` ≥ 1 of (v | h, h | v).

        Only with ``sample_visible`` does the chain settle to the machine's own distribution;
        without, v is its mean given h, which has less noise and less spread.

        Returns
        -------
        The last v (n, d), and the hidden inputs x (n, k) it makes: their mean is for
        statistics, a draw from them takes the chain on.
        """
        draw = self.draw_visible if sample_visible else lambda h, _: self.mean_visible(h)
        v = draw(h, random)
        for _ in range(steps - 1):
            v = draw(self.draw_hidden(self.hidden_input(v), random), random)
        return v, self.hidden_input(v)

    def free_energy(self, v: Floats) -> NDArray[np.float64]:
        """F(v) = -log Σ_h exp(-E(v, h)), (n,): low where the machine expects data.

        |v - b|² / 2 or -b·v of the visible units, minus Σ log(1 + exp(x)) of sigmoid hidden
        units: exact, so that F(a) - F(b) = log p(b) - log p(a).

        For rectified hidden units, minus Σ ∫ E[h | x] dx from -∞ to x. It is the one function
        with -∂F/∂x = E[h | x], the mean of the units as they are drawn, which is what the exact
        F of sigmoid units also obeys; so that here, too, learning moves the parameters down the
        gradient of F at the data and up that at the chains. As no energy E(v, h) stands behind
        this sampler, exp(-F) is a score, not exactly the density that the sampler settles to.
        """
        x = self.hidden_input(v)
        if self.hidden == "sigmoid":
            of_hidden = np.logaddexp(0.0, x).sum(axis=1, dtype=np.float64)
        else:
            of_hidden = integral_mean_rectified(x, self.bound).sum(axis=1)
        if self.visible == "bernoulli":
            of_visible = -(v @ self.visible_bias).astype(np.float64)
            return np.asarray(of_visible - of_hidden, dtype=np.float64)
        away = v - self.visible_bias
        away *= away
        of_visible = 0.5 * away.sum(axis=1, dtype=np.float64)
        return np.asarray(of_visible - of_hidden, dtype=np.float64)

    def log_partition(self) -> float:
        """log Z by going through all states of at most ``ENUMERABLE`` sigmoid hidden units.

        The visible units are summed, or for Gaussian ones integrated, in closed form.

        Raises
        ------
        ParameterError : rectified hidden units, or too many hidden units.
        """
        d, k = self.weights.shape
        if self.hidden != "sigmoid" or k > ENUMERABLE:
            raise ParameterError(
                f"log Z is summed over the states of at most {ENUMERABLE} sigmoid hidden units; "
                f"this machine has {k} {self.hidden} ones; compare free energies instead"
            )
        w, c, b = (
            np.asarray(a, dtype=np.float64)
            for a in (self.weights, self.hidden_bias, self.visible_bias)
        )
        total = -np.inf
        for first in range(0, 2**k, _STATES):
            states = np.arange(first, min(first + _STATES, 2**k))
            h = (states[:, None] >> np.arange(k) & 1).astype(np.float64)
            push = h @ w.T
            if self.visible == "gaussian":
                # ∫ exp(-|v - b|²/2 + v·push) dv, the square completed
                of_visible = push @ b + 0.5 * (push * push).sum(axis=1)
            else:
                of_visible = np.logaddexp(0.0, push + b).sum(axis=1)
            total = float(np.logaddexp(total, np.logaddexp.reduce(h @ c + of_visible)))
        return total + (0.5 * d * np.log(2.0 * np.pi) if self.visible == "gaussian" else 0.0)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of the parameters, and the kinds of units as their places in the lists of them."""
        return {
            "weights": self.weights.copy(),
            "hidden_bias": self.hidden_bias.copy(),
            "visible_bias": self.visible_bias.copy(),
            "visible": np.array([VISIBLE.index(self.visible)]),
            "hidden": np.array([HIDDEN.index(self.hidden)]),
            "bound": np.array([float(self.bound)]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The machine of :meth:`to_arrays`, with its own copies; BundleError if damaged."""
        check_stored("the RBM", arrays, _ARRAYS, kinds="iuf", may_be_infinite=("bound",))
        w, c, b = (
            np.array(arrays[n], order="C") for n in ("weights", "hidden_bias", "visible_bias")
        )
        if {w.dtype, c.dtype, b.dtype} not in ({np.dtype("f4")}, {np.dtype("f8")}):
            raise BundleError("the RBM's weights and biases must all be float32 or all float64")
        if w.shape != (len(b), len(c)):
            raise BundleError(
                f"the RBM's weights {w.shape} do not fit its {len(b)} visible_bias and "
                f"{len(c)} hidden_bias"
            )
        visible, hidden = int(arrays["visible"][0]), int(arrays["hidden"][0])
        bound = float(arrays["bound"][0])
        if visible not in range(len(VISIBLE)) or hidden not in range(len(HIDDEN)) or not bound > 0:
            raise BundleError("the RBM's visible, hidden or bound is unknown; store it again")
        return cls(w, c, b, VISIBLE[visible], HIDDEN[hidden], bound)


def _noise(u: Floats, s: Floats) -> Floats:
    """E max(0, u + sε) - max(0, u) = s g(|u| / s): what noise of size s > 0 adds at u."""
    a = np.abs(u)
    a /= s
    np.minimum(a, 10.0, out=a)  # g is nothing there, and a far a squared would overflow
    density = np.exp(-0.5 * a * a)
    density *= 1.0 / math.sqrt(2.0 * math.pi)
    if a.dtype == np.float64:
        tail = ndtr(-a)
    else:
        # Abramowitz and Stegun 26.2.17, good to 7.5e-8: as good as float32, and in the training
        # loop, where the mean is needed twice an update, four times as fast as ndtr
        t = 1.0 / (1.0 + 0.2316419 * a)
        tail = np.full_like(t, _TAIL[0])
        for coefficient in _TAIL[1:]:
            tail *= t
            tail += coefficient
        tail *= t
        tail *= density
    tail *= a
    density -= tail
    density *= s
    return density


def _integral(x: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """∫ E max(0, u - threshold + σ(u)ε) du from -∞ to x."""
    away = x - threshold
    area: NDArray[np.float64] = _noise_integral(threshold)(np.clip(away, -_REACH, _REACH))
    area += 0.5 * np.square(np.maximum(away, 0.0))
    return area


@lru_cache(maxsize=16)
def _noise_integral(threshold: float) -> Any:
    """∫ of what the noise adds to a unit rectified at the threshold, by distance from it."""
    knots = np.linspace(-_REACH, _REACH, int(2 * _REACH * _CELLS) + 1)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    width = knots[1] - knots[0]
    inside = knots[:-1, None] + 0.5 * width * (1.0 + nodes)

    def added(u: NDArray[np.float64]) -> NDArray[np.float64]:
        s = np.maximum(sigmoid(u + threshold), 1e-6)
        return np.asarray(_noise(u, s), dtype=np.float64)

    cells = 0.5 * width * (added(inside) @ weights)
    return CubicHermiteSpline(knots, np.concatenate([[0.0], np.cumsum(cells)]), added(knots))


def _normal(random: np.random.Generator, like: Floats) -> Floats:
    return random.standard_normal(like.shape, dtype=like.dtype)


def _coin(p: Floats, random: np.random.Generator) -> Floats:
    u = random.random(p.shape, dtype=p.dtype)
    return (u < p).astype(p.dtype)
