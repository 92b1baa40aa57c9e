"""Stills as arrays: which pictures, how they are decoded, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dataset_trees import TREES
from emonets.datasets import open_dataset
from emonets.datasets.readers import fer2013
from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError, ParameterError

IMAGES = np.random.default_rng(0).integers(0, 256, size=(9, 48, 48), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 0, 3])


def test_face_images_check_themselves() -> None:
    good: dict[str, Any] = {
        "images": IMAGES, "labels": LABELS, "split": None, "groups": None,
        "name": "made up", "citation": "", "licence": "",
    }  # fmt: skip
    with pytest.raises(DataError, match="made up is not divided"):
        FaceImages(**good).take("train")
    for change, message in (
        ({"images": IMAGES / 255}, "uint8"),
        ({"images": IMAGES[0]}, "n, height, width"),
        ({"labels": LABELS[:-1]}, "9 images but 8 labels"),
        ({"labels": LABELS.astype(np.int32)}, "int64"),
        ({"labels": LABELS + 1}, "label 7 of image 6 is not in 0..6"),
        ({"groups": np.arange(3)}, "9 images but 3 groups"),
    ):
        with pytest.raises(DataError, match=message):
            FaceImages(**(good | change))


def picture(path: Path, image: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = IMAGES[0] if image is None else image
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def test_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "Happy" / "b.png", IMAGES[1])
    picture(tmp_path / "Happy" / "a.PNG", IMAGES[2])
    picture(tmp_path / "anger" / "deeper" / "c.bmp", IMAGES[3])
    picture(tmp_path / "Überraschung.png")  # lies in no class
    picture(tmp_path / "NEUTRAL" / "ein Gesicht – größer.png", IMAGES[4])
    (tmp_path / "anger" / "readme.txt").write_text("not a picture")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    faces = open_dataset(tmp_path).still_faces()
    assert faces.labels.tolist() == [0, 3, 3, 6]
    assert (faces.images == IMAGES[[3, 2, 1, 4]]).all()
    assert faces.split is None
    assert faces.groups is None
    assert faces.skipped == (f"{tmp_path}/Überraschung.png: lies in no class folder",)
    assert faces.name == tmp_path.name


def test_people_in_folders_are_groups(tmp_path: Path) -> None:
    for name in ("happy/ann/1.png", "sad/ann/1.png", "sad/bob/1.png"):
        picture(tmp_path / name)
    groups = open_dataset(tmp_path).still_faces().groups
    assert groups is not None
    assert groups.tolist() == ["ann", "ann", "bob"]


@pytest.mark.parametrize("parts", [("train", "valid", "test"), fer2013.SPLITS, ("Train", "val")])
def test_split_folders(parts: tuple[str, ...], tmp_path: Path) -> None:
    for k, part in enumerate(parts):
        picture(tmp_path / part / "sad" / "1.png", IMAGES[k])
        picture(tmp_path / part / "fear" / "1.png", IMAGES[k + 3])
    faces = open_dataset(tmp_path).still_faces()
    for k, part in enumerate(parts):
        here = faces.take(part)
        assert (here.images == IMAGES[[k + 3, k]]).all()
        assert here.labels.tolist() == [2, 4]


def test_pictures_become_grey_squares_of_one_size(tmp_path: Path) -> None:
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[:, 20:80] = (30, 60, 90)  # the centred square; black on both sides of it
    picture(tmp_path / "happy" / "wide.png", wide)
    picture(tmp_path / "happy" / "small.png", np.full((10, 10), 77, np.uint8))
    picture(tmp_path / "happy" / "tall.png", np.full((97, 50, 4), 40, np.uint8))
    picture(tmp_path / "happy" / "deep.png", np.full((50, 50), 128 * 257, np.uint16))
    faces = open_dataset(tmp_path).still_faces(24)
    assert faces.images.shape == (4, 24, 24)
    flat = [int(image[0, 0]) for image in faces.images]
    assert all((image == image[0, 0]).all() for image in faces.images)
    assert flat[:3] == [128, 77, 40]
    assert flat[3] == pytest.approx(0.114 * 30 + 0.587 * 60 + 0.299 * 90, abs=1)


def test_shrinking_averages_areas(tmp_path: Path) -> None:
    fine = np.indices((96, 96)).sum(axis=0) % 2 * 255
    picture(tmp_path / "happy" / "board.png", fine.astype(np.uint8))
    assert np.isin(open_dataset(tmp_path).still_faces().images, (127, 128)).all()


def test_unreadable_files_are_listed(tmp_path: Path) -> None:
    whole = picture(tmp_path / "happy" / "good.png").read_bytes()
    (tmp_path / "happy" / "empty.png").write_bytes(b"")
    (tmp_path / "happy" / "text.jpg").write_text("no picture")
    (tmp_path / "happy" / "cut.png").write_bytes(whole[:40])
    (tmp_path / "happy" / "folder.png").mkdir()  # no file at all
    faces = open_dataset(tmp_path).still_faces()
    assert len(faces) == 1
    assert len(faces.skipped) == 3
    for name, reason in (
        ("cut.png", "damaged"),
        ("empty.png", "is empty"),
        ("text.jpg", "OpenCV reads"),
    ):
        assert sum(name in line and reason in line for line in faces.skipped) == 1
    (tmp_path / "happy" / "good.png").unlink()
    with pytest.raises(DataError, match=r"3 could not be read, first .*empty\.png"):
        open_dataset(tmp_path).still_faces()


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".webp"])
def test_pictures_cut_short_are_not_read_as_whole(kind: str, tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "good.png")
    whole = picture(tmp_path / "happy" / f"x{kind}").read_bytes()
    assert len(open_dataset(tmp_path).still_faces()) == 2
    for k in range(1, 16):
        (tmp_path / "happy" / f"x{kind}").write_bytes(whole[: len(whole) * k // 16])
        assert len(open_dataset(tmp_path).still_faces().skipped) == 1, k


def test_groups_come_from_names_by_a_pattern(tmp_path: Path) -> None:
    for name in ("s1_a.png", "s1_b.png", "s22_a.png"):
        picture(tmp_path / "happy" / name)
    for pattern, expected in ((r"^(s\d+)_", ["s1", "s1", "s22"]), ("[ab]", ["a", "b", "a"])):
        groups = open_dataset(tmp_path, group_pattern=pattern).still_faces().groups
        assert groups is not None
        assert groups.tolist() == expected
    with pytest.raises(DataError, match=r"s1_a\.png: group_pattern 'x' does not match"):
        open_dataset(tmp_path, group_pattern="x")
    with pytest.raises(ParameterError, match="side must be at least 1 pixel, got 0"):
        open_dataset(tmp_path).still_faces(0)


def test_other_folders_are_left_out_with_a_reason(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "1.png")
    picture(tmp_path / "contempt" / "1.png")
    (tmp_path / "happy" / "notes.txt").write_text("no picture")
    (skipped,) = open_dataset(tmp_path).still_faces().skipped
    assert skipped == f"{tmp_path}/contempt/1.png: lies in no class folder (contempt is none)"


def test_some_pictures_in_parts_and_some_in_none(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "happy" / "1.png")
    loose = picture(tmp_path / "sad" / "1.png")
    with pytest.raises(DataError, match="parts train, but 1 in none") as caught:
        open_dataset(tmp_path).still_faces()
    assert str(loose) in str(caught.value)


def test_data_without_pictures(tmp_path: Path) -> None:
    data = open_dataset(TREES["emodb"].make(tmp_path))
    with pytest.raises(DataError, match=f"{tmp_path}: no labelled picture in it"):
        data.still_faces()
