"""A table of recordings: a CSV or Parquet file with a line for each, its path, label and group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from emonets.datasets.info import OUTSIDE, DatasetInfo
from emonets.datasets.problems import Problem, refuse
from emonets.datasets.readers.manifest_table import (
    COLUMNS,
    PARQUET,
    Row,
    looks_like_manifest,
    read_table,
)
from emonets.datasets.reading import Recording, Recordings, Why, nearest
from emonets.datasets.splits import split_of
from emonets.datasets.words import Words
from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError

__all__ = [
    "COLUMNS", "INFO", "MANIFESTS", "looks_like_manifest", "manifest_in", "open_manifest",
    "read_manifest",
]  # fmt: skip

INFO = DatasetInfo(
    name="manifest",
    title="your own recordings or pictures, in a table",
    kinds=("still", "clip", "sound"),
    citation="",
    licence="as its owner says",
    where="it is yours",
    words=WORDS,
    outside=OUTSIDE,
    group="the column group; where its cell is empty, the file itself",
    splits="the column split (train, valid or test), if there is one",
    layout="a CSV or Parquet file (or a folder with manifest.csv or manifest.parquet) with the "
    "columns path, label, group and, if it likes, split, start, end (seconds)",
)

MANIFESTS = ("manifest.csv", *(f"manifest{suffix}" for suffix in PARQUET))
"""What a folder may hold that is to be read by its manifest."""

_NOT_YET = ("start", "end")
_SHOWN = 5  # as many of a kind are named in a message


def manifest_in(path: Path) -> Path | None:
    """The manifest that a path is, or that lies in the folder it is; None if there is none."""
    if not path.is_dir():
        return path if looks_like_manifest(path) else None
    return next((path / name for name in MANIFESTS if (path / name).is_file()), None)


def read_manifest(path: str | Path) -> Recordings:
    """Read labelled whole recordings from a table, as `open_manifest` does, but refuse pieces.

    Returns
    -------
    Recordings in the order of the table, named after it. Lines without a label, and lines that
    name a file a second time, are listed in ``dropped``. A split may be any word.

    Raises
    ------
    DataError : no such file; not a table of that kind; labels that are none, with their lines and
        the emotion that is nearest; files that are not there, all together; a file under two
        labels; columns start and end, for pieces of recordings are not read.
    """
    path = Path(path)
    table = read_table(path)
    pieces = [name for name in _NOT_YET if name in table.names]
    if pieces:
        raise DataError(
            f"{path}: has columns {', '.join(pieces)}, but pieces of recordings are not read; cut "
            "them out into files of their own, or take the columns away"
        )
    rows, words = table.rows, Words()
    unknown = [row for row in rows if row.label and words.index(row.label) is None]
    if unknown:
        raise DataError(
            f"{path}: labels that are none of {', '.join(EMOTIONS)}: "
            + _some([f"{row.label!r} in line {row.number}{_meant(row)}" for row in unknown])
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
    first: dict[Path, tuple[Row, int]] = {}
    for row, file in zip(rows, files, strict=True):
        label = words.index(row.label)
        if label is None:
            dropped.append((str(file), Why(f"has no label (line {row.number})", "unlabelled")))
            continue
        before, its_label = first.setdefault(file.resolve(), (row, label))
        if its_label != label:
            raise DataError(
                f"{path}: {row.path} is {before.label!r} in line {before.number} and "
                f"{row.label!r} in line {row.number}; keep one of them"
            )
        if before is not row:
            why = Why(f"is named twice (lines {before.number}, {row.number})", "duplicate")
            dropped.append((str(file), why))
            continue
        fine = row.label.lower()
        group = row.group or row.path
        items.append(Recording(file, label, group, row.split or None, fine, line=row.number))
    return Recordings(
        name=path.stem,
        items=tuple(items),
        dropped=tuple(dropped),
        grouped=all(row.group for row in rows if row.label),
    )


def open_manifest(
    path: str | Path, *, labels: Mapping[str, str] | None = None
) -> tuple[Recordings, tuple[Problem, ...]]:
    """Read labelled recordings and pieces of recordings from a table, line by line.

    The first line names the columns, in any order and case: path, label, group and, if it likes,
    split, start and end. Cells of a CSV file are divided by commas, semicolons or tabs; its text
    is UTF-8. Paths are relative to the table's own folder, or absolute. Labels are the seven
    emotions or their common synonyms (`emonets.emotions.WORDS`), or as ``labels`` says. A group is
    who is seen or heard; where its cell is empty, nobody knows, and the file is a group of its
    own. A split is train, valid or test, or a synonym. Start and end are seconds in the file; an
    empty cell is its own beginning or end.

    Parameters
    ----------
    labels : words of your own → one of the seven emotions, or ``drop`` (`Words`).

    Returns
    -------
    The recordings whose lines are in order, in the order of the table, and what is wrong with the
    others. Lines without a label, or with one that is known to be none of the seven (contempt,
    boredom …), are listed in ``dropped``.

    Raises
    ------
    DataError : no such file; not a table of that kind; not one line in order.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    path = Path(path)
    rows, words = read_table(path).rows, Words(labels or {})
    items: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    problems: list[Problem] = []
    seen: dict[tuple[Path, float | None, float | None], Row] = {}
    for row in rows:
        file = _resolve(path.parent, row.path)
        outside = words.outside(row.label)
        if not row.label or outside:
            why = outside or "has no label"
            kind = "outside" if outside else "unlabelled"
            word = row.label.strip().lower()
            dropped.append((str(file), Why(f"{why} (line {row.number})", kind, word)))
            continue
        found = _item(row, file, words)
        if isinstance(found, Recording):
            before = seen.setdefault((file.resolve(), found.start, found.end), row)
            if before is not row:
                found = (
                    "duplicate",
                    f"{row.path} is named in line {before.number} already"
                    + (f", as {before.label!r}" if before.label != row.label else ""),
                )
        if isinstance(found, Recording):
            items.append(found)
        else:
            problems.append(Problem("error", found[0], str(path), found[1], row.number))
    if not items:
        refuse(problems)
    return (
        Recordings(path.stem, tuple(items), tuple(dropped),
                   grouped=all(row.group for row in rows if row.label)),
        tuple(problems),
    )  # fmt: skip


def _item(row: Row, file: Path, words: Words) -> Recording | tuple[str, str]:
    """The recording of a line, or the kind and the words of what is wrong with it."""
    label = words.index(row.label)
    if label is None:
        return "label", (
            f"label {row.label!r} is none of {', '.join(EMOTIONS)}{_meant(row)}; name an emotion, "
            "or say what it stands for (--map)"
        )
    if not (row.path and _there(file)):
        return "missing", (
            f"{row.path or '(no path)'} is not there; paths are relative to the table's folder"
        )
    split = split_of(row.split)
    if split is None:
        return "split", f"split {row.split!r} must be train, valid or test, or be left empty"
    try:
        start, end = (_seconds(cell) for cell in (row.start, row.end))
    except ValueError as error:
        return "span", f"start and end must be seconds, 0 or more, got {error}"
    if end is not None and end <= (start or 0.0):
        return "span", f"end {row.end} must lie after start {row.start or 0}"
    group = row.group or row.path
    fine = row.label.strip().lower()
    return Recording(file, label, group, split or None, fine, start, end, row.number)


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
    return f" (is {near!r} meant?)" if near else ""


def _some(parts: Sequence[str]) -> str:
    more = len(parts) - _SHOWN
    return ", ".join(parts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
