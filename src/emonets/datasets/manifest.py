"""A table of recordings: a CSV file with a line for each, its path, label and speaker."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emonets.datasets.recordings import Recording, Recordings, nearest
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError

COLUMNS = ("path", "label", "group")
"""Columns that must be there; a column split may be. Others are not looked at."""

_NOT_YET = ("start", "end")
_SHOWN = 5  # as many of a kind are named in a message


@dataclass(frozen=True)
class _Row:
    """A line of the table: its number in the file, and its cells."""

    number: int
    path: str
    label: str
    group: str
    split: str


def read_manifest(path: str | Path) -> Recordings:
    """Read labelled recordings from a table.

    Its first line names the columns, in any order and case: path, label, group and, if it likes,
    split. Cells are divided by commas, semicolons or tabs; the text is UTF-8. Paths are relative
    to the table's own folder, or absolute. Labels are the seven emotions or their common synonyms
    (`emotion_index`). A group is who speaks; where its cell is empty, nobody knows, and the
    recording is a group of its own. A split is a word such as train or test.

    Returns
    -------
    Recordings in the order of the table, named after it. Lines without a label, and lines that
    name a file a second time, are listed in ``dropped``.

    Raises
    ------
    DataError : no such file; not a table of that kind; labels that are none, with their lines and
        the emotion that is nearest; files that are not there, all together; a file under two
        labels; columns start and end, for pieces of recordings are not read.
    """
    path = Path(path)
    rows = _rows(path)
    unknown = [row for row in rows if row.label and _index(row.label) is None]
    if unknown:
        raise DataError(
            f"{path}: labels that are none of {', '.join(EMOTIONS)}: "
            + _some([_label_problem(row) for row in unknown])
        )
    files = [_resolve(path.parent, row.path) for row in rows]
    missing = [
        f"{row.path or '(no path)'} (line {row.number})"
        for row, file in zip(rows, files, strict=True)
        if not (row.path and _there(file))
    ]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of {len(rows)} files are not there: {_some(missing)}; paths "
            "are relative to the table's folder"
        )
    items: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    first: dict[Path, tuple[_Row, int]] = {}
    for row, file in zip(rows, files, strict=True):
        label = _index(row.label)
        if label is None:
            dropped.append((str(file), f"has no label (line {row.number})"))
            continue
        before, its_label = first.setdefault(file.resolve(), (row, label))
        if its_label != label:
            raise DataError(
                f"{path}: {row.path} is {before.label!r} in line {before.number} and "
                f"{row.label!r} in line {row.number}; keep one of them"
            )
        if before is not row:
            dropped.append((str(file), f"is named twice (lines {before.number}, {row.number})"))
            continue
        fine = row.label.lower()
        items.append(Recording(file, label, row.group or row.path, row.split or None, fine))
    return Recordings(
        name=path.stem,
        items=tuple(items),
        dropped=tuple(dropped),
        grouped=all(row.group for row in rows if row.label),
    )


def looks_like_manifest(path: Path) -> bool:
    """Whether the first line of a file names the columns of a table of recordings."""
    try:
        return _header(_lines(path)[0]) is not None
    except (DataError, IndexError):
        return False


def _lines(path: Path) -> list[str]:
    try:
        # with its byte order mark, as spreadsheets write it
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(file)
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


def _rows(path: Path) -> list[_Row]:
    lines = _lines(path)
    header = _header(lines[0]) if lines else None
    if header is None:
        found = lines[0].strip()[:80] if lines else ""
        raise DataError(
            f"{path}: expected a first line with the columns {', '.join(COLUMNS)} (and split, if "
            f"there is one); found {found!r}. Leave cells of group empty where nobody knows"
        )
    delimiter, names = header
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise DataError(f"{path}: has more than one column {twice[0]!r}; keep one")
    pieces = [name for name in _NOT_YET if name in names]
    if pieces:
        raise DataError(
            f"{path}: has columns {', '.join(pieces)}, but pieces of recordings are not read; cut "
            "them out into files of their own, or take the columns away"
        )
    rows: list[_Row] = []
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
            file, label, group = (cell[name] for name in COLUMNS)
            rows.append(_Row(reader.line_num, file, label, group, cell.get("split", "")))
    except csv.Error as error:
        raise DataError(f"{path}: is no table ({error})") from error
    if not rows:
        raise DataError(f"{path}: names no recording, only its columns")
    return rows


def _resolve(folder: Path, text: str) -> Path:
    """The file that a cell names; tables come from Windows, too."""
    file = folder / text
    return file if "\\" not in text or _there(file) else folder / text.replace("\\", "/")


def _there(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # longer than a name can be
        return False


def _index(label: str) -> int | None:
    try:
        return emotion_index(label)
    except KeyError:
        return None


def _label_problem(row: _Row) -> str:
    near = nearest(row.label)
    return f"{row.label!r} in line {row.number}" + (f" (is {near!r} meant?)" if near else "")


def _some(parts: Sequence[str]) -> str:
    more = len(parts) - _SHOWN
    return ", ".join(parts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
