"""Data frames of a result: a row a clip, a person, a window or a face picture.

Of a clip that several models predict, these tables show the most complete: all models fused. The
rows of single models are in `Result.to_pandas`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.result import BOX, UNCERTAIN, PersonSeen, Result, Row, printable

if TYPE_CHECKING:
    import pandas as pd

Spans = Sequence[tuple[float, float]]
"""(start, end) in seconds."""
Skips = Mapping[str, Spans]
"""File → the stretches that are left out."""

WINDOW_COLUMNS = (
    "file", "person", "track", "start", "end", "usable", *BOX, "model", *EMOTIONS, "label",
    "certainty", "speech", "speaks", "normalised",
)  # fmt: skip
CLIP_COLUMNS = (
    "file", "status", "message", "start", "end", "persons", "model", *EMOTIONS, "label",
    "certainty", "speech", "normalised",
)  # fmt: skip
SHARES = tuple(f"share_{name}" for name in (*EMOTIONS, UNCERTAIN))
PERSON_COLUMNS = (
    "file", "person", "usable", "seen", "first", "last", *BOX, "model", *EMOTIONS, "label",
    "certainty", *SHARES, "speaks", "tracks",
)  # fmt: skip
_JOINER = "+"
_APART = 0.5  # seconds between two looks at a face that is seen all the time


def by_file(result: Result) -> dict[str, list[Row]]:
    """The rows of each clip, in order; also clips without any."""
    out: dict[str, list[Row]] = {status.file: [] for status in result.files}
    for row in result.rows:
        out.setdefault(row.file, []).append(row)
    return out


def shown_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of one clip by which it is shown: a row a face and window.

    Those of all models fused, or else those of the first model of single faces. A window without
    a face has a row without a person, and so has a clip without faces. One face in a clip of one
    window has the prediction of the clip.

    Parameters
    ----------
    rows : of one clip.
    """
    parts = [row for row in rows if row.level in ("face", "window")]
    fused = [row for row in parts if _JOINER in row.model]
    if fused:
        return fused
    faces = [row for row in parts if row.level == "face"]
    if faces:
        own = [row for row in faces if row.model == faces[0].model]
        whole = clip_row(rows)
        if len(own) == 1 and whole is not None and _JOINER in whole.model:
            return [
                replace(
                    own[0], model=whole.model, probabilities=whole.probabilities,
                    uncertain=whole.uncertain, normalised=whole.normalised,
                )
            ]  # fmt: skip
        return own
    whole = clip_row(rows)
    windows = [row for row in parts if row.model == parts[0].model]
    return windows or ([] if whole is None else [whole])


def clip_row(rows: Sequence[Row]) -> Row | None:
    """The row of the whole clip: the last one, of all models fused."""
    return next((row for row in reversed(rows) if row.level == "clip"), None)


def span_of(rows: Sequence[Row]) -> tuple[float, float]:
    """Start and end of a clip in seconds, from its rows; zeros without any."""
    own = [row for row in rows if row.level == "clip"] or list(rows)
    return min((r.start for r in own), default=0.0), max((r.end for r in own), default=0.0)


def clips_table(result: Result) -> pd.DataFrame:
    """A row a file: :data:`CLIP_COLUMNS`."""
    status = {own.file: own for own in result.files}
    out = []
    for file, rows in by_file(result).items():
        own = status.get(file)
        row = clip_row(rows)
        out.append({
            "status": None if own is None else own.status,
            "message": None if own is None else printable(own.message),
            "persons": len({r.person for r in rows if r.person is not None}),
            **({} if row is None else _cells(row)),
            "file": file,
        })  # fmt: skip
    return typed(out, CLIP_COLUMNS)


def windows_table(result: Result) -> pd.DataFrame:
    """A row a face and window: :data:`WINDOW_COLUMNS`."""
    rows = (row for own in by_file(result).values() for row in shown_rows(own))
    return typed([_cells(row) for row in rows], WINDOW_COLUMNS)


def frames_table(result: Result) -> pd.DataFrame:
    """A row a face picture: :data:`WINDOW_COLUMNS`; empty unless pictures were asked for."""
    rows = (row for row in result.rows if row.level == "frame")
    return typed([_cells(row) for row in rows], WINDOW_COLUMNS)


def persons_table(result: Result, skips: Skips | None = None) -> pd.DataFrame:
    """A row a person and clip: :data:`PERSON_COLUMNS`.

    Parameters
    ----------
    skips : stretches that are left out of the means and shares, by file.
    """
    seen: dict[str, dict[int, PersonSeen]] = {}
    for one in result.persons:
        seen.setdefault(one.file, {})[one.person] = one
    out = []
    for file, rows in by_file(result).items():
        shown = shown_rows(rows)
        numbers = {r.person for r in rows if r.person is not None}
        known = seen.get(file, {})
        spans = without([(-np.inf, np.inf)], (skips or {}).get(file, ()))
        for person in sorted(numbers | set(known)):
            own = [row for row in shown if row.person == person]
            out.append(_person(file, person, own, known.get(person), spans))
    return typed(out, PERSON_COLUMNS)


def _person(
    file: str, person: int, rows: Sequence[Row], seen: PersonSeen | None, spans: Spans
) -> dict[str, Any]:
    times = np.zeros(0) if seen is None else seen.times
    boxes = [row.box for row in rows if row.box is not None]
    first = min((row.start for row in rows), default=None)
    last = max((row.end for row in rows), default=None)
    if len(times):
        first, last = float(times[0]), max(float(times[-1]), last or 0.0)
    box = np.median(boxes, axis=0) if boxes else (None,) * 4
    if seen is not None and len(seen.boxes):
        x, y, right, low = np.median(seen.boxes, axis=0)
        box = (x, y, right - x, low - y)
    return {
        "file": file, "person": person,
        "usable": _usable(rows, spans) if seen is None else seen.usable,
        "seen": _seen(times) if len(times) else length(union((r.start, r.end) for r in rows)),
        "first": first, "last": last, **dict(zip(BOX, box, strict=True)),
        "tracks": len(seen.tracks) if seen is not None else len({row.track for row in rows}),
        **summary(rows, spans),
    }  # fmt: skip


def _seen(times: Any) -> float:
    """Seconds in which a face is seen, from the times of its boxes, rising."""
    steps = np.diff(np.asarray(times, np.float64))
    if not len(steps):
        return 0.0
    usual = float(np.median(steps))
    return float(steps[steps <= max(_APART, 1.5 * usual)].sum()) + usual


def _usable(rows: Sequence[Row], spans: Spans) -> float | None:
    known = [row for row in rows if row.usable is not None]
    if not known:
        return None
    return float(np.average([row.usable or 0.0 for row in known], weights=weights(known, spans)))


def summary(rows: Sequence[Row], spans: Spans) -> dict[str, Any]:
    """What rows of one person are in some spans: means by time, label and shares.

    Parameters
    ----------
    rows : of one person. spans : (start, end) in seconds, that do not overlap.

    Returns
    -------
    The columns ``model``, the emotions, ``label``, ``certainty``, `SHARES` and ``speaks``, the
    share of the time in which the person speaks.
    """
    used = [row for row in rows if row.found and _counts(row, spans)]
    if not used:
        return {}
    w = weights(used, spans)
    p = np.average([row.probabilities for row in used], axis=0, weights=w)
    labels = np.array([row.label for row in used])
    names = (*EMOTIONS, UNCERTAIN)
    known = [
        (float(row.speaks), x) for row, x in zip(used, w, strict=True) if row.speaks is not None
    ]
    speaks = None
    if known and sum(x for _, x in known) > 0:
        speaks = sum(s * x for s, x in known) / sum(x for _, x in known)
    return {
        "model": used[0].model, **dict(zip(EMOTIONS, p.tolist(), strict=True)),
        "label": EMOTIONS[int(p.argmax())], "certainty": float(p.max()),
        **{s: float(w[labels == n].sum() / w.sum()) for s, n in zip(SHARES, names, strict=True)},
        "speaks": speaks,
    }  # fmt: skip


def weights(rows: Sequence[Row], spans: Spans) -> Any:
    """(n,) seconds of each row that lie in some spans; equal for rows without a length."""
    w = np.array([sum(max(0.0, min(r.end, b) - max(r.start, a)) for a, b in spans) for r in rows])
    return w if w.sum() > 0 else np.ones(len(rows))


def _counts(row: Row, spans: Spans) -> bool:
    if row.start == row.end:
        return any(a <= row.start <= b for a, b in spans)
    return any(min(row.end, b) > max(row.start, a) for a, b in spans)


def without(spans: Spans, left_out: Spans) -> list[tuple[float, float]]:
    """Spans less some stretches.

    Examples
    --------
    >>> without([(0, 10)], [(2, 3), (9, 12)])
    [(0, 2), (3, 9)]
    """
    out = list(spans)
    for a, b in left_out:
        kept = []
        for start, end in out:
            if b <= start or a >= end:
                kept.append((start, end))
                continue
            kept += [(x, y) for x, y in ((start, a), (b, end)) if x < y]
        out = kept
    return out


def union(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same spans in order, with those that overlap made one.

    Examples
    --------
    >>> union([(4, 6), (0, 2), (1, 3)])
    [(0, 3), (4, 6)]
    """
    out: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def length(spans: Spans) -> float:
    """Seconds of some spans that do not overlap."""
    return float(sum(end - start for start, end in spans))


def _cells(row: Row) -> dict[str, Any]:
    found = row.found
    return {**row.to_dict(), "certainty": max(row.probabilities) if found else None}


def typed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A data frame with these columns, whose types do not depend on its cells."""
    import pandas as pd

    cells = [{**row, "file": printable(row["file"])} for row in rows]
    frame = pd.DataFrame(cells, columns=list(columns))
    return frame.astype({name: _type(name, columns) for name in columns})


def _type(name: str, columns: Sequence[str]) -> str:
    if name in ("file", "status", "message", "model", "label", "event"):
        return "string"
    if name in ("person", "track", "persons", "tracks"):
        return "Int64"
    if name == "normalised" or (name == "speaks" and SHARES[0] not in columns):
        return "boolean"
    return "float64"
