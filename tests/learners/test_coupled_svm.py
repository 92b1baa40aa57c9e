"""The coupled SVM, its sigmoids, its coupling and its folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GroupKFold, PredefinedSplit, StratifiedKFold
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.folds import shuffled_folds
from emonets.learners.svm.coupled import CoupledSVC
from emonets.learners.svm.coupling import (
    SURE,
    classes_of,
    couple,
    fit_sigmoid,
    pairs_of,
    pairwise_probabilities,
)


def blobs(classes: int = 4, n: int = 120, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = make_blobs(n, n_features=5, centers=classes, cluster_std=4.0, random_state=seed)
    return x, y


def couple_one(r: dict[tuple[int, int], float], k: int) -> list[float]:
    """One sample, in plain Python, straight from the paper's algorithm and libsvm's stop."""
    q = [[0.0] * k for _ in range(k)]
    for i in range(k):
        for j in range(k):
            if i != j:
                q[i][i] += r[j, i] ** 2
                q[i][j] = -r[j, i] * r[i, j]
    p = [1.0 / k] * k
    for _ in range(max(100, k)):
        qp = [sum(q[i][j] * p[j] for j in range(k)) for i in range(k)]
        pqp = sum(p[i] * qp[i] for i in range(k))
        if max(abs(v - pqp) for v in qp) < 0.005 / k:
            break
        for t in range(k):
            qp_t = sum(q[t][j] * p[j] for j in range(k))
            pqp = sum(p[i] * q[i][j] * p[j] for i in range(k) for j in range(k))
            p[t] += (pqp - qp_t) / q[t][t]
            total = sum(p)
            p = [v / total for v in p]
    return p


class TestCoupling:
    def test_equals_the_plain_loop(self) -> None:
        rng = np.random.default_rng(0)
        for k in (3, 4, 7, 9):
            r = rng.beta(0.4, 0.4, (40, k * (k - 1) // 2))
            r[0], r[1] = 0.0, 1.0
            got = couple(r)
            for row, p in zip(np.clip(r, SURE, 1 - SURE), got, strict=True):
                table = {}
                for (i, j), v in zip(pairs_of(k).tolist(), row, strict=True):
                    table[i, j], table[j, i] = v, 1 - v
                np.testing.assert_allclose(p, couple_one(table, k), atol=1e-11)

    @given(
        hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(21)),
                   elements=st.floats(0.0, 1.0))
    )  # fmt: skip
    @settings(max_examples=60, deadline=None)
    def test_any_pairwise_probabilities_give_a_distribution(self, r: NDArray[Any]) -> None:
        p = couple(r)
        assert p.shape == (len(r), 7)
        assert (p >= 0).all()
        np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)

    def test_a_sample_does_not_depend_on_its_batch(self) -> None:
        r = np.random.default_rng(1).uniform(size=(1100, 21))
        together = couple(r)
        alone = np.concatenate([couple(row[None]) for row in r[::50]])
        np.testing.assert_array_equal(together[::50], alone)

    def test_consistent_pairs_give_the_class_probabilities_back(self) -> None:
        p = np.random.default_rng(2).dirichlet(np.ones(7), 200)
        i, j = pairs_of(7).T
        got = couple(p[:, i] / (p[:, i] + p[:, j]))
        # libsvm stops early: near, not exact
        assert np.abs(got - p).max() < 0.03
        confident = np.sort(p, axis=1)[:, -1] - np.sort(p, axis=1)[:, -2] > 0.06
        assert (got.argmax(axis=1) == p.argmax(axis=1))[confident].all()

    def test_two_classes_keep_their_probability(self) -> None:
        np.testing.assert_array_equal(couple([[0.3], [0.0]])[:, 0], [0.3, SURE])

    def test_no_sample(self) -> None:
        assert couple(np.empty((0, 21))).shape == (0, 7)

    @pytest.mark.parametrize(
        "r", [[0.5], [[0.5, 0.5]], [[np.nan]], [[1.5]], [[-0.1]], np.empty((2, 0))]
    )
    def test_bad_input(self, r: Any) -> None:
        with pytest.raises(ParameterError):
            couple(r)

    def test_pairs_are_in_libsvms_order(self) -> None:
        assert pairs_of(4).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
        assert [classes_of(n) for n in (1, 3, 6, 21)] == [2, 3, 4, 7]


class TestSigmoid:
    def test_is_the_minimum_of_the_regularised_likelihood(self) -> None:
        rng = np.random.default_rng(0)
        f = rng.normal(size=80)
        positive = f + rng.normal(size=80) > 0.3
        n_pos = positive.sum()
        target = np.where(positive, (n_pos + 1) / (n_pos + 2), 1 / (80 - n_pos + 2))

        def loss(ab: NDArray[Any]) -> float:
            p = 1 / (1 + np.exp(ab[0] * f + ab[1]))
            return float(-(target * np.log(p) + (1 - target) * np.log1p(-p)).sum())

        best = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9}).x
        np.testing.assert_allclose(fit_sigmoid(f, positive), best, atol=1e-4)
        assert fit_sigmoid(f, positive)[0] < 0

    @pytest.mark.parametrize(
        ("f", "positive"),
        [([-1e6, -1.0, 1.0, 1e6], [0, 0, 1, 1]), ([0.0, 0.0], [0, 1]), ([1.0], [1]),
         ([], []), ([1.0, 1.0], [1, 1])],
    )  # fmt: skip
    def test_hard_cases_stay_finite(self, f: Any, positive: Any) -> None:
        assert np.isfinite(fit_sigmoid(f, positive)).all()

    def test_equal_decisions_give_the_smoothed_prior(self) -> None:
        a, b = fit_sigmoid(np.zeros(10), [1] * 8 + [0] * 2)
        # mean target: (8 · 9/10 + 2 · 1/4) / 10
        assert 1 / (1 + np.exp(b)) == pytest.approx(0.77, abs=1e-5)
        assert a == 0.0

    def test_probabilities_are_never_certain(self) -> None:
        p = pairwise_probabilities([[1e9, -1e9]], [-1.0, -1.0], [0.0, 0.0])
        np.testing.assert_allclose(p, [[1 - SURE, SURE]], rtol=1e-12)

    def test_bad_input(self) -> None:
        with pytest.raises(ParameterError, match="one length"):
            fit_sigmoid([1.0, 2.0], [True])
        with pytest.raises(ParameterError, match="finite"):
            fit_sigmoid([np.nan], [True])


class TestFolds:
    @given(st.integers(1, 40), st.integers(2, 8), st.integers(0, 5))
    @settings(max_examples=60, deadline=None)
    def test_every_sample_is_tested_once(self, n: int, folds: int, seed: int) -> None:
        for groups in (None, np.arange(n) % 5):
            made = shuffled_folds(n, folds, np.random.RandomState(seed), groups)
            tests = np.concatenate([test for _, test in made])
            assert sorted(tests) == list(range(n))
            for train, test in made:
                assert sorted([*train, *test]) == list(range(n))
                if groups is not None:
                    assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_scikit_learns_contract(kernel: str) -> None:
    check_estimator(CoupledSVC(kernel=kernel, random_state=0))


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("kernel", ["rbf", "linear", "precomputed"])
def test_decision_values_are_scikit_learns(classes: int, kernel: str) -> None:
    x, y = blobs(classes, 700)
    train, test = x[:140], x[140:]
    if kernel == "precomputed":
        train, test = rbf_kernel(train, train, 0.05), rbf_kernel(test, x[:140], 0.05)
    ours = CoupledSVC(C=3.0, kernel=kernel, gamma=0.05, random_state=0).fit(train, y[:140])
    theirs = SVC(C=3.0, kernel=kernel, gamma=0.05, decision_function_shape="ovo")
    expected = theirs.fit(train, y[:140]).decision_function(test)
    expected = -expected[:, None] if classes == 2 else expected
    np.testing.assert_allclose(ours.pairwise_decisions(test), expected, atol=1e-9)
    np.testing.assert_array_equal(ours.support_, theirs.support_)


def test_the_most_probable_class_is_predicted_and_scored() -> None:
    x, y = blobs(5)
    names = np.array(["a", "b", "c", "d", "e"])[y]
    machine = CoupledSVC(random_state=0).fit(x, names)
    p = machine.predict_proba(x)
    np.testing.assert_array_equal(machine.predict(x), machine.classes_[p.argmax(axis=1)])
    np.testing.assert_array_equal(machine.decision_function(x).argmax(axis=1), p.argmax(axis=1))
    assert machine.score(x, names) > 0.6


def test_kernels_given_in_three_ways_agree() -> None:
    x, y = blobs(3)
    named = CoupledSVC(gamma=0.1, random_state=0).fit(x, y)
    called = CoupledSVC(kernel=lambda a, b: rbf_kernel(a, b, 0.1), random_state=0).fit(x, y)
    given_ = CoupledSVC(kernel="precomputed", random_state=0).fit(rbf_kernel(x, x, 0.1), y)
    new = x + 0.5
    # The optimiser stops at 1e-3, and rounding may take it there another way
    for other in (called.predict_proba(new), given_.predict_proba(rbf_kernel(new, x, 0.1))):
        np.testing.assert_allclose(other, named.predict_proba(new), atol=2e-3)


def test_batch_size_does_not_change_answers() -> None:
    x, y = blobs(7, 900)
    machine = CoupledSVC(random_state=0).fit(x[:200], y[:200])
    together = machine.predict_proba(x)
    alone = np.concatenate([machine.predict_proba(row[None]) for row in x[::60]])
    np.testing.assert_allclose(together[::60], alone, rtol=0, atol=1e-13)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("kernel", ["rbf", "linear", "precomputed"])
def test_arrays_and_back(classes: int, kernel: str, tmp_path: Any) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    x, y = blobs(classes)
    x = rbf_kernel(x, x, 0.1) if kernel == "precomputed" else x
    machine = CoupledSVC(kernel=kernel, C=2.0, random_state=0).fit(x, y)
    safetensors.save_file(machine.to_arrays(), tmp_path / "svm.safetensors")
    again = CoupledSVC.from_arrays(safetensors.load_file(tmp_path / "svm.safetensors"))
    np.testing.assert_array_equal(again.predict_proba(x), machine.predict_proba(x))
    assert again.get_params()["C"] == 2.0
    assert again.get_params()["kernel"] == kernel
    clone(again).fit(x, y)


def test_damaged_arrays_are_refused() -> None:
    x, y = blobs(3)
    good = CoupledSVC(random_state=0).fit(x, y).to_arrays()
    bad: list[tuple[str, Any]] = [
        ("probA", np.full(3, np.nan)), ("probB", np.zeros(4)), ("kernel", np.array([9])),
        ("dual_coef", good["dual_coef"][:, :-1]), ("n_support", good["n_support"] + 1),
        ("classes", good["classes"][::-1]), ("gamma", np.zeros((2, 2))),
        ("support_vectors", np.array([["x"]])), ("intercept", good["intercept"][None]),
    ]  # fmt: skip
    for name, array in bad:
        with pytest.raises(BundleError):
            CoupledSVC.from_arrays({**good, name: array})
    for name in good:
        with pytest.raises(BundleError, match=name):
            CoupledSVC.from_arrays({k: v for k, v in good.items() if k != name})


def test_what_cannot_be_stored_is_refused() -> None:
    x, y = blobs(3)
    with pytest.raises(DataError, match="function"):
        CoupledSVC(kernel=lambda a, b: a @ b.T).fit(x, y).to_arrays()
    with pytest.raises(DataError, match="numeric"):
        CoupledSVC().fit(x, np.array(["a", "b", "c"])[y]).to_arrays()


class Recorder:
    """A splitter that records what it splits."""

    seen: list[tuple[list[int], Any]]

    def __init__(self) -> None:
        type(self).seen = []

    def split(self, X: Any, y: Any, groups: Any = None) -> Any:
        type(self).seen.append((list(y), groups))
        return StratifiedKFold(2).split(X, y)


def test_a_splitter_sees_each_pair_first_class_first() -> None:
    x, y = blobs(3, 30)
    CoupledSVC(cv=Recorder()).fit(x, y, groups=np.arange(30))
    assert [(pair[0], pair[-1]) for pair, _ in Recorder.seen] == [(0, 1), (0, 2), (1, 2)]
    for pair, groups in Recorder.seen:
        assert pair == sorted(pair)
        assert list(y[groups]) == pair


def test_folds_given_as_a_list_are_those_of_a_splitter_over_all() -> None:
    x, y = blobs(3, 90)
    parts = np.arange(90) % 3
    of_all = list(PredefinedSplit(parts).split())
    by_list = CoupledSVC(cv=of_all).fit(x, y)
    by_group = CoupledSVC(cv=GroupKFold(3)).fit(x, y, groups=parts)
    np.testing.assert_allclose(by_list.probA_, by_group.probA_, atol=1e-8)


def test_fitting_twice_gives_the_same_with_a_splitter_that_has_a_state() -> None:
    class Drifting:
        def __init__(self) -> None:
            self.random = np.random.RandomState(0)

        def split(self, X: Any, y: Any, groups: Any = None) -> Any:
            return shuffled_folds(len(y), 5, self.random)

    x, y = blobs(3)
    machine = CoupledSVC(cv=Drifting())
    first = machine.fit(x, y).probA_.copy()
    np.testing.assert_array_equal(machine.fit(x, y).probA_, first)


def test_a_fold_without_a_class_falls_back_as_libsvm() -> None:
    x = np.array([[0.0], [0.1], [0.2], [5.0], [5.1]])
    y = np.array([0, 0, 0, 1, 1])
    lonely = [(np.array([0, 1]), np.array([2, 3])), (np.array([3]), np.array([4])),
              (np.array([], dtype=int), np.array([0, 1]))]  # fmt: skip
    machine = CoupledSVC(cv=lonely).fit(x, y)
    expected = fit_sigmoid([1.0, 1.0, -1.0, 0.0, 0.0], [True, False, False, True, True])
    np.testing.assert_allclose((machine.probA_[0], machine.probB_[0]), expected, atol=1e-12)


@pytest.mark.parametrize("counts", [(1, 1), (1, 40), (2, 3, 1)])
def test_classes_of_few_samples(counts: tuple[int, ...]) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.random.default_rng(0).normal(size=(len(y), 3)) + y[:, None]
    p = CoupledSVC(random_state=0).fit(x, y).predict_proba(x)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"C": 0.0}, "C must"), ({"C": "1"}, "C must"), ({"C": np.nan}, "C must"),
        ({"kernel": "sigmoid"}, "kernel"), ({"gamma": -1.0}, "gamma"), ({"gamma": "big"}, "gamma"),
        ({"cv": 1}, "cv"), ({"cv": "five"}, "cv"), ({"cv": True}, "cv"), ({"cv": []}, "no fold"),
        ({"cv": [(1,)]}, "train, test"), ({"cv": [([0], [99])]}, "outside"),
        ({"cv": [([0.5], [1])]}, "whole numbers"), ({"cv": [([0, 1], [])]}, "no sample"),
        ({"cv": StratifiedKFold(70)}, "cannot split"),
        ({"kernel": lambda a, b: np.ones(3)}, "kernel function"),
        ({"kernel": "precomputed"}, "square"),
    ],
)  # fmt: skip
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    x, y = blobs(3, 60)
    with pytest.raises(ParameterError, match=message):
        CoupledSVC(**parameters).fit(x, y)


def test_bad_data() -> None:
    x, y = blobs(3, 60)
    with pytest.raises(ParameterError, match="one class"):
        CoupledSVC().fit(x, np.zeros(60))
    with pytest.raises(ParameterError, match="groups"):
        CoupledSVC().fit(x, y, groups=[1, 2])
    with pytest.raises(ValueError, match="NaN"):
        CoupledSVC().fit(np.where(x > 3, np.nan, x), y)
    with pytest.raises(ValueError, match="features"):
        CoupledSVC().fit(x, y).predict(x[:, :2])
