"""The help of every command: an example, an explanation of every option, plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from emonets.cli.main import app

NOT_FOR_PROGRAMS = re.compile(
    r"\b(says?|said|speaks?|meets?|looks?|looked|listens?|hears?|wants?|films?|recordings?)\b", re.I
)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The path and the command of all that does something."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield path, command


EVERY = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    named = " ".join(path).removesuffix(" all")
    assert any(line.startswith(f"Example: emonets {named}") for line in lines), result.output
    assert "with )" not in result.output  # brackets that a markup has eaten
    for option in EVERY[path].params:
        assert option.help or option.name == "help", option.name
    assert not NOT_FOR_PROGRAMS.findall(result.output)


def test_there_are_commands() -> None:
    assert len(EVERY) >= 17
