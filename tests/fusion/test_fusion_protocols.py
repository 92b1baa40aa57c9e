"""Protocols: no clip and no group is ever on both sides, and each model sees what it may."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.fusion.average import MeanFusion
from emonets.fusion.nested_folds import NestedPredictions, nested_predictions
from emonets.fusion.protocols import (
    PROTOCOLS,
    Split,
    check_apart,
    group_folds,
    grouped,
    guarded,
    inner_folds,
    on_both,
    on_train,
    on_valid,
    out_of_fold,
    retrained,
    swapped,
)
from emonets.fusion.search import RandomSearch
from emonets.reproduction.recipes import (
    AUDIO,
    FACE,
    FIVE,
    MOUTH,
    PAIR,
    SUBMISSIONS,
    Outcome,
    find_submission,
    remembered,
    run_submission,
)
from fusion_data import predictions

Ints = NDArray[np.intp]
N = 84
GROUPS = np.arange(N) // 7  # twelve actors
SPLIT = Split(np.arange(0, 35), np.arange(35, 63), np.arange(63, 84))


class Spy:
    """A model that writes down the clips that it was trained on and those that it predicted."""

    def __init__(self, p: NDArray[Any]) -> None:
        self.p = p
        self.calls: list[tuple[Ints, Ints]] = []

    def __call__(self, train: Ints, test: Ints) -> NDArray[Any]:
        self.calls.append((train, test))
        return self.p[test]


def spies(m: int = 2) -> dict[str, Spy]:
    p, _, _ = predictions(N, m)
    return {f"model {j}": Spy(p[:, j]) for j in range(m)}


def apart(train: Ints, test: Ints) -> bool:
    return not set(GROUPS[train]) & set(GROUPS[test])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_group_is_on_both_sides(name: str) -> None:
    models = spies()
    views = PROTOCOLS[name](models, SPLIT, GROUPS)
    assert views.fit.shape == (len(views.fit_rows), 2, 7)
    assert views.test.shape == (21, 2, 7)
    assert apart(views.fit_rows, views.test_rows)
    in_sample = name in ("on train", "on both")
    for spy in models.values():
        for train, test in spy.calls:
            assert apart(train, test) or (in_sample and np.array_equal(train, test))
            assert apart(train, SPLIT.test)
        if not in_sample:
            for row in views.fit_rows:  # every clip the fusion learns from was unseen
                assert any(row in test and apart(train, [row]) for train, test in spy.calls)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_group_on_both_sides_is_refused_by_name(name: str) -> None:
    names = np.array([f"actor {g}" for g in GROUPS])
    names[SPLIT.test[0]] = names[SPLIT.train[0]]
    with pytest.raises(DataError, match="actor 0 is both trained on and predicted"):
        PROTOCOLS[name](spies(), SPLIT, names)
    twice = Split(SPLIT.train, SPLIT.valid, np.append(SPLIT.test, SPLIT.valid[3]))
    with pytest.raises(DataError, match=r"clip 38|group 5"):
        PROTOCOLS["retrained"](spies(), twice, GROUPS)
    with pytest.raises(DataError, match="clip 38"):
        PROTOCOLS["swapped"](spies(), twice)


def test_who_is_trained_on_what() -> None:
    def trained(protocol: Any, **options: Any) -> list[set[str]]:
        """For each call of a model, the parts it was trained on."""
        models = spies(1)
        protocol(models, SPLIT, GROUPS, **options)
        parts = {"train": SPLIT.train, "valid": SPLIT.valid}
        return [
            {name for name, rows in parts.items() if np.isin(rows, train).all()}
            for train, _ in models["model 0"].calls
        ]

    assert trained(on_train) == [{"train"}, {"train"}]
    assert trained(on_valid) == [{"train"}, {"train"}]
    assert trained(retrained) == [{"train"}, {"train", "valid"}]
    assert trained(retrained, only=[]) == [{"train"}, {"train"}]
    assert trained(swapped) == [{"valid"}, {"train"}, {"train", "valid"}]
    assert {"train", "valid"} in trained(on_both)
    calls = trained(grouped, folds=3)
    assert calls[-1] == {"train", "valid"}
    assert len(calls) == 4
    with pytest.raises(DataError, match="no model 'nose'"):
        retrained(spies(), SPLIT, GROUPS, only=["nose"])
    with pytest.raises(ParameterError, match="no models"):
        on_valid({}, SPLIT, GROUPS)


def test_guard_checks_predictions_too() -> None:
    train, test = np.arange(5), np.arange(7, 10)
    for answer in (np.ones((2, 7)), np.ones(3), np.full((3, 7), np.nan)):
        with pytest.raises(DataError, match="the mouth returned"):
            guarded(lambda a, b, x=answer: x, None, "the mouth")(train, test)
    with pytest.raises(DataError, match="no clip to be predicted"):
        guarded(lambda a, b: np.ones((0, 7)), None)(train, test[:0])
    with pytest.raises(DataError, match="clip 4 is both"):
        check_apart(train, [4, 9])
    check_apart(train, test, np.arange(10) % 10)


def test_folds_are_of_whole_groups() -> None:
    folds = group_folds(GROUPS, 5)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(N))
    assert all(apart(train, test) for train, test in folds)
    assert max(len(t) for _, t in folds) <= 21
    with pytest.raises(DataError, match="12 groups cannot"):
        group_folds(GROUPS, 13)
    with pytest.raises(ParameterError):
        group_folds(GROUPS, 1)
    y = np.where(GROUPS < 1, 0, 1)
    inner = inner_folds(y, GROUPS, 12, 0)
    assert len(inner) == 11  # without group 0 there is one class only
    with pytest.raises(DataError, match="one class only"):
        inner_folds(np.array([0, 1]), None, 2, 0)


def test_out_of_fold() -> None:
    models = spies()
    p, _, _ = predictions(N, 2)
    np.testing.assert_array_equal(out_of_fold(models, group_folds(GROUPS, 4), GROUPS), p)
    assert all(apart(*call) for call in models["model 0"].calls)
    with pytest.raises(DataError, match="one fold exactly"):
        out_of_fold(models, group_folds(GROUPS, 4)[:3], GROUPS)
    careless = [(np.arange(N), np.arange(N))]
    with pytest.raises(DataError, match="clip 0 is both"):
        out_of_fold(models, careless, GROUPS)
    by_clip = group_folds(np.arange(N), 4)
    with pytest.raises(DataError, match="group"):
        out_of_fold(models, by_clip, GROUPS)


class Telltale:
    """Says the label of clips of groups that it was trained on, and nothing of others."""

    def __init__(self, y: Ints) -> None:
        self.y = y

    def __call__(self, train: Ints, test: Ints) -> NDArray[Any]:
        p = np.full((len(test), 7), 1 / 7)
        known = np.isin(GROUPS[test], GROUPS[train])
        p[known] = np.eye(7)[self.y[test[known]]]
        return p


def test_nested_predictions_have_met_neither_fold() -> None:
    fold = (GROUPS % 4).astype(int)
    y = np.arange(N) % 7
    models = spies(1)
    nested = nested_predictions({**models, "telltale": Telltale(y)}, fold, GROUPS)
    assert len(models["model 0"].calls) == 4 + 6
    assert nested.outer.shape == (N, 2, 7)
    assert nested.inner.shape == (4, N, 2, 7)
    for f in range(4):
        assert np.isnan(nested.inner[f, fold == f]).all()
        # none of its training clips is in there
        np.testing.assert_allclose(nested.inner[f, fold != f, 1], 1 / 7)
    np.testing.assert_allclose(nested.outer[:, 1], 1 / 7)
    for f, view in enumerate(nested.views()):
        assert set(fold[view.test_rows]) == {f}
        assert f not in fold[view.fit_rows]
        assert np.isfinite(view.fit).all()
    with pytest.raises(DataError, match="group"):
        nested_predictions(models, np.arange(N) % 3, GROUPS)
    for wrong in (np.arange(N) % 2, np.zeros(N, int), fold - 1, fold * 1.0, fold * 2):
        with pytest.raises(DataError):
            nested_predictions(models, wrong, None)


def test_nested_evaluation_keeps_folds_apart() -> None:
    fold = (GROUPS % 4).astype(int)
    y = np.arange(N) % 7
    nested = nested_predictions(spies(), fold, GROUPS)
    np.testing.assert_allclose(nested.fuse(MeanFusion(), y, GROUPS), nested.outer.mean(axis=1))
    seen: list[Any] = []

    class Watched(MeanFusion):
        def fit(self, X: Any, y: Any = None, *, groups: Any = None, found: Any = None) -> Any:
            seen.append((set(groups), found))
            return super().fit(X, y, groups=groups, found=found)

    found = np.ones((N, 2), dtype=bool)
    found[:, 1] = False
    p = nested.fuse(Watched(), y, GROUPS, found)
    np.testing.assert_allclose(p, (nested.outer[:, 0] + 1 / 7) / 2)
    assert [len(groups) for groups, _ in seen] == [9] * 4
    with pytest.raises(DataError, match="group"):
        nested.fuse(MeanFusion(), y, np.arange(N) % 5)
    both = nested.of([0]).beside(nested.of([1]))
    np.testing.assert_array_equal(both.inner, nested.inner)
    other = NestedPredictions((GROUPS % 3).astype(int), nested.outer, nested.inner[:3])
    with pytest.raises(DataError, match="same clips"):
        nested.beside(other)
    with pytest.raises(DataError, match="inner"):
        NestedPredictions(fold, nested.outer, nested.inner[:2])


def test_every_row_of_the_papers_tables_is_a_recipe() -> None:
    assert [s.name for s in SUBMISSIONS] == [f"2013-{i}" for i in range(1, 8)] + [
        f"2014-{i}" for i in range(1, 11)
    ]
    tests = [s.test for s in SUBMISSIONS]
    assert tests == [
        35.58, 38.46, 37.17, 32.69, 39.42, 40.06, 41.03,
        39.80, 37.84, 44.71, 41.52, 37.35, 42.26, 44.72, 42.51, 47.67, 45.45,
    ]  # fmt: skip
    assert all(s.protocol in PROTOCOLS for s in SUBMISSIONS)
    assert find_submission("2014-9").protocol == "swapped"
    assert find_submission("2013-7").models == FIVE
    with pytest.raises(ParameterError, match="2014-10"):
        find_submission("2015-1")


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches and grids short enough for a test."""
    for name, value in (("n_uniform", 40), ("n_local", 40), ("n_restarts", 1)):
        monkeypatch.setattr(
            RandomSearch, name, property(lambda self, v=value: v, lambda self, v: None),
            raising=False,
        )  # fmt: skip
    import emonets.reproduction.recipes as module

    monkeypatch.setattr(module, "_GRID", {"C": 1.0, "gamma": 1.0, "cv": 2})


@pytest.mark.parametrize("submission", SUBMISSIONS, ids=lambda s: s.name)
def test_every_recipe_runs(submission: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    if submission.number in (4, 10):
        import emonets.reproduction.recipes as module

        monkeypatch.setattr(module, "BAGGED", 2)
        monkeypatch.setattr(module, "SCALE_TRIALS", 2)
    p, y, _ = predictions(N, 4, strength=2.0)
    named = ("activity", AUDIO, MOUTH, FACE)
    models = {name: remembered(Spy(p[:, j]), N) for j, name in enumerate(named)}
    outcome = run_submission(submission, models, y, SPLIT, GROUPS)
    assert isinstance(outcome, Outcome)
    assert outcome.p.shape == (21, 7)
    assert set(outcome.missing) <= {"face 2"}
    assert outcome.test == pytest.approx((outcome.p.argmax(axis=1) == y[SPLIT.test]).mean())
    assert 0 <= outcome.valid <= 1
    assert 0 <= outcome.train <= 1
    if PAIR in submission.models:
        assert PAIR in outcome.models
    plain = outcome.to_dict()
    assert plain["paper"]["test"] == submission.test
    assert plain["submission"] == submission.name


def test_recipes_without_their_models(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    p, y, _ = predictions(N, 1)
    only = {AUDIO: Spy(p[:, 0])}
    outcome = run_submission(find_submission("2013-7"), only, y, SPLIT, GROUPS)
    assert outcome.models == (AUDIO,)
    assert PAIR in outcome.missing
    with pytest.raises(DataError, match=r"requires face; the data have audio"):
        run_submission(find_submission("2013-1"), only, y, SPLIT, GROUPS)
    calls = Spy(p[:, 0])
    once = remembered(calls, N)
    once(SPLIT.train, SPLIT.test)
    once(SPLIT.train[::-1], SPLIT.valid)
    assert len(calls.calls) == 1
