"""What the pages of a report show: a result, as compact JSON values.

Probabilities have four digits, times are seconds from the clip's start. File names are without
folders, so that a report can be handed on.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.report.method import method_text
from emonets.result import UNCERTAIN, FileStatus, PersonSeen, Result, Row, printable
from emonets.result_tables import SHARES, by_file, clip_row, shown_rows, span_of, summary

FIELDS = ("source", "person", "start", "end", "label", "usable", "speech", "speaks")
"""The values of a row before its seven probabilities."""
UNCERTAIN_BELOW = 0.4
"""Windows whose largest probability is below are listed, where the result has no threshold."""


def parts_of(result: Result) -> dict[str, Result]:
    """The result of each clip alone, in order."""
    status = {own.file: own for own in result.files}
    persons: dict[str, list[PersonSeen]] = {}
    for one in result.persons:
        persons.setdefault(one.file, []).append(one)
    return {
        file: Result(
            tuple(rows), (status.get(file, FileStatus(file, "ok")),), result.about,
            tuple(persons.get(file, ())),
        )
        for file, rows in by_file(result).items()
    }  # fmt: skip


def shown_name(file: str) -> str:
    """A clip's name without its folders."""
    return printable(Path(file).name or file)


def digest_of(result: Result) -> str:
    """SHA-256, hexadecimal, of what edits rest on: persons, sources, windows and labels of a clip.

    Times count to 10 ms. The clip's name and folder do not count.
    """
    rows = [
        [row.model, row.person, row.level, round(row.start, 2), round(row.end, 2), row.label]
        for row in result.rows
    ]
    persons = [[one.person, len(one.times)] for one in result.persons]
    return hashlib.sha256(json.dumps([rows, persons]).encode()).hexdigest()


def clip_data(
    result: Result, film: Mapping[str, Any], edits: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the page of a clip shows.

    Parameters
    ----------
    result : of this clip alone (`parts_of`), with rows.
    film : of `emonets.report.film.place_film`.
    edits : of `emonets.report.edits.read_edits`, or None.
    """
    rows, (status,) = result.rows, result.files
    shown = shown_rows(rows)
    kept = _kept(rows)
    source = shown[0].model if shown else kept[0].model
    there = {row.model for row in kept}
    sources = list(dict.fromkeys([source, *(row.model for row in rows if row.model in there)]))
    start, end = span_of(rows)
    return {
        "schema": "emonets.report",
        "version": 1,
        "file": shown_name(status.file),
        "digest": digest_of(result),
        "status": status.status,
        "message": printable(status.message),
        "span": [round(start, 4), round(max(end, start), 4)],
        "emotions": list(EMOTIONS),
        "sources": sources,
        "shown_source": source,
        "fields": list(FIELDS),
        "rows": [_values(row, sources) for row in kept],
        "shown": [_values(row, sources) for row in _in_order(shown)],
        "persons": [_person(one) for one in result.persons],
        "inputs_every": _inputs_every(result.persons),
        "film": dict(film),
        "model": about_model(result.about),
        "method": method_text(result),
        "clip_label": _clip_label(rows),
        "has_uncertain": "uncertain" in result.about or any(row.uncertain for row in rows),
        "uncertain_below": UNCERTAIN_BELOW,
        "no_face": has_no_face(result),
        "no_voice": has_no_voice(rows),
        "edits": None if edits is None else dict(edits),
    }


def index_data(
    parts: Mapping[str, Result],
    pages: Mapping[str, str],
    pictures: Mapping[str, bytes],
    names: Mapping[str, Mapping[str, str]] = {},
) -> dict[str, Any]:
    """What the index shows.

    Parameters
    ----------
    pages : file → address of its page. pictures : file → JPEG.
    names : file → number of a person → the name that edits give.
    """
    about = next((part.about for part in parts.values()), {})
    return {
        "emotions": list(EMOTIONS),
        "model": about_model(about),
        "clips": [
            _card(part, pages.get(file), pictures.get(file, b""), names.get(file, {}))
            for file, part in parts.items()
        ],
    }


def about_model(about: Mapping[str, Any]) -> str:
    """Bundle and specialists in a few words."""
    bundle = Path(str(about.get("bundle", "unknown"))).name
    return f"{bundle} ({about['model']})" if about.get("model") else bundle


def has_no_face(result: Result) -> bool:
    """Whether faces were sought and none was found."""
    found = [row.face_found for row in result.rows if row.face_found is not None]
    return not result.persons and bool(found) and not any(found)


def has_no_voice(rows: Sequence[Row]) -> bool:
    """Whether sound was used, and nobody speaks or it is silent."""
    speech = [row.speech for row in rows if row.speech is not None]
    sound = [row.sound_found for row in rows if row.sound_found is not None]
    if any(speech):
        return False
    return bool(speech) or (bool(sound) and not any(sound))


def _kept(rows: Sequence[Row]) -> list[Row]:
    """Rows of windows; of a source that has none, as in a clip of one window, the clip's own."""
    windows = [row for row in rows if row.level in ("face", "window")]
    there = {row.model for row in windows}
    return _in_order([
        *windows, *(row for row in rows if row.level == "clip" and row.model not in there)
    ])  # fmt: skip


def _in_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.start, row.end, row.person is not None, row.person))


def _values(row: Row, sources: Sequence[str]) -> list[Any]:
    return [
        sources.index(row.model), row.person, round(row.start, 4), round(row.end, 4), row.label,
        _rounded(row.usable), _rounded(row.speech), row.speaks,
        *(round(float(p), 4) for p in row.probabilities),
    ]  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def _person(one: PersonSeen) -> dict[str, Any]:
    return {
        "person": one.person,
        "usable": _rounded(one.usable),
        "picture": base64.b64encode(one.picture).decode("ascii"),
        "times": [round(float(t), 3) for t in one.times],
        "boxes": np.round(one.boxes).astype(int).tolist(),
        "inputs": [own.to_dict() for own in one.inputs],
    }


def _inputs_every(persons: Sequence[PersonSeen]) -> float:
    """Seconds between kept pictures of a face: the median."""
    steps = [np.diff(own.times) for one in persons for own in one.inputs]
    every = np.concatenate([np.zeros(0), *steps])
    return round(float(np.median(every)), 3) if every.size else 1.0


def _clip_label(rows: Sequence[Row]) -> str:
    row = clip_row(rows)
    if row is None or row.label is None:
        return ""
    return f"{row.label} ({max(row.probabilities):.0%})"


def _card(
    part: Result, page: str | None, picture: bytes, names: Mapping[str, str]
) -> dict[str, Any]:
    (status,) = part.files
    shown = shown_rows(part.rows)
    start, end = span_of(part.rows)
    pictures = {one.person: one for one in part.persons}
    numbers = sorted({r.person for r in shown if r.person is not None} | set(pictures))
    return {
        "file": shown_name(status.file),
        "page": page,
        "status": status.status,
        "message": printable(status.message),
        "seconds": round(end - start, 2) if part.rows else None,
        "label": _clip_label(part.rows),
        "no_face": has_no_face(part),
        "no_voice": has_no_voice(part.rows),
        "picture": base64.b64encode(picture).decode("ascii"),
        "shares": _shares(shown),
        "persons": [
            {
                "name": names.get(str(n), f"Person {n}"),
                "picture": (
                    base64.b64encode(pictures[n].picture).decode("ascii") if n in pictures else ""
                ),
                "usable": _rounded(pictures[n].usable) if n in pictures else None,
                "shares": _shares([row for row in shown if row.person == n]),
            }
            for n in numbers
        ],
    }


def _shares(rows: Sequence[Row]) -> dict[str, float]:
    made = summary(rows, [(-np.inf, np.inf)])
    labels = (*EMOTIONS, UNCERTAIN)
    return {n: round(made[s], 4) for n, s in zip(labels, SHARES, strict=True) if made.get(s)}
