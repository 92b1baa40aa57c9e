"""Figures in the paper's layout: aggregation of frames, panels of matrices, weights and faces."""

from __future__ import annotations

import numpy as np
import pytest

import emonets
from drawn import overlaps, texts
from emonets.errors import DataError, ParameterError
from emonets.evaluation.figures import (
    Panel,
    aggregation,
    confusion_panels,
    face_pairs,
    network_layers,
    weight_panels,
)

pytest.importorskip("matplotlib", reason="needs emonets[plot]")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "counts"), [(77, "8 8 8 8 8 7 8 7 8 7"), (7, "1 2 1 2 1 2 1")])
def test_frames_become_ten_vectors(n: int, counts: str) -> None:
    p = RNG.dirichlet(np.ones(7), n)
    figure = aggregation(p, title="A clip", lines=["of somebody"])
    above, below, bands, _ = figure.axes
    np.testing.assert_allclose(above.images[0].get_array(), p.T)
    if n < 10:
        np.testing.assert_allclose(below.images[0].get_array()[:, 1], p[1])
    else:
        np.testing.assert_allclose(below.images[0].get_array()[:, 0], p[:8].mean(axis=0))
    assert len(bands.patches) == min(n, 10)
    assert any(counts in text for text in texts(figure))
    assert not overlaps(figure)


def test_wrong_frames() -> None:
    for p in (np.empty((0, 7)), np.ones((3, 6)), np.full((3, 7), np.nan)):
        with pytest.raises(DataError, match="finite probabilities"):
            aggregation(p)
    with pytest.raises(ParameterError, match="slots must be at least 1"):
        aggregation(np.ones((3, 7)), slots=0)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_matrices_side_by_side(n: int) -> None:
    counts = RNG.integers(1, 30, (n, 7, 7))
    counts[-1, 1] = 0
    panels = [Panel(f"({'abcd'[k]}) Model", c, ["some clips"]) for k, c in enumerate(counts)]
    figure = confusion_panels(panels, title="Figure 7")
    assert len(figure.axes) == n + 1
    np.testing.assert_allclose(
        figure.axes[0].images[0].get_array()[0], counts[0, 0] / counts[0, 0].sum()
    )
    assert texts(figure).count("no clip") == 1
    assert {"(a) Model", "some clips", "disgust", "Di"} <= set(texts(figure))
    assert not overlaps(figure)


def test_weights_below_each_other() -> None:
    w = RNG.random((3, 7))
    figure = weight_panels([Panel("(a) Search", w, ["clips"], ["face", "audio", "face+audio"])])
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), w)
    assert {"Face + audio", f"{w[0, 0]:.2f}"} <= set(texts(figure))
    assert not overlaps(figure)


def test_faces_above_and_below() -> None:
    raw = RNG.integers(0, 255, (6, 48, 48))
    figure = face_pairs(raw, 255 - raw, [f"{k} s" for k in range(6)], title="Figure 2")
    assert len(figure.axes) == 12
    np.testing.assert_allclose(figure.axes[6].images[0].get_array(), 255 - raw[0])
    assert {"raw", "smoothed", "5 s"} <= set(texts(figure))
    assert not overlaps(figure)


def test_the_layers_of_a_network() -> None:
    face = emonets.load("paper").specialists["face"]
    figure = network_layers(face.network, title="Figure 3")
    assert texts(figure).count("64 × 40 × 40") == 1
    assert {"64 × 20 × 20", "64 × 10 × 10", "128 × 10 × 10", "128 × 5 × 5", "7 units"} <= set(
        texts(figure)
    )
    assert texts(figure).count("conv 5 × 5") == 3
    assert not overlaps(figure)
    with pytest.raises(DataError, match="is not drawn"):
        network_layers(emonets.load("modern").specialists["face"].network)


def test_wrong_panels() -> None:
    with pytest.raises(DataError, match="there is no panel"):
        confusion_panels([])
    with pytest.raises(DataError, match=r"A: expected counts \(7, 7\)"):
        confusion_panels([Panel("A", np.ones((6, 7)))])
    with pytest.raises(DataError, match=r"expected finite weights \(1, 7\), got \(2, 7\)"):
        weight_panels([Panel("A", np.ones((2, 7)), models=["face"])])
    with pytest.raises(DataError, match="expected 1 to 12 faces"):
        face_pairs(np.ones((2, 4, 4)), np.ones((1, 4, 4)), ["a", "b"])
