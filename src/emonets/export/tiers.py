"""Stretches of time with a label, which all formats with a time line are made of.

A clip has a tier for each person, one for each specialist without faces (as ``Audio``), one for
windows without a face, and one for the clip's own prediction. A tier's stretches never overlap, so
that programs which allow one label at a time can open it. Times are whole milliseconds.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.result import UNCERTAIN, Result, Row

LABELS = (*EMOTIONS, UNCERTAIN)
"""All labels that a stretch can have."""
_TOUCH = 1  # ms: between neighbours whose common time was rounded in two ways


@dataclass(frozen=True)
class Stretch:
    """A time with one label.

    Attributes
    ----------
    start, end : whole milliseconds from the clip's start.
    label : one of :data:`LABELS`.
    probabilities : seven numbers in the order of ``emonets.EMOTIONS``; of stretches that are
        joined the mean, weighted by their length.
    """

    start: int
    end: int
    label: str
    probabilities: tuple[float, ...]

    @property
    def probability(self) -> float:
        """Of the label; of an uncertain stretch the largest one."""
        if self.label == UNCERTAIN:
            return max(self.probabilities)
        return self.probabilities[EMOTIONS.index(self.label)]


@dataclass(frozen=True)
class Tier:
    """What one person shows over time, or what a specialist without faces predicts.

    Attributes
    ----------
    name : ``Person 0``, ``Audio``, ``No face``, ``Clip``; no other tier of the clip has it.
    person : as in the rows; None where no single person is meant.
    model : which model the labels come from.
    windows : a stretch a window, in order, without overlaps. Where nothing was found there is none.
    """

    name: str
    person: int | None
    model: str
    windows: tuple[Stretch, ...]

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The windows; neighbours with the same label are joined."""
        return tuple(_joined(self.windows))


@dataclass(frozen=True)
class ClipTiers:
    """All tiers of a clip.

    Attributes
    ----------
    file : the clip, as it was given.
    end : its last time in milliseconds; 0 for a picture.
    tiers : persons first, by their numbers. whole : the clip's own prediction, if there is one.
    pictures, sound : whether a model of this kind found any.
    """

    file: str
    end: int
    tiers: tuple[Tier, ...]
    whole: Tier | None
    pictures: bool
    sound: bool

    @property
    def every(self) -> tuple[Tier, ...]:
        """All tiers, the clip's own last."""
        return self.tiers if self.whole is None else (*self.tiers, self.whole)


def tiers_of(result: Result) -> tuple[ClipTiers, ...]:
    """The tiers of each clip that has rows, in the order of the result.

    A person's tier has the fused rows where there are any, and else those of the specialist of
    faces. Rows of single pictures are left out.

    Examples
    --------
    >>> rows = [
    ...     Row("a.mp4", 0, s, s + 1.0, True, "face", (0, 0, 0, 1, 0, 0, 0), level="face", person=0)
    ...     for s in (0.0, 1.0)
    ... ]
    >>> (clip,) = tiers_of(Result(tuple(rows)))
    >>> [(s.start, s.end, s.label) for s in clip.tiers[0].stretches]
    [(0, 2000, 'happy')]
    """
    by_file: dict[str, list[Row]] = {status.file: [] for status in result.files}
    for row in result.rows:
        by_file.setdefault(row.file, []).append(row)
    return tuple(_clip(file, rows) for file, rows in by_file.items() if rows)


def without_rows(result: Result) -> tuple[str, ...]:
    """The clips that have no rows, because they could not be read."""
    with_rows = {row.file for row in result.rows}
    return tuple(status.file for status in result.files if status.file not in with_rows)


def _clip(file: str, rows: Sequence[Row]) -> ClipTiers:
    whole = [row for row in rows if row.level == "clip"]
    own = whole[-1].model if whole else None
    fused = len({row.model for row in whole}) > 1
    faces = [row for row in rows if row.level == "face"]
    end = max(_ms(row.end) for row in rows)
    model = own if any(row.model == own for row in faces) else faces[0].model if faces else ""
    tiers: list[Tier] = []

    def add(name: str, person: int | None, rows: Iterable[Row]) -> Tier:
        """A tier; a name that is there already gets a number, which only a foreign model has."""
        rows = list(rows)
        names = {tier.name for tier in tiers}
        free = next(n for n in (name, *(f"{name} ({i})" for i in range(2, 99))) if n not in names)
        tier = Tier(free, person, rows[0].model, tuple(_windows(rows, end)))
        tiers.append(tier)
        return tier

    chosen = [row for row in faces if row.model == model]
    for person in sorted({row.person for row in chosen if row.person is not None}):
        add(f"Person {person}", person, (row for row in chosen if row.person == person))
    lone = [row for row in chosen if row.person is None]
    for track in sorted({-1 if row.track is None else row.track for row in lone}):
        same = [row for row in lone if (-1 if row.track is None else row.track) == track]
        add(f"Track {track}" if track >= 0 else "Face", None, same)
    others = [row for row in rows if row.level == "window"]
    if fused:  # in a clip of one window there are none but the clip's own
        there = {row.model for row in (*others, *faces)}
        others += [row for row in whole[:-1] if row.model not in {own, *there}]
    for name in dict.fromkeys(row.model for row in others):
        title = "No face" if fused and name == own else name.capitalize()
        add(title, None, (row for row in others if row.model == name))
    last = add("Clip", None, whole[-1:]) if whole else None
    return ClipTiers(
        file,
        end,
        tuple(tier for tier in tiers if tier is not last),
        last,
        any(row.face_found or row.motion_found for row in rows),
        any(row.sound_found for row in rows),
    )


def _ms(seconds: float) -> int:
    # half a millisecond is rounded up, also where a float is a little less than that
    return max(0, math.floor(1000 * seconds + 0.5 + 1e-6))


def _windows(rows: Iterable[Row], end: int) -> list[Stretch]:
    """The labelled windows of a tier; of a picture, which has no time, its one moment."""
    made = [
        Stretch(_ms(row.start), _ms(row.end), row.label, row.probabilities)
        for row in rows
        if row.label is not None
    ]
    return without_overlaps(made) if end > 0 else made[:1]


def without_overlaps(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The same times, each covered once: where stretches overlap, the one counts whose middle is
    nearest, and of two at the same distance the more certain one.

    Where windows of one length follow each other, they are cut halfway between their middles. What
    has no length is left out.
    """  # fmt: skip
    timed = sorted((s for s in stretches if s.end > s.start), key=lambda s: (s.start, s.end))
    by_middle = sorted(timed, key=lambda s: s.start + s.end)
    halfway = {
        (a.start + a.end + b.start + b.end) // 4
        for a, b in pairwise(by_middle)
        if max(a.start, b.start) < min(a.end, b.end)
    }
    times = sorted({t for s in timed for t in (s.start, s.end)} | halfway)
    out: list[tuple[int, int, int]] = []  # start, end, which
    active: list[tuple[int, int]] = []  # end, which
    n = 0
    for start, end in pairwise(times):
        while n < len(timed) and timed[n].start <= start:
            heapq.heappush(active, (timed[n].end, n))
            n += 1
        while active and active[0][0] <= start:
            heapq.heappop(active)
        if not active:
            continue
        middle = start + end
        which = min(
            (i for _, i in active),
            key=lambda i: (
                abs(timed[i].start + timed[i].end - middle),
                -max(timed[i].probabilities),
                i,
            ),
        )
        if out and out[-1][1:] == (start, which):
            out[-1] = (out[-1][0], end, which)
        else:
            out.append((start, end, which))
    made = []
    for i, (start, last, which) in enumerate(out):
        following = out[i + 1][0] if i + 1 < len(out) else last
        end = following if following - last <= _TOUCH else last
        made.append(Stretch(start, end, timed[which].label, timed[which].probabilities))
    return made


def _joined(windows: Sequence[Stretch]) -> list[Stretch]:
    groups: list[list[Stretch]] = []
    for window in windows:
        last = groups[-1][-1] if groups else None
        if last and last.label == window.label and window.start == last.end:
            groups[-1].append(window)
        else:
            groups.append([window])
    return [_mean(group) for group in groups]


def _mean(group: Sequence[Stretch]) -> Stretch:
    if len(group) == 1:
        return group[0]
    p = np.average(
        [s.probabilities for s in group], axis=0, weights=[s.end - s.start for s in group]
    )
    return Stretch(group[0].start, group[-1].end, group[0].label, tuple(map(float, p)))
