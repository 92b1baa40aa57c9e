"""Clips as arrays: drawing frames, holding out, targets. The estimators' tests have bad input."""

from __future__ import annotations

import numpy as np
import pytest

from emonets.errors import ParameterError
from emonets.learners.pooled_perceptron.clips import (
    class_targets,
    clip_bounds,
    clip_weights,
    gather,
    hold_out,
)


def test_frames_are_drawn_from_their_clip() -> None:
    random = np.random.default_rng(0)
    clips = [np.arange(n, dtype=np.float32)[:, None] + 1000 * i for i, n in enumerate((5, 300, 98))]
    drawn, bounds = gather(clips, 98, np.empty((300, 1), np.float32), random)
    assert bounds.tolist() == [0, 5, 103, 201]
    np.testing.assert_array_equal(drawn[:5], clips[0])
    np.testing.assert_array_equal(drawn[103:], clips[2])
    middle = drawn[5:103, 0]
    assert (np.diff(middle) > 0).all()
    assert set(middle) <= set(clips[1][:, 0])
    again, _ = gather(clips, 98, np.empty((300, 1), np.float32), random)
    assert set(again[5:103, 0]) != set(middle)


def test_held_out_groups_are_whole() -> None:
    groups = np.repeat(np.arange(10), 3)
    for seed in range(5):
        train, out = hold_out(30, 0.2, groups, np.random.default_rng(seed))
        assert sorted([*train, *out]) == list(range(30))
        assert not set(groups[train]) & set(groups[out])
        assert 3 <= len(out) <= 9
    with pytest.raises(ParameterError, match="leaves nothing"):
        hold_out(4, 0.2, np.zeros(4), np.random.default_rng(0))


def test_targets_of_labels_and_of_probabilities() -> None:
    targets, classes = class_targets(["b", "a", "b"], 3)
    assert classes.tolist() == ["a", "b"]
    np.testing.assert_array_equal(targets, [[0, 1], [1, 0], [0, 1]])
    known, _ = class_targets([4, 4], 2, np.array([2, 4, 6]))
    np.testing.assert_array_equal(known, [[0, 1, 0], [0, 1, 0]])
    soft, classes = class_targets([[0.2, 0.8], [1.0, 0.0]], 2)
    assert classes.tolist() == [0, 1]
    np.testing.assert_array_equal(soft, [[0.2, 0.8], [1.0, 0.0]])


def test_balanced_weights_are_one_on_average() -> None:
    targets, classes = class_targets([0, 0, 0, 1], 4)
    balanced = clip_weights(targets, "balanced", classes)
    np.testing.assert_allclose(balanced[:, 0], [2 / 3, 2 / 3, 2 / 3, 2])
    np.testing.assert_array_equal(clip_weights(targets, {1: 5.0}, classes)[:, 0], [1, 1, 1, 5])
    np.testing.assert_array_equal(clip_weights(targets, None, classes), np.ones((4, 1)))


def test_bounds_are_running_sums_of_lengths() -> None:
    assert clip_bounds([np.zeros((n, 2)) for n in (3, 1, 4)]).tolist() == [0, 3, 4, 8]
