"""Tables of labels as spreadsheets, R and pandas write them, and the nearest wrong ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from command_line import Run, runner
from dataset_trees import sound, video
from emonets import EMOTIONS
from emonets.datasets import Dataset, open_dataset
from emonets.datasets.checks import similar_groups
from emonets.datasets.items import Item
from emonets.errors import DataError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
LINES = ("path,label,group,start,end", "a.wav,sad,ann,0,", "b.wav,joy,bob,,0.02")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "sub/c"):
        sound(tmp_path / f"{name}.wav")
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def told(dataset: Dataset) -> list[tuple[str, str, str]]:
    return [(i.path.name, EMOTIONS[i.label], i.group) for i in dataset.items]


EXPECTED = [("a.wav", "sad", "ann"), ("b.wav", "happy", "bob")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings_and_delimiters(folder: Path, encoding: str, delimiter: str, end: str) -> None:
    content = end.join(line.replace(",", delimiter).replace("bob", "bøb") for line in LINES) + end
    found = open_dataset(written(folder, content.encode(encoding)))
    assert told(found) == [EXPECTED[0], ("b.wav", "happy", "bøb")]
    assert [(item.start, item.end) for item in found.items] == [(0.0, None), (None, 0.02)]
    notes = [p.message for p in found.validate() if p.kind == "encoding"]
    assert bool(notes) == (not encoding.startswith("utf-8")), notes


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\npath;label;group\na.wav;sad;ann\nb.wav;joy;bob\n",
        "\n\npath;label;group;;\na.wav;sad;ann;;\nb.wav;joy;bob;;\n;;;;\n",
        ",path,label,group\n0,a.wav,sad,ann\n1,b.wav,joy,bob\n",
        "Unnamed: 0,path,label,group\n0,a.wav,sad,ann\n1,b.wav,joy,bob\n",
        '"","path","label","group"\n"1","a.wav","sad","ann"\n"2","b.wav","joy","bob"\n',
        '"path" "label" "group"\n"1" "a.wav" "sad" "ann"\n"2" "b.wav" "joy" "bob"\n',
        "path,label,group\n3,a.wav,sad,ann\n7,b.wav,joy,bob\n",
        "group , LABEL,Path\nann,sad,a.wav,\nbob,joy,b.wav,,\n",
        "path,label,group,start\na.wav,sad,ann,NaN\nb.wav,joy,bob,NA\n",
        "My labels;;\n\npath;label;group\na.wav;sad;ann\nb.wav;joy;bob\n",
        "path\u200b,label,group\na.wav,\u00a0sad\u200b,ann\nb.wav,joy,bob\n",
    ],
    ids=[
        "sep",
        "padded",
        "pandas",
        "unnamed",
        "write.csv",
        "write.table",
        "R",
        "order",
        "nan",
        "title",
        "invisible",
    ],
)
def test_what_programs_add(folder: Path, content: str) -> None:
    assert told(open_dataset(written(folder, content))) == EXPECTED


def test_decimal_commas(folder: Path) -> None:
    content = "path;label;group;start;end\na.wav;sad;ann;0,005;0,02\n"
    (item,) = open_dataset(written(folder, content)).items
    assert (item.start, item.end) == (0.005, 0.02)
    quoted = 'path,label,group,start,end\na.wav,sad,ann,"0,005","0,02"\n'
    assert open_dataset(written(folder, quoted)).items[0].start == 0.005
    with pytest.raises(DataError, match=r"line 2 has 7 cells.*numbers with a decimal comma"):
        open_dataset(written(folder, "path,label,group,start,end\na.wav,sad,ann,0,005,0,02\n"))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (
            "file,emotion,subject",
            r"column path is missing \(and label and group\); expected path, label, group .*"
            "rename 'file' to 'path', 'emotion' to 'label', 'subject' to 'group'",
        ),
        ("filename;label;group", "column path is missing; .*rename 'filename' to 'path'"),
        ("path,lable,group", "column label is missing; .*rename 'lable' to 'label'"),
        ("path\tlabel\tspeaker id", "rename 'speaker id' to 'group'"),
        ("clip_id,label,group", "rename 'clip_id' to 'path'"),
        ("path;label,group", "rename 'path;label' to 'path'; add label"),
        ("path,label", r"add group \(its cells may be empty\)"),
        ("a.wav,sad,ann", "name the columns in the first line"),
        ("path,label,group,start_ms,end_ms", "'start_ms' is not read; .*'start', in seconds"),
        ("path,label,group,start,offset,stop", "'stop' is not read; .*rename 'stop' to 'end'"),
        ("emotion,usage", "rename 'emotion' to 'label'"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_columns_with_other_names(folder: Path, header: str, says: str, encoding: str) -> None:
    content = f"{header}\n" + header.translate(str.maketrans("abc", "xyz")) + "\n"
    for name in (
        ("t.csv", "t.tsv", "t.txt")
        if header.count(",") != 1 and "sad" not in header
        else ("t.csv",)
    ):
        with pytest.raises(DataError, match=says) as error:
            open_dataset(written(folder, content.encode(encoding), name))
        assert "pixels" not in str(error.value)
        assert ("UTF-16" in str(error.value)) == (encoding == "utf-16")


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"PK\x03\x04rest", "t.xlsx", "is a workbook .*save it as 'CSV UTF-8'"),
        (b"PK\x03\x04rest", "t.csv", "is a workbook"),
        (b"\xd0\xcf\x11\xe0rest", "t.xls", "is an Excel workbook"),
        (b"path,label,group\na.wav,sad,\0\n", "t.csv", "zero bytes"),
        (b"\xff\xfep\0a\0t", "t.csv", "begins as UTF-16 text, but is damaged"),
        (b"\x1f\x8brest", "t.csv", "is compressed; unpack it"),
    ],
)
def test_what_is_no_text(folder: Path, content: bytes, name: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_dataset(written(folder, content, name))


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (r"C:\Users\ann\clips\sub\c.wav", "sub/c.wav"),
        ("d:/clips/sub/c.wav", "sub/c.wav"),
        (r"\\server\share\sub\c.wav", "sub/c.wav"),
        ("/home/ann/clips/sub/c.wav", "sub/c.wav"),
        (r"sub\c.wav", "sub/c.wav"),
        (r".\sub\c.wav", "sub/c.wav"),
    ],
)
def test_paths_of_other_machines(folder: Path, path: str, file: str) -> None:
    found = open_dataset(written(folder, f"path,label,group\n{path},sad,ann\na.wav,joy,bob\n"))
    assert found.items[0].path.resolve() == (folder / file).resolve()
    moved = [p for p in found.validate() if "were found in the table's folder" in p.message]
    assert len(moved) == (path[0] not in ".s")


def test_of_paths_of_another_machine_all_are_found_or_none(folder: Path) -> None:
    content = "path,label,group\nC:\\x\\a.wav,sad,ann\nC:\\x\\gone.wav,joy,bob\n"
    with pytest.raises(DataError, match=r"C:\\x\\a.wav is not there: .*another machine"):
        open_dataset(written(folder, content))


@pytest.mark.parametrize(
    ("path", "near"), [("A.WAV", "a.wav"), ("sub/c", "c.wav"), ("a.mp4", "a.wav"), ("x.wav", "")]
)
def test_a_missing_file_is_named_with_the_nearest(folder: Path, path: str, near: str) -> None:
    with pytest.raises(DataError, match="is not there") as error:
        open_dataset(written(folder, f"path,label,group\n{path},sad,ann\n"))
    assert (f"(there is {near})" in str(error.value)) == bool(near)


def test_cells_without_a_value(folder: Path) -> None:
    for mark in ("NaN", "NA", "None", "<NA>", "#N/A"):
        content = f"path,label,group\na.wav,{mark},ann\nb.wav,joy,bob\n"
        with pytest.raises(DataError, match=f"line 2: label is '{mark}', which is no value") as e:
            open_dataset(written(folder, content))
        assert f"--map {mark}=drop" in str(e.value)
        assert len(open_dataset(folder / "t.csv", labels={mark: "drop"})) == 1
        content = f"path,label,group\na.wav,sad,{mark}\nb.wav,joy,{mark}\n"
        found = open_dataset(written(folder, content))
        assert told(found) == [("a.wav", "sad", "a.wav"), ("b.wav", "happy", "b.wav")]
        assert not found.grouped
        assert any("2 cells of group: NaN" in p.message for p in found.validate())


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("0:05", "'0:05', which looks like minutes and seconds; write 5"),
        ("1:02:03.5", "which looks like hours, minutes and seconds; write 3723.5"),
        ("500ms", "'500ms', with a unit; write 0.5"),
        ("2 s", "with a unit; write 2"),
        ("1.234,5", "must be seconds, 0 or more, got '1.234,5'"),
        ("-1", "0 or more, got '-1'"),
    ],
)
def test_times_that_are_no_seconds(folder: Path, cell: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_dataset(written(folder, f"path;label;group;start\na.wav;sad;ann;{cell}\n"))


@pytest.mark.parametrize(
    ("pieces", "unit"),
    [
        ([(0, 60), (60, 120)], "milliseconds; they must be seconds: divide them by 1000"),
        ([(0, 2), (2, 4)], "numbers of frames; they must be seconds: divide them by 25"),
        ([(0, 0.1), (3, 5)], ""),
        ([(3, 5)], ""),
        ([(0, 9999)], ""),
        ([(0, 9_000_000), (0, 8_000_000)], ""),
        ([(0, 7000), (0, 7040)], "numbers of samples; they must be seconds: divide them by the"),
    ],
)
def test_pieces_in_another_unit(
    tmp_path: Path, pieces: list[tuple[float, float]], unit: str
) -> None:
    video(tmp_path / "v.mp4")  # four frames, 0.16 s
    lines = [f"v.mp4,sad,ann,{start},{end}" for start, end in pieces]
    data = open_dataset(written(tmp_path, "\n".join(["path,label,group,start,end", *lines])))
    errors = [p for p in data.validate() if p.level == "error"]
    assert errors
    assert all("has no piece from" in p.message and p.line for p in errors)
    assert ("start and end look like" in errors[0].message) == bool(unit)
    assert unit in errors[0].message


def groups(*names: str) -> list[str]:
    items = [Item.of(Path(f"{k}.wav"), 0, name, "sad") for k, name in enumerate(names)]
    return [problem.message for problem in similar_groups("t.csv", items)]


@pytest.mark.parametrize(
    "names",
    [
        ("1", "1.0"), ("1", "01"), ("P1", "p1"), ("P1", "P 1"), ("P1", "P01"), ("S_1", "S1"),
        ("Zoë", "Zoe\u0308"), ("ann", "Ann "), ("s1_02", "S1 2"), ("\uff11", "1"),
    ],
)  # fmt: skip
def test_groups_that_may_be_one(names: tuple[str, str]) -> None:
    (message,) = groups(*names)
    assert f"{names[0]!r} and {names[1]!r}" in message
    assert "--similar-groups" in message


@pytest.mark.parametrize(
    "names", [("1", "10"), ("1", "100"), ("P1", "P11"), ("1-1", "11"), ("a", "b"), ("0", "00x")]
)
def test_groups_that_are_not_one(names: tuple[str, str]) -> None:
    assert groups(*names) == []


def test_similar_groups_are_asked_about(folder: Path, run: Run) -> None:
    path = written(folder, "path,label,group\na.wav,sad,P1\nb.wav,joy,p1\n")
    with pytest.raises(DataError, match="may be the same: 'P1' and 'p1'"):
        open_dataset(path)
    assert len(open_dataset(path, similar_groups=True)) == 2
    code, out, _ = run("data", "check", path)
    assert (code, "'P1' and 'p1'" in out) == (1, True)
    assert run("data", "check", path, "--similar-groups")[0] == 0
    # files without a group are groups of their own
    sound(folder / "A.wav")
    assert len(open_dataset(written(folder, "path,label,group\na.wav,sad,\nA.wav,joy,\n"))) == 2
    # folders, and two tables of one's own
    for name in ("angry/ann/1.wav", "happy/Ann/1.wav"):
        sound(folder / "c" / name)
    with pytest.raises(DataError, match="'ann' and 'Ann'"):
        open_dataset(folder / "c")
    first = written(folder, "path,label,group\na.wav,sad,P1\n", "1.csv")
    second = written(folder, "path,label,group\nb.wav,joy,p1\n", "2.csv")
    code, _, err = run("evaluate", "modern", first, second, "--store", folder / "s")
    assert (code, "'P1' and 'p1'" in err) == (1, True)
    assert not (folder / "s").exists()


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
def test_the_cases(tmp_path: Path, run: Run) -> None:
    examples = Path(__file__).resolve().parents[2] / "examples"
    (tmp_path / "clips").mkdir()
    for name in ("ANG", "HAP", "NEU", "SAD"):
        source = examples / f"1001_DFA_{'HAP' if name == 'HAP' else 'ANG'}_XX.flv"
        shutil.copy(source, tmp_path / "clips" / f"1001_DFA_{name}_XX.flv")
    for name in ("names.csv", "u16.csv", "ms4.csv"):
        shutil.copy(CASES / name, tmp_path)
    code, _, err = run("data", "check", tmp_path / "names.csv")
    assert (code, "column path is missing" in err, "pixels" in err) == (1, True, False)
    code, out, _ = run("data", "check", tmp_path / "u16.csv")
    assert (code, "was read as UTF-16" in out) == (0, True)
    code, out, err = run("evaluate", "modern", tmp_path / "ms4.csv", "--store", tmp_path / "s")
    assert (code, out) == (1, "")
    assert "look like milliseconds" in err


def test_a_column_that_may_name_the_parts(folder: Path) -> None:
    found = open_dataset(written(folder, "path,label,group,set\na.wav,sad,ann,test\n"))
    assert any("'set' is not read" in p.message for p in found.validate() if p.level == "warning")
    found = open_dataset(written(folder, "path,label,group,split,set\na.wav,sad,ann,test,x\n"))
    assert not any("is not read" in p.message for p in found.validate())
