"""A table of labels, as spreadsheets, R and pandas write it: its encoding, columns and cells."""

from __future__ import annotations

import csv
import difflib
import io
import itertools
import math
import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonets.errors import DataError, MissingExtraError

COLUMNS = ("path", "label", "group")
"""Columns that must be there."""

OPTIONAL = ("split", "start", "end")
"""Columns that may be there. Others are ignored."""

PARQUET = (".parquet", ".pq")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
"""Endings of spreadsheets that are no text: an error states how to save them."""

EMPTY = frozenset(("nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none"))
"""Cells by which programs mark that there is no value, in lower case."""

_ALIASES = {
    "path": "file filename file_name filepath file_path fname clip clip_name clip_path video "
    "video_name video_path audio audio_path wav image image_path img media name recording uri url "
    "sample stimulus datei pfad fichier chemin archivo ruta",
    "label": "emotion emotions class class_name category target y truth sentiment expression "
    "affect mood annotation rating emotion_label gefühl",
    "group": "subject subject_id speaker speaker_id actor actor_id person person_id participant "
    "participant_id pid id user user_id identity who",
    "split": "set part partition subset usage",
    "start": "begin begin_time onset start_time starttime start_s start_sec start_ms start_frame "
    "start_seconds from_time t0 tmin",
    "end": "stop stop_time end_time endtime end_s end_sec end_ms end_frame end_seconds finish "
    "to_time t1 tmax",
}
_OTHERS = {alias: name for name, text in _ALIASES.items() for alias in text.split()}
_KNOWN = frozenset((*COLUMNS, *OPTIONAL, *_OTHERS))

_INVISIBLE = string.whitespace + "\u00a0\u200b\u200c\u200d\u200e\u200f\u2028\u2060\ufeff"
_HEAD = 65_536  # bytes in which the first line lies
_TITLE = 12  # lines, of which one names the columns
_SHOWN = 12  # as many columns are named in a message
_MAGIC = {
    b"PK\x03\x04": "is a workbook (Excel, LibreOffice), not text; save it as 'CSV UTF-8'",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook, not text; save it as 'CSV UTF-8'",
    b"PAR1": "is a Parquet file; name it with the ending .parquet",
    b"\x1f\x8b": "is compressed; unpack it",
}
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"),
    (b"\xff\xfe\x00\x00", "utf-32", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32", "UTF-32"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
LATIN = "Windows-1252 (Latin-1)"
"""The encoding that is used where a table is neither UTF-8 nor UTF-16. It fits any bytes."""


@dataclass(frozen=True)
class RawTable:
    """The cells of a table.

    Attributes
    ----------
    columns : names of the columns, in lower case.
    rows : number of the line in the file, and the cells; as many as columns.
    encoding : of the text, in words; "" of Parquet.
    delimiter : the character between cells; "" of Parquet.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str = ""
    delimiter: str = ""


def read_raw(path: Path) -> RawTable:
    """Read all cells of a table of labels.

    Text is UTF-8, UTF-16 or UTF-32, with or without a byte order mark, or else Windows-1252. Cells
    are divided by commas, semicolons, tabs, ``|`` or blanks. A first line ``sep=;`` is skipped. A
    first column without a name is kept, as pandas and R write one for the index.

    Raises
    ------
    DataError : no such file; no text, or no Parquet; columns missing, misnamed or twice; lines that
        do not have as many cells as there are columns; no line.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    table = _parquet(path) if path.suffix.lower() in PARQUET else _text_table(path)
    twice = [name for name in table.columns if name and table.columns.count(name) > 1]
    if twice:
        raise DataError(f"{path}: has more than one column {twice[0]!r}; keep one")
    if not table.rows:
        raise DataError(f"{path}: names no file, only its columns")
    return table


def columns_of(path: Path) -> tuple[str, ...]:
    """Names of the columns, read from the beginning of a file; none where it is no table."""
    try:
        if path.suffix.lower() in PARQUET:
            return tuple(_name(name) for name in _opened(path).schema_arrow.names)
        with path.open("rb") as file:
            raw = file.read(_HEAD)
        text, _ = _decoded(path, raw, cut=True)
    except (OSError, DataError, MissingExtraError):
        return ()
    lines = text.splitlines()
    first = _first(lines)
    return () if first is None else _header(lines[first])[1]


def is_label_table(columns: Sequence[str]) -> bool:
    """Whether all columns that must be there are."""
    return set(COLUMNS) <= set(columns)


def is_nearly_label_table(columns: Sequence[str]) -> bool:
    """Whether at least two columns have names such as tables of labels have."""
    return len({_OTHERS.get(name, name) for name in columns if name in _KNOWN}) > 1


def no_value(cell: str) -> bool:
    """Whether a cell is empty or holds a mark of a missing value, such as NaN."""
    return not cell or cell.lower() in EMPTY


def unread_parts(columns: Sequence[str]) -> str:
    """A column that probably names the parts, and is not read; "" for none."""
    if "split" in columns:
        return ""
    return next((c for c in columns if _OTHERS.get(c) == "split"), "")


def check_columns(path: Path, columns: Sequence[str]) -> None:
    """Require the columns of a table of labels.

    Raises
    ------
    DataError : one is missing or misnamed. The message names the expected columns, those found, and
        for each missing one the column that is probably meant.
    """
    here = ", ".join(repr(name) for name in columns[:_SHOWN] if name) or "an empty line"
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        found: dict[str, str] = {}
        for name in missing:
            found[name] = _meant(name, [c for c in columns if c not in found.values()])
        renamed = [f"{column!r} to {name!r}" for name, column in found.items() if column]
        added = [name for name, column in found.items() if not column]
        advice = []
        if renamed:
            advice.append(f"rename {', '.join(renamed)}")
        if added and len(added) < len(COLUMNS):
            empty = " (its cells may be empty)" if added == ["group"] else ""
            advice.append(f"add {' and '.join(added)}{empty}")
        if not advice:
            advice = ["name the columns in the first line"]
        also = f" (and {' and '.join(missing[1:])})" if len(missing) > 1 else ""
        raise DataError(
            f"{path}: column {missing[0]} is missing{also}; expected {', '.join(COLUMNS)} (and, if "
            f"you have them, {', '.join(OPTIONAL)}), found {here}; {'; '.join(advice)}"
        )
    for name in ("start", "end"):
        wrong = next((c for c in columns if _OTHERS.get(c) == name), "")
        if wrong and name not in columns:
            raise DataError(
                f"{path}: column {wrong!r} is not read; the {name} of a piece is expected in "
                f"column {name!r}, in seconds; rename {wrong!r} to {name!r}, or remove it"
            )


def _meant(name: str, columns: Sequence[str]) -> str:
    """The column that is probably meant by a missing one, or ""."""
    aliases = _ALIASES[name].split()
    for alias in aliases:
        if alias in columns:
            return alias
    # what holds a point or a slash is a file, in a table without names of columns
    free = [c for c in columns if c not in _KNOWN and re.fullmatch(r"[^./\\]+", c)]
    near = difflib.get_close_matches(name, free, 1, cutoff=0.7)
    joined = [c for c in free if {name, *aliases} & set(re.split(r"[^a-z]+", c))]
    return (near or joined or [""])[0]


# text


def _text_table(path: Path) -> RawTable:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    text, encoding = _decoded(path, raw)
    lines = list(io.StringIO(text, newline=""))
    first = _first(lines)
    if first is None:
        check_columns(path, ())
        raise AssertionError
    delimiter, columns = _header(lines[first])
    try:
        check_columns(path, columns)
    except DataError as error:
        raise DataError(f"{error} (the text is {encoding})") from None
    rows = list(_rows(path, lines[first + 1 :], delimiter, first + 1))
    if _numbered([cells for _, cells in rows], len(columns), lines[-1]):
        columns = ("", *columns)  # R writes the numbers of rows without a name for their column
    made = []
    for number, every in rows:
        # spreadsheets add delimiters
        cells = every if any(every[len(columns) :]) else every[: len(columns)]
        if len(cells) != len(columns):
            hint = f"put cells that hold {delimiter!r} in quotes"
            if delimiter == "," and len(cells) > len(columns):
                hint += ", such as paths and numbers with a decimal comma"
            raise DataError(
                f"{path}: line {number} has {len(cells)} cells, but there are {len(columns)} "
                f"columns; {hint}"
            )
        made.append((number, cells))
    return RawTable(columns, tuple(made), encoding, delimiter)


def _numbered(rows: Sequence[Sequence[str]], width: int, last: str) -> bool:
    """Whether each row has a number before the cells of its columns, as R writes it."""
    if not rows or any(len(cells) != width + 1 or not cells[0].isdigit() for cells in rows):
        return False
    numbers = [int(cells[0]) for cells in rows]
    rising = all(a < b for a, b in itertools.pairwise(numbers))
    return rising and (len(rows) > 1 or last.startswith('"'))


def _decoded(path: Path, raw: bytes, *, cut: bool = False) -> tuple[str, str]:
    """Text and the name of its encoding; ``cut``: the bytes are the beginning of a file."""
    for magic, what in _MAGIC.items():
        if raw.startswith(magic):
            raise DataError(f"{path}: {what}")
    codec, name = next(((c, n) for bom, c, n in _BOMS if raw.startswith(bom)), ("", ""))
    if not codec:
        codec, name = _without_mark(raw)
    try:
        text = raw.decode(codec, "ignore" if cut else "strict")
    except UnicodeDecodeError as error:
        if codec != "utf-8":
            raise DataError(
                f"{path}: begins as {name} text, but is damaged ({error.reason}); save it as UTF-8"
            ) from None
        try:
            text, name = raw.decode("cp1252"), LATIN
        except UnicodeDecodeError:
            text, name = raw.decode("latin-1"), LATIN
    if "\0" in text:
        raise DataError(f"{path}: is no text (it holds zero bytes); save the table as 'CSV UTF-8'")
    return text, name


def _without_mark(raw: bytes) -> tuple[str, str]:
    """The encoding of text without a byte order mark: names of columns are ASCII."""
    head = raw[:64]
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        others = head[::2] if codec == "utf-16-le" else head[1::2]
        if len(zeros) > 1 and zeros.count(0) > 0.8 * len(zeros) and not others.count(0):
            return codec, "UTF-16"
    return "utf-8", "UTF-8"


def _first(lines: Sequence[str]) -> int | None:
    """The position of the line that names the columns."""
    filled = [
        k for k, line in enumerate(lines[:_TITLE])
        if line.strip(" \t\r\n,;|") and not re.fullmatch(r'"?sep=.?"?', line.strip(), re.I)
    ]  # fmt: skip
    # above the names of the columns there may be a title
    whole = (k for k in filled if is_label_table(_header(lines[k])[1]))
    return next(whole, filled[0] if filled else None)


def _header(line: str) -> tuple[str, tuple[str, ...]]:
    """The character that divides cells, and the names of the columns."""
    best: tuple[tuple[int, int], str, tuple[str, ...]] = ((-1, -1), ",", ())
    for delimiter in ",;\t| ":
        try:
            cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:  # longer than a cell can be
            continue
        names = tuple(_name(cell) for cell in cells)
        fit = (len(_KNOWN & set(names)), len(names) if delimiter != " " else 0)
        if fit > best[0]:
            best = (fit, delimiter, names)
    return best[1], best[2]


def _name(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", _clean(str(cell))).split()).lower()


def _clean(cell: str) -> str:
    """A cell without blanks and invisible characters around it."""
    return cell.strip(_INVISIBLE)


def _rows(
    path: Path, lines: Sequence[str], delimiter: str, before: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Number and cells of each line that is not empty."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield before + reader.line_num, tuple(map(_clean, cells))
    except csv.Error as error:
        raise DataError(
            f"{path}: is no table ({error}, line {before + reader.line_num})"
        ) from error


# Parquet


def _opened(path: Path) -> Any:
    try:
        import pyarrow.parquet as pq
        from pyarrow import ArrowException
    except ImportError:
        raise MissingExtraError("reading Parquet", "parquet") from None
    try:
        return pq.ParquetFile(path)
    except (OSError, ArrowException) as error:
        raise DataError(f"{path}: is no readable Parquet file ({error})") from error


def _parquet(path: Path) -> RawTable:
    file = _opened(path)
    names = [_name(name) for name in file.schema_arrow.names]
    check_columns(path, names)
    used = [k for k, name in enumerate(names) if name in (*COLUMNS, *OPTIONAL)]
    try:
        table = file.read(columns=[file.schema_arrow.names[k] for k in used])
    except (OSError, ValueError) as error:  # the errors of Arrow are ValueErrors, too
        raise DataError(f"{path}: is no readable Parquet file ({error})") from error
    columns = [column.to_pylist() for column in table.columns]
    rows = [tuple(map(_cell, cells)) for cells in zip(*columns, strict=True)]
    return RawTable(tuple(_name(n) for n in table.column_names), tuple(enumerate(rows, start=1)))


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # pandas stores whole numbers as floats where a cell is empty
    return str(value).strip()
