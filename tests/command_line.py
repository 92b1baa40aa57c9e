"""The command line within the test's own process: run, or parsed only."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable

import pytest
import typer
from typer.core import TyperGroup

from emonets.cli.main import app, main
from emonets.cli.options import DefaultGroup

ROOT = typer.main.get_command(app)

Run = Callable[..., tuple[int, str, str]]
"""Words → exit status, standard output, standard error."""


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("predict", "a.mp4")``."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["emonets", *map(str, words)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return call


def parse(line: str) -> tuple[str, ...]:
    """The command that a line calls; its options are parsed, and nothing runs."""
    words = shlex.split(line, comments=True)
    if ">" in words:
        words = words[: words.index(">")]
    assert words[0] == "emonets", line
    path: tuple[str, ...] = ()
    rest, command = words[1:], ROOT
    while isinstance(command, TyperGroup):
        if isinstance(command, DefaultGroup) and rest[0] not in command.commands:
            rest = ["all", *rest]
        path, command, rest = (*path, rest[0]), command.commands[rest[0]], rest[1:]
    command.make_context(" ".join(path), rest).close()
    return path
