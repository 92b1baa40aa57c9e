"""Faces on their side or head: pictures are turned for reading; upright clips never are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from emonets.media.clip import Clip, open_clip
from emonets.media.piece import ClipPiece
from emonets.model import load
from emonets.tubes.boxes import Detections
from emonets.tubes.centerface import CenterFace
from emonets.tubes.detect import FunctionDetector
from emonets.tubes.upright import LeanWatch, lean_of, set_upright, turns_of
from heif_files import TILES
from media_files import write_media

UPRIGHT = np.array([[-1, -1], [1, -1], [0, 0], [-0.8, 1], [0.8, 1]], np.float32)


def leaning(
    *degrees: float, scores: tuple[float, ...] = (), sides: tuple[float, ...] = ()
) -> Detections:
    """Faces that lean by so many degrees, in the sense of `lean_of`."""
    n = len(degrees)
    points = []
    for angle in np.radians(degrees):
        c, s = np.cos(angle), np.sin(angle)
        points.append(UPRIGHT @ np.array([[c, -s], [s, c]], np.float32))
    size = np.array(sides or [100.0] * n, np.float32)
    boxes = np.stack([0 * size, 0 * size, size, size], axis=1)
    return Detections(
        boxes, np.array(scores or [0.9] * n, np.float32), np.array(points, np.float32)
    )


@pytest.fixture(scope="module")
def detector() -> CenterFace:
    return CenterFace()


@pytest.fixture(scope="module")
def pictures(happy: Path) -> list[np.ndarray]:
    return [frame.image for frame in open_clip(happy).frames()][:20]


def film(path: Path, pictures: list[np.ndarray]) -> Path:
    """A film of these pictures, which may differ in how they are turned but not in size."""
    height, width = pictures[0].shape[:2]
    return write_media(
        path, stamps=[40 * i for i in range(len(pictures))], size=(width, height),
        paint=lambda i: np.ascontiguousarray(pictures[i]),
    )  # fmt: skip


def settled(path: Path, detector: CenterFace) -> Clip:
    clip = open_clip(path)
    set_upright(clip, detector)
    return clip


def test_lean() -> None:
    points = leaning(0, 90, -90, 180, 30).points
    assert points is not None
    assert lean_of(points) == pytest.approx([0, 90, -90, 180, 30], abs=1e-3)


def test_turns_by_most_of_the_faces() -> None:
    assert turns_of(leaning(3)) == 0
    assert turns_of(leaning(50)) == 0
    assert turns_of(leaning(82)) == 1
    assert turns_of(leaning(-175)) == turns_of(leaning(175)) == 2
    assert turns_of(leaning(-100)) == 3
    assert turns_of(leaning(62)) == 1
    assert turns_of(leaning(135)) is None
    assert turns_of(leaning(90, scores=(0.45,))) is None
    assert turns_of(leaning()) is None
    # one who lies beside one who sits
    assert turns_of(leaning(90, 5)) == 0
    assert turns_of(leaning(90, 5, sides=(300, 40))) == 1
    assert turns_of(Detections(np.zeros((1, 4), np.float32), np.ones(1, np.float32))) is None


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_film_is_turned_back(
    tmp_path: Path, detector: CenterFace, pictures: list[np.ndarray], turns: int
) -> None:
    path = film(tmp_path / "a.mp4", [np.rot90(p, turns) for p in pictures])
    clip = settled(path, detector)
    assert clip.turned == turns
    assert (clip.info.width, clip.info.height) == pictures[0].shape[1::-1]
    frame = next(clip.frames())
    assert np.abs(frame.image.astype(int) - pictures[0]).mean() < 8
    assert f"turned by {turns * 90} degrees clockwise" in clip.notes[0]
    assert not clip.warnings
    # a second time nothing is left to do
    set_upright(clip, detector)
    assert (clip.turned, len(clip.notes)) == (turns, 1)
    piece = ClipPiece(open_clip(path), 0.2, 0.6)
    set_upright(piece, detector)
    first = next(piece.frames())
    assert first.time == pytest.approx(0.2)
    assert np.abs(first.image.astype(int) - pictures[5]).mean() < 8


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_stills(tmp_path: Path, detector: CenterFace, turns: int) -> None:
    image = next(open_clip(TILES).frames()).image
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.rot90(image, turns)[:, :, ::-1])
    assert settled(path, detector).turned == turns


def test_upright_and_faceless_clips_stay(
    tmp_path: Path, detector: CenterFace, happy: Path, angry: Path, pictures: list[np.ndarray]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, pictures[0].shape).astype(np.uint8)
    paths = [
        happy, angry, film(tmp_path / "a.mp4", [noise] * 20),
        film(tmp_path / "b.mp4", [noise] * 8 + pictures[:12]),
        film(tmp_path / "c.mp4", [p[:, ::-1] for p in pictures]),
    ]  # fmt: skip
    for path in paths:
        clip = settled(path, detector)
        assert (clip.turned, clip.notes) == (0, []), path


def test_a_leaning_head_stays(
    tmp_path: Path, detector: CenterFace, pictures: list[np.ndarray]
) -> None:
    height, width = pictures[0].shape[:2]
    lean = cv2.getRotationMatrix2D((width / 2, height / 2), 40, 1.0)
    path = film(tmp_path / "a.mp4", [cv2.warpAffine(p, lean, (width, height)) for p in pictures])
    assert settled(path, detector).turned == 0


def test_someone_who_lies_down_turns_no_film(
    tmp_path: Path, detector: CenterFace, pictures: list[np.ndarray]
) -> None:
    size = max(pictures[0].shape)
    square = [
        cv2.copyMakeBorder(p, 0, size - p.shape[0], 0, size - p.shape[1], cv2.BORDER_CONSTANT)
        for p in pictures
    ]
    lying = [np.rot90(p) for p in square]
    clip = settled(film(tmp_path / "a.mp4", lying[:8] + square[8:]), detector)
    assert clip.turned == 0
    assert "faces lie on their side or head in 3 of 8 pictures" in clip.notes[0]
    # one who lies only later is found by the pass itself
    watch = LeanWatch(detector)
    watch.reset()
    for picture in square[:3] + lying[:4]:
        watch.detect(np.ascontiguousarray(picture))
    assert "in 4 of 7 pictures with a face, which were not turned" in str(watch.note())
    watch.reset()
    assert watch.note() is None


def test_a_detector_without_points_turns_nothing(tmp_path: Path, happy: Path) -> None:
    clip = open_clip(happy)
    set_upright(clip, FunctionDetector(lambda image: [[0, 0, 10, 10]]))
    assert clip.turned == 0


def test_the_result_is_that_of_the_upright_film(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    model = load("modern").with_models(["face"])
    plain = model.predict(film(tmp_path / "a.mp4", pictures))
    turned = model.predict(film(tmp_path / "b.mp4", [np.rot90(p, 2) for p in pictures]))
    expected, got = plain.rows[-1].probabilities, turned.rows[-1].probabilities
    assert plain.rows[-1].label == turned.rows[-1].label
    assert got == pytest.approx(expected, abs=0.1)
    assert "turned by 180 degrees" in turned.files[0].message
    assert turned.files[0].status == "ok"
