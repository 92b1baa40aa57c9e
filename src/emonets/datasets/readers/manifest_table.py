"""The rows of a manifest, from CSV (whatever divides its cells) or Parquet."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonets.errors import DataError, MissingExtraError

COLUMNS = ("path", "label", "group")
"""Columns that must be there; split, start and end may be. Others are not looked at."""

PARQUET = (".parquet", ".pq")


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


@dataclass(frozen=True)
class Table:
    """The names of the columns, in small letters, and the rows."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]


def looks_like_manifest(path: Path) -> bool:
    """Whether the first line of a file names the columns of a table of recordings."""
    try:
        if path.suffix.lower() in PARQUET:
            return set(COLUMNS) <= set(_parquet(path).names)
        return _header(next(_lines(path), "")) is not None
    except (DataError, MissingExtraError):
        return False


def read_table(path: Path) -> Table:
    """Read a manifest.

    Raises
    ------
    DataError : no such file; not text, or not Parquet; columns missing or twice; lines that do
        not have as many cells as there are columns; no line.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    table = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    twice = [name for name in table.names if name and table.names.count(name) > 1]
    if twice:
        raise DataError(f"{path}: has more than one column {twice[0]!r}; keep one")
    if not table.rows:
        raise DataError(f"{path}: names no recording, only its columns")
    return table


def _expected(path: Path, found: str) -> DataError:
    return DataError(
        f"{path}: expected a first line with the columns {', '.join(COLUMNS)} (and split, if "
        f"there is one); found {found!r}. Leave cells of group empty where nobody knows"
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


def _csv(path: Path) -> Table:
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
    return Table(tuple(names), tuple(rows))


def _parquet(path: Path) -> Table:
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
    wanted = [k for k, name in enumerate(names) if name in (*COLUMNS, "split", "start", "end")]
    columns = [table.column(k).to_pylist() for k in wanted]
    kept = [names[k] for k in wanted]
    rows = [
        _row(number, dict(zip(kept, map(_text, cells), strict=True)))
        for number, cells in enumerate(zip(*columns, strict=True), start=1)
    ]
    return Table(tuple(names), tuple(rows))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()
