"""The command ``report``: from kept results to pages, with edits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_report import no_voice, two_persons

from command_line import Run, runner
from emonets.report.data import digest_of
from emonets.result import Result


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file as ``predict --format json`` leaves it, of two clips that are gone."""
    both = [two_persons(str(tmp_path / "two.mp4")), no_voice(str(tmp_path / "one.mp4"))]
    path = tmp_path / "results.json"
    Result.concatenate(both).to_json(path)
    return path


def edits(tmp_path: Path, **changes: object) -> Path:
    content = {
        "schema": "emonets.edits", "version": 1, "file": "two.mp4",
        "result": digest_of(two_persons("two.mp4")), "names": {"0": "Ann"}, "people": [],
        "excluded": [], "events": [], **changes,
    }  # fmt: skip
    path = tmp_path / "e.json"
    path.write_text(json.dumps(content))
    return path


def test_kept_results_become_pages(run: Run, kept: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, _, err = run("report", kept, "--out", out, "--edits", edits(tmp_path))
    assert code == 0
    assert f"report: {out / 'index.html'}" in err
    assert '"names":{"0":"Ann"}' in (out / "clips" / "two" / "index.html").read_text("utf-8")
    assert '"name":"Ann"' in (out / "index.html").read_text("utf-8")
    assert (out / "clips" / "one" / "index.html").is_file()


def test_edits_of_another_clip_are_one_sentence(run: Run, kept: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    other = edits(tmp_path, file="other.mp4")
    code, _, err = run("report", kept, "--out", out, "--edits", other)
    assert code == 1
    assert "e.json: these edits are of other.mp4, which is not among the clips" in err
    assert (out / "clips" / "two" / "index.html").is_file()


def test_what_is_wrong_is_found_before_the_work(run: Run, kept: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, _, err = run("report", kept, "--out", out, "--edits", kept)
    assert code == 2
    assert "it has no schema emonets.edits" in err
    code, _, err = run("report", kept, tmp_path / "film.mp4", "--out", out)
    assert code == 2
    assert "film.mp4: clips and kept results do not mix" in err
    code, _, err = run("report", kept, kept, "--out", out)
    assert code == 2
    assert "is in two of the results" in err
    assert not out.exists()


def test_a_folder_that_cannot_be_made(run: Run, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run("report", kept, "--out", tmp_path / "file" / "out")
    assert code == 1
    assert "cannot be written" in err
