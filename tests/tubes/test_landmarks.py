"""The landmark network on real faces, mirrored, shifted, enlarged, and on none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emonets.errors import BundleError, DataError
from emonets.media.clip import open_clip
from emonets.tubes import networks
from emonets.tubes.detect import CenterFace, Detections
from emonets.tubes.landmarks import BATCH, MIRRORED, FaceLandmarker
from emonets.tubes.neighbourhood import cut_crop, neighbourhood
from emonets.tubes.registration import FER_LANDMARK_MEAN, TUBE_TO_FER, apply, shape_residuals

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.flv"))


@pytest.fixture(scope="module")
def landmarker() -> FaceLandmarker:
    return FaceLandmarker(threads=1)


@pytest.fixture(scope="module")
def faces() -> list[tuple[NDArray[np.uint8], Detections]]:
    """Frames of the two example clips, each with its face."""
    detector = CenterFace(coarse=480, finest=480, threads=1)
    result = []
    for path in EXAMPLES:
        frames = list(open_clip(path).frames())
        result += [(f.image, detector.detect(f.image)) for f in frames[::25]]
    return result


@pytest.fixture(scope="module")
def crops(faces: list[tuple[NDArray[np.uint8], Detections]]) -> NDArray[np.uint8]:
    return np.stack([cut_crop(neighbourhood(i, d.boxes[0]), d.boxes[0], 96) for i, d in faces])


def test_points_agree_with_those_of_the_detector(
    landmarker: FaceLandmarker,
    faces: list[tuple[NDArray[np.uint8], Detections]],
    crops: NDArray[np.uint8],
) -> None:
    points = landmarker.points(crops)
    groups = [slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55)]
    five = np.stack([points[:, g].mean(axis=1) for g in groups], axis=1)
    for own, (_, found) in zip(five, faces, strict=True):
        x1, y1, x2, _ = found.boxes[0]
        side = x2 - x1
        assert found.points is not None
        other = (found.points[0] - [x1, y1]) / side * 96
        assert np.linalg.norm(own - other, axis=1).max() < 7
        assert np.linalg.norm(own - other, axis=1).mean() < 4


def test_real_faces_have_the_shape_and_place_of_a_face(
    landmarker: FaceLandmarker, crops: NDArray[np.uint8]
) -> None:
    points = landmarker.points(crops)
    assert points.shape == (len(crops), 68, 2)
    assert points.dtype == np.float32
    assert shape_residuals(points).max() < 2.5
    placed = apply(TUBE_TO_FER, points.astype(np.float64)[:, 17:])
    assert np.abs(placed.mean(axis=(0, 1)) - FER_LANDMARK_MEAN.mean(axis=0)).max() < 3
    jaw = points[:, 8, 1]
    assert (jaw > points[:, 17:, 1].max(axis=1)).all()


def test_mirrored_faces_have_mirrored_points(
    landmarker: FaceLandmarker, crops: NDArray[np.uint8]
) -> None:
    assert np.array_equal(MIRRORED[MIRRORED], np.arange(68))
    apart = np.linalg.norm(landmarker.points(crops) - landmarker.mirrored_points(crops), axis=2)
    assert apart[:, 17:].mean() < 2.5


def test_points_follow_the_picture(landmarker: FaceLandmarker, crops: NDArray[np.uint8]) -> None:
    shifted = np.stack([np.pad(c, ((0, 3), (4, 0), (0, 0)), mode="edge")[3:, :96] for c in crops])
    difference = landmarker.points(shifted) - landmarker.points(crops)
    assert np.abs(difference[:, 17:].mean(axis=(0, 1)) - [4, -3]).max() < 0.7


def test_size_of_the_crop_does_not_matter(
    landmarker: FaceLandmarker, crops: NDArray[np.uint8]
) -> None:
    few = crops[:2]
    large = few.repeat(4, axis=1).repeat(4, axis=2)
    assert np.abs(landmarker.points(large) / 4 - landmarker.points(few)).max() < 2


def test_batch_does_not_matter(landmarker: FaceLandmarker, crops: NDArray[np.uint8]) -> None:
    many = np.resize(crops, (BATCH + 3, *crops.shape[1:]))
    together = landmarker.points(many)
    for k in (0, 5, BATCH, BATCH + 2):
        assert np.array_equal(together[k], landmarker.points(many[k : k + 1])[0])
    assert landmarker.points(crops[:0]).shape == (0, 68, 2)


def test_wall_is_no_face(landmarker: FaceLandmarker) -> None:
    texture = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), np.uint8)
    apart = landmarker.points(texture) - landmarker.mirrored_points(texture)
    unlike = np.linalg.norm(apart[:, 17:], axis=2).mean(axis=1) > 0.045 * 96
    assert (unlike | (shape_residuals(landmarker.points(texture)) > 4)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 96, 96, 3)),
        np.zeros((96, 96, 3), np.uint8),
        np.zeros((2, 96, 90, 3), np.uint8),
        np.zeros((2, 96, 96), np.uint8),
        np.zeros((2, 0, 0, 3), np.uint8),
    ],
)
def test_wrong_crops(landmarker: FaceLandmarker, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(DataError, match=r"crops"):
        landmarker.points(wrong)


@pytest.mark.parametrize("name", sorted(networks.WEIGHTS))
def test_damaged_or_missing_network(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        networks.open_network(name, folder=tmp_path)
    data = bytearray(networks.read_weights(name))
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        networks.open_network(name, folder=tmp_path)
    (tmp_path / name).write_bytes(data[:1000])
    with pytest.raises(BundleError, match="damaged"):
        networks.open_network(name, folder=tmp_path)
