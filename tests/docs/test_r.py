"""The page for users of R: its columns exist, and its blocks run where R is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from emonets import Result
from emonets.batch import write_outputs
from emonets.emotions import EMOTIONS
from emonets.export.codebook import _ENTRIES
from made_results import film

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "r.md").read_text("utf-8")
BLOCKS = re.findall(r"^```r\n(.*?)^```", PAGE, re.M | re.S)
OWN = {"logit", "group", "condition", "status"}
"""Columns of the user's tables, of status.csv, and one that the page computes."""


def test_every_column_is_in_the_codebook() -> None:
    known = {*_ENTRIES, *EMOTIONS} | OWN
    code = "\n".join(BLOCKS)
    used = set(re.findall(r"\b(?:rows|persons|windows|clips|good|one|status|fused)\$(\w+)", code))
    used |= {name for text in re.findall(r"\[c\((.*?)\)\]", code) for name in _quoted(text)}
    used |= {name for text in re.findall(r"by = c\((.*?)\)", code) for name in _quoted(text)}
    used |= set(re.findall(r"(\w+) (?:==|>=|%in%)", code))
    shown = re.findall(r"^\| (`.*?) \|", PAGE, re.M)
    used |= {name for cell in shown for name in re.findall(r"`(\w+)`", cell)}
    assert {"file", "person", "level", "usable", "seen", "happy"} <= used
    assert not used - known


def _quoted(text: str) -> list[str]:
    return re.findall(r'"(\w+)"', text)


def test_the_emotions_are_ours() -> None:
    (names,) = re.findall(r"^emotions <- c\((.*)\)$", PAGE, re.M)
    assert _quoted(names) == list(EMOTIONS)


@cache
def _packages() -> set[str]:
    """Of the packages that the page uses, those that are installed."""
    names = {name for block in BLOCKS for name in re.findall(r"library\((\w+)\)", block)}
    each = ", ".join(f"'{name}'" for name in sorted(names))
    code = f"for (name in c({each})) if (nzchar(system.file(package = name))) cat(name, '')"
    done = subprocess.run(
        ["Rscript", "-e", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_the_blocks_run(tmp_path: Path) -> None:
    """In their order, as one program, on a made-up folder of results."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    files = [f"clips/{person}_{k}.mp4" for person in "abcdef" for k in range(3)]
    result = Result.concatenate([film(file) for file in files])
    write_outputs(tmp_path / "results", result, "csv")
    lines = [f"{file},{file[6]},{'film' if k % 2 else 'rest'}" for k, file in enumerate(files)]
    (tmp_path / "design.csv").write_text("\n".join(["file,group,condition", *lines]) + "\n")
    blocks = [
        block for block in BLOCKS
        if set(re.findall(r"library\((\w+)\)", block)) <= _packages()
    ]  # fmt: skip
    assert len(blocks) >= 5
    code = "\n".join(blocks) + '\ncat("rows", nrow(good), "\\n")\n'
    (tmp_path / "page.R").write_text(code)
    done = subprocess.run(
        ["Rscript", "page.R"], capture_output=True, text=True, check=False, timeout=120,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # of each film four windows of the first person and two of the second
    assert f"rows {len(files) * 6} " in done.stdout
    assert (tmp_path / "Rplots.pdf").stat().st_size > 1000
