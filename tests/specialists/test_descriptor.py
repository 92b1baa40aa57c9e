"""From the frames of a clip to its descriptor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import DataError, ParameterError
from emonets.specialists import descriptor


def frames(n: int, seed: int = 0, k: int = 7) -> Any:
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def test_allocation_is_the_authors() -> None:
    assert descriptor.allocate(77, 10).tolist() == [8, 8, 8, 8, 8, 7, 8, 7, 8, 7]
    assert descriptor.allocate(10, 7).tolist() == [1, 2, 1, 2, 1, 2, 1]
    assert descriptor.allocate(10, 3).tolist() == [3, 4, 3]


@given(st.integers(0, 500), st.integers(1, 40))
def test_allocation_gives_everything_away_evenly(items: int, slots: int) -> None:
    sizes = descriptor.allocate(items, slots)
    assert sizes.sum() == items
    assert sizes.max() - sizes.min() <= 1


def test_averaging() -> None:
    p = frames(77)
    got = descriptor.segments(p).reshape(10, 7)
    np.testing.assert_allclose(got[0], p[:8].mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(got[5], p[40:47].mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(got[9], p[70:].mean(axis=0), atol=1e-15)


def test_expansion() -> None:
    p = frames(3)
    got = descriptor.segments(p).reshape(10, 7)
    np.testing.assert_array_equal(got, p[[0, 0, 0, 1, 1, 1, 1, 2, 2, 2]])
    np.testing.assert_array_equal(descriptor.segments(frames(10)), frames(10).ravel())


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_segments_are_distributions_within_the_frames_range(n: int, slots: int, seed: int) -> None:
    p = frames(n, seed)
    got = descriptor.segments(p, slots=slots)
    assert got.shape == (slots * 7,)
    rows = got.reshape(slots, 7)
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, atol=1e-12)
    assert (rows >= p.min(axis=0) - 1e-12).all()
    assert (rows <= p.max(axis=0) + 1e-12).all()


def test_summaries() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.5, 0.4], [0.2, 0.6, 0.2], [0.9, 0.1, 0.0]])
    np.testing.assert_allclose(descriptor.mean(p), [0.425, 0.375, 0.2])
    np.testing.assert_array_equal(descriptor.count(p), [0.5, 0.5, 0.0])
    # Class 0 wins 0.5 + 0.9, class 1 wins 0.5 + 0.6
    assert descriptor.classification(p) == 0
    # The majority and the mean may differ from the confident frames
    q = np.array([[0.9, 0.1], [0.45, 0.55], [0.49, 0.51]])
    assert descriptor.classification(q) == 1
    assert descriptor.mean(q).argmax() == 0


def test_ties_go_to_the_first_class() -> None:
    assert descriptor.classification([[0.5, 0.5]]) == 0
    np.testing.assert_array_equal(descriptor.count([[0.5, 0.5]]), [1.0, 0.0])


def test_faces_of_one_frame_are_averaged_and_time_is_put_in_order() -> None:
    number, p = descriptor.merge_frames([5, 2, 5], [[1.0, 0.0], [0.2, 0.8], [0.0, 1.0]])
    assert number.tolist() == [2, 5]
    np.testing.assert_allclose(p, [[0.2, 0.8], [0.5, 0.5]])


def test_a_clip_of_several_tubes() -> None:
    a, b = frames(12, 1), frames(9, 2)
    tubes = [(np.arange(12), a), (np.arange(20, 29), b)]
    expected = descriptor.segments(np.vstack([a, b]))
    got = descriptor.describe_tubes(tubes)
    assert got is not None
    np.testing.assert_allclose(got, expected, atol=1e-15)
    overlapping = [(np.arange(12), a), (np.arange(5, 14), b), (np.array([], int), np.empty((0, 7)))]
    there, back = (descriptor.describe_tubes(t) for t in (overlapping, overlapping[::-1]))
    np.testing.assert_array_equal(there, back)


def test_a_clip_without_a_face_has_no_descriptor() -> None:
    assert descriptor.describe_tubes([]) is None
    assert descriptor.describe_tubes([(np.array([], int), np.empty((0, 7)))]) is None


@pytest.mark.parametrize(
    "bad",
    [np.empty((0, 7)), np.empty((3, 0)), np.ones(7), [[np.nan] * 7], [[np.inf] * 7], [["x"] * 7],
     [[1.0], [1.0, 2.0]]],
)  # fmt: skip
def test_bad_probabilities(bad: Any) -> None:
    for function in (
        descriptor.segments, descriptor.mean, descriptor.count, descriptor.classification,
    ):  # fmt: skip
        with pytest.raises(DataError):
            function(bad)


def test_bad_arguments() -> None:
    for slots in (0, -1, 2.5, True, "10"):
        with pytest.raises(ParameterError, match="slots"):
            descriptor.segments(frames(3), slots=slots)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="do not fit"):
        descriptor.merge_frames([1, 2], frames(3))
    with pytest.raises(DataError, match="whole"):
        descriptor.merge_frames([0.5, 1.0, 2.0], frames(3))
    with pytest.raises(DataError, match="different numbers of classes"):
        descriptor.describe_tubes([([0], frames(1)), ([1], frames(1, k=6))])
    with pytest.raises(DataError):
        descriptor.describe_tubes([([0, 1], frames(1))])
