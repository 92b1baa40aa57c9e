"""The two-stage grid search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_blobs
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import ParameterError
from emonets.learners.grid_search import TwoStageGridSearch, best_point, grid_points
from emonets.learners.svm.coupled import CoupledSVC

SMALL = {"C": (1.0, 10.0), "gamma": (0.01, 0.1)}


class Landscape(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scores best at a known point; remembers the groups and rows it was trained on."""

    trained: list[tuple[int, Any]] = []  # noqa: RUF012

    def __init__(self, *, C: float = 1.0, gamma: float = 1.0, flat: bool = False) -> None:
        self.C = C
        self.gamma = gamma
        self.flat = flat

    def fit(self, X: Any, y: Any, groups: Any = None) -> Landscape:
        self.classes_ = np.unique(y)
        Landscape.trained.append((len(X), groups))
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), dtype=int)

    def score(self, X: Any, y: Any) -> float:
        if self.flat:
            return 0.5
        return -abs(np.log2(self.C) - 4.0) - abs(np.log2(self.gamma) + 3.0)


def score_of(machine: Landscape, X: Any, y: Any) -> float:
    return machine.score(X, y)


def blobs(n: int = 90) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = make_blobs(n, centers=3, n_features=4, cluster_std=4.0, random_state=0)
    return x, y


def test_scikit_learns_contract() -> None:
    search = TwoStageGridSearch(
        CoupledSVC(cv=2, random_state=0), coarse={"C": (1.0, 10.0)}, exponents=(0.0, 0.5), cv=2
    )
    check_estimator(search)


def test_coarse_then_fine_around_the_best() -> None:
    x, y = blobs()
    search = TwoStageGridSearch(Landscape(), scoring=score_of, cv=2).fit(x, y)
    # 2⁴ = 16 is nearest to 10 among powers of ten, 2⁻³ = 0.125 to 0.1
    first = [r for r in search.results_ if r["stage"] == 1]
    second = [r for r in search.results_ if r["stage"] == 2]
    assert len(first) == 36
    assert len(second) == 80  # 81 less the best of the first stage, which is known
    assert max(first, key=lambda r: r["score"])["params"] == {"C": 10.0, "gamma": 0.1}
    assert search.best_params_ == {"C": 10.0 * 2**0.8, "gamma": 0.1 * 2**0.4}
    assert search.best_score_ == max(r["score"] for r in search.results_)
    assert search.best_estimator_.get_params()["C"] == search.best_params_["C"]


def test_the_second_stage_can_be_left_out() -> None:
    x, y = blobs()
    search = TwoStageGridSearch(Landscape(), scoring=score_of, cv=2, exponents=(0.0,)).fit(x, y)
    assert search.best_params_ == {"C": 10.0, "gamma": 0.1}
    assert len(search.results_) == 36


def test_of_equals_the_smallest_values_win() -> None:
    x, y = blobs()
    search = TwoStageGridSearch(Landscape(flat=True), scoring=score_of, cv=2, coarse=SMALL)
    search.fit(x, y)
    smallest = 2.0 ** min(search.exponents)
    assert search.best_params_ == {"C": 1.0 * smallest, "gamma": 0.01 * smallest}
    points = grid_points({"a": [2.0, 1.0], "b": [3.0]})
    assert points == [{"a": 2.0, "b": 3.0}, {"a": 1.0, "b": 3.0}]
    assert best_point(points, np.array([[0.1 + 0.2], [0.3]])) == 1
    assert best_point(points, np.array([[0.31], [0.3]])) == 0


def test_processes_do_not_change_the_answer() -> None:
    x, y = blobs()
    searches = [
        TwoStageGridSearch(
            CoupledSVC(random_state=0), coarse=SMALL, exponents=(0.0, 0.5), cv=2, n_jobs=jobs
        ).fit(x, y)
        for jobs in (1, 2)
    ]
    assert searches[0].results_ == searches[1].results_
    np.testing.assert_array_equal(searches[0].predict_proba(x), searches[1].predict_proba(x))


def test_groups_are_kept_together_and_passed_on() -> None:
    x, y = blobs()
    groups = np.arange(90) % 6
    Landscape.trained = []
    TwoStageGridSearch(
        Landscape(), coarse=SMALL, exponents=(0.0,), scoring=score_of, cv=3
    ).fit(x, y, groups=groups)  # fmt: skip
    *in_folds, last = Landscape.trained
    assert len(in_folds) == 12
    for n, seen in in_folds:
        assert n == len(seen) == 60
        assert len(set(seen)) == 4
    np.testing.assert_array_equal(last[1], groups)
    by_group = TwoStageGridSearch(SVC(), coarse=SMALL, exponents=(0.0,), cv=LeaveOneGroupOut())
    by_group.fit(x, y, groups=groups)
    assert len(by_group.results_[0]["scores"]) == 6


def test_a_validation_set_chooses_and_is_not_trained_on() -> None:
    x, y = blobs(150)
    search = TwoStageGridSearch(SVC(), coarse=SMALL, exponents=(-0.5, 0.0, 0.5))
    search.fit(x[:100], y[:100], X_valid=x[100:], y_valid=y[100:])
    for result in search.results_:
        score = SVC(**result["params"]).fit(x[:100], y[:100]).score(x[100:], y[100:])
        assert result["scores"] == [pytest.approx(score)]
    assert search.best_estimator_.shape_fit_[0] == 100


def test_a_precomputed_kernel() -> None:
    x, y = blobs(120)
    kernel = rbf_kernel(x, x, 0.05)
    search = TwoStageGridSearch(
        CoupledSVC(kernel="precomputed", random_state=0), coarse={"C": (0.1, 1.0)}, cv=3
    )
    plain = TwoStageGridSearch(
        CoupledSVC(gamma=0.05, random_state=0), coarse={"C": (0.1, 1.0)}, cv=3
    )
    assert search.fit(kernel, y).best_score_ == pytest.approx(plain.fit(x, y).best_score_, abs=0.03)
    search.fit(kernel[:80, :80], y[:80], X_valid=kernel[80:, :80], y_valid=y[80:])
    assert search.predict(kernel[80:, :80]).shape == (40,)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"coarse": {"D": (1.0,)}}, "no parameter 'D'; it has C"), ({"coarse": {}}, "empty"),
        ({"coarse": {"C": ()}}, "above 0"), ({"coarse": {"C": (0.0,)}}, "above 0"),
        ({"coarse": {"C": ("a",)}}, "above 0"), ({"exponents": (np.nan,)}, "exponents"),
        ({"exponents": 1.0}, "exponents"),
    ],
)  # fmt: skip
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    x, y = blobs()
    with pytest.raises(ParameterError, match=message):
        TwoStageGridSearch(SVC(), **parameters).fit(x, y)


def test_bad_data() -> None:
    x, y = blobs()
    search = TwoStageGridSearch(SVC(), coarse=SMALL)
    with pytest.raises(ParameterError, match="go together"):
        search.fit(x, y, X_valid=x)
    with pytest.raises(ParameterError, match="y_valid"):
        search.fit(x, y, X_valid=x, y_valid=y[:5])
    with pytest.raises(ParameterError, match="groups"):
        search.fit(x, y, groups=[1])
    with pytest.raises(ValueError, match="features"):
        search.fit(x, y, X_valid=x[:, :2], y_valid=y)
