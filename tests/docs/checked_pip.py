"""In place of ``pip install``: nothing is installed, but the extras that are named must exist."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def main(words: list[str]) -> int:
    """0 if every extra of ``emonets[…]`` or ``.[…]`` is one of pyproject.toml."""
    known = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    for word in words:
        found = re.fullmatch(r"(?:emonets|\.)\[([\w,]+)\]", word)
        for extra in found[1].split(",") if found else []:
            if extra not in known:
                print(f"{word}: there is no extra {extra}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
