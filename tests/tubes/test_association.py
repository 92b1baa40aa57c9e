"""Costs and one-to-one matching of tubes and boxes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emonets.tubes.association import (
    AssociationLimits,
    association_costs,
    centre_distance,
    match,
    overlap,
    size_difference,
)


def box(x, y, side):
    return [x, y, x + side, y + side]


def test_measures_of_pairs():
    a, b = [box(0, 0, 10), box(100, 0, 10)], [box(5, 0, 10), box(0, 0, 20), box(100, 0, 10)]
    np.testing.assert_allclose(overlap(a, b), [[0.5, 100 / 250, 0], [0, 0, 1]])
    assert centre_distance(a, b)[0, 0] == pytest.approx(0.5)
    assert size_difference(a, b)[0, 1] == pytest.approx(np.hypot(10, 10) / np.sqrt(250))
    assert overlap(np.zeros((0, 4)), b).shape == (0, 3)


def costs(last, boxes, elapsed=0.04, **more):
    return association_costs(last, boxes, np.full(len(last), elapsed), **more)


def test_the_same_box_costs_nothing_and_worse_pairs_more():
    last = [box(50, 50, 40)]
    boxes = [box(50, 50, 40), box(60, 50, 40), box(50, 50, 50), box(75, 75, 40)]
    values = costs(last, boxes)[0]
    assert values[0] == pytest.approx(0)
    assert 0 < values[1] < values[3] < 1
    assert 0 < values[2] < 1


def test_impossible_pairs():
    last = [box(50, 50, 40)]
    boxes = [
        box(100, 50, 40),
        box(86.9, 50, 40),
        box(86.5, 50, 40),
        box(50, 50, 130),
        box(5, 5, 130),
    ]
    values = costs(last, boxes)[0]
    assert np.isinf(values[0])  # apart
    assert np.isinf(values[1])  # overlap below 0.08
    assert np.isfinite(values[2])
    assert np.isinf(values[3:]).all()  # areas differ by more than 10


def test_limits_widen_with_time():
    last, boxes = [box(50, 50, 40)], [box(95, 50, 40)]
    assert np.isinf(costs(last, boxes, 0.04)).all()
    assert np.isfinite(costs(last, boxes, 0.5)).all()
    assert np.isinf(costs(last, [box(150, 50, 40)], 0.5)).all()


def test_motion_and_colours_have_a_say():
    last = [box(50, 50, 40)]
    ahead = costs(last, [box(90, 50, 40)], predicted=[box(88, 50, 40)])
    assert np.isfinite(ahead).all()
    boxes = [box(70, 50, 40)]
    alike, unlike = (costs(last, boxes, likeness=[[c]])[0, 0] for c in (0.95, 0.5))
    assert alike < unlike < np.inf
    boxes = [box(85, 50, 40)]
    assert np.isfinite(costs(last, boxes, likeness=[[0.95]])).all()
    assert np.isinf(costs(last, boxes, likeness=[[-0.5]])).all()
    strict = AssociationLimits(min_overlap=0.9)
    assert np.isinf(costs(last, boxes, limits=strict)).all()


def test_the_matching_is_optimal_not_greedy():
    # greedy takes 0.1 and leaves the other tube without a box
    rows, columns = match([[0.1, 0.2], [0.2, np.inf]])
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_a_dear_pair_is_better_left_alone():
    rows, columns = match([[0.05, 0.98], [0.98, np.inf]])
    assert (rows.tolist(), columns.tolist()) == ([0], [0])
    for empty in (np.zeros((0, 3)), np.zeros((2, 0)), np.full((2, 2), np.inf), [[np.nan, 1.0]]):
        rows, columns = match(empty)
        assert len(rows) == len(columns) == 0


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        float,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        elements=st.one_of(st.floats(0, 1.2), st.just(np.inf)),
    )
)
def test_matching_equals_exhaustive_search(values):
    rows, columns = match(values)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(columns.tolist())) == len(columns)
    assert (values[rows, columns] < 1).all()
    n, m = values.shape
    square = np.ones((max(n, m), max(n, m)))
    square[:n, :m] = np.minimum(values, 1.0)
    best = min(
        square[np.arange(len(square)), list(p)].sum() for p in permutations(range(len(square)))
    )
    ours = values[rows, columns].sum() + (len(square) - len(rows))
    assert ours == pytest.approx(best)


@settings(max_examples=40, deadline=None)
@given(
    arrays(float, (3, 3), elements=st.floats(-500, 500)),
    st.floats(0.1, 10),
    st.floats(-300, 300),
)
def test_costs_do_not_depend_on_the_scale_or_place_of_the_picture(values, factor, shift):
    a = np.concatenate([values[:, :2], values[:, :2] + 30 + np.abs(values[:, 2:])], axis=1)
    b = a[::-1] + 7.0
    plain = costs(a, b, 0.2)
    moved = costs(a * factor + shift, b * factor + shift, 0.2)
    finite = np.isfinite(plain) & np.isfinite(moved)
    np.testing.assert_allclose(plain[finite], moved[finite], atol=1e-6)
    # only pairs exactly at a limit may differ
    assert (np.isfinite(plain) != np.isfinite(moved)).sum() <= 1
