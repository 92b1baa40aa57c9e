"""Nothing leaves the machine: predicting opens no connection, and works where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["--stride", "6", "--format", "csv", "-q"]

WATCHED = """
import sys

def refuse(event, args):
    # what processes of this machine send each other is no network
    within = getattr(args[0], "family", None) == 1 if args else False
    if event.startswith("socket.") and event != "socket.__new__" and not within:
        raise RuntimeError(f"the network is used: {event} {args}")

sys.addaudithook(refuse)
try:
    __import__("socket").create_connection(("127.0.0.1", 9))
except RuntimeError:
    pass
else:
    raise SystemExit("the watch does not work")
from emonets.cli.main import main
main()
"""


def test_predicting_opens_no_connection(happy: Path) -> None:
    """Where the system allows it in a network without devices, as of ``docker --network none``."""
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        alone = []
    done = subprocess.run(
        [*alone, sys.executable, "-c", WATCHED, "predict", str(happy), *WORDS],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ",face+audio," in done.stdout
