"""The command line called within the test's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from emonets.cli.main import main

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
