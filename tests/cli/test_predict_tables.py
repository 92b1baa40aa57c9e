"""The options of tables of ``emonets predict``; the predictions are made up."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from command_line import Run, runner
from emonets.result import FileStatus, Result
from made_results import film


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run("--wide")``: of two clips, without reading them."""

    def predicted(clips: Any, **_: Any) -> Result:
        return Result.concatenate([film(str(clip)) for clip in clips])

    monkeypatch.setattr("emonets.batch.predict_many", predicted)
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    every = runner(monkeypatch, capsys)
    return lambda *words: every("predict", "a.mp4", "b.mp4", "--quiet", *words)


def test_a_wide_table(run: Run) -> None:
    code, out, _ = run("--wide", "--format", "csv")
    table = pd.read_csv(io.StringIO(out))
    assert (code, len(table), table["p0_label"][0]) == (0, 40, "happy")
    _, out, _ = run("--every", "5", "--format", "csv", "--separator", ";", "--decimal", ",")
    table = pd.read_csv(io.StringIO(out), sep=";", decimal=",")
    assert (len(table), table["p0_happy"][0]) == (8, 0.7)
    assert "valence" not in out
    _, out, _ = run("--wide", "--derived", "--format", "csv")
    assert "p0_valence_derived" in out


def test_events_in_a_folder_and_on_the_screen(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("name,start,end\nsong,0,5\nskip,2,3\n")
    code, out, _ = run("--events", "events.csv")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("song")] == [
        ["song", "a.mp4", "0"], ["song", "a.mp4", "1"],
        ["song", "b.mp4", "0"], ["song", "b.mp4", "1"],
    ]  # fmt: skip
    code, out, _ = run("--events", "events.csv", "--format", "csv")
    assert pd.read_csv(io.StringIO(out))["event"].tolist() == ["song"] * 4
    code, _, _ = run("--events", "events.csv", "--wide", "--out", "out")
    assert code == 0
    assert pd.read_csv(tmp_path / "out" / "results.csv")["skip"].sum() == 2
    assert len(pd.read_csv(tmp_path / "out" / "events.csv")) == 4
    assert (tmp_path / "out" / "codebook.txt").is_file()


def test_events_beyond_the_end_do_not_lose_the_results(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("name,start,end\nsong,0,5000\n")
    code, _, problems = run("--events", "events.csv", "--out", "out")
    assert code == 1
    assert "event 'song' ends at 5000 s, and a.mp4 at 20.0 s (are these milliseconds?" in problems
    assert len(pd.read_csv(tmp_path / "out" / "results.csv")) > 20


def test_clocks_and_sessions(run: Run, tmp_path: Path) -> None:
    (tmp_path / "session.csv").write_text("file,offset\na,0\nb,100\n")
    begin = ("--clock", "2026-11-28T10:00:00", "--format", "csv")
    code, out, _ = run("--session", "session.csv", *begin)
    table = pd.read_csv(io.StringIO(out))
    assert (code, table["session_time"].max()) == (0, 115.0)
    assert table["clock_end"].max() == "2026-11-28T10:02:00.000"
    code, _, problems = run(*begin)
    assert (code, "one clock for 2 files" in problems) == (2, True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--wide"], "give --format csv, or --out FOLDER"),
        (["--wide", "--format", "json"], "not json"),
        (["--decimal", ",", "--format", "csv"], "both a comma"),
        (["--every", "0", "--format", "csv"], "every must be 0.01 seconds or more"),
        (["--clock", "noon", "--format", "csv"], "neither a time such as"),
        (["--events", "none.csv"], "none.csv: cannot be read"),
        (["--session", "none.csv", "--format", "csv"], "none.csv: cannot be read"),
        (["--format", "xlsx"], "xlsx is not for the terminal: give --out FOLDER"),
        (["--format", "xlxs"], "did you mean 'xlsx'?"),
    ],
)
def test_bad_options_get_one_sentence(run: Run, words: list[str], text: str) -> None:
    code, out, problems = run(*words)
    assert (code, out) == (2, "")
    assert text in problems
    assert len(problems.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "words", "text"),
    [
        ("name,start,end\nx,0,5\n", ["--wide", "--format", "csv"], "adds a second table"),
        ("name,start,end\nx,0,5\n", ["--format", "json"], "adds a second table"),
        ("name,start,end\nx,9,5\n", [], "end must be after start"),
        ("file,name,start,end\nc.mp4,x,0,5\n", [], "file 'c.mp4' is not among the clips"),
    ],
)
def test_bad_events_stop_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, words: list[str],
    text: str,
) -> None:  # fmt: skip
    def never(*_: Any, **__: Any) -> Result:
        raise AssertionError("the clips were predicted")

    monkeypatch.setattr("emonets.batch.predict_many", never)
    (tmp_path / "events.csv").write_text(content)
    code, _, problems = run("--events", "events.csv", *words)
    assert code == 2
    assert text in problems


def test_a_workbook_of_a_run(run: Run, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    code, _, note = run("--format", "xlsx", "--out", "out")
    assert (code, "results.xlsx" in note) == (0, True)
    book = openpyxl.load_workbook(tmp_path / "out" / "results.xlsx", read_only=True)
    assert book.sheetnames == ["clips", "persons", "windows", "codebook"]


def test_a_file_without_rows_has_events_without_values(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status = (FileStatus("a.mp4", "error", "is empty"),)
    monkeypatch.setattr("emonets.batch.predict_many", lambda *_, **__: Result((), status))
    (tmp_path / "events.csv").write_text("name,start,end\nsong,0,5\n")
    code, out, _ = run("--events", "events.csv", "--format", "csv")
    assert code == 1
    assert pd.read_csv(io.StringIO(out))["covered"].tolist() == [0.0]
