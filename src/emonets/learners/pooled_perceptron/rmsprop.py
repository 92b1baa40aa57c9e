"""RMSProp with a variation of Nesterov's momentum (paper 3.2.4, equations 2 to 4).

With the gradient g, the rate ε, the momentum μ and the memory ρ::

    m ← ρ m + (1 - ρ) g²               (2)
    v ← μ v - ε g                      (3)
    θ ← θ + (μ v - ε g) / √m           (4), with the new v and m

The equations give every weight a denominator of its own. The authors' code gives one to every
*unit*: the square root of the sum of m over the weights that enter it, and a single one to a
whole vector of biases. For a unit of 909 inputs that makes steps some thirty times smaller at
the same rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError

Floats = NDArray[np.floating[Any]]

DENOMINATORS = ("weight", "unit")
"""What shares a denominator: nothing (the paper's equations), or a unit's inputs (the code)."""

_FLOOR = 1e-8  # of denominators, as in the authors' code
_BLOCK = 32_768  # numbers a pass: its six arrays stay in the processor's cache


class RMSProp:
    """The state of a descent over parameters that are changed in place.

    Parameters
    ----------
    parameters : C-contiguous arrays of one float type: weights (inputs, units), biases (units,).
    momentum : μ, 0 ≤ μ < 1.
    rho : ρ, 0 ≤ ρ < 1.
    denominator : one of ``DENOMINATORS``.
    l2 : adds ``l2 · Σ w²`` over weights (not biases) to the loss that the gradients are of.

    Raises
    ------
    ParameterError : a number out of its range, or an array that cannot be changed in place.
    """

    def __init__(
        self,
        parameters: Sequence[Floats],
        *,
        momentum: float = 0.46,
        rho: float = 0.92,
        denominator: str = "weight",
        l2: float = 0.0,
    ) -> None:
        if not (0.0 <= momentum < 1.0 and 0.0 <= rho < 1.0 and l2 >= 0.0):
            raise ParameterError(
                f"momentum {momentum} and rho {rho} must be in [0, 1) and l2 {l2} at least 0"
            )
        if denominator not in DENOMINATORS:
            raise ParameterError(
                f"denominator must be one of {', '.join(DENOMINATORS)}, not {denominator!r}"
            )
        if not all(p.flags.c_contiguous and p.flags.writeable for p in parameters):
            raise ParameterError("parameters must be C-contiguous arrays that can be written")
        self.parameters = list(parameters)
        self.momentum, self.rho, self.l2 = float(momentum), float(rho), float(l2)
        self.denominator = denominator
        self.velocities = [np.zeros_like(p) for p in parameters]
        self.mean_squares = [np.zeros_like(p) for p in parameters]
        largest = max((p.shape[-1] for p in parameters), default=1)
        self._scratch = np.empty(
            (2, max(_BLOCK, largest)), parameters[0].dtype if parameters else None
        )

    def step(self, gradients: Sequence[Floats], rate: float) -> None:
        """Change the parameters once. The gradients' arrays are used up: their content is lost."""
        for i, gradient in enumerate(gradients):
            penalty = 2.0 * self.l2 if gradient.ndim > 1 else 0.0
            shared = None
            if self.denominator == "unit":
                for theta, g, m, _, square, _ in self._blocks(i, gradient):
                    _mean_square(theta, g, m, square, self.rho, penalty)
                shared = _unit_denominators(self.mean_squares[i])
            for theta, g, m, v, scale, step in self._blocks(i, gradient):
                if shared is None:
                    _mean_square(theta, g, m, scale, self.rho, penalty)
                    np.sqrt(m, out=scale)
                    np.maximum(scale, _FLOOR, out=scale)
                denominators = scale if shared is None else shared
                _descend(theta, g, v, denominators, step, float(rate), self.momentum)

    def _blocks(self, i: int, gradient: Floats) -> Iterator[tuple[Floats, ...]]:
        """Some rows of parameter i at a time: views of θ, g, m and v, and two scratch arrays."""
        parameter = self.parameters[i]
        columns = parameter.shape[-1]
        every = [
            a.reshape(-1, columns)
            for a in (parameter, gradient, self.mean_squares[i], self.velocities[i])
        ]
        rows = max(1, _BLOCK // columns)
        for start in range(0, len(every[0]), rows):
            part = [a[start : start + rows] for a in every]
            first, second = self._scratch[:, : part[0].size]
            yield *part, first.reshape(part[0].shape), second.reshape(part[0].shape)


def _mean_square(
    theta: Floats, g: Floats, m: Floats, square: Floats, rho: float, penalty: float
) -> None:
    """Add the penalty's gradient, then equation 2; ``square`` is scratch."""
    if penalty:
        np.multiply(theta, penalty, out=square)
        g += square
    np.square(g, out=square)
    square *= 1.0 - rho
    m *= rho
    m += square


def _descend(
    theta: Floats, g: Floats, v: Floats, scale: Floats, step: Floats, rate: float, momentum: float
) -> None:
    """Equations 3 and 4; ``scale`` is the denominator, ``step`` is scratch."""
    g *= rate
    v *= momentum
    v -= g
    np.multiply(v, momentum, out=step)
    step -= g
    step /= scale
    theta += step


def _unit_denominators(mean_square: Floats) -> Floats:
    """(units,) for weights, one number (1,) for biases."""
    sums = mean_square.sum(axis=0, keepdims=mean_square.ndim == 1)
    shared: Floats = np.maximum(np.sqrt(sums), np.asarray(_FLOOR, mean_square.dtype))
    return shared


def limit_norms(weights: Floats, largest: float) -> None:
    """Scale down, in place, the weights that enter a unit where their L2 norm is too large.

    ``weights`` (inputs, units); 1.2875 is the paper's largest norm (3.2.4).
    """
    squares = np.einsum("ij,ij->j", weights, weights)
    if (squares > largest * largest).any():
        norms = np.sqrt(squares)
        weights *= np.minimum(1.0, largest / np.maximum(norms, largest)).astype(weights.dtype)
