"""A table of clips: a CSV or Parquet file with a line for each, its path, label and group."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo, Dropped, Item, Problem, refuse
from emonets.datasets.layouts import Claim, Place, Reader, Strength, shown
from emonets.datasets.reading import Words, nearest
from emonets.datasets.splits import SPLITS, split_of
from emonets.datasets.table_paths import Paths, is_there
from emonets.datasets.tables import (
    COLUMNS,
    LATIN,
    OPTIONAL,
    PARQUET,
    WORKBOOKS,
    RawTable,
    columns_of,
    is_label_table,
    is_nearly_label_table,
    no_value,
    read_raw,
    unread_parts,
)
from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError

INFO = DatasetInfo(
    name="manifest",
    title="your own clips, sound files or pictures, in a table",
    kinds=("still", "clip", "sound"),
    citation="none: it is yours",
    licence="set by its owner",
    where="it is yours",
    words=WORDS,
    outside=OUTSIDE,
    group="the column group; where its cell is empty, the file itself",
    splits="the column split (train, valid or test), if there is one",
    layout="a CSV or Parquet file (or a folder with manifest.csv or manifest.parquet) with the "
    "columns path, label, group and, optionally, split, start, end (seconds)",
    own=True,
)

MANIFESTS = ("manifest.csv", "manifest.tsv", *(f"manifest{suffix}" for suffix in PARQUET))
"""Names of the manifest in a folder."""


def manifest_in(path: Path) -> Path | None:
    """The manifest that a path is, or that lies in the folder it is; None if there is none."""
    if not path.is_dir():
        return path if is_label_table(columns_of(path)) else None
    return next((path / name for name in MANIFESTS if (path / name).is_file()), None)


def read(path: str | Path, *, labels: Mapping[str, str] | None = None) -> Dataset:
    """Read labelled files and pieces of files from a table, line by line.

    The first line names the columns, in any order and case: path, label, group and, optionally,
    split, start and end. Encodings and delimiters: `emonets.datasets.tables.read_raw`. Paths are
    relative to the table's own folder, or absolute (`emonets.datasets.table_paths.Paths`). Labels
    are the seven emotions or their common synonyms (`emonets.emotions.WORDS`), or the words of
    ``labels``. A group is the person in the file; where its cell is empty, the file is a group of
    its own. A split is train, valid or test, or a synonym. Start and end are seconds in the file,
    with a point or a comma; an empty cell is the file's beginning or end. NaN, NA, None and the
    like are empty cells. A label of NaN is an error.

    Parameters
    ----------
    path : the table, or a folder with one of `MANIFESTS`.
    labels : words of your own → one of the seven emotions, or ``drop`` (`Words`).

    Returns
    -------
    A dataset named after the table: the items of valid lines, in the order of the table, and in
    ``found`` the problems of the others. Lines without a label, or with one that is known to be
    none of the seven (contempt, boredom …), are dropped.

    Raises
    ------
    DataError : no such file; not a table of that kind; no valid line.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    root = Path(path)
    file = manifest_in(root) or root
    if file.is_dir():
        raise DataError(
            f"{root}: expected {INFO.layout}; found no {MANIFESTS[0]} in it, but {shown(root)}"
        )
    table, words = read_raw(file), Words(labels or {})
    rows = read_rows(table)
    paths = Paths(file.parent, [row.path for row in rows])
    items: list[Item] = []
    dropped: list[Dropped] = []
    problems: list[Problem] = []
    seen: dict[tuple[Path, float | None, float | None], Row] = {}
    for row in rows:
        target = paths.file(row.path)
        outside = words.outside(row.label)
        if not row.label or outside:
            why = f"{outside or 'has no label'} (line {row.number})"
            word = row.label.strip().lower()
            dropped.append(Dropped(target, why, "outside" if outside else "unlabelled", word))
            continue
        found = _item(row, target, words, paths)
        if isinstance(found, Item):
            before = seen.setdefault((target.resolve(), found.start, found.end), row)
            if before is not row:
                found = (
                    "duplicate",
                    f"{row.path} is named in line {before.number} already"
                    + (f", as {before.label!r}" if before.label != row.label else ""),
                )
        if isinstance(found, Item):
            items.append(found)
        else:
            problems.append(Problem("error", found[0], str(file), found[1], row.number))
    if table.encoding == LATIN and any(one.kind in ("missing", "label") for one in problems):
        what = f"was read as {LATIN}, for it is not UTF-8; if names look wrong, save it as UTF-8"
        problems.insert(0, Problem("error", "missing", str(file), what))
    if not items:
        refuse(problems)
    return Dataset(
        words.added_to(INFO), file.stem, root, tuple(items), tuple(dropped),
        (*problems, *_noted(file, table, rows, paths)),
        grouped=all(row.group for row in rows if row.label),
    )  # fmt: skip


def _noted(file: Path, table: RawTable, rows: tuple[Row, ...], paths: Paths) -> list[Problem]:
    """Warnings and notes: what was read in another way than it is written."""
    notes = []
    marked = [row for row in rows if "group" in row.marks]
    if marked:
        what = (
            f"{len(marked)} cell{'' if len(marked) == 1 else 's'} of group: NaN, NA, None or the "
            f"like, first in line {marked[0].number}; each such line is a group of its own"
        )
        notes.append(Problem("warning", "group", str(file), what, marked[0].number))
    parts = unread_parts(table.columns)
    if parts:
        what = f"column {parts!r} is not read; if it names the parts, rename it to 'split'"
        notes.append(Problem("warning", "split", str(file), what))
    if paths.dropped:
        what = (
            f"paths begin with {paths.dropped}, which is not there; they were found in the "
            f"table's folder"
        )
        notes.append(Problem("warning", "missing", str(file), what))
    if table.encoding and not table.encoding.startswith("UTF-8"):
        notes.append(Problem("note", "encoding", str(file), f"was read as {table.encoding}"))
    return notes


def _item(row: Row, file: Path, words: Words, paths: Paths) -> Item | tuple[str, str]:
    """The item of a line, or the kind and the message of its problem."""
    label = words.index(row.label)
    if label is None:
        return "label", _why_unknown(row.label)
    if not (row.path and is_there(file)):
        return "missing", paths.why_missing(row.path)
    split = split_of(row.split)
    if split is None:
        words_ = ", ".join(SPLITS[:-1])
        return "split", f"split {row.split!r} must be {words_} or {SPLITS[-1]}, or be left empty"
    try:
        start, end = (_seconds(cell) for cell in (row.start, row.end))
    except ValueError as error:
        return "span", f"start and end must be seconds, 0 or more, got {error}"
    if end is not None and end <= (start or 0.0):
        return "span", f"end {row.end} must lie after start {row.start or 0}"
    item = Item.of(file, label, row.group or row.path, row.label.strip().lower(), split)
    return replace(item, start=start, end=end, line=row.number)


def _why_unknown(label: str) -> str:
    if no_value(label):
        return (
            f"label is {label!r}, which is no value; name an emotion, or remove the line "
            f"(--map {label}=drop)"
        )
    near = nearest(label)
    given = shlex.quote(f"{label}={near or 'EMOTION'}")
    meant = f" (did you mean {near!r}?)" if near else ""
    return (
        f"label {label!r} is none of {', '.join(EMOTIONS)}{meant}; correct it, or map it "
        f"(--map {given})"
    )


_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:[.,]\d+)?)")
_UNIT = re.compile(r"(\d+(?:[.,]\d+)?)\s*(ms|msec|millisec(?:ond)?s?|s|sec(?:ond)?s?)", re.I)


def _seconds(cell: str) -> float | None:
    """Seconds of a cell; ValueError with the cell and, where it has another form, the number."""
    if not cell:
        return None
    plain = cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell
    try:
        value = float(plain)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    clock, unit = _CLOCK.fullmatch(cell), _UNIT.fullmatch(cell)
    if clock:
        hours, minutes, rest = clock.groups()
        total = 3600 * int(hours or 0) + 60 * int(minutes) + float(rest.replace(",", "."))
        form = "hours, minutes and seconds" if hours else "minutes and seconds"
        raise ValueError(f"{cell!r}, which looks like {form}; write {total:g}")
    if unit:
        number, name = unit.groups()
        total = float(number.replace(",", ".")) / (1000 if name.lower().startswith("m") else 1)
        raise ValueError(f"{cell!r}, with a unit; write {total:g}")
    raise ValueError(repr(cell))


# the table


@dataclass(frozen=True)
class Row:
    """A line of the table: its number in the file, and its cells."""

    number: int
    path: str
    label: str
    group: str
    split: str = ""
    start: str = ""
    end: str = ""
    marks: tuple[str, ...] = ()
    """Names of the columns whose cells were marks of a missing value, such as NaN."""


def read_rows(table: RawTable) -> tuple[Row, ...]:
    """The lines of a table, without its other columns."""
    used = [(k, name) for k, name in enumerate(table.columns) if name in (*COLUMNS, *OPTIONAL)]
    rows = []
    for number, cells in table.rows:
        cell = {name: cells[k] for k, name in used}
        marks = tuple(name for name, text in cell.items() if text and no_value(text))
        # a label keeps its mark, for the message
        kept = {name: "" if name in marks and name != "label" else x for name, x in cell.items()}
        rows.append(Row(number=number, marks=marks, **kept))
    return tuple(rows)


def _claims(place: Place) -> Claim | None:
    file = manifest_in(place.path)
    if file is not None:
        return Claim(Strength.TABLE, file.name)
    if not place.path.is_file():
        return None
    # no other reader's table: the error of `read` names what it lacks
    tables = (".csv", ".tsv", ".tab", *PARQUET, *WORKBOOKS)
    if place.path.suffix.lower() in tables or is_nearly_label_table(columns_of(place.path)):
        return Claim(Strength.FOLDERS, place.path.name)
    return None


READER = Reader(INFO, read, _claims, ("labels",))
