"""Labelled recordings, sound or film: what every reader of them returns, and what they share.

Nothing is opened here: a recording is a path with what its name, folder or manifest says of it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.splits import require_split
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError, ParameterError
from emonets.media.find import MEDIA_SUFFIXES
from emonets.media.images import IMAGE_SUFFIXES, natural_key

SUFFIXES = MEDIA_SUFFIXES - IMAGE_SUFFIXES
"""Endings of sound files and films."""


@dataclass(frozen=True)
class About:
    """What to know of a dataset: name, BibTeX entry, terms, and where to get it."""

    name: str
    citation: str
    licence: str
    where: str


OWN = About(name="", citation="", licence="as its owner says", where="")
"""Of data that only their owner knows."""


@dataclass(frozen=True)
class Recording:
    """One labelled recording.

    Attributes
    ----------
    path : the file.
    label : 0..6 in the order of `emonets.EMOTIONS`.
    group : who speaks; recordings of a group must not be torn apart into training and test.
    split : ``train``, ``valid``, ``test``, or None where the data are not divided. Given in the
        data's own word (`emonets.datasets.splits`).
    fine : the corpus' own word for the emotion, such as "calm".
    start, end : the piece of the file that is meant, seconds; None for its own beginning and end.
    line : where a table names it, the line there.
    """

    path: Path
    label: int
    group: str
    split: str | None
    fine: str
    start: float | None = None
    end: float | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", require_split(self.split, self.path) or None)


class Why(str):
    """Why a file is dropped, in words, and of which kind that reason is.

    Parameters
    ----------
    kind : ``outside`` (none of the seven emotions), ``unlabelled``, ``withheld`` (the corpus keeps
        the label back), ``damaged``, ``missing``, ``copy`` (of a take that is there already),
        ``duplicate`` (named twice), ``channel`` (another one was asked for), ``foreign`` (a file
        of another sort), or ``other``.
    word : the corpus' own word for the emotion, where the label is the reason.
    """

    kind: str
    word: str

    def __new__(cls, text: str, kind: str = "other", word: str = "") -> Why:
        made = super().__new__(cls, text)
        made.kind, made.word = kind, word
        return made


def kind_of_reason(why: str) -> str:
    """The kind of a reason (`Why`); ``other`` of a plain text."""
    return why.kind if isinstance(why, Why) else "other"


@dataclass(frozen=True, eq=False)
class Recordings:
    """A set of labelled recordings.

    Attributes
    ----------
    name : of the set.
    items : the recordings, in natural order of their paths (a manifest's in its own order).
    dropped : (file, why) of all that lies there and is not among them; hidden files aside.
    folds : group → fold, 0, 1 …, where the field has agreed on folds; of the groups that are here.
    grouped : whether it is known who speaks. Where it is not known of a recording, that counts as
        a speaker of its own, and figures of a cross-validation are too good.
    about : citation, licence, where to get it.

    Raises
    ------
    DataError : there is no recording; the message says what was dropped and why.
    """

    name: str
    items: tuple[Recording, ...]
    dropped: tuple[tuple[str, str], ...] = ()
    folds: Mapping[str, int] | None = None
    grouped: bool = True
    about: About = OWN

    def __post_init__(self) -> None:
        if not self.items:
            raise DataError(f"{self.name}: not one labelled recording{summary(self.dropped)}")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) 0..6 in the order of `emonets.EMOTIONS`."""
        return np.array([item.label for item in self.items], dtype=np.int64)

    @property
    def groups(self) -> NDArray[np.str_]:
        """(n,) who speaks."""
        return np.array([item.group for item in self.items])

    def counts(self) -> dict[str, int]:
        """How many recordings there are of each class."""
        n = np.bincount(self.labels, minlength=len(EMOTIONS))
        return {name: int(k) for name, k in zip(EMOTIONS, n, strict=True)}


_WORDS = (*EMOTIONS, "anger", "disgusted", "fearful", "happiness", "sadness", "surprised")
"""What a misspelt emotion is compared with."""

Meaning = Recording | str | None
"""What a name says: a recording, why it is dropped, or None where it is not of the corpus."""


def read_named(
    folder: str | Path,
    about: About,
    meaning: Callable[[Path], Meaning],
    *,
    folds: Mapping[str, int] | None = None,
    take: Callable[[Path], str] = lambda file: file.stem,
    rank: Callable[[Path], int] = lambda file: 0,
) -> Recordings:
    """Read a corpus whose file names carry its labels, however its files lie in folders.

    Of files of the same take (one corpus' download holds everything twice, another sound and film
    apart) one is taken: of those with the lowest rank the first.

    Parameters
    ----------
    meaning : what a file's name says.
    folds : group → fold, where the field has agreed on them.
    take : what two files have in common that hold the same performance; by default their stems.
    rank : which of them is wanted, the lowest.

    Raises
    ------
    DataError : no such folder, or no recording of this corpus in it.
    """
    items: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    every: list[tuple[Path, Recording | str]] = []
    best: dict[str, Path] = {}
    for file, problem in media_files(folder):
        strange = Why(f"its name is none of {about.name}", "unlabelled")
        found = problem or meaning(file) or strange
        every.append((file, found))
        if isinstance(found, Recording):
            before = best.setdefault(take(file), file)
            if rank(file) < rank(before):
                best[take(file)] = file
    for file, found in every:
        if isinstance(found, str):
            dropped.append((str(file), found))
        elif best[take(file)] is file:
            items.append(found)
        else:
            dropped.append((str(file), Why(f"has the same name as {best[take(file)]}", "copy")))
    here = {item.group for item in items}
    if not items:
        raise DataError(f"{folder}: no recording of {about.name}{summary(dropped)}")
    return Recordings(
        name=about.name,
        items=tuple(items),
        dropped=tuple(dropped),
        folds=None if folds is None else {g: k for g, k in folds.items() if g in here},
        about=about,
    )


def media_files(
    folder: str | Path, suffixes: frozenset[str] = SUFFIXES
) -> Iterator[tuple[Path, str]]:
    """Every file in a folder and the folders in it, in natural order, with why it is no recording.

    That is an empty string for files that end as sound files and films do (or as ``suffixes``
    say) and are not empty. What is hidden, or left behind by file managers and archivers, is
    passed over.

    Raises
    ------
    DataError : there is no such folder, or one that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")

    def unreadable(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})")

    files: list[Path] = []
    for here, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [f for f in folders if f[0] != "." and f[:2] != "__"]
        files += [Path(here, name) for name in names if name[0] != "."]
    for file in sorted(files, key=lambda f: natural_key(str(f))):
        yield file, _problem(file, suffixes)


def _problem(file: Path, suffixes: frozenset[str]) -> str:
    if file.suffix.lower() not in suffixes:
        still = "a picture, " if suffixes & IMAGE_SUFFIXES else ""
        return Why(f"is neither {still}a sound file nor a film, by its ending", "foreign")
    try:
        return "" if file.stat().st_size else Why("is empty", "damaged")
    except FileNotFoundError as error:  # a link that leads nowhere
        return Why(f"cannot be read ({error.strerror})", "missing")
    except OSError as error:
        return Why(f"cannot be read ({error.strerror})", "damaged")


def summary(dropped: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> str:
    """The end of a message: how many files were dropped, and the commonest reason."""
    if not dropped:
        return "; there is no file in it"
    reasons = [why for _, why in dropped]
    why = max(reasons, key=reasons.count)
    file = next(file for file, reason in dropped if reason == why)
    others = len(dropped) - reasons.count(why)
    more = f"; {others} other files were dropped for other reasons" if others else ""
    return f"; {reasons.count(why)} files were dropped, such as {file}: {why}{more}"


def nearest(word: str, *, cutoff: float = 0.5) -> str:
    """The emotion whose name is most like a word, or nothing if none is."""
    close = difflib.get_close_matches(word.strip().lower(), _WORDS, n=1, cutoff=cutoff)
    return EMOTIONS[emotion_index(close[0])] if close else ""


def compiled(pattern: str | None) -> re.Pattern[str] | None:
    """A group pattern, ready to search with.

    Raises
    ------
    ParameterError : it is no regular expression.
    """
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise ParameterError(f"group_pattern {pattern!r}: {error}") from error


def matched_group(file: Path, pattern: re.Pattern[str]) -> str:
    """What the first bracket of a pattern (or all of it) matches in a file's name.

    Raises
    ------
    DataError : nothing.
    """
    match = pattern.search(file.name)
    group = match.group(1 if pattern.groups else 0) if match else None
    if not group:
        raise DataError(f"{file}: group_pattern {pattern.pattern!r} does not match its name")
    return group
