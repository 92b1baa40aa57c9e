"""Training the mouth specialist on made-up people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_mouth import KINDS, mouths

from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError
from emonets.specialists.mouth.crops import MouthView, stills_as_tubes
from emonets.specialists.mouth.settings import build_mouth, mouth_from_table
from emonets.specialists.mouth.stills import mouths_of_stills
from emonets.specialists.mouth.training import (
    Mouths,
    clip_probabilities,
    fit_mouth,
)

SETTINGS: dict[str, Any] = {
    "region": "fixed",
    "colour": "grey",
    "dictionary": {"n_clusters": 5, "patches_per_picture": 3, "grid": [2, 2], "max_iter": 4},
    "classifier": {"strengths": [0.1, 0.01], "max_iter": 20},
}


def quiet(_: str) -> None:
    """No messages."""


def people(count: int = 4, splits: str = "") -> Mouths:
    """Three emotions of each person, and a clip without a mouth at the end."""
    parts = [(s, e) for s in range(count) for e in KINDS]
    pictures = np.concatenate([mouths(e, 4, seed=s) for s, e in parts])
    labels = np.array([e for _, e in parts] + [6])
    groups = np.array([f"made-up/{s}" for s, _ in parts] + ["made-up/0"])
    return Mouths(
        "made-up", MouthView(), pictures, np.repeat(np.arange(len(parts)), 4), labels, groups,
        np.array([splits] * len(labels)),
    )  # fmt: skip


def test_clips_without_a_mouth_are_counted() -> None:
    data = people()
    assert data.blind == 1
    part = data.take(data.labels == 4)
    assert len(part.labels) == 4
    assert part.clip.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    np.testing.assert_array_equal(part.mouths[4:8], mouths(4, 4, seed=1))


def test_people_that_were_not_trained_on_are_predicted(tmp_path: Path) -> None:
    data = people()
    tested = data.groups == "made-up/2"
    made = fit_mouth(data.take(~tested), SETTINGS, work=tmp_path)
    p = clip_probabilities(made, data.take(tested))
    np.testing.assert_array_equal(p.argmax(axis=1), data.labels[tested])
    blind = clip_probabilities(made, data.take(data.labels == 6))
    np.testing.assert_allclose(blind, 1 / 7)


def test_a_validation_part_chooses_and_a_test_part_is_left_alone(tmp_path: Path) -> None:
    data = people()
    splits = np.array(["train", "train", "valid", "test"])[
        np.array([int(g[-1]) for g in data.groups])
    ]
    parts = Mouths(
        data.name, data.view, data.mouths, data.clip, data.labels, data.groups, splits
    )  # fmt: skip
    made = fit_mouth(parts, SETTINGS, work=tmp_path)
    assert made.scores_[made.classifier.l2] == 1
    alone = build_mouth(mouth_from_table(SETTINGS)).bag.fit(
        data.mouths[(splits == "train")[data.clip]]
    )
    np.testing.assert_array_equal(
        made.bag.dictionaries_[0].centres_, alone.dictionaries_[0].centres_
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("split", "words"), [("test", "no mouth is left"), ("valid", "holds no mouths")]
)
def test_parts_that_leave_nothing(split: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_mouth(people(splits=split), SETTINGS)


def test_one_emotion_is_too_few() -> None:
    data = people()
    with pytest.raises(DataError, match="one emotion only"):
        fit_mouth(data.take(data.labels == 4), SETTINGS)


def faces(n: int = 36) -> FaceImages:
    """Stills whose mouths are stripes; a part each for training, choosing and testing."""
    labels = np.tile(list(KINDS), n // 3)
    pictures = np.stack([mouths(e, 1, seed=i)[0] for i, e in enumerate(labels.tolist())])
    images = np.full((n, 48, 48), 100, np.uint8)
    images[:, 24:48, 12:36] = pictures[:, :24, :24]
    split = np.array(["Training"] * (n - 12) + ["PublicTest"] * 6 + ["PrivateTest"] * 6)
    return FaceImages(
        images=images, labels=labels.astype(np.int64), split=split, groups=None,
        ferplus_votes=None, name="stills", citation="", licence="",
    )  # fmt: skip


def test_mouths_of_stills() -> None:
    part = mouths_of_stills(faces(), MouthView())
    np.testing.assert_array_equal(part.mouths, stills_as_tubes(faces().images)[:, 55:85, 30:70])
    assert [sum(part.splits == s) for s in ("train", "valid", "test")] == [24, 6, 6]
    assert len(np.unique(part.groups)) == len(part.labels) == 36
    around = mouths_of_stills(faces(), MouthView("landmarks"))
    assert around.mouths.shape == (36, 30, 40)
    with pytest.raises(DataError, match="grey, and a model of mouths in rgb"):
        mouths_of_stills(faces(), MouthView(colour="rgb"))
