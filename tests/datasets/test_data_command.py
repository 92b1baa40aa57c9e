"""The command line of data: list, show, check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run, runner
from dataset_trees import TREES, sound, text
from emonets.datasets import DATASETS


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


GOOD = ("a.wav,sad,ann,train,,", "b.wav,sad,bob,test,,")


def table(root: Path, *lines: str, header: str = "path,label,group,split,start,end") -> Path:
    for name in ("a", "b", "c"):
        sound(root / f"{name}.wav")
    return text(root / "m.csv", header, *lines)


def test_list(run: Run) -> None:
    code, out, _ = run("data", "list")
    assert code == 0
    for name in DATASETS:
        assert name in out
    code, out, _ = run("data", "list", "--json")
    listed = json.loads(out)
    assert [one["name"] for one in listed] == list(DATASETS)
    assert all(one["licence"] and one["where"] and one["group"] for one in listed)


@pytest.mark.parametrize("name", DATASETS)
def test_show(run: Run, name: str) -> None:
    code, out, _ = run("data", "show", name)
    assert code == 0
    assert DATASETS[name].info.citation in out
    code, out, _ = run("data", "show", name, "--json")
    assert json.loads(out)["words"] == dict(DATASETS[name].info.words)


def test_show_what_is_none(run: Run) -> None:
    code, _, err = run("data", "show", "cremad")
    assert code == 2
    assert "the nearest is 'crema_d'; must be one of folders, manifest, afew" in err


def test_check_a_good_tree(run: Run, tmp_path: Path) -> None:
    TREES["afew 2013"].make(tmp_path)
    code, out, _ = run("data", "check", tmp_path, "--deep")
    assert code == 0
    assert "afew" in out
    assert "some items have no known group" in out
    assert "0 errors, 0 warnings, 1 note" in out
    code, out, _ = run("data", "check", tmp_path, "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["dataset"], report["n"], report["errors"]) == ("afew", 21, 0)
    assert report["counts"]["angry"] == {"train": 1, "valid": 1, "test": 1}


def test_check_with_errors(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD, "x.wav,sad,cid,,,", "c.wav,glad,ann,test,,")
    code, out, _ = run("data", "check", path)
    assert code == 1
    assert f"error: missing: {path} line 4: x.wav is not there" in out
    assert f"error: label: {path} line 5" in out
    assert "2 errors" in out
    code, out, _ = run("data", "check", path, "--json", "--map", "glad=happy")
    assert code == 1
    report = json.loads(out)
    assert {p["kind"] for p in report["problems"] if p["level"] == "error"} == {"missing", "group"}
    assert report["errors"] == 2


def test_check_shows_the_first_of_many(run: Run, tmp_path: Path) -> None:
    path = table(tmp_path, *GOOD, *(f"{k}.wav,sad,cid,,," for k in range(30)))
    code, out, _ = run("data", "check", path)
    assert code == 1
    assert "error: missing: 10 more; --json lists all" in out
    assert out.count("is not there") == 20


def test_check_what_is_no_dataset(run: Run, tmp_path: Path) -> None:
    TREES["tess"].make(tmp_path)
    for words_, code, says in (
        ((tmp_path, "--layout", "emodb"), 1, "expected of emodb"),
        ((tmp_path, "--layout", "nope"), 2, "must be one of folders"),
        ((tmp_path / "absent",), 1, "no such file or folder"),
        ((tmp_path, "--map", "glad"), 2, "--map takes WORD=EMOTION"),
        ((tmp_path, "--group-pattern", "x"), 2, "group_pattern goes with folders"),
    ):
        got, out, err = run("data", "check", *words_)
        assert (got, out) == (code, "")
        assert says in err
        assert len(err.strip().splitlines()) == 1
