"""The records of a dataset: an item, a dropped file, a problem, and the dataset's declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from emonets.datasets.splits import require_split
from emonets.errors import DataError
from emonets.media.images import IMAGE_SUFFIXES

KINDS = ("still", "clip", "sound")
"""A picture; a video, with sound or without; sound alone."""

STILL_SUFFIXES = IMAGE_SUFFIXES | {".pgm", ".ppm", ".pnm"}
"""Endings of pictures."""

LOSSLESS = frozenset((".wav", ".w64", ".flac", ".aif", ".aiff", ".au", ".caf", ".wv"))
"""Endings of sound files that lost nothing."""

_SOUND = LOSSLESS | frozenset(
    (".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".ac3", ".amr", ".wma")
)

LEVELS = ("error", "warning", "note")
"""Of problems: they prevent training; they make the data worse; they are for information."""

OUTSIDE: Mapping[str, str] = MappingProxyType(
    {
        "contempt": "contempt is none of the seven emotions",
        "boredom": "boredom is none of the seven emotions",
        "bored": "boredom is none of the seven emotions",
        "other": "names no emotion",
        "unknown": "names no emotion",
        "mixed": "names no single emotion",
    }
)
"""Common labels beside the seven emotions → why their items are dropped, and not refused."""

_SHOWN = 5  # as many problems are named in one message


def kind_of(file: Path) -> str:
    """``still``, ``clip`` or ``sound``, by the ending. An unknown ending counts as a clip."""
    suffix = file.suffix.lower()
    return "still" if suffix in STILL_SUFFIXES else "sound" if suffix in _SOUND else "clip"


@dataclass(frozen=True)
class Item:
    """One labelled still, clip or sound.

    Attributes
    ----------
    path : the file.
    label : 0..6 in the order of `emonets.EMOTIONS`.
    group : the person in it (or what else must not be divided between parts); never empty.
    split : ``train``, ``valid``, ``test``, or "" where the data are not divided.
    kind : ``still``, ``clip`` or ``sound``.
    word : the dataset's own word for the emotion, such as "calm".
    start, end : the piece of the file, seconds; None for its beginning and end.
    row : which picture of a file that holds many, from 0.
    line : where a table names it, the line there.
    """

    path: Path
    label: int
    group: str
    split: str
    kind: str
    word: str
    start: float | None = None
    end: float | None = None
    row: int | None = None
    line: int | None = None

    @classmethod
    def of(cls, path: Path, label: int, group: str, word: str, split: str | None = "") -> Item:
        """An item whose kind follows from the file's ending, and its split from any known word.

        Raises
        ------
        DataError : an unknown word for a part (`emonets.datasets.splits`).
        """
        return cls(path, label, group, require_split(split, path), kind_of(path), word)


@dataclass(frozen=True)
class Dropped:
    """A file that lies there and is no item.

    Attributes
    ----------
    path : the file, or the folder where a whole folder is left out.
    why : the reason, as a text.
    kind : of the reason: ``outside`` (none of the seven emotions), ``unlabelled``, ``withheld``
        (the corpus publishes no label), ``damaged``, ``missing``, ``copy`` (of another item),
        ``channel`` (another one is read), ``foreign`` (a file of another sort), or ``other``.
    word : the dataset's own word for the emotion, where that is the reason.
    """

    path: Path
    why: str
    kind: str = "other"
    word: str = ""


@dataclass(frozen=True)
class Problem:
    """One error, warning or note.

    Attributes
    ----------
    level : one of `LEVELS`.
    kind : as of `Dropped`, or ``duplicate``, ``group`` (in two splits, or unknown), ``similar``
        (groups whose names nearly agree), ``single`` (a class with one item), ``label``,
        ``split``, ``span`` (invalid start and end), ``encoding`` or ``incomplete``.
    path : the file, or the table, that it is about.
    message : what is wrong with it.
    line : of the table.
    """

    level: str
    kind: str
    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        at = "" if self.line is None else f" line {self.line}"
        return f"{self.path}{at}: {self.message}"


def refuse(problems: Iterable[Problem]) -> None:
    """Raise if there is an error among the problems.

    Raises
    ------
    DataError : names the first few, each with file and line.
    """
    wrong = [problem for problem in problems if problem.level == "error"]
    if wrong:
        more = len(wrong) - _SHOWN
        raise DataError(
            "; ".join(map(str, wrong[:_SHOWN])) + (f"; and {more} more" if more > 0 else "")
        )


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The declaration of a dataset; nothing here needs the data.

    Attributes
    ----------
    name : its name on the command line.
    citation : BibTeX entry; or "none: " and why there is none.
    licence : its terms, or who states them.
    where : how to get it.
    title : what it is, in a line.
    kinds : of ``still``, ``clip`` (a video, with sound or without) and ``sound``, those it has.
    words : its own words for emotions → those of `emonets.EMOTIONS`.
    group : what a group is: items of one must not be divided between training and test.
    splits : its official parts, as a text.
    layout : what is expected at its path.
    outside : its own words that are none of the seven → why items under them are dropped.
    per_group : kind → how many items every group has as published, where that is one number.
    known : kind of problem → why it is known of this set, and therefore a note only.
    own : whether this is a layout for the user's own data, and no corpus. Groups of one name in
        two such sets count as the same person.
    """

    name: str
    citation: str
    licence: str
    where: str
    title: str
    kinds: tuple[str, ...]
    words: Mapping[str, str]
    group: str
    splits: str
    layout: str
    outside: Mapping[str, str] = field(default_factory=dict)
    per_group: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
