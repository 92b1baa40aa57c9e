"""Bags of patches: against the definition, patch by patch, whatever the batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.patches.bag import BagOfPatches, draw_patches, region_patches, regions

SMALL: dict[str, Any] = {"n_clusters": 12, "patches_per_picture": 4, "random_state": 0}


def pictures(n: int = 40, shape: tuple[int, ...] = (30, 40), seed: int = 0) -> np.ndarray:
    """Smooth pictures with some noise, so that patches differ in contrast."""
    random = np.random.default_rng(seed)
    coarse = random.normal(0, 50, (n, 6, 8, *shape[2:])).repeat(5, axis=1).repeat(5, axis=2)
    x = 128 + coarse[:, : shape[0], : shape[1]] + random.normal(0, 6, (n, *shape))
    return np.clip(x, 0, 255).astype(np.uint8)


def naive(x: np.ndarray, bag: BagOfPatches) -> np.ndarray:
    """Region by region and patch by patch, in float64."""
    out = []
    for picture in x.astype(np.float64):
        row: list[np.ndarray] = []
        for region, learned in zip(bag.regions_, bag.dictionaries_, strict=True):
            activations = []
            for top in range(region.top, region.bottom):
                for left in range(region.left, region.right):
                    patch = picture[top : top + 8, left : left + 8]
                    patch = (np.moveaxis(patch, 2, 0) if patch.ndim == 3 else patch).ravel()
                    s = (patch - patch.mean()) / (patch.std() + learned.floor)
                    y = learned.components_.astype(float) @ (s - learned.mean_)
                    z = np.sqrt(((learned.centres_.astype(float) - y) ** 2).sum(axis=1))
                    activations.append(np.maximum(0, z.mean() - z))
            row.append(np.mean(activations, axis=0))
            if bag.pooling == "mean+std":
                row.append(np.std(activations, axis=0))
        out.append(np.concatenate(row))
    return np.array(out)


def test_regions_are_those_of_the_authors_extraction() -> None:
    places = regions((30, 40))
    assert len(places) == 16
    assert {(p.top, p.bottom) for p in places} == {(0, 5), (5, 10), (11, 16), (16, 21)}
    assert {(p.left, p.right) for p in places} == {(0, 8), (8, 16), (16, 24), (24, 32)}
    assert all(p.patches == 40 for p in places)
    # 2013: 90 rows of 71 columns, cut to 38 × 50
    assert regions((38, 50))[0].patches == 70


def test_row_by_row() -> None:
    places = regions((30, 40))
    assert [p.left for p in places[:4]] == [0, 8, 16, 24]
    assert [p.top for p in places[::4]] == [0, 5, 11, 16]


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
@pytest.mark.parametrize("pooling", ["mean", "mean+std"])
def test_equals_a_loop_over_patches(shape: tuple[int, ...], pooling: str) -> None:
    x = pictures(24, shape)
    bag = BagOfPatches(**SMALL, pooling=pooling).fit(x[3:])
    out = bag.transform(x[:2])
    assert out.shape == (2, bag.n_features_out_)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, naive(x[:2], bag), atol=1e-5)


def test_training_and_extraction_look_at_the_same_places() -> None:
    # the value of every pixel is its place, so that every patch does
    x = np.arange(30 * 40, dtype=np.float32).reshape(1, 30, 40)
    random = np.random.RandomState(0)
    for region in regions((30, 40)):
        looked_at = set(region_patches(np.moveaxis(x, 0, -1), region, 8)[0].tolist())
        drawn = set(draw_patches(x, region, 8, 1000, 10_000, random)[:, 0].tolist())
        assert drawn == looked_at
        assert len(drawn) == 40


def test_patches_drawn_are_patches() -> None:
    x = pictures(5, (30, 40, 3))
    region = regions((30, 40))[6]
    all_patches = region_patches(np.moveaxis(x, 0, -1), region, 8).T
    for patch in draw_patches(x, region, 8, 3, 100, np.random.RandomState(1)):
        assert (all_patches == patch).all(axis=1).any()


@pytest.mark.parametrize(("most", "count"), [(1000, 50), (50, 50), (23, 23), (7, 7)])
def test_at_most_so_many_from_all_pictures(most: int, count: int) -> None:
    x = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 30, 40), np.float32)
    drawn = draw_patches(x, regions((30, 40))[0], 8, 5, most, np.random.RandomState(0))
    assert len(drawn) == count
    assert np.ptp(np.bincount(drawn[:, 0].astype(int), minlength=10)) <= 1


def test_batches_and_threads_change_nothing() -> None:
    x = pictures(70)
    bag = BagOfPatches(**SMALL).fit(x)
    whole = bag.transform(x)
    one_by_one = np.concatenate([bag.transform(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(one_by_one, whole, atol=1e-5)
    np.testing.assert_array_equal(bag.set_params(n_jobs=2).transform(x), whole)
    np.testing.assert_allclose(bag.transform(x[::-1]), whole[::-1], atol=2e-6)


def test_a_type_of_pixels_changes_nothing() -> None:
    x = pictures(20)
    bag = BagOfPatches(**SMALL).fit(x)
    for other in (x.astype(np.float32), x.astype(np.float64), x.astype(np.int16)):
        np.testing.assert_allclose(bag.transform(other), bag.transform(x), atol=1e-6)


def test_constant_pictures_give_numbers() -> None:
    bag = BagOfPatches(**SMALL).fit(pictures())
    out = bag.transform(np.stack([np.full((30, 40), v, np.uint8) for v in (0, 99, 255)]))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[0], out[2], atol=1e-5)


def test_no_pictures_give_no_rows() -> None:
    bag = BagOfPatches(**SMALL).fit(pictures())
    assert bag.transform(np.zeros((0, 30, 40), np.uint8)).shape == (0, 16 * 12)


def test_the_papers_size() -> None:
    bag = BagOfPatches(max_patches=500, max_iter=1, random_state=0).fit(pictures(50))
    assert bag.n_features_out_ == 6400


def test_the_same_seed_makes_the_same_bag() -> None:
    x = pictures()
    one, two = (BagOfPatches(**SMALL).fit(x).transform(x[:4]) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_stored_and_read() -> None:
    x = pictures(30, (30, 40, 3))
    bag = BagOfPatches(**SMALL, pooling="mean+std", floor=3.0).fit(x)
    again = BagOfPatches.from_arrays(*bag.to_arrays())
    np.testing.assert_array_equal(again.transform(x), bag.transform(x))
    assert clone(again).get_params()["floor"] == 3.0


def test_damaged() -> None:
    settings, arrays = BagOfPatches(**SMALL).fit(pictures()).to_arrays()
    lacking = {k: v for k, v in arrays.items() if not k.startswith("region03")}
    with pytest.raises(BundleError, match="region 3 is missing"):
        BagOfPatches.from_arrays(settings, lacking)
    with pytest.raises(BundleError, match="shape"):
        BagOfPatches.from_arrays({**settings, "picture_shape": [30, 40, 3]}, arrays)


@pytest.mark.parametrize(
    "x",
    [np.zeros((3, 30)), np.zeros((3, 30, 40), bool), np.zeros((3, 9, 40)),
     np.full((3, 30, 40), np.nan)],
)  # fmt: skip
def test_pictures_of_another_kind(x: np.ndarray) -> None:
    with pytest.raises(DataError):
        BagOfPatches(**SMALL).fit(x)


def test_other_pictures_than_learned_from() -> None:
    bag = BagOfPatches(**SMALL).fit(pictures())
    with pytest.raises(DataError, match=r"\(30, 40\), got \(30, 40, 3\)"):
        bag.transform(pictures(3, (30, 40, 3)))


@pytest.mark.parametrize(
    "wrong",
    [{"grid": (4,)}, {"grid": (0, 4)}, {"patch_size": 0}, {"patches_per_picture": 1.5},
     {"max_patches": 0}, {"pooling": "max"}, {"n_jobs": 0}, {"max_patches": 5}],
)  # fmt: skip
def test_parameters_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        BagOfPatches(**{**SMALL, **wrong}).fit(pictures())
