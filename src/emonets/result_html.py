"""A result as a piece of HTML: a ribbon of labels for each person. No script, nothing loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from emonets.emotions import COLOURS, EMOTIONS
from emonets.result import UNCERTAIN, PersonSeen, Result, Row, printable, result_text
from emonets.result_tables import by_file, clip_row, shown_rows, span_of

LABEL_COLOURS = {**COLOURS, UNCERTAIN: "#FFFFFF"}
"""A colour a label, ``#RRGGBB``."""
LETTERS = dict(zip((*EMOTIONS, UNCERTAIN), "ADFHSUN?", strict=True))
"""A letter for each label: colour alone carries nothing."""
MOST_FILES, MOST_PERSONS, MOST_CELLS = 20, 12, 240
_WIDTH, _HEIGHT = 720, 22  # pixels of a ribbon
_PALEST = 0.35  # of the colour, where all emotions are equally probable


def result_html(result: Result) -> str:
    """HTML and SVG: a legend, and for each clip a ribbon a person over the clip's time.

    The colour and the letter are the label; the more certain, the darker. Hatched: no face. At
    most 20 clips, 12 persons of each and 240 cells a ribbon are shown; the text states what is
    left out.
    """
    parts = [f"<p>{_text(result_text(result))}</p>", _legend(result)]
    clips = by_file(result)
    status = {own.file: own for own in result.files}
    for file in list(clips)[:MOST_FILES]:
        rows = clips[file]
        own = status.get(file)
        whole = clip_row(rows)
        label = "no rows" if whole is None else f"clip: {whole.label or 'nothing found'}"
        note = "" if own is None or own.status == "ok" else f" ({own.status}: {own.message})"
        parts.append(f"<h4>{_text(file)}: {_text(label)}{_text(note)}</h4>")
        parts.append(_ribbons(rows, [p for p in result.persons if p.file == file]))
    if len(clips) > MOST_FILES:
        parts.append(f"<p>and {len(clips) - MOST_FILES} more clips</p>")
    return '<div class="emonets-result">' + "".join(parts) + "</div>"


def shade(label: str, certainty: float) -> str:
    """The colour of a label, paler where it is less certain: ``#RRGGBB``.

    Parameters
    ----------
    certainty : the largest probability, 1/7..1.
    """
    strength = _PALEST + (1 - _PALEST) * (min(max(certainty, 1 / 7), 1.0) - 1 / 7) / (6 / 7)
    colour = [int(LABEL_COLOURS[label][i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + strength * (c - 255)):02X}" for c in colour)


def ink(background: str) -> str:
    """Black or white, whichever has more contrast on a colour ``#RRGGBB``."""
    parts = [int(background[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def _ribbons(rows: Sequence[Row], persons: Sequence[PersonSeen]) -> str:
    start, end = span_of(rows)
    shown = shown_rows(rows)
    seen = {own.person: own for own in persons}
    numbers = sorted({r.person for r in shown if r.person is not None})
    if not shown or end <= start:
        return ""
    out = []
    for person in numbers[:MOST_PERSONS]:
        usable = f", usable in {seen[person].usable:.0%} of the frames" if person in seen else ""
        own = [row for row in shown if row.person == person]
        out.append(_ribbon(f"person {person}{usable}", own, start, end))
    if not numbers:
        faces = any(row.face_found is not None for row in rows)
        out.append(_ribbon("no face" if faces else "sound", shown, start, end))
    if len(numbers) > MOST_PERSONS:
        out.append(f"<p>and {len(numbers) - MOST_PERSONS} more persons</p>")
    return "".join(out)


def _ribbon(title: str, rows: Sequence[Row], start: float, end: float) -> str:
    name = (
        "emonets-" + hashlib.sha256(repr((title, start, end, len(rows))).encode()).hexdigest()[:8]
    )
    cells = "".join(_cell(*cell, start, end) for cell in _cells(rows, start, end))
    return (
        f'<div style="margin:2px 0"><div>{_text(title)}, {start:.1f} to {end:.1f} s</div>'
        f'<svg role="img" aria-label="{_text(title)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" style="max-width:100%">'
        f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#FFFFFF"/>'
        '<rect width="1" height="6" fill="#999999"/></pattern></defs>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="url(#{name})"><title>no face</title>'
        f"</rect>{cells}</svg></div>"
    )


def _cells(
    rows: Sequence[Row], start: float, end: float
) -> Iterator[tuple[float, float, str, float]]:
    """Start, end, label and certainty of each cell; rows are joined where there are many."""
    own = sorted((row for row in rows if row.found), key=lambda row: row.start)
    if len(own) <= MOST_CELLS:
        for i, row in enumerate(own):
            # of windows that overlap, each is shown up to the next one
            stop = min([row.end, *(other.start for other in own[i + 1 : i + 2])])
            yield row.start, max(stop, row.start), str(row.label), max(row.probabilities)
        return
    step = (end - start) / MOST_CELLS
    bins: list[list[Row]] = [[] for _ in range(MOST_CELLS)]
    for row in own:
        first = int((row.start - start) / step)
        last = max(first, int(np.ceil((row.end - start) / step - 1e-9)) - 1)
        for k in range(max(first, 0), min(last, MOST_CELLS - 1) + 1):
            bins[k].append(row)
    for k, inside in enumerate(bins):
        if inside:
            p = np.mean([row.probabilities for row in inside], axis=0)
            doubt = all(row.uncertain for row in inside)
            label = UNCERTAIN if doubt else EMOTIONS[int(p.argmax())]
            yield start + k * step, start + (k + 1) * step, label, float(p.max())


def _cell(a: float, b: float, label: str, certainty: float, start: float, end: float) -> str:
    scale = _WIDTH / (end - start)
    x, width = (a - start) * scale, max((b - a) * scale, 0.5)
    fill = shade(label, certainty)
    letter = ""
    if width >= 10:
        letter = (
            f'<text x="{x + width / 2:.1f}" y="15" font-size="11" text-anchor="middle" '
            f'font-family="sans-serif" fill="{ink(fill)}">{LETTERS[label]}</text>'
        )
    title = f"{a:.1f} to {b:.1f} s: {label}, {certainty:.0%}"
    return (
        f'<g><title>{_text(title)}</title><rect x="{x:.1f}" y="0" width="{width:.1f}" '
        f'height="{_HEIGHT}" fill="{fill}" stroke="#FFFFFF" stroke-width="0.3"/>{letter}</g>'
    )


def _legend(result: Result) -> str:
    names = [*EMOTIONS, *([UNCERTAIN] if any(row.uncertain for row in result.rows) else [])]
    chips = "".join(
        f'<span style="background:{(fill := shade(name, 1.0))};color:{ink(fill)};'
        f'border:1px solid #999999;padding:0 4px;margin-right:4px">{LETTERS[name]} {name}</span>'
        for name in names
    )
    return f"<p>{chips}paler: less certain; hatched: no face</p>"


def _text(text: str) -> str:
    """Text as HTML shows it; what is no UTF-8 in a file's name is written out."""
    return escape(printable(text), quote=True)
