"""A row an event and person: what each person shows in each stretch that a user names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emonets.emotions import EMOTIONS
from emonets.export.side_tables import Event, Files
from emonets.result import Result, Row
from emonets.result_tables import (
    SHARES,
    Skips,
    by_file,
    length,
    shown_rows,
    span_of,
    summary,
    typed,
    union,
    weights,
    without,
)

if TYPE_CHECKING:
    import pandas as pd

EVENT_COLUMNS = (
    "event", "file", "person", "start", "end", "usable", "covered", "model", *EMOTIONS, "label",
    "certainty", *SHARES, "speaks",
)  # fmt: skip
_LATE = 0.5  # seconds by which an event may end after its clip


def skips_of(
    events: Sequence[Event], result: Result, offsets: Mapping[str, float] | None = None
) -> dict[str, list[tuple[float, float]]]:
    """The stretches of each clip that events leave out; seconds of the clip."""
    out: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        if event.skip:
            for file, start, end in _places(event, result, offsets):
                out.setdefault(file, []).append((start, end))
    return {file: union(spans) for file, spans in out.items()}


def event_problems(
    events: Sequence[Event], result: Result, offsets: Mapping[str, float] | None = None
) -> list[str]:
    """A sentence for each event that does not fit its clip; it has no row in the table."""
    ends = {file: span_of(rows)[1] for file, rows in by_file(result).items() if rows}
    out = []
    for event in events:
        if offsets is not None and not event.file:
            if ends and not list(_places(event, result, offsets)):
                out.append(
                    f"event {event.name!r} from {event.start:g} to {event.end:g} s lies in no file "
                    "of the session; correct its times"
                )
            continue
        late = [
            (file, ends[file]) for file, _, stop in _meant(event, result)
            if file in ends and stop > ends[file] + _LATE
        ]  # fmt: skip
        if late:
            file, end = late[0]
            thousand = 10 * end < event.end <= 1000 * end
            unit = " (are these milliseconds? give seconds)" if thousand else ""
            out.append(
                f"event {event.name!r} ends at {event.end:g} s, and {file} at {end:.1f} s{unit}; "
                "correct its times"
            )
    return out


def events_table(
    result: Result, events: Sequence[Event], offsets: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """A row an event and person: :data:`EVENT_COLUMNS`.

    An event in which nobody is seen has one row, without a person. Stretches to skip are left out
    of all other events. Events that do not fit their clip are left out; `event_problems` names
    them.

    Parameters
    ----------
    events : with a file, seconds of it. Without one: seconds of each file or, with ``offsets``,
        of the session.
    offsets : seconds from the session's start to that of each file.
    """
    skips = skips_of(events, result, offsets)
    clips = by_file(result)
    shown = {file: shown_rows(rows) for file, rows in clips.items()}
    ends = {file: span_of(rows)[1] for file, rows in clips.items() if rows}
    out: list[dict[str, Any]] = []
    for event in events:
        if event.skip:
            continue
        for file, start, end in _places(event, result, offsets):
            if file in ends and end > ends[file] + _LATE:
                continue
            out += _rows(event.name, file, start, end, shown[file], skips)
    return typed(out, EVENT_COLUMNS)


def _rows(
    name: str, file: str, start: float, end: float, rows: Sequence[Row], skips: Skips
) -> Iterator[dict[str, Any]]:
    spans = without([(start, end)], skips.get(file, ()))
    inside = [r for r in rows if r.found and _meets(r, spans)]
    persons: Sequence[int | None] = sorted({r.person for r in inside if r.person is not None})
    for person in persons or [None]:
        own = [row for row in inside if row.person == person]
        pieces = [(max(r.start, a), min(r.end, b)) for r in own for a, b in spans
                  if min(r.end, b) > max(r.start, a)]  # fmt: skip
        covered = length(union(pieces)) / length(spans) if spans else 0.0
        usable = None
        known = [row for row in own if row.usable is not None]
        if known:
            w = weights(known, spans)
            usable = covered * float(sum(w * [row.usable or 0.0 for row in known]) / w.sum())
        yield {
            "event": name, "file": file, "person": person, "start": start, "end": end,
            "usable": usable, "covered": covered, **summary(own, spans),
        }  # fmt: skip


def _meets(row: Row, spans: Sequence[tuple[float, float]]) -> bool:
    return any(
        min(row.end, b) > max(row.start, a) or (row.start == row.end and a <= row.start < b)
        for a, b in spans
    )


def _meant(event: Event, result: Result) -> Iterator[tuple[str, float, float]]:
    """The clips of an event, and its times there."""
    files = [status.file for status in result.files] or list(by_file(result))
    chosen = [Files(files).find(event.file, f"event {event.name!r}")] if event.file else files
    for file in chosen:
        yield file, event.start, event.end


def _places(
    event: Event, result: Result, offsets: Mapping[str, float] | None
) -> Iterator[tuple[str, float, float]]:
    """The clips of an event, and its times there; of a session's event those that it overlaps."""
    if event.file or offsets is None:
        yield from _meant(event, result)
        return
    for file, rows in by_file(result).items():
        if file not in offsets or not rows:
            continue
        low, high = span_of(rows)
        start, end = event.start - offsets[file], event.end - offsets[file]
        if end > low and start < high:
            yield file, max(start, low), min(end, high)
