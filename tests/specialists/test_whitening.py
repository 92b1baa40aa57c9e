"""Whitening: statistics by pieces and workers, both meanings of the paper's "online PCA"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from emonets.errors import BundleError, ParameterError
from emonets.specialists.audio.features.whitening import Whitening, kept

Floats = NDArray[np.float64]


def frames(n: int = 200, d: int = 6, seed: int = 0) -> Floats:
    """Correlated columns of very different mean and spread."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    return x * 10.0 ** np.arange(-3, d - 3) + 100 * rng.standard_normal(d)


def test_default_standardises_and_sorts_by_variance() -> None:
    x = frames()
    y = Whitening().fit_transform(x)
    order = np.argsort(-x.var(axis=0, ddof=1))
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + 1e-7)
    np.testing.assert_allclose(y, expected[:, order], rtol=0, atol=1e-9)


def test_rotation_is_pca_whitening() -> None:
    x = frames() / 10.0 ** np.arange(-3, 3)
    whitening = Whitening(rotate=True, ridge=1e-12).fit(x)
    y = whitening.transform(x)
    np.testing.assert_allclose(np.cov(y.T), np.eye(6), atol=1e-6)
    pca = PCA(whiten=True, svd_solver="full").fit(x)
    np.testing.assert_allclose(whitening.explained_variance_, pca.explained_variance_)
    np.testing.assert_allclose(np.abs(y), np.abs(pca.transform(x)), rtol=1e-6, atol=1e-6)
    largest = np.abs(whitening.components_).argmax(axis=1)
    assert (whitening.components_[np.arange(6), largest] > 0).all()


def test_the_ridge_is_added_to_the_variance() -> None:
    x = np.array([[0.0], [2.0]])  # variance 2
    for rotate in (False, True):
        y = Whitening(ridge=2.0, rotate=rotate).fit_transform(x)
        assert y.tolist() == [[-0.5], [0.5]]


def test_equal_variances_keep_their_columns_order() -> None:
    x = np.random.default_rng(0).standard_normal((20, 1)).repeat(5, axis=1)
    assert Whitening().fit(x).order_.tolist() == [0, 1, 2, 3, 4]


def test_a_constant_column_is_zero_and_comes_last() -> None:
    x = frames()
    x[:, 0] = 0.1  # no sum of these is exact
    whitening = Whitening()
    for part in np.array_split(x, 7):
        whitening.partial_fit(part)
    assert whitening.order_[-1] == 0
    assert whitening.var_[0] == 0
    assert (whitening.transform(x)[:, -1] == 0).all()


# gathering


@settings(max_examples=50, deadline=None)
@given(rotate=st.booleans(), cuts=st.lists(st.integers(1, 199), unique=True), data=st.data())
def test_files_and_workers_change_nothing(
    rotate: bool, cuts: list[int], data: st.DataObject
) -> None:
    x = frames()
    whole = Whitening(rotate=rotate).fit(x)
    files = np.split(x, sorted(cuts))
    workers = [Whitening(rotate=rotate) for _ in range(3)]
    for file in data.draw(st.permutations(files)):
        data.draw(st.sampled_from(workers)).partial_fit(file)
    gathered = workers[0].merge(workers[1]).merge(workers[2])
    assert gathered.n_rows_ == 200
    np.testing.assert_allclose(gathered.mean_, whole.mean_, rtol=1e-13)
    spread = np.sqrt(whole.var_)
    scale = np.outer(spread, spread) if rotate else spread**2
    np.testing.assert_allclose(gathered.scatter_ / scale, whole.scatter_ / scale, rtol=0, atol=1e-9)
    if not rotate:
        np.testing.assert_allclose(gathered.transform(x), whole.transform(x), rtol=0, atol=1e-9)


def test_large_means_cost_no_digits() -> None:
    x = np.random.default_rng(0).standard_normal((1000, 3))
    whitening = Whitening()
    for part in np.array_split(x + 1e9, 50):
        whitening.partial_fit(part)
    # 1e9 has an ulp of 1e-7, in the data and in the mean; its square has one of 128
    np.testing.assert_allclose(whitening.var_, x.var(axis=0, ddof=1), rtol=1e-7)


def test_merging_leaves_the_other_alone_and_takes_the_unfitted() -> None:
    x = frames()
    a, b, nothing = Whitening().fit(x[:50]), Whitening().fit(x[50:]), Whitening()
    before = b.scatter_.copy(), b.mean_.copy()
    a.merge(b).merge(nothing)
    assert (b.n_rows_, a.n_rows_) == (150, 200)
    assert np.array_equal(b.scatter_, before[0])
    assert np.array_equal(b.mean_, before[1])
    copied = nothing.merge(b)
    assert np.array_equal(copied.transform(x), b.transform(x))
    copied.partial_fit(x)
    assert b.n_rows_ == 150


def test_fit_forgets_and_partial_fit_does_not() -> None:
    x = frames()
    whitening = Whitening().fit(x).fit(x[:50])
    assert whitening.n_rows_ == 50
    assert np.array_equal(whitening.transform(x), Whitening().fit(x[:50]).transform(x))
    whitening.partial_fit(x[50:])
    np.testing.assert_allclose(whitening.transform(x), Whitening().fit_transform(x), atol=1e-9)


@pytest.mark.parametrize("rotate", [False, True])
def test_batches_change_nothing(rotate: bool) -> None:
    x = frames()
    whitening = Whitening(rotate=rotate).fit(x)
    one_by_one = np.concatenate([whitening.transform(row[None]) for row in x])
    np.testing.assert_allclose(one_by_one, whitening.transform(x), rtol=0, atol=1e-8)


def test_input_is_left_as_it_is() -> None:
    x = frames()
    before = x.copy()
    Whitening().fit(x).transform(x)
    assert np.array_equal(x, before)


# NaN


def test_nan_is_left_out_of_its_own_column_and_becomes_the_mean() -> None:
    x = frames()
    x[::3, 2] = np.nan
    whitening = Whitening()
    for part in np.array_split(x, 9):
        whitening.partial_fit(part)
    np.testing.assert_allclose(whitening.mean_, np.nanmean(x, axis=0), rtol=1e-12)
    np.testing.assert_allclose(whitening.var_, np.nanvar(x, axis=0, ddof=1), rtol=1e-10)
    assert whitening.count_.tolist() == [200, 200, 133, 200, 200, 200]
    y = whitening.transform(x)
    assert np.isfinite(y).all()
    place = whitening.order_.tolist().index(2)
    assert (y[::3, place] == 0).all()
    assert np.count_nonzero(y[:, place]) == 133


def test_with_rotation_a_row_with_nan_is_left_out_whole() -> None:
    x = frames()
    holed = x.copy()
    holed[::4, 1] = np.nan
    some = np.ones(200, dtype=bool)
    some[::4] = False
    a = Whitening(rotate=True)
    for part in np.array_split(holed, 5):
        a.partial_fit(part)
    b = Whitening(rotate=True).fit(x[some])
    np.testing.assert_allclose(a.scatter_, b.scatter_, rtol=1e-9, atol=1e-9)
    assert a.count_.tolist() == [150] * 6
    filled = holed.copy()
    filled[::4, 1] = a.mean_[1]
    np.testing.assert_allclose(a.transform(holed), a.transform(filled), atol=1e-9)


def test_a_column_without_values_gives_zero_whatever_comes() -> None:
    x = frames()
    x[:, 3] = np.nan
    whitening = Whitening()
    whitening.partial_fit(x[:100]).partial_fit(x[100:])
    y = whitening.transform(frames(seed=1))
    assert (y[:, whitening.order_.tolist().index(3)] == 0).all()
    # and it takes the first values that do come
    whitening.partial_fit(frames(seed=1))
    np.testing.assert_allclose(whitening.mean_[3], frames(seed=1)[:, 3].mean())
    np.testing.assert_allclose(whitening.var_[3], frames(seed=1)[:, 3].var(ddof=1))


@pytest.mark.parametrize("rotate", [False, True])
def test_rows_with_infinity_are_refused_and_leave_no_trace(rotate: bool) -> None:
    x = frames()
    whitening = Whitening(rotate=rotate).fit(x)
    bad = x.copy()
    bad[3, 3] = np.inf
    for method in (whitening.partial_fit, whitening.transform, Whitening().fit):
        with pytest.raises(ValueError, match="infinity"):
            method(bad)
    with pytest.raises(ParameterError, match="too large"):
        whitening.partial_fit(np.full((2, 6), [[1e200], [-1e200]]))
    assert np.array_equal(whitening.transform(x), Whitening(rotate=rotate).fit_transform(x))


# what is kept, types, errors


def test_keep_variance_takes_the_fewest_that_reach_the_share() -> None:
    assert kept(np.array([1.0, 6.0, 3.0]), 0.6) == 1
    assert kept(np.array([1.0, 6.0, 3.0]), 0.61) == 2
    assert kept(np.array([1.0, 6.0, 3.0]), 1.0) == 3
    assert kept(np.array([0.0, 6.0, 0.0]), 1.0) == 3
    assert kept(np.zeros(3), 0.5) == 3
    x = frames()
    for rotate in (False, True):
        whitening = Whitening(rotate=rotate, keep_variance=0.9).fit(x)
        share = whitening.explained_variance_ / whitening.var_.sum()
        assert share.sum() >= 0.9 > share[:-1].sum()
        assert whitening.transform(x).shape == (200, len(share))
        whole = Whitening(rotate=rotate).fit(x)
        np.testing.assert_allclose(
            whitening.transform(x), whole.transform(x)[:, : len(share)], atol=1e-9
        )


def test_float32_is_the_rounded_answer() -> None:
    x = frames()
    y = Whitening(dtype="float32").fit_transform(x)
    assert y.dtype == np.float32
    assert np.array_equal(y, Whitening().fit_transform(x).astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [
        {"ridge": 0}, {"ridge": -1e-7}, {"ridge": np.nan}, {"ridge": "small"}, {"ridge": True},
        {"keep_variance": 0}, {"keep_variance": 1.5}, {"keep_variance": None},
        {"dtype": "float16"}, {"dtype": "int16"},
    ],
)  # fmt: skip
def test_parameters_out_of_range(options: dict[str, Any]) -> None:
    for method in ("fit", "partial_fit"):
        with pytest.raises(ParameterError, match=next(iter(options))):
            getattr(Whitening(**options), method)(frames())


def test_too_little_was_seen() -> None:
    x = frames()
    with pytest.raises(NotFittedError):
        Whitening().transform(x)
    with pytest.raises(NotFittedError):
        Whitening().to_arrays()
    with pytest.raises(ParameterError, match="two rows"):
        Whitening().fit(x[:1])
    one = Whitening().partial_fit(x[:1])
    with pytest.raises(ParameterError, match="two rows"):
        one.transform(x)
    np.testing.assert_allclose(
        one.partial_fit(x[1:]).transform(x), Whitening().fit_transform(x), atol=1e-9
    )
    holed = x.copy()
    holed[:, 0] = np.nan
    with pytest.raises(ParameterError, match="whole rows"):
        Whitening(rotate=True).fit(holed)


def test_what_does_not_fit_together_is_not_merged() -> None:
    x = frames()
    with pytest.raises(ParameterError, match="different columns"):
        Whitening().fit(x).merge(Whitening().fit(x[:, :4]))
    with pytest.raises(ParameterError, match="rotation"):
        Whitening().fit(x).merge(Whitening(rotate=True).fit(x))
    with pytest.raises(ParameterError, match="must be a Whitening"):
        Whitening().fit(x).merge(x)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="rotate was changed"):
        Whitening().fit(x).set_params(rotate=True).partial_fit(x)


# storage


@pytest.mark.parametrize("rotate", [False, True])
def test_arrays_give_the_same_answers_and_go_on(rotate: bool) -> None:
    x = frames()
    whitening = Whitening(rotate=rotate, keep_variance=0.99, ridge=1e-3, dtype="float32")
    whitening.fit(x[:100])
    back = Whitening.from_arrays(whitening.to_arrays())
    assert back.get_params() == whitening.get_params()
    assert np.array_equal(back.transform(x), whitening.transform(x))
    a, b = back.partial_fit(x[100:]), whitening.partial_fit(x[100:])
    assert np.array_equal(a.transform(x), b.transform(x))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", np.full(6, np.nan)),
        ("mean", np.zeros(5)),
        ("scatter", np.zeros((6, 6))),
        ("variance", -np.ones(6)),
        ("components", np.array([0, 1, 2, 3, 4, 4])),
        ("components", np.array([0, 1, 2, 3, 4, 6])),
        ("rotate", np.array([2])),
        ("dtype", np.array([7])),
        ("ridge", np.array([0.0])),
        ("ridge", np.array([1.0, 2.0])),
        ("keep_variance", np.array([2.0])),
        ("n_rows", np.array([1])),
        ("count", np.array(["a"] * 6)),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: NDArray[Any]) -> None:
    arrays = Whitening().fit(frames()).to_arrays()
    with pytest.raises(BundleError):
        Whitening.from_arrays({**arrays, name: value})
    del arrays[name]
    with pytest.raises(BundleError, match=name):
        Whitening.from_arrays(arrays)


# the authors' own


def test_reference(shared: Path) -> None:
    folder = shared / "reference" / "yaafe"
    if not folder.is_dir():
        pytest.skip("the reference features are not there")
    reference = np.load(folder / "whitening_reference.npz")
    files: list[Floats] = []
    for name in ("chirp", "noise", "speech"):
        features = np.load(folder / f"{name}_features.npz")
        files.append(np.hstack([features[key] for key in sorted(features.files)]))
    here, elsewhere = Whitening().partial_fit(files[0]), Whitening().partial_fit(files[2])
    whitening = here.partial_fit(files[1]).merge(elsewhere)

    meant = reference["var"] > 1e-20  # two columns are constant but for rounding
    assert meant.sum() == 907
    np.testing.assert_allclose(whitening.mean_, reference["mean"], rtol=1e-12)
    np.testing.assert_allclose(whitening.var_[meant], reference["var"][meant], rtol=1e-12)
    assert whitening.var_[~meant].max() < 1e-20
    assert np.array_equal(whitening.order_[:907], reference["order"][:907])
    y = whitening.transform(np.vstack(files))
    np.testing.assert_allclose(y[:, :907], reference["whitened"][:, :907], rtol=0, atol=1e-9)
    assert np.abs(y[:, 907:]).max() < 1e-9
    assert np.abs(reference["whitened"][:, 907:]).max() < 1e-9
