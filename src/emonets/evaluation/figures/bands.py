"""From a result to the bands of a timeline: what was predicted when, by person and source."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.evaluation.figures.names import in_text
from emonets.result import UNCERTAIN, FileStatus, Result, Row

_ORDER = ("face", "mouth", "audio", "activity")
_GAP = 1.0  # seconds without a face that are drawn as a gap, at least
_STEPS = 3  # the same in steps of the times at which a person is seen
_TOUCH = 0.02  # of a row's length: rows nearer to each other than this touch


@dataclass(frozen=True, eq=False)
class Band:
    """Predictions of one source, for one person or for the clip.

    Attributes
    ----------
    name : for the figure. model : its id. person : its number, or None.
    start, end : (n,) seconds, ascending; rows that overlap are cut in the middle of the overlap.
    p : (n, 7). uncertain : (n,) whether the label is "uncertain".
    gaps : (k, 2) seconds in which nothing was found.
    nothing : what was not found there.
    """

    name: str
    model: str
    person: int | None
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    p: NDArray[np.float64]
    uncertain: NDArray[np.bool_]
    gaps: NDArray[np.float64]
    nothing: str

    @property
    def fused(self) -> bool:
        """Whether it is of several specialists."""
        return "+" in self.model


@dataclass(frozen=True, eq=False)
class Story:
    """What a timeline shows.

    Attributes
    ----------
    file : the clip. start, end : seconds.
    bands : specialists by person, specialists without persons, and what is combined.
    persons : numbers of the persons that are shown. left_out : how many are not.
    usable : person → share of the clip's frames in which the face can be used.
    status : of the file, or None.
    """

    file: str
    start: float
    end: float
    bands: list[Band]
    persons: list[int]
    left_out: int
    usable: dict[int, float]
    status: FileStatus | None


def story(result: Result, file: str | None, persons: Sequence[int] | None, most: int) -> Story:
    """Read off a result what a timeline shows; see ``timeline`` for the parameters.

    Raises
    ------
    ParameterError : the file or a person is not in the result, or there is nothing to draw.
    """
    name = _chosen(result, file)
    rows = [row for row in result.rows if row.file == name and row.level != "frame"]
    status = next((s for s in result.files if s.file == name), None)
    if not rows:
        why = "" if status is None or not status.message else f" ({status.message})"
        raise ParameterError(f"{name}: there are no predictions to draw{why}")
    start, end = min(row.start for row in rows), max(row.end for row in rows)
    known = sorted({row.person for row in rows if row.person is not None})
    shown = _shown(name, known, persons, most, rows)
    seen = {p.person: p for p in result.persons if p.file == name}
    absent = {who: _gaps_between(seen[who].times) for who in shown if who in seen}
    span = (start, max(end, start + 1e-3))
    return Story(
        name, *span, _bands(rows, shown, span, absent), shown, len(known) - len(shown),
        {who: seen[who].usable for who in shown if who in seen}, status,
    )  # fmt: skip


def _chosen(result: Result, file: str | None) -> str:
    """The file of a result: the only one, or the one named in full or without its folder."""
    names = [*dict.fromkeys([s.file for s in result.files] + [row.file for row in result.rows])]
    if not names:
        raise ParameterError("the result is empty; there is nothing to draw")
    if file is None:
        if len(names) > 1:
            some = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
            raise ParameterError(
                f"the result has {len(names)} files; name one (file=, --file): {some}"
            )
        return names[0]
    if file in names:
        return file
    short = [name for name in names if Path(name).name == file]
    if len(short) == 1:
        return short[0]
    if short:
        raise ParameterError(f"{len(short)} files are called {file}: give one with its folder")
    near = difflib.get_close_matches(file, [*names, *(Path(name).name for name in names)], 1)
    hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(names[:3])}"
    raise ParameterError(f"the result has no file {file}{hint}")


def _shown(
    name: str, known: list[int], wanted: Sequence[int] | None, most: int, rows: Sequence[Row]
) -> list[int]:
    if wanted is not None:
        for who in wanted:
            if who not in known:
                has = ", ".join(map(str, known)) or "none"
                raise ParameterError(f"{name}: there is no person {who}; there is {has}")
        return list(dict.fromkeys(wanted))
    if most < 1:
        raise ParameterError(f"most must be at least 1, got {most}")
    time = {who: sum(r.end - r.start for r in rows if r.person == who) for who in known}
    return sorted(sorted(known, key=lambda who: -time[who])[:most])


def _bands(
    rows: Sequence[Row], shown: Sequence[int], span: tuple[float, float],
    absent: dict[int, NDArray[np.float64]],
) -> list[Band]:  # fmt: skip
    several = {row.model for row in rows if row.level != "clip"}
    used = [row for row in rows if row.level != "clip" or row.model not in several]
    of_faces = {row.model for row in used if row.person is not None}
    keys = [*dict.fromkeys((row.model, row.person) for row in used)]
    made = []
    for model, person in keys:
        own = [row for row in used if (row.model, row.person) == (model, person)]
        if person is not None and person not in shown:
            continue
        if person is None and model in of_faces and (not _is_fused(model) or not _any(own)):
            continue  # windows without a face: gaps of the persons' bands
        made.append(_band(model, person, own, span, absent))
    order = ("face", "mouth", "audio", "activity")  # what is seen first
    rank = {
        name: order.index(name) if name in order else len(order) for name in {b.model for b in made}
    }
    return sorted(made, key=lambda b: (b.fused, b.person is None, b.person or 0, rank[b.model]))


def _any(rows: Sequence[Row]) -> bool:
    return any(row.found for row in rows)


def _is_fused(model: str) -> bool:
    return "+" in model


def _band(
    model: str, person: int | None, rows: Sequence[Row], span: tuple[float, float],
    absent: dict[int, NDArray[np.float64]],
) -> Band:  # fmt: skip
    found = sorted((row for row in rows if row.found), key=lambda row: (row.start, row.end))
    start = np.array([row.start for row in found], np.float64)
    end = np.array([row.end for row in found], np.float64)
    for i in range(len(found) - 1):
        if end[i] > start[i + 1]:
            end[i] = start[i + 1] = (end[i] + start[i + 1]) / 2
    end = np.maximum(end, start)
    gaps = _uncovered(start, end, span)
    if person in absent and person is not None:
        gaps = np.concatenate([gaps, absent[person]])
    what = "combined" if _is_fused(model) else in_text(model)
    who = "" if person is None else f"person {person}, "
    text = f"{who}{what}"
    uses_faces = any(row.face_found is not None for row in rows)
    heard = "no sound" if all(row.speech is None for row in rows) else "no speech"
    nothing = "no face" if person is not None or uses_faces else heard
    return Band(
        text[:1].upper() + text[1:], model, person, start, end,
        np.array([row.probabilities for row in found], np.float64).reshape(-1, len(EMOTIONS)),
        np.array([row.label == UNCERTAIN for row in found], bool), gaps, nothing,
    )  # fmt: skip


def _uncovered(
    start: NDArray[np.float64], end: NDArray[np.float64], span: tuple[float, float]
) -> NDArray[np.float64]:
    """Stretches of a span that no row covers, (k, 2)."""
    out, at = [], span[0]
    length = float(np.median(end - start)) if len(start) else 0.0
    for a, b in zip([*start, span[1]], [*end, span[1]], strict=True):
        if a - at > _TOUCH * length:
            out.append((at, float(a)))
        at = max(at, float(b))
    return np.array(out, np.float64).reshape(-1, 2)


def _gaps_between(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretches between the times at which a person is seen, (k, 2)."""
    if len(times) < 2:
        return np.empty((0, 2))
    steps = np.diff(times)
    usual = float(np.median(steps))
    at = np.flatnonzero(steps > max(_GAP, _STEPS * usual))
    return np.stack([times[at] + usual, times[at + 1]], axis=1)
