"""Pictures of a model of mouths: what they are drawn from, and that they are drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from test_bag_of_patches import pictures

from drawn import texts
from emonets.errors import DataError
from emonets.evaluation import figures
from emonets.evaluation.figures import dictionary, region_evidence, save
from emonets.evaluation.figures.mouth import _cells
from emonets.learners.patches.bag import BagOfPatches, regions


def test_evidence_by_hand() -> None:
    # two regions of one feature each, two classes: class 0 has more of the first
    features = np.array([[3.0, 1.0], [3.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    coefficients = np.array([[1.0, 5.0], [0.0, 7.0]])
    evidence = region_evidence(coefficients, features, [0, 0, 1, 1], 2)
    # the first feature lies 1 from its mean, and weighs half more and half less than on average
    np.testing.assert_allclose(evidence, [[0.5, 0.0], [0.5, 0.0]])


def test_what_all_classes_share_is_no_evidence() -> None:
    random = np.random.default_rng(0)
    x, w, y = random.random((60, 12)), random.normal(size=(3, 12)), np.arange(60) % 3
    evidence = region_evidence(w, x, y, 4)
    np.testing.assert_allclose(region_evidence(w + random.normal(size=12), x, y, 4), evidence)
    np.testing.assert_allclose(region_evidence(w, x + 5, y, 4), evidence)
    without = region_evidence(w, x[y != 1], y[y != 1], 4)
    assert np.isnan(without[1]).all()
    assert np.isfinite(without[[0, 2]]).all()


def test_what_does_not_go_together() -> None:
    with pytest.raises(DataError, match="do not match"):
        region_evidence(np.zeros((3, 12)), np.zeros((5, 12)), np.zeros(5), 5)


def test_cells_lie_around_the_middles_of_patches() -> None:
    rows, columns = _cells(regions((30, 40)), 8)
    assert rows == [3.5, 8.5, 14, 19.5, 24.5]
    assert columns == [3.5, 11.5, 19.5, 27.5, 35.5]


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
def test_pictures_are_drawn(shape: tuple[int, ...], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    x = pictures(20, shape)
    bag = BagOfPatches(n_clusters=6, max_iter=2, random_state=0).fit(x)
    one = dictionary(bag, title="words")
    assert len(one.axes) == 16
    means = [None, *(x[k].reshape(30, 40, -1).mean(axis=2) for k in range(6))]
    evidence = np.random.default_rng(0).normal(size=(7, 16))
    evidence[0] = np.nan
    two = figures.regions(evidence, means, bag.regions_, title="regions")
    assert len(two.axes) == 2 * 6 + 1  # and the colour bar
    assert {"disgust", "neutral", "regions"} <= set(texts(two))
    for name, figure in (("one", one), ("two", two)):
        drawn = cv2.imread(str(save(figure, tmp_path / f"{name}.png")))
        assert drawn is not None
        assert drawn.std() > 10
    with pytest.raises(DataError, match="no mean mouth"):
        figures.regions(evidence, [None] * 7, bag.regions_)
