"""The dictionary of patches: by hand, against a naive loop, and as an estimator."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, ParameterError
from emonets.learners.patches.triangle_kmeans import TriangleKMeans, pooled, whitening_axes


def patches(n: int = 600, d: int = 16, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, 6)) @ random.normal(size=(6, d))
    return 128 + 40 * mixed + random.normal(size=(n, d))


def naive(x: np.ndarray, model: TriangleKMeans) -> np.ndarray:
    """One patch after the other, from the definition, in float64."""
    rows = []
    for patch in x.astype(np.float64):
        s = (patch - patch.mean()) / (patch.std() + model.floor)
        y = model.components_.astype(np.float64) @ (s - model.mean_)
        z = np.array([np.sqrt(((y - c) ** 2).sum()) for c in model.centres_.astype(np.float64)])
        rows.append(np.maximum(0, z.mean() - z))
    return np.array(rows)


def by_hand() -> TriangleKMeans:
    """Two axes of patches of two pairs of pixels, and three centres."""
    return TriangleKMeans.from_arrays(
        {
            "mean": np.zeros(4),
            "components": np.array([[0.5, -0.5, 0.0, 0.0], [0.0, 0.0, 0.5, -0.5]]),
            "centres": np.array([[1.0, 0.0], [0.0, 1.0], [-3.0, 0.0]]),
            "counts": np.array([2, 1, 1]),
            "floor": np.zeros(1),
        }
    )


def test_worked_by_hand() -> None:
    # mean 5, deviation sqrt(8): s = (4, -4, 0, 0) / sqrt(8), y = (sqrt(2), 0)
    x = np.array([[9.0, 1.0, 5.0, 5.0]])
    y = np.sqrt(2)
    z = np.array([y - 1, np.sqrt(y**2 + 1), y + 3])
    np.testing.assert_allclose(by_hand().whiten(x), [[y, 0]], atol=1e-12)
    np.testing.assert_allclose(by_hand().transform(x), [np.maximum(0, z.mean() - z)], atol=1e-12)
    assert by_hand().transform(x)[0, 2] == 0


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_equals_a_loop(dtype: str, tolerance: float) -> None:
    x = patches()
    model = TriangleKMeans(30, dtype=dtype, random_state=0).fit(x)
    np.testing.assert_allclose(model.transform(x[:80]), naive(x[:80], model), atol=tolerance)


def test_whitened_patches_are_white() -> None:
    x = patches()
    y = TriangleKMeans(5, dtype="float64", random_state=0).fit(x).whiten(x)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.cov(y.T, bias=True), np.eye(y.shape[1]), atol=1e-6)


@pytest.mark.parametrize(("share", "axes"), [(0.5, 1), (0.8, 2), (0.81, 3), (0.9, 3), (1.0, 4)])
def test_the_fewest_axes_that_hold_the_share(share: float, axes: int) -> None:
    made = whitening_axes(np.diag([3.0, 10, 1, 6]), share)
    assert len(made) == axes
    np.testing.assert_allclose(made[0], [0, 1 / np.sqrt(10), 0, 0], atol=1e-9)


def test_an_axis_of_rounding_errors_is_never_kept() -> None:
    x = patches(d=9)
    model = TriangleKMeans(5, keep_variance=1.0, dtype="float64", random_state=0).fit(x)
    assert len(model.components_) == 8  # a patch without its mean has one dimension less
    assert np.abs(model.whiten(x)).max() < 50


def test_contrast_and_brightness_do_not_matter() -> None:
    x = patches()
    model = TriangleKMeans(20, dtype="float64", random_state=0).fit(x)
    np.testing.assert_allclose(model.transform(0.3 * x + 40), model.transform(x), atol=1e-7)


def test_the_floor_stills_flat_patches() -> None:
    x = patches()
    plain, floored = (TriangleKMeans(5, floor=f, random_state=0).fit(x) for f in (1e-9, 10.0))
    faint = 100 + 0.01 * (x - 128)
    distance = [np.linalg.norm(m.whiten(faint) - m.whiten(np.full((1, 16), 100.0)), axis=1).mean()
                for m in (plain, floored)]  # fmt: skip
    assert distance[1] < 0.1 * distance[0]


def test_constant_patches_give_numbers() -> None:
    model = TriangleKMeans(20, random_state=0).fit(patches())
    out = model.transform(np.full((3, 16), 77.0))
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[0], out[1])


def test_a_patch_at_a_centre_is_not_nan() -> None:
    x = patches(12)
    model = TriangleKMeans(12, random_state=0).fit(x)
    out = model.transform(x)
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out, naive(x, model), atol=3e-3)


@pytest.mark.parametrize("deviation", [False, True])
def test_pooling_is_over_a_pictures_patches(deviation: bool) -> None:
    x = patches(120)
    model = TriangleKMeans(25, random_state=0).fit(x)
    a = naive(x[:60], model).reshape(10, 6, 25)
    columns = x[:60].astype(np.float32).T.copy()
    out = pooled(columns, model.dictionary, 10, deviation=deviation)
    np.testing.assert_allclose(out[:, :25], a.mean(axis=0), atol=1e-5)
    if deviation:
        np.testing.assert_allclose(out[:, 25:], a.std(axis=0), atol=1e-5)
    assert out.shape == (6, 50 if deviation else 25)


def test_centres_are_where_patches_are() -> None:
    random = np.random.default_rng(0)
    kinds = np.array([[9.0, 1, 1, 1], [1, 9, 1, 1], [1, 1, 9, 1], [1, 1, 1, 9]])
    x = kinds.repeat(50, axis=0) + random.normal(0, 0.05, (200, 4))
    model = TriangleKMeans(4, keep_variance=1.0, n_init=8, random_state=0).fit(x)
    np.testing.assert_array_equal(model.counts_, 50)
    assert sorted(model.patches().argmax(axis=1).tolist()) == [0, 1, 2, 3]
    assert sorted(model.transform(kinds).argmax(axis=1).tolist()) == [0, 1, 2, 3]


def test_the_same_seed_makes_the_same_dictionary() -> None:
    x = patches()
    one, two = (TriangleKMeans(10, random_state=3).fit(x) for _ in range(2))
    np.testing.assert_array_equal(one.centres_, two.centres_)
    other = TriangleKMeans(10, random_state=4).fit(x)
    assert not np.array_equal(one.centres_, other.centres_)


def test_stored_and_read() -> None:
    x = patches()
    model = TriangleKMeans(10, floor=2.0, random_state=0).fit(x)
    again = TriangleKMeans.from_arrays(model.to_arrays())
    np.testing.assert_array_equal(again.transform(x), model.transform(x))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("centres", None, "missing the arrays centres"),
        ("centres", np.zeros((10, 99), np.float32), "expected 10 × 6|expected 10 ×"),
        ("mean", np.zeros(3, np.float32), "shape"),
        ("components", np.full((6, 16), np.nan, np.float32), "NaN"),
    ],
)
def test_damaged_arrays(name: str, value: np.ndarray | None, words: str) -> None:
    arrays = TriangleKMeans(10, random_state=0).fit(patches()).to_arrays()
    arrays.pop(name) if value is None else arrays.update({name: value})
    with pytest.raises(BundleError, match=words):
        TriangleKMeans.from_arrays(arrays)


@pytest.mark.parametrize(
    "parameters",
    [{"n_clusters": 0}, {"n_clusters": 2.5}, {"floor": -1}, {"keep_variance": 0.0},
     {"keep_variance": 1.1}, {"max_iter": 0}, {"dtype": "float16"}, {"n_clusters": 601}],
)  # fmt: skip
def test_parameters_out_of_range(parameters: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        TriangleKMeans(**parameters).fit(patches())  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scikit_learns_contract(dtype: str) -> None:
    check_estimator(TriangleKMeans(3, dtype=dtype))
