"""The random search: equal to a plain loop, its draws, its budget; and bags of searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from joblib import parallel_config

from emonets.errors import DataError, ParameterError
from emonets.fusion.average import MeanFusion
from emonets.fusion.bagging import BaggedFusion, resample
from emonets.fusion.common import evidence
from emonets.fusion.logistic import LogisticFusion
from emonets.fusion.scoring import Scorer
from emonets.fusion.search import (
    Progress,
    RandomSearch,
    dirichlet_weights,
    local_weights,
    uniform_weights,
)
from fusion_data import predictions


def loop(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[int, float]:
    """The first of the best, one weighting after the other."""
    place, best = -1, -1.0
    for i, w in enumerate(weights):
        score = ((w * p).sum(axis=1).argmax(axis=1) == y).mean()
        if score > best:
            place, best = i, score
    return place, best


@pytest.mark.parametrize("domain", ["probability", "log"])
@pytest.mark.parametrize("decimals", [2, None])
def test_equal_to_the_plain_loop(domain: str, decimals: int | None) -> None:
    for seed in range(2):
        p, y, _ = predictions(150, 4, seed=seed)
        # stored with few digits, as on disk: many ties
        p = np.round(p, 2)
        random = np.random.default_rng(seed)
        weights = local_weights(random, np.full((4, 7), 0.25), 300, decimals=decimals)
        scorer = Scorer(p, y, domain=domain)
        place, score = loop(evidence(p, domain), y, weights)
        found = scorer.best(weights)
        assert found is not None
        assert (found[0], found[1]) == (place, pytest.approx(score, abs=1e-12))
        assert scorer.best(weights, score) is None  # strictly better only
        exact = scorer.exact(weights)
        assert (scorer.bounds(weights) >= exact - 1e-9).all()
        assert (scorer.bounds(weights) - exact < 0.03).all()


def test_uar_counts_classes_alike() -> None:
    p, y, _ = predictions(210, 3)
    keep = (y != 2) | (np.arange(210) % 5 == 0)
    p, y = p[keep], y[keep]
    weights = uniform_weights(np.random.default_rng(0), 50, 3, 7)
    for w, score in zip(weights, Scorer(p, y, scoring="uar").exact(weights), strict=True):
        predicted = (w * p).sum(axis=1).argmax(axis=1)
        assert score == pytest.approx(np.mean([(predicted[y == c] == c).mean() for c in range(7)]))
    np.testing.assert_allclose(
        Scorer(p, y, scoring="uar").bounds(weights), Scorer(p, y, scoring="uar").exact(weights)
    )


def test_draws() -> None:
    random = np.random.default_rng(0)
    w = uniform_weights(random, 500, 3, 7)
    np.testing.assert_allclose(w.sum(axis=1), 1)
    near = dirichlet_weights(random, 500, 3, 7, 50.0)
    np.testing.assert_allclose(near.sum(axis=1), 1)
    assert near.std() < 0.5 * w.std() < dirichlet_weights(random, 500, 3, 7, 1.0).std()

    centre = np.array([[0.8, 0.0], [0.2, 1.0]])
    steps = local_weights(random, centre, 4000)
    assert (steps >= 0).all()
    np.testing.assert_array_equal(steps, np.round(steps, 2))
    assert np.abs(steps.sum(axis=1) - 1).max() <= 0.011  # rounded after the division
    assert 0.05 < steps[:, 0, 0].std() < 0.15
    wild = local_weights(random, centre, 4000, scale=3.0, decimals=None)
    # noise of one or more counts as none: nothing is further away than that
    assert np.abs(wild * 1.0 - 0).max() <= 1.0
    assert np.isfinite(wild).all()


def test_fit_keeps_the_best_of_its_own_draws() -> None:
    p, y, _ = predictions(140, 3)
    seen: list[Progress] = []
    made = RandomSearch(
        n_uniform=600, n_local=400, batch=250, n_restarts=2, random_state=5, progress=seen.append
    ).fit(p, y)
    assert made.n_trials_ == 2000
    assert [s.trials for s in seen] == [250, 500, 600, 850, 1000, 1250, 1500, 1600, 1850, 2000]
    assert [s.stage for s in seen[:5]] == ["uniform"] * 3 + ["local"] * 2
    scores = [s.score for s in seen[:5]]
    assert scores == sorted(scores)
    assert made.score_ == max(s.score for s in seen)
    assert made.score_ == pytest.approx(made.score(p, y))
    assert made.score_ > MeanFusion().fit(p, y).score(p, y)
    gains = [score for _, score in made.history_]
    assert gains == sorted(set(gains))
    again = RandomSearch(n_uniform=600, n_local=400, batch=250, n_restarts=2, random_state=5)
    np.testing.assert_array_equal(again.fit(p, y).weights_, made.weights_)
    other = RandomSearch(n_uniform=600, n_local=400, random_state=6).fit(p, y)
    assert not np.array_equal(other.weights_, made.weights_)


def test_start_centre_and_log_domain() -> None:
    p, y, _ = predictions(140, 3)
    equal = np.full((3, 7), 1 / 3)
    kept = RandomSearch(n_uniform=0, n_local=0, start=equal).fit(p, y)
    np.testing.assert_array_equal(kept.weights_, equal)
    product = RandomSearch(n_uniform=0, n_local=0, start=equal, domain="log").fit(p, y)
    np.testing.assert_array_equal(product.weights_, np.ones((3, 7)))
    for centre in ("current", "initial"):
        made = RandomSearch(
            n_uniform=0, n_local=900, batch=300, start=equal, centre=centre, random_state=0
        ).fit(p, y)
        assert made.score_ >= kept.score_
    fixed = local_weights(np.random.default_rng(0), equal, 2)
    assert fixed.shape == (2, 3, 7)


def test_a_budget_of_time() -> None:
    p, y, _ = predictions(70)
    made = RandomSearch(n_uniform=100, n_local=None, seconds=0.05, batch=100).fit(p, y)
    assert made.n_trials_ >= 100
    hurried = RandomSearch(n_uniform=10**7, seconds=1e-9, batch=50, n_restarts=3).fit(p, y)
    assert hurried.n_trials_ == 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_uniform": -1}, {"n_uniform": 2.5}, {"batch": 0}, {"scale": 0.0}, {"n_local": None},
        {"n_restarts": 0}, {"centre": "middle"}, {"draws": "normal"}, {"domain": "logit"},
        {"scoring": "f1"}, {"concentration": 0.0}, {"seconds": 0.0}, {"decimals": 0},
        {"n_uniform": 0, "n_local": 0}, {"start": np.ones(3)}, {"start": -np.ones((2, 7))},
        {"start": "equal"},
    ],
)  # fmt: skip
def test_parameters_out_of_range(wrong: dict[str, Any]) -> None:
    p, y, _ = predictions(21)
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        RandomSearch(**wrong).fit(p, y)


def test_resamples_are_of_whole_groups() -> None:
    _, y, groups = predictions(140)
    random = np.random.RandomState(0)
    for how in ("bootstrap", "half"):
        rows = resample(random, y, groups, how)
        for g in np.unique(groups[rows]):
            times = (groups[rows] == g).sum() / 7
            assert times == int(times)
            assert times == 1 or how == "bootstrap"
        if how == "half":
            assert len(rows) == 70
    assert len(resample(random, y, None, "bootstrap")) == 140
    assert len(np.unique(resample(random, y, None, "half"))) == 70
    with pytest.raises(DataError, match="2 groups held one class"):
        resample(random, np.array([0, 0, 1]), np.array([0, 0, 1]), "half")


@pytest.mark.parametrize("combine", ["weights", "probabilities"])
def test_bags(combine: str) -> None:
    p, y, groups = predictions(140)
    inner = RandomSearch(n_uniform=60, n_local=40, batch=50)
    made = BaggedFusion(inner, n_estimators=8, combine=combine, random_state=0)
    made.fit(p, y, groups=groups)
    assert made.all_weights_.shape == (8, 2, 7)
    np.testing.assert_allclose(made.weights_, made.all_weights_.mean(axis=0))
    assert len(np.unique(made.all_weights_, axis=0)) == 8
    assert np.isfinite(made.scores_).all()
    again = BaggedFusion(inner, n_estimators=8, combine=combine, random_state=0, n_jobs=2)
    with parallel_config(backend="threading"):
        again.fit(p, y, groups=groups)
    np.testing.assert_array_equal(again.weights_, made.weights_)
    assert made.score(p, y) > 0.6


def test_only_pools_are_bagged() -> None:
    p, y, _ = predictions(21)
    with pytest.raises(ParameterError, match="LogisticFusion has none"):
        BaggedFusion(LogisticFusion(), n_estimators=2).fit(p, y)  # type: ignore[arg-type]
    for wrong in ({"n_estimators": 0}, {"resampling": "none"}, {"combine": "votes"}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            BaggedFusion(**wrong).fit(p, y)  # type: ignore[arg-type]
