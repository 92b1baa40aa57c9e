"""Class folders: people, parts, words of one's own, and misspellings."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_trees import sound
from emonets import EMOTIONS
from emonets.datasets import Dataset, open_dataset
from emonets.datasets.reading import nearest
from emonets.errors import DataError, ParameterError


def words(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Emotion, own word, group."""
    return [(EMOTIONS[item.label], item.word, item.group) for item in dataset.items]


def dropped(dataset: Dataset) -> dict[str, str]:
    """Name → why."""
    return {one.path.name: one.why for one in dataset.dropped}


def make(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"sound")
    return folder


def test_class_folders(tmp_path: Path) -> None:
    make(tmp_path, "Angry/2.wav", "Angry/10.wav", "joy/1.MP4", "CALM/x.ogg", "sadness/deep/er/1.wv")
    found = open_dataset(tmp_path)
    assert found.name == tmp_path.name
    assert [i.path.name for i in found.items] == ["2.wav", "10.wav", "x.ogg", "1.MP4", "1.wv"]
    assert [(EMOTIONS[i.label], i.word) for i in found.items] == [
        ("angry", "angry"), ("angry", "angry"), ("neutral", "calm"), ("happy", "joy"),
        ("sad", "sadness"),
    ]  # fmt: skip
    # no group is known: each file is its own
    assert not found.grouped
    assert len(set(found.groups)) == 5
    assert found.items[0].group == "Angry/2.wav"
    assert {name: row[""] for name, row in found.counts().items()} == {
        "angry": 2, "disgust": 0, "fear": 0, "happy": 1, "sad": 1, "surprise": 0, "neutral": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["{label}/{who}/1.wav", "{who}/{label}/1.wav"])
def test_folders_of_people(tmp_path: Path, name: str) -> None:
    for who in ("anna", "Saad"):
        make(tmp_path, *(name.format(label=label, who=who) for label in ("angry", "happy")))
    found = open_dataset(tmp_path)
    assert found.grouped
    assert sorted((EMOTIONS[i.label], i.group) for i in found.items) == [
        ("angry", "Saad"), ("angry", "anna"), ("happy", "Saad"), ("happy", "anna"),
    ]  # fmt: skip


def test_split_folders(tmp_path: Path) -> None:
    make(tmp_path, "train/angry/anna/1.wav", "Test/angry/bob/1.wav", "fear/1.wav")
    found = open_dataset(tmp_path)
    assert [(i.split, i.group) for i in found.items] == [
        ("", "fear/1.wav"), ("test", "bob"), ("train", "anna"),
    ]  # fmt: skip
    assert not found.grouped


def test_group_pattern(tmp_path: Path) -> None:
    make(tmp_path, "angry/7_1.wav", "happy/8_1.wav", "happy/x/8_2.wav")
    found = open_dataset(tmp_path, group_pattern=r"^(\d+)_")
    assert found.groups.tolist() == ["7", "8", "8"]
    assert found.grouped
    make(tmp_path, "happy/none.wav")
    with pytest.raises(DataError, match=r"none\.wav.*does not match"):
        open_dataset(tmp_path, group_pattern=r"^(\d+)_")
    with pytest.raises(ParameterError, match="group_pattern"):
        open_dataset(tmp_path, group_pattern="(")


def test_what_lies_in_no_class_folder_is_listed(tmp_path: Path) -> None:
    make(tmp_path, "angry/1.wav", "contempt/1.flac", "2.wav", "happy/sad/3.wav", "angry/a.txt")
    make(tmp_path, "Saad/sad/1.wav", "Saad/4.wav")
    found = open_dataset(tmp_path)
    assert [item.path.name for item in found.items] == ["1.wav", "1.wav"]
    assert dropped(found) == {
        "1.flac": "lies in no class folder (contempt is none)",
        "2.wav": "lies in no class folder",
        "4.wav": "lies in no class folder (Saad is none)",
        "3.wav": "lies in folders of several classes (happy, sad)",
        "a.txt": "is neither a picture, a sound file nor a video, by its ending",
    }


@pytest.mark.parametrize(
    ("name", "near", "given"),
    [
        ("hapy", "happy", "--map hapy=happy"),
        ("angyr", "angry", "--map angyr=angry"),
        ("very sad", "sad", "--map 'very sad=sad'"),
        ("01_Angry_clips", "angry", "--map 01_Angry_clips=angry"),
        ("frustration", "", "--map frustration=EMOTION"),
        ("anna/netral", "neutral", "--map netral=neutral"),
        ("train/fera/bob", "fear", "--map fera=fear"),
    ],
)
def test_an_unknown_folder_of_files_is_an_error(
    tmp_path: Path, name: str, near: str, given: str
) -> None:
    make(tmp_path, "angry/1.wav", "anna/sad/1.wav", f"{name}/1.wav", f"{name}/2.wav")
    with pytest.raises(DataError) as error:
        open_dataset(tmp_path)
    message = str(error.value)
    assert "(2 files" in message
    assert (f"did you mean {near!r}?" in message) == bool(near)
    assert f"give {given}, or --map" in message
    word = given.removeprefix("--map ").strip("'").partition("=")[0]
    assert len(open_dataset(tmp_path, labels={word: "drop"})) == 2
    assert len(open_dataset(tmp_path, labels={word: near or "sad"})) == 4


def test_folders_of_ones_own_words(tmp_path: Path) -> None:
    for name in ("amused/1.wav", "bored/1.wav", "meh/1.wav", "sad/1.wav"):
        sound(tmp_path / name)
    with pytest.raises(DataError, match="--map amused=EMOTION --map meh=EMOTION, or --map"):
        open_dataset(tmp_path)
    own = open_dataset(tmp_path, labels={"Amused": "happy", "meh": "drop"})
    assert [word for _, word, _ in words(own)] == ["amused", "sad"]
    assert own.info.words["amused"] == "happy"
    assert (
        {d.word for d in own.dropped}
        == {"bored", "meh"}
        == set(own.info.outside)
        & {
            "bored",
            "meh",
        }
    )
    with pytest.raises(ParameterError, match="'amused' is mapped to 'glad'"):
        open_dataset(tmp_path, labels={"amused": "glad"})


def test_folders_whose_words_are_all_ones_own(tmp_path: Path) -> None:
    for name in ("amused", "gloomy"):
        sound(tmp_path / name / "1.wav")
    with pytest.raises(DataError, match="expected class folders"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, labels={"amused": "happy", "gloomy": "sad"})) == 2


def test_nearest() -> None:
    assert nearest(" Hapiness") == "happy"
    assert nearest("suprised") == "surprise"
    assert nearest("neural") == "neutral"
    assert nearest("xyz") == ""
