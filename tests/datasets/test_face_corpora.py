"""What is particular to corpora of faces; and their wrong trees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_trees import TREES, picture, sound, text
from dataset_trees._refused import reason, refused, replaced
from emonets import EMOTIONS
from emonets.datasets import detect_dataset, open_dataset
from emonets.errors import DataError

# press


def test_press_lines_that_name_a_picture_again(tmp_path: Path) -> None:
    found = open_dataset(TREES["press"].make(tmp_path))
    assert reason(found, "Avinash_30.jpg") == "is surprise in line 18, and sadness in line 19"
    assert reason(found, "Ann_Alpha_0001.jpg") == "is named twice (line 20)"
    assert found.items[0].line == 2
    assert found.grouped


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("628,Ann_Alpha_0002.jpg,DISGUST", "628,Ann_Al", "line 3: has 2 cells, expected 3"),
        ("DISGUST", "glee", "line 3: emotion glee is none of press (anger, disgust"),
        ("Ann_Alpha_0002", "Ann_Alpha_0022", "line 3: Ann_Alpha_0022.jpg is not there; the files"),
    ],
)
def test_press_with_a_wrong_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    root = TREES["press"].make(tmp_path)
    replaced(root / "data/legend.csv", old, new)
    message = refused(root)
    assert says in message
    assert "legend.csv" in message


def test_press_without_its_table_or_pictures(tmp_path: Path) -> None:
    root = TREES["press"].make(tmp_path)
    for file in (root / "images").iterdir():
        file.unlink()
    assert "legend.csv line 2: Ann_Alpha_0001.jpg is not there" in refused(root)
    (root / "data/legend.csv").unlink()
    assert "found no legend.csv, but" in refused(root, "press")
    text(root / "data/legend.csv", "a,b", "1,2")
    assert "expected the columns image, emotion; found a, b" in refused(root, "press")


# class folders of a corpus


@pytest.mark.parametrize("name", ["stock_portraits", "moodme", "three_web", "ckplus48"])
def test_an_unknown_class_folder_is_refused(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    root = tree.make(tmp_path)
    folder = open_dataset(root, name).items[0].path.parent.parent / "rage"
    picture(folder / "S005_001_00000014.png")
    message = refused(root, name)
    assert f"{folder}: 1 picture in a folder that is no class of {name} (" in message
    found = open_dataset(root, name, strict=False)
    assert len(found) == tree.n
    assert [p.kind for p in found.validate() if p.level == "error"] == ["label"]


def test_ckplus48_is_told_from_ckplus(tmp_path: Path) -> None:
    small = TREES["ckplus48"].make(tmp_path / "small")
    whole = TREES["ckplus"].make(tmp_path / "whole")
    assert detect_dataset(small) == "ckplus48"
    assert detect_dataset(whole) == "ckplus"
    with pytest.raises(DataError, match=r"may be ckplus \(57 files\) and ckplus48 \(14 files\)"):
        open_dataset(tmp_path)
    picture(small / "CK+48/fear/me.png")
    assert "its name is none of CK+" in reason(open_dataset(small), "me.png")


@pytest.mark.parametrize(
    "names",
    [
        # numbers in class folders are anybody's
        ("train/angry/134.jpg", "test/angry/134.jpg"),
        ("fear/1.jpg", "disgust/1.jpg", "contempt/1.jpg"),
        ("dataset/Angry/17_8.jpg", "dataset/Happy/1.jpg", "dataset/Sad/2.jpg"),
        ("dataset/anger/1.jpg", "dataset/fear/2.jpg"),
        ("images/fear/Ann_Alpha_0001.jpg",),
        # one folder of a name that a corpus has proves nothing
        ("surprise/1.jpg", "love/2.jpg"),
    ],
)
def test_folders_that_are_nearly_a_corpus(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        picture(tmp_path / name)
    assert detect_dataset(tmp_path) == "folders"


def test_ethiopian_folders_without_their_names_are_no_corpus(tmp_path: Path) -> None:
    root = TREES["ethiopian"].make(tmp_path)
    for part in ("train", "test"):
        for name, better in (("hapines", "happy"), ("fears", "fear")):
            (root / part / name).rename(root / part / better)
    assert detect_dataset(root) == "folders"


def test_three_web_drops_angry_faces_in_sad(tmp_path: Path) -> None:
    found = open_dataset(TREES["three_web"].make(tmp_path))
    (odd,) = found.dropped
    assert odd.path.parent.name == "Sad"
    assert "angry face by its name" in odd.why
    assert found.counts()["angry"] == {"": 3}


# numbers


def test_folders_named_by_numbers_are_a_question(tmp_path: Path) -> None:
    for number in range(1, 8):
        picture(tmp_path / "train" / str(number) / "1.jpg")
    message = refused(tmp_path)
    assert "folders named by numbers (1, 2, 3, 4, 5, 6, 7), whose meaning differs" in message
    assert "--layout affectnet, --layout rafdb" in message
    labels = dict(zip("1234567", EMOTIONS, strict=True))
    assert open_dataset(tmp_path, labels=labels).items[0].label == 0
    # the same folder is another class in each
    first = [open_dataset(tmp_path, name).items[0].label for name in ("affectnet", "rafdb")]
    assert first == [3, 5]
    # 0 is none of RAF-DB
    picture(tmp_path / "train/0/1.jpg")
    message = refused(tmp_path)
    assert "--layout affectnet)" in message
    assert "train/0: 1 picture in a folder that is no class of rafdb" in refused(tmp_path, "rafdb")


# affectnet


def test_affectnet_annotations_that_are_wrong(tmp_path: Path) -> None:
    root = TREES["affectnet, annotations"].make(tmp_path)
    file = root / "train_set/annotations/07_exp.npy"
    for value in (np.array(11), np.array(-1), np.array([1, 2]), np.array("sad"), np.array([])):
        np.save(file, value)
        assert str(file) in refused(root)
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "is no readable annotation of AffectNet" in refused(root)
    file.write_bytes(b"")
    assert str(file) in refused(root)
    file.unlink()
    assert reason(open_dataset(root), "07.jpg") == "has no annotation 07_exp.npy"
    (root / "train_set/images/17.jpg").unlink()
    message = refused(root)
    assert "17_exp.npy: the picture that it labels is not there" in message


@pytest.mark.parametrize(
    ("table", "old", "new", "says"),
    [
        ("training.csv", "1.5;2.5,1,0.1,-0.2", "1.5;2.", "training.csv line 3: has 6 cells"),
        ("training.csv", "1.5;2.5,1,", "1.5;2.5,12,", "training.csv line 3: emotion 12 is none of"),
        ("validation.csv", "13/ab0", "13/xy0", "validation.csv line 1: 13/xy0.jpg is not there"),
        ("training.csv", "expression", "label", "expected the columns subdirectory_filepath, expr"),
    ],
)
def test_affectnet_with_a_wrong_table(
    tmp_path: Path, table: str, old: str, new: str, says: str
) -> None:
    root = TREES["affectnet, tables"].make(tmp_path)
    replaced(root / table, old, new)
    assert says in refused(root)


def test_tables_of_the_same_names_that_are_not_of_affectnet(tmp_path: Path) -> None:
    sound(tmp_path / "angry/1.wav")
    for name in ("training.csv", "labels.csv", "legend.csv", "data.tsv"):
        text(tmp_path / name, "file,emotion", "1.wav,angry")
    assert detect_dataset(tmp_path) == "folders"


# rafdb


def test_rafdb_takes_the_aligned_picture(tmp_path: Path) -> None:
    root = TREES["rafdb, list"].make(tmp_path)
    found = open_dataset(root)
    assert {item.path.parent.name for item in found.items} == {"aligned"}
    assert sum(one.kind == "copy" for one in found.dropped) == 14
    for file in (root / "basic/Image/aligned").iterdir():
        file.unlink()
    assert {i.path.parent.name for i in open_dataset(root).items} == {"original"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("train_00002.jpg 2", "train_00002.jpg", "line 2: is 'train_00002.jpg', expected a name"),
        ("train_00002.jpg 2", "train_00002.jpg 8", "line 2: emotion 8 is none of rafdb (1, 2"),
        ("train_00002.jpg 2", "train_00009.jpg 2", "line 2: train_00009.jpg is not there"),
    ],
)
def test_rafdb_with_a_wrong_list(tmp_path: Path, old: str, new: str, says: str) -> None:
    root = TREES["rafdb, list"].make(tmp_path)
    replaced(root / "basic/EmoLabel/list_patition_label.txt", old, new)
    message = refused(root)
    assert "list_patition_label.txt " + says in message


def test_rafdb_pictures_of_another_part(tmp_path: Path) -> None:
    root = TREES["rafdb, folders"].make(tmp_path)
    picture(root / "DATASET/test/3/train_00011_aligned.jpg")
    why = reason(open_dataset(root), "train_00011_aligned.jpg")
    assert why == "its name is of train, its folder of test"


def test_two_corpora_of_faces_in_a_folder(tmp_path: Path) -> None:
    TREES["press"].make(tmp_path)
    TREES["rafdb, list"].make(tmp_path)
    assert "may be press (legend.csv) and rafdb (list_patition_label.txt)" in refused(tmp_path)


@pytest.mark.parametrize("name", ["press", "rafdb, list", "affectnet, tables"])
def test_a_table_among_other_data_proves_nothing(tmp_path: Path, name: str) -> None:
    TREES[name].make(tmp_path / "corpus")
    for k in range(60):
        picture(tmp_path / "mine" / "angry" / f"{k}.png")
    assert detect_dataset(tmp_path / "corpus") == TREES[name].dataset
    assert detect_dataset(tmp_path) == "folders"


def test_sounds_in_folders_named_by_numbers_are_no_question(tmp_path: Path) -> None:
    for number in range(1, 4):
        sound(tmp_path / str(number) / "1.wav")
    assert "--layout" not in refused(tmp_path)
