"""The layers of a pooled perceptron: gradients by finite differences, dropout, extremes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from emonets.learners.pooled_perceptron.layers import (
    ACTIVATIONS,
    activate,
    dropout,
    glorot,
    loss_and_gradients,
)


class TestGradients:
    @pytest.mark.parametrize("masked", [False, True])
    @pytest.mark.parametrize("weights", [(1.4, 0.6), (1.0,), (1.5, 1.0, 0.5), None])
    @pytest.mark.parametrize(
        "names",
        [("relu", "sigmoid"), ("relu6", "tanh"), ("sigmoid", "relu"), ("tanh", "linear"),
         ("linear", "relu6"), ("sigmoid",), (), ("relu", "tanh", "sigmoid")],
    )  # fmt: skip
    def test_are_those_of_finite_differences(
        self, names: tuple[str, ...], weights: tuple[float, ...] | None, masked: bool
    ) -> None:
        random = np.random.default_rng(7)
        sizes = [4, *[5, 4, 3][: len(names)], 3]
        coefs = [random.normal(size=s) * 1.5 for s in pairwise(sizes)]
        biases = [random.normal(size=n) for n in sizes[1:]]
        frames, bounds = random.normal(size=(12, 4)), np.array([0, 5, 6, 8, 12])
        targets = random.dirichlet(np.ones(3), 4) * random.uniform(0.5, 2.0, (4, 1))
        options: dict[str, Any] = {"weights": weights}
        if masked:
            options["keeps"] = [(random.random((12, s)) > 0.3) / 0.7 for s in sizes[:-2]]
            options["keep_pooled"] = (random.random((4, sizes[-2])) > 0.4) / 0.6

        def loss() -> float:
            return loss_and_gradients(frames, bounds, targets, coefs, biases, names, **options)[0]

        _, p, got = loss_and_gradients(frames, bounds, targets, coefs, biases, names, **options)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        parameters = [a for pair in zip(coefs, biases, strict=True) for a in pair]
        h = 1e-6
        for parameter, gradient in zip(parameters, got, strict=True):
            expected = np.empty_like(parameter)
            for index in np.ndindex(parameter.shape):
                kept = parameter[index]
                parameter[index] = kept + h
                higher = loss()
                parameter[index] = kept - h
                expected[index] = (higher - loss()) / (2 * h)
                parameter[index] = kept
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)

    def test_nothing_given_is_changed(self) -> None:
        random = np.random.default_rng(0)
        frames, bounds = random.normal(size=(12, 5)).astype(np.float32), np.array([0, 4, 5, 12])
        coefs = [glorot(*shape, random) for shape in pairwise((5, 8, 6, 3))]
        biases = [np.ones(len(W.T), np.float32) for W in coefs]
        targets = np.eye(3, dtype=np.float32)
        keeps = [dropout((len(frames), width), 0.3, random) for width in (5, 8)]
        given = [frames, bounds, targets, *coefs, *biases, *keeps]
        before = [np.copy(array) for array in given]
        loss_and_gradients(frames, bounds, targets, coefs, biases, ("relu", "sigmoid"),
                           weights=(1.4, 0.6), keeps=keeps)  # fmt: skip
        for array, old in zip(given, before, strict=True):
            np.testing.assert_array_equal(array, old)

    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_activations_take_extremes(self, name: str) -> None:
        z = np.array([-1e30, -1.0, 0.0, 1.0, 1e30], np.float32)
        expected = {
            "relu": np.maximum(z, 0), "relu6": np.clip(z, 0, 6), "linear": z, "tanh": np.tanh(z),
            "sigmoid": [0, 0.26894142, 0.5, 0.73105858, 1],
        }[name]  # fmt: skip
        with np.errstate(all="raise"):
            np.testing.assert_allclose(activate(name, z.copy()), expected, rtol=1e-6)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    random = np.random.default_rng(0)
    mask = dropout((1000, 300), 0.121, random)
    assert mask is not None
    assert mask.dtype == np.float32
    assert (mask == 0).mean() == pytest.approx(0.121, abs=3e-3)
    assert mask.mean() == pytest.approx(1.0, abs=4e-3)
    assert len(np.unique(mask)) == 2
    assert dropout((3, 3), 0.0, random) is None
