"""What is particular to the corpora that are had on request; and their wrong trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_trees import TREES, picture, sound, text, video
from dataset_trees._refused import reason, refused, replaced
from emonets import EMOTIONS
from emonets.datasets import Dataset, detect_dataset, open_dataset
from emonets.errors import DataError, ParameterError


def means(dataset: Dataset) -> list[tuple[str, str]]:
    """Own word and emotion of each item."""
    return sorted({(item.word, EMOTIONS[item.label]) for item in dataset.items})


# names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jaffe", "AN angry, DI disgust, FE fear, HA happy, NE neutral, SA sad, SU surprise"),
        ("kdef", "AF fear, AN angry, DI disgust, HA happy, NE neutral, SA sad, SU surprise"),
        (
            "emovo",
            "dis disgust, gio happy, neu neutral, pau fear, rab angry, sor surprise, tri sad",
        ),
        ("enterface", "an angry, di disgust, fe fear, ha happy, sa sad, su surprise"),
    ],
)
def test_words(tmp_path: Path, name: str, expected: str) -> None:
    found = means(open_dataset(TREES[name].make(tmp_path)))
    assert ", ".join(" ".join(pair) for pair in found) == expected


def test_unknown_codes_in_names(tmp_path: Path) -> None:
    for name, file in (("jaffe", "KA.XX1.99.tiff"), ("kdef", "AF01XXS.JPG")):
        root = TREES[name].make(tmp_path / name)
        picture(root / file)
        assert f"emotion XX is none of {name}" in reason(open_dataset(root), file)
    root = TREES["sfew"].make(tmp_path / "sfew")
    picture(root / "Train/Sad/me.png")
    assert "its name is none of SFEW" in reason(open_dataset(root), "me.png")
    root = TREES["emovo"].make(tmp_path / "emovo")
    sound(root / "xyz-f1-b1.wav")
    assert "emotion xyz is none of emovo" in reason(open_dataset(root), "xyz-f1-b1.wav")


def test_kdef_persons_are_the_same_in_both_sessions(tmp_path: Path) -> None:
    found = open_dataset(TREES["kdef"].make(tmp_path))
    assert set(found.groups) == {"F01", "M35"}


def test_sfew_films_are_groups_within_a_part(tmp_path: Path) -> None:
    root = TREES["sfew"].make(tmp_path)
    found = open_dataset(root)
    assert set(found.groups) == {"train/21", "train/Airheads", "valid/21", "valid/Airheads"}
    (withheld,) = found.dropped
    assert withheld.kind == "withheld"
    assert set(open_dataset(root / "Train_Aligned_Faces").splits) == {"train"}


def test_enterface_films_in_wrong_folders(tmp_path: Path) -> None:
    root = TREES["enterface"].make(tmp_path)
    video(root / "subject 1/anger/sentence 2/s2_an_2.avi")
    video(root / "subject 1/anger/sentence 3/s1_fe_3.avi")
    video(root / "subject 1/anger/sentence 4/s1_xx_4.avi")
    found = open_dataset(root)
    assert reason(found, "s2_an_2.avi") == "its name is of subject 2, its folder of subject 1"
    assert reason(found, "s1_fe_3.avi") == "its name is of emotion fe, its folder of anger"
    assert reason(found, "s1_xx_4.avi") == "its name is of emotion xx, its folder of anger"


@pytest.mark.parametrize(
    "name",
    [
        "KA.AN1.tiff", "ka.an1.39.png", "CF01ANS.JPG", "AF01ANX.JPG", "Airheads_0005.png",
        "s1_an.avi", "dia1.mp4", "Ses06F_impro01_F000.wav", "diss-f1-b1.wav",
    ],
)  # fmt: skip
def test_names_that_are_nearly_those_of_a_corpus(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match="expected class folders"):
        detect_dataset(tmp_path)


def test_two_corpora_in_a_folder(tmp_path: Path) -> None:
    TREES["jaffe"].make(tmp_path)
    TREES["kdef"].make(tmp_path)
    assert "may be jaffe (14 files) and kdef (28 files)" in refused(tmp_path)


# meld


def test_meld_speakers_in_several_parts_are_noted(tmp_path: Path) -> None:
    found = open_dataset(TREES["meld"].make(tmp_path))
    (note,) = [problem for problem in found.found if problem.kind == "split"]
    assert note.level == "note"
    assert "Guest, Ross are in several parts" in note.message
    assert [one.path.name for one in found.dropped if one.kind == "withheld"] == ["dia110_utt7"]


def test_meld_one_part_alone(tmp_path: Path) -> None:
    root = TREES["meld"].make(tmp_path)
    found = open_dataset(root / "dev")
    assert set(found.splits) == {"valid"}
    assert len(found) == 7


def test_meld_takes_the_film(tmp_path: Path) -> None:
    root = TREES["meld"].make(tmp_path)
    sound(root / "train/train_splits/dia1_utt0.wav")
    video(root / "test/output_repeated_splits_test/final_videos_testdia1_utt0.mp4")
    found = open_dataset(root)
    assert found.kinds == ("clip",)
    assert [p.level for p in found.validate() if p.kind == "unlabelled"] == ["note"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("anger,neutral,1,0", "rage,neutral,1,0", "line 2: emotion rage is none of meld (anger"),
        ("anger,neutral,1,0", "anger,neutral,x,0", "line 2: dialogue 'x' and utterance '0' must"),
        ("anger,neutral,1,0", "anger,neutral,9,0", "line 2: train/dia9_utt0 is not there"),
        (',1,6,8,21,"00:16:16,059","00:16:21,731"', "", "line 8: has 5 cells, expected 11"),
        ("Dialogue_ID", "Dialogue", "expected the columns speaker, emotion, dialogue_id"),
    ],
)
def test_meld_with_a_wrong_table(tmp_path: Path, old: str, new: str, says: str) -> None:
    root = TREES["meld"].make(tmp_path)
    replaced(root / "train/train_sent_emo.csv", old, new)
    message = refused(root)
    assert says in message
    assert "train_sent_emo.csv" in message


def test_meld_with_a_table_twice_or_without_one(tmp_path: Path) -> None:
    root = TREES["meld"].make(tmp_path)
    table = root / "dev/dev_sent_emo.csv"
    text(root / "dev_sent_emo.csv", *table.read_text().splitlines())
    assert "is there twice, also as" in refused(root)
    for file in root.rglob("*.csv"):
        file.unlink()
    assert "found no train_sent_emo.csv, but" in refused(root)


# iemocap


def test_iemocap_speakers_and_folds(tmp_path: Path) -> None:
    found = open_dataset(TREES["iemocap"].make(tmp_path))
    assert found.folds == {"Ses01F": 0, "Ses01M": 0, "Ses05F": 4, "Ses05M": 4}
    assert found.items[0].line == 3


def test_iemocap_excitement_can_be_mapped(tmp_path: Path) -> None:
    root = TREES["iemocap"].make(tmp_path)
    found = open_dataset(root, labels={"exc": "happy"})
    assert len(found) == 32
    assert ("exc", "happy") in means(found)
    assert "exc" not in found.info.outside
    fewer = open_dataset(root, labels={"sur": "drop"})
    assert len(fewer) == 24
    with pytest.raises(ParameterError, match="'exc' is mapped to 'glad'"):
        open_dataset(root, labels={"exc": "glad"})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("\tang\t[2.5000, 2.5000, 2.5000]", "\tan", "line 3: is '[0.2901 - 1.2357]"),
        ("\tang\t", "\trage\t", "line 3: emotion rage is none of iemocap (ang"),
        ("Ses01F_impro01_F000", "Ses01F_impro01_F099", "line 3: Ses01F_impro01_F099 is not there"),
        ("Ses01F_impro01_F000", "Ses01F_impro02_F000", "line 3: Ses01F_impro02_F000 is of another"),
    ],
)
def test_iemocap_with_a_wrong_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    root = TREES["iemocap"].make(tmp_path)
    replaced(root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", old, new)
    message = refused(root)
    assert "Ses01F_impro01.txt " + says in message


def test_iemocap_without_labels(tmp_path: Path) -> None:
    root = TREES["iemocap"].make(tmp_path)
    for file in root.rglob("*.txt"):
        file.unlink()
    assert "found no label file in a folder EmoEvaluation, but Ses01F" in refused(root)
