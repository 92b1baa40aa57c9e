"""docs/paper.md: what it names is there, and its numbers are those of the measured tables."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from command_line import parse
from emonets.emotions import EMOTIONS
from emonets.reproduction.paper_figures import NAMES
from emonets.reproduction.paper_tables import OTHERS
from emonets.reproduction.recipes import SUBMISSIONS
from emonets.training.preset import load_preset

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "paper.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)\s]+)[^)]*\)", PAGE)
NUMBERS = re.findall(r'\[([^\]]+)\]\(results/(\w+)\.json "([^"]+)"\)', PAGE)
FENCED = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.split("\n")
]
COMMANDS = sorted(
    {text for text in [*re.findall(r"`([^`\n]+)`", PAGE), *FENCED] if text.startswith("emonets ")}
)
SECTIONS = (
    "3.1", "3.1.1", "3.1.2", "3.1.3", "3.1.4", "3.2", "3.2.1", "3.2.2", "3.2.3", "3.2.4", "3.3",
    "3.4", "4", "4.1", "4.2", "4.3", "4.4", "4.4.1", "4.4.2",
)  # fmt: skip
VERDICTS = ("equal", "same rule", "fewer models", "other data", "not possible")


def tables() -> list[list[dict[str, str]]]:
    """The tables of the page: rows by the names of the columns."""
    found: list[list[dict[str, str]]] = []
    head: list[str] = []
    for line in PAGE.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
            found.append([])
        elif set(line) - set("|- :"):
            assert len(cells) == len(head), line
            found[-1].append(dict(zip(head, cells, strict=True)))
    return found


def plain(cell: str) -> str:
    """A cell without its links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)


TABLES = tables()
INDEX = [row for table in TABLES for row in table if "preset key" in row]


def test_every_link_leads_to_a_file() -> None:
    local = [link for link in LINKS if "://" not in link]
    assert len(local) > 60
    for link in local:
        assert (DOCS / link.partition("#")[0]).is_file(), link
    modules = [link for link in local if link.startswith("../src/emonets/") and ".py" in link]
    assert len(set(modules)) > 25


def test_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE)
    names = {f"paper_figure_{k}" for k in range(2, 10)}
    assert names <= {Path(name).stem for name in pictures}
    for name in pictures:
        assert (DOCS / name).stat().st_size < 150_000, name


def test_every_preset_key_is_in_the_preset() -> None:
    preset = load_preset("paper")
    keys = [key for row in INDEX for key in re.findall(r"`([^`]+)`", row["preset key"])]
    assert len(keys) > 30
    for key in keys:
        found: Any = preset
        for part in key.strip("[]").split("."):
            found = found[0] if isinstance(found, list) else found
            assert part in found, key
            found = found[part]
        assert isinstance(found, dict) == key.startswith("["), key


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    words = shlex.split(command)
    try:
        path = parse(command)
    except Exception as error:
        if type(error).__name__ != "MissingParameter":
            raise
        assert "--data" not in words, "a cell names the command alone, without its data"
    else:
        assert path[0] in ("reproduce", "predict", "extract", "train", "compare-fusion")
    if words[1:3] == ["reproduce", "figure"]:
        assert words[3] in NAMES


def test_there_are_numbers() -> None:
    assert len(NUMBERS) > 45


@pytest.mark.parametrize(("text", "file", "title"), sorted(set(NUMBERS)))
def test_a_number_is_that_of_its_row(text: str, file: str, title: str) -> None:
    what, data, split, metric = title.split(" · ")
    rows = json.loads((DOCS / "results" / f"{file}.json").read_text(encoding="utf-8"))
    wanted = {"what": what, "data": data, "split": split, "metric": metric}
    values = [row["value"] for row in rows if wanted.items() <= row.items()]
    assert len(values) == 1, f"{len(values)} rows of {file}.json are {wanted}"
    if text.endswith(" %"):
        digits = len(text.removesuffix(" %").partition(".")[2])
        assert text == f"{100 * values[0]:.{digits}f} %"
    else:
        assert text == f"{values[0]:.3g}"


def test_nothing_of_the_paper_is_missing() -> None:
    named = " ".join([*re.findall(r"^## (.*)$", PAGE, re.M), *(row["section"] for row in INDEX)])
    for section in SECTIONS:
        assert re.search(rf"(?<![\d.]){re.escape(section)}(?![\d.]*\d)", named), section
    assert "Sections 1, 2 and 5 have no computation" in PAGE
    for number in range(1, 4):
        assert f"\n## Table {number}:" in PAGE
    equations = " ".join(row["section"] for row in INDEX if "equation" in row["section"])
    assert all(str(k) in equations for k in (1, 2, 3, 4))
    figures = next(table for table in TABLES if "picture here" in table[0])
    assert {row["figure"][0] for row in figures} == set("123456789")
    assert " ".join(row["figure"] for row in figures).count("7 ") == 2


def test_every_row_has_a_verdict() -> None:
    compared = [
        row[name] for table in TABLES for row in table
        for name in ("compared", "AFEW2 compared") if name in row
    ]  # fmt: skip
    assert len(compared) > 50
    for verdict in compared:
        assert verdict.startswith(VERDICTS), verdict
    for row in INDEX:
        if row["compared"] == "equal" and "%" in row["section"]:
            theirs = re.findall(r"(\d+\.\d\d) %", row["section"])[-1]
            assert theirs in plain(row["our result"]), row


def test_the_papers_numbers_are_those_of_the_recipes() -> None:
    first, second = (
        [row for table in TABLES if "submission" in table[0] and key in table[0] for row in table]
        for key in ("AFEW2 compared", "models")
    )
    for year, rows in ((2013, first), (2014, second)):
        recipes = [s for s in SUBMISSIONS if s.year == year]
        assert len(rows) == len(recipes)
        for row, s in zip(rows, recipes, strict=True):
            assert row["submission"] == str(s.number)
            given = [x for x in (s.train, s.valid, s.test) if x is not None]
            assert row["paper"] == " / ".join(f"{x:.2f}" for x in given)


def test_the_systems_of_others() -> None:
    third = next(table for table in TABLES if "method" in table[0])
    rows = [(row["method"], row["source"].split("]")[0] + "]", row["per cent"]) for row in third]
    for s in OTHERS:
        assert (s.method, f"[{s.source}]", f"{s.test:.2f}") in rows
    assert len(rows) == len(OTHERS) + 2
    assert {row["test part of"] for row in third} == {"AFEW2", "AFEW4"}
    assert len(EMOTIONS) == 7
