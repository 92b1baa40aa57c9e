"""The programs of examples/ that need no data of their own."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import cv2
import pytest

from emonets.media.clip import open_clip

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_faces_of_a_picture(
    happy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    image = next(open_clip(happy).frames()).image
    file = tmp_path / "face.png"
    file.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    monkeypatch.setattr(sys, "argv", ["image.py", str(file)])
    runpy.run_path(str(EXAMPLES / "image.py"), run_name="__main__")
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[a-z]+ \(\d+%\) at x=\d+ y=\d+, (\d+) by \1 pixels", line)
