"""The example of a camera runs, with a generator in its place."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import EXAMPLES
from emonets.media.clip import open_clip


def test_it_prints_a_line_a_frame(happy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def camera() -> Iterator[tuple[Any, float]]:
        for frame in open_clip(happy).frames():
            if frame.index < 12:
                time.sleep(0.02)
                yield frame.image, frame.time

    spec = importlib.util.spec_from_file_location("camera_example", EXAMPLES / "camera.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.show(camera())
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 12
    assert all(line.endswith(" ms)") for line in lines)
