"""Figures of models and fusions: weights, scores, reliability, filters, submissions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from drawn import ids, overlaps, texts
from emonets.errors import DataError, ParameterError
from emonets.evaluation.compare_fusion import Compared
from emonets.evaluation.figures import (
    SubmissionScores,
    filters,
    fusion_scores,
    fusion_weights,
    reliability,
    submissions,
)
from emonets.evaluation.figures.kernels import filters_of
from emonets.evaluation.metrics import Score, expected_calibration_error
from emonets.fusion.average import MeanFusion
from emonets.fusion.named import NamedFusion
from emonets.specialists.activity.filters import MotionFilters

pytest.importorskip("matplotlib", reason="needs emonets[plot]")

MODELS = ["face", "audio", "compare", "functionals", "face_log"]


def compared(name: str, held: float, fitted: float) -> Compared:
    score = Score(held, held - 0.05, held + 0.05)
    return Compared(name, fitted, score, score, score, 0.1, 1.0, np.empty((0, 7)))


def test_weights_by_model_and_class() -> None:
    w = np.arange(35).reshape(5, 7) / 35
    figure = fusion_weights(w, MODELS, title="W")
    table, bar = figure.axes
    np.testing.assert_allclose(table.images[0].get_array(), w)
    assert bar.get_ylabel() == "weight"
    assert [t.get_text() for t in table.get_yticklabels()] == [
        "Face", "Audio", "ComParE features", "Functionals of the sound", "Face, log probabilities",
    ]  # fmt: skip
    assert {"0.97", "happy", "W"} <= set(texts(figure))
    assert not ids(figure)
    assert not overlaps(figure)


def test_weights_of_a_fusion_and_of_all_classes() -> None:
    fusion = SimpleNamespace(estimator_=SimpleNamespace(weights_=np.array([0.3, 0.7])))
    figure = fusion_weights(fusion, ["face", "audio"])
    assert {"0.30", "0.70", "all classes", "weight of each model"} <= set(texts(figure))
    mean = fusion_weights(NamedFusion(MeanFusion.untrained(2), ("face", "audio")))
    assert {"Face", "Audio"} <= set(texts(mean))
    with pytest.raises(DataError, match="fusion 'logistic' has no weights by model"):
        fusion_weights(SimpleNamespace(kind="logistic"), ["face"])
    with pytest.raises(DataError, match=r"\(3, 7\)"):
        fusion_weights(np.ones((2, 7)), ["a", "b", "c"])
    with pytest.raises(DataError, match="give models"):
        fusion_weights(np.ones((2, 7)))


def test_scores_of_different_clips_are_not_joined() -> None:
    results = [compared("only face_log", 0.6, 0.65), compared("calibrated product", 0.8, 0.7)]
    figure = fusion_scores(results, title="C", legend="made up", chance=1 / 7)
    (axes,) = figure.axes
    spans = [sorted(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 4]
    np.testing.assert_allclose(spans, [(55, 65), (75, 85)])  # intervals alone
    assert len(axes.lines) == 3  # and chance
    shown = texts(figure)
    assert {"Face, log probabilities, alone", "Calibrated product", "chance, 14.3%"} <= set(shown)
    assert not ids(figure)
    assert not overlaps(figure)
    with pytest.raises(DataError, match="no results"):
        fusion_scores([])


def test_reliability_has_its_histogram_error_and_n() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 7, 300)
    p = rng.dirichlet(np.ones(7), 300)
    p[np.arange(300), y] += rng.random(300)
    p /= p.sum(axis=1, keepdims=True)
    figure = reliability(y, p, title="R")
    above, below, coverage = figure.axes
    assert sum(bar.get_height() for bar in below.patches) == 300
    error = expected_calibration_error(y, p, bins=15)
    assert f"n = 300    calibration error (ECE, 15 bins) {error:.1%}" in " ".join(texts(figure))
    # points of the bins, by hand
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    last = (sure > 11 / 15) & (sure <= 12 / 15)
    points = above.lines[1].get_xydata()
    expected = [sure[last].mean(), right[last].mean()]
    assert np.isclose(points, expected).all(axis=1).any()
    assert coverage.get_xlabel().startswith("share of clips")
    assert not [pair for pair in overlaps(figure) if not pair[0].isdigit()]
    assert len(reliability(y, p, bins=5).axes[1].patches) == 5


def test_reliability_of_what_does_not_fit() -> None:
    with pytest.raises(DataError, match=r"labels \(n,\) and then probabilities"):
        reliability(np.full((3, 7), 1 / 7), [0, 1, 2])
    one = reliability([3], [[0, 0, 0, 1, 0, 0, 0]])
    assert "n = 1 " in " ".join(texts(one))


def test_filters_of_pictures_and_of_motion() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 8, 8))
    x[7] *= 100
    figure = filters(x, title="F")
    assert len(figure.axes) == 36
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), x[7])
    assert "36 of 50 filters" in " ".join(texts(figure))
    motion = filters(rng.normal(size=(4, 10, 8, 8)))
    assert motion.axes[0].images[0].get_array().shape == (8, 5 * 8 + 4)
    assert "frames 1, 3, 5, 7, 9" in " ".join(texts(motion))
    assert not overlaps(motion)


def test_filters_of_networks() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(6, 1, 5, 5)), rng.normal(size=(6, 6, 3, 3))
    network = SimpleNamespace(arrays_={"0.bias": np.ones(6), "0.weight": first, "1.weight": second})
    np.testing.assert_allclose(filters_of(SimpleNamespace(network=network))[:, 0], first[:, 0])
    several = SimpleNamespace(arrays_=[network.arrays_, {}])
    np.testing.assert_allclose(filters_of(several)[:, 0], first[:, 0])
    # h = sigmoid((x · matrix + bias)²): a block's pixels, by hand
    matrix = rng.normal(size=(10, 256, 3)).astype(np.float32)
    motion = MotionFilters(matrix, np.zeros(3, np.float32), 1.0)
    code = SimpleNamespace(code=SimpleNamespace(filters=motion))
    made = filters_of(code)
    assert made.shape == (3, 10, 16, 16)
    np.testing.assert_allclose(made[1, 4, 2, 3], matrix[4, 2 * 16 + 3, 1])
    basis = np.eye(256, 7, dtype=np.float32)
    reduced = MotionFilters(matrix[:, :7], np.zeros(3, np.float32), 1.0, basis)
    np.testing.assert_allclose(filters_of(reduced)[1, 4, 0, :7], matrix[4, :7, 1])


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (object(), "object has no filters that are pictures"),
        (SimpleNamespace(arrays_={"weight": np.ones((3, 3))}), "expected filters"),
        (np.ones((3, 3)), r"found \(3, 3\)"),
        (np.full((2, 3, 3), np.nan), "NaN"),
    ],
)
def test_what_has_no_filters(network: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        filters(network)
    with pytest.raises(ParameterError, match="most must be at least 1"):
        filters(np.ones((2, 3, 3)), most=0)


def test_submissions_have_intervals_and_chance_and_no_lines_between_data() -> None:
    scores = [
        SubmissionScores(
            "2013-5", ["activity", "face_log", "face+audio"], {"valid": 0.6, "test": 0.5},
            {"valid": 0.48, "test": 0.39}, {"test": (0.4, 0.6)},
        ),
        SubmissionScores("2014-5", ["face"], {"test": 0.4}, {}),
    ]  # fmt: skip
    figure = submissions(scores, classes=6, title="S", legend="four folds")
    (axes,) = figure.axes
    flat = [line for line in axes.lines if len(set(line.get_ydata())) == 1]
    assert [[float(x) for x in line.get_xdata()] for line in flat] == [[40, 60]]  # the interval
    upright = sorted(line.get_xdata()[0] for line in axes.lines if line not in flat)
    np.testing.assert_allclose(upright, [100 / 7, 100 / 6])
    shown = texts(figure)
    assert "chance here, 1 of 6 classes" in shown
    assert "chance in the paper, 1 of 7" in shown
    assert "2013-5  Activity, face, log probabilities, face + audio" in shown
    assert not ids(figure)
    assert not overlaps(figure)
    same = submissions(scores)
    assert "chance, 1 of 7 classes" in texts(same)
    with pytest.raises(DataError, match="no recipe"):
        submissions([])
    with pytest.raises(DataError, match="at least 2 classes"):
        submissions(scores, classes=1)
