"""scikit-learn's contract, and bundles, of every fusion."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, DataError, ParameterError
from emonets.fusion.average import MeanFusion, ProductFusion, RecallWeightedMean
from emonets.fusion.bagging import BaggedFusion
from emonets.fusion.base import Fusion, fusion_kinds, read_fusion
from emonets.fusion.calibrated_pool import CalibratedPool
from emonets.fusion.calibration import CalibratedFusion
from emonets.fusion.logistic import LogisticFusion
from emonets.fusion.mlp import MlpFusion
from emonets.fusion.nested import NestedFusion
from emonets.fusion.search import RandomSearch
from emonets.fusion.stacked import ScaledSvmFusion, SvmFusion
from emonets.fusion.strategies import DEFAULT, STRATEGIES, make_fusion
from fusion_data import predictions

SHORT: dict[str, Any] = {"n_uniform": 60, "n_local": 60, "batch": 60, "random_state": 0}
FUSIONS: dict[str, Fusion] = {
    "mean": MeanFusion(),
    "best subset": MeanFusion(models="best"),
    "product": ProductFusion(power=0.5),
    "recall": RecallWeightedMean(),
    "search": RandomSearch(**SHORT),
    "search, log": RandomSearch(domain="log", **SHORT),
    "bagged": BaggedFusion(RandomSearch(**SHORT), n_estimators=2, random_state=0),
    "bagged answers": BaggedFusion(
        RandomSearch(**SHORT), n_estimators=2, combine="probabilities", random_state=0
    ),
    "logistic": LogisticFusion(spread=0.3),
    "logistic full": LogisticFusion(weights="full", spread=0.3),
    "calibrated": CalibratedFusion(RecallWeightedMean(), cv=2, random_state=0),
    "calibrated pool": CalibratedPool(),
    "nested": NestedFusion(
        [([0], ProductFusion())], CalibratedFusion(after=False), random_state=0
    ),
    "svm": SvmFusion(C=1.0, gamma=1.0, cv=2, random_state=0),
    "scaled svm": ScaledSvmFusion(n_trials=1, C=1.0, gamma=1.0, cv=2, random_state=0),
    "mlp": MlpFusion(
        hidden_layer_sizes=(12,), alphas=(0.01,), learning_rate_init=0.1, max_iter=12,
        random_state=0,
    ),
}  # fmt: skip


ALIKE = ("best subset", "search, log", "bagged answers", "logistic full", "scaled svm")
"""Of these another of the same class stands for the contract."""


@pytest.mark.parametrize("name", [n for n in FUSIONS if n not in ALIKE])
@pytest.mark.filterwarnings("ignore:Skipping check")
def test_scikit_learns_contract(name: str) -> None:
    check_estimator(FUSIONS[name])


def test_every_kind_is_here() -> None:
    assert {type(f) for f in FUSIONS.values()} == {
        kind for kind in fusion_kinds().values() if kind.__module__.startswith("emonets.")
    }
    assert DEFAULT in STRATEGIES
    for name in STRATEGIES:
        clone(make_fusion(name, seed=0))


@pytest.mark.parametrize("name", FUSIONS)
def test_round_trip(name: str) -> None:
    p, y, _ = predictions(70)
    made = clone(FUSIONS[name]).fit(p, y)
    made.set_params(uniform_models=[])
    settings, arrays = made.to_arrays()
    again = read_fusion(json.loads(json.dumps(settings)), arrays)
    assert type(again) is type(made)
    np.testing.assert_allclose(again.predict_proba(p), made.predict_proba(p), atol=1e-12)
    np.testing.assert_array_equal(again.predict(p), made.predict(p))
    with pytest.raises(DataError, match=r"\(clips, 2, 7\)"):
        again.predict_proba(p[:, :1])
    twice, more = again.to_arrays()
    assert json.dumps(twice) == json.dumps(settings)
    for key, array in arrays.items():
        np.testing.assert_array_equal(more[key], array)
    again.set_params(uniform_models=[0])
    kept = read_fusion(*again.to_arrays())
    np.testing.assert_allclose(kept.predict_proba(p), again.predict_proba(p), atol=1e-12)


@pytest.mark.parametrize("name", FUSIONS)
def test_damaged_bundles_are_bundle_errors(name: str) -> None:
    p, y, _ = predictions(70)
    settings, arrays = clone(FUSIONS[name]).fit(p, y).to_arrays()
    for key in arrays:
        if key.startswith(("machine.", "inner.", "final.")) and "weights" not in key:
            continue  # the parts' own tests
        with pytest.raises(BundleError):
            read_fusion(settings, {k: v for k, v in arrays.items() if k != key})
        if name != "bagged answers":  # any number of weights is a bag
            with pytest.raises(BundleError):
                read_fusion(settings, {**arrays, key: np.asarray(arrays[key])[:-1]})
        if arrays[key].dtype.kind == "f":
            with pytest.raises(BundleError):
                read_fusion(settings, {**arrays, key: np.full_like(arrays[key], np.nan)})
    for key in settings:
        with pytest.raises(BundleError):
            read_fusion({k: v for k, v in settings.items() if k != key}, arrays)
    for change in ({"models": 3}, {"classes": [0]}, {"kind": "magic"}, {"uniform_models": [7]}):
        with pytest.raises(BundleError):
            read_fusion({**settings, **change}, arrays)


def test_other_damage() -> None:
    p, y, _ = predictions(70)
    settings, arrays = MeanFusion().fit(p, y).to_arrays()
    for damaged in ({**settings, "domain": "odds"}, [], {"kind": None}, "mean"):
        with pytest.raises(BundleError):
            read_fusion(damaged, arrays)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="negative"):
        read_fusion(settings, {"weights": -arrays["weights"]})
    deep: dict[str, Any] = settings
    for _ in range(20):
        deep = {**settings, "kind": "calibrated", "inner": deep}
    with pytest.raises(BundleError, match="within each other"):
        read_fusion(deep, arrays)
    words = MeanFusion().fit(p, np.array(list("abcdefg"))[y])
    assert set(words.predict(p)) <= set("abcdefg")
    with pytest.raises(DataError, match="whole-number"):
        words.to_arrays()
    with pytest.raises(BundleError, match="not 'product'"):
        ProductFusion.from_arrays(settings, arrays)


def test_a_kind_is_registered_once() -> None:
    with pytest.raises(ParameterError, match=r"'mean' is registered already \(MeanFusion\)"):
        type("Other", (Fusion,), {"kind": "mean"})
