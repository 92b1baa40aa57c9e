"""Docstrings of this project as reStructuredText.

A section has a heading and a line of dashes. Its entries are ``name : what it is``, with indented
lines that go on. Several entries may share a line: ``C : … . gamma : …``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ENTRIES = {"Parameters", "Attributes", "Raises", "Returns", "Yields"}
HEADINGS = {*ENTRIES, "Returns", "Yields", "Examples", "Notes"}
ENTRY = re.compile(r"^(\*{0,2}\w[\w., *`]*?) : (.*)$")


def as_rst(lines: Sequence[str]) -> list[str]:
    """The lines of a docstring as Sphinx reads them."""
    out: list[str] = []
    for heading, body in _sections(lines):
        if not heading:
            out += body
        elif heading in ENTRIES:
            out += ["", f".. rubric:: {heading}", "", *_entries(body), ""]
        else:
            out += ["", f".. rubric:: {heading}", "", *body, ""]
    return [re.sub(r"(?<=[\w|])\|(?=\w)|\|(?=\w[^|]*\|)", r"\\|", line) for line in out]


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    heading, body = "", list[str]()
    i = 0
    while i < len(lines):
        rule = i + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[i + 1].strip())
        if lines[i].strip() in HEADINGS and rule:
            yield heading, body
            heading, body = lines[i].strip(), []
            i += 2
            continue
        body.append(lines[i])
        i += 1
    yield heading, body


def _entries(body: Sequence[str]) -> list[str]:
    """A list item an entry; what is no entry stays as it is."""
    out: list[str] = []
    for line in body:
        found = ENTRY.match(line)
        if found:
            names = ", ".join(f"``{name}``" for name in found[1].split(", "))
            out.append(f"- {names}: {found[2]}")
        elif line.startswith(" ") and out:
            out.append("  " + line.strip())
        else:
            out.append(line)
    return out
