"""The list of slow tests names tests that there are."""

from __future__ import annotations

import ast
from pathlib import Path

from conftest import SLOW

ROOT = Path(__file__).resolve().parents[1]


def functions(file: Path) -> set[str]:
    """Names of the tests in a file, as pytest writes them behind the file's."""
    tree = ast.parse(file.read_text("utf-8"))
    made = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            made |= {f"{node.name}::{own.name}" for own in node.body
                     if isinstance(own, ast.FunctionDef)}  # fmt: skip
    return made


def test_every_line_is_a_test() -> None:
    lines = [own for own in SLOW.read_text("utf-8").splitlines() if not own.startswith("#")]
    assert lines == sorted(set(lines))
    for line in lines:
        file, _, name = line.partition("::")
        assert name in functions(ROOT / file), line
