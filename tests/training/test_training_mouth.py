"""Training the mouth specialist on made-up subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_mouth import KINDS, mouths

from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError, ParameterError
from emonets.specialists.mouth.crops import MouthView, stills_as_tubes
from emonets.training import mouth, mouth_data
from emonets.training.mouth import (
    clip_folds,
    clip_probabilities,
    cross_validate_mouth,
    fit_mouth,
    mouth_settings,
    train_mouth,
    unfitted,
)
from emonets.training.mouth_data import Mouths, is_stills, load_mouths, mouths_of_stills

SETTINGS: dict[str, Any] = {
    "region": "fixed",
    "colour": "grey",
    "dictionary": {"n_clusters": 5, "patches_per_picture": 3, "grid": [2, 2], "max_iter": 4},
    "classifier": {"strengths": [0.1, 0.01], "max_iter": 20},
}


def quiet(_: str) -> None:
    """Nothing is said."""


def subjects(count: int = 4, splits: str = "") -> Mouths:
    """Three emotions of each subject, and a clip without a mouth at the end."""
    parts = [(s, e) for s in range(count) for e in KINDS]
    pictures = np.concatenate([mouths(e, 4, seed=s) for s, e in parts])
    labels = np.array([e for _, e in parts] + [6])
    groups = np.array([f"made-up/{s}" for s, _ in parts] + ["made-up/0"])
    return Mouths(
        "made-up", MouthView(), pictures, np.repeat(np.arange(len(parts)), 4), labels, groups,
        np.array([splits] * len(labels)),
    )  # fmt: skip


def test_clips_without_a_mouth_are_counted() -> None:
    data = subjects()
    assert data.blind == 1
    part = data.take(data.labels == 4)
    assert len(part.labels) == 4
    assert part.clip.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    np.testing.assert_array_equal(part.mouths[4:8], mouths(4, 4, seed=1))


def test_out_of_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = subjects()
    said: list[str] = []
    result = cross_validate_mouth(data, SETTINGS, work=tmp_path, echo=said.append)
    assert result.split == "leave one of 4 subjects out"
    assert len(said) == len(result.inner) == 4
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(result.probabilities[:-1].argmax(axis=1), data.labels[:-1])
    np.testing.assert_allclose(result.probabilities[-1], 1 / 7)

    def never(*_: object) -> None:
        raise AssertionError("computed anew")

    monkeypatch.setattr(mouth, "_one_fold", never)
    again = cross_validate_mouth(data, SETTINGS, work=tmp_path, echo=quiet)
    np.testing.assert_array_equal(again.probabilities, result.probabilities)
    with pytest.raises(AssertionError, match="anew"):
        cross_validate_mouth(data, SETTINGS, seed=1, work=tmp_path, echo=quiet)


def test_nothing_of_a_tested_subject_is_known(tmp_path: Path) -> None:
    data = subjects(3)
    tested = data.groups[data.clip] == "made-up/2"
    labels = data.labels.copy()
    labels[data.groups == "made-up/2"] = 0
    changed = Mouths(
        data.name, data.view, np.where(tested[:, None, None], 255 - data.mouths, data.mouths),
        data.clip, labels, data.groups, data.splits,
    )  # fmt: skip
    made = []
    for which in (data, changed):
        train = which.take(which.groups != "made-up/2")
        made.append(fit_mouth(train, SETTINGS, work=tmp_path, echo=quiet))
    np.testing.assert_array_equal(*(m.classifier.coef_ for m in made))
    p = cross_validate_mouth(changed, SETTINGS, work=tmp_path, echo=quiet).probabilities
    np.testing.assert_allclose(
        p[changed.groups == "made-up/2"],
        clip_probabilities(made[0], changed.take(changed.groups == "made-up/2")),
        atol=1e-5,
    )


def test_folds_of_many_and_of_few_subjects() -> None:
    many = clip_folds(np.repeat(np.arange(25), 2))
    assert set(many.tolist()) == set(range(10))
    assert all(a == b for a, b in many.reshape(-1, 2).tolist())
    with pytest.raises(DataError, match="there are 2 subjects"):
        clip_folds(np.array([0, 1, 1]))


def test_a_validation_part_chooses_and_a_test_part_is_left_alone(tmp_path: Path) -> None:
    data = subjects()
    splits = np.array(["train", "train", "valid", "test"])[
        np.array([int(g[-1]) for g in data.groups])
    ]
    parts = Mouths(
        data.name, data.view, data.mouths, data.clip, data.labels, data.groups, splits
    )  # fmt: skip
    made = fit_mouth(parts, SETTINGS, work=tmp_path, echo=quiet)
    assert made.scores_[made.classifier.l2] == 1
    alone = unfitted(SETTINGS).bag.fit(data.mouths[(splits == "train")[data.clip]])
    np.testing.assert_array_equal(
        made.bag.dictionaries_[0].centres_, alone.dictionaries_[0].centres_
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("split", "words"), [("test", "no mouth is left"), ("valid", "holds no mouths")]
)
def test_parts_that_leave_nothing(split: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_mouth(subjects(splits=split), SETTINGS, echo=quiet)


def test_one_emotion_is_too_few() -> None:
    data = subjects()
    with pytest.raises(DataError, match="one emotion only"):
        fit_mouth(data.take(data.labels == 4), SETTINGS, echo=quiet)


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
    part = mouths_of_stills(faces(), MouthView(), echo=quiet)
    np.testing.assert_array_equal(part.mouths, stills_as_tubes(faces().images)[:, 55:85, 30:70])
    assert [sum(part.splits == s) for s in ("train", "valid", "test")] == [24, 6, 6]
    assert len(np.unique(part.groups)) == len(part.labels) == 36
    around = mouths_of_stills(faces(), MouthView("landmarks"), echo=quiet)
    assert around.mouths.shape == (36, 30, 40)
    with pytest.raises(DataError, match="grey, and a model of mouths in rgb"):
        mouths_of_stills(faces(), MouthView(colour="rgb"), echo=quiet)


def test_stills_and_clips_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stills = tmp_path / "faces.npz"
    usage = np.repeat([0, 1, 2], [24, 6, 6])
    np.savez(stills, images=faces().images, label=faces().labels, usage=usage)
    for subject in ("anna", "bert", "carl"):
        for word in ("happy", "sad"):
            file = tmp_path / "clips" / word / subject / "1.mp4"
            file.parent.mkdir(parents=True)
            file.write_bytes(b"film")
    (tmp_path / "clips" / "sad" / "bert" / "broken.mp4").write_bytes(b"none")
    asked: list[str] = []

    def keep(path: Path, file: Path) -> str:
        asked.append(path.name)
        if path.name == "broken.mp4":
            return f"{path}: is broken"
        shown = mouths(3 if "happy" in path.parts else 4, 5, seed=len(asked), channels=3)
        np.savez(file, fixed=shown, landmarks=shown[:, ::-1])
        return ""

    monkeypatch.setattr(mouth_data, "_keep", keep)
    assert is_stills(stills)
    assert not is_stills(tmp_path / "clips")
    said: list[str] = []
    data = load_mouths(
        [stills, tmp_path / "clips"], MouthView(), tmp_path / "work", echo=said.append
    )
    assert data.name.endswith(" + clips")
    assert len(data.labels) == 36 + 6
    assert len(data.mouths) == 36 + 30
    assert sorted(set(data.groups[36:])) == ["clips/anna", "clips/bert", "clips/carl"]
    assert data.dropped[0][1].endswith("is broken")
    assert len(asked) == 7
    colours = load_mouths(
        [tmp_path / "clips"], MouthView("landmarks", "rgb"), tmp_path / "work", echo=quiet
    )
    assert colours.mouths.shape == (30, 30, 40, 3)
    assert len(asked) == 8  # the broken one is tried again
    made = train_mouth(
        [stills, tmp_path / "clips"], preset=SETTINGS, work=tmp_path / "work", echo=quiet
    )
    assert made.card["clips"] == 36
    assert made.card["pictures"] == 60
    assert made.card["settings"]["dictionary"]["n_clusters"] == 5
    assert made.specialist.predict_proba(made.specialist.empty()).shape == (1, 7)


def test_settings_are_checked() -> None:
    made = unfitted(mouth_settings(SETTINGS))
    assert made.bag.grid == (2, 2)
    assert made.strengths == (0.1, 0.01)
    with pytest.raises(ParameterError, match=r"unknown key 'words' in \[mouth.dictionary\]"):
        mouth_settings({"dictionary": {"words": 3}})
    with pytest.raises(ParameterError, match=r"unknown key 'lips' in \[mouth\]"):
        mouth_settings({"lips": 2})


def test_what_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data"):
        load_mouths([], MouthView(), tmp_path, echo=quiet)
    with pytest.raises(ParameterError, match="seed"):
        train_mouth([tmp_path], preset=SETTINGS, seed=-1, work=tmp_path, echo=quiet)
