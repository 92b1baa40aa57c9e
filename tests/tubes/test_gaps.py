"""The search for a missed face by its colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.tubes.gaps import (
    GRID,
    REACH,
    colour_histogram,
    histogram_correlation,
    interpolate,
    sample_grid,
    search,
)


def smooth_noise(seed, height, width, low=0, high=255, grain=12):
    rng = np.random.default_rng(seed)
    small = rng.integers(low, high, (max(2, height // grain), max(2, width // grain), 3))
    return cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)


def scene(x, y, side, width=320, height=240):
    image = smooth_noise(1, height, width, 20, 90)
    image[y : y + side, x : x + side] = smooth_noise(2, side, side, 120, 250)
    return image


def test_histogram_counts():
    image = np.zeros((GRID, GRID, 3), np.uint8)
    image[: GRID // 2] = (255, 128, 16)
    histogram = colour_histogram(image, (0, 0, GRID, GRID))
    expected = np.zeros(48)
    expected[[0, 15, 16, 24, 32, 33]] = 0.5
    np.testing.assert_allclose(histogram, expected)


def test_correlation_is_pearsons():
    rng = np.random.default_rng(0)
    a, b = rng.random((5, 48)), rng.random((5, 48))
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(histogram_correlation(a, b), expected)
    assert histogram_correlation(np.full(48, 1 / 48), a[0]) == 0


@pytest.mark.parametrize("side", [24, 40, 80, 150])
@pytest.mark.parametrize("moved", [(0, 0), (1, 0), (-1, 1), (0.5, -0.7)])
def test_a_moved_face_is_found(side, moved):
    reach = side * REACH / GRID * 0.9
    x, y = round(80 + moved[0] * reach), round(50 + moved[1] * reach)
    before, now = scene(80, 50, side), scene(x, y, side)
    histogram = colour_histogram(before, (80, 50, 80 + side, 50 + side))
    found = search(
        now, histogram, (80, 50, 80 + side, 50 + side), expected=(x, y, x + side, y + side)
    )
    assert found is not None
    assert found.correlation > 0.97
    assert np.abs(found.box - (x, y, x + side, y + side)).max() <= max(2.0, 1.5 * side / GRID)


def test_a_face_that_moved_far_is_found_where_interpolation_expects_it():
    side = 60
    before, now = scene(40, 50, side), scene(150, 90, side)
    near = (40, 50, 100, 110)
    histogram = colour_histogram(before, near)
    assert search(now, histogram, near) is None
    found = search(now, histogram, near, expected=(146, 93, 206, 153))
    assert np.abs(found.box[:2] - (150, 90)).max() < 3.5


def test_a_hidden_face_is_not_found():
    near = (80, 50, 140, 110)
    histogram = colour_histogram(scene(80, 50, 60), near)
    assert search(smooth_noise(1, 240, 320, 20, 90), histogram, near) is None
    assert search(np.zeros((240, 320, 3), np.uint8), histogram, near) is None
    assert search(scene(80, 50, 60), histogram, near, min_correlation=1.0) is None


def test_correlations_equal_those_of_single_boxes():
    """Integral histograms are only a fast way to the histograms of all places."""
    image = scene(80, 50, 40)
    near = np.array([80.0, 50.0, 120.0, 90.0])
    histogram = colour_histogram(scene(83, 48, 40), near)
    found = search(image, histogram, near)
    single = histogram_correlation(colour_histogram(image, found.box), histogram)
    assert found.correlation == pytest.approx(float(single), abs=1e-12)


def test_the_found_box_has_the_expected_size():
    image = scene(80, 50, 40)
    histogram = colour_histogram(image, (80, 50, 120, 90))
    found = search(image, histogram, (80, 50, 120, 90), expected=(78, 48, 122, 92))
    np.testing.assert_allclose(found.box[2:] - found.box[:2], 44)


@settings(max_examples=60, deadline=None)
@given(
    box=st.tuples(*[st.floats(-2000, 2000)] * 2, *[st.floats(0.5, 3000)] * 2),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    margin=st.integers(0, REACH),
)
def test_samples_of_any_box_are_pixels_of_the_image(box, height, width, margin):
    image = np.full((height, width, 3), 77, np.uint8)
    x, y, w, h = box
    samples = sample_grid(image, (x, y, x + w, y + h), margin)
    assert samples.shape == (GRID + 2 * margin,) * 2 + (3,)
    assert (samples == 77).all()


def test_interpolation():
    np.testing.assert_allclose(interpolate([0, 10], [10, 30], 0.25), [2.5, 15])
