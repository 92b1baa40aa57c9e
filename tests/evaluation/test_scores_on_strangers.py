"""Scores on strangers: classes that are absent, items without an answer, means, and marks."""

from __future__ import annotations

import numpy as np
import pytest

from emonets.errors import DataError
from emonets.evaluation.corpora import CorpusScore, score_corpus, seen_by_system
from emonets.evaluation.corpora_table import plain, table
from emonets.evaluation.metrics import Score
from emonets.evaluation.strangers import Answers, mark, mean_score, present_only, score_answers
from emonets.provenance.seen import Seen

ANGRY, DISGUST, FEAR, HAPPY = range(4)


def answers(labels: list[int], predicted: list[int], second: list[int] | None = None) -> Answers:
    """Each prediction has .6, the second choice (or the truth) .4."""
    n = len(labels)
    p = np.zeros((n, 7))
    p[np.arange(n), labels if second is None else second] += 0.4
    p[np.arange(n), predicted] += 0.6
    return Answers(np.array(labels, np.int64), p, np.ones(n, bool))


def seen(known: list[bool], group: list[bool] | None = None, *unchecked: str) -> Seen:
    no = np.zeros(len(known), bool)
    return Seen(np.array(known), no, no if group is None else np.array(group), unchecked)


def test_an_absent_class_cannot_be_predicted_among_those_present() -> None:
    given = answers([ANGRY, HAPPY, ANGRY, HAPPY], [5, HAPPY, ANGRY, 6])
    assert score_answers(given, masked=True).uar.value == 1.0
    assert score_answers(given, masked=False).uar.value == 0.5
    assert score_answers(given, masked=True).classes == 2


def test_uar_is_the_mean_over_the_classes_and_not_over_the_items() -> None:
    given = answers([ANGRY] * 9 + [FEAR], [ANGRY] * 10)
    made = score_answers(given, masked=True)
    assert made.uar.value == 0.5
    assert made.accuracy.value == 0.9
    assert made.recall["fear"].value == 0.0
    assert "disgust" not in made.recall


@pytest.mark.parametrize("masked", [True, False])
def test_no_answer_is_wrong_even_where_its_class_is_the_first(masked: bool) -> None:
    given = answers([ANGRY, ANGRY, HAPPY, HAPPY], [ANGRY, ANGRY, HAPPY, HAPPY])
    missing = Answers(given.labels, given.p, np.array([True, False, True, True]))
    made = score_answers(missing, masked=masked)
    assert made.uar.value == 0.75
    assert made.unanswered == 1
    assert made.n == 4


def test_the_calibration_error_is_of_items_with_an_answer() -> None:
    p = np.tile([0.8, 0.2, 0, 0, 0, 0, 0], (5, 1))
    labels = np.array([ANGRY, ANGRY, ANGRY, DISGUST, DISGUST])
    everything = Answers(labels, p, np.ones(5, bool))
    assert score_answers(everything, masked=False).calibration_error == pytest.approx(0.2)
    part = Answers(labels, p, np.array([True, True, True, True, False]))
    assert score_answers(part, masked=False).calibration_error == pytest.approx(0.05)
    none = Answers(labels, p, np.zeros(5, bool))
    assert score_answers(none, masked=False).calibration_error is None
    # masking moves the mass of absent classes: .6 of .8 is .75
    mass = np.tile([0.6, 0.2, 0, 0, 0, 0, 0.2], (4, 1))
    three = Answers(np.array([ANGRY, ANGRY, ANGRY, DISGUST]), mass, np.ones(4, bool))
    assert score_answers(three, masked=True).calibration_error == pytest.approx(0.0)
    assert score_answers(three, masked=False).calibration_error == pytest.approx(0.15)


def test_intervals_are_over_people_where_these_are_known() -> None:
    labels = np.tile([ANGRY, HAPPY], 20)
    right = np.repeat([True, False], 20)
    p = np.eye(7)[np.where(right, labels, 6)]
    found = np.ones(40, bool)
    alone = score_answers(Answers(labels, p, found), masked=False)
    by_two = score_answers(
        Answers(labels, p, found, np.repeat(["a", "b"], 20)), masked=False
    )  # fmt: skip
    assert alone.n_groups is None
    assert by_two.n_groups == 2
    assert (by_two.uar.low, by_two.uar.high) == (0.0, 1.0)
    assert alone.uar.high < 0.8
    # one person only, or each item its own: items are drawn
    for groups in (["a"] * 40, [str(k) for k in range(40)]):
        one = score_answers(Answers(labels, p, found, np.array(groups)), masked=False)
        assert one.n_groups is None


def test_arrays_that_do_not_fit_are_named() -> None:
    with pytest.raises(DataError, match="found: expected shape"):
        Answers(np.zeros(2, np.int64), np.full((2, 7), 1 / 7), np.ones(3, bool))
    with pytest.raises(DataError, match="p: expected shape"):
        Answers(np.zeros(2, np.int64), np.full((2, 6), 1 / 6), np.ones(2, bool))


def test_leaving_an_emotion_out() -> None:
    given = answers([ANGRY, FEAR, HAPPY], [ANGRY, ANGRY, HAPPY])
    assert score_answers(given.without("fear"), masked=True).uar.value == 1.0


def test_mass_on_absent_classes_only_becomes_uniform() -> None:
    p, masked = present_only(np.eye(7)[[6, 0]], np.array([ANGRY, HAPPY]))
    np.testing.assert_allclose(p[0, [ANGRY, HAPPY]], 0.5)
    np.testing.assert_allclose(p[1], np.eye(7)[0])
    assert masked == ("disgust", "fear", "sad", "surprise", "neutral")


def test_a_mean_counts_each_corpus_once() -> None:
    one = mean_score([Score(0.2, 0.1, 0.4), Score(0.6, 0.6, 0.6), Score(0.7, 0.5, 0.7)])
    assert one.value == pytest.approx(0.5)
    assert one.low == pytest.approx(0.5 - np.sqrt(0.1**2 + 0.2**2) / 3)
    assert one.high == pytest.approx(0.5 + 0.2 / 3)
    with pytest.raises(DataError, match="no score"):
        mean_score([])


def test_a_corpus_that_was_trained_on_is_marked_and_scored_whole() -> None:
    made = mark("x", 4, seen([True, True, False, False], [False, False, True, False]))
    assert made.trained_on
    assert made.use.all()
    assert "3 of these 4" in made.note


def test_single_items_that_were_trained_on_are_left_out() -> None:
    made = mark("x", 4, seen([True, False, False, False]))
    assert not made.trained_on
    assert made.dropped == 1
    assert made.use.tolist() == [False, True, True, True]
    assert mark("x", 4, seen([False] * 4)).note == ""


def test_names_count_only_without_fingerprints() -> None:
    assert mark("nemo", 2, seen([False] * 2, None, "nemo")).trained_on
    other = mark("nemo", 2, seen([False] * 2, None, "ased"))
    assert not other.trained_on
    assert "not checked against ased" in other.note
    assert mark("fer2013", 2, None).use.all()


def test_a_fusion_was_trained_on_what_one_of_its_specialists_was() -> None:
    parts = {"face": seen([True, False]), "audio": seen([False, True])}
    both = seen_by_system(parts, "face+audio")
    assert both is not None
    assert both.everything
    one = seen_by_system(parts, "face")
    assert one is not None
    assert one.clips.tolist() == [True, False]
    assert seen_by_system({}, "face") is None


def scores() -> list[CorpusScore]:
    right = answers([ANGRY, HAPPY], [ANGRY, HAPPY])
    wrong = answers([DISGUST, HAPPY], [HAPPY, HAPPY], [HAPPY, HAPPY])
    return [
        *score_corpus("a", {"face": right}, {}),
        *score_corpus("b", {"face": wrong}, {}),
        *score_corpus("c", {"face": right}, {"face": seen([True, True])}),
        CorpusScore("d", "face", problem="d: there is no such folder"),
    ]


def test_a_table_has_means_without_what_was_trained_on_and_names_failures() -> None:
    lines = table(scores()).splitlines()
    assert len(lines) == 6
    assert "not in the mean" in lines[3]
    assert "d: there is no such folder" in lines[4]
    assert lines[5].startswith("mean")
    assert "75.0%" in lines[5]
    assert lines[5].endswith("of a, b")
    marked = table(scores(), markdown=True).splitlines()
    assert len({line.count("|") for line in marked}) == 1


def test_a_dict_has_null_where_there_is_no_score() -> None:
    made = plain(scores())
    assert made[3]["among_present"] is None
    assert made[2]["trained_on"]
    assert made[1]["as_predicted"]["recall"]["disgust"]["value"] == 0.0
    assert made[0]["among_present"]["uar"]["value"] == 1.0
