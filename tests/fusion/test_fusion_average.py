"""Means, products, subsets, and weights by recall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import ParameterError
from emonets.fusion.average import (
    MeanFusion,
    ProductFusion,
    RecallWeightedMean,
    score_subsets,
    subsets,
)
from fusion_data import predictions


def test_mean_and_product_by_hand() -> None:
    p, _, _ = predictions(21, 3)
    np.testing.assert_allclose(MeanFusion().fit(p).predict_proba(p), p.mean(axis=1))
    product = p.prod(axis=1)
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ProductFusion().fit(p).predict_proba(p), expected)
    two = MeanFusion(models=[2, 0]).fit(p)
    np.testing.assert_allclose(two.predict_proba(p), p[:, [0, 2]].mean(axis=1))
    root = expected ** (1 / 3)
    np.testing.assert_allclose(
        ProductFusion(power=None).fit(p).predict_proba(p), root / root.sum(axis=1, keepdims=True)
    )
    assert (ProductFusion(power=0.2).fit(p).predict(p) == expected.argmax(axis=1)).all()


def test_a_model_alone_cannot_rule_a_class_out() -> None:
    p = np.array([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]])
    q = ProductFusion().fit(p).predict_proba(p)
    assert np.isfinite(q).all()
    assert (q > 0).all()


@given(st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_models_in_another_order_change_nothing(m: int, seed: int) -> None:
    p, _, _ = predictions(14, m, seed=seed)
    order = np.random.default_rng(seed).permutation(m)
    for fusion in (MeanFusion(), ProductFusion()):
        q = fusion.fit(p).predict_proba(p)
        np.testing.assert_allclose(fusion.fit(p[:, order]).predict_proba(p[:, order]), q)
        np.testing.assert_allclose(q.sum(axis=1), 1)


def test_every_subset() -> None:
    assert len(list(subsets(5))) == 31
    assert len(set(subsets(5))) == 31
    p, y, _ = predictions(210, 4)
    p[:, 3] = np.random.default_rng(0).dirichlet(np.ones(7), size=210)  # knows nothing
    ranked = score_subsets(p, y)
    assert len(ranked) == 15
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)
    for s in ranked:
        predicted = p[:, list(s.models)].mean(axis=1).argmax(axis=1)
        assert s.score == pytest.approx((predicted == y).mean())
    best = MeanFusion(models="best").fit(p, y)
    assert np.flatnonzero(best.weights_[:, 0]).tolist() == list(ranked[0].models)
    assert 3 not in ranked[0].models
    by_uar = score_subsets(p, y, domain="log", scoring="uar")
    assert len(by_uar) == 15
    with pytest.raises(ParameterError, match="17 models"):
        score_subsets(predictions(14, 17)[0], np.arange(14) % 7)


def test_of_equals_the_smaller_subset() -> None:
    p, y, _ = predictions(70, 1)
    ranked = score_subsets(np.repeat(p, 3, axis=1), y)
    assert [s.models for s in ranked][:4] == [(0,), (1,), (2,), (0, 1)]


def test_weights_by_recall() -> None:
    p, y, _ = predictions(210, 2)
    made = RecallWeightedMean().fit(p, y)
    for j in range(2):
        predicted = p[:, j].argmax(axis=1)
        for c in range(7):
            assert made.recall_[j, c] == pytest.approx((predicted[y == c] == c).mean())
    np.testing.assert_allclose(made.weights_.sum(axis=0), 1)
    assert (made.weights_[0, ::2] > made.weights_[1, ::2]).all()  # what each knows best
    without = RecallWeightedMean().fit(p[y != 4], y[y != 4])
    assert without.weights_[:, 4].tolist() == [0.5, 0.5]
    never = np.zeros((4, 2, 7))
    never[..., 0] = 1
    np.testing.assert_array_equal(
        RecallWeightedMean().fit(never, [1, 2, 1, 2]).weights_, np.full((2, 7), 0.5)
    )


@pytest.mark.parametrize("wrong", [{"models": "worst"}, {"models": []}, {"models": [5]}])
def test_models_that_are_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="models"):
        MeanFusion(**wrong).fit(predictions(21)[0], predictions(21)[1])  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="power"):
        ProductFusion(power=0.0).fit(predictions(21)[0])
