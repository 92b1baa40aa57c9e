"""Strategies compared where they were fitted and out of fold, and the pictures of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets.errors import DataError, ParameterError
from emonets.evaluation.compare_fusion import Compared, compare, recommend, rows, table
from emonets.evaluation.records import write_results
from emonets.fusion.average import MeanFusion
from emonets.fusion.common import FusionDataError
from emonets.fusion.nested_folds import nested_predictions
from emonets.fusion.search import RandomSearch
from emonets.fusion.strategies import STRATEGIES, make_fusion
from fusion_data import predictions

PAIR = ("mean", "product")


def results(**options: Any) -> tuple[list[Compared], np.ndarray, np.ndarray]:
    p, y, groups = predictions(210, 2)
    options = {"strategies": PAIR, "resamples": 200, **options}
    return compare(p, y, groups, models=["face", "audio"], **options), y, groups


def test_singles_first_then_strategies() -> None:
    seen: list[str] = []
    found, y, groups = results(progress=lambda r: seen.append(r.name))
    assert [r.name for r in found] == ["only face", "only audio", *PAIR] == seen
    p = predictions(210, 2)[0]
    for r, q in zip(found, [p[:, 0], p[:, 1], p.mean(axis=1)], strict=False):
        np.testing.assert_allclose(r.p, q)
        assert r.accuracy.value == pytest.approx((q.argmax(axis=1) == y).mean())
        # nothing is learned: seen and unseen clips are the same to it
        assert r.fitted == pytest.approx(r.accuracy.value, abs=0.03)
    assert np.isnan(found[0].gain.value)
    better = max(r.accuracy.value for r in found[:2])
    assert found[2].gain.value == pytest.approx(found[2].accuracy.value - better)
    assert found[3].gain.low > 0
    assert set(found[3].to_dict()) >= {"strategy", "fitted", "accuracy", "uar", "gain"}
    assert recommend(found, y, groups, resamples=200) in PAIR
    assert table(found).count("\n") == 6


def test_a_search_over_noise_gains_only_where_it_was_fitted() -> None:
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(7), size=(210, 4))
    y, groups = np.arange(210) % 7, np.arange(210) // 7
    search = {"search": lambda seed: RandomSearch(n_uniform=2000, n_local=500, random_state=seed)}
    r = compare(p, y, groups, strategies=search, resamples=200)[-1]
    assert r.fitted > 0.185
    assert r.accuracy.value < 0.19
    assert r.accuracy.low < 1 / 7 + 0.03


def test_the_simplest_of_equals_is_recommended() -> None:
    found, y, groups = results(
        strategies={"mean": lambda seed: MeanFusion(), "again": lambda seed: MeanFusion()}
    )
    assert recommend(found, y, groups, resamples=200) == "mean"
    with pytest.raises(ParameterError):
        recommend([], y)


def test_nested_predictions_and_missing_models() -> None:
    p, y, groups = predictions(140, 2)
    models = {f"m{j}": (lambda train, test, j=j: p[test, j]) for j in range(2)}
    nested = nested_predictions(models, groups % 4, groups)
    found = np.ones((140, 2), dtype=bool)
    found[::5, 1] = False
    got = compare(nested, y, groups, strategies=["mean"], found=found, resamples=100)
    expected = np.where(found[:, :, None], p, 1 / 7).mean(axis=1)
    np.testing.assert_allclose(got[-1].p, expected)
    with pytest.raises(ParameterError, match="there is no strategy 'median'"):
        compare(p, y, groups, strategies=["median"])
    with pytest.raises(ParameterError, match="3 names for 2 models"):
        compare(p, y, groups, models=list("abc"), strategies=["mean"])
    with pytest.raises(DataError, match="cannot be divided"):
        compare(p, y, groups % 3, strategies=["mean"])
    bad = p.copy()
    bad[0, 0, 0] = np.nan
    with pytest.raises(DataError, match="NaN"):
        compare(bad, y, groups, strategies=["mean"])


def test_strategies_have_names_and_words() -> None:
    for name, strategy in STRATEGIES.items():
        assert strategy.about
        assert type(make_fusion(name, seed=1)) is type(strategy.make(1))
    assert sum(s.paper for s in STRATEGIES.values()) >= 7
    assert issubclass(FusionDataError, DataError)
    assert issubclass(FusionDataError, ValueError)


def test_rows_are_results(tmp_path: Path) -> None:
    found, _, _ = results()
    made = rows(
        found, data="made up", command="pytest", n=210, split="5 folds", group="actor"
    )  # fmt: skip
    assert len(made) == 4 * 4 + 2
    kept = write_results("fusion_test", made, tmp_path)
    assert {r.metric for r in kept} >= {"accuracy", "uar", "accuracy where fitted"}
    assert "accuracy where fitted" in (tmp_path / "fusion_test.md").read_text()
