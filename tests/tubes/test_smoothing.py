"""Smoothing of a tube's boxes (paper 3.1.3)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emonets.errors import DataError, ParameterError
from emonets.tubes.smoothing import (
    adaptive_average,
    centred_squares,
    moving_average,
    smooth_boxes,
    smooth_sides,
)


def squares(x, y, side):
    x, y, side = np.broadcast_arrays(
        np.asarray(x, float), np.asarray(y, float), np.asarray(side, float)
    )
    return np.stack([x - side / 2, y - side / 2, x + side / 2, y + side / 2], axis=1)


@settings(max_examples=50, deadline=None)
@given(
    values=arrays(float, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-1e4, 1e4)),
    half=st.integers(0, 6),
)
def test_moving_average_equals_a_loop(values, half):
    expected = [values[max(0, i - half) : i + half + 1].mean(axis=0) for i in range(len(values))]
    np.testing.assert_allclose(moving_average(values, 2 * half + 1), expected, atol=1e-7)


def test_the_paper_smooths_corners_then_centres():
    rng = np.random.default_rng(0)
    boxes = squares(100 + rng.normal(0, 3, 40), 80, 50) + rng.normal(0, 2, (40, 4))
    corners = np.stack([boxes[max(0, i - 5) : i + 6].mean(axis=0) for i in range(40)])
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    centres = np.stack([centres[max(0, i - 5) : i + 6].mean(axis=0) for i in range(40)])
    side = np.minimum(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]).mean()
    smooth = smooth_boxes(boxes)
    np.testing.assert_allclose(smooth, squares(centres[:, 0], centres[:, 1], side), atol=1e-9)


def test_squares_fit_inside():
    centres, sides = centred_squares([[0, 0, 10, 20], [5, 5, 25, 9]])
    assert centres.tolist() == [[5, 10], [15, 7]]
    assert sides.tolist() == [10, 4]
    smooth = smooth_boxes(np.tile([10.0, 20.0, 70.0, 60.0], (15, 1)))
    np.testing.assert_allclose(smooth, np.tile([20.0, 20.0, 60.0, 60.0], (15, 1)))


@pytest.mark.parametrize("n", [1, 2, 5, 11, 40])
@pytest.mark.parametrize("method", ["paper", "authors"])
def test_a_still_face_stays(n, method):
    boxes = np.tile([10.0, 20.0, 70.0, 80.0], (n, 1))
    np.testing.assert_allclose(smooth_boxes(boxes, method=method), boxes, atol=1e-9)


def test_steady_motion_is_kept_within_and_jitter_goes():
    rng = np.random.default_rng(1)
    path = squares(100 + 2.0 * np.arange(60), 90, 50)
    np.testing.assert_allclose(smooth_boxes(path)[10:-10], path[10:-10], atol=1e-9)
    shaken = path + rng.normal(0, 3, path.shape)
    inner = slice(10, -10)
    before = np.abs(shaken - path)[inner].mean()
    assert np.abs(smooth_boxes(shaken) - path)[inner].mean() < before / 2


@pytest.mark.parametrize(("factor", "line"), [(1.4, False), (1.6, True), (3.0, True)])
@pytest.mark.parametrize("shrinks", [False, True])
def test_side_lengths_follow_a_line_only_if_they_change_enough(factor, line, shrinks):
    sides = np.linspace(50, 50 * factor, 30)[:: -1 if shrinks else 1]
    smooth = smooth_sides(sides, np.arange(30))
    expected = sides if line else np.full(30, sides.mean())
    np.testing.assert_allclose(smooth, expected)


def test_the_line_is_fitted_against_time():
    times = np.concatenate([np.linspace(0, 1, 20), np.linspace(1.5, 4, 10)])
    sides = 40 + 30 * times
    np.testing.assert_allclose(smooth_sides(sides, times), sides)
    np.testing.assert_allclose(smooth_sides(sides, np.zeros(30)), sides.mean())


@settings(max_examples=50, deadline=None)
@given(sides=arrays(float, st.integers(1, 30), elements=st.floats(1, 1e4)))
def test_side_lengths_stay_in_the_measured_range(sides):
    for per_frame in (False, True):
        smooth = smooth_sides(sides, np.arange(len(sides)), per_frame=per_frame)
        assert np.isfinite(smooth).all()
        if not per_frame:
            assert smooth.min() >= sides.min() * (1 - 1e-12)
            assert smooth.max() <= sides.max() * (1 + 1e-12)


def test_the_authors_rule_is_per_frame():
    sides = np.array([10.0] * 9 + [40.0])
    smooth = smooth_sides(sides, np.arange(10), per_frame=True)
    np.testing.assert_allclose(smooth[:9], sides.mean())
    assert smooth[9] > sides.mean()


def test_the_authors_average_keeps_steps():
    step = np.where(np.arange(30) < 15, 100.0, 200.0)[:, None]
    np.testing.assert_allclose(adaptive_average(step), step)
    blurred = moving_average(step)
    assert 100 < blurred[14, 0] < 200
    small = np.where(np.arange(30) < 15, 100.0, 104.0)[:, None]
    np.testing.assert_allclose(adaptive_average(small), moving_average(small))


def test_bad_input():
    good = np.tile([0.0, 0.0, 9.0, 9.0], (4, 1))
    with pytest.raises(DataError, match="shape"):
        smooth_boxes(good[:, :3])
    with pytest.raises(DataError, match="finite"):
        smooth_boxes(np.where(np.eye(4) > 0, np.nan, good))
    with pytest.raises(DataError, match="times"):
        smooth_boxes(good, np.arange(3))
    with pytest.raises(ParameterError, match="window"):
        smooth_boxes(good, window=4)
    with pytest.raises(ParameterError, match="threshold"):
        smooth_boxes(good, threshold=0.9)
    with pytest.raises(ParameterError, match="method"):
        smooth_boxes(good, method="other")
    assert smooth_boxes(np.zeros((0, 4))).shape == (0, 4)
