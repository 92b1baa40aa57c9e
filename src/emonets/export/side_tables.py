"""Tables that a user adds to a run: events, start times, and the files of a session."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emonets.errors import ParameterError

SKIP = "skip"
"""Events of that name leave their stretch out of summaries."""
_COLUMNS = {
    "name": "name event event_name label title trial trial_type stimulus condition code "
    "annotation behavior marker",
    "start": "start onset begin from start_time start_s start_seconds begin_time "
    "begin_time_ss_msec begin_s start_sec t0 tmin",
    "end": "end stop until to end_time end_s end_seconds stop_time end_time_ss_msec end_sec "
    "finish t1 tmax",
    "duration": "duration length duration_s duration_seconds dur",
    "file": "file filename file_name path clip video media film",
    "skip": "skip exclude left_out",
    "clock": "clock clock_time start_clock time_of_day datetime start_datetime wall_clock",
    "offset": "offset offset_s offset_seconds delay shift session_time",
}
_MEANT = {alias: name for name, text in _COLUMNS.items() for alias in text.split()}
_TRUE = ("1", "true", "yes", "y", "x", "skip")
_FALSE = ("", "0", "false", "no", "n", "nan", "na")


@dataclass(frozen=True)
class Event:
    """A named stretch of time.

    Attributes
    ----------
    name : of the event. start, end : seconds.
    file : which clip it is in, as the table names it; "": all of them.
    skip : whether the stretch is left out of summaries.
    """

    name: str
    start: float
    end: float
    file: str = ""
    skip: bool = False


class Files:
    """The clips of a run, found by the names that a user's table has for them."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = list(dict.fromkeys(files))

    def find(self, name: str, where: str) -> str:
        """The clip that a table means: by its path, its file name, or that without the ending.

        Parameters
        ----------
        where : of the name, for a message: the table and the line.

        Raises
        ------
        ParameterError : there is none, or more than one.
        """
        plain = name.replace("\\", "/")
        for of in (lambda f: f, lambda f: Path(f).name, lambda f: Path(f).stem):
            for wanted in (plain, Path(plain).name):
                found = [file for file in self.files if of(file.replace("\\", "/")) == wanted]
                if len(found) == 1:
                    return found[0]
                if found:
                    raise ParameterError(
                        f"{where}: {name!r} fits {len(found)} files ({', '.join(found[:3])}); "
                        "write the whole path"
                    )
        near = difflib.get_close_matches(name, [Path(f).name for f in self.files], 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {self._some()}"
        raise ParameterError(f"{where}: file {name!r} is not among the clips{hint}")

    def _some(self) -> str:
        names = [Path(f).name for f in self.files]
        return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def read_events(path: Path) -> list[Event]:
    """Events of a table with the columns name, start, end (or duration), and perhaps file, skip.

    Common other names of the columns are read too, such as onset. Times are seconds, or
    ``hh:mm:ss.f``.

    Raises
    ------
    ParameterError : the table cannot be read, lacks a column, or has a line that is no event.
    """
    columns, lines = _read(path)
    _require(path, columns, ("name", "start"))
    if "end" not in columns and "duration" not in columns:
        raise ParameterError(
            f"{path}: has no column end (or duration); there are {', '.join(columns)}"
        )
    out = []
    for number, cells in lines:
        where = f"{path}, line {number}"
        start = seconds_of(cells["start"], where, "start")
        if cells.get("end"):
            end = seconds_of(cells["end"], where, "end")
        else:
            end = start + seconds_of(cells.get("duration", ""), where, "end or duration")
        if start < 0:
            raise ParameterError(f"{where}: start {start:g} is before the beginning of the clip")
        if end <= start:
            raise ParameterError(
                f"{where}: the event ends at {end:g} s and starts at {start:g} s; end must be "
                "after start"
            )
        name = cells["name"].strip()
        skip = _flag(cells.get("skip", ""), where) or name.lower() == SKIP
        out.append(Event(name, start, end, cells.get("file", ""), skip))
    return out


def read_clock(text: str) -> datetime | dict[str, datetime]:
    """A start time, or the start times of a table with the columns file and clock.

    Raises
    ------
    ParameterError : neither of these, a time with a time zone, or a file twice.
    """
    if not Path(text).is_file():
        return _clock_of(text, "--clock")
    path = Path(text)
    columns, lines = _read(path)
    _require(path, columns, ("file", "clock"))
    out: dict[str, datetime] = {}
    for number, cells in lines:
        where = f"{path}, line {number}"
        _once(out, cells["file"], where)
        out[cells["file"]] = _clock_of(cells["clock"], where)
    return out


def read_session(path: Path) -> dict[str, float]:
    """Seconds from the session's start to that of each file: columns file and offset.

    Raises
    ------
    ParameterError : the table cannot be read, or a file is there twice.
    """
    columns, lines = _read(path)
    _require(path, columns, ("file", "offset"))
    out: dict[str, float] = {}
    for number, cells in lines:
        where = f"{path}, line {number}"
        _once(out, cells["file"], where)
        out[cells["file"]] = seconds_of(cells["offset"], where, "offset")
    return out


def seconds_of(text: str, where: str, what: str) -> float:
    """Seconds of a cell: ``12.5``, ``12,5``, ``1:02.5`` or ``0:01:02.5``.

    Raises
    ------
    ParameterError : none of these.

    Examples
    --------
    >>> seconds_of("1:02,5", "events.csv, line 2", "start")
    62.5
    """
    plain = text.strip().lower().replace(",", ".")
    plain = re.sub(r"(?<=[\d. ])\s*(s|sec|seconds)$", "", plain)
    parts = re.fullmatch(r"(-?)(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)", plain)
    if parts is None:
        hint = " (milliseconds are not read)" if "ms" in plain else ""
        raise ParameterError(
            f"{where}: {what} is {text!r}{hint}; give seconds, such as 62.5, or hh:mm:ss"
        )
    sign, hours, minutes, rest = parts.groups()
    value = 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(rest)
    return -value if sign else value


def _clock_of(text: str, where: str) -> datetime:
    try:
        made = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ParameterError(
            f"{where}: {text!r} is neither a time such as 2026-11-28T10:00:00 nor a table of "
            "file,clock"
        ) from None
    if made.tzinfo is not None:
        raise ParameterError(
            f"{where}: {text!r} has a time zone; give the local time without one, such as "
            "2026-11-28T10:00:00"
        )
    return made


def _flag(text: str, where: str) -> bool:
    plain = text.strip().lower()
    if plain not in (*_TRUE, *_FALSE):
        raise ParameterError(f"{where}: skip is {text!r}; give yes or no")
    return plain in _TRUE


def _once(found: Mapping[str, object], file: str, where: str) -> None:
    if not file:
        raise ParameterError(f"{where}: names no file")
    if file in found:
        raise ParameterError(f"{where}: file {file!r} is there twice; keep one line")


def _require(path: Path, columns: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        if name in columns:
            continue
        if any(column.endswith("_ms") for column in columns):
            raise ParameterError(
                f"{path}: has no column {name} in seconds; milliseconds are not read, so divide "
                "them by 1000"
            )
        here = ", ".join(repr(column) for column in columns) or "nothing"
        raise ParameterError(
            f"{path}: has no column {name}; expected {', '.join(names)}, found {here}"
        )


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Columns by their usual names, and number and cells of each line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read ({error.strerror or error})") from None
    if raw[:4] == b"PK\x03\x04":
        raise ParameterError(f"{path}: is a workbook, not text; save it as 'CSV UTF-8'")
    text = _decoded(raw)
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]
    if len(lines) < 2:
        raise ParameterError(f"{path}: has no lines; expected a line of column names and others")
    separator = max(";\t|,", key=lines[0].count)
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator))
    columns = []
    for cell in rows[0]:
        plain = re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")
        columns.append(_MEANT.get(plain, plain))
    twice = next((name for name in columns if columns.count(name) > 1 and name), "")
    if twice:
        raise ParameterError(f"{path}: has more than one column for {twice!r}; keep one")
    out = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) > len(columns):
            raise ParameterError(
                f"{path}, line {number}: has {len(row)} cells, the first line {len(columns)}; put "
                "quotes around text with a comma"
            )
        cells = [cell.strip() for cell in row] + [""] * (len(columns) - len(row))
        out.append((number, dict(zip(columns, cells, strict=True))))
    return columns, out


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
