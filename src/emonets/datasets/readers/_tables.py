"""What readers of a corpus' own table share: its lines, and the files that they name."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo, Dropped, Item, Problem, refuse
from emonets.datasets.layouts import Claim, Place, Strength, shown
from emonets.datasets.reading import labelled, media_files, summary
from emonets.errors import DataError

_DEEP = ("", "*/", "*/*/")
"""In which folders below the path a table is searched."""


@dataclass(frozen=True)
class Line:
    """A line of a corpus' table.

    Attributes
    ----------
    number : in the file, from 1.
    name : of the file that it labels, as the table has it.
    word : the table's word for the emotion. group : "" where the table names none.
    split : the table's word for the part.
    table : the file, where a corpus has several.
    """

    number: int
    name: str
    word: str
    group: str = ""
    split: str = ""
    table: Path | None = None


def table_in(root: Path, *names: str) -> Path | None:
    """The first file of these names (in lower case) in a folder, or one or two folders below."""
    for table in tables_in(root, *names):
        return table
    return None


def tables_in(root: Path, *names: str) -> Iterator[Path]:
    """All files of these names (in lower case) in a folder, and one or two folders below."""
    for deep in _DEEP:
        suffixes = {Path(name).suffix for name in names}
        found = [file for suffix in sorted(suffixes) for file in root.glob(f"{deep}*{suffix}")]
        yield from (file for file in sorted(found) if file.name.lower() in names)


def require_table(root: Path, info: DatasetInfo, *names: str) -> Path:
    """As `table_in`; DataError where there is none."""
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; expected {info.layout}")
    table = table_in(root, *names)
    if table is None:
        here = _files(root) or shown(root)
        raise DataError(f"{root}: expected {info.layout}; found no {names[0]}, but {here}")
    return table


def _files(root: Path) -> str:
    return ", ".join(file.name for file in sorted(root.rglob("*.*"))[:8] if file.is_file())


def claimed(place: Place, folder: Path, found: str) -> Claim:
    """The claim of a corpus by its table, on all files in the folder that the table is for."""
    start = folder.relative_to(place.path).parts
    n = sum(n for here, n in place.folders.items() if here[: len(start)] == start)
    return Claim(Strength.NAMES, found, max(n, 1))  # without its files the error names the table


def read_table(
    file: Path, columns: Sequence[str], *, delimiter: str = ","
) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and cells of each line of a table whose first line names its columns.

    Parameters
    ----------
    columns : those that are returned, in lower case; all must be there. delimiter : between cells.

    Raises
    ------
    DataError : the file cannot be read or is no text; a column is missing; a line has fewer cells
        than the columns need, as the last one of a file that was copied in part.
    """
    rows = text_rows(file, delimiter)
    _, first = next(rows, (0, []))
    header = [name.strip().lower() for name in first]
    missing = [name for name in columns if name not in header]
    if missing:
        raise DataError(
            f"{file}: expected the columns {', '.join(columns)}; found "
            f"{', '.join(header)[:200] or 'an empty file'} ({', '.join(missing)} missing)"
        )
    where = [header.index(name) for name in columns]
    for number, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{file} line {number}: has {len(cells)} cells, expected {len(header)}; the table "
                "was changed or copied in part, so get it again"
            )
        yield number, {name: cells[k].strip() for name, k in zip(columns, where, strict=True)}


def text_rows(file: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not empty.

    Raises
    ------
    DataError : the file cannot be read, or is no text.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig", errors="replace") as text:
            if delimiter == "\t":  # whose cells may hold a single quote
                reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            else:
                reader = csv.reader(text, delimiter=delimiter)
            for cells in reader:
                if any(cells):
                    yield reader.line_num, cells
    except (OSError, csv.Error) as error:
        raise DataError(f"{file}: is no readable table ({error})") from error


def read_lines(
    root: Path,
    info: DatasetInfo,
    table: Path,
    lines: Iterable[Line],
    *,
    suffixes: frozenset[str] = STILL_SUFFIXES,
    key: Callable[[Path], str] = lambda file: file.name,
    rank: Callable[[Path], int] = lambda file: 0,
    gone: frozenset[str] = frozenset(),
) -> Dataset:
    """The dataset that the lines of a corpus' table make of the files in a folder.

    Parameters
    ----------
    lines : of the table. ``name`` of a line is the key of its file.
    suffixes : endings of the files that are read.
    key : of a file. Of several with one key the first of lowest ``rank`` is used.
    gone : names that the published corpus has lines for, but no files.

    Returns
    -------
    The items in the order of the lines. ``found`` has an error for each line whose word is unknown
    or whose file is not there. Where two lines give a file two emotions, both are dropped. Files
    without a line are dropped. ``grouped`` is whether every line has a group; an item without one
    is a group of its own.

    Raises
    ------
    DataError : no line gives an item; the message names the first faults.
    """
    found = _Found(root, info, table, gone)
    found.list_files(suffixes, key, rank)
    for line in lines:
        found.take(line)
    return found.dataset()


@dataclass
class _Found:
    """What the lines of a table have given so far."""

    root: Path
    info: DatasetInfo
    table: Path
    gone: frozenset[str]
    files: dict[str, Path] = field(default_factory=dict)
    damaged: dict[Path, Dropped] = field(default_factory=dict)
    items: dict[Path, Item | None] = field(default_factory=dict)
    """File → its item; None where a line names it and it is no item."""
    first: dict[str, Line] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    grouped: bool = True

    def list_files(
        self, suffixes: frozenset[str], key: Callable[[Path], str], rank: Callable[[Path], int]
    ) -> None:
        """List the files by their keys."""
        for file, problem in media_files(self.root, suffixes):
            if problem is not None and problem.kind == "damaged":
                self.damaged[file] = problem
            elif problem is not None:
                self.dropped += [] if file == self.table else [problem]
                continue
            name = key(file)
            other = self.files.setdefault(name, file)
            if other is not file:
                best, worse = (file, other) if rank(file) < rank(other) else (other, file)
                self.files[name] = best
                self.dropped.append(Dropped(worse, f"has the same name as {best}", "copy"))

    def take(self, line: Line) -> None:
        """Take a line: an item, a dropped file or a problem."""
        file = self.files.get(line.name)
        path = file or self.root / line.name
        made = labelled(self.info, path, line.word, line.group or line.name, line.split)
        if isinstance(made, Dropped):
            self.items.setdefault(path, None)
            if made.kind == "outside":
                self.dropped.append(made)
            else:
                self._problem(line, "label", made.why)
        elif file is None and line.name in self.gone:
            self.dropped.append(Dropped(path, "is not in the published corpus", "withheld"))
        elif file is None:
            why = f"{line.name} is not there; the files were copied in part, or moved"
            self._problem(line, "missing", why)
        elif file in self.damaged:
            self.items[file] = None
            self.dropped.append(self.damaged[file])
        elif line.name in self.first:
            self._again(file, self.first[line.name], line)
        else:
            self.items[file] = replace(made, line=line.number)
            self.grouped = self.grouped and bool(line.group)
        self.first.setdefault(line.name, line)

    def _problem(self, line: Line, kind: str, why: str) -> None:
        self.problems.append(
            Problem("error", kind, str(line.table or self.table), why, line.number)
        )

    def _again(self, file: Path, before: Line, line: Line) -> None:
        """A second line of a file: a copy, or another emotion."""
        meant = [self.info.words.get(word, word) for word in (before.word, line.word)]
        if meant[0] == meant[1]:
            self.dropped.append(Dropped(file, f"is named twice (line {line.number})", "copy"))
            return
        if self.items[file] is not None:
            why = f"is {before.word} in line {before.number}, and {line.word} in line {line.number}"
            self.dropped.append(Dropped(file, why, "other", "they have two emotions"))
        self.items[file] = None

    def dataset(self) -> Dataset:
        for file in self.files.values():
            if file not in self.items:
                why = f"no line of {self.table.name} names it"
                self.dropped.append(Dropped(file, why, "unlabelled"))
        kept = tuple(item for item in self.items.values() if item is not None)
        if not kept:
            refuse(self.problems)
            raise DataError(f"{self.root}: no item of {self.info.name}{summary(self.dropped)}")
        return Dataset(
            self.info, self.info.name, self.root, kept, tuple(self.dropped), tuple(self.problems),
            grouped=self.grouped,
        )  # fmt: skip
