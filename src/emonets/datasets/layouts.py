"""The class of readers, how strongly a reader claims a path, and the choice between readers."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, partial
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo
from emonets.errors import DataError
from emonets.media.find import MEDIA_SUFFIXES

_SHOWN = 8  # as many entries of a folder are named in a message


class Strength(IntEnum):
    """The evidence of a claim; the strongest claim decides."""

    QUESTION = 0
    """Names that anybody's data may have, such as folders 1 to 7. It is never chosen: the error
    requires the name of the layout."""
    FOLDERS = 1
    """Folders that any data may have, such as one for each emotion."""
    NAMES = 2
    """Names of files as a corpus has them; counts only if most files have such names."""
    FILE = 3
    """A file that holds a whole dataset."""
    TABLE = 4
    """A table that names the items: it was written to be read."""


@dataclass(frozen=True)
class Claim:
    """That a dataset lies at a path.

    Attributes
    ----------
    strength : its evidence.
    found : the same as a text, such as "14 files".
    n : how many files have such names.
    instead_of : names of readers that claim the same files by a part of what this one requires.
        Their claims of no more files do not count.
    """

    strength: Strength
    found: str
    n: int = 1
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A path that readers may claim. Its files are listed once for all of them.

    Attributes
    ----------
    path : a folder or a file.
    labels : the user's own words for emotions (`emonets.datasets.reading.Words`).
    """

    path: Path
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Pictures, videos and sound files in the folder and its folders; hidden ones aside."""
        found: list[Path] = []
        for here, folders, names in os.walk(self.path):
            folders[:] = [name for name in folders if name[0] != "." and name[:2] != "__"]
            files = (Path(here, name) for name in names if name[0] != ".")
            found += [f for f in files if f.suffix.lower() in MEDIA_SUFFIXES | STILL_SUFFIXES]
        return tuple(found)

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """Names of the files without their endings, in the order of ``files``."""
        return tuple(os.path.splitext(os.path.basename(file))[0] for file in self.files)

    @cached_property
    def folders(self) -> Mapping[tuple[str, ...], int]:
        """The folders of files, as names from the path on → how many of the files are in each."""
        start = len(self.path.parts)
        return {file[start:]: n for file, n in Counter(f.parts[:-1] for f in self.files).items()}


Claims = Callable[[Place], Claim | None]


@dataclass(frozen=True)
class Reader:
    """How one dataset is recognised and opened.

    Attributes
    ----------
    info : the dataset's declaration.
    read : path and options → the dataset. It raises DataError where that is not possible.
    claims : how strongly a path is claimed, None where not. It decodes nothing and never raises.
    options : names of the options of ``read``.
    """

    info: DatasetInfo
    read: Callable[..., Dataset]
    claims: Claims
    options: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Where ``read`` is defined."""
        return getattr(self.read, "__module__", None) or "an unknown module"


def by_names(is_one: Callable[[Path], object]) -> Claims:
    """A claim on folders whose files have a corpus' names.

    Parameters
    ----------
    is_one : whether a file is named as the corpus' files are; anything true counts.
    """
    return partial(_claim_names, is_one)


def _claim_names(is_one: Callable[[Path], object], place: Place) -> Claim | None:
    return named(sum(bool(is_one(file)) for file in place.files))


def by_stems(pattern: re.Pattern[str]) -> Claims:
    """A claim on folders whose files' names, without their endings, match a pattern as a whole."""
    return partial(_claim_stems, pattern)


def _claim_stems(pattern: re.Pattern[str], place: Place) -> Claim | None:
    return named(sum(match is not None for match in map(pattern.fullmatch, place.stems)))


def named(n: int, instead_of: tuple[str, ...] = ()) -> Claim | None:
    """The claim of a corpus by the names of ``n`` files; None where there are none."""
    text = f"{n} file{'' if n == 1 else 's'}"
    return Claim(Strength.NAMES, text, n, instead_of) if n else None


def file_in(path: Path, names: tuple[str, ...] = (), suffixes: tuple[str, ...] = ()) -> Path | None:
    """The path itself if it is a file of these, or the first of them in the folder.

    Parameters
    ----------
    names : whole names, in lower case; of a folder only these count, in this order.
    suffixes : endings; of a folder they count where no names are given.
    """
    if not path.is_dir():
        mine = path.name.lower() in names or path.suffix.lower() in suffixes
        return path if mine and path.is_file() else None
    inside = {entry.name.lower(): entry for entry in sorted(path.iterdir()) if entry.is_file()}
    if names:
        return next((inside[name] for name in names if name in inside), None)
    return next((file for name, file in inside.items() if Path(name).suffix in suffixes), None)


def shown(path: Path) -> str:
    """What a folder holds, or how a file ends, for a message."""
    if not path.is_dir():
        return f"a file ending in {path.suffix.lower() or 'nothing'!r}"
    return ", ".join(sorted(entry.name for entry in path.iterdir())[:_SHOWN]) or "an empty folder"


def choose_reader(place: Place, readers: Mapping[str, Reader]) -> str:
    """The name of the dataset that lies at a place, by the strongest claim.

    Raises
    ------
    DataError : no claim, or two of the same strength; the message names what was found.
    """
    claims = {name: claim for name, r in readers.items() if (claim := r.claims(place)) is not None}
    for claim in list(claims.values()):
        for name in claim.instead_of:
            if name in claims and claims[name].n <= claim.n:
                del claims[name]
    questions = {n: claims.pop(n) for n in list(claims) if claims[n].strength == Strength.QUESTION}
    for strength in sorted({claim.strength for claim in claims.values()}, reverse=True):
        here = {name: c for name, c in claims.items() if c.strength == strength}
        if len(here) > 1:
            both = " and ".join(f"{name} ({claim.found})" for name, claim in here.items())
            raise DataError(
                f"{place.path}: may be {both}; give the folder or file of one dataset at a time, "
                "or name the layout"
            )
        name, claim = next(iter(here.items()))
        if strength != Strength.NAMES or 2 * claim.n > len(place.files):
            return name
    if questions and not claims:
        given = ", ".join(f"--layout {name}" for name in questions)
        found = next(iter(questions.values())).found
        raise DataError(
            f"{place.path}: expected names of emotions, found {found}, whose meaning differs "
            f"between corpora; give the corpus ({given}), or what each means (--map WORD=EMOTION)"
        )
    few = "".join(f", {c.n} of them named as files of {name} are" for name, c in claims.items())
    n = f"{len(place.files)} videos, sound files and pictures{few}, in: " * place.path.is_dir()
    raise DataError(
        f"{place.path}: expected class folders (angry, happy …; --map WORD=EMOTION for names of "
        f"your own), a table whose first line has the "
        f"columns path, label, group (in a folder: manifest.csv), or the layout of one of "
        f"{', '.join(readers)} (emonets data show NAME describes it); found {n}{shown(place.path)}"
    )
