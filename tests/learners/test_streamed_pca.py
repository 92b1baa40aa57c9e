"""PCA from parts against PCA of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, ParameterError
from emonets.learners.streamed_pca import StreamedPCA


def rows(n: int = 500, d: int = 6) -> NDArray[np.float64]:
    random = np.random.default_rng(0)
    return random.normal(size=(n, d)) * (5, 4, 3, 2, 1, 0.5) + 100


def test_equals_scikit_learns_whole() -> None:
    x = rows()
    for whiten in (False, True):
        ours, theirs = StreamedPCA(3, whiten=whiten).fit(x), PCA(3, whiten=whiten).fit(x)
        sign = np.sign((ours.components_ * theirs.components_).sum(axis=1))
        np.testing.assert_allclose(ours.transform(x), theirs.transform(x) * sign, atol=1e-9)
        np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_)
        np.testing.assert_allclose(ours.inverse_transform(ours.transform(x)),
                                   theirs.inverse_transform(theirs.transform(x)))  # fmt: skip
    assert ours.total_variance_ == pytest.approx(x.var(axis=0, ddof=1).sum())


def test_parts_make_the_whole() -> None:
    x = rows()
    whole = StreamedPCA(4).fit(x)
    parts = StreamedPCA(4)
    for part in (x[:1], x[1:7], x[7:400], x[400:]):
        parts.partial_fit(part)
    np.testing.assert_allclose(parts.transform(x), whole.transform(x), atol=1e-9)
    assert parts.n_samples_seen_ == 500
    # fit forgets
    np.testing.assert_allclose(parts.fit(x).mean_, whole.mean_)


def test_float32_stays_and_is_near() -> None:
    x = rows()
    made = StreamedPCA(3, whiten=True).fit(x.astype(np.float32))
    z = made.transform(x.astype(np.float32))
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, StreamedPCA(3, whiten=True).fit(x).transform(x), atol=1e-3)
    assert z.std(axis=0) == pytest.approx([1, 1, 1], rel=1e-2)


def test_keep_variance_and_signs() -> None:
    x = rows(20_000)
    share = np.cumsum(np.array([25, 16, 9, 4, 1, 0.25]) / 55.25)
    assert len(StreamedPCA(keep_variance=float(share[1]) - 0.02).fit(x).components_) == 2
    assert len(StreamedPCA(1, keep_variance=0.99).fit(x).components_) == 1
    components = StreamedPCA().fit(x).components_
    assert (components[np.arange(6), np.abs(components).argmax(axis=1)] > 0).all()


def test_constant_columns_whiten_to_nothing() -> None:
    x = rows()
    x[:, 3] = 7
    z = StreamedPCA(whiten=True).fit(x).transform(x)
    assert np.isfinite(z).all()
    assert np.abs(z[:, -1]).max() < 1e-6


def test_round_trip_and_damage() -> None:
    x = rows()
    made = StreamedPCA(3, whiten=True).fit(x)
    arrays = made.to_arrays()
    np.testing.assert_array_equal(StreamedPCA.from_arrays(arrays).transform(x), made.transform(x))
    for name in arrays:
        with pytest.raises(BundleError, match=name):
            StreamedPCA.from_arrays({k: v for k, v in arrays.items() if k != name})


@pytest.mark.parametrize("wrong", [{"n_components": 0}, {"keep_variance": 0.0}, {"whiten": 1}])
def test_parameters_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        StreamedPCA(**wrong).fit(rows())


@pytest.mark.parametrize("made", [StreamedPCA(2, whiten=True), StreamedPCA()])
def test_scikit_learns_contract(made: StreamedPCA) -> None:
    check_estimator(made)
