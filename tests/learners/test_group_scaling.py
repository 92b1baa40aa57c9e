"""Scores normalised by the person."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from emonets.errors import BundleError, ParameterError
from emonets.learners import group_scaling
from emonets.learners.group_scaling import (
    Reference,
    log_scores,
    moments_of,
    normalise_by_person,
    reference_of,
    scale_groups,
    shift_by_baseline,
)

SEEDS = st.integers(0, 2**32 - 1)


def people(seed: int, clips: int = 12, persons: int = 5, bias: float = 2.0):
    """Probabilities, labels and persons; each person leans to classes of their own."""
    random = np.random.default_rng(seed)
    y = np.tile(np.arange(7), (persons, clips // 7 + 1))[:, :clips]
    scores = 2.0 * np.eye(7)[y] + random.normal(size=(persons, clips, 7))
    scores += bias * random.normal(size=(persons, 1, 7))
    return (
        softmax(scores, axis=2).reshape(-1, 7),
        y.ravel(),
        np.repeat([f"p{i}" for i in range(persons)], clips),
    )


def scale_group(scores: np.ndarray, material: np.ndarray, reference: Reference) -> np.ndarray:
    """Of one person."""
    own = moments_of(material, np.zeros(len(material), np.intp), 1)
    return scale_groups(scores, np.zeros(len(scores), np.intp), own, reference)


def test_examples() -> None:
    assert doctest.testmod(group_scaling).failed == 0


def test_what_a_person_leans_to_is_taken_out() -> None:
    gains = []
    for seed in range(5):
        p, y, persons = people(seed, clips=28)
        after = normalise_by_person(p, persons)
        gains.append((after.argmax(1) == y).mean() - (p.argmax(1) == y).mean())
    assert np.mean(gains) > 0.1


def test_more_material_means_more() -> None:
    p, _, persons = people(3, clips=40)
    scores = log_scores(p)
    reference = reference_of(scores[persons != "p0"], persons[persons != "p0"])
    own = scores[persons == "p0"]
    moved = [
        float(np.abs(scale_group(own[:1], own[:1].repeat(n, 0), reference) - own[:1]).mean())
        for n in (1, 4, 16, 64)
    ]
    assert moved == sorted(moved)
    assert moved[0] < 0.2 * moved[-1]


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(2, 30))
def test_rows_are_probabilities_and_order_does_not_matter(seed: int, clips: int) -> None:
    p, _, persons = people(seed, clips)
    after = normalise_by_person(p, persons)
    assert after.shape == p.shape
    assert (after >= 0).all()
    np.testing.assert_allclose(after.sum(axis=1), 1)
    order = np.random.default_rng(seed).permutation(len(p))
    shuffled = normalise_by_person(p[order], persons[order])
    np.testing.assert_allclose(shuffled, after[order], atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_only_the_person_and_the_reference_count(seed: int) -> None:
    p, _, persons = people(seed)
    reference = reference_of(log_scores(p), persons)
    own = persons == "p1"
    alone = normalise_by_person(p[own], persons[own], reference)
    np.testing.assert_allclose(normalise_by_person(p, persons, reference)[own], alone, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_a_person_like_the_others_stays(seed: int) -> None:
    scores = log_scores(people(seed)[0])
    # deviation of n - 1, as the reference has it
    reference = Reference(scores.mean(axis=0), scores.std(axis=0, ddof=1))
    np.testing.assert_allclose(scale_group(scores, scores, reference), scores, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.floats(-3, 3))
def test_a_constant_of_the_person_has_less_effect(seed: int, lean: float) -> None:
    p, _, persons = people(seed, clips=30, bias=0.0)
    scores = log_scores(p)
    reference = reference_of(scores, persons)
    own = scores[persons == "p0"]
    leaning = own + lean * np.eye(7)[2]
    before = np.abs(leaning - own).max()
    after = np.abs(
        scale_group(leaning, leaning, reference) - scale_group(own, own, reference)
    ).max()
    assert after <= before + 1e-9


def test_one_clip_and_one_person_stay() -> None:
    p, _, persons = people(0)
    one = np.array(["lone", *persons[1:]])
    after = normalise_by_person(p, one)
    assert np.array_equal(after[0], p[0])
    assert not np.allclose(after[1:], p[1:])
    assert np.array_equal(normalise_by_person(p, ["same"] * len(p)), p)
    assert normalise_by_person(np.zeros((0, 7)), []).shape == (0, 7)


def test_a_class_that_a_model_does_not_know_stays_at_zero() -> None:
    p, _, persons = people(0)
    p[:, 1] = 0
    p /= p.sum(axis=1, keepdims=True)
    after = normalise_by_person(p, persons)
    assert (after[:, 1] == 0).all()
    np.testing.assert_allclose(after.sum(axis=1), 1)


def test_a_baseline_moves_towards_the_rest_of_others() -> None:
    rest = np.array([0.0, 0.0, 3.0])
    baseline = np.array([[2.0, 0.0, 0.0]])
    assert shift_by_baseline(baseline, baseline, rest).argmax() == 2
    parts = [shift_by_baseline(baseline, baseline, rest, share)[0, 0] for share in (0, 0.5, 1)]
    assert parts == [2.0, 1.0, 0.0]
    with pytest.raises(ParameterError, match="strength must be"):
        shift_by_baseline(baseline, baseline, rest, 1.5)


def test_wrong_input_is_refused() -> None:
    p, _, persons = people(0)
    with pytest.raises(ParameterError, match="with a person each"):
        normalise_by_person(p, persons[1:])
    with pytest.raises(ParameterError, match="finite"):
        normalise_by_person(np.full((2, 7), np.nan), ["a", "b"])
    with pytest.raises(ParameterError, match="weight must be above 0"):
        normalise_by_person(p, persons, weight=0)


def test_a_reference_is_stored() -> None:
    p, y, persons = people(0)
    made = reference_of(log_scores(p), persons, y == 6)
    back = Reference.from_arrays(made.to_arrays(), 7)
    for name in ("mean", "spread", "rest"):
        assert np.array_equal(getattr(back, name), getattr(made, name))
    assert reference_of(log_scores(p), persons).rest is None
    with pytest.raises(BundleError, match="shape"):
        Reference.from_arrays(made.to_arrays(), 6)
    with pytest.raises(BundleError, match="spread below 0"):
        Reference.from_arrays({**made.to_arrays(), "spread": -made.spread}, 7)
    with pytest.raises(BundleError, match="missing"):
        Reference.from_arrays({"mean": made.mean}, 7)
