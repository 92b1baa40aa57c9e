"""What the tests share: the shipped example clips, and where further data may lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# test files run side by side: a thread each
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared"


SLOW = Path(__file__).with_name("slow.txt")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the functions of ``slow.txt``."""
    names = {line for line in SLOW.read_text("utf-8").splitlines() if not line.startswith("#")}
    for item in items:
        if item.nodeid.partition("[")[0] in names:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def happy() -> Path:
    return EXAMPLES / "1001_DFA_HAP_XX.flv"


@pytest.fixture(scope="session")
def angry() -> Path:
    return EXAMPLES / "1001_DFA_ANG_XX.flv"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared data folder does not lie beside this checkout")
    return SHARED


@pytest.fixture(autouse=True)
def _commands_read_clips_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process of their own for each command, which costs seconds."""
    clips = sys.modules.get("emonets.cli.clips")
    if clips is not None:
        monkeypatch.setattr(clips, "contains", lambda *_: False)
