"""Exit statuses as `docs/reference/command_line.md` has them, and what shells complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from command_line import ROOT, Run, runner
from emonets.bundle import bundle_names
from emonets.cli.main import app
from emonets.export import writers

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "command_line.md"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("data", "list"),
    ],
)
def test_done(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "nowhere.mp4"),
        ("predict", __file__, "--bundle", "nowhere"),
        ("export", "nowhere", "--format", "vtt", "--out", "o"),
        ("extract", "nowhere", "--store", "s"),
        ("compare-fusion", "nowhere.csv"),
        ("data", "check", "nowhere"),
        ("evaluate", "modern", "nowhere"),
        ("train", "nowhere", "--out", "o"),
    ],
)
def test_a_file_or_the_data(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*words)
    assert code == 1, err
    assert "nowhere" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nowhere",),
        ("predict",),
        ("predict", "a.mp4", "--bogus"),
        ("predict", "a.mp4", "--stride", "many"),
        ("predict", "a.mp4", "--window", "long"),
        ("predict", "a.mp4", "--format", "exel"),
        ("export", "a", "--format", "exel", "--out", "o"),
        ("data", "show", "nowhere"),
        ("compare-fusion", "a.csv", "--folds", "few"),
        ("evaluate", "modern", "a", "--normalise", "room"),
        ("train", "a", "--out", "o", "--no-score", "--report", "r"),
    ],
)
def test_an_argument(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*words)
    assert code == 2, err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
def test_nobody_reads_the_output() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "emonets", "data", "list"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_the_page_has_every_command_and_status() -> None:
    text = DOCS.read_text("utf-8")
    for name in ROOT.commands:
        assert f"`{name}`" in text, name
    assert re.findall(r"^\| `(\d+)`", text, re.MULTILINE) == ["0", "1", "2", "130", "143"]


def completed(line: str) -> list[str]:
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    env = {
        "_EMONETS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
    }  # fmt: skip
    result = CliRunner().invoke(app, [], prog_name="emonets", env=env)
    assert result.exit_code == 0
    return result.output.split()


def test_bundles_and_formats_are_completed() -> None:
    assert completed("emonets predict --bundle ") == list(bundle_names())
    assert completed("emonets predict --bundle mod") == ["modern"]
    assert completed("emonets predict --format ") == ["table", *writers()]
    assert completed("emonets export r --format elan,v") == ["elan,vtt"]
    assert "elan" not in completed("emonets export r --format elan,")
    assert completed("emonets exp") == ["export"]
    assert completed("emonets train f") == ["face"]
    assert completed("emonets predict --norm") == ["--normalise"]
    assert completed("emonets predict --bundle my/fol") == []  # the shell completes folders


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    env = {"_EMONETS_COMPLETE": f"source_{shell}"}
    result = CliRunner().invoke(app, [], prog_name="emonets", env=env)
    assert result.exit_code == 0
    assert f"complete_{shell}" in result.output
