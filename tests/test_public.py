"""The names of the package, and what the function and the command have in common."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import emonets
from command_line import runner


def test_every_public_name_is_there() -> None:
    for name in emonets.__all__:
        assert getattr(emonets, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        emonets.nothing  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, emonets; print([m for m in ('numpy', 'av', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_function_gives_what_the_command_gives(
    happy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = json.loads(emonets.predict(happy, window=1.0, stride=3).to_json())
    call = runner(monkeypatch, capsys)
    words = ("--window", "1", "--stride", "3", "--format", "json", "-q")
    status, shown, _ = call("predict", happy, *words)
    given = json.loads(shown)
    assert status == 0
    assert given["rows"] == own["rows"]
    assert given["files"] == own["files"]
    assert given["about"] == own["about"]
