"""Finding readers, choosing the one that fits, options, and what is no dataset."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataset_trees import TREES, sound, text
from emonets.datasets import (
    DATASETS,
    Reader,
    detect_dataset,
    open_dataset,
    register_reader,
    registry,
)
from emonets.datasets.layouts import by_names
from emonets.datasets.readers import emodb
from emonets.errors import DataError, ParameterError


@pytest.fixture
def kept() -> Iterator[None]:
    """Readers that a test adds are gone after it."""
    before = dict(DATASETS)
    yield
    registry._READERS.clear()
    registry._READERS.update(before)


def test_own_layouts_come_first() -> None:
    names = list(DATASETS)
    assert names[:2] == ["folders", "manifest"]
    assert names[2:] == sorted(names[2:])


def a_reader(name: str, prefix: str) -> Reader:
    info = replace(emodb.INFO, name=name)
    is_one = by_names(lambda file: file.name.startswith(prefix))
    return Reader(info, lambda path: replace(emodb.read(path), info=info, name=name), is_one)


@pytest.mark.usefixtures("kept")
def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    TREES["emodb"].make(tmp_path)
    for file in list(tmp_path.rglob("03*.wav")):
        file.unlink()
    assert detect_dataset(tmp_path) == "emodb"
    register_reader(a_reader("mine", "16a"))
    assert open_dataset(tmp_path, "mine").info.name == "mine"
    # a name that two corpora claim counts for neither
    with pytest.raises(DataError, match=r"may be emodb \(7 files\) and mine \(7 files\); .*layout"):
        detect_dataset(tmp_path)


@pytest.mark.usefixtures("kept")
def test_a_reader_with_the_name_of_another() -> None:
    reader = a_reader("emodb", "x")
    before = DATASETS["emodb"]
    with pytest.raises(ParameterError) as error:
        register_reader(reader)
    message = str(error.value)
    assert "'emodb' has two readers" in message
    assert emodb.__name__ in message
    assert __name__ in message
    assert DATASETS["emodb"] is before
    with pytest.raises(ParameterError, match="'emodb' has two readers"):
        register_reader(before)
    with pytest.raises(ParameterError, match=r"must be an emonets\.datasets\.Reader"):
        register_reader(emodb)  # type: ignore[arg-type]


def test_a_module_without_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "readers_without"
    text(package / "__init__.py")
    text(package / "_helper.py", "x = 1")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.find_readers([str(package)], package.name) == []
    text(package / "forgotten.py", "x = 1")
    with pytest.raises(ParameterError, match=r"readers_without\.forgotten declares no READER"):
        registry.find_readers([str(package)], package.name)
    sys.modules.pop("readers_without.forgotten")


# choosing


def test_layouts_are_distinguished(tmp_path: Path) -> None:
    trees = {
        "emodb": ("e/03a01Wa.wav",),
        "javanese": ("j/01-01-01_01.wav",),
        "folders": ("f/angry/1.wav",),
        # names of a corpus say more than the class folders that they were sorted into
        "ravdess": (
            "s/angry/03-01-05-01-01-01-01.wav", "s/notes/1.wav", "s/sad/03-01-04-01-01-01-02.wav",
        ),
        "manifest": ("t/angry/x.wav",),
    }  # fmt: skip
    for names in trees.values():
        for name in names:
            sound(tmp_path / name)
    text(tmp_path / "t" / "manifest.csv", "path,label,group", "angry/x.wav,sad,a")
    for name, (first, *_) in trees.items():
        assert detect_dataset(tmp_path / first[0]) == name
    # few files with such names are class folders all the same
    sound(tmp_path / "f/angry/2.wav")
    sound(tmp_path / "f/angry/03a01Wa.wav")
    assert detect_dataset(tmp_path / "f") == "folders"
    assert open_dataset(tmp_path / "s").groups.tolist() == ["01", "02"]
    as_folders = open_dataset(tmp_path / "s", "folders", labels={"notes": "drop"})
    assert as_folders.items[0].group == ("angry/03-01-05-01-01-01-01.wav")


def test_a_mixture_is_an_error(tmp_path: Path) -> None:
    TREES["emodb"].make(tmp_path)
    TREES["tess"].make(tmp_path)
    with pytest.raises(DataError, match=r"may be emodb \(14 files\) and tess \(14 files\)"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, "emodb")) == 12


def test_two_whole_sets_in_a_folder_are_an_error(tmp_path: Path) -> None:
    TREES["tfd, mat"].make(tmp_path)
    TREES["fer2013, csv"].make(tmp_path)
    with pytest.raises(DataError, match=r"fer2013 \(fer2013\.csv\) and tfd \(TFD_48x48\.mat\)"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path / "TFD_48x48.mat").name == "tfd"
    # but a table was written to be read
    sound(tmp_path / "x.wav")
    text(tmp_path / "manifest.csv", "path,label,group", "x.wav,sad,a")
    assert open_dataset(tmp_path).info.name == "manifest"


def test_of_several_files_of_one_set_the_fastest_is_read(tmp_path: Path) -> None:
    TREES["fer2013, npz"].make(tmp_path)
    (tmp_path / "FER2013.csv").write_text("broken")
    assert open_dataset(tmp_path).items[0].path.name == "fer2013.npz"


# what is none


def test_what_is_not_there_and_what_is_no_layout(tmp_path: Path) -> None:
    for open_ in (open_dataset, detect_dataset):
        with pytest.raises(DataError, match="no such file or folder"):
            open_(tmp_path / "absent")
    with pytest.raises(ParameterError) as error:
        open_dataset(tmp_path, "Cremad")
    assert str(error.value).startswith(
        "there is no dataset or layout 'Cremad', the nearest is 'crema_d'; must be one of folders,"
    )
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"expected class folders .*found a file ending in '\.txt'"):
        open_dataset(tmp_path / "notes.txt")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"column path is missing .*; expected path, label, group"):
        open_dataset(tmp_path / "table.csv")
    (tmp_path / "table.csv").write_text("emotion,pixels\n1,2\n")
    with pytest.raises(DataError, match="expected the columns emotion, pixels, Usage"):
        open_dataset(tmp_path / "table.csv")


def test_names_of_a_few_files_decide_nothing(tmp_path: Path) -> None:
    for name in ("1.wav", "2.wav", "03a01Wa.wav"):
        sound(tmp_path / name)
    with pytest.raises(DataError, match=r"found 3 videos, .*, 1 of them named as files of emodb"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("layout", ["ravdess", "emodb", "folders", "manifest", "fer2013", "ckplus"])
def test_a_layout_that_is_not_there(tmp_path: Path, layout: str) -> None:
    file = sound(tmp_path / "x" / "1.wav")
    text(tmp_path / "notes.txt", "x")
    for path in (tmp_path, file):
        with pytest.raises(DataError, match="expected") as error:
            open_dataset(path, layout)
        assert str(path) in str(error.value)


@pytest.mark.usefixtures("kept")
def test_a_reader_that_finds_nothing_is_an_error(tmp_path: Path) -> None:
    TREES["emodb"].make(tmp_path)
    good = a_reader("empty", "16a")
    register_reader(replace(good, read=lambda path: replace(good.read(path), items=())))
    with pytest.raises(DataError, match=r"no item of empty.*; expected of empty: "):
        open_dataset(tmp_path, "empty")


def test_options_belong_to_their_layouts(tmp_path: Path) -> None:
    TREES["tess"].make(tmp_path)
    for option in ({"channel": "03-01"}, {"labels": {"x": "sad"}}, {"colour": "red"}):
        given: dict[str, Any] = option
        with pytest.raises(ParameterError, match=r"but .* is 'tess'"):
            open_dataset(tmp_path, **given)


def test_the_page_of_corpora_has_every_reader() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "corpora.md").read_text(encoding="utf-8")
    corpora = {name for name, reader in DATASETS.items() if not reader.info.own}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == corpora
