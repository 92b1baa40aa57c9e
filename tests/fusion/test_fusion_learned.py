"""Fusions that learn: machines, networks, logistic stacking, temperatures, nesting, abstaining."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from emonets.errors import BundleError, DataError, ParameterError
from emonets.evaluation.metrics import expected_calibration_error
from emonets.fusion.average import MeanFusion, ProductFusion
from emonets.fusion.calibration import (
    COLDEST,
    HOTTEST,
    Abstainer,
    CalibratedFusion,
    fit_temperature,
    risk_coverage,
    with_temperature,
)
from emonets.fusion.common import evidence
from emonets.fusion.logistic import WEIGHTS, LogisticFusion, _Problem
from emonets.fusion.mlp import MlpFusion
from emonets.fusion.nested import NestedFusion
from emonets.fusion.search import RandomSearch
from emonets.fusion.stacked import ScaledSvmFusion, SvmFusion
from emonets.learners.svm.coupled import CoupledSVC
from fusion_data import predictions

SMALL: dict[str, Any] = {
    "coarse": {"C": [1.0, 10.0], "gamma": [0.1, 1.0]}, "exponents": (0.0,), "cv": 3,
    "random_state": 0,
}  # fmt: skip


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("balanced", [False, True])
def test_the_gradient_is_the_losss(weights: str, balanced: bool) -> None:
    p, y, _ = predictions(40, 2, 3)
    problem = _Problem(evidence(p, "log"), y, weights, 0.3, True, balanced)
    theta = np.random.default_rng(0).normal(size=problem.start.size)
    numeric = approx_fprime(theta, lambda t: problem.loss(t)[0], 1e-6)
    np.testing.assert_allclose(problem.loss(theta)[1], numeric, atol=1e-5)


def test_an_infinitely_strong_prior_is_the_product() -> None:
    p, y, _ = predictions(140, 3)
    product = ProductFusion().fit(p)
    for weights in WEIGHTS:
        made = LogisticFusion(weights=weights, spread=0.0).fit(p, y)
        np.testing.assert_allclose(made.weights_, made.scale_)
        np.testing.assert_array_equal(made.predict(p), product.predict(p))
        np.testing.assert_allclose(
            made.predict_proba(p), with_temperature(product.predict_proba(p), 1 / made.scale_),
            atol=1e-3,
        )  # fmt: skip
        free = LogisticFusion(weights=weights, spread=1.0).fit(p, y)
        assert free.weights_.std() > 0.05


def test_a_model_that_knows_nothing_gets_no_weight() -> None:
    p, y, groups = predictions(420, 3)
    p[:, 2] = np.random.default_rng(0).dirichlet(np.ones(7), size=420)
    made = LogisticFusion(spreads=(0.0, 0.3, 1.0), cv=3, random_state=0)
    made.fit(p, y, groups=groups)
    assert made.spread_ in (0.3, 1.0)
    assert np.abs(made.weights_[2]).max() < 0.15
    assert made.weights_[:2].min() > 0.7
    assert made.losses_.argmin() == list(made.spreads).index(made.spread_)
    assert made.score(p, y) > ProductFusion().fit(p).score(p, y)


def test_balanced_classes_do_not_learn_what_is_common() -> None:
    p, y, _ = predictions(420, 2, strength=0.3)
    keep = (y == 6) | (np.arange(420) % 4 == 0)
    plain, balanced = (
        LogisticFusion(spread=1.0, balanced=b).fit(p[keep], y[keep]) for b in (False, True)
    )
    others = np.delete(plain.intercept_, 6).mean()
    assert plain.intercept_[6] - others > 0.4
    assert abs(balanced.intercept_[6] - np.delete(balanced.intercept_, 6).mean()) < 0.3


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_temperatures_are_found(true: float) -> None:
    random = np.random.default_rng(0)
    honest = random.dirichlet(np.full(7, 0.5), size=4000)
    y = (random.random(4000)[:, None] > honest.cumsum(axis=1)).sum(axis=1).clip(0, 6)
    wrong = with_temperature(honest, 1 / true)
    found = fit_temperature(wrong, y)
    assert found == pytest.approx(true, rel=0.1)
    np.testing.assert_array_equal(wrong.argmax(axis=1), honest.argmax(axis=1))
    repaired = with_temperature(wrong, found)
    assert expected_calibration_error(y, repaired) < 0.03


def test_temperatures_of_nothing_and_of_certainty() -> None:
    assert fit_temperature(np.full((5, 7), 1 / 7), np.arange(5)) == 1.0
    sure = np.eye(7)[np.arange(70) % 7]
    assert COLDEST <= fit_temperature(sure, np.arange(70) % 7) < 0.5
    assert fit_temperature(sure, (np.arange(70) + 1) % 7) == pytest.approx(HOTTEST, rel=0.01)


def test_one_model_too_sure_of_itself_is_cooled_before_it_outvotes() -> None:
    p, y, groups = predictions(700, 2)
    p[:, 1] = with_temperature(p[:, 1], 0.15)
    made = CalibratedFusion(random_state=0).fit(p, y, groups=groups)
    assert made.temperatures_[1] > 4 * made.temperatures_[0]
    assert made.score(p, y) > ProductFusion().fit(p).score(p, y)
    assert expected_calibration_error(y, made.predict_proba(p)) < 0.06
    plain = CalibratedFusion(MeanFusion(), before=False, after=False).fit(p, y)
    np.testing.assert_allclose(plain.predict_proba(p), p.mean(axis=1), atol=1e-5)
    with pytest.raises(ParameterError, match="must be a fusion"):
        CalibratedFusion("mean").fit(p, y)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="one group"):
        CalibratedFusion().fit(p, y, groups=np.zeros(700))


def test_svm_is_the_coupled_machine_on_concatenated_probabilities() -> None:
    p, y, _ = predictions(70)
    made = SvmFusion(C=2.0, gamma=0.5, random_state=0).fit(p, y)
    x = p.reshape(70, 14)
    seed = np.random.RandomState(0).randint(2**31, size=3)[0]
    machine = CoupledSVC(C=2.0, gamma=0.5, random_state=int(seed)).fit(x, y)
    np.testing.assert_allclose(made.predict_proba(p), machine.predict_proba(x))
    log = SvmFusion(C=2.0, gamma=0.01, domain="log").fit(p, y)
    assert log.score(p, y) > 0.6


def test_svm_grid_on_folds_and_on_validation_data() -> None:
    p, y, groups = predictions(140)
    q, z, _ = predictions(70, seed=1)
    folds = SvmFusion(**SMALL).fit(p, y, groups=groups)
    assert folds.C_ in (1.0, 10.0)
    assert 0.3 < folds.score_ < 1
    valid = SvmFusion(**SMALL).fit(p, y, X_valid=q, y_valid=z)
    assert 0.3 < valid.score_ < 1
    assert not hasattr(valid, "_valid")
    with pytest.raises(ParameterError, match="go together"):
        SvmFusion(**SMALL).fit(p, y, X_valid=q)
    with pytest.raises(DataError, match="y_valid"):
        SvmFusion(**SMALL).fit(p, y, X_valid=q, y_valid=z + 5)


def test_scales_leave_out_what_misleads() -> None:
    p, y, _ = predictions(140, 2)
    p[:, 1] = np.random.default_rng(0).dirichlet(np.full(7, 0.2), size=140)
    made = ScaledSvmFusion(
        n_trials=15, C=10.0, gamma=1.0, cv=2, random_state=0
    ).fit(p, y)  # fmt: skip
    assert set(made.scales_) <= {0.0, 1.0, 2.0, 3.0}
    assert made.scales_.shape == (14,)
    assert [s for _, s in made.history_] == sorted(s for _, s in made.history_)
    assert made.score_ > made.history_[0][1]
    none = ScaledSvmFusion(n_trials=0, C=10.0, gamma=1.0, cv=2, random_state=0).fit(p, y)
    np.testing.assert_array_equal(none.scales_, 1)
    assert none.score_ == made.history_[0][1]


def test_mlp_learns_and_chooses_its_decay() -> None:
    p, y, groups = predictions(140)
    made = MlpFusion(
        hidden_layer_sizes=(20,), alphas=(1e-4, 10.0), max_iter=30, learning_rate_init=0.01,
        random_state=0,
    ).fit(p, y, groups=groups)  # fmt: skip
    assert made.alpha_ in (1e-4, 10.0)
    assert made.score(p, y) > 0.6
    assert made.predict_proba(p[y > 4]).shape == (40, 7)
    two = MlpFusion(hidden_layer_sizes=(9,), alphas=(0.01,), max_iter=40, random_state=0)
    two.fit(p[y < 2], y[y < 2])
    assert two.predict_proba(p)[:, 2:].max() == 0
    np.testing.assert_allclose(two.predict_proba(p).sum(axis=1), 1)


def test_nested_pair_as_a_further_model() -> None:
    p, y, groups = predictions(140, 3)
    pair = ([0, 2], ProductFusion())
    kept = NestedFusion([pair], keep=True).fit(p, y)
    product = ProductFusion().fit(p[:, [0, 2]]).predict_proba(p[:, [0, 2]])
    np.testing.assert_allclose(
        kept.predict_proba(p), (p.sum(axis=1) + product) / 4
    )  # fmt: skip
    first = NestedFusion([pair, ([1, 3], MeanFusion())], keep=False).fit(p, y)
    assert first.final_models_ == [4]
    np.testing.assert_allclose(first.predict_proba(p), (p[:, 1] + product) / 2)
    search = RandomSearch(n_uniform=100, n_local=0, random_state=0)
    made = NestedFusion([([0, 1], search)], search, keep=False, cv=3, random_state=0)
    made.fit(p, y, groups=groups)
    assert made.final_models_ == [2, 3]
    np.testing.assert_allclose(made.predict_proba(p).sum(axis=1), 1)
    for stages in ([([9], MeanFusion())], [([], MeanFusion())], [([0], "mean")], [1]):
        with pytest.raises(ParameterError, match="stage"):
            NestedFusion(stages).fit(p, y)  # type: ignore[arg-type]


class Parrot(MeanFusion):
    """Says the label of every clip that it was fitted on, and nothing of others."""

    kind = "parrot"

    def _fit(self, p: Any, target: Any, groups: Any) -> None:
        super()._fit(p, target, groups)
        self.heart_ = {row.tobytes(): label for row, label in zip(p, target, strict=True)}

    def _fuse(self, p: Any) -> Any:
        out = np.full((len(p), p.shape[2]), 1 / p.shape[2])
        for i, row in enumerate(p):
            if row.tobytes() in self.heart_:
                out[i] = np.eye(p.shape[2])[self.heart_[row.tobytes()]]
        return out


def test_folds_keep_what_was_learned_by_heart_out_of_the_last_fusion() -> None:
    p, y, groups = predictions(140, 2)
    stage = [([0, 1], Parrot())]
    last = LogisticFusion(spread=1.0)
    fooled = NestedFusion(stage, last, cv=None).fit(p, y, groups=groups)
    assert fooled.final_.weights_[2].min() > 1
    wary = NestedFusion(stage, last, cv=4, random_state=0).fit(p, y, groups=groups)
    np.testing.assert_allclose(wary.final_.weights_[2], wary.final_.scale_, atol=1e-3)
    assert np.abs(wary.final_.weights_[:2] - 1).max() < 0.7
    calibrated = CalibratedFusion(Parrot(), before=False, random_state=0).fit(p, y, groups=groups)
    assert calibrated.temperature_ == 1.0  # out of fold it says nothing


def test_abstaining() -> None:
    p, y, _ = predictions(420, 1)
    q = p[:, 0]
    rule = Abstainer.for_coverage(q, y, 0.6)
    assert rule.coverage == pytest.approx(0.6, abs=0.003)
    assert rule.sure(q).sum() == 252
    right = q.argmax(axis=1) == y
    assert rule.accuracy == pytest.approx(right[rule.sure(q)].mean())
    assert rule.accuracy > rule.accuracy_of_all
    assert Abstainer.for_coverage(q, y, 1.0).coverage == 1
    target = rule.accuracy_of_all + 0.1
    strict = Abstainer.for_accuracy(q, y, target)
    assert strict.accuracy >= target
    assert 0 < strict.coverage < 1
    with pytest.raises(DataError, match="no threshold"):
        Abstainer.for_accuracy(q, (y + 1) % 7, 1.0)
    assert Abstainer.from_settings(rule.to_settings()) == rule
    for damaged in ({}, {**rule.to_settings(), "threshold": 7}):
        with pytest.raises(BundleError):
            Abstainer.from_settings(damaged)
    for wrong in (0.0, 1.1, float("nan")):
        with pytest.raises(ParameterError):
            Abstainer.for_coverage(q, y, wrong)
    with pytest.raises(DataError):
        Abstainer.for_coverage(p[:, [0, 0]], y, 0.5)


def test_coverage_and_accuracy_do_not_depend_on_the_order_of_equals() -> None:
    p, y, _ = predictions(140, 1)
    q = np.round(p[:, 0], 1)
    q[:, 0] += 1 - q.sum(axis=1)
    q = np.abs(q) / np.abs(q).sum(axis=1, keepdims=True)
    coverage, accuracy = risk_coverage(q, y)
    order = np.random.default_rng(0).permutation(140)
    np.testing.assert_allclose(risk_coverage(q[order], y[order])[1], accuracy)
    assert coverage[-1] == 1
    assert accuracy[-1] == pytest.approx((q.argmax(axis=1) == y).mean())


@pytest.mark.parametrize(
    "wrong",
    [
        SvmFusion(C=0.0), SvmFusion(gamma=-1.0, C=1.0), SvmFusion(domain="odds"), SvmFusion(cv=1),
        ScaledSvmFusion(n_trials=-1), ScaledSvmFusion(scales=()), ScaledSvmFusion(scales=(-1,)),
        MlpFusion(alphas=()), MlpFusion(batch_size=0), MlpFusion(hidden_layer_sizes=()),
        MlpFusion(alphas=(-1.0,)), MlpFusion(domain="x"), LogisticFusion(weights="none"),
        LogisticFusion(spread=-1.0), LogisticFusion(spreads=()), LogisticFusion(cv=0),
        LogisticFusion(spreads=(np.nan,)), CalibratedFusion(cv=1), NestedFusion(cv=1),
    ],
)  # fmt: skip
def test_parameters_out_of_range(wrong: Any) -> None:
    with pytest.raises(ParameterError):
        wrong.fit(*predictions(21)[:2])
