"""The command ``demo``: which clip it uses, and what it prints."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from command_line import runner
from emonets.cli import demo as module
from emonets.cli.demo import CLIP, example_clip
from emonets.media.clip import open_clip

ROOT = Path(__file__).parents[2]


def test_the_clip_is_shipped() -> None:
    assert open_clip(example_clip()).info.has_sound
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {f"examples/{CLIP}": f"emonets/examples/{CLIP}"}


def test_it_prints_where_the_report_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(module, "report", lambda *given, **named: calls.append((given, named)))
    code, _, err = runner(monkeypatch, capsys)("demo", "--out", tmp_path / "out")
    assert code == 0
    assert calls[0][0] == ([str(example_clip())], tmp_path / "out")
    assert (tmp_path / "out" / "index.html").as_uri() in err
