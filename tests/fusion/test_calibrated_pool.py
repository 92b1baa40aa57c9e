"""The calibrated pool: what it is for any numbers, and how its numbers are chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emonets.errors import BundleError, ParameterError
from emonets.fusion.average import ProductFusion
from emonets.fusion.base import read_fusion
from emonets.fusion.calibrated_pool import (
    CalibratedPool,
    ChoosingSet,
    choose_pool,
    shared_offsets,
    uar_of,
)
from emonets.fusion.calibration import with_temperature
from emonets.fusion.common import FusionDataError
from fusion_data import predictions

HEAT = st.floats(0.2, 5.0)
WEIGHT = st.floats(0.05, 3.0)
FEW = settings(max_examples=15, deadline=None)
SEED = st.integers(0, 1000)


def made(n: int, m: int, seed: int) -> NDArray[np.float64]:
    return predictions(n, m, seed=seed)[0]


@FEW
@given(SEED, HEAT, HEAT, WEIGHT, WEIGHT)
def test_one_model_alone_is_at_its_temperature_whatever_its_weight(
    seed: int, t0: float, t1: float, w0: float, w1: float
) -> None:
    p = made(14, 2, seed)
    found = np.zeros((14, 2), bool)
    found[:7, 0] = found[7:, 1] = True
    fused = CalibratedPool.of([t0, t1], [w0, w1]).predict_proba(p, found=found)
    expected = np.concatenate([with_temperature(p[:7, 0], t0), with_temperature(p[7:, 1], t1)])
    np.testing.assert_allclose(fused, expected, atol=1e-9)
    alone = np.where(np.arange(14) < 7, 0, 1)
    np.testing.assert_array_equal(fused.argmax(1), p[np.arange(14), alone].argmax(1))


@FEW
@given(SEED, HEAT, HEAT, WEIGHT, WEIGHT)
def test_the_order_of_models_does_not_matter(
    seed: int, t0: float, t1: float, w0: float, w1: float
) -> None:
    p = made(14, 2, seed)
    one = CalibratedPool.of([t0, t1], [w0, w1]).predict_proba(p)
    other = CalibratedPool.of([t1, t0], [w1, w0]).predict_proba(p[:, ::-1])
    np.testing.assert_allclose(one, other, atol=1e-12)
    np.testing.assert_allclose(one.sum(axis=1), 1.0)


@FEW
@given(SEED, HEAT, HEAT, WEIGHT, WEIGHT, st.floats(0.3, 3.0))
def test_the_sum_of_the_weights_changes_no_label(
    seed: int, t0: float, t1: float, w0: float, w1: float, scale: float
) -> None:
    p = made(14, 2, seed)
    one = CalibratedPool.of([t0, t1], [w0, w1]).predict_proba(p)
    other = CalibratedPool.of([t0, t1], [scale * w0, scale * w1]).predict_proba(p)
    np.testing.assert_array_equal(other.argmax(1), one.argmax(1))
    assert ((other.max(1) >= one.max(1)) == (scale >= 1)).all() or scale == 1


@FEW
@given(SEED)
def test_with_temperatures_and_weights_of_one_it_is_the_product(seed: int) -> None:
    p = made(14, 3, seed)
    np.testing.assert_allclose(
        CalibratedPool.of([1, 1, 1], [1, 1, 1]).predict_proba(p),
        ProductFusion().fit(p).predict_proba(p),
        atol=1e-12,
    )


def test_without_a_weight_a_model_counts_only_where_no_other_found_anything() -> None:
    p = made(7, 3, 0)
    pool = CalibratedPool.of([2.0, 1.0, 1.0], [1.0, 0.0, 0.0])
    np.testing.assert_allclose(pool.predict_proba(p), with_temperature(p[:, 0], 2.0), atol=1e-9)
    rest = np.tile([False, True, True], (7, 1))
    product = p[:, 1] * p[:, 2]
    np.testing.assert_allclose(
        pool.predict_proba(p, found=rest), product / product.sum(1, keepdims=True), atol=1e-9
    )
    nothing = np.zeros((7, 3), bool)
    np.testing.assert_allclose(pool.predict_proba(p, found=nothing), 1 / 7)


def test_confidence_of_a_corpus_is_mended() -> None:
    """Probabilities that are three times too sharp get the temperature 3."""
    random = np.random.default_rng(0)
    z = random.normal(0, 1.5, size=(6000, 7))
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    y = (p.cumsum(1) < random.random((6000, 1))).sum(1)
    sharp = with_temperature(p, 1 / 3)[:, None]
    pool = choose_pool([ChoosingSet("made", sharp, y, np.ones((6000, 1), bool))])
    assert pool.temperatures_[0] == pytest.approx(3.0, rel=0.1)
    np.testing.assert_allclose(pool.predict_proba(sharp).max(1).mean(), p.max(1).mean(), atol=0.02)


def two_corpora(seed: int) -> list[ChoosingSet]:
    """One on which the first model is good, one on which both are, and one that judges one."""
    sets = []
    for number, (first, second) in enumerate([(2.5, 0.0), (1.5, 1.5)]):
        random = np.random.default_rng(seed + number)
        y = np.arange(210) % 7
        z = random.normal(size=(210, 2, 7))
        z[np.arange(210), 0, y] += first
        z[np.arange(210), 1, y] += second
        z[:, 1] *= 3  # overconfident
        p = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
        sets.append(ChoosingSet(str(number), p, y, np.ones((210, 2), bool)))
    one = sets[0]
    sets.append(ChoosingSet("face", one.p, one.y, np.tile([True, False], (210, 1))))
    return sets


def worst(pool: CalibratedPool, sets: list[ChoosingSet]) -> float:
    """The largest loss of UAR against the better model, of the corpora that judge both; ≤ 0."""
    losses = [
        uar_of(pool.predict_proba(one.p), one.y) - max(uar_of(one.p[:, j], one.y) for j in range(2))
        for one in sets[:2]
    ]
    return min(*losses, 0.0)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_never_worse_than_the_better_model_where_that_is_possible(seed: int) -> None:
    sets = two_corpora(10 * seed)
    pool = choose_pool(sets)
    others = [CalibratedPool.of(pool.temperatures_, [k, 20 - k]) for k in range(21)]
    assert worst(pool, sets) == pytest.approx(max(worst(other, sets) for other in others))
    assert worst(pool, sets) > -0.02
    assert pool.temperatures_[1] > 1.5


def test_the_plain_product_is_worse_there() -> None:
    """So the property above is not one of any pool."""
    losses = [
        uar_of(ProductFusion().fit(one.p).predict_proba(one.p), one.y) - uar_of(one.p[:, 0], one.y)
        for one in (two_corpora(seed)[0] for seed in range(10))
    ]
    assert max(losses) < -0.2


def test_a_model_that_no_corpus_judges_beside_another_has_no_weight() -> None:
    p, y, _ = predictions(70, 3)
    found = np.tile([True, True, False], (70, 1))
    pool = choose_pool([ChoosingSet("two", p, y, found)])
    assert pool.temperatures_[2] == 1
    assert pool.weights_[2] == 0
    assert (pool.weights_[:2] > 0).all()
    alone = [ChoosingSet(str(j), p, y, np.tile(np.arange(3) == j, (70, 1))) for j in range(2)]
    np.testing.assert_array_equal(choose_pool(alone).weights_, [1, 1, 0])


def leaning(seed: int, lean: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities of a model that leans to the last class, and labels."""
    random = np.random.default_rng(seed)
    y = np.arange(280) % 7
    z = random.normal(size=(280, 7))
    z[np.arange(280), y] += 1.5
    z[:, 6] += lean
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), y


def test_what_a_model_leans_to_on_every_corpus_is_taken_out() -> None:
    sets = [
        ChoosingSet(str(s), p[:, None], y, np.ones((280, 1), bool))
        for s, (p, y) in ((s, leaning(s, 3.0)) for s in range(3))
    ]
    pool = choose_pool(sets[:2])
    assert pool.offsets_[0].argmin() == 6
    before, after = uar_of(sets[2].p[:, 0], sets[2].y), uar_of(pool.fuse_set(sets[2]), sets[2].y)
    assert after > before + 0.2
    np.testing.assert_allclose(pool.predict_proba(sets[2].p), pool.fuse_set(sets[2]))
    # one corpus cannot show that offsets help on another, nor do two that lean differently
    assert not choose_pool(sets[:1]).offsets_.any()
    p, y = leaning(5, -3.0)
    other = ChoosingSet("other", p[:, None], y, np.ones((280, 1), bool))
    assert not choose_pool([sets[0], other]).offsets_.any()


def test_classes_that_a_corpus_lacks_are_not_learned_from_it() -> None:
    p, y = leaning(0, 0.0)
    few = y < 5
    offsets = shared_offsets([(p[few], y[few])])
    assert np.abs(offsets).max() < 0.6
    assert np.abs(offsets[5:] - offsets[5:].mean()).max() < 1e-6


def test_another_networks_predictions_pair_and_teach_nothing() -> None:
    p, y, _ = predictions(140)
    every = np.ones((140, 2), bool)
    sharp = p.copy()
    sharp[:, 0] = with_temperature(p[:, 0], 0.25)
    pool = choose_pool([ChoosingSet("third party", sharp, y, every, calibrated=(0,))])
    assert pool.temperatures_[0] == 1
    assert pool.temperatures_[1] != 1
    assert (pool.weights_ > 0).all()


@pytest.mark.parametrize(
    ("numbers", "match"),
    [
        (([0.0, 1.0], [1, 1]), "temperatures must be above 0"),
        (([np.nan, 1.0], [1, 1]), "temperatures must be above 0"),
        (([1.0, 1.0], [-1, 1]), "weights must be 0 or more"),
        (([1.0, 1.0], [0, 0]), "one of them above 0"),
        (([1.0, 1.0], [1]), "one a model each"),
    ],
)
def test_wrong_numbers(numbers: tuple[list[float], list[float]], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        CalibratedPool.of(*numbers)
    stored, arrays = CalibratedPool.of([1, 1], [1, 1]).to_arrays()
    damaged = dict(zip(("temperatures", "weights"), map(np.array, numbers), strict=True))
    with pytest.raises(BundleError):
        read_fusion(stored, {**arrays, **damaged})


def test_wrong_corpora() -> None:
    p, y, _ = predictions(14)
    every = np.ones((14, 2), bool)
    with pytest.raises(ParameterError, match="one corpus at least"):
        choose_pool([])
    with pytest.raises(ParameterError, match="the same models"):
        choose_pool([ChoosingSet("a", p, y, every), ChoosingSet("b", p[:, :1], y, every[:, :1])])
    with pytest.raises(FusionDataError, match="no model found anything"):
        choose_pool([ChoosingSet("a", p, y, ~every)])
    with pytest.raises(FusionDataError, match="found must be"):
        ChoosingSet("a", p, y, every[:, :1])
