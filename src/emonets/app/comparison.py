"""Several clips side by side: what the page ``/compare`` shows, as numbers.

Nothing here is HTML.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from emonets.app.finished import Clip
from emonets.emotions import EMOTIONS
from emonets.report.data import has_no_face, has_no_voice
from emonets.result import UNCERTAIN, PersonSeen, Result, Row, printable
from emonets.result_tables import SHARES, clip_row, shown_rows, span_of, summary

FIELDS = ("start", "end", "label", "speaks")
"""The values of a row of a ribbon before its largest probability."""
LABELS = (*EMOTIONS, UNCERTAIN)


def comparison(clips: Sequence[Clip]) -> dict[str, Any]:
    """Clips on one axis of time, and the numbers of each clip and person.

    Parameters
    ----------
    clips : in the order in which they are shown. Those without predictions are ``missing``. Names
        that a reader gave to persons are used. Persons that were merged or split and stretches
        that were excluded are not: ``edited`` is then true for the clip.

    Returns
    -------
    ``emotions``; ``labels``, the emotions and ``uncertain``; ``span`` [start, end] in seconds,
    over all clips; ``fields``; ``clips``; ``missing``. A clip has ``id``, ``name``, ``page``,
    ``given`` (the label that came with it), ``status``, ``message``, ``start``, ``end``,
    ``persons``, and the numbers of the whole clip: ``label``, ``certainty`` 0..1,
    ``probabilities`` 0..1 by emotion, ``shares`` of its time by label, ``rows`` of a ribbon. A
    person has the same, and ``person``, ``name``, ``usable`` 0..1, ``speaks`` 0..1, ``picture``
    (JPEG, base64). Numbers that are not known are null.

    Examples
    --------
    >>> comparison([Clip("a", "a.mp4", None, None, "cancelled", None, None)])["missing"]
    [{'id': 'a', 'name': 'a.mp4', 'why': 'is cancelled'}]
    """
    shown = [_clip(clip, clip.result) for clip in clips if clip.result and clip.result.rows]
    starts, ends = [one["start"] for one in shown], [one["end"] for one in shown]
    return {
        "emotions": list(EMOTIONS),
        "labels": list(LABELS),
        "fields": [*FIELDS, "p"],
        "span": [min(starts, default=0.0), max(ends, default=0.0)],
        "clips": shown,
        "missing": [
            {"id": clip.id, "name": clip.name, "why": clip.without or "has no predictions"}
            for clip in clips
            if not (clip.result and clip.result.rows)
        ],
    }


def _clip(clip: Clip, result: Result) -> dict[str, Any]:
    shown = _in_order(shown_rows(result.rows))
    start, end = span_of(result.rows)
    (status,) = result.files
    edits = clip.edits or {}
    names = edits.get("names", {})
    seen = {one.person: one for one in result.persons}
    numbers = sorted({row.person for row in shown if row.person is not None} | set(seen))
    persons = [
        _person(
            number, str(names.get(str(number), f"Person {number}")),
            [row for row in shown if row.person == number], seen.get(number),
        )
        for number in numbers
    ]  # fmt: skip
    return {
        "id": clip.id,
        "name": clip.name,
        "page": clip.page,
        "given": clip.label,
        "status": status.status,
        "message": printable(status.message),
        "start": round(start, 3),
        "end": round(end, 3),
        "no_face": has_no_face(result),
        "no_voice": has_no_voice(result.rows),
        "edited": bool(edits.get("people") or edits.get("excluded")),
        "persons": persons,
        **_numbers(shown, clip_row(result.rows)),
        # every row of a person is in that person's ribbon already
        "rows": [_values(row) for row in shown if row.person is None or not persons],
    }


def _person(number: int, name: str, rows: Sequence[Row], seen: PersonSeen | None) -> dict[str, Any]:
    known = [row.usable for row in rows if row.usable is not None]
    usable = float(np.mean(known)) if known else None
    picture = b""
    if seen is not None:
        usable, picture = seen.usable, seen.picture
    return {
        "person": number,
        "name": name,
        "usable": _rounded(usable),
        "picture": base64.b64encode(picture).decode("ascii"),
        **_numbers(rows, None),
        "rows": [_values(row) for row in rows],
    }


def _numbers(rows: Sequence[Row], whole: Row | None) -> dict[str, Any]:
    """Means by time and shares of some rows; label and means are those of ``whole`` if given."""
    made = summary(rows, [(-np.inf, np.inf)])
    p = [made.get(name) for name in EMOTIONS]
    label, certainty = made.get("label"), made.get("certainty")
    if whole is not None and whole.found:
        p, label = list(whole.probabilities), whole.label
        certainty = max(whole.probabilities)
    return {
        "label": label,
        "certainty": _rounded(certainty),
        "probabilities": {n: _rounded(x) for n, x in zip(EMOTIONS, p, strict=True)},
        "shares": {n: _rounded(made.get(s)) for n, s in zip(LABELS, SHARES, strict=True)},
        "speaks": _rounded(made.get("speaks")),
    }


def _in_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.start, row.end))


def _values(row: Row) -> list[Any]:
    return [
        round(row.start, 3), round(row.end, 3), row.label, row.speaks,
        round(float(max(row.probabilities)), 4),
    ]  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
