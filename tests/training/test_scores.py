"""Scores of predictions: among the emotions of the data, and as predict returns them."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emonets.evaluation.metrics import evaluate
from emonets.evaluation.records import score_rows
from emonets.training.out_of_fold import OutOfFold
from emonets.training.report import markdown, plain, scores_csv, summary
from emonets.training.scores import Scored, scored

LABELS = np.array([0, 3, 0, 3, 0, 3])


def made(predicted: list[int], groups: list[str], corpora: list[str] | None = None) -> Scored:
    """Scores of one specialist that predicts these classes with .6, and the true one with .4."""
    n = len(predicted)
    P = np.zeros((n, 7))
    P[np.arange(n), LABELS[:n]] += 0.4
    P[np.arange(n), predicted] += 0.6
    data: Any = SimpleNamespace(
        name="mine", labels=LABELS[:n], groups=np.array(groups), grouped=True, dropped=(),
        corpora=np.array(corpora or ["mine"] * n), words=np.array(["word"] * n),
    )  # fmt: skip
    predictions = OutOfFold(
        np.arange(n), np.zeros(n, np.intp), ("face",), P[:, None], np.ones((n, 1), bool),
        np.ones((n, 1, 7), bool), "all clips",
    )  # fmt: skip
    return scored(data, predictions, P, "only face", seed=0, minutes=0)


def test_a_class_that_the_data_do_not_have_is_wrong_as_predict_returns_it() -> None:
    # surprise is predicted twice; happy for angry once
    one = made([5, 3, 0, 5, 3, 3], [f"g{k}" for k in range(6)])
    assert one.scores["face"].accuracy.value == pytest.approx(5 / 6)
    assert one.as_predicted["face"].accuracy.value == pytest.approx(3 / 6)
    text = summary(one)
    first, second = text.split("Among all seven emotions, as predict returns them:")
    assert "Among the 2 emotions of the data:" in first
    assert "accuracy 83.3%" in first
    assert "accuracy 50.0%" in second
    assert "as predict returns them, they count as wrong" in second
    report = markdown(one, title="t", seed=0)
    among, returned = report.index("| face | 83.3%"), report.index("| face | 50.0%")
    assert among < report.index("as predict returns them") < returned
    content = plain(one, title="t", seed=0)
    assert content["models"]["face"]["accuracy"]["value"] == pytest.approx(5 / 6)
    assert content["models_as_predicted"]["face"]["accuracy"]["value"] == 0.5
    rows = list(csv.DictReader(io.StringIO(scores_csv(one))))
    values = {row["among"]: float(row["value"]) for row in rows if row["metric"] == "accuracy"}
    assert values == {"data": pytest.approx(5 / 6, abs=1e-5), "all": 0.5}


def test_each_corpus_has_both_scores() -> None:
    one = made([5, 3, 0, 5, 3, 3], list("abcdef"), ["x"] * 3 + ["y"] * 3)
    assert one.corpora["y"]["face"].accuracy.value == pytest.approx(2 / 3)
    assert one.corpora_as_predicted["y"]["face"].accuracy.value == pytest.approx(1 / 3)
    assert "y alone, among all seven emotions, as predict returns them:" in summary(one)


def test_data_with_all_classes_have_one_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_scores.LABELS", np.arange(7))
    one = made(list(range(7)), list("abcdefg"))
    assert one.masked == ()
    assert "as predict returns them" not in summary(one)
    assert one.as_predicted["face"].accuracy == one.scores["face"].accuracy


@pytest.mark.parametrize(
    ("groups", "warning"),
    [
        ("aaaaaa", "all clips are of one group"),
        ("aabbcc", "3 groups are too few"),
        ("abcdee", "5 groups are too few"),
        ("abcdef", ""),
    ],
)
def test_few_groups_carry_a_warning(groups: str, warning: str) -> None:
    one = made([0, 3, 0, 3, 0, 5], list(groups))
    for text in (summary(one), markdown(one, title="t", seed=0)):
        assert ("Warning: " in text) == bool(warning)
        assert warning in text
    assert (warning in plain(one, title="t", seed=0)["warning"]) or not warning
    assert bool(plain(one, title="t", seed=0)["warning"]) == bool(warning)


def test_few_groups_in_metrics_and_results() -> None:
    few = evaluate(LABELS, LABELS, groups=list("aabbcc"))
    assert "3 groups are too few" in few.warning
    assert few.warning in str(few)
    assert few.warning in few.to_markdown()
    assert few.to_dict()["warning"] == few.warning
    (row, _) = score_rows(few, what="w", data="d", command="c", note="n")
    assert row.note == "n; interval over 3 groups only"
    for many in (evaluate(LABELS, LABELS), evaluate(LABELS, LABELS, groups=list("abcdef"))):
        assert many.warning == many.to_dict()["warning"] == ""
        assert score_rows(many, what="w", data="d", command="c")[0].note == ""
