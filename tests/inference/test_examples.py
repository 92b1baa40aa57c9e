"""The programs of examples/ that need no data of their own."""

from __future__ import annotations

import json
import re
import runpy
import sys
import threading
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from itertools import islice
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


def test_a_film_as_a_data_frame(
    happy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["film.py", str(happy)])
    runpy.run_path(str(EXAMPLES / "film.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["person", "start", "end", "label", "usable", *"xywh"]
    assert len([line for line in lines if re.match(r"\d+ +0 ", line)]) == 2  # windows of 1 s


def test_a_camera(happy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show = runpy.run_path(str(EXAMPLES / "camera.py"))["show"]
    show((frame.image, frame.time) for frame in islice(open_clip(happy).frames(), 8))
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 8
    assert all(re.fullmatch(r" +\d\.\d\d s  .+  \(\d+ ms\)", line) for line in lines)


def test_a_service(happy: Path) -> None:
    faces = runpy.run_path(str(EXAMPLES / "service.py"))["Faces"]
    image = next(open_clip(happy).frames()).image
    with ThreadingHTTPServer(("127.0.0.1", 0), faces) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        body = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
        with urllib.request.urlopen(address, body) as answer:
            (face,) = json.load(answer)
        with pytest.raises(urllib.error.HTTPError) as wrong:
            urllib.request.urlopen(address, b"no picture")
        server.shutdown()
    assert {"x", "y", "w", "h", "label", "happy"} <= face.keys()
    assert face["w"] > 0
    assert wrong.value.code == 400
    assert "error" in json.load(wrong.value)
