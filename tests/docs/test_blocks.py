"""Every block of code in README and docs is run, or has a reason why not and is parsed.

A page's blocks run in order in one temporary folder: ``sh`` by bash, ``python`` in one namespace.
A block that cannot run is marked in its first line: ```` ```sh no-run: needs a camera ````.
"""

from __future__ import annotations

import ast
import doctest
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from blocks import ROOT, SHOWN, Block, blocks_of, commands_of, pages, stage

from command_line import parse

if not (ROOT / "docs" / "conf.py").is_file():
    pytest.skip("not in a checkout", allow_module_level=True)

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
CODE = [page for page in PAGES if any(b.language in ("sh", "python") for b in blocks_of(page))]
MEASURED = "docs/results/"
"""Pages whose commands made the numbers on them, on corpora that may not be shipped."""
RUN = [
    page for page in CODE if not page.startswith(MEASURED)
    and any(b.language in ("sh", "python") and not b.reason for b in blocks_of(page))
]  # fmt: skip
MOST_UNRUN = 40
"""Blocks that may be marked; each has its reason."""
PROGRAM = re.compile(r"python ((?:benchmarks|tools|examples)/\w+\.py)([^\n;|&]*)")
SHOWS = re.compile(r"COMMAND|--help|--version|-completion")
"""Commands that print something about the program, and name no other option."""
SECONDS = 900
"""A block that takes longer fails."""


def _name(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.mark.parametrize("page", CODE)
def test_commands_have_these_options(page: str) -> None:
    for block in blocks_of(page):
        if block.language == "sh":
            for command in commands_of(block):
                if SHOWS.search(command):
                    continue
                try:
                    parse(command)
                except Exception as error:
                    raise AssertionError(f"{_name(block)}: {command}: {error}") from error


@pytest.mark.parametrize("page", CODE)
def test_python_is_python(page: str) -> None:
    for block in blocks_of(page):
        if block.language in ("python", "prepare") and ">>>" not in block.text:
            ast.parse(block.text, _name(block))


def test_blocks_that_are_not_run_are_few_and_have_reasons() -> None:
    unrun = [block for block in BLOCKS if block.reason and not block.page.startswith(MEASURED)]
    listed = "\n".join(f"{_name(block)}: {block.reason}" for block in unrun)
    assert len(unrun) <= MOST_UNRUN, listed
    assert all(len(block.reason) > 5 for block in unrun), listed
    run = [b for b in BLOCKS if b.page in RUN and b.language in ("sh", "python") and not b.reason]
    assert len(run) > 50


@pytest.mark.parametrize("page", CODE)
def test_programs_that_pages_call_have_these_options(page: str) -> None:
    """``python benchmarks/speech.py --data DATA``: the file is there, and has ``--data``."""
    for block in blocks_of(page):
        for name, rest in PROGRAM.findall(block.text if block.language == "sh" else ""):
            place = ROOT / name
            assert place.is_file(), f"{_name(block)}: there is no {name}"
            source = "".join(own.read_text("utf-8") for own in _own_modules(place))
            for option in re.findall(r"(?<!\S)--[a-z][\w-]*", rest):
                assert f'"{option}"' in source, f"{_name(block)}: {name} has no {option}"


def _own_modules(place: Path) -> list[Path]:
    """A program, and the modules beside it that it imports."""
    text = place.read_text("utf-8")
    names = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    return [place, *(own for name in names if (own := place.with_name(f"{name}.py")).is_file())]


def test_every_language_is_known() -> None:
    for block in BLOCKS:
        assert block.language in {"sh", "python", "prepare", *SHOWN}, (
            f"{_name(block)}: {block.language!r} is no language that is run or shown"
        )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="pages are written for bash")
@pytest.mark.parametrize("page", RUN)
def test_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block for block in blocks_of(page) if not block.reason]
    text = "\n".join(block.text for block in blocks if block.language not in SHOWN)
    folder = tmp_path / "page"
    own = stage(folder, text)
    monkeypatch.chdir(folder)
    environment = {
        **os.environ, **own, "PATH": f"{own['PATH']}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "COLUMNS": "200",
        "NO_COLOR": "1",
    }  # fmt: skip
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        if block.language == "sh":
            _bash(block, environment)
        elif block.language in ("python", "prepare"):
            _python(block, names)


def _bash(block: Block, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", block.text], env=environment, text=True,
        capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, (
        f"{_name(block)}: exit status {done.returncode}\n{block.text}\n"
        f"{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    )


def _python(block: Block, names: dict[str, Any]) -> None:
    if ">>>" not in block.text:
        exec(compile(block.text, _name(block), "exec"), names)
        return
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(block.text, names, _name(block), block.page, 0)
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    failed = runner.run(test, out=told.append, clear_globs=False).failed
    names.update(test.globs)
    assert not failed, "".join(told)
