"""Normalising a run's predictions by the person (`docs/howto/normalising.md`).

It acts on the probabilities of each specialist, before they are fused. The material of a person is
a prediction for each window; a short clip is one window.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from emonets.datasets.table_paths import Paths
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.inference.unfused import Unfused
from emonets.learners.group_scaling import (
    STRENGTH,
    Floats,
    Moments,
    Reference,
    log_scores,
    moments_of,
    others_of,
    probabilities_of,
    scale_groups,
    shift_by_baseline,
)
from emonets.result import Result, Row

MODES = ("none", "person")
LEAST = 2
"""Windows of a person below which nothing is normalised."""
AT_REST = 0.7
"""Probability of neutral at rest, where other people's scores at rest are not known."""
UNSURE = 0.25
"""The share of a baseline that is taken out then."""
_STRETCH = re.compile(r"\s*(\d+(?:\.\d*)?)\s*-\s*(\d+(?:\.\d*)?)\s*")

Baseline = str | os.PathLike[str] | tuple[float, float] | None
Groups = str | os.PathLike[str] | Mapping[str, str] | None
Numbers = Mapping[tuple[str, int], int]
"""File and person there → the person's number in the whole run."""
_Person = int | None  # of a clip; None is a voice without a face
_Key = tuple[Hashable, str]  # a person of the run, and a specialist


@dataclass(frozen=True)
class Normalising:
    """How a run is normalised.

    Attributes
    ----------
    file : a clip in which the person is neutral. stretch : seconds in each file in which the
        person is. None: the person's own mean is the baseline.
    groups : resolved path of a file → whose it is; None: not known.
    """

    file: Path | None = None
    stretch: tuple[float, float] | None = None
    groups: Mapping[str, str] | None = None

    @property
    def about(self) -> str:
        """A short text: what was done."""
        if self.file is None and self.stretch is None:
            return (
                "by the person: a row depends on the person's other windows and clips in this run"
            )
        return f"by the person's baseline, {self.named}"

    @property
    def named(self) -> str:
        """The baseline, as a message calls it."""
        if self.stretch is not None:
            return f"{self.stretch[0]:g}-{self.stretch[1]:g} s"
        return str(self.file)

    def person_of(self, file: str) -> str | None:
        """Whose a file is, by ``groups``."""
        return None if self.groups is None else self.groups.get(str(Path(file).resolve()))


def normalising(
    normalise: str | None, baseline: Baseline = None, groups: Groups = None
) -> Normalising | None:
    """How a run is normalised, from the arguments of `emonets.model.EmoNets.predict`; None: not.

    Raises
    ------
    ParameterError : an argument out of its range, two that exclude each other, or a wrong table.
    """
    if normalise is not None and normalise not in MODES:
        raise ParameterError(f"normalise must be one of {', '.join(MODES)}, got {normalise!r}")
    by_person = normalise == "person"
    if baseline is not None and by_person:
        raise ParameterError("normalise and baseline are two ways of one thing: give one, not both")
    if baseline is None and not by_person:
        if groups is not None:
            raise ParameterError("groups needs normalise='person' or a baseline: give one of them")
        return None
    known = None if groups is None else groups_of(groups)
    if baseline is None:
        return Normalising(groups=known)
    stretch = _stretch(baseline)
    if stretch is not None:
        return Normalising(stretch=stretch, groups=known)
    assert not isinstance(baseline, tuple)
    file = Path(baseline)
    if not file.exists():
        raise ParameterError(
            f"baseline: there is no file {file}; give a clip, or seconds such as 0-15"
        )
    return Normalising(file, groups=known)


def _stretch(baseline: Baseline) -> tuple[float, float] | None:
    if isinstance(baseline, tuple):
        start, end = baseline
    else:
        found = _STRETCH.fullmatch(str(baseline))
        if found is None:
            return None
        start, end = float(found[1]), float(found[2])
    if not 0 <= start < end < np.inf:
        raise ParameterError(
            f"baseline must be seconds from the smaller to the larger, such as 0-15, got {baseline}"
        )
    return start, end


def groups_of(groups: str | os.PathLike[str] | Mapping[str, str]) -> dict[str, str]:
    """Resolved path of a file → its person; from a table with the columns file and person.

    A table of labels (path, label, group) is read too. Paths are relative to the table.

    Raises
    ------
    DataError : the table cannot be read.
    ParameterError : it lacks a column or a cell, or names a file twice with two persons.
    """
    if isinstance(groups, Mapping):
        return {str(Path(file).resolve()): str(person) for file, person in groups.items()}
    table = Path(groups)
    columns, rows = _cells(table)
    places = []
    for names in (("file", "path"), ("person", "group")):
        place = [columns.index(name) for name in names if name in columns]
        if not place:
            raise ParameterError(
                f"{table}: has no column {names[0]}; expected file, person, found "
                f"{', '.join(columns[:8])}; rename one"
            )
        places.append(place[0])
    cells = [(line, row[places[0]], row[places[1]]) for line, row in rows]
    paths = Paths(table.parent, [file for _, file, _ in cells])
    made: dict[str, str] = {}
    for line, file, person in cells:
        if not file or not person:
            raise ParameterError(f"{table}: line {line}: needs a file and a person; complete it")
        key = str(paths.file(file).resolve())
        if made.setdefault(key, person) != person:
            raise ParameterError(
                f"{table}: line {line}: {file} is of {made[key]} and of {person}; keep one of them"
            )
    return made


def _cells(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Names of columns in lower case; and the number and cells of each line that is not empty."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{table}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise DataError(f"{table}: is not text in UTF-8; save it as 'CSV UTF-8'") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = list(csv.reader(text.splitlines(), delimiter=delimiter))
    columns = [cell.strip().lower() for cell in lines[0]] if lines else []
    rows = [
        (number, [cell.strip() for cell in [*line, *[""] * len(columns)]])
        for number, line in enumerate(lines[1:], 2)
        if any(line)
    ]
    return columns, rows


@dataclass(frozen=True)
class _Owners:
    """Whose the rows of one clip are."""

    file: str
    people: Sequence[int]  # the most seen one first
    named: str | None
    numbers: Numbers | None

    @property
    def main(self) -> _Person:
        return self.people[0] if self.people else None

    def key(self, person: _Person) -> Hashable:
        """The person of the run; the same in all files where it is known who it is."""
        if self.named is not None and person == self.main:
            return "named", self.named
        if self.numbers is not None and person is not None and (self.file, person) in self.numbers:
            return "number", self.numbers[self.file, person]
        return "file", self.file, person

    def of(self, row: Row, mates: Sequence[Row]) -> tuple[bool, _Person]:
        """Whether it is known whose a row is, and whose; ``mates``: the rows of the same window."""
        if row.track is not None:
            return row.person is not None, row.person
        if self.named is not None or len(self.people) < 2:
            return True, self.main
        speak = {mate.person for mate in mates if mate.track is not None and mate.speaks}
        return len(speak) == 1, speak.pop() if len(speak) == 1 else None


@dataclass
class _Notes:
    """What was not normalised in one file: why → whose."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, why: str, row: Row, person: _Person, owners: _Owners) -> None:
        whose = f" of person {person}" if len(owners.people) > 1 and person is not None else ""
        whom = self.found.setdefault(why, [])
        if (name := row.model + whose) not in whom:
            whom.append(name)

    def text(self) -> str:
        return "; ".join(f"{', '.join(of)} not normalised: {why}" for why, of in self.found.items())


def normalise_parts(
    parts: Sequence[Unfused | None],
    files: Sequence[str],
    how: Normalising,
    references: Mapping[str, Reference],
    numbers: Numbers | None = None,
    baseline: tuple[str, Unfused | None] | None = None,
) -> tuple[list[Unfused | None], list[str]]:
    """The clips of a run, normalised.

    Parameters
    ----------
    parts : the clips; None: one without rows. files : of each.
    references : other people, by specialist. One without is matched to the others of the run.
    numbers : of the persons in the whole run; None: not known.
    baseline : the file of ``how.file`` as rows name it, and its rows.

    Returns
    -------
    The clips; and for each a sentence about what was not normalised, or "".
    """
    owners = [
        _Owners(file, part.plan.people if part else (), how.person_of(file), numbers)
        for file, part in zip(files, parts, strict=True)
    ]
    notes = [_Notes() for _ in parts]
    targets = [_targets(part, own) for part, own in zip(parts, owners, strict=True)]
    if how.file is None and how.stretch is None:
        made = _by_mean(parts, owners, targets, notes, references)
    else:
        made = _by_baseline(parts, owners, targets, notes, references, how, numbers, baseline)
    out = [None if part is None else part.changed(of) for part, of in zip(parts, made, strict=True)]
    return out, [own.text() for own in notes]


_Targets = dict[int, tuple[_Person, bool]]  # position of a row → whose, and if it is material


def _targets(part: Unfused | None, owners: _Owners) -> _Targets:
    """The rows of a clip of which it is known whose they are."""
    made: _Targets = {}
    if part is None:
        return made
    for number, own in enumerate([*part.plan.spans, part.plan.whole]):
        mates = [part.rows[i] for i in own]
        for i in own:
            known, person = owners.of(part.rows[i], mates)
            if part.rows[i].found and known and not (i in made and made[i][1]):
                # several people's faces in one row of the clip are nobody's
                alone = part.rows[i].track is not None or part.rows[i].face_found is None
                if alone or owners.named is not None or len(owners.people) < 2:
                    made[i] = person, number < len(part.plan.spans)
    return made


def _changed(row: Row, p: Floats) -> Row:
    return replace(row, probabilities=tuple(map(float, p)), normalised=True)


def _by_mean(
    parts: Sequence[Unfused | None],
    owners: Sequence[_Owners],
    targets: Sequence[_Targets],
    notes: Sequence[_Notes],
    references: Mapping[str, Reference],
) -> list[dict[int, Row]]:
    """By what a person's own windows average to."""
    made: list[dict[int, Row]] = [{} for _ in parts]
    rows: dict[str, list[tuple[int, int, _Person, bool]]] = {}
    for k, part in enumerate(parts):
        for i, (person, material) in targets[k].items():
            assert part is not None
            rows.setdefault(part.rows[i].model, []).append((k, i, person, material))

    def row_at(k: int, i: int) -> Row:
        part = parts[k]
        assert part is not None
        return part.rows[i]

    for model, entries in rows.items():
        keys: dict[Hashable, int] = {}
        place = np.array(
            [keys.setdefault(owners[k].key(who), len(keys)) for k, _, who, _ in entries], np.intp
        )
        p = np.array([row_at(k, i).probabilities for k, i, _, _ in entries], np.float64)
        is_material = np.array([material for *_, material in entries])
        count = np.bincount(place[is_material], minlength=len(keys))
        enough = count >= LEAST
        reference = references.get(model)
        compared = enough if reference is not None or enough.sum() > 1 else np.zeros_like(enough)
        after = p.copy()
        if compared.any():
            order = np.cumsum(compared) - 1
            used, normal = is_material & compared[place], compared[place]
            own: Moments = moments_of(log_scores(p[used]), order[place[used]], int(compared.sum()))
            others = others_of(own) if reference is None else reference
            scaled = scale_groups(log_scores(p[normal]), order[place[normal]], own, others)
            after[normal] = probabilities_of(scaled, p[normal])
        for (k, i, who, _), row_p, j in zip(entries, after, place, strict=True):
            row = row_at(k, i)
            if compared[j]:
                made[k][i] = _changed(row, row_p)
            elif not enough[j]:
                why = (
                    "one window of the person is too little; give more of the person, and a table "
                    "of groups if it is in several files"
                )
                notes[k].add(why, row, who, owners[k])
            else:
                why = (
                    "no other person to compare with, in this run or in the bundle; add clips of "
                    "others, or name a baseline"
                )
                notes[k].add(why, row, who, owners[k])
    return made


def _by_baseline(
    parts: Sequence[Unfused | None],
    owners: Sequence[_Owners],
    targets: Sequence[_Targets],
    notes: Sequence[_Notes],
    references: Mapping[str, Reference],
    how: Normalising,
    numbers: Numbers | None,
    baseline: tuple[str, Unfused | None] | None,
) -> list[dict[int, Row]]:
    """By a stretch or a file in which the person is neutral."""
    material: dict[_Key, list[tuple[float, ...]]] = {}
    anybody = False  # a file of nobody who is named is of the main person of every clip
    if baseline is not None:
        file, calm = baseline
        own = _Owners(file, calm.plan.people if calm else (), how.person_of(file), numbers)
        anybody = own.key(own.main)[0] == "file"  # type: ignore[index]
        for i, (person, is_material) in _targets(calm, own).items():
            assert calm is not None
            if is_material and person == own.main:
                key = "anybody" if anybody else own.key(person)
                material.setdefault((key, calm.rows[i].model), []).append(
                    calm.rows[i].probabilities
                )
    else:
        for part, own in zip(parts, owners, strict=True):
            mates = [] if part is None else [part.rows[i] for i in part.plan.baseline]
            for row in mates:
                known, person = own.of(row, mates)
                if known and row.found:
                    key = own.key(person)
                    material.setdefault((key, row.model), []).append(row.probabilities)
    rests = _rests(material, references)
    made: list[dict[int, Row]] = [{} for _ in parts]
    for k, part in enumerate(parts):
        for i, (person, _) in targets[k].items():
            assert part is not None
            row = part.rows[i]
            key = "anybody" if anybody and person == owners[k].main else owners[k].key(person)
            calm_p = material.get((key, row.model))
            if calm_p is None:
                what = "face" if row.face_found is not None else "voice"
                why = f"the baseline {how.named} holds no {what} of the person; name one that does"
                notes[k].add(why, row, person, owners[k])
                continue
            p = np.array([row.probabilities])
            rest, strength = rests[key, row.model]
            shifted = shift_by_baseline(log_scores(p), log_scores(calm_p), rest, strength)
            made[k][i] = _changed(row, probabilities_of(shifted, p)[0])
    return made


def _rests(
    material: Mapping[_Key, Sequence[tuple[float, ...]]], references: Mapping[str, Reference]
) -> dict[_Key, tuple[Floats, float]]:
    """How other people score at rest, and how much of the difference is taken out.

    They are those of the bundle; else the others of the run; else nobody knows.
    """
    calm = {key: log_scores(p).mean(axis=0) for key, p in material.items()}
    total: dict[str, tuple[Floats, int]] = {}
    for (_, model), mean in calm.items():
        before, n = total.get(model, (np.zeros(len(EMOTIONS)), 0))
        total[model] = before + mean, n + 1
    unsure = np.full(len(EMOTIONS), (1 - AT_REST) / (len(EMOTIONS) - 1))
    unsure[EMOTIONS.index("neutral")] = AT_REST
    made: dict[_Key, tuple[Floats, float]] = {}
    for key, mean in calm.items():
        reference, (every, n) = references.get(key[1]), total[key[1]]
        if reference is not None and reference.rest is not None:
            made[key] = reference.rest, STRENGTH
        elif n > 1:
            made[key] = np.asarray((every - mean) / (n - 1)), STRENGTH
        else:
            made[key] = np.asarray(np.log(unsure)), UNSURE
    return made


def with_note(result: Result, note: str) -> Result:
    """A result of one file whose status has a further note."""
    if not note:
        return result
    return replace(
        result,
        files=tuple(
            replace(own, message="; ".join(filter(None, (own.message, note))))
            for own in result.files
        ),
    )
