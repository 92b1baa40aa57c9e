from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import diags, eye, kron
from scipy.sparse.linalg import spsolve

from emonets.errors import DataError, ParameterError
from emonets.specialists.face.illumination import isotropic_smoothing, reflectance_to_pixels


def direct(image: np.ndarray, smoothness: float) -> tuple[np.ndarray, np.ndarray]:
    """The definition, by a sparse direct solver."""
    x = image.astype(float)
    v = np.ceil((x - x.min()) / (x.max() - x.min()) * 255)
    f = np.pad(v, 3, mode="symmetric") / 255 + 0.001
    h, w = f.shape
    lap = [diags([1, 1], [-1, 1], shape=(n, n)) for n in (h, w)]
    neighbours = kron(lap[0], eye(w)) + kron(eye(h), lap[1])
    system = (1 + 4 * smoothness) * eye(h * w) - smoothness * neighbours
    luminance = spsolve(system.tocsc(), f.ravel()).reshape(h, w)
    inside = slice(3, -3), slice(3, -3)
    return (f / luminance)[inside], luminance[inside]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 30), st.integers(4, 30), st.floats(0.1, 50))
def test_equals_the_sparse_solution(seed: int, height: int, width: int, smoothness: float) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width))
    image[0, 0], image[0, 1] = 0, 255
    r, lum = isotropic_smoothing(image, smoothness, return_luminance=True)
    expected_r, expected_l = direct(image, smoothness)
    np.testing.assert_allclose(lum, expected_l, rtol=0, atol=1e-12)
    np.testing.assert_allclose(r, expected_r, rtol=1e-9, atol=1e-12)


def test_published_vector() -> None:
    rows, columns = np.mgrid[:8, :8]
    image = 4 * ((7 * rows + 13 * columns + rows * columns) % 64)
    r, lum = isotropic_smoothing(image, return_luminance=True)
    expected = [0.00495, 0.81014, 1.3249, 1.74994, 2.29721, 0.06683, 0.75756, 1.49838]
    np.testing.assert_allclose(r[0], expected, atol=5e-6)
    assert r[4, 4] == pytest.approx(1.259087, abs=1e-6)
    assert lum[4, 4] == pytest.approx(0.405694, abs=1e-6)


def test_toolbox(shared: Path) -> None:
    path = shared / "reference" / "isotropic_smoothing" / "inface_is.npz"
    if not path.exists():
        pytest.skip("the toolbox' outputs are not there")
    z = np.load(path)
    r, lum = isotropic_smoothing(z["X"], return_luminance=True)
    defined = np.isfinite(z["R_raw"]).all(axis=(1, 2))
    assert defined.sum() == 21
    np.testing.assert_allclose(r[defined], z["R_raw"][defined], rtol=0, atol=1e-9)
    np.testing.assert_allclose(lum[defined], z["L_raw"][defined], rtol=0, atol=1e-9)
    strong = isotropic_smoothing(z["X"][:4], 20.0)
    known = np.isfinite(z["R_raw_lam20"]).all(axis=(1, 2))
    np.testing.assert_allclose(strong[known], z["R_raw_lam20"][known], rtol=0, atol=1e-9)


def test_stack_equals_single_pictures() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8)
    np.testing.assert_array_equal(
        isotropic_smoothing(images), np.stack([isotropic_smoothing(i) for i in images])
    )


def test_brightness_and_contrast_do_not_matter() -> None:
    image = np.random.default_rng(1).integers(0, 256, (48, 48)).astype(float)
    image.flat[:2] = 0, 255
    np.testing.assert_allclose(
        isotropic_smoothing(image), isotropic_smoothing(image * 0.5 + 40), atol=1e-12
    )


@pytest.mark.parametrize("value", [0, 128])
def test_flat_picture_gives_ones(value: int) -> None:
    r, lum = isotropic_smoothing(np.full((48, 48), value, np.uint8), return_luminance=True)
    assert (r == 1).all()
    assert (lum == 0).all()


def test_empty_stack() -> None:
    assert isotropic_smoothing(np.empty((0, 48, 48))).shape == (0, 48, 48)


@pytest.mark.parametrize(
    "bad", [np.zeros(4), np.zeros((2, 2, 2, 2)), np.zeros((0, 4)), np.full((4, 4), np.nan)]
)
def test_bad_pictures(bad: np.ndarray) -> None:
    with pytest.raises(DataError):
        isotropic_smoothing(bad)


@pytest.mark.parametrize("smoothness", [0, -1, np.nan, np.inf])
def test_bad_smoothness(smoothness: float) -> None:
    with pytest.raises(ParameterError, match="positive"):
        isotropic_smoothing(np.eye(4), smoothness)


def test_reflectance_to_pixels() -> None:
    np.testing.assert_array_equal(reflectance_to_pixels([0, 1, 2, 9]), [0, 128, 255, 255])
