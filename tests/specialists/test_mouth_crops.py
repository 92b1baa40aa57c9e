"""Mouth crops: where they are cut, and what they are cut from."""

from __future__ import annotations

import numpy as np
import pytest

from emonets.errors import DataError, ParameterError
from emonets.specialists.mouth.crops import (
    COLUMNS,
    HEIGHT,
    ROWS,
    WIDTH,
    MouthView,
    mouth_transforms,
    stills_as_tubes,
)
from emonets.tubes.registration import (
    FER_LANDMARK_MEAN,
    TUBE_TO_FER,
    apply,
    invert,
    register,
    to_grey,
)

MEAN_FACE = apply(invert(TUBE_TO_FER), FER_LANDMARK_MEAN)
"""(51, 2) a mean face in a tube."""
MOUTH = MEAN_FACE[-20:].mean(axis=0)


def tubes(n: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 96, 96, 3), np.uint8)


def turned(
    points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]
) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return (points - 48) @ np.array([[c, s], [-s, c]]) + 48 + np.array(shift)


def test_the_fixed_region_is_the_papers() -> None:
    crops = tubes()
    mouths = MouthView(colour="rgb").cut(crops)
    assert mouths.shape == (3, 30, 40, 3)
    np.testing.assert_array_equal(mouths, crops[:, 55:85, 30:70])
    assert (ROWS.start, COLUMNS.start, HEIGHT, WIDTH) == (55, 30, 30, 40)


def test_grey_is_the_grey_of_the_colours() -> None:
    crops = tubes()
    grey = MouthView().cut(crops)
    np.testing.assert_array_equal(grey, to_grey(crops)[:, 55:85, 30:70])
    np.testing.assert_array_equal(MouthView().cut(to_grey(crops)), grey)


def test_grey_of_stored_colours_is_the_same_around_landmarks() -> None:
    crops, points = tubes(2), np.stack([MEAN_FACE, turned(MEAN_FACE, 0.2, 1.1, (3, 1))])
    colours = MouthView("landmarks", "rgb").cut(crops, points)
    np.testing.assert_array_equal(MouthView("landmarks").cut(crops, points), to_grey(colours))


def test_a_mean_face_is_cut_around_its_mouth() -> None:
    transform = mouth_transforms(MEAN_FACE[None], window=1)[0]
    np.testing.assert_allclose(transform[:, :2], np.eye(2), atol=1e-9)
    np.testing.assert_allclose(apply(transform, MOUTH), [WIDTH / 2, HEIGHT / 2], atol=1e-9)


@pytest.mark.parametrize(
    ("angle", "scale", "shift"), [(0.3, 1.0, (0, 0)), (0.0, 1.3, (4, -6)), (-0.2, 0.8, (-5, 2))]
)
def test_turned_and_moved_faces_give_the_same_mouth(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    points = turned(MEAN_FACE, angle, scale, shift)
    transform = mouth_transforms(points[None], window=1)[0]
    placed = apply(transform, points)
    expected = MEAN_FACE - MOUTH + np.array([WIDTH / 2, HEIGHT / 2])
    np.testing.assert_allclose(placed, expected, atol=1e-8)


def test_a_spot_at_the_mouth_comes_to_the_middle() -> None:
    x, y = np.meshgrid(np.arange(96) + 0.5, np.arange(96) + 0.5)
    points = turned(MEAN_FACE, 0.25, 1.1, (5, -4))
    middle = points[-20:].mean(axis=0)
    spot = 255 * np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / 18)
    crop = MouthView("landmarks").cut(spot[None].astype(np.uint8), points[None])[0].astype(float)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    centre = (crop * columns).sum() / crop.sum(), (crop * rows).sum() / crop.sum()
    np.testing.assert_allclose(centre, [WIDTH / 2, HEIGHT / 2], atol=0.1)


def test_regions_are_averaged_over_time() -> None:
    jitter = np.random.default_rng(0).normal(0, 1, (40, 1, 2))
    points = MEAN_FACE[None] + jitter
    alone = mouth_transforms(points, window=1)[:, :, 2]
    smooth = mouth_transforms(points, window=11)[:, :, 2]
    assert smooth.std(axis=0).max() < 0.5 * alone.std(axis=0).min()


def test_a_lost_face_takes_its_neighbours_mouth_or_a_mean_faces() -> None:
    wrong = np.random.default_rng(1).uniform(0, 96, (51, 2))
    moved = MEAN_FACE + np.array([6, 3])
    one = mouth_transforms(np.stack([moved, wrong, moved]), window=3)
    np.testing.assert_allclose(one[1], one[0], atol=1e-9)
    alone = mouth_transforms(wrong[None], window=11)
    np.testing.assert_allclose(alone, mouth_transforms(MEAN_FACE[None], window=1), atol=1e-9)


def test_stills_come_back_where_they_were() -> None:
    smooth = np.add.outer(np.arange(48) * 2, np.arange(48) * 3)[None].astype(np.uint8)
    back = register(stills_as_tubes(smooth), border="edge")
    away = np.abs(back[0, 8:40, 8:40].astype(int) - smooth[0, 8:40, 8:40])
    assert away.max() <= 2
    large = smooth.repeat(2, axis=1).repeat(2, axis=2)
    away = np.abs(stills_as_tubes(large).astype(int) - stills_as_tubes(smooth))
    assert away[0, 20:80, 20:80].mean() < 2


def test_a_stills_mouth_lies_in_the_region() -> None:
    fer = FER_LANDMARK_MEAN[-20:].mean(axis=0)
    x, y = np.meshgrid(np.arange(48) + 0.5, np.arange(48) + 0.5)
    face = (255 * np.exp(-((x - fer[0]) ** 2 + (y - fer[1]) ** 2) / 8)).astype(np.uint8)
    row, column = np.unravel_index(stills_as_tubes(face[None])[0].argmax(), (96, 96))
    np.testing.assert_allclose([column + 0.5, row + 0.5], MOUTH, atol=1)
    assert 55 <= row < 85
    assert 30 <= column < 70


def test_what_shows_nothing_is_known_not_to() -> None:
    mouths = np.full((3, 30, 40, 3), 90, np.uint8)
    mouths[1, 4, 4] = 130  # black and white
    mouths[2, 4, 4] = 10, 200, 30
    np.testing.assert_array_equal(MouthView(colour="rgb").known(mouths), [False, False, True])
    np.testing.assert_array_equal(MouthView().known(mouths[..., 0]), [False, True, True])
    assert MouthView().known(np.empty((0, 30, 40), np.uint8)).shape == (0,)


def test_no_picture_gives_no_mouth() -> None:
    empty = np.zeros((0, 96, 96, 3), np.uint8)
    assert MouthView(colour="rgb").cut(empty).shape == (0, 30, 40, 3)
    assert MouthView("landmarks").cut(empty, np.zeros((0, 68, 2))).shape == (0, 30, 40)


@pytest.mark.parametrize(
    ("view", "crops", "words"),
    [
        (MouthView(), np.zeros((2, 64, 64, 3), np.uint8), "96 × 96 in grey or RGB, got 64 × 64"),
        (MouthView(colour="rgb"), np.zeros((2, 96, 96), np.uint8), "in RGB, got 96 × 96 in grey"),
        (MouthView(), np.zeros((2, 96, 96, 3)), "float64"),
        (MouthView(), np.zeros((2, 96, 96, 4), np.uint8), r"\(2, 96, 96, 4\)"),
        (MouthView("landmarks"), np.zeros((2, 96, 96), np.uint8), "none is given"),
    ],
)
def test_tubes_of_another_kind(view: MouthView, crops: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        view.cut(crops)


def test_landmarks_of_other_pictures() -> None:
    with pytest.raises(DataError, match="of 3 pictures"):
        MouthView("landmarks").cut(tubes(), np.zeros((2, 68, 2)))


@pytest.mark.parametrize("images", [np.zeros((2, 48, 40), np.uint8), np.zeros((2, 48, 48))])
def test_stills_of_another_kind(images: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected grey uint8 faces"):
        stills_as_tubes(images)


@pytest.mark.parametrize("words", [{"region": "nose"}, {"colour": "gray"}])
def test_unknown_words(words: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="must be one of"):
        MouthView(**words)
