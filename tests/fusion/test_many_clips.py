"""Fusions of many clips: shared kernels and weightings, subsamples, and the same numbers below."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.svm import SVC

from emonets.errors import ParameterError
from emonets.fusion.average import MeanFusion
from emonets.fusion.bagging import BaggedFusion, resample
from emonets.fusion.common import drawn_clips
from emonets.fusion.kernel_votes import two_stage_grid, vote_scores
from emonets.fusion.mlp import MlpFusion
from emonets.fusion.scoring import Scorer
from emonets.fusion.search import RandomSearch, distinct, uniform_weights
from emonets.fusion.settings import Bagging, FusionNumbers, Search, Svm
from emonets.fusion.shared_search import can_share, search_together
from emonets.fusion.stacked import ScaledSvmFusion, SvmFusion
from emonets.fusion.strategies import STRATEGIES, make_fusion
from emonets.learners.grid_search import TwoStageGridSearch
from fusion_data import predictions

STORED: dict[str, tuple[int, float, float]] = {
    "mean": (52, 0.337615, 0.131845),
    "product": (49, 0.683813, 0.123741),
    "best subset": (52, 0.337615, 0.131845),
    "recall weights": (54, 0.379806, 0.134646),
    "calibrated product": (49, 0.685236, 0.124556),
    "logistic": (49, 0.685771, 0.123730),
    "logistic by class": (54, 0.780458, 0.121577),
    "logistic full": (55, 0.775027, 0.139764),
    "bagging": (53, 0.382743, 0.129771),
    "bagging, log": (52, 0.727483, 0.125003),
    "search, uniform": (52, 0.366191, 0.130731),
    "search": (53, 0.351966, 0.138225),
    "search, dirichlet": (56, 0.356579, 0.134003),
    "search, log": (53, 0.707986, 0.113505),
    "svm": (53, 0.611173, 0.134778),
    "scaled svm": (53, 0.611173, 0.134778),
    "mlp": (50, 0.764968, 0.141708),
}
"""Of each strategy: right of 70 clips, mean of the largest probability and of that of fear.

They were stored with the searches one by one, each machine with its own kernel and the clips of a
resample scored as often as they were drawn.
"""


@pytest.mark.parametrize("name", STRATEGIES)
def test_few_clips_give_the_stored_numbers(name: str) -> None:
    numbers = FusionNumbers(
        search=Search(uniform=800, local=800), bagging=Bagging(members=3), svm=Svm(trials=6)
    )
    p, y, groups = predictions(210, 3)
    fusion = make_fusion(name, seed=1, numbers=numbers)
    q = fusion.fit(p[:140], y[:140], groups=groups[:140]).predict_proba(p[140:])
    right, largest, fear = STORED[name]
    assert (q.argmax(axis=1) == y[140:]).sum() == right
    assert q.max(axis=1).mean() == pytest.approx(largest, abs=2e-6)
    assert q[:, 2].mean() == pytest.approx(fear, abs=2e-6)
    assert getattr(fusion, "limited_", "") == ""


def test_clips_are_drawn_from_each_class_in_proportion() -> None:
    target = np.repeat([0, 1, 2], [600, 300, 100])
    rows = drawn_clips(target, 100, seed=3)
    assert np.bincount(target[rows]).tolist() == [60, 30, 10]
    assert len(np.unique(rows)) == 100
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, drawn_clips(target, 100, seed=4))
    for most in (None, 1000, 2000):
        assert np.array_equal(drawn_clips(target, most, 0), np.arange(1000))


FEW: dict[str, Any] = {"exponents": (0.0,), "cv": 3, "random_state": 0}


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (partial(SvmFusion, coarse={"C": [1.0], "gamma": [0.1, 1.0]}, **FEW),
         "fitted on 140 of 350 clips, its numbers chosen on 70"),
        (partial(ScaledSvmFusion, n_trials=2, C=1.0, gamma=1.0, **FEW),
         "fitted on 140 of 350 clips, its numbers chosen on 70"),
        (partial(MlpFusion, hidden_layer_sizes=(20,), learning_rate_init=0.02, max_iter=30,
                 random_state=0),
         "batches of 60; its weight decay chosen on 35 of 350 clips"),
        (partial(BaggedFusion, RandomSearch(n_uniform=200, n_local=200), n_estimators=5,
                 random_state=0), "all 5 searches share their weightings"),
    ],
)  # fmt: skip
def test_many_clips_are_limited_and_the_fusion_tells(make: Any, text: str) -> None:
    p, y, groups = predictions(490, 2, strength=2.0)
    train, test = slice(0, 350), slice(350, 490)
    whole = make().fit(p[train], y[train], groups=groups[train])
    limited = make(max_clips=140).fit(p[train], y[train], groups=groups[train])
    again = make(max_clips=140).fit(p[train], y[train], groups=groups[train])
    at_the_limit = make(max_clips=350).fit(p[train], y[train], groups=groups[train])
    assert limited.limited_ == text
    assert whole.limited_ == at_the_limit.limited_ == ""
    np.testing.assert_array_equal(at_the_limit.predict_proba(p), whole.predict_proba(p))
    np.testing.assert_array_equal(again.predict_proba(p), limited.predict_proba(p))
    assert not np.array_equal(limited.predict_proba(p), whole.predict_proba(p))
    assert limited.score(p[test], y[test]) > whole.score(p[test], y[test]) - 0.1
    for wrong in (0, 13, 2.5, -1):
        with pytest.raises(ParameterError, match="max_clips must be"):
            make(max_clips=wrong).fit(p, y)


def test_votes_with_a_shared_kernel_are_those_of_plain_machines() -> None:
    p, y, _ = predictions(140, 2)
    x, target = p.reshape(len(p), -1), y.astype(np.intp)
    folds = [(np.arange(0, 100), np.arange(100, 140)), (np.arange(40, 140), np.arange(0, 40))]
    penalties = (0.1, 1.0, 100.0)
    scores = vote_scores(x, target, folds, 0.5, penalties)
    for c, penalty in enumerate(penalties):
        for f, (train, test) in enumerate(folds):
            plain = SVC(C=penalty, gamma=0.5).fit(x[train], target[train])
            assert scores[c, f] == plain.score(x[test], target[test])


def test_the_grid_chooses_as_the_general_one() -> None:
    p, y, _ = predictions(140, 2, strength=1.0)
    x, target = p.reshape(len(p), -1), y.astype(np.intp)
    folds = [(np.arange(0, 100), np.arange(100, 140)), (np.arange(40, 140), np.arange(0, 40))]
    coarse = {"C": (0.1, 1.0, 10.0), "gamma": (0.01, 0.1, 1.0)}
    for scoring in ("accuracy", "balanced_accuracy"):
        general = TwoStageGridSearch(
            SVC(), coarse=coarse, exponents=(-1.0, 0.0, 1.0), cv=folds, scoring=scoring
        ).fit(x, target)
        options: dict[str, Any] = {"coarse": coarse, "exponents": (-1.0, 0.0, 1.0)}
        best, score = two_stage_grid(x, target, folds, scoring=scoring, **options)
        assert best == general.best_params_
        assert score == pytest.approx(general.best_score_, abs=1e-12)
        assert two_stage_grid(x, target, folds, scoring=scoring, **options) == (best, score)


@pytest.mark.parametrize("scoring", ["accuracy", "uar"])
def test_a_clip_that_counts_twice_is_two_clips(scoring: str) -> None:
    p, y, groups = predictions(140, 3)
    rows = resample(np.random.RandomState(0), y.astype(np.intp), groups)
    p, target = p[rows], y[rows].astype(np.intp)
    first, times = distinct(p, target)
    assert times.sum() == len(p) > len(first)
    weights = uniform_weights(np.random.default_rng(0), 300, 3, 7)
    repeated = Scorer(p, target, scoring=scoring)
    counted = Scorer(p[first], target[first], scoring=scoring, times=times)
    np.testing.assert_array_equal(counted.exact(weights), repeated.exact(weights))
    assert counted.best(weights) == repeated.best(weights)


@pytest.mark.parametrize(("domain", "scoring"), [("probability", "accuracy"), ("log", "uar")])
def test_searches_over_shared_weightings(domain: str, scoring: str) -> None:
    p, y, _ = predictions(280, 3, strength=1.0)
    target = y.astype(np.intp)
    search = RandomSearch(n_uniform=300, n_local=300, batch=150, domain=domain, scoring=scoring)
    draws = [resample(np.random.RandomState(s), target) for s in range(4)]
    rounds: list[tuple[int, int]] = []
    found = search_together(search, p, target, draws, 7, on_round=lambda *r: rounds.append(r))
    assert rounds == [(150, 600), (300, 600), (450, 600), (600, 600)]
    for rows, weights, score in zip(draws, found.weights, found.scores, strict=True):
        own = Scorer(p[rows], target[rows], domain=domain, scoring=scoring)
        assert own.exact_one(weights) == pytest.approx(score, abs=1e-5)
        assert score > own.exact_one(np.full((3, 7), 1 / 3))
    first = search_together(RandomSearch(n_uniform=300, n_local=0, domain=domain,
                                         scoring=scoring), p, target, draws, 7)  # fmt: skip
    assert (found.scores >= first.scores).all()
    assert (found.scores > first.scores).any()


def test_which_estimators_share() -> None:
    assert can_share(RandomSearch())
    for other in (RandomSearch(seconds=1.0), RandomSearch(n_restarts=2), MeanFusion()):
        assert not can_share(other)
    p, y, _ = predictions(70, 2)
    plain = BaggedFusion(MeanFusion(), n_estimators=2, max_clips=14, random_state=0).fit(p, y)
    assert plain.limited_ == ""
