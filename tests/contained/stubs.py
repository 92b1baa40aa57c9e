"""A `Contained` whose process runs `stub_worker.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from emonets.contained import Contained

SCRIPT = str(Path(__file__).with_name("stub_worker.py"))


class Stubbed(Contained):
    """Predicts the mean of the pictures; clips do harm by their names."""

    command = (SCRIPT,)
    warm = False


class ByPath(Stubbed):
    """As on Windows."""

    by_path = True


class Lying(Stubbed):
    """Its process sends something else than results."""

    command: ClassVar = (SCRIPT, "lies")


class Broken(Stubbed):
    """Its bundle cannot be loaded."""

    command: ClassVar = (SCRIPT, "broken")


if __name__ == "__main__":  # a parent that is killed
    from emonets.inference.options import Options

    with Stubbed() as contained:
        print(contained.locked, flush=True)
        print(contained._process.pid, flush=True)
        contained.read(sys.argv[1], Options(), name="hang.mp4")
