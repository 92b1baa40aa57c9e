"""A wide table: a row a second, and a column a person and emotion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.result import UNCERTAIN, Result, Row, printable
from emonets.result_tables import Skips, by_file, clip_row, shown_rows, span_of

if TYPE_CHECKING:
    import pandas as pd

SHORTEST = 0.01
"""Seconds of the shortest row."""
MOST = 5_000_000
"""Rows of a table at most."""


def check_every(every: float) -> None:
    """Raise `ParameterError` unless a row's length is 0.01 seconds or more."""
    if not (math.isfinite(every) and every >= SHORTEST):
        raise ParameterError(f"every must be {SHORTEST:g} seconds or more, got {every}")


def wide_table(result: Result, every: float = 1.0, skips: Skips | None = None) -> pd.DataFrame:
    """A row for each ``every`` seconds of each clip.

    The probabilities of a row are the mean of those of the windows that overlap it, weighted by
    the overlap. So a row is not finer than the windows. Cells are empty where the person is not
    seen.

    Parameters
    ----------
    every : seconds of a row, 0.01 or more.
    skips : stretches that are left out; rows that begin there have ``skip`` true, and no values.

    Returns
    -------
    Data frame with ``file``; ``time``, seconds, where the row begins, a multiple of ``every``;
    ``skip``, if there are stretches to leave out; for each person, as ``p0``: ``p0_usable``, the
    share of usable frames, ``p0_angry`` to ``p0_neutral``, ``p0_label``; the same of the sound as
    ``sound`` where it is predicted; and of the whole clip, in all rows alike, as ``clip``.

    Raises
    ------
    ParameterError : ``every`` is not valid, or would give more than 5 million rows.
    """
    import pandas as pd

    check_every(every)
    clips = {file: rows for file, rows in by_file(result).items() if rows}
    count = sum(_count(rows, every) for rows in clips.values())
    if count > MOST:
        raise ParameterError(f"every {every:g} s makes {count:,} rows; give a larger number")
    made = [_clip(file, rows, every, (skips or {}).get(file)) for file, rows in clips.items()]
    names = list(dict.fromkeys(name for own in made for name in own))
    persons = sorted({n.split("_")[0] for n in names if n[0] == "p"}, key=lambda n: int(n[1:]))
    first = ["file", "time", *(["skip"] if skips else [])]
    order = first + [
        name for who in (*persons, "sound", "clip") for name in names if name.startswith(who + "_")
    ]
    frames = [pd.DataFrame(own) for own in made]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=order)
    frame = frame.reindex(columns=order)
    kinds = {n: "string" for n in order if n == "file" or n.endswith("_label")}
    kinds |= {"skip": "boolean"} if skips else {}
    return frame.astype({name: kinds.get(name, "float64") for name in order})


def _count(rows: Sequence[Row], every: float) -> int:
    start, end = _begin(rows, every), span_of(rows)[1]
    return max(1, math.ceil((end - start) / every - 1e-6))


def _begin(rows: Sequence[Row], every: float) -> float:
    """Where the first row begins: a multiple of ``every``, so that rows of all clips fit."""
    return math.floor(span_of(rows)[0] / every + 1e-6) * every


def _clip(
    file: str, rows: Sequence[Row], every: float, skips: Sequence[tuple[float, float]] | None
) -> dict[str, Any]:
    start = _begin(rows, every)
    n = _count(rows, every)
    low, high = span_of(rows)
    parts = np.minimum(high, start + every * np.arange(1, n + 1))
    parts = (parts - np.maximum(low, start + every * np.arange(n))) / every
    times = start + every * np.arange(n)
    out: dict[str, Any] = {"file": np.full(n, printable(file), object), "time": np.round(times, 6)}
    left_out = np.zeros(n, np.bool_)
    for a, b in skips or ():
        left_out |= (times >= a - 1e-9) & (times < b)
    if skips is not None:
        out["skip"] = left_out
    shown = shown_rows(rows)
    for person in sorted({row.person for row in shown if row.person is not None}):
        own = [row for row in shown if row.person == person]
        out |= _columns(f"p{person}", own, start, every, left_out, parts)
    sound = [r for r in rows if r.face_found is None and r.sound_found is not None]
    heard = [r for r in sound if r.level == "window" and r.track is None]
    heard = heard or [r for r in sound if r.level == "clip"]
    if heard:
        own = [row for row in heard if row.model == heard[0].model]
        out |= _columns("sound", own, start, every, left_out)
    whole = clip_row(rows)
    if whole is not None and whole.found:
        out |= {f"clip_{x}": np.full(n, whole.probabilities[i]) for i, x in enumerate(EMOTIONS)}
        out["clip_label"] = np.full(n, whole.label, object)
    return out


def _columns(
    name: str, rows: Sequence[Row], start: float, every: float, left_out: Any, parts: Any = None
) -> dict[str, Any]:
    """The columns of one person, or of the sound, over the n rows of the table.

    Parameters
    ----------
    left_out : (n,) bool. parts : (n,) how much of each row the clip fills, for the column of
        usable frames; None: without it.
    """
    n = len(left_out)
    p, weight = np.zeros((n, len(EMOTIONS))), np.zeros(n)
    good, sure = np.zeros(n), np.zeros(n)
    for row in rows:
        if not row.found:
            continue
        a, b = (row.start - start) / every, (row.end - start) / every
        first = min(max(math.floor(a + 1e-9), 0), n - 1)
        last = min(max(first + 1, math.ceil(b - 1e-9)), n)
        k = np.arange(first, last)
        own = np.clip(np.minimum(b, k + 1) - np.maximum(a, k), 1e-6, None)
        p[k] += own[:, None] * row.probabilities
        weight[k] += own
        good[k] += own * (row.usable or 0.0)
        sure[k] += own * (not row.uncertain)
    there = (weight > 0) & ~left_out
    mean = np.full(p.shape, np.nan)
    mean[there] = p[there] / weight[there, None]
    label = np.full(n, None, object)
    label[there] = np.array(EMOTIONS, object)[mean[there].argmax(axis=1)]
    label[there & (sure == 0)] = UNCERTAIN
    out: dict[str, Any] = {}
    if parts is not None:
        share = np.full(n, np.nan)
        share[there] = good[there] / np.maximum(weight, parts)[there]
        out[f"{name}_usable"] = share
    out |= {f"{name}_{emotion}": mean[:, i] for i, emotion in enumerate(EMOTIONS)}
    out[f"{name}_label"] = label
    return out
