"""What is particular to the corpora of speech in other languages; and their wrong trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_trees import TREES, sound, text
from emonets.datasets import detect_dataset, open_dataset
from emonets.errors import DataError


def reason(folder: Path, name: str, layout: str | None = None) -> str:
    """Why a file was dropped."""
    dropped = open_dataset(folder, layout).dropped
    return next(one.why for one in dropped if one.path.name == name)


def replaced(file: Path, old: str, new: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new), encoding="utf-8")


def test_nemo_has_the_line_of_each_item(tmp_path: Path) -> None:
    found = open_dataset(TREES["nemo"].make(tmp_path))
    assert [item.line for item in found.items] == list(range(2, 14))
    assert found.grouped


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "\tmale\t23\nEB0_anger",
            "\nEB0_anger",
            "line 7: has 5 cells, expected 7; the table was changed",
        ),
        ("\tanger\t", "\tfear\t", "line 2: WR0_anger_7.wav is of speaker WR0 and emotion anger by"),
        ("speaker_id", "who", "expected the columns file_id, emotion, speaker_id; found"),
        ("WR0_anger_7.wav", "WR0_anger_9.wav", "line 2: WR0_anger_9.wav is not there"),
        (
            "WR0_anger_7.wav\tanger",
            "WR0_pride_7.wav\tpride",
            "line 2: emotion pride is none of nemo (anger, fear",
        ),
    ],
)
def test_nemo_with_a_wrong_table(tmp_path: Path, old: str, new: str, says: str) -> None:
    replaced(TREES["nemo"].make(tmp_path) / "data.tsv", old, new)
    with pytest.raises(DataError) as error:
        open_dataset(tmp_path)
    message = str(error.value)
    assert says in message
    assert str(tmp_path / "data.tsv") in message
    assert len(message.splitlines()) == 1


def test_nemo_lists_a_missing_file_in_a_check(tmp_path: Path) -> None:
    root = TREES["nemo"].make(tmp_path)
    (root / "samples/EB0_fear_7.wav").unlink()
    found = open_dataset(root, strict=False)
    assert len(found) == 11
    (problem,) = [p for p in found.validate() if p.level == "error"]
    assert (problem.kind, problem.line) == ("missing", 9)


def test_ased_files_in_the_folder_of_another_emotion(tmp_path: Path) -> None:
    root = TREES["ased"].make(tmp_path)
    sound(root / "03Happy" / "s4-03-01-02-11.wav")
    sound(root / "03Happy" / "d6-03-01-02-11.wav")
    assert "of emotion s4, its folder of 03Happy" in reason(root, "s4-03-01-02-11.wav")
    assert "emotion d6 is none of ased" in reason(root, "d6-03-01-02-11.wav")


def test_urdu_with_an_unknown_letter(tmp_path: Path) -> None:
    root = TREES["urdu"].make(tmp_path)
    sound(root / "Fear" / "SM1_F01_F001.wav")
    assert "emotion F is none of urdu (A, H, N, S)" in reason(root, "SM1_F01_F001.wav")


def test_korean_numbers_beyond_the_last(tmp_path: Path) -> None:
    root = TREES["korean_emotion"].make(tmp_path)
    for number in (0, 401):
        name = f"ema{number:05}.wav"
        sound(root / name)
        assert f"number {number} is none of 1 to 400" in reason(root, name)


def test_banglaser_is_told_from_ravdess(tmp_path: Path) -> None:
    bangla = TREES["banglaser, extended"].make(tmp_path / "bangla")
    ravdess = TREES["ravdess, speech"].make(tmp_path / "ravdess")
    assert detect_dataset(bangla) == "banglaser"
    assert detect_dataset(ravdess) == "ravdess"
    with pytest.raises(DataError, match=r"may be banglaser \(14 files\) and ravdess \(30 files\)"):
        open_dataset(tmp_path)
    sound(bangla / "complete/Actor - 36/03-01-06-01-04-02-41.wav")
    sound(bangla / "complete/Actor - 36/03-01-08-01-04-02-36.wav")
    why = reason(bangla, "03-01-06-01-04-02-41.wav")
    assert why == "its name is of actor 41, its folder of actor 36"
    assert "emotion 08 is none of banglaser" in reason(bangla, "03-01-08-01-04-02-36.wav")


def test_two_corpora_in_a_folder(tmp_path: Path) -> None:
    TREES["urdu"].make(tmp_path)
    TREES["ased"].make(tmp_path)
    with pytest.raises(DataError, match=r"may be ased \(10 files\) and urdu \(8 files\)"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, "urdu")) == 8


@pytest.mark.parametrize(
    "name", ["WRX_anger_7.wav", "wr0_anger_7.wav", "a5-3-1-2-50.wav", "SM1_F01_A.wav", "ema101.wav"]
)
def test_names_that_are_nearly_those_of_a_corpus(tmp_path: Path, name: str) -> None:
    sound(tmp_path / name)
    text(tmp_path / "notes.txt", "x")
    with pytest.raises(DataError, match="expected class folders"):
        detect_dataset(tmp_path)
