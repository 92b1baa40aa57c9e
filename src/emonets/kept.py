"""Results that an earlier run of ``predict`` left, read again without predicting."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emonets.errors import DataError, ParameterError
from emonets.inference.same_people import common_people
from emonets.inference.unfused import KEY as UNFUSED
from emonets.result import FileStatus, Result, printable


def kept_results(path: str | os.PathLike[str]) -> Result:
    """What an earlier run left: a file that ``--format json`` made, or a folder of ``--out``.

    Parameters
    ----------
    path : of a folder, ``results.json`` is read if it has the files of the last run, and else the
        results that were kept of each clip.

    Raises
    ------
    DataError : there is none, or one that is damaged, or one that cannot be used alone.
    """
    place = Path(path)
    if not place.is_dir():
        return _read(place)
    last = _statuses(place)
    whole = place / "results.json"
    if whole.is_file():
        result = _read(whole)
        if last is None or (_printed(result.files) == last and _is_last(whole)):
            return result
    parts = [_read(file) for file in sorted((place / "clips").glob("*.json"))]
    if any(UNFUSED in part.about for part in parts):
        raise DataError(
            f"{place}: clips that are normalised together are kept before they are; run emonets "
            "predict with the same --out and --format json, which is quick, and then this again"
        )
    by_file = {printable(part.files[0].file): part for part in parts if part.files}
    if last is None:
        if not by_file:
            raise DataError(
                f"{place}: no results.json and no clips that emonets predict --out keeps; "
                "give its folder, or a file of --format json"
            )
        return _as_one(list(by_file.values()))
    read = [row for row in last if row[1] != "error"]
    lost = [file for file, _, _ in read if file not in by_file]
    if lost:
        raise DataError(
            f"{place}: the kept result of {lost[0]} is missing; run emonets predict with the same "
            "--out again"
        )
    made = _as_one([by_file[file] for file, _, _ in read])
    return replace(made, files=tuple(FileStatus(*row) for row in last))


def _is_last(whole: Path) -> bool:
    """Whether no later run, with other options, wrote clips or results in another format."""
    others = (*whole.parent.glob("clips/*.json"), *whole.parent.glob("results.*"))
    made = whole.stat().st_mtime_ns
    return all(other.stat().st_mtime_ns <= made for other in others)


def _as_one(parts: Sequence[Result]) -> Result:
    result = Result.concatenate(parts)
    if any(person.embedding is not None for person in result.persons):  # of --same-people
        result = common_people(result)
    return replace(result, about={k: v for k, v in result.about.items() if k != "key"})


def _read(path: Path) -> Result:
    try:
        return Result.from_json(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file or folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); give a file of emonets predict --format json"
        ) from None
    except ParameterError as error:
        raise DataError(
            f"{path}: {error}; give a file of emonets predict --format json, or its --out folder"
        ) from None


def _statuses(folder: Path) -> list[tuple[str, str, str]] | None:
    """The status of each file of the last run; None where there is no table of them."""
    try:
        text = (folder / "status.csv").read_text("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / 'status.csv'}: cannot be read ({error})") from None
    separator = text.removeprefix("file")[:1] or ","  # --separator holds for this table too
    rows = list(csv.reader(io.StringIO(text), delimiter=separator))[1:]
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


def _printed(files: Sequence[FileStatus]) -> list[tuple[str, str, str]]:
    return [(printable(s.file), s.status, printable(s.message)) for s in files]
