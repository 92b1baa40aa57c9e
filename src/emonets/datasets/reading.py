"""What readers share: finding files, turning names and words into items, and dropping copies.

Nothing is decoded here: an item is a path with the labels of its name, folder or table.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import (
    LOSSLESS,
    OUTSIDE,
    STILL_SUFFIXES,
    DatasetInfo,
    Dropped,
    Item,
    kind_of,
)
from emonets.datasets.splits import require_split
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError, ParameterError
from emonets.media.find import MEDIA_SUFFIXES
from emonets.media.images import IMAGE_SUFFIXES, natural_key

SUFFIXES = MEDIA_SUFFIXES - IMAGE_SUFFIXES
"""Endings of sound files and videos."""

EVERYTHING = SUFFIXES | STILL_SUFFIXES
"""Endings of sound files, videos and pictures."""

DROP = "drop"
"""The value of a user's word whose items are left out."""

Meaning = Item | Dropped | None
"""What a file's name means: an item, why it is dropped, or None if it is not of the dataset."""

_SPELLINGS = (*EMOTIONS, "anger", "disgusted", "fearful", "happiness", "sadness", "surprised")
"""What a misspelt emotion is compared with."""


# files


def read_files(
    folder: str | Path,
    info: DatasetInfo,
    meaning: Callable[[Path], Meaning],
    *,
    name: str = "",
    suffixes: frozenset[str] = SUFFIXES,
    copy_key: Callable[[Path], str] | None = None,
    rank: Callable[[Path], int] = lambda file: 0,
    folds: Mapping[str, int] | None = None,
    grouped: bool = True,
) -> Dataset:
    """Read a dataset whose file names or folders carry its labels.

    Parameters
    ----------
    folder : is searched with all folders in it.
    meaning : what a file's name means.
    name : of what is read; default that of the dataset.
    suffixes : endings of the files that are read.
    copy_key : files of equal key are copies of one clip, of which one is used (`same_name`);
        None: every file is used.
    rank : of copies the file with the lowest rank is used; of equals the first.
    folds : group → fold, where the field has agreed on folds.
    grouped : see `Dataset`.

    Returns
    -------
    The items in natural order of their paths. Every other file that is not hidden is dropped,
    with a reason.

    Raises
    ------
    DataError : no such folder, or no item in it; the message names what was dropped and why.
    """
    root = Path(folder)
    name = name or info.name
    every: list[tuple[Path, Item | Dropped]] = []
    best: dict[str, Path] = {}
    for file, problem in media_files(root, suffixes):
        foreign = Dropped(file, f"its name is none of {name}", "unlabelled")
        found = problem or meaning(file) or foreign
        every.append((file, found))
        if copy_key is not None and isinstance(found, Item):
            before = best.setdefault(copy_key(file), file)
            if rank(file) < rank(before):
                best[copy_key(file)] = file
    items: list[Item] = []
    dropped: list[Dropped] = []
    for file, found in every:
        if isinstance(found, Dropped):
            dropped.append(found)
        elif copy_key is None or best[copy_key(file)] is file:
            items.append(found)
        else:
            dropped.append(Dropped(file, f"has the same name as {best[copy_key(file)]}", "copy"))
    if not items:
        raise DataError(f"{root}: no item of {name}{summary(dropped)}")
    here = {item.group for item in items}
    return Dataset(
        info, name, root, tuple(items), tuple(dropped), grouped=grouped,
        folds=None if folds is None else {g: k for g, k in folds.items() if g in here},
    )  # fmt: skip


def media_files(
    folder: str | Path, suffixes: frozenset[str] = SUFFIXES
) -> Iterator[tuple[Path, Dropped | None]]:
    """Every file in a folder and the folders in it, in natural order, and why it is no item.

    That is None for files that end as sound files and videos do (or as one of ``suffixes``) and
    are not empty. Hidden files, and those left by file managers and archivers, are skipped.

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


def _problem(file: Path, suffixes: frozenset[str]) -> Dropped | None:
    if file.suffix.lower() not in suffixes:
        still = "a picture, " if suffixes & IMAGE_SUFFIXES else ""
        why = f"is neither {still}a sound file nor a video, by its ending"
        if suffixes <= STILL_SUFFIXES:
            why = "is no picture, by its ending"
        return Dropped(file, why, "foreign")
    try:
        return None if file.stat().st_size else Dropped(file, "is empty", "damaged")
    except FileNotFoundError as error:  # a link that leads nowhere
        return Dropped(file, f"cannot be read ({error.strerror})", "missing")
    except OSError as error:
        return Dropped(file, f"cannot be read ({error.strerror})", "damaged")


def summary(dropped: Sequence[Dropped]) -> str:
    """The end of a message: how many files were dropped, and the commonest reason."""
    if not dropped:
        return "; there is no file in it"
    reasons = [one.why for one in dropped]
    why = max(reasons, key=reasons.count)
    file = next(one.path for one in dropped if one.why == why)
    others = len(dropped) - reasons.count(why)
    more = f"; {others} other files were dropped for other reasons" if others else ""
    return f"; {reasons.count(why)} files were dropped, such as {file}: {why}{more}"


# one clip in several files


def same_name(file: Path) -> str:
    """For ``copy_key``: files of one name are copies, whatever their endings and folders."""
    return file.stem


def video_first(file: Path) -> int:
    """For ``rank``: videos, which hold the sound, too; then sound without loss."""
    if kind_of(file) != "sound":
        return 0
    return 1 if file.suffix.lower() in LOSSLESS else 2


def of_kind(meaning: Callable[[Path], Meaning], kind: str | None) -> Callable[[Path], Meaning]:
    """A reader's ``meaning`` that drops what is of another kind; None takes all.

    Raises
    ------
    ParameterError : a kind other than ``clip`` and ``sound``.
    """
    if kind not in (None, "clip", "sound"):
        raise ParameterError(f"kind={kind!r}: must be 'clip' or 'sound'")
    return meaning if kind is None else partial(_only, meaning, kind)


def _only(meaning: Callable[[Path], Meaning], kind: str, file: Path) -> Meaning:
    found = meaning(file)
    if isinstance(found, Item) and found.kind != kind:
        return Dropped(file, f"is a {found.kind}, and only the kind {kind} is read", "channel")
    return found


# pictures in one file


def from_faces(info: DatasetInfo, root: Path, file: Path, faces: FaceImages) -> Dataset:
    """A dataset of still faces that lie in one file; ``row`` of an item is its position there.

    A group that is a negative number stands for an unknown person.

    Raises
    ------
    DataError : an unknown word for a part.
    """
    own = faces.split if faces.split is not None else [""] * len(faces)
    splits = [require_split(str(word), file) for word in own]
    known = faces.groups is not None
    names = [f"row {k}" for k in range(len(faces))]
    if faces.groups is not None:
        names = [str(group) for group in faces.groups.tolist()]
        known = not any(name.startswith("-") for name in names)
    rows = zip(faces.labels.tolist(), names, splits, strict=True)
    items = tuple(
        Item(file, label, group, split, "still", EMOTIONS[label], row=row)
        for row, (label, group, split) in enumerate(rows)
    )
    return Dataset(info, faces.name, root, items, grouped=known, faces=faces)


# words


def labelled(
    info: DatasetInfo, file: Path, word: str, group: str, split: str | None = ""
) -> Item | Dropped:
    """The item that a dataset's own word for an emotion makes of a file, or why it is dropped."""
    if word in info.outside:
        return Dropped(file, info.outside[word], "outside", word)
    if word not in info.words:
        known = ", ".join((*info.words, *info.outside))
        return Dropped(file, f"emotion {word} is none of {info.name} ({known})", "unlabelled")
    return Item.of(file, emotion_index(info.words[word]), group, word, split)


@dataclass(frozen=True)
class Words:
    """What words in a user's table or folder names mean.

    Attributes
    ----------
    labels : the user's word → one of the seven emotions, or ``drop``. They come before the common
        synonyms, which are always accepted. Case and blanks around do not matter.

    Raises
    ------
    ParameterError : a word is mapped to what is neither an emotion nor ``drop``.
    """

    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = {key.strip().lower(): value for key, value in self.labels.items()}
        for word, meant in plain.items():
            if meant != DROP and _index(meant) is None:
                raise ParameterError(
                    f"labels: {word!r} is mapped to {meant!r}; must be one of "
                    f"{', '.join(EMOTIONS)}, or {DROP!r}"
                )
        object.__setattr__(self, "labels", plain)

    def index(self, word: str) -> int | None:
        """0..6, or None where the word is none of the seven."""
        key = word.strip().lower()
        return _index(self.labels.get(key, key))

    def outside(self, word: str) -> str:
        """Why an item with this word is dropped; "" where the word is not known to be outside."""
        key = word.strip().lower()
        if self.labels.get(key) == DROP:
            return f"{key} is left out, as requested"
        return OUTSIDE.get(key, "") if key not in self.labels else ""

    def added_to(self, info: DatasetInfo) -> DatasetInfo:
        """A layout's information with the user's own words in it."""
        gone = {w: "left out, as requested" for w, m in self.labels.items() if m == DROP}
        mine = {word: meant for word, meant in self.labels.items() if word not in gone}
        words = {word: meant for word, meant in info.words.items() if word not in gone}
        return replace(info, words={**words, **mine}, outside={**info.outside, **gone})


def _index(word: str) -> int | None:
    try:
        return emotion_index(word)
    except KeyError:
        return None


def nearest(word: str, *, cutoff: float = 0.5) -> str:
    """The emotion whose name is most like a word, or "" if none is."""
    close = difflib.get_close_matches(word.strip().lower(), _SPELLINGS, n=1, cutoff=cutoff)
    return EMOTIONS[emotion_index(close[0])] if close else ""


# groups


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
