"""Softmax regression over blocks: against scikit-learn's, and from rows of bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, ParameterError
from emonets.learners.logistic import frames as frame_logistic
from emonets.learners.logistic.frames import FrameLogistic, strength_path
from emonets.learners.logistic.quantised import quantise_rows


def data(n: int = 700, d: int = 12, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, k, n)
    x = np.abs(random.normal(size=(k, d)))[y] + np.abs(random.normal(0, 0.7, (n, d)))
    return x * np.linspace(0.1, 3, d), y


def test_equals_scikit_learns() -> None:
    x, y = data()
    l2 = 3e-3
    ours = FrameLogistic(l2=l2, tol=1e-8, max_iter=2000).fit(x, y)
    # its penalty is |W|² / (2 C), beside the sum over samples
    theirs = LogisticRegression(C=1 / (2 * l2 * len(x)), tol=1e-10, max_iter=5000).fit(x, y)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)


def test_standardised_equals_scikit_learns_on_standard_scores() -> None:
    x, y = data()
    x[:, 3] = 5.0  # a constant column has no effect
    l2 = 3e-3
    ours = FrameLogistic(l2=l2, standardise=True, tol=1e-8, max_iter=2000).fit(x, y)
    spread = np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    z = (x - x.mean(axis=0)) / spread
    theirs = LogisticRegression(C=1 / (2 * l2 * len(x)), tol=1e-10, max_iter=5000).fit(z, y)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(z), atol=1e-5)
    assert (ours.coef_[:, 3] == 0).all()


@pytest.mark.parametrize("standardise", [False, True])
def test_gradient_is_that_of_the_loss(standardise: bool) -> None:
    x, y = data(60, 5, 3)
    weight = np.linspace(0, 1, 60)
    weight /= weight.sum()
    mean, spread = frame_logistic._moments(x, weight)
    scale = 1 / spread if standardise else np.linspace(0.5, 2, 5)
    problem = frame_logistic._Problem(x, y, weight, scale, mean * scale, spread * scale, 0.01, 3)
    theta = np.random.default_rng(1).normal(size=problem.size)
    _, slope = problem.loss(theta)
    step = 1e-6
    for i in range(problem.size):
        one = np.zeros(problem.size)
        one[i] = step
        numeric = (problem.loss(theta + one)[0] - problem.loss(theta - one)[0]) / (2 * step)
        assert slope[i] == pytest.approx(numeric, abs=1e-6)


@pytest.mark.parametrize("standardise", [False, True])
def test_rows_of_bytes_on_disk(tmp_path: Path, standardise: bool) -> None:
    x, y = data()
    rows = quantise_rows(tmp_path / "rows.u8", lambda which: x[which], len(x))
    assert rows.steps.dtype == np.uint8
    assert (np.abs(rows.steps * rows.unit - x) < rows.unit * 0.5 + 1e-12).all()
    kept, plain = FrameLogistic(standardise=standardise), FrameLogistic(standardise=standardise)
    kept.fit(rows.steps, y, unit=rows.unit)
    plain.fit(x, y)
    np.testing.assert_allclose(kept.predict_proba(x), plain.predict_proba(x), atol=0.02)
    exact = FrameLogistic(standardise=standardise).fit(rows.steps * rows.unit, y)
    np.testing.assert_allclose(kept.predict_proba(x), exact.predict_proba(x), atol=2e-3)
    assert [f.name for f in tmp_path.iterdir()] == ["rows.u8"]


def test_values_far_beyond_the_sample_are_cut_off(tmp_path: Path) -> None:
    x = np.ones((5000, 2))
    x[:, 1] = 0
    x[1] = 1e6  # not among the evenly spaced rows that are used
    rows = quantise_rows(tmp_path / "rows.u8", lambda which: x[which], len(x))
    np.testing.assert_allclose(rows.steps[1] * rows.unit, [1.5, 255.0])
    np.testing.assert_allclose(rows.steps[0] * rows.unit, [1, 0])


@pytest.mark.parametrize("standardise", [False, True])
def test_rows_of_no_weight_are_not_there(standardise: bool) -> None:
    x, y = data()
    weight = np.ones(len(x))
    weight[300:600] = 0
    some = FrameLogistic(standardise=standardise, tol=1e-7).fit(x, y, weight)
    left = FrameLogistic(standardise=standardise, tol=1e-7).fit(x[weight > 0], y[weight > 0])
    np.testing.assert_allclose(some.predict_proba(x), left.predict_proba(x), atol=1e-4)


def test_a_path_ends_where_each_would() -> None:
    x, y = data()
    path = list(strength_path(FrameLogistic(tol=1e-7), (1e-3, 1e-1, 1e-2), x, y))
    assert [model.l2 for model in path] == [1e-1, 1e-2, 1e-3]
    for model in path:
        alone = FrameLogistic(l2=model.l2, tol=1e-7, max_iter=1000).fit(x, y)
        np.testing.assert_allclose(model.predict_proba(x), alone.predict_proba(x), atol=1e-4)
    assert path[0].loss_ > path[2].loss_
    assert not path[0].warm_start


def test_a_warm_start_saves_steps() -> None:
    x, y = data()
    model = FrameLogistic(warm_start=True, tol=1e-6).fit(x, y)
    before = model.n_iter_
    assert model.fit(x, y).n_iter_ < before / 2


def test_stored_and_read() -> None:
    x, y = data()
    model = FrameLogistic().fit(x, y)
    again = FrameLogistic.from_arrays(model.to_arrays())
    np.testing.assert_allclose(again.predict_proba(x), model.predict_proba(x), atol=1e-5)
    arrays = model.to_arrays()
    with pytest.raises(BundleError, match="intercept"):
        FrameLogistic.from_arrays({**arrays, "intercept": np.zeros(9)})
    with pytest.raises(BundleError, match="no such numbers"):
        FrameLogistic.from_arrays({**arrays, "classes": np.zeros(4)})


@pytest.mark.parametrize(
    ("parameters", "fit"),
    [
        ({"l2": -1}, {}),
        ({"tol": 0}, {}),
        ({"max_iter": 0}, {}),
        ({}, {"unit": np.ones(3)}),
        ({}, {"unit": np.zeros(12)}),
    ],
)
def test_what_does_not_fit(parameters: dict[str, Any], fit: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        FrameLogistic(**parameters).fit(*data(), **fit)


def test_weights_that_are_all_zero() -> None:
    with pytest.raises(ValueError, match="zero"):
        FrameLogistic().fit(*data(), np.zeros(700))


def test_one_class_is_none() -> None:
    x, _ = data()
    with pytest.raises(ParameterError, match="two classes"):
        FrameLogistic().fit(x, np.zeros(len(x)))


@pytest.mark.parametrize("standardise", [False, True])
def test_scikit_learns_contract(standardise: bool) -> None:
    check_estimator(FrameLogistic(standardise=standardise))
