"""Metrics against definitions written out, and against scikit-learn; intervals against theory."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emonets import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.evaluation import metrics as m


def problem(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that are right somewhat more often than by chance."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(7, size=n, p=[0.2, 0.02, 0.15, 0.25, 0.15, 0.08, 0.15])
    scores = rng.normal(size=(n, 7))
    scores[np.arange(n), labels] += 1.5
    exp = np.exp(scores)
    return labels, exp / exp.sum(axis=1, keepdims=True)


LABELS = hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 6))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_scores_agree_with_scikit_learn(data: st.DataObject) -> None:
    y = data.draw(LABELS)
    p = data.draw(hnp.arrays(np.int64, len(y), elements=st.integers(0, 6)))
    classes = list(range(7))
    assert (m.confusion_matrix(y, p) == sk.confusion_matrix(y, p, labels=classes)).all()
    assert m.accuracy(y, p) == pytest.approx(sk.accuracy_score(y, p))
    present = sorted(set(y.tolist()))
    assert m.uar(y, p) == pytest.approx(
        sk.recall_score(y, p, labels=present, average="macro", zero_division=0)
    )
    for ours, theirs in (
        (m.recall, sk.recall_score),
        (m.precision, sk.precision_score),
        (m.f1, sk.f1_score),
    ):
        expected = theirs(y, p, labels=classes, average=None, zero_division=np.nan)
        np.testing.assert_allclose(ours(y, p), expected)


def test_absent_classes_are_left_out_of_uar() -> None:
    # 3 of 4 angry and 1 of 1 happy are right; a wrong answer of an absent class costs only once
    assert m.uar([0, 0, 0, 0, 3], [0, 0, 0, 6, 3]) == pytest.approx((0.75 + 1) / 2)
    assert np.isnan(m.recall([0, 3], [0, 3])[1])
    assert m.precision([0, 0], [0, 6])[6] == 0
    assert m.f1([0, 0], [0, 6])[6] == 0


def test_probabilities_count_by_their_largest_entry() -> None:
    y, p = problem()
    assert m.accuracy(y, p) == m.accuracy(y, p.argmax(axis=1))
    assert (m.confusion_matrix(y, p) == m.confusion_matrix(y, p.argmax(axis=1))).all()


def test_calibration_error_by_hand() -> None:
    p = np.zeros((4, 7))
    p[:, 0], p[:, 1] = 0.9, 0.1
    # one bin: right 3 times of 4 at a probability of 0.9
    assert m.expected_calibration_error([0, 0, 0, 1], p) == pytest.approx(0.15)
    p[3] = 0
    p[3, 1] = 1.0
    # two bins: 3 of 3 right at 0.9; 1 of 1 right at 1.0
    assert m.expected_calibration_error([0, 0, 0, 1], p) == pytest.approx(0.1 * 3 / 4)
    assert m.expected_calibration_error([1, 1, 1, 1], np.eye(7)[[1, 1, 1, 1]]) == 0
    assert m.expected_calibration_error([0, 0, 0, 0], np.eye(7)[[1, 1, 1, 1]]) == 1
    # one wide bin forgets which of them were sure
    assert m.expected_calibration_error([0, 0, 0, 1], p, bins=1) == pytest.approx(1 - 3.7 / 4)


def test_intervals_have_the_width_that_theory_gives() -> None:
    y, p = problem(4000)
    score = m.evaluate(y, p).accuracy
    half = 1.96 * np.sqrt(score.value * (1 - score.value) / len(y))
    assert score.low == pytest.approx(score.value - half, abs=0.15 * half)
    assert score.high == pytest.approx(score.value + half, abs=0.15 * half)


def test_intervals_equal_those_of_items_drawn_one_by_one() -> None:
    y, p = problem(300)
    rng = np.random.default_rng(5)
    drawn = [m.uar(y[i], p[i]) for i in rng.integers(0, 300, size=(1500, 300))]
    low, high = np.quantile(drawn, [0.025, 0.975])
    score = m.evaluate(y, p, resamples=4000).uar
    assert score.low == pytest.approx(low, abs=0.012)
    assert score.high == pytest.approx(high, abs=0.012)


def test_groups_widen_the_interval_as_far_as_they_repeat_each_other() -> None:
    y, p = problem(200)
    single = m.evaluate(y, p).accuracy
    ninefold = np.repeat(np.arange(200), 9)
    copied = m.evaluate(y[ninefold], p[ninefold]).accuracy
    grouped = m.evaluate(y[ninefold], p[ninefold], groups=ninefold)
    assert grouped.n_groups == 200
    assert copied.high - copied.low < 0.4 * (single.high - single.low)
    width = grouped.accuracy.high - grouped.accuracy.low
    assert width == pytest.approx(single.high - single.low, rel=0.1)


def test_groups_of_one_item_are_items_and_may_have_names() -> None:
    y, p = problem(300)
    items = m.evaluate(y, p, resamples=4000).accuracy
    names = [f"actor {k}" for k in range(300)]
    groups = m.evaluate(y, p, groups=names, resamples=4000).accuracy
    assert groups.low == pytest.approx(items.low, abs=0.01)
    assert groups.high == pytest.approx(items.high, abs=0.01)


def test_group_draws_do_not_depend_on_how_many_are_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, p = problem(300)
    groups = np.arange(300) // 4
    whole = m.evaluate(y, p, groups=groups).to_dict()
    monkeypatch.setattr(m, "_AT_ONCE", 1000)
    assert m.evaluate(y, p, groups=groups).to_dict() == whole


def test_seed_decides_and_is_kept() -> None:
    y, p = problem(100)
    assert m.evaluate(y, p, seed=3).to_dict() == m.evaluate(y, p, seed=3).to_dict()
    assert m.evaluate(y, p, seed=3).uar != m.evaluate(y, p, seed=4).uar
    assert m.evaluate(y, p, seed=3).seed == 3


def test_order_of_items_does_not_matter() -> None:
    y, p = problem(100)
    order = np.random.default_rng(0).permutation(100)
    assert m.evaluate(y, p).uar == m.evaluate(y[order], p[order]).uar


def test_2000_resamples_of_3589_items_are_quick() -> None:
    y, p = problem(3589)
    start = time.perf_counter()
    m.evaluate(y, p, resamples=2000)
    assert time.perf_counter() - start < 1


def test_evaluation_says_the_same_in_every_form() -> None:
    y, p = problem(400)
    e = m.evaluate(y, p)
    assert e.accuracy.value == m.accuracy(y, p)
    assert e.uar.value == m.uar(y, p)
    assert e.calibration_error == m.expected_calibration_error(y, p)
    np.testing.assert_array_equal([s.value for s in e.recall], m.recall(y, p))
    d = json.loads(json.dumps(e.to_dict(), allow_nan=False))
    assert d["accuracy"]["value"] == e.accuracy.value
    assert d["classes"]["happy"]["recall"]["low"] == e.recall[3].low
    assert d["confusion"] == e.confusion.tolist()
    for text in (str(e), e.to_markdown()):
        assert f"{e.uar.value:.1%} [{e.uar.low:.1%}, {e.uar.high:.1%}]" in text
        assert all(name in text for name in EMOTIONS)
    table = [line for line in e.to_markdown().splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert f"{e.accuracy:.3f}".startswith(f"{e.accuracy.value:.3f} [")


def test_absent_classes_and_bare_labels_are_shown_as_such() -> None:
    e = m.evaluate([0, 0, 3, 3], [0, 3, 3, 3])
    assert e.calibration_error is None
    assert np.isnan(e.recall[1].value)
    assert str(e.recall[1]) == "–"
    assert e.to_dict()["classes"]["disgust"]["recall"] == {"value": None, "low": None, "high": None}
    json.dumps(e.to_dict(), allow_nan=False)
    assert "calibration" not in str(e)


def test_difference_is_paired() -> None:
    y, p = problem(1000)
    better = p.argmax(axis=1)
    worse = better.copy()
    worse[np.flatnonzero(better == y)[:30]] = (y[np.flatnonzero(better == y)[:30]] + 1) % 7
    d = m.difference(y, better, worse)
    assert d.value == pytest.approx(0.03)
    assert 0.015 < d.low < 0.03 < d.high < 0.045
    # each score alone is much less certain than the difference
    alone = m.evaluate(y, better).accuracy
    assert d.high - d.low < 0.5 * (alone.high - alone.low)
    assert m.difference(y, p, p, metric="uar") == m.Score(0.0, 0.0, 0.0)
    assert m.difference(y, worse, better).value == pytest.approx(-0.03)
    grouped = m.difference(y, better, worse, groups=np.arange(1000) // 5)
    assert grouped.value == pytest.approx(0.03)
    with pytest.raises(ParameterError, match="accuracy, uar"):
        m.difference(y, p, p, metric="f1")


P = np.full((3, 7), 1 / 7)


def spoilt(value: float, *, row: int = 1) -> np.ndarray:
    p = P.copy()
    p[row, 2] = value
    return p


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        pytest.param([], np.empty((0, 7)), "nothing to measure", id="empty"),
        pytest.param([0, 1], P, r"shape \(2, 7\) for 2 labels, found \(3, 7\)", id="length"),
        pytest.param([0, 1, 2], P[:, :6], r"\(3, 7\)", id="six columns"),
        pytest.param([0, 1, 2], P[None], r"\(3, 7\)", id="three dimensions"),
        pytest.param([[0, 1, 2]], P, r"labels of shape \(n,\)", id="labels in two dimensions"),
        pytest.param([0, 1, 7], P, r"labels\[2\] is 7, expected 0..6", id="label 7"),
        pytest.param([0, -1, 2], P, r"labels\[1\] is -1", id="label -1"),
        pytest.param(["angry", "sad", "fear"], P, "emotion_index", id="names"),
        pytest.param([0.0, np.nan, 2.0], P, "labels hold NaN, first at 1", id="NaN label"),
        pytest.param([True, False, True], P, "integers", id="bool"),
        pytest.param([0, 1, 2], spoilt(np.nan), "row 1 .* NaN", id="NaN"),
        pytest.param([0, 1, 2], spoilt(np.inf), "row 1 .* infinite", id="infinite"),
        pytest.param([0, 1, 2], spoilt(-0.5), r"row 1 .* outside 0\.\.1", id="negative"),
        pytest.param([0, 1, 2], spoilt(0.5, row=2), "row 2 .* sum to one", id="sum"),
        pytest.param([0, 1, 2], P * 100, r"outside 0\.\.1: 14.29", id="per cent"),
        pytest.param([0, 1, 2], [0, 1, 9], r"predictions\[2\] is 9", id="prediction 9"),
        pytest.param([0, 1, 2], P.astype(str), "numbers", id="text"),
    ],
)
def test_bad_input_is_named(labels: object, probabilities: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        m.evaluate(labels, probabilities)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        m.uar(labels, probabilities)  # type: ignore[arg-type]


def test_rounded_probabilities_are_accepted() -> None:
    y, p = problem(50)
    assert m.accuracy(y, np.round(p, 4)) == m.accuracy(y, p)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], r"groups of shape \(3,\), found \(2,\)"),
        ([1, 1, 1], "at least two"),
        ([1.0, np.nan, 2.0], "NaN"),
    ],
)
def test_bad_groups(groups: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        m.evaluate([0, 1, 2], P, groups=groups)


def test_bad_options() -> None:
    with pytest.raises(ParameterError, match="resamples"):
        m.evaluate([0, 1, 2], P, resamples=0)
    with pytest.raises(ParameterError, match="bins"):
        m.expected_calibration_error([0, 1, 2], P, bins=0)
    with pytest.raises(DataError, match=r"\(n, 7\)"):
        m.expected_calibration_error([0, 1, 2], [0, 1, 2])


def test_other_classes_than_the_seven() -> None:
    names = (*EMOTIONS, "calm")
    labels = np.arange(8).repeat(3)
    predictions = labels.copy()
    predictions[-1] = 6
    found = m.evaluate(labels, predictions, classes=names)
    assert found.confusion.shape == (8, 8)
    assert found.recall[7].value == pytest.approx(2 / 3)
    assert "calm" in str(found)
    assert "calm" in found.to_markdown()
    assert found.to_dict()["classes"]["calm"]["n"] == 3
    with pytest.raises(DataError, match=r"expected 0\.\.6"):
        m.evaluate(labels, predictions)
