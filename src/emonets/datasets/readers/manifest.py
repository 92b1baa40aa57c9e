"""A table of clips: a CSV or Parquet file with a line for each, its path, label and group."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo, Dropped, Item, Problem, refuse
from emonets.datasets.layouts import Claim, Place, Reader, Strength, shown
from emonets.datasets.reading import Words, nearest
from emonets.datasets.splits import SPLITS, split_of
from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError, MissingExtraError

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

COLUMNS = ("path", "label", "group")
"""Columns that must be there; split, start and end may be. Others are ignored."""

PARQUET = (".parquet", ".pq")


MANIFESTS = ("manifest.csv", *(f"manifest{suffix}" for suffix in PARQUET))
"""Names of the manifest in a folder."""


def manifest_in(path: Path) -> Path | None:
    """The manifest that a path is, or that lies in the folder it is; None if there is none."""
    if not path.is_dir():
        return path if looks_like_manifest(path) else None
    return next((path / name for name in MANIFESTS if (path / name).is_file()), None)


def read(path: str | Path, *, labels: Mapping[str, str] | None = None) -> Dataset:
    """Read labelled files and pieces of files from a table, line by line.

    The first line names the columns, in any order and case: path, label, group and, optionally,
    split, start and end. Cells of a CSV file are divided by commas, semicolons or tabs; its text
    is UTF-8. Paths are relative to the table's own folder, or absolute. Labels are the seven
    emotions or their common synonyms (`emonets.emotions.WORDS`), or the words of ``labels``. A
    group is the person in the file; where its cell is empty, the file is a group of its own. A
    split is train, valid or test, or a synonym. Start and end are seconds in the file; an empty
    cell is the file's beginning or end.

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
    rows, words = read_table(file), Words(labels or {})
    items: list[Item] = []
    dropped: list[Dropped] = []
    problems: list[Problem] = []
    seen: dict[tuple[Path, float | None, float | None], Row] = {}
    for row in rows:
        target = _resolve(file.parent, row.path)
        outside = words.outside(row.label)
        if not row.label or outside:
            why = f"{outside or 'has no label'} (line {row.number})"
            word = row.label.strip().lower()
            dropped.append(Dropped(target, why, "outside" if outside else "unlabelled", word))
            continue
        found = _item(row, target, words)
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
    if not items:
        refuse(problems)
    return Dataset(
        words.added_to(INFO), file.stem, root, tuple(items), tuple(dropped), tuple(problems),
        grouped=all(row.group for row in rows if row.label),
    )  # fmt: skip


def _item(row: Row, file: Path, words: Words) -> Item | tuple[str, str]:
    """The item of a line, or the kind and the message of its problem."""
    label = words.index(row.label)
    if label is None:
        return "label", (
            f"label {row.label!r} is none of {', '.join(EMOTIONS)}{_meant(row)}; name an emotion, "
            "or map the label to one (--map)"
        )
    if not (row.path and _there(file)):
        return "missing", (
            f"{row.path or '(no path)'} is not there; paths are relative to the table's folder"
        )
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


def _seconds(cell: str) -> float | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(repr(cell))
    return value


def _resolve(folder: Path, text: str) -> Path:
    """The file that a cell names; tables come from Windows, too."""
    file = folder / text
    return file if "\\" not in text or _there(file) else folder / text.replace("\\", "/")


def _there(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # longer than a name can be
        return False


def _meant(row: Row) -> str:
    near = nearest(row.label)
    return f" (did you mean {near!r}?)" if near else ""


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


def looks_like_manifest(path: Path) -> bool:
    """Whether the first line of a file names the columns of a manifest."""
    try:
        if path.suffix.lower() in PARQUET:
            return set(COLUMNS) <= set(_parquet(path)[0])
        return _header(next(_lines(path), "")) is not None
    except (DataError, MissingExtraError):
        return False


def read_table(path: Path) -> tuple[Row, ...]:
    """Read a manifest.

    Raises
    ------
    DataError : no such file; not text, or not Parquet; columns missing or twice; lines that do
        not have as many cells as there are columns; no line.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    names, rows = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise DataError(f"{path}: has more than one column {twice[0]!r}; keep one")
    if not rows:
        raise DataError(f"{path}: names no file, only its columns")
    return tuple(rows)


def _expected(path: Path, found: str) -> DataError:
    return DataError(
        f"{path}: expected a first line with the columns {', '.join(COLUMNS)} (and split, if "
        f"there is one); found {found!r}. Leave cells of group empty where it is not known"
    )


def _lines(path: Path) -> Iterator[str]:
    try:
        # with its byte order mark, as spreadsheets write it
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _header(line: str) -> tuple[str, list[str]] | None:
    """The character that divides cells, and the names of the columns; None where some lack."""
    for delimiter in ",;\t":
        try:
            names = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:  # longer than a cell can be
            continue
        names = [name.strip().lower() for name in names]
        if set(COLUMNS) <= set(names):
            return delimiter, names
    return None


def _row(number: int, cell: dict[str, str]) -> Row:
    more = (cell.get(name, "") for name in ("split", "start", "end"))
    return Row(number, *(cell[name] for name in COLUMNS), *more)


def _csv(path: Path) -> tuple[list[str], list[Row]]:
    lines = list(_lines(path))
    header = _header(lines[0]) if lines else None
    if header is None:
        raise _expected(path, lines[0].strip()[:80] if lines else "")
    delimiter, names = header
    rows: list[Row] = []
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        next(reader)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise DataError(
                    f"{path}: line {reader.line_num} has {len(cells)} cells, but there are "
                    f"{len(names)} columns; put paths with {delimiter!r} in quotes"
                )
            cell = dict(zip(names, (cell.strip() for cell in cells), strict=True))
            rows.append(_row(reader.line_num, cell))
    except csv.Error as error:
        raise DataError(f"{path}: is no table ({error})") from error
    return names, rows


def _parquet(path: Path) -> tuple[list[str], list[Row]]:
    try:
        import pyarrow.parquet as pq
        from pyarrow import ArrowException
    except ImportError:
        raise MissingExtraError("reading Parquet", "parquet") from None
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, ArrowException) as error:
        raise DataError(f"{path}: is no readable Parquet file ({error})") from error
    names = [name.strip().lower() for name in table.column_names]
    if not set(COLUMNS) <= set(names):
        raise _expected(path, ", ".join(names)[:80])
    used = [k for k, name in enumerate(names) if name in (*COLUMNS, "split", "start", "end")]
    columns = [table.column(k).to_pylist() for k in used]
    kept = [names[k] for k in used]
    rows = [
        _row(number, dict(zip(kept, map(_text, cells), strict=True)))
        for number, cells in enumerate(zip(*columns, strict=True), start=1)
    ]
    return names, rows


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _claims(place: Place) -> Claim | None:
    file = manifest_in(place.path)
    if file is not None:
        return Claim(Strength.TABLE, file.name)
    if place.path.suffix.lower() in (".csv", ".tsv", *PARQUET) and place.path.is_file():
        # no other reader's table: the error of `read` names what it lacks
        return Claim(Strength.FOLDERS, place.path.name)
    return None


READER = Reader(INFO, read, _claims, ("labels",))
