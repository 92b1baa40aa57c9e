"""Who shows what, live: `python examples/camera.py [CAMERA]`. Ctrl-C ends it."""

from __future__ import annotations

import sys
from typing import Any

import emonets


def show(source: Any = 0) -> None:
    for update in emonets.stream(source):
        faces = ", ".join(
            f"{p.track}: {p.label} {max(p.probabilities):.0%}" for p in update.persons
        )
        print(f"{update.time:7.2f} s  {faces or 'no face'}  ({1e3 * update.age:.0f} ms)")


if __name__ == "__main__":
    show(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
