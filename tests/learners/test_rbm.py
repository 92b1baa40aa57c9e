"""Restricted Boltzmann machines: against exact enumeration, and as estimators."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import expit
from sklearn.base import clone

from emonets.errors import BundleError, ParameterError
from emonets.learners.boltzmann.machine import (
    Machine,
    contrast,
    draw_rectified,
    integral_mean_rectified,
    mean_rectified,
    sigmoid,
)
from emonets.learners.boltzmann.rbm import RBM

Array = NDArray[np.float64]


def small(visible: str, d: int = 5, k: int = 4, seed: int = 0, scale: float = 0.7) -> Machine:
    random = np.random.default_rng(seed)
    return Machine(
        random.normal(0, scale, (d, k)), random.normal(0, 0.5, k), random.normal(0, 0.5, d),
        visible, "sigmoid",
    )  # fmt: skip


def binary(n: int) -> Array:
    return np.array(list(product([0.0, 1.0], repeat=n)))


def expectations(machine: Machine) -> tuple[float, Array, Array, Array]:
    """log Z, E[v hᵀ], E[h], E[v] from the definition: each h, and each v or v's Gaussian."""
    w, c, b = machine.weights, machine.hidden_bias, machine.visible_bias
    h = binary(len(c))
    if machine.visible == "bernoulli":
        v = binary(len(b))
        score = v @ b + (h @ c)[:, None] + h @ w.T @ v.T
        log_z = float(np.logaddexp.reduce(score.ravel()))
        p = np.exp(score - log_z)
        return log_z, np.einsum("hv,vd,hk->dk", p, v, h), p.sum(axis=1) @ h, p.sum(axis=0) @ v
    # p(h) ∝ exp(c·h) ∫ exp(-|v - b|²/2 + v·Wh) dv, whose v is normal about b + Wh
    mean = b + h @ w.T
    score = h @ c + 0.5 * (mean**2).sum(1) - 0.5 * b @ b + 0.5 * len(b) * np.log(2 * np.pi)
    log_z = float(np.logaddexp.reduce(score))
    p = np.exp(score - log_z)
    return log_z, np.einsum("h,hd,hk->dk", p, mean, h), p @ h, p @ mean


def data_for(machine: Machine, n: int = 40, seed: int = 1) -> Array:
    random = np.random.default_rng(seed)
    shape = n, len(machine.visible_bias)
    if machine.visible == "bernoulli":
        return random.integers(0, 2, shape).astype(float)
    return random.normal(0.3, 1.2, shape)


def likelihood(machine: Machine, v: Array) -> float:
    return float(-machine.free_energy(v).mean() - machine.log_partition())


KINDS = pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])


class TestExact:
    @KINDS
    def test_log_partition_is_that_of_the_definition(self, visible: str) -> None:
        machine = small(visible)
        assert machine.log_partition() == pytest.approx(expectations(machine)[0], abs=1e-10)

    def test_many_states_are_summed_in_parts(self) -> None:
        machine = small("bernoulli", 3, 14)
        v = binary(3)
        by_visible = np.logaddexp.reduce(-machine.free_energy(v))
        assert machine.log_partition() == pytest.approx(by_visible, abs=1e-9)

    def test_likelihood_of_all_states_is_one(self) -> None:
        machine = small("bernoulli")
        v = binary(5)
        assert np.exp(-machine.free_energy(v) - machine.log_partition()).sum() == pytest.approx(1)

    def test_density_of_one_gaussian_unit_is_one(self) -> None:
        machine = small("gaussian", 1, 3)
        log_z = machine.log_partition()
        area, _ = quad(lambda v: np.exp(-machine.free_energy(np.array([[v]]))[0] - log_z), -20, 20)
        assert area == pytest.approx(1.0, abs=1e-8)

    @KINDS
    def test_free_energy_differences_are_log_probability_differences(self, visible: str) -> None:
        machine = small(visible)
        v, h = data_for(machine, 7), binary(4)
        of_visible = (
            v @ machine.visible_bias
            if visible == "bernoulli"
            else -0.5 * ((v - machine.visible_bias) ** 2).sum(axis=1)
        )
        joint = of_visible[:, None] + h @ machine.hidden_bias + v @ machine.weights @ h.T
        log_p = np.logaddexp.reduce(joint, axis=1)
        free = machine.free_energy(v)
        np.testing.assert_allclose(free - free[0], log_p[0] - log_p, atol=1e-10)

    @KINDS
    def test_gradient_by_finite_differences(self, visible: str) -> None:
        machine = small(visible)
        v = data_for(machine)
        _, vh, h, v_mean = expectations(machine)
        hidden = machine.mean_hidden(v)
        exact = {
            "weights": v.T @ hidden / len(v) - vh,
            "hidden_bias": hidden.mean(axis=0) - h,
            "visible_bias": v.mean(axis=0) - v_mean,
        }
        step = 1e-5
        for name, gradient in exact.items():
            for place in np.ndindex(gradient.shape):
                ends = []
                for sign in (1.0, -1.0):
                    moved = getattr(machine, name).copy()
                    moved[place] += sign * step
                    ends.append(likelihood(replace(machine, **{name: moved}), v))
                slope = (ends[0] - ends[1]) / (2 * step)
                assert slope == pytest.approx(gradient[place], abs=1e-8), (name, place)

    @KINDS
    @pytest.mark.parametrize("start", ["data", "zero"])
    def test_long_chains_give_the_exact_gradient(self, visible: str, start: str) -> None:
        """CD-k (from data) and SML (from zero) alike, within five standard errors."""
        machine = small(visible)
        v = data_for(machine)
        n, chains = len(v), 20_000
        random = np.random.default_rng(3)
        h = np.zeros((chains, 4))
        if start == "data":
            h = machine.draw_hidden(machine.hidden_input(np.resize(v, (chains, 5))), random)
        v_chain, x_chain = machine.gibbs(h, 60, random)
        h_chain, h_data = machine.mean_of_input(x_chain), machine.mean_hidden(v)
        got = contrast(v, h_data, v_chain, h_chain)
        _, vh, h_mean, v_mean = expectations(machine)
        exact = (v.T @ h_data / n - vh, h_data.mean(axis=0) - h_mean, v.mean(axis=0) - v_mean)
        pairs = v_chain[:, :, None] * h_chain[:, None]
        errors = (pairs.std(axis=0), h_chain.std(axis=0), v_chain.std(axis=0))
        for estimate, truth, error in zip(got, exact, errors, strict=True):
            assert (np.abs(estimate - truth) < 5 * error / np.sqrt(chains)).all()

    def test_a_chain_of_means_is_another_machine(self) -> None:
        """Why ``sample_visible`` is the default: without, the limit is not the gradient."""
        machine = small("gaussian")
        random = np.random.default_rng(3)
        v, _ = machine.gibbs(np.zeros((20_000, 4)), 60, random, sample_visible=False)
        assert v.std() < small_std(machine) - 0.2

    @pytest.mark.parametrize("algorithm", ["cd", "sml"])
    @KINDS
    def test_an_update_follows_the_statistics_it_documents(
        self, visible: str, algorithm: str
    ) -> None:
        """The mean of many first steps of RBM is the expected one of one Gibbs step."""
        v = data_for(small(visible), 6)
        options: dict[str, Any] = {
            "visible": visible, "hidden": "sigmoid", "algorithm": algorithm, "batch_size": 6,
            "l2": 0.3, "weight_scale": 0.8, "learning_rate": 1.0, "dtype": "float64",
            "n_particles": 5,
        }  # fmt: skip
        rbm = RBM(3, random_state=0, **options).fit_rows(v.__getitem__, 6, epochs=0)
        before = rbm.machine.weights.copy()
        machine = replace(
            rbm.machine, weights=before, hidden_bias=np.zeros(3), visible_bias=np.zeros(5)
        )
        steps = []
        for seed in range(1000):
            rbm.weights_[...], rbm.hidden_bias_[...], rbm.visible_bias_[...] = before, 0, 0
            if algorithm == "sml":
                rbm.particles_ = np.zeros((5, 3))
            rbm._velocity = [np.zeros_like(of) for of in rbm._velocity]
            rbm._update(rbm.machine, v, np.random.default_rng(seed))
            steps.append(rbm.weights_ - before)
        # The expectation over h given v (or h = 0), and then over v given h
        h = binary(3)
        on = machine.mean_hidden(v)[:, None]
        p = np.where(h[None] == 1, on, 1 - on)
        weight = p.prod(axis=2).mean(axis=0) if algorithm == "cd" else (h.sum(axis=1) == 0) * 1.0
        random = np.random.default_rng(9)
        negative = 0.0
        for state, share in zip(h, weight, strict=True):
            drawn = machine.draw_visible(np.tile(state, (20_000, 1)), random)
            negative = negative + share * drawn.T @ machine.mean_hidden(drawn) / len(drawn)
        expected = v.T @ machine.mean_hidden(v) / 6 - negative - 2 * 0.3 * before
        spread = np.std(steps, axis=0) / np.sqrt(len(steps)) + 1.5 / np.sqrt(20_000)
        assert (np.abs(np.mean(steps, axis=0) - expected) < 5 * spread).all()


def small_std(machine: Machine) -> float:
    v, _ = machine.gibbs(np.zeros((20_000, 4)), 60, np.random.default_rng(3))
    return float(v.std())


class TestRectified:
    @pytest.mark.parametrize("bound", [6.0, 0.8, np.inf])
    def test_draws_are_the_papers_and_have_the_mean(self, bound: float) -> None:
        x = np.repeat(np.array([-3.0, -0.6, 0.0, 0.5, 2.0, 5.8, 7.0]), 40_000).reshape(7, -1)
        h = draw_rectified(x, bound, np.random.default_rng(0))
        noise = np.random.default_rng(0).standard_normal(x.shape) / (1 + np.exp(-x))
        np.testing.assert_allclose(h, np.minimum(bound, np.maximum(0, x + noise)), atol=1e-12)
        error = 5 * h.std(axis=1) / np.sqrt(h.shape[1]) + 1e-6
        assert (np.abs(h.mean(axis=1) - mean_rectified(x[:, 0], bound)) < error).all()

    @pytest.mark.parametrize("bound", [6.0, 0.8, 1000.0, np.inf])
    def test_the_mean_is_the_derivative_of_its_integral(self, bound: float) -> None:
        x, step = np.linspace(-6.0, 20.0, 2001), 1e-4
        rise = integral_mean_rectified(x + step, bound) - integral_mean_rectified(x - step, bound)
        np.testing.assert_allclose(rise / (2 * step), mean_rectified(x, bound), atol=1e-7)
        assert abs(integral_mean_rectified(np.array([-50.0]), bound)[0]) < 1e-12

    @pytest.mark.parametrize("upper", [-1.0, 0.4, 6.1, 9.0])
    def test_the_integral_is_that_by_quadrature(self, upper: float) -> None:
        area, _ = quad(
            lambda x: mean_rectified(np.array([x]), 6.0)[0], -15.0, upper, points=(0.0,), limit=200
        )
        got = integral_mean_rectified(np.array([upper]), 6.0)[0]
        assert got == pytest.approx(area, abs=3e-8)

    @given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20),
           st.floats(0.01, 1e6))  # fmt: skip
    @settings(max_examples=60, deadline=None)
    def test_any_input_stays_within_the_bound(self, values: list[float], bound: float) -> None:
        x = np.array(values, dtype=np.float32)
        for got in (mean_rectified(x, bound), draw_rectified(x, bound, np.random.default_rng(0))):
            assert got.dtype == np.float32
            assert ((got >= 0) & (got <= np.float32(bound))).all()

    def test_float32_is_as_exact_as_float32_can_be(self) -> None:
        x = np.linspace(-8.0, 14.0, 5001)
        single = mean_rectified(x.astype(np.float32), 6.0)
        np.testing.assert_allclose(single, mean_rectified(x, 6.0), atol=2e-6)
        wide = np.linspace(-90.0, 90.0, 999)
        np.testing.assert_allclose(sigmoid(wide.astype(np.float32)), expit(wide), atol=2e-7)

    @KINDS
    def test_free_energy_falls_by_the_mean_hidden_units(self, visible: str) -> None:
        """-∂F/∂c and -∂F/∂W are the statistics of the update, -∂F/∂v is E[v | E[h | v]] - v."""
        machine = replace(small(visible), hidden="relu", bound=1.5)
        v, step = data_for(machine, 6), 1e-4
        hidden = machine.mean_hidden(v)
        for unit in range(4):
            shift = step * np.eye(4)[unit]
            up = replace(machine, hidden_bias=machine.hidden_bias + shift).free_energy(v)
            down = replace(machine, hidden_bias=machine.hidden_bias - shift).free_energy(v)
            np.testing.assert_allclose((down - up) / (2 * step), hidden[:, unit], atol=1e-6)
        for unit in range(5):
            shift = step * np.eye(5)[unit]
            slope = (machine.free_energy(v - shift) - machine.free_energy(v + shift)) / (2 * step)
            pull = hidden @ machine.weights.T + machine.visible_bias
            expected = pull[:, unit] - (v[:, unit] if visible == "gaussian" else 0.0)
            np.testing.assert_allclose(slope, expected, atol=1e-6)

    def test_enumeration_is_refused(self) -> None:
        with pytest.raises(ParameterError, match="relu"):
            replace(small("gaussian"), hidden="relu").log_partition()
        with pytest.raises(ParameterError, match="at most 20"):
            small("gaussian", 2, 21).log_partition()


def structured(visible: str, n: int = 300, seed: int = 0) -> Array:
    """Rows in two clusters that no product of independent columns can describe."""
    random = np.random.default_rng(seed)
    of = random.integers(0, 2, (n, 1))
    if visible == "bernoulli":
        p = np.where(of, [0.9, 0.9, 0.9, 0.1, 0.1, 0.5], [0.1, 0.1, 0.1, 0.9, 0.9, 0.5])
        return (random.random(p.shape) < p).astype(float)
    centre = np.where(of, [1.5, 1.5, -1.5, 0.0, 1.0, 0.0], [-1.5, -1.5, 1.5, 0.0, -1.0, 0.0])
    return centre + random.normal(size=centre.shape)


class TestTraining:
    @pytest.mark.parametrize("algorithm", ["cd", "sml"])
    @KINDS
    def test_raises_the_exact_likelihood(self, visible: str, algorithm: str) -> None:
        x = structured(visible)
        seen: list[float] = []
        rbm = RBM(
            4, visible=visible, hidden="sigmoid", algorithm=algorithm, learning_rate=0.05,
            momentum=0.5, batch_size=20, n_epochs=40, weight_scale=0.01, random_state=0,
        )  # fmt: skip
        rbm.fit(x, callback=lambda epoch, of: seen.append(float(of.log_likelihood(x).mean())))
        # Better than columns on their own, each with its best mean (and the machine's variance)
        mean = x.mean(axis=0)
        alone = (
            (mean * np.log(mean) + (1 - mean) * np.log(1 - mean)).sum()
            if visible == "bernoulli"
            else (-0.5 * x.var(axis=0) - 0.5 * np.log(2 * np.pi)).sum()
        )
        assert len(seen) == 40
        assert seen[0] < seen[4] < seen[-1]
        assert seen[-1] > alone + 0.5
        assert rbm.history_["reconstruction_error"][-1] < rbm.history_["reconstruction_error"][0]

    @pytest.mark.parametrize("algorithm", ["cd", "sml"])
    def test_rectified_units_learn_to_reconstruct(self, algorithm: str) -> None:
        x = structured("gaussian")
        rbm = RBM(6, algorithm=algorithm, learning_rate=0.01, n_epochs=30, random_state=0).fit(x)
        error, energy = rbm.history_["reconstruction_error"], rbm.history_["free_energy"]
        assert error[-1] < 0.75 * error[0]
        assert len(error) == len(energy) == rbm.n_iter_ == 30
        away = x - rbm.reconstruct(x)
        assert error[-1] == pytest.approx(np.square(away).mean(), rel=1e-5)
        assert energy[-1] == pytest.approx(rbm.free_energy(x).mean(), rel=1e-5)

    def test_overfitting_shows_in_the_gap_of_free_energies(self) -> None:
        x = structured("bernoulli", 420)
        rbm = RBM(20, visible="bernoulli", hidden="sigmoid", learning_rate=0.2, n_epochs=300,
                  batch_size=10, n_particles=50, random_state=0)  # fmt: skip
        rbm.fit(x[:20], validation=x[20:])
        gap = rbm.history_["overfit"]
        assert gap[-1] > gap[0] + 0.3
        held_out = np.array(rbm.history_["validation_free_energy"])
        np.testing.assert_allclose(gap, held_out - rbm.history_["free_energy"])

    def test_l2_shrinks_and_momentum_speeds(self) -> None:
        x = structured("gaussian")
        norm = {
            key: np.linalg.norm(RBM(5, random_state=0, n_epochs=3, learning_rate=1e-3, **of)
                                .fit(x).weights_)
            for key, of in {"plain": {}, "l2": {"l2": 5.0}, "fast": {"momentum": 0.9}}.items()
        }  # fmt: skip
        assert norm["l2"] < 0.95 * norm["plain"] < norm["fast"]

    def test_particles_and_their_start(self) -> None:
        x = structured("gaussian")
        rbm = RBM(5, n_particles=7, random_state=0).fit_rows(x.__getitem__, len(x), epochs=0)
        np.testing.assert_array_equal(rbm.particles_, np.zeros((7, 5)))
        started = RBM(5, n_particles=7, start="data", random_state=0)
        started.fit_rows(x.__getitem__, len(x), epochs=0)
        assert started.particles_.shape == (7, 5)
        assert started.particles_.any()
        assert rbm.partial_fit(x).particles_.any()
        assert not hasattr(RBM(5, algorithm="cd").fit(x), "particles_")

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_everything_is_of_the_type_asked_for(self, dtype: str) -> None:
        x = structured("gaussian").astype("float32" if dtype == "float64" else "float64")
        rbm = RBM(5, dtype=dtype, n_epochs=2).fit(x)
        for array in (rbm.weights_, rbm.hidden_bias_, rbm.visible_bias_, rbm.particles_,
                      *rbm._velocity, rbm.transform(x), rbm.reconstruct(x)):  # fmt: skip
            assert array.dtype == dtype
        assert rbm.free_energy(x).dtype == np.float64


class TestEstimator:
    def test_seeds_decide(self) -> None:
        x = structured("gaussian")
        first, again, other = (RBM(5, random_state=seed).fit(x).weights_ for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-4

    def test_epochs_one_by_one_are_fit(self, tmp_path: Path) -> None:
        safetensors = pytest.importorskip("safetensors.numpy")
        x = structured("gaussian")
        options: dict[str, Any] = {"momentum": 0.5, "l2": 1e-3, "random_state": 0}
        whole = RBM(5, n_epochs=6, **options).fit(x, validation=x[:9])
        part = RBM(5, n_epochs=6, **options)
        for _ in range(3):
            part.partial_fit(x, validation=x[:9])
        safetensors.save_file(part.to_arrays(resume=True), tmp_path / "rbm.safetensors")
        stored = safetensors.load_file(tmp_path / "rbm.safetensors")
        again = RBM.from_arrays(stored, n_epochs=6, **options)
        for rbm in (part, again):
            for _ in range(3):
                rbm.partial_fit(x, validation=x[:9])
            np.testing.assert_array_equal(rbm.weights_, whole.weights_)
            assert rbm.history_ == whole.history_
            assert rbm.n_iter_ == 6

    @pytest.mark.parametrize("bound", [6.0, np.inf])
    def test_arrays_and_back(self, bound: float) -> None:
        x = structured("gaussian")
        rbm = RBM(5, bound=bound, n_epochs=2, random_state=0).fit(x)
        again = RBM.from_arrays(rbm.to_arrays())
        np.testing.assert_array_equal(again.transform(x), rbm.transform(x))
        assert again.get_params()["bound"] == bound
        clone(again).fit(x)
        again.partial_fit(x)
        assert again.n_iter_ == 1

    def test_damaged_arrays_are_refused(self) -> None:
        x = structured("gaussian")
        good = RBM(5, n_epochs=2).fit(x).to_arrays(resume=True)
        bad: list[tuple[str, Any]] = [
            ("weights", good["weights"][0]), ("weights", good["weights"].astype(int)),
            ("hidden_bias", np.zeros(4)), ("visible_bias", np.full(6, np.nan)),
            ("visible", np.array([2])), ("hidden", np.array([-1])), ("bound", np.array([0.0])),
            ("bound", np.array([np.nan])), ("particles", np.zeros((3, 4))),
            ("weights_velocity", np.zeros((2, 2))), ("progress", np.zeros(3, dtype=np.int64)),
            ("hidden_bias", np.array(["x"] * 5)),
        ]  # fmt: skip
        for name, array in bad:
            with pytest.raises(BundleError):
                RBM.from_arrays({**good, name: array})
        for name in ("weights", "bound", "weights_velocity", "history_overfit"):
            with pytest.raises(BundleError, match=name):
                RBM.from_arrays({k: v for k, v in good.items() if k != name})

    def test_batch_size_does_not_change_answers(self) -> None:
        x = structured("gaussian", 5000).astype(np.float32)
        rbm = RBM(5, n_epochs=1, random_state=0).fit(x)
        for method in (rbm.transform, rbm.reconstruct, rbm.free_energy):
            alone = np.concatenate([method(row[None]) for row in x[::250]])
            np.testing.assert_allclose(method(x)[::250], alone, rtol=0, atol=3e-6)

    def test_a_memory_map_is_read_by_blocks(self, tmp_path: Path) -> None:
        x = structured("gaussian", 9000).astype(np.float32)
        x.tofile(tmp_path / "x.f4")
        mapped = np.memmap(tmp_path / "x.f4", dtype=np.float32, mode="r", shape=x.shape)
        from_file = RBM(5, n_epochs=1, random_state=0).fit(mapped)
        from_memory = RBM(5, n_epochs=1, random_state=0).fit(x)
        np.testing.assert_array_equal(from_file.weights_, from_memory.weights_)
        sizes: list[int] = []

        def rows(indices: NDArray[np.intp]) -> NDArray[np.float32]:
            sizes.append(len(indices))
            return x[indices]

        by_rows = RBM(5, n_epochs=1, random_state=0).fit_rows(rows, len(x))
        np.testing.assert_array_equal(by_rows.weights_, from_memory.weights_)
        assert max(sizes) <= 4096

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"n_components": 0}, "n_components"), ({"n_components": 2.5}, "n_components"),
            ({"visible": "binary"}, "gaussian, bernoulli"), ({"hidden": None}, "relu, sigmoid"),
            ({"algorithm": "pcd"}, "sml, cd"), ({"start": 0}, "zero, data"),
            ({"dtype": "float16"}, "float32"), ({"n_steps": 0}, "n_steps"),
            ({"n_particles": 0}, "n_particles"), ({"batch_size": True}, "batch_size"),
            ({"n_epochs": -1}, "n_epochs"), ({"bound": 0.0}, "bound"), ({"bound": "6"}, "bound"),
            ({"learning_rate": -1.0}, "learning_rate"), ({"learning_rate": np.nan}, "learning"),
            ({"momentum": 1.0}, "momentum"), ({"l2": -1e-3}, "l2"), ({"weight_scale": 0}, "weight"),
        ],
    )  # fmt: skip
    def test_bad_parameters(self, parameters: dict[str, Any], message: str) -> None:
        with pytest.raises(ParameterError, match=message):
            RBM(**parameters).fit(np.zeros((4, 3)))

    def test_bad_data(self) -> None:
        x = structured("gaussian")
        with pytest.raises(ValueError, match="NaN"):
            RBM(3).fit(np.where(x > 2, np.nan, x))
        with pytest.raises(ValueError, match="features"):
            RBM(3).fit(x).transform(x[:, :2])
        with pytest.raises(ValueError, match="features"):
            RBM(3).fit(x, validation=x[:, :2])
        with pytest.warns(UserWarning, match=r"take 0\.\.1"):
            RBM(3, visible="bernoulli").fit(x)

    def test_divergence_is_said(self) -> None:
        with pytest.raises(ParameterError, match="diverged"):
            RBM(30, learning_rate=1.0, n_epochs=200).fit(1e4 * structured("gaussian"))
