"""Splitting, and bringing another source of faces into FER2013's frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from emonets.clip import open_clip
from emonets.datasets.faces import FaceImages
from emonets.errors import DataError
from emonets.faces.detect import load_detector
from emonets.faces.landmarks import FaceLandmarker
from emonets.faces.pipeline import find_tubes
from emonets.faces.registration import FER_LANDMARK_MEAN, to_grey
from emonets.training.face import _split, onto_fer2013


def faces(n: int, split: list[str] | None = None, groups: list[int] | None = None) -> FaceImages:
    return FaceImages(
        images=np.arange(n, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2),
        labels=np.arange(n) % 7,
        split=None if split is None else np.array(split),
        groups=None if groups is None else np.array(groups),
        name="made up",
        citation="",
        licence="",
    )


def test_named_splits_are_kept_apart() -> None:
    names = ["Training"] * 14 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
    train, choose = _split(faces(28, names), 0)
    assert train.images[:, 0, 0].tolist() == list(range(14))
    assert choose.images[:, 0, 0].tolist() == list(range(14, 21))


def test_subjects_are_never_torn_apart() -> None:
    groups = [i // 7 for i in range(140)]
    train, choose = _split(faces(140, groups=groups), 3)
    a = {int(i) // 7 for i in train.images[:, 0, 0]}
    b = {int(i) // 7 for i in choose.images[:, 0, 0]}
    assert not a & b
    assert len(b) == 2
    again = _split(faces(140, groups=groups), 3)[1]
    np.testing.assert_array_equal(choose.images, again.images)


def test_held_out_faces_have_every_class() -> None:
    train, choose = _split(faces(70), 0)
    assert set(choose.labels) == set(train.labels) == set(range(7))
    assert len(train.labels) + len(choose.labels) == 70


def test_too_few_to_hold_out() -> None:
    with pytest.raises(DataError, match="too few"):
        _split(faces(7, groups=[0] * 7), 0)


def test_a_tighter_source_lands_on_fer2013(happy: Path) -> None:
    tubes = list(find_tubes(open_clip(happy), load_detector(), stride=4))
    crops = np.concatenate([tube.crops for tube in tubes])[::4]
    tight = [cv2.resize(c[12:84, 12:84], (48, 48), interpolation=3) for c in to_grey(crops)]
    out = onto_fer2013(np.stack(tight))
    assert out.shape == (len(crops), 48, 48)
    again = np.stack([cv2.resize(i, (96, 96)) for i in out])
    points = FaceLandmarker().points(np.repeat(again[..., None], 3, axis=3))
    mean = points[:, 17:].mean(axis=0) / 2
    # near FER2013's mean shape; where the unregistered pictures are not
    away = np.sqrt(((mean - FER_LANDMARK_MEAN) ** 2).sum(axis=1).mean())
    before = np.stack([cv2.resize(i, (96, 96)) for i in tight])
    was = FaceLandmarker().points(np.repeat(before[..., None], 3, axis=3))[:, 17:].mean(axis=0) / 2
    far = np.sqrt(((was - FER_LANDMARK_MEAN) ** 2).sum(axis=1).mean())
    assert away < 2.5
    assert away < far / 1.5


def test_pictures_of_no_face_are_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 48)).astype(np.uint8)
    with pytest.raises(DataError, match="look like a face"):
        onto_fer2013(noise)


@pytest.mark.parametrize("names", [("Train", "Val", "Test"), ("TRAINING", "valid", "test")])
def test_the_test_part_is_never_trained_on(names: tuple[str, str, str]) -> None:
    parts = [name for name in names for _ in range(14)]
    train, choose = _split(faces(42, parts), 0)
    assert train.images[:, 0, 0].tolist() == list(range(14))
    assert choose.images[:, 0, 0].tolist() == list(range(14, 28))
    train, choose = _split(faces(28, [names[0]] * 14 + [names[2]] * 14), 0)
    used = {*train.images[:, 0, 0].tolist(), *choose.images[:, 0, 0].tolist()}
    assert used == set(range(14))
    with pytest.raises(DataError, match="for training"):
        _split(faces(14, [names[2]] * 14), 0)
