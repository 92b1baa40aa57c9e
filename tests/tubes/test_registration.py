"""Similarities, the FER2013 frame, and the noise around a tube."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.tubes.registration import (
    FER_LANDMARK_MEAN,
    FER_MEAN_SHAPE,
    TUBE_TO_FER,
    apply,
    face_transforms,
    invert,
    register,
    shape_residuals,
    similarity,
    to_grey,
)

SHAPES = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "mean_shapes.npz"

# Row of Zhu and Ramanan's 68 parts that is point 17 + k of the iBUG markup
ZHU_RAMANAN = [
    *(15, 16, 17, 18, 19, 30, 29, 28, 27, 26, 8, 7, 6, 5, 2, 1, 0, 3, 4),
    *(14, 13, 12, 9, 10, 11, 20, 23, 24, 25, 22, 21),
    *(34, 33, 32, 31, 38, 39, 40, 43, 45, 50, 47, 49, 35, 36, 37, 42, 41, 44, 46, 48),
]


def turned(scale: float, degrees: float, x: float, y: float) -> NDArray[np.float64]:
    t = np.radians(degrees)
    return np.array(
        [[scale * np.cos(t), -scale * np.sin(t), x], [scale * np.sin(t), scale * np.cos(t), y]]
    )


def tube_points(n: int) -> NDArray[np.float64]:
    """FER2013's mean shape in tube pixels, n times."""
    return np.repeat(apply(invert(TUBE_TO_FER), FER_LANDMARK_MEAN)[None], n, axis=0)


@given(
    st.floats(0.1, 10), st.floats(-180, 180), st.floats(-100, 100), st.floats(-100, 100),
    st.integers(0, 100),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_similarity_recovers_any_similarity(
    scale: float, degrees: float, x: float, y: float, seed: int
) -> None:
    points = np.random.default_rng(seed).normal(0, 10, (5, 2))
    expected = turned(scale, degrees, x, y)
    assert np.allclose(similarity(points, apply(expected, points)), expected, atol=1e-8)


def test_similarity_is_least_squares_and_never_mirrors() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(8, 2)), rng.normal(size=(8, 2))
    m = similarity(source, target)
    assert np.linalg.det(m[:, :2]) > 0

    def error(transform: NDArray[np.float64]) -> float:
        return float(((apply(transform, source) - target) ** 2).sum())

    for change in rng.normal(0, 0.01, (50, 4)):
        a, b, x, y = change
        assert error(m) <= error(m + np.array([[a, -b, x], [b, a, y]]))
    mirrored = similarity(source, source * [-1, 1])
    assert np.linalg.det(mirrored[:, :2]) > 0


def test_similarity_of_a_stack_is_that_of_each() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(4, 6, 2)), rng.normal(size=(6, 2))
    assert np.allclose(similarity(source, target), [similarity(s, target) for s in source])


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.zeros((5, 2)), np.ones((5, 2))),
        (np.ones((5, 2)) * 7, np.ones((5, 2))),
        (np.zeros((5, 3)), np.zeros((5, 3))),
        (np.zeros((5, 2)), np.zeros((4, 2))),
        (np.full((5, 2), np.nan), np.zeros((5, 2))),
    ],
)
def test_similarity_refuses_what_has_none(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> None:
    with pytest.raises(DataError):
        similarity(source, target)


def test_invert_undoes() -> None:
    m = turned(0.6, 12, 3, -5)
    points = np.random.default_rng(0).normal(size=(7, 2))
    assert np.allclose(apply(invert(m), apply(m, points)), points)


@pytest.mark.skipif(not SHAPES.exists(), reason="the shared reference data are not here")
class TestAuthorsShapes:
    @pytest.mark.parametrize(
        ("part", "scale", "degrees", "shift"),
        [
            ("test", 0.59743, -0.402, (-24.178, -27.769)),
            ("train", 0.60394, -0.598, (-24.553, -27.949)),
            ("valid", 0.60040, -0.247, (-24.429, -27.728)),
        ],
    )
    def test_published_transforms(
        self, part: str, scale: float, degrees: float, shift: tuple[float, float]
    ) -> None:
        with np.load(SHAPES) as shapes:
            # as the authors did: 1-based, 32 pixels of border, the five-fold picture divided
            m = similarity(shapes[f"afew_{part}_96"][:51] + 32, shapes["google48_x5"][:51] / 5)
        assert np.hypot(*m[:, 0]) == pytest.approx(scale, abs=1e-5)
        assert np.degrees(np.arctan2(m[0, 1], m[0, 0])) == pytest.approx(degrees, abs=1e-3)
        assert m[:, 2] == pytest.approx(shift, abs=1e-3)

    def test_our_constants_are_theirs_counted_from_the_edge(self) -> None:
        with np.load(SHAPES) as shapes:
            fer = (shapes["google48_x5"][:51] - 0.5) / 5
            tube = shapes["afew_test_96"][:51] - 0.5
            published = similarity(shapes["afew_test_96"][:51] + 32, shapes["google48_x5"][:51] / 5)
        assert np.abs(FER_MEAN_SHAPE - fer[ZHU_RAMANAN]).max() < 6e-4
        assert np.allclose(TUBE_TO_FER, similarity(tube, fer), atol=1e-9)
        # the same transform but for the 0.4 pixels of their division
        ours = TUBE_TO_FER[:, 2] - TUBE_TO_FER[:, :2] @ [32.5, 32.5] + 0.5
        assert np.allclose(ours - published[:, 2], 0.4, atol=1e-6)


@pytest.mark.parametrize("shape", [FER_MEAN_SHAPE, FER_LANDMARK_MEAN])
def test_mean_shapes_are_faces_in_ibug_order(shape: NDArray[np.float64]) -> None:
    assert shape.shape == (51, 2)
    assert (shape > 5).all()
    assert (shape < 43).all()
    x, y = shape.T
    assert (np.diff(x[:10]) > 0).all()  # brows from left to right
    assert (np.diff(y[10:14]) > 0).all()  # down the nose
    assert (np.diff(x[14:19]) > 0).all()  # its base
    assert x[19] == x[19:25].min()
    assert x[28] == x[25:31].max()
    assert y[20:22].max() < y[23:25].min()  # upper lids above lower ones
    assert x[31] == x[31:].min()
    assert x[37] == x[31:].max()
    assert y[32:37].max() < y[38:43].min()  # upper lip above the lower one
    assert np.abs(y[19:31].mean() - 18) < 0.5


def test_mean_face_of_the_tube_lies_within_it() -> None:
    points = tube_points(1)[0]
    assert points.min() > 15
    assert points.max() < 90


def test_constants_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TUBE_TO_FER[0, 0] = 1.0


def test_to_grey_weights_and_types() -> None:
    pure = np.zeros((1, 1, 3, 3), np.uint8)
    pure[0, 0, np.arange(3), np.arange(3)] = 255
    assert to_grey(pure)[0, 0].tolist() == [76, 150, 29]
    grey = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    assert to_grey(grey) is grey
    assert to_grey(np.zeros((0, 96, 96, 3), np.uint8)).shape == (0, 96, 96)
    for wrong in (np.zeros((1, 4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4, 4), "u1")):
        with pytest.raises(DataError):
            to_grey(wrong)


def test_register_places_what_it_should() -> None:
    """A bright spot in the tube lands where the transform says."""
    crops = np.zeros((3, 96, 96), np.uint8)
    spots = np.array([[30.0, 40.0], [48.0, 56.0], [66.0, 70.0]])
    for crop, (x, y) in zip(crops, spots.astype(int), strict=True):
        crop[y - 4 : y + 4, x - 4 : x + 4] = 255
    out = register(crops, border="edge").astype(float)
    centres = np.arange(48) + 0.5
    found = (
        np.stack([(out * centres).sum((1, 2)), (out * centres[:, None]).sum((1, 2))], axis=1)
        / out.sum((1, 2))[:, None]
    )
    assert np.allclose(found, apply(TUBE_TO_FER, spots), atol=0.15)


def test_register_identity_keeps_every_pixel() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 48, 48), np.uint8)
    for border in ("noise", "edge"):
        out = register(crops, np.eye(2, 3), border=border)  # type: ignore[arg-type]
        assert np.array_equal(out, crops)


def test_noise_depends_on_seed_and_index_alone() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (6, 96, 96, 3), np.uint8)
    small = np.array([[0.3, 0, 9.6], [0, 0.3, 9.6]])  # leaves much border
    whole = register(crops, small, seed=5)
    assert np.array_equal(whole[2:4], register(crops[2:4], small, seed=5, indices=[2, 3]))
    assert not np.array_equal(whole[2:4], register(crops[2:4], small, seed=5))
    assert not np.array_equal(whole, register(crops, small, seed=6))
    inside = (slice(None), slice(11, 37), slice(11, 37))
    assert np.array_equal(whole[inside], register(crops, small, seed=6)[inside])
    corner = np.stack([w[:8, :8] for w in whole]).astype(float)
    assert 90 < corner.mean() < 165
    assert corner.std() > 20
    assert (register(crops * 0, small, border="edge") == 0).all()


def test_register_takes_a_transform_a_crop() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 96, 96), np.uint8)
    own = np.stack([TUBE_TO_FER, turned(0.5, 5, 0, 0), turned(0.7, -9, -9, -3)])
    together = register(crops, own)
    for k in range(3):
        alone = register(crops[k : k + 1], own[k], indices=[k])[0]
        assert np.array_equal(together[k], alone)
    assert register(crops[:0]).shape == (0, 48, 48)
    assert register(crops, size=40).shape == (3, 40, 40)


@pytest.mark.parametrize(
    "change",
    [
        {"border": "black"}, {"size": 0}, {"seed": -1}, {"transform": np.eye(3)},
        {"transform": np.full((2, 3), np.nan)}, {"indices": [0, 1, 2]}, {"indices": [-1, 0]},
        {"indices": [0.5, 1.0]}, {"transform": np.zeros((3, 2, 3))}, {"crops": np.zeros((2, 9, 9))},
    ],
)  # fmt: skip
def test_register_refuses(change: dict[str, object]) -> None:
    arguments: dict[str, object] = {"crops": np.zeros((2, 96, 96), np.uint8), **change}
    with pytest.raises((DataError, ParameterError)):
        register(**arguments)  # type: ignore[arg-type]


def test_residuals_know_a_face() -> None:
    face = apply(turned(3, 20, 5, 5), FER_LANDMARK_MEAN)
    rng = np.random.default_rng(0)
    cases = np.stack([face, rng.uniform(0, 96, (51, 2)), np.full((51, 2), 7.0), face * np.nan])
    good, noise, point, missing = shape_residuals(cases)
    assert good < 1e-6
    assert noise > 8
    assert np.isinf([point, missing]).all()
    assert shape_residuals(np.concatenate([np.zeros((4, 17, 2)), cases], axis=1))[0] == good


def test_face_transforms_follow_the_face() -> None:
    moved = apply(turned(1.1, 8, -6, 3), tube_points(1)[0])
    m = face_transforms(moved[None])[0]
    assert np.allclose(apply(m, moved), FER_LANDMARK_MEAN, atol=1e-6)


def test_face_transforms_average_and_fall_back() -> None:
    rng = np.random.default_rng(0)
    points = tube_points(9) + rng.normal(0, 1.0, (9, 1, 2))
    points[4] = rng.uniform(0, 96, (51, 2))
    plain = face_transforms(points)
    assert np.array_equal(plain[4], TUBE_TO_FER)
    smooth = face_transforms(points, window=3)
    assert np.allclose(smooth[4], plain[[3, 5]].mean(axis=0))
    assert np.allclose(smooth[0], plain[:2].mean(axis=0))
    assert np.allclose(smooth[7], plain[6:9].mean(axis=0))
    nothing = rng.uniform(0, 96, (3, 68, 2))
    assert np.array_equal(face_transforms(nothing, window=5), np.stack([TUBE_TO_FER] * 3))
    assert face_transforms(np.zeros((0, 68, 2)), window=5).shape == (0, 2, 3)


def test_face_transforms_refuse() -> None:
    with pytest.raises(ParameterError, match="odd"):
        face_transforms(tube_points(2), window=4)
    with pytest.raises(DataError, match="68"):
        face_transforms(np.zeros((2, 5, 2)))
