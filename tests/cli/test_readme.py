"""The README: its commands have real flags, and its names of Python exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from command_line import parse

TEXT = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
NAMES = sorted(set(re.findall(r"`(emonets(?:\.\w+)+)", TEXT)))
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("emonets ")
]


def found(name: str) -> Any:
    """The object of a dotted name."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            thing = getattr(thing, part)
        return thing
    raise AssertionError(name)


@pytest.mark.parametrize("line", COMMANDS)
def test_command(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("name", NAMES)
def test_name(name: str) -> None:
    if name.startswith("emonets.specialists") and ".network." in name:
        pytest.importorskip("torch")
    assert found(name) is not None


def test_imports_of_the_examples() -> None:
    for line in re.findall(r"^(?:import emonets|from emonets\S* import .*)", TEXT, re.MULTILINE):
        exec(line.partition("#")[0], {})


def test_there_are_commands_and_names() -> None:
    assert len(COMMANDS) > 25
    assert len(NAMES) > 10
