"""Small flow charts of Mermaid's ``flowchart LR`` as SVG, drawn here: nothing is fetched.

Understood are nodes in square, round or stadium brackets, and chains of ``-->`` and
``-- "text" -->``. They are drawn from top to
bottom, which fits a phone. Rows follow the longest way; an arrow back is drawn at the right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

NODE = re.compile(r"(\w+)\s*(?:\(\[(.*?)\]\)|\[\((.*?)\)\]|\[(.*?)\])?\s*")
ARROW = re.compile(r'--(?:\s*"(.*?)"\s*--)?>\s*')
ACROSS, DOWN, HIGH, WIDE = 240, 86, 46, 190

Edge = tuple[str, str, str]


def svg_of(lines: Sequence[str]) -> str:
    """The chart.

    Raises
    ------
    ValueError : a line is not understood; the message has it.
    """
    names, edges = _read(lines)
    level = _levels(list(names), edges)
    places: dict[str, tuple[float, float]] = {}
    filled: dict[int, int] = {}
    for name in names:
        beside = filled.get(level[name], 0)
        filled[level[name]] = beside + 1
        places[name] = (10 + beside * ACROSS, 10 + level[name] * DOWN)
    width = 110 + WIDE + (max(filled.values()) - 1) * ACROSS
    height = 20 + HIGH + max(level.values()) * DOWN
    drawn = [_arrow(places, edge) for edge in edges]
    drawn += [_box(places[name], text) for name, text in names.items()]
    head = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="currentColor"/>'
        "</marker></defs>"
    )
    shown = ", then ".join(text.replace("<br>", " ") for text in names.values())
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(shown, True)}" '
        f'xmlns="http://www.w3.org/2000/svg">{head}{"".join(drawn)}</svg>'
    )


def _read(lines: Sequence[str]) -> tuple[dict[str, str], list[Edge]]:
    names: dict[str, str] = {}
    edges: list[Edge] = []
    for line in lines:
        rest = line.strip()
        if not rest or rest.startswith(("flowchart", "%%")):
            continue
        last, label = "", ""
        while rest:
            found = NODE.match(rest)
            if not found:
                raise ValueError(f"a diagram has the line {line!r}, which is not understood")
            text = next((part for part in found.groups()[1:] if part), None)
            names[found[1]] = (text or names.get(found[1], found[1])).strip('"')
            if last:
                edges.append((last, found[1], label))
            last, rest = found[1], rest[found.end() :]
            arrow = ARROW.match(rest)
            if rest and not arrow:
                raise ValueError(f"a diagram has the line {line!r}, which is not understood")
            label, rest = (arrow[1] or "", rest[arrow.end() :]) if arrow else ("", "")
    return names, edges


def _levels(names: list[str], edges: list[Edge]) -> dict[str, int]:
    """The row of each node; arrows back to a node that is named earlier do not count."""
    order = {name: i for i, name in enumerate(names)}
    level = dict.fromkeys(names, 0)
    for _ in names:
        for start, end, _label in edges:
            if order[start] < order[end]:
                level[end] = max(level[end], level[start] + 1)
    return level


def _box(place: tuple[float, float], text: str) -> str:
    x, y = place
    lines = text.split("<br>")
    first = y + HIGH / 2 + 5 - 8 * (len(lines) - 1)
    words = "".join(
        f'<text x="{x + WIDE / 2}" y="{first + 16 * i}" text-anchor="middle">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return f'<rect class="box" x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="8"/>{words}'


def _arrow(places: dict[str, tuple[float, float]], edge: Edge) -> str:
    (x1, y1), (x2, y2) = places[edge[0]], places[edge[1]]
    lines = [line for line in edge[2].split("<br>") if line]
    if y2 > y1:
        a, b = (x1 + WIDE / 2, y1 + HIGH), (x2 + WIDE / 2, y2 - 1)
        path = f"M{a[0]} {a[1]}C{a[0]} {a[1] + 22} {b[0]} {b[1] - 22} {b[0]} {b[1]}"
        aside = 17 if x1 != x2 else 0  # below a line that goes across
        at = ((a[0] + b[0]) / 2 + 10, (a[1] + b[1]) / 2 + 5 + aside - 7 * (len(lines) - 1))
    else:
        a, b = (x1 + WIDE, y1 + HIGH / 2), (x2 + WIDE + 1, y2 + HIGH / 2)
        path = f"M{a[0]} {a[1]}C{a[0] + 40} {a[1]} {b[0] + 40} {b[1]} {b[0]} {b[1]}"
        at = (max(a[0], b[0]) + 34, (a[1] + b[1]) / 2 + 5)
    text = "".join(
        f'<text x="{at[0]}" y="{at[1] + 15 * i}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return f'<path d="{path}" fill="none" stroke="currentColor" marker-end="url(#head)"/>{text}'
