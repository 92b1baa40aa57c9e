"""The chi-square machine: distances by hand, kernels, folds, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics.pairwise import additive_chi2_kernel
from sklearn.model_selection import GroupKFold
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.svm.chi2 import Chi2SVC, chi2_distances
from emonets.learners.svm.coupled import CoupledSVC


def histograms(
    n: int = 90, d: int = 30, seed: int = 0, classes: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    mean = np.random.default_rng(99).gamma(1.0, size=(classes, d))
    counts = random.poisson(4 * mean[y]).astype(float)
    return counts / counts.sum(axis=1, keepdims=True), y


def test_distances_by_hand() -> None:
    a = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    expected = [[0.0, 2.0], [2.0, 0.0]]
    np.testing.assert_allclose(chi2_distances(a), expected)
    b = np.array([[0.25, 0.75, 0.0]])
    one = 0.25**2 / 0.75 + 0.25**2 / 1.25
    np.testing.assert_allclose(chi2_distances(a, b), [[one], [2.0]])
    assert chi2_distances(np.zeros((2, 3))).tolist() == [[0, 0], [0, 0]]


def test_distances_equal_scikit_learns_in_any_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = histograms(40)
    y, _ = histograms(25, seed=1)
    np.testing.assert_allclose(chi2_distances(x, y), -additive_chi2_kernel(x, y), atol=1e-14)
    np.testing.assert_allclose(chi2_distances(x), -additive_chi2_kernel(x), atol=1e-14)
    whole = chi2_distances(x, y)
    monkeypatch.setattr("emonets.learners.svm.chi2._TILE", 64)
    np.testing.assert_array_equal(chi2_distances(x, y), whole)
    np.testing.assert_array_equal(chi2_distances(x[3:4], y), whole[3:4])


@pytest.mark.parametrize(
    ("a", "b"),
    [(np.ones(3), None), (np.ones((2, 3)), np.ones((2, 4))), (-np.ones((2, 3)), None),
     (np.full((2, 3), np.nan), None)],
)  # fmt: skip
def test_distances_refuse(a: Any, b: Any) -> None:
    with pytest.raises(ParameterError):
        chi2_distances(a, b)


@pytest.mark.parametrize("kernel", ["exponential", "additive"])
def test_is_the_coupled_machine_on_that_kernel(kernel: str) -> None:
    x, y = histograms()
    new, labels = histograms(30, seed=5)
    D, D_new = chi2_distances(x), chi2_distances(new, x)
    M = D.mean()
    if kernel == "exponential":
        K, K_new = np.exp(-0.8 * D / M), np.exp(-0.8 * D_new / M)
    else:
        K, K_new = (2 - D) / M, (2 - D_new) / M
    made = Chi2SVC(C=10, kernel=kernel, gamma=0.8, random_state=0).fit(x, y)
    plain = CoupledSVC(C=10, kernel="precomputed", random_state=0).fit(K, y)
    np.testing.assert_allclose(made.predict_proba(new), plain.predict_proba(K_new), atol=1e-9)
    np.testing.assert_array_equal(made.predict(new), plain.predict(K_new))
    assert made.mean_distance_ == pytest.approx(M)
    assert (made.predict(new) == labels).mean() > 0.8


def test_answers_do_not_depend_on_company() -> None:
    x, y = histograms()
    made = Chi2SVC(random_state=0).fit(x, y)
    new, _ = histograms(30, seed=5)
    whole = made.predict_proba(new)
    single = np.concatenate([made.predict_proba(row[None]) for row in new])
    np.testing.assert_allclose(single, whole, rtol=1e-12)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    np.testing.assert_allclose(made.decision_function(new), np.log(whole))


def test_groups_stay_together() -> None:
    x, y = histograms(60)
    groups = np.arange(60) // 6
    given = Chi2SVC(cv=list(GroupKFold(5).split(x, y, groups))).fit(x, y)
    whole = Chi2SVC(cv=GroupKFold(5)).fit(x, y, groups=groups)
    assert given.machine_.probA_.shape == whole.machine_.probA_.shape
    mixed, parted = (Chi2SVC(random_state=0).fit(x, y, groups=g) for g in (None, groups))
    assert not np.array_equal(mixed.machine_.probA_, parted.machine_.probA_)


def test_round_trip_and_damage() -> None:
    x, y = histograms()
    made = Chi2SVC(C=3, kernel="additive", random_state=0).fit(x, 2 * y)
    arrays = made.to_arrays()
    again = Chi2SVC.from_arrays(arrays)
    np.testing.assert_array_equal(again.predict_proba(x), made.predict_proba(x))
    np.testing.assert_array_equal(again.predict(x), made.predict(x))
    assert (again.C, again.kernel) == (3, "additive")
    for name in arrays:
        with pytest.raises(BundleError):
            Chi2SVC.from_arrays({k: v for k, v in arrays.items() if k != name})
    with pytest.raises(BundleError, match="support_vectors"):
        Chi2SVC.from_arrays({**arrays, "support_vectors": arrays["support_vectors"][1:]})
    words = Chi2SVC(random_state=0).fit(x, np.array(["a", "b", "c"])[y])
    assert set(words.predict(x)) == {"a", "b", "c"}
    with pytest.raises(DataError, match="numeric"):
        words.to_arrays()


@pytest.mark.parametrize(
    "wrong", [{"kernel": "rbf"}, {"gamma": 0.0}, {"C": -1.0}, {"cv": 1}, {"tol": 0.0}]
)
def test_parameters_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Chi2SVC(**wrong).fit(*histograms())


def test_negative_and_equal_histograms() -> None:
    x, y = histograms()
    with pytest.raises(ValueError, match="Negative values"):
        Chi2SVC().fit(x - 1, y)
    made = Chi2SVC(random_state=0).fit(np.ones((30, 4)), np.arange(30) % 3)
    assert made.mean_distance_ == 1
    assert np.isfinite(made.predict_proba(np.ones((1, 4)))).all()


def test_scikit_learns_contract() -> None:
    why = "gives this classifier values below 0, whatever its tags are"
    check_estimator(Chi2SVC(), expected_failed_checks={"check_decision_proba_consistency": why})
