"""Plain English in README and docs: short sentences, and programs that do not speak or want."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST = 25
"""Words of a sentence."""
NOTES = ("docs/notes", "docs/results")
"""Diaries of what was tried, and tables that commands write."""
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "CHANGELOG.md"
    and not path.relative_to(ROOT).as_posix().startswith(NOTES)
    and not {"_build", "generated", "auto_gallery"} & set(path.parts)
)
HUMAN = re.compile(
    r"\b(?:program|model|network|command|classifier|detector|fusion|specialist|page|server|bundle|"
    r"EmoNets|it) "
    r"(?:says?|wants?|speaks?|thinks?|believes?|hopes?|likes?|tells?|looks? at|meets?)\b"
)


def sentences(text: str) -> list[str]:
    """The sentences of a page, without its head, code, tables, headings and addresses."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^(```+|:::+).*?^\1`*$|<!--.*?-->", "\n\n", text, flags=re.DOTALL | re.MULTILINE)
    out: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        lines = [
            line for line in block.splitlines() if not re.match(r"\s*(?:\||#|:::|!\[|>?\s*$)", line)
        ]
        for item in re.split(r"\n\s*(?:[-*]|\d+\.)\s+", "\n" + "\n".join(lines)):
            plain = re.sub(r"`[^`]*`", "Code", " ".join(item.split()))
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
            plain = re.sub(r"\[[\d.,\s%-]+\]|[*_>]", "", plain)
            out += [
                own.strip()
                for own in re.split(r"(?<=[.!?:;])\)?\s+(?=[A-Z\"(\d])", plain)
                if own.strip()
            ]
    return out


def words(sentence: str) -> int:
    return len(re.findall(r"[A-Za-z0-9][\w'’./%-]*", sentence))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_sentences_are_short(page: Path) -> None:
    long = [own for own in sentences(page.read_text("utf-8")) if words(own) > MOST]
    assert not long, "\n".join(f"{words(own)} words: {own}" for own in long)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_programs_are_no_people(page: Path) -> None:
    found = [own for own in sentences(page.read_text("utf-8")) if HUMAN.search(own)]
    assert not found, "\n".join(found)


def test_the_counter_counts() -> None:
    text = (
        "# Head\n\nOne two. Three four five: `code`.\n\n- an item\n- [a link](x) there\n\n| a |\n"
    )
    assert sentences(text) == ["One two.", "Three four five:", "Code.", "an item", "a link there"]
    assert HUMAN.search("The model wants a face.")
