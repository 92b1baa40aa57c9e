"""The command ``figure`` and the option ``--figures``."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Run, runner
from emonets.result import FileStatus, Result, Row

pytest.importorskip("matplotlib", reason="needs emonets[plot]")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    p = (0.4, *(0.1,) * 6)
    rows = [Row("a.mp4", 0, t, t + 1, True, "face", p, level="face", person=0) for t in (0, 1)]
    rows.append(Row("b.mp4", None, 0, 2, None, "audio", p, True))
    path = tmp_path / "kept.json"
    Result(tuple(rows), (FileStatus("a.mp4", "ok"), FileStatus("b.mp4", "ok"))).to_json(path)
    return path


@pytest.mark.parametrize(("kind", "begin"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89")])
def test_a_timeline_of_kept_results(
    run: Run, kept: Path, tmp_path: Path, kind: str, begin: bytes
) -> None:
    out = tmp_path / "new" / f"t.{kind}"
    code, text, err = run("figure", kept, "--file", "a.mp4", "--person", 0, "--out", out)
    assert (code, text) == (0, "")
    assert f"written: {out}" in err.replace("\n", "")
    assert out.read_bytes().startswith(begin)


def test_what_cannot_be_drawn(run: Run, kept: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.svg"
    (tmp_path / "rows.csv").write_text("file,person\n")
    for words, message in (
        ((kept, "--out", out), "has 2 files; name one"),
        ((kept, "--out", out, "--file", "c.mp4"), "no file c.mp4; did you mean"),
        ((kept, "--out", out, "--file", "a.mp4", "--person", 4), "no person 4; there is 0"),
        ((kept, "--out", tmp_path / "t.jpg"), "did you mean .png?"),
        ((tmp_path / "none.json", "--out", out), "there is no such file"),
        ((tmp_path / "rows.csv", "--out", out), "give results of 'predict --format json'"),
    ):
        code, _, err = run("figure", *words)
        assert code == 2, words
        assert message in err.replace("\n", ""), words
    assert not out.exists()


def test_an_unknown_format_is_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    for words in (
        ("evaluate", "modern", tmp_path),
        ("compare-fusion", tmp_path / "none.csv"),
        ("reproduce", "submissions", "--data", tmp_path / "none.npz"),
    ):
        code, _, err = run(*words, "--figures", "jpg")
        assert code == 2, words
        assert "not in 'jpg'; did you mean png?" in err, words
    code, _, err = run("evaluate", "face", "--data", tmp_path, "--figures", "svg")
    assert code == 2
    assert "for still faces give --figure FILE.svg" in err
