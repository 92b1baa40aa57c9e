"""Commands that are sent SIGTERM at work: no process is left, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from processes import children

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def test_predict_ends_with_its_workers(happy: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for i in range(12):
        shutil.copy(happy, clips / f"{i}{happy.suffix}")
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "emonets", "predict", clips, "--models", "face", "--workers", "2",
         "--stride", "6", "--out", out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 120
    while not list(out.glob("clips/*.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGTERM)
    text, err = process.communicate(timeout=30)
    assert (process.returncode, text) == (143, ""), err
    assert f"ended by SIGTERM; finished clips are in {out}" in err.replace("\n", " ")
    assert "Traceback" not in err
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < end, [os.fspath(Path(f"/proc/{pid}")) for pid in workers]
        time.sleep(0.05)
    for file in out.rglob("*"):
        assert file.is_dir() or json.loads(file.read_text("utf-8"))
