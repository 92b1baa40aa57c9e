"""The help of every command: real examples, an explanation of every option, plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from command_line import ROOT, parse
from emonets.cli.main import app
from emonets.export import writers

NOT_FOR_PROGRAMS = re.compile(
    r"\b(say|says|said|speaks?|meets?|met|looks?|looked|listens?|hears?|wants?|answers?"
    r"|films?|recordings?)\b",
    re.IGNORECASE,
)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The path and the command of each command and each group of commands."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


EVERY = dict(commands(ROOT))
SINGLE = {path for path, command in EVERY.items() if not hasattr(command, "commands")}


def help_of(path: tuple[str, ...], columns: int = 200) -> str:
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": str(columns)})
    assert result.exit_code == 0
    return result.output


def examples(text: str) -> list[str]:
    """The lines after the title ``Example:`` or ``Examples:`` at the end of a help."""
    lines = text.rstrip().splitlines()
    titles = [i for i, line in enumerate(lines) if line.strip() in ("Example:", "Examples:")]
    assert len(titles) == 1, text
    return [line.strip() for line in lines[titles[0] + 1 :]]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: " ".join(path) or "emonets")
def test_help(path: tuple[str, ...]) -> None:
    for columns in (60, 200):  # however narrow, an example stays on its line
        text = help_of(path, columns)
        lines = examples(text)
        assert lines
        for line in lines:
            if "--help" not in line:
                called = parse(line)
                assert called == path if path in SINGLE else called[: len(path)] == path
    assert "with )" not in text  # brackets that a markup has eaten
    for option in EVERY[path].params:
        assert option.help or option.name == "help", option.name
    assert not NOT_FOR_PROGRAMS.findall(text)


def test_all_commands_are_checked() -> None:
    one = {(name,) for name in ("predict", "extract", "compare-fusion")}
    systems = {
        (does, what)
        for does in ("train", "evaluate")
        for what in ("all", "face", "audio", "activity", "mouth")
    }
    others = {("reproduce", "afew2"), ("reproduce", "submissions")}
    data = {("data", name) for name in ("list", "show", "check")}
    assert one | systems | others | data <= SINGLE


def test_brackets_are_printed() -> None:
    assert "emonets[dask]" in help_of(("extract",))


def test_the_list_of_a_group_is_whole_on_80_columns() -> None:
    for path in EVERY.keys() - SINGLE:
        assert "..." not in help_of(path, 80).replace("[ARGS]...", "")


def test_help_names_every_format() -> None:
    text = next(option.help for option in EVERY["predict",].params if option.name == "format")
    for name in ("table", *writers()):
        assert name in text


def test_an_example_with_a_wrong_flag_would_be_found() -> None:
    with pytest.raises(Exception, match="--bogus"):
        parse("emonets train clips/ --out b --bogus")
