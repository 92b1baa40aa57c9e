"""Write the pages of results, one a question, from the measured rows in docs/results.

    python tools/results_pages.py            # pages and charts
    python tools/results_pages.py --check    # exit status 1 if a page or chart is not of these rows

`results_pages.toml` beside this file has the texts and names the rows. Each number comes from
`docs/results/NAME.json`. In the texts, `{id}` is the value of the row with that id, `{id.n}` its
count.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from emonets.evaluation.records import Evidence, read_results
from emonets.runtime.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
RESULTS, FIGURES = ROOT / "docs" / "results", ROOT / "docs" / "figures"
SPEC = Path(__file__).with_suffix(".toml")
EARLIER = "earlier network"
"""In the note of a row: `modern` has another network since."""
MOST = 8
"""Rows of a page's table."""


@dataclass(frozen=True)
class Number:
    """What a page shows of one row, or of several as one."""

    value: float
    low: float | None
    high: float | None
    n: int | None
    score: bool
    command: str
    earlier: bool

    def text(self, unit: str = "", digits: int = 1, scale: float = 1.0) -> str:
        """The value with its interval."""
        factor = 100 * scale if self.score else scale
        if self.score and not unit:
            unit = " %"

        def shown(x: float) -> str:
            return f"{factor * x:,.{digits}f}"

        interval = ""
        if self.low is not None and self.high is not None:
            interval = f" [{shown(self.low)}, {shown(self.high)}]"
        return shown(self.value) + unit + interval


def rows_of(file: str) -> list[Evidence]:
    """The rows of a file, read once."""
    path = RESULTS / f"{file}.json"
    return _rows(file, RESULTS, path.stat().st_mtime_ns)


@cache
def _rows(file: str, folder: Path, stamp: int) -> list[Evidence]:
    return read_results(file, folder)


def find(file: str, keys: Sequence[str]) -> Evidence:
    """The row of ``file`` with this what, data, split and metric.

    Raises
    ------
    KeyError : there is none.
    """
    for row in rows_of(file):
        if row.key == tuple(keys):
            return row
    raise KeyError(f"{file}: no row {tuple(keys)}")


def number(entry: dict[str, Any]) -> Number:
    """The number of an entry of the TOML file.

    ``find`` is a row's what, data, split and metric. ``mean`` has several: their mean, whose
    interval adds the variances. ``pooled`` has several: their mean by n. ``all`` is a metric: the
    mean of all rows of the file that have it.
    """
    file = entry["file"]
    if "find" in entry:
        rows = [find(file, entry["find"])]
    elif "all" in entry:
        rows = [row for row in rows_of(file) if row.metric == entry["all"]]
    else:
        rows = [find(file, keys) for keys in entry.get("mean") or entry["pooled"]]
    counts = [row.n or 0 for row in rows]
    low, high = rows[0].low, rows[0].high
    value = rows[0].value
    if len(rows) > 1:
        weights = counts if "pooled" in entry else [1] * len(rows)
        value = sum(w * row.value for w, row in zip(weights, rows, strict=True)) / sum(weights)
        low = high = None
        ends = [(row.low, row.high) for row in rows]
        if "mean" in entry and all(a is not None and b is not None for a, b in ends):
            half = math.sqrt(sum(((b - a) / 2) ** 2 for a, b in ends)) / len(rows)  # type: ignore[operator]
            low, high = value - half, value + half
    return Number(
        value, low, high, sum(counts) or None, rows[0].is_score or rows[0].metric == "right",
        rows[0].command, any(EARLIER in row.note for row in rows),
    )  # fmt: skip


def fill(text: str, values: dict[str, str]) -> str:
    """The text with its numbers."""
    return re.sub(r"\{([\w.]+)\}", lambda found: values[found.group(1)], text)


def shown_of(entry: dict[str, Any], one: Number) -> str:
    """The number as the entry's unit and digits have it."""
    return one.text(entry.get("unit", ""), entry.get("digits", 1), entry.get("scale", 1.0))


def page(name: str, spec: dict[str, Any]) -> str:
    """The Markdown of a page."""
    values: dict[str, str] = {}
    commands: list[str] = []
    lines = []
    for entry in spec["rows"]:
        one = number(entry)
        shown = shown_of(entry, one)
        values[entry["id"]] = shown.partition(" [")[0]
        values[entry["id"] + ".n"] = f"{one.n:,}" if one.n else ""
        command = entry.get("command", one.command)
        if command not in commands:
            commands.append(command)
        network = "earlier" if one.earlier else entry.get("network", "–")
        count = f"{one.n:,}" if one.n and entry.get("n", True) else "–"
        cells = (entry["data"], entry["what"], network, f"**{shown}**", count)
        lines.append(f"| {' | '.join(cells)} | {commands.index(command) + 1} |")
    assert len(lines) <= MOST, f"{name}: a table of at most {MOST} rows"
    for entry in spec.get("values", []):
        values[entry["id"]] = shown_of(entry, number(entry)).partition(" [")[0]
    parts = [
        f"# {spec['title']}",
        fill(spec["answer"].strip(), values),
        "\n".join(HEAD + lines),
        spec.get("under", KEY).strip(),
    ]
    for chart in spec["charts"]:
        parts.append(f"![{chart['title']}](../figures/{chart['name']}.png)")
    parts.append(fill(spec["text"].strip(), values))
    listed = "\n".join(f"{k}. `{command}`" for k, command in enumerate(commands, 1))
    parts.append("## Commands\n\n" + listed)
    raw = ", ".join(f"[{file}]({file}.md)" for file in spec["raw"])
    parts.append(f"## All rows\n\n{raw}. [How results are recorded](README.md).")
    parts.append("Made by `python tools/results_pages.py`; not to be edited.")
    return "\n\n".join(parts) + "\n"


HEAD = [
    "| data | what | network | value | n | command |",
    "| --- | --- | --- | ---: | ---: | ---: |",
]
KEY = (
    "In brackets: 95 % intervals. Network: `now` is what ships; `earlier` is a network of `modern` "
    "before 2026-11-29; `–` is none of both."
)


def numbers_of(chart: dict[str, Any]) -> list[tuple[str, str, Number]]:
    """Label, series and number of each point of a chart."""
    out = []
    for entry in chart["points"]:
        out.append((entry["label"], entry.get("series", ""), number(entry)))
    return out


def digest(chart: dict[str, Any]) -> str:
    """Of what a chart shows: its PNG keeps it."""
    shown = [
        (label, series, one.text(digits=3), one.earlier) for label, series, one in numbers_of(chart)
    ]
    said = {key: value for key, value in chart.items() if key != "points"}
    return hashlib.sha256(json.dumps([shown, said], sort_keys=True).encode()).hexdigest()


def draw(chart: dict[str, Any]) -> bytes:
    """The chart: a line a label, a dot a series, with intervals; PNG."""
    from matplotlib.lines import Line2D

    from emonets.evaluation.figures.base import PALE, Sheet, quiet, tick_names, width_of

    points = numbers_of(chart)
    labels = list(dict.fromkeys(label for label, _, _ in points))
    series = list(dict.fromkeys(name for _, name, _ in points))
    inks = ("#1f5f99", "#c98f2b", "#5f5f5f", "#7a4b8c", "#2f7f6f")
    shapes = ("o", "s", "D", "^", "v")
    left = 0.4 + width_of(labels, 9)
    row = max(0.42, 0.16 * len(series) + 0.08)
    body = row * len(labels) + (0.95 if len(series) > 1 else 0.7)
    sheet = Sheet(8.0, body, chart["title"], chart.get("lines", []))
    axes = sheet.axes(left, 0.1, 8.0 - left - 0.4, row * len(labels))
    scale = chart.get("scale", 100.0 if points[0][2].score else 1.0)
    for label, name, one in points:
        k = series.index(name)
        y = labels.index(label) + (k - (len(series) - 1) / 2) * min(0.3, 0.75 / len(series))
        if one.low is not None and one.high is not None:
            axes.plot(
                [scale * one.low, scale * one.high], [y, y], color=inks[k], linewidth=1.6, alpha=0.6
            )
        axes.plot([scale * one.value], [y], shapes[k], color=inks[k], markersize=6, clip_on=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    if "to" in chart:
        axes.set_xlim(chart.get("from", 0), chart["to"])
    if "chance" in chart:
        axes.axvline(chart["chance"], color=PALE, linewidth=0.8, linestyle=":")
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    tick_names(axes.yaxis, labels)
    quiet(axes, ("bottom",))
    axes.set_xlabel(chart["axis"], color=PALE, fontsize=9)
    if len(series) > 1:
        handles = [
            Line2D([], [], marker=shapes[k], color=inks[k], linestyle="", label=name)
            for k, name in enumerate(series)
        ]
        sheet.legend(0.3, body - 0.24, handles, len(series))
    buffer = io.BytesIO()
    sheet.figure.savefig(buffer, format="png")
    kept = PngInfo()
    kept.add_text("rows", digest(chart))
    image = Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, pnginfo=kept)
    return out.getvalue()


def drawn_of(path: Path) -> str:
    """The digest that a chart's PNG keeps; "" for none."""
    if not path.is_file():
        return ""
    with Image.open(path) as image:
        return str(getattr(image, "text", {}).get("rows", ""))


def wrong() -> list[str]:
    """What is not of the rows: names of pages and charts."""
    out = []
    for name, spec in tomllib.loads(SPEC.read_text("utf-8")).items():
        path = RESULTS / f"{name}.md"
        if not path.is_file() or path.read_text("utf-8") != page(name, spec):
            out.append(path.name)
        for chart in spec["charts"]:
            if drawn_of(FIGURES / f"{chart['name']}.png") != digest(chart):
                out.append(f"{chart['name']}.png")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    given = parser.parse_args()
    if given.check:
        found = wrong()
        for name in found:
            print(f"{name}: not of these rows; run python tools/results_pages.py", file=sys.stderr)
        sys.exit(1 if found else 0)
    for name, spec in tomllib.loads(SPEC.read_text("utf-8")).items():
        write_whole(RESULTS / f"{name}.md", page(name, spec).encode())
        for chart in spec["charts"]:
            path = FIGURES / f"{chart['name']}.png"
            if drawn_of(path) != digest(chart):
                write_whole(path, draw(chart))
        print(f"wrote {name}.md")


if __name__ == "__main__":
    main()
