"""README and the pages that its text moved to: commands have real flags, names of Python exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from command_line import parse

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
HOWTO = ("predict", "train", "evaluate", "fusion")
PAGES = (
    README,
    *(ROOT / "docs" / "howto" / f"{name}.md" for name in HOWTO),
    ROOT / "docs" / "reproduce.md",
)
CI = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest"
"""The command of the tests, which .ci/run calls."""
TEXT = "\n".join(path.read_text("utf-8") for path in PAGES)
NAMES = sorted(set(re.findall(r"`(emonets(?:\.\w+)+)", TEXT)))
COMMANDS = [
    line
    for block in re.findall(r"```sh[^\n]*\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("emonets ")
]
INLINE = [
    line.removeprefix(".venv/bin/")
    for line in re.findall(r"`(\.venv/bin/emonets [^`]+)`", README.read_text("utf-8"))
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


@pytest.mark.parametrize("line", [*COMMANDS, *INLINE])
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
    assert len(COMMANDS) > 45
    assert len(INLINE) >= 4
    assert len(NAMES) > 10


def test_readme_is_short_and_has_the_command_of_the_tests() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= 120
    assert CI in lines


def test_readme_has_no_command_of_an_activated_environment() -> None:
    text = README.read_text("utf-8")
    blocks = "\n".join(re.findall(r"```sh[^\n]*\n(.*?)```", text, re.DOTALL))
    bare = r"(?:^|&& |`)(?:emonets|pip|pytest|python) "
    assert not re.search(bare, blocks + "\n" + text, re.MULTILINE)


def test_numbers_of_readme_are_those_of_the_results() -> None:
    text = README.read_text("utf-8")
    pages = [path.read_text("utf-8") for path in (ROOT / "docs" / "results").glob("how_*.md")]
    numbers = re.findall(r"\| \*\*([^*]+)\*\* \|", text)
    assert len(numbers) == 5
    for number in numbers:
        plain = number.replace(" UAR", "")
        assert any(f"**{plain}**" in page for page in pages), number
