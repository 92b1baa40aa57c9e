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
    clips = _clips(result)
    for event in events:
        if event.skip:
            for file, start, end in _places(event, clips, offsets):
                out.setdefault(file, []).append((start, end))
    return {file: union(spans) for file, spans in out.items()}


def event_problems(
    events: Sequence[Event], result: Result, offsets: Mapping[str, float] | None = None
) -> list[str]:
    """A sentence for each event that does not fit its clip; it has no row in the table."""
    clips = _clips(result)
    ends = {file: span[1] for file, span in clips.items() if span is not None}
    out = []
    for event in events:
        if offsets is not None and not event.file:
            if ends and not list(_places(event, clips, offsets)):
                out.append(
                    f"event {event.name!r} from {event.start:g} to {event.end:g} s lies in no file "
                    "of the session; correct its times"
                )
            continue
        late = [
            (file, ends[file]) for file, _, stop in _meant(event, clips)
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
    clips = _clips(result)
    shown = {file: shown_rows(rows) for file, rows in by_file(result).items()}
    out: list[dict[str, Any]] = []
    for event in events:
        if event.skip:
            continue
        for file, start, end in _places(event, clips, offsets):
            span = clips[file]
            if span is not None and end > span[1] + _LATE:
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


_Clips = Mapping[str, tuple[float, float] | None]
"""Start and end of each clip in seconds; None: it has no rows."""


def _clips(result: Result) -> _Clips:
    return {file: span_of(rows) if rows else None for file, rows in by_file(result).items()}


def _meant(event: Event, clips: _Clips) -> Iterator[tuple[str, float, float]]:
    """The clips of an event, and its times there."""
    if not event.file:
        yield from ((file, event.start, event.end) for file in clips)
        return
    file = event.file
    if file not in clips:
        file = Files(clips).find(file, f"event {event.name!r}")
    yield file, event.start, event.end


def _places(
    event: Event, clips: _Clips, offsets: Mapping[str, float] | None
) -> Iterator[tuple[str, float, float]]:
    """The clips of an event, and its times there; of a session's event those that it overlaps."""
    if event.file or offsets is None:
        yield from _meant(event, clips)
        return
    for file, span in clips.items():
        if file not in offsets or span is None:
            continue
        start, end = event.start - offsets[file], event.end - offsets[file]
        if end > span[0] and start < span[1]:
            yield file, max(start, span[0]), min(end, span[1])
