"""P[clip, model, class] and its labels: what is refused, and what counts as 1/7."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonets.errors import DataError, ParameterError
from emonets.fusion.average import MeanFusion, ProductFusion, RecallWeightedMean
from emonets.fusion.common import (
    check_labels,
    check_probabilities,
    evidence,
    neutral_for_unknown,
    neutral_where_unknown,
    pool,
)
from emonets.fusion.logistic import LogisticFusion
from emonets.fusion.search import RandomSearch
from emonets.fusion.stacked import SvmFusion
from fusion_data import predictions

LEARNERS = [
    RecallWeightedMean(),
    RandomSearch(n_uniform=50, n_local=0, random_state=0),
    LogisticFusion(spread=0.3),
    SvmFusion(C=1.0, gamma=1.0, random_state=0),
]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([0.5] * 7, "does not sum to one"),
        ([np.nan] * 7, "NaN"),
        ([np.inf, 0, 0, 0, 0, 0, 0], "infinite"),
        ([-0.5, 1.5, 0, 0, 0, 0, 0], "negative"),
        ([0.0] * 7, "does not sum to one"),
    ],
)
def test_rows_that_are_no_probabilities_are_named(row: list[float], what: str) -> None:
    p, y, _ = predictions(21)
    p[3, 1] = row
    for fusion in (MeanFusion(), *LEARNERS):
        with pytest.raises(DataError, match=rf"P\[3, 1\], model 1 on clip 3.*{what}"):
            fusion.fit(p, y)
    good = MeanFusion().fit(predictions(21)[0], y)
    with pytest.raises(DataError, match=r"P\[3, 1\]"):
        good.predict_proba(p)
    found = np.ones((21, 2), dtype=bool)
    found[3, 1] = False
    assert np.isfinite(good.predict_proba(p, found=found)).all()


def test_what_was_not_found_says_nothing() -> None:
    p, y, _ = predictions(70)
    found = np.random.default_rng(1).random((70, 2)) > 0.4
    found[0] = False
    uniform = np.where(found[:, :, None], p, 1 / 7)
    spoilt = np.where(found[:, :, None], p, np.nan)
    np.testing.assert_array_equal(check_probabilities(spoilt, found=found), uniform)
    for fusion in (MeanFusion(), ProductFusion(), *LEARNERS):
        fusion.fit(spoilt, y, found=found)
        q = fusion.predict_proba(spoilt, found=found)
        np.testing.assert_array_equal(q, fusion.fit(uniform, y).predict_proba(uniform))
    np.testing.assert_allclose(MeanFusion().fit(p, y).predict_proba(spoilt, found=found)[0], 1 / 7)
    product = ProductFusion().fit(p, y).predict_proba(spoilt, found=found)
    one = found.sum(axis=1) == 1
    # a product of what was found alone, for 1/7 everywhere is its neutral element
    np.testing.assert_allclose(product[one], p[one][found[one]], atol=1e-12)
    weights = np.random.default_rng(2).random((2, 7))
    np.testing.assert_allclose(
        pool(uniform[found.sum(axis=1) == 0], weights, "log"), 1 / 7, atol=1e-12
    )


def test_a_failing_model_can_be_made_uniform() -> None:
    p, y, _ = predictions(70, 3)
    fusion = RandomSearch(n_uniform=200, n_local=0, random_state=0).fit(p, y)
    fusion.set_params(uniform_models=[1])
    expected = p.copy()
    expected[:, 1] = 1 / 7
    np.testing.assert_allclose(fusion.predict_proba(p), pool(expected, fusion.weights_))
    for wrong in ([3], [-1], [1, 1], [0.5], 1):
        with pytest.raises(ParameterError, match="uniform_models"):
            fusion.set_params(uniform_models=wrong).predict_proba(p)


@pytest.mark.parametrize("fusion", LEARNERS)
def test_too_little_to_learn_from(fusion: Any) -> None:
    p, y, _ = predictions(21)
    with pytest.raises(DataError, match="one clip"):
        fusion.fit(p[:1], y[:1])
    with pytest.raises(DataError, match="one class"):
        fusion.fit(p, np.full(21, 3))
    with pytest.raises(DataError, match="y is missing"):
        fusion.fit(p)


def test_pools_without_anything_to_learn_take_what_there_is() -> None:
    p, _, _ = predictions(21)
    for fusion in (MeanFusion(), ProductFusion()):
        one = fusion.fit(p[:1], [3])
        np.testing.assert_array_equal(one.classes_, np.arange(7))
        np.testing.assert_array_equal(one.predict_proba(p), fusion.fit(p).predict_proba(p))
        made = type(fusion).untrained(2)
        np.testing.assert_array_equal(one.predict_proba(p), made.predict_proba(p))
    with pytest.raises(ParameterError, match="learns from labels"):
        RandomSearch.untrained(2)


def test_shapes_that_do_not_fit() -> None:
    p, y, groups = predictions(21, 3)
    fusion = MeanFusion().fit(p, y)
    with pytest.raises(DataError, match=r"\(clips, 3, 7\).*missing"):
        fusion.predict_proba(p[:, :2])
    with pytest.raises(DataError, match=r"\(clips, 3, 7\)"):
        fusion.predict_proba(p[:, :, :6])
    for wrong, what in (
        ((p[:0], y[:0]), "at least one clip"),
        ((p, y[:20]), r"y must be \(21,\)"),
        ((p, np.where(y < 2, 9, y)), "7 classes and y"),
        ((p, np.where(y == 0, np.nan, y)), "NaN"),
        (([["a"]], [0]), None),
    ):
        with pytest.raises((DataError, ValueError), match=what):
            MeanFusion().fit(*wrong)
    with pytest.raises(DataError, match="groups"):
        RecallWeightedMean().fit(p, y, groups=groups[:5])
    with pytest.raises(DataError, match="found"):
        MeanFusion().fit(p, y, found=np.ones((21, 2)))
    with pytest.raises(DataError, match="n_models is 2"):
        MeanFusion(n_models=2).fit(p, y)
    with pytest.raises(ParameterError, match="n_models"):
        MeanFusion(n_models=0).fit(p, y)


def test_labels_need_not_hold_every_class() -> None:
    classes, position = check_labels([6, 0, 3], 7, 3)
    assert classes.tolist() == list(range(7))
    assert position.tolist() == [6, 0, 3]
    classes, position = check_labels(["b", "a", "b"], 2, 3)
    assert classes.tolist() == ["a", "b"]
    assert position.tolist() == [1, 0, 1]
    p, y, _ = predictions(70)
    for fusion in LEARNERS:
        fusion.fit(p[y != 1], y[y != 1])
        q = fusion.predict_proba(p)
        assert q.shape == (70, 7)
        np.testing.assert_allclose(q.sum(axis=1), 1)
        assert (fusion.predict(p) == y).mean() > 0.4


def test_tables() -> None:
    p, y, _ = predictions(70)
    flat = p.reshape(70, 14)
    for fusion in (MeanFusion(), LogisticFusion(spread=0.3)):
        whole = fusion.fit(p, y).predict_proba(p)
        # fitted on P, or with n_models, the table can only be P flattened
        np.testing.assert_array_equal(fusion.predict_proba(flat), whole)
        named = fusion.set_params(n_models=2)
        np.testing.assert_array_equal(named.fit(flat, y).predict_proba(flat), whole)
        fusion.set_params(n_models=None)
        with pytest.raises(DataError, match="n_models=2"):
            fusion.fit(flat, y)
        with pytest.raises(DataError, match="of 1 model;"):
            fusion.fit(p[:, 0], y)
    with pytest.raises(DataError, match="14 columns are not 4 models"):
        MeanFusion(n_models=4).fit(flat, y)
    with pytest.raises(DataError, match="found needs P"):
        MeanFusion().fit(flat + 1, y, found=np.ones((70, 2)))
    # numbers of any kind: each column a model of its own
    x = np.log(flat)
    made = ProductFusion().fit(x, y)
    assert made.n_models_ == 14
    assert (made.predict(x) == y).mean() > 0.6
    with pytest.raises(DataError, match="cannot be stored"):
        made.to_arrays()


def test_evidence_is_neutral_for_the_uniform_and_bounded() -> None:
    assert np.abs(evidence(np.full((1, 1, 7), 1 / 7), "log")).max() < 1e-12
    assert np.isfinite(evidence(np.eye(7)[None], "log")).all()
    zero = np.zeros((2, 7))
    np.testing.assert_allclose(pool(np.full((3, 2, 7), 1 / 7), zero), 1 / 7)


CLASSES = st.sets(st.integers(0, 6))
ROWS = st.lists(
    st.lists(st.just(0.0) | st.floats(1e-12, 1), min_size=7, max_size=7).filter(any),
    min_size=1, max_size=4,
)  # fmt: skip


@given(ROWS, CLASSES, CLASSES)
def test_predictions_are_neutral_for_unknown_classes(
    rows: list[list[float]], known: set[int], among: set[int]
) -> None:
    p = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    every, lacking = sorted(known | among), sorted(among - known)
    outside = [c for c in range(7) if c not in every]
    q = neutral_for_unknown(p, sorted(known), sorted(among))
    np.testing.assert_allclose(q.sum(axis=1), 1)
    if not lacking:
        np.testing.assert_array_equal(q, p)
        return
    np.testing.assert_allclose(q[:, lacking], 1 / len(every))
    assert (q[:, outside] == 0).all()
    have = sorted(known)
    total = p[:, have].sum(axis=1, keepdims=True)
    share = len(have) / len(every)
    positive = total[:, 0] > 0
    np.testing.assert_allclose(
        q[positive][:, have] * total[positive], p[positive][:, have] * share, atol=1e-15
    )
    np.testing.assert_allclose(q[~positive][:, have], 1 / len(every))
    masks = [np.isin(np.arange(7), list(classes)) for classes in (known, among)]
    np.testing.assert_array_equal(neutral_for_unknown(p, *masks), q)
    np.testing.assert_array_equal(neutral_for_unknown(p[0], have, every), q[0])
    np.testing.assert_allclose(neutral_for_unknown(q, have, every), q)


def test_all_seven_are_to_choose_from_unless_some_are_named() -> None:
    p = np.array([0.5, 0.0, 0.3, 0.1, 0.1, 0.0, 0.0])
    no_disgust = [0, 2, 3, 4, 5, 6]
    expected = p * 6 / 7
    expected[1] = 1 / 7
    np.testing.assert_allclose(neutral_for_unknown(p, no_disgust), expected)
    np.testing.assert_array_equal(neutral_for_unknown(p, range(7)), p)
    np.testing.assert_allclose(neutral_for_unknown(p, []), 1 / 7)
    assert np.isnan(neutral_for_unknown([np.nan] * 7, no_disgust)).any()
    for wrong in ([7], [-1], [0.5], ["disgust"], [True] * 6):
        with pytest.raises(ParameterError, match=r"known must be classes 0\.\.6"):
            neutral_for_unknown(p, wrong)
    with pytest.raises(ParameterError, match="among must be"):
        neutral_for_unknown(p, no_disgust, [9])


def test_in_each_clip_those_that_speak_say_what_there_is_to_choose_from() -> None:
    p, _, _ = predictions(8, 3)
    known = [range(7), [0, 3, 6], [0, 3]]
    p[:, 1, [1, 2, 4, 5]] = p[:, 2, [1, 2, 4, 5, 6]] = 0
    p /= p.sum(axis=2, keepdims=True)
    found = np.ones((8, 3), dtype=bool)
    found[0], found[1], found[2], found[3] = [0, 1, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]
    given_p = p.copy()
    given_p[3] = np.nan
    q = neutral_where_unknown(given_p, known, found)
    np.testing.assert_array_equal(q[~found], np.full((np.sum(~found), 7), 1 / 7))
    np.testing.assert_array_equal(q[0, 1], p[0, 1])  # no model there has more classes
    np.testing.assert_allclose(q[0, 2], neutral_for_unknown(p[0, 2], [0, 3], [0, 3, 6]))
    np.testing.assert_array_equal(q[1, 1], p[1, 1])  # a single model stays as it is
    np.testing.assert_allclose(q[2, 1], neutral_for_unknown(p[2, 1], known[1]))
    for j in range(3):
        np.testing.assert_allclose(q[4:, j], neutral_for_unknown(p[4:, j], known[j]))
    np.testing.assert_array_equal(neutral_where_unknown(p, [range(7)] * 3), p)
    np.testing.assert_array_equal(neutral_where_unknown(p[:, 1:], [[0, 3, 6]] * 2), p[:, 1:])
    with pytest.raises(ParameterError, match="of 3 models, not of 2"):
        neutral_where_unknown(p, known[:2])
    with pytest.raises(DataError, match=r"P\[3, 0\].*NaN"):
        neutral_where_unknown(given_p, known)
