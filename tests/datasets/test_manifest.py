"""Tables of clips, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dataset_trees import sound, text
from emonets import EMOTIONS
from emonets.datasets import Dataset, open_dataset
from emonets.errors import DataError, MissingExtraError


def words(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Emotion, own word, group."""
    return [(EMOTIONS[item.label], item.word, item.group) for item in dataset.items]


GOOD = ("a.wav,sad,ann,train,,", "b.wav,sad,bob,test,,")


def table(root: Path, *lines: str, header: str = "path,label,group,split,start,end") -> Path:
    for name in ("a", "b", "c"):
        sound(root / f"{name}.wav")
    return text(root / "m.csv", header, *lines)


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("c.wav,sda,cid,,,", "label", r"label 'sda' is none of .*did you mean 'sad'"),
        ("c.wav,3,cid,,,", "label", "label '3' is none of"),
        ("x.wav,sad,cid,,,", "missing", r"x\.wav is not there"),
        (",sad,cid,,,", "missing", r"\(no path\) is not there"),
        ("a.wav,sad,ann,train,,", "duplicate", r"a\.wav is named in line 2 already$"),
        ("./a.wav,happy,ann,train,,", "duplicate", "in line 2 already, as 'sad'"),
        ("c.wav,sad,cid,half,,", "split", "split 'half' must be train, valid or test"),
        ("c.wav,sad,cid,,-1,", "span", "start and end must be seconds, 0 or more, got '-1'"),
        ("c.wav,sad,cid,,soon,", "span", "got 'soon'"),
        ("c.wav,sad,cid,,2,2", "span", "end 2 must lie after start 2"),
        ("c.wav,sad,cid,,,inf", "span", "got 'inf'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, kind: str, says: str) -> None:
    path = table(tmp_path, *GOOD, line)
    with pytest.raises(DataError, match=says) as error:
        open_dataset(path)
    assert str(error.value).startswith(f"{path} line 4: ")
    dataset = open_dataset(path, strict=False)
    assert len(dataset) == 2
    (found,) = [p for p in dataset.validate() if p.level == "error"]
    assert (found.kind, found.path, found.line) == (kind, str(path), 4)


def test_many_wrong_lines_are_one_error(tmp_path: Path) -> None:
    path = table(tmp_path, *(f"{k}.wav,sad,,,," for k in range(9)))
    with pytest.raises(DataError, match=r"line 2: 0\.wav is not there.*; and 4 more"):
        open_dataset(path, strict=False)


def test_a_group_in_two_splits_is_refused_by_default(tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD, "c.wav,happy,ann,test,,")
    with pytest.raises(DataError) as error:
        open_dataset(path)
    message = str(error.value)
    assert "group 'ann' is in train" in message
    assert "a.wav, line 2" in message
    assert "c.wav, line 4" in message
    assert len(open_dataset(path, shared_groups=True)) == 3


def test_a_file_in_pieces_is_one_group(tmp_path: Path) -> None:
    path = table(tmp_path, "a.wav,sad,,train,0,0.01", "a.wav,happy,,test,0.01,0.02")
    with pytest.raises(DataError, match=r"group 'a\.wav' is in train"):
        open_dataset(path)
    assert not open_dataset(path, shared_groups=True).grouped


@pytest.mark.parametrize("deep", [False, True])
def test_a_piece_beyond_the_end_is_an_error(tmp_path: Path, deep: bool) -> None:
    dataset = open_dataset(table(tmp_path, *GOOD, "c.wav,sad,cid,,0,5"))
    (found,) = [p for p in dataset.validate(deep=deep) if p.level == "error"]
    assert (found.kind, found.line) == ("span", 4)
    assert found.message == "has no piece from 0 to 5 s, for it ends at 0.02 s"
    inside = open_dataset(table(tmp_path, *GOOD, "c.wav,sad,cid,,0,0.02"))
    assert [p for p in inside.validate(deep=deep) if p.level == "error"] == []


def test_own_words_in_a_table(tmp_path: Path) -> None:
    path = table(tmp_path, "a.wav,Amused,ann,,,", "b.wav,tired,bob,,,", "c.wav,boredom,cid,,,")
    dataset = open_dataset(path, labels={"amused": "happy", "tired": "drop"})
    assert words(dataset) == [("happy", "amused", "ann")]
    assert [(d.kind, d.word) for d in dataset.dropped] == [
        ("outside", "tired"), ("outside", "boredom"),
    ]  # fmt: skip


def test_a_table_of_parquet(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    sound(tmp_path / "a.wav")
    rows = {"Path": ["a.wav"] * 2, "label": ["sad", "joy"], "group": ["x", "x"],
            "start": [0, 0.01], "end": [0.01, np.nan], "other": [1, 2]}  # fmt: skip
    file = tmp_path / "m.parquet"
    pd.DataFrame(rows).to_parquet(file)
    dataset = open_dataset(file)
    assert [(i.start, i.end, i.line) for i in dataset.items] == [(0, 0.01, 1), (0.01, None, 2)]
    pd.DataFrame({"path": [], "label": []}).to_parquet(file)
    with pytest.raises(DataError, match="column group is missing; expected path, label, group"):
        open_dataset(file, "manifest")
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="is no readable Parquet file"):
        open_dataset(file, "manifest")


def test_parquet_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.parquet"
    file.write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match="parquet"):
        open_dataset(file)


def test_a_manifest(tmp_path: Path) -> None:
    for name in ("a/1.wav", "b/3.wav", "b/4.wav", "b/5.wav"):
        sound(tmp_path / name)
    sound(tmp_path / "a/2.wav").rename(tmp_path / "a/2.strange")
    path = text(
        tmp_path / "mine.csv",
        "Path, label ,group,split,note",
        "b/3.wav,Joy,anna,train,x",
        f"{tmp_path}/a/1.wav,calm,bob,,",
        "",
        "a\\2.strange,fear,bob,test,",
        "b/4.wav,,bob,test,",
        '"b/5.wav",sad,,train,"a, b"',
    )
    found = open_dataset(path, shared_groups=True)
    assert found.name == "mine"
    assert [
        (i.path.name, EMOTIONS[i.label], i.word, i.group, i.split, i.kind) for i in found.items
    ] == [
        ("3.wav", "happy", "joy", "anna", "train", "sound"),
        ("1.wav", "neutral", "calm", "bob", "", "sound"),
        ("2.strange", "fear", "fear", "bob", "test", "clip"),
        ("5.wav", "sad", "sad", "b/5.wav", "train", "sound"),
    ]
    assert not found.grouped
    (dropped,) = found.dropped
    assert (dropped.path.name, dropped.why) == ("4.wav", "has no label (line 6)")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_manifest_of_any_spreadsheet(tmp_path: Path, delimiter: str) -> None:
    sound(tmp_path / "1.wav")
    lines = "\r\n".join(delimiter.join(line) for line in (("group", "path", "label"),
                                                         ("ä", "1.wav", "angry"), ()))  # fmt: skip
    (tmp_path / "manifest.csv").write_bytes(lines.encode("utf-8-sig"))
    for path in (tmp_path, tmp_path / "manifest.csv"):
        found = open_dataset(path)
        assert words(found) == [("angry", "angry", "ä")]
        assert found.grouped


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("path,label", "1.wav,sad"), "column group is missing"),
        ((), "column path is missing .*found an empty line"),
        (("path,label,group",), "names no file"),
        (("path,label,group,label", "1.wav,sad,a,sad"), "more than one column 'label'"),
        (("path,label,group", "1.wav,sad"), "line 2 has 2 cells"),
        (("path,label,group", "1,5.wav,sad,a"), "line 2 has 4 cells"),
        (("path,label,group", '"1.wav"x,sad,a'), "is no table"),
        (("path,label,group", "1.wav,,a"), "no item of m; 1 files were dropped.*has no label"),
    ],
)
def test_bad_tables(tmp_path: Path, lines: Sequence[str], says: str) -> None:
    sound(tmp_path / "1.wav")
    path = text(tmp_path / "m.csv", *lines)
    with pytest.raises(DataError, match=says) as error:
        open_dataset(path)
    assert str(path) in str(error.value)


def test_tables_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"path,label,group\n\xff\xfe.wav,sad,a\n")
    with pytest.raises(DataError, match=r"was read as Windows-1252.*ÿþ\.wav is not there"):
        open_dataset(path)
    with pytest.raises(DataError, match=r"found no manifest\.csv in it, but m\.csv"):
        open_dataset(tmp_path, "manifest")
