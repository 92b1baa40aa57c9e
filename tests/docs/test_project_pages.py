"""The pages on plug-ins, containers, R and security name what is there."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from command_line import ROOT as ROOT_COMMAND
from command_line import parse
from emonets.runtime.plugins import GROUPS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / name
    for name in (
        "CODE_OF_CONDUCT.md", "SECURITY.md", "docs/howto/containers.md", "docs/plugins.md",
        "docs/r.md", "examples/plugin/README.md",
    )
]  # fmt: skip
PLUGINS = (ROOT / "docs" / "plugins.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "plugin"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_commands(page: Path) -> None:
    text = page.read_text("utf-8")
    lines = re.findall(r"^(?:\.venv/bin/)?(emonets .*)$", text, re.M)
    lines += [line for line in re.findall(r"`(emonets [a-z][^`\n]*)`", text) if "…" not in line]
    for line in lines:
        words = line.split()
        assert words[1] in ROOT_COMMAND.commands, line
        assert len(words) == 2 or parse(line)  # a command by its name alone needs no arguments


def test_the_entry_points_on_the_page_are_those_of_the_example() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", PLUGINS, re.M | re.S)
    shown = tomllib.loads(block)["project"]["entry-points"]
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    assert shown == project["entry-points"]
    assert set(shown) == set(GROUPS)


def test_the_page_names_what_is_there() -> None:
    package = EXAMPLE / "src" / "emonets_example"
    for name in re.findall(r"`(\w+\.py)`", PLUGINS):
        assert (package / name).is_file(), name
    for path in re.findall(r"`((?:src|examples|tests)/[\w/.]+)`", PLUGINS):
        assert (ROOT / path).exists(), path
    for name, module in re.findall(r"a `(\w+)` of `([\w.]+)`", PLUGINS):
        assert hasattr(import_module(module), name)
    brightness = import_module("emonets_example.brightness")
    for name in re.findall(r"`(Brightness\w*|to_arrays|from_arrays)`", PLUGINS):
        assert hasattr(brightness, name) or hasattr(brightness.Brightness, name), name
