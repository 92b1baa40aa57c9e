"""RMSProp against a loop over single numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.learners.pooled_perceptron import rmsprop
from emonets.learners.pooled_perceptron.rmsprop import RMSProp, limit_norms

SHAPES = ((9, 4), (4,), (4, 3), (3,))
MU, RHO, L2 = 0.46, 0.92, 0.01


def start(seed: int = 0) -> list[NDArray[Any]]:
    random = np.random.default_rng(seed)
    return [random.normal(size=shape) for shape in SHAPES]


def scalar_loop(denominator: str, gradients: list[list[NDArray[Any]]], rate: float) -> Any:
    """Equations 2 to 4, number by number."""
    theta = start()
    m = [np.zeros(shape) for shape in SHAPES]
    v = [np.zeros(shape) for shape in SHAPES]
    for step in gradients:
        for i, gradient in enumerate(step):
            g = gradient.copy()
            for index in np.ndindex(g.shape):
                if g.ndim == 2:
                    g[index] += 2 * L2 * theta[i][index]
                m[i][index] = RHO * m[i][index] + (1 - RHO) * g[index] ** 2
                v[i][index] = MU * v[i][index] - rate * g[index]
            for index in np.ndindex(g.shape):
                if denominator == "weight":
                    scale = math.sqrt(m[i][index])
                else:
                    shared = m[i][:, index[1]] if g.ndim == 2 else m[i]
                    scale = math.sqrt(sum(shared.tolist()))
                numerator = MU * v[i][index] - rate * g[index]
                theta[i][index] += numerator / max(scale, 1e-8)
    return theta


@pytest.mark.parametrize("block", [4, 7, 32_768])
@pytest.mark.parametrize("denominator", ["weight", "unit"])
def test_equals_the_scalar_loop(
    denominator: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rmsprop, "_BLOCK", block)
    gradients = [start(seed) for seed in range(1, 6)]
    gradients[2][1][:] = 0.0
    parameters = start()
    optimiser = RMSProp(parameters, momentum=MU, rho=RHO, denominator=denominator, l2=L2)
    for step in gradients:
        optimiser.step([g.copy() for g in step], 0.03)
    for got, expected in zip(parameters, scalar_loop(denominator, gradients, 0.03), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_no_gradient_changes_nothing() -> None:
    for denominator in ("weight", "unit"):
        parameters = [np.ones((3, 2), np.float32), np.ones(2, np.float32)]
        RMSProp(parameters, denominator=denominator).step([np.zeros_like(p) for p in parameters], 1)
        for p in parameters:
            np.testing.assert_array_equal(p, 1.0)
            assert p.dtype == np.float32


@pytest.mark.parametrize("denominator", ["weight", "unit"])
def test_a_change_of_rate_is_obeyed(denominator: str) -> None:
    moved = []
    for rate in (0.01, 0.005):
        p = np.zeros((2, 2))
        RMSProp([p], denominator=denominator).step([np.ones((2, 2))], rate)
        moved.append(p.copy())
    np.testing.assert_allclose(moved[0], 2.0 * moved[1])
    assert (moved[0] < 0).all()


@pytest.mark.parametrize("denominator", ["weight", "unit"])
def test_goes_down_to_a_minimum(denominator: str) -> None:
    p, target = np.zeros((5, 3)), np.random.default_rng(0).normal(size=(5, 3))
    optimiser, rate = RMSProp([p], denominator=denominator), 0.02
    for _ in range(800):
        optimiser.step([p - target], rate)
        rate *= 0.993
    np.testing.assert_allclose(p, target, atol=1e-2)


def test_a_penalty_is_for_weights_only() -> None:
    w, b = np.ones((2, 2)), np.ones(2)
    RMSProp([w, b], l2=0.1).step([np.zeros((2, 2)), np.zeros(2)], 0.01)
    assert (w < 1).all()
    np.testing.assert_array_equal(b, 1.0)


@pytest.mark.parametrize(
    "options", [{"momentum": 1.0}, {"rho": -0.1}, {"l2": -1.0}, {"denominator": "layer"},
                {"momentum": float("nan")}],
)  # fmt: skip
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        RMSProp([np.zeros((2, 2))], **options)


def test_parameters_that_cannot_be_changed_in_place() -> None:
    fixed = np.zeros((2, 2))
    fixed.flags.writeable = False
    for p in (np.zeros((4, 4))[:, ::2], fixed):
        with pytest.raises(ParameterError, match="contiguous"):
            RMSProp([p])


def test_norms_are_limited_column_by_column() -> None:
    w = np.array([[3.0, 0.1, 0.0], [4.0, 0.2, 0.0]])
    limit_norms(w, 1.2875)
    np.testing.assert_allclose(w[:, 0], np.array([3, 4]) / 5 * 1.2875)
    np.testing.assert_array_equal(w[:, 1:], [[0.1, 0], [0.2, 0]])
    small = np.full((2, 2), 0.1, np.float32)
    limit_norms(small, 1.0)
    np.testing.assert_array_equal(small, np.float32(0.1))
