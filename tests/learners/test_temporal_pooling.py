"""Pooling over time against plain Python, its gradients against finite differences."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emonets.errors import DataError
from emonets.learners.pooled_perceptron.pooling import (
    StreamingPool,
    pool,
    pool_mean,
    pool_mean_gradient,
    pool_rows,
    pool_rows_gradient,
    top_rows,
)

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5)
WEIGHTS: list[tuple[float, ...] | None] = [(1.4, 0.6), (1.3, 0.7), (1.0,), (1.5, 1.0, 0.5), None]


def clips_of(lengths: list[int], seed: int, levels: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Activations, of so many different values that there are ties, and the clips' bounds."""
    random = np.random.default_rng(seed)
    a = random.normal(size=(sum(lengths), 3))
    return (np.round(a * levels) if levels else a), np.cumsum([0, *lengths])


def equation_1(column: list[float], weights: tuple[float, ...] | None) -> float:
    """One unit of one clip: sort, weigh, divide by N; missing ranks count for the last one."""
    if weights is None:
        return sum(column) / len(column)
    ranked = sorted(column, reverse=True)
    ranked += [ranked[-1]] * (len(weights) - len(ranked))
    top = ranked[: len(weights)]
    return sum(w * v for w, v in zip(weights, top, strict=True)) / len(weights)


@pytest.mark.parametrize("weights", WEIGHTS)
@given(LENGTHS, st.integers(0, 99), st.sampled_from([0, 1]))
@settings(max_examples=40, deadline=None)
def test_equals_a_plain_sort(
    weights: tuple[float, ...] | None, lengths: list[int], seed: int, levels: int
) -> None:
    a, bounds = clips_of(lengths, seed, levels)
    got = pool(a, bounds, weights)
    expected = [
        [equation_1(a[start:end, unit].tolist(), weights) for unit in range(3)]
        for start, end in pairwise(bounds)
    ]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@given(LENGTHS, st.integers(0, 99), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_rows_lie_in_their_clip_and_are_ranked(lengths: list[int], seed: int, count: int) -> None:
    a, bounds = clips_of(lengths, seed, 1)
    rows = top_rows(a, bounds, count)
    for clip, (start, end) in zip(rows, pairwise(bounds), strict=True):
        assert (clip >= start).all()
        assert (clip < end).all()
        for unit in range(3):
            there = clip[: end - start, unit]
            assert len(set(there.tolist())) == min(count, end - start)  # a frame is taken once
            assert (np.diff(a[clip[:, unit], unit]) <= 0).all()


def test_missing_ranks_give_their_weight_to_the_last() -> None:
    one = np.array([[2.0, -3.0]])
    np.testing.assert_allclose(pool(one, np.array([0, 1]), (1.4, 0.6)), one)
    two = np.array([[2.0], [4.0]])
    got = pool(two, np.array([0, 2]), (1.5, 1.0, 0.5))
    np.testing.assert_allclose(got, [[(1.5 * 4 + 1.5 * 2) / 3]])


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("lengths", [[5, 1, 2, 7], [1, 1, 1], [4]])
def test_gradients(weights: tuple[float, ...] | None, lengths: list[int]) -> None:
    a, bounds = clips_of(lengths, 3)
    by_pooled = np.random.default_rng(4).normal(size=(len(lengths), 3))
    if weights is None:
        got = pool_mean_gradient(by_pooled, bounds)
    else:
        rows = top_rows(a, bounds, len(weights))
        got = pool_rows_gradient(by_pooled, rows, weights, len(a))
    expected, h = np.empty_like(a), 1e-6
    for index in np.ndindex(a.shape):
        higher, lower = a.copy(), a.copy()
        higher[index] += h
        lower[index] -= h
        change = pool(higher, bounds, weights) - pool(lower, bounds, weights)
        expected[index] = (change * by_pooled).sum() / (2 * h)
    np.testing.assert_allclose(got, expected, atol=1e-8)


def test_a_tie_sends_each_rank_to_one_frame() -> None:
    a, bounds = np.ones((4, 2)), np.array([0, 4])
    rows = top_rows(a, bounds, 2)
    np.testing.assert_array_equal(rows[0], [[0, 0], [1, 1]])
    got = pool_rows_gradient(np.ones((1, 2)), rows, (1.4, 0.6), 4)
    np.testing.assert_allclose(got[:, 0], [0.7, 0.3, 0, 0])


def test_distinct_passes_over_equal_values() -> None:
    a = np.array([[5.0, 1.0], [5.0, 1.0], [3.0, 1.0], [4.0, 1.0]])
    rows = top_rows(a, np.array([0, 4]), 2, distinct=True)
    np.testing.assert_array_equal(rows[0, :, 0], [0, 3])
    # No second value: the first counts for both
    np.testing.assert_array_equal(rows[0, :, 1], [0, 0])
    np.testing.assert_allclose(pool_rows(a, rows, (1.4, 0.6)), [[0.7 * 5 + 0.3 * 4, 1.0]])


def test_float32_stays_float32() -> None:
    a, bounds = clips_of([3, 2], 0)
    a = a.astype(np.float32)
    rows = top_rows(a, bounds, 2)
    pooled = pool_rows(a, rows, (1.4, 0.6))
    assert pooled.dtype == pool_mean(a, bounds).dtype == np.float32
    assert pool_rows_gradient(pooled, rows, (1.4, 0.6), 5).dtype == np.float32
    assert pool_mean_gradient(pooled, bounds).dtype == np.float32


@pytest.mark.parametrize("weights", WEIGHTS)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=6), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_pieces_give_what_the_whole_gives(
    weights: tuple[float, ...] | None, pieces: list[int], seed: int
) -> None:
    a, _ = clips_of([sum(pieces)] if sum(pieces) else [1], seed, 2)
    pieces = pieces if sum(pieces) else [1]
    stream = StreamingPool(weights)
    for start, end in pairwise(np.cumsum([0, *pieces])):
        stream.add(a[start:end])
    assert stream.frames == len(a)
    whole = pool(a, np.array([0, len(a)]), weights)[0]
    np.testing.assert_allclose(stream.value(), whole, rtol=0, atol=1e-12)


def test_memory_does_not_grow() -> None:
    stream = StreamingPool((1.3, 0.7))
    for seed in range(20):
        stream.add(np.random.default_rng(seed).normal(size=(50, 3)))
    assert stream._kept is not None
    assert stream._kept.shape == (2, 3)


def test_nothing_to_pool() -> None:
    stream = StreamingPool(None)
    stream.add(np.empty((0, 3)))
    with pytest.raises(DataError, match="at least one frame"):
        stream.value()
