"""A folder of class folders: ``angry/1.wav``, ``train/happy/anna/2.mp4``, ``sad/3.png``."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo, Dropped, Item
from emonets.datasets.layouts import Claim, Place, Reader, Strength
from emonets.datasets.reading import (
    EVERYTHING,
    Meaning,
    Words,
    compiled,
    matched_group,
    nearest,
    read_files,
)
from emonets.datasets.splits import is_split
from emonets.emotions import WORDS
from emonets.errors import DataError

INFO = DatasetInfo(
    name="folders",
    title="your own clips, sound files or pictures, in a folder for each emotion",
    kinds=("still", "clip", "sound"),
    citation="none: it is yours",
    licence="set by its owner",
    where="it is yours",
    words=WORDS,
    outside=OUTSIDE,
    group="the folders beside or within the class folders (angry/anna/1.wav, anna/angry/1.wav); "
    "without any, the file itself",
    splits="folders train, valid and test around the class folders, if there are any",
    layout="class folders (angry, disgust, fear, happy, sad, surprise, neutral, or synonyms) with "
    "videos, sound files or pictures",
    own=True,
)

_ALIKE = 0.7  # "hapy", "angyr" and "fera" are near an emotion
_SHOWN = 5  # as many folders are named in a message


def read(
    path: str | Path,
    *,
    group_pattern: str | None = None,
    labels: Mapping[str, str] | None = None,
    suffixes: frozenset[str] = EVERYTHING,
) -> Dataset:
    """Read labelled files from a folder of class folders.

    Class folders are named after the seven emotions or their common synonyms (`emotion_index`),
    in any case. They may lie in split folders (`emonets.datasets.splits`). A further level of
    folders, within the class folders or around them, names the group: ``angry/anna/1.wav`` or
    ``anna/angry/1.wav``.

    Parameters
    ----------
    path : the folder.
    group_pattern : a regular expression searched for in each file name. What its first bracket
        (or, without brackets, the whole of it) matches is the group, in place of folders.
        ``r"^(\\d+)_"`` takes the number before the first underscore.
    labels : names of class folders that are yours alone → one of the seven emotions, or ``drop``
        (`Words`).
    suffixes : endings of the files that are read.

    Returns
    -------
    A dataset named after the folder. Where nothing names the group, each file is a group of its
    own, and ``grouped`` is False. What lies in no class folder is dropped.

    Raises
    ------
    DataError : no such folder; no file in a class folder; a folder of files whose name is no
        emotion and no word of ``labels``; a file name that the group pattern does not match.
    ParameterError : the pattern is no regular expression.
    """
    root, known = Path(path), Words(labels or {})
    meaning = partial(_meaning, root, known, compiled(group_pattern))
    found = read_files(
        root, known.added_to(INFO), meaning, name=root.resolve().name, suffixes=suffixes
    )
    _refuse_unknown(root, found, known)
    alone = (item.group == _alone(root, item.path) for item in found.items)
    return replace(found, grouped=not any(alone))


def _meaning(root: Path, known: Words, pattern: re.Pattern[str] | None, file: Path) -> Meaning:
    split, classes, people = _levels(file.relative_to(root).parts[:-1], known)
    if len(classes) != 1:
        return _dropped(root, file, classes, people, known)
    if pattern is not None:
        group = matched_group(file, pattern)
    else:
        group = "/".join(people) or _alone(root, file)
    label = known.index(classes[0])
    assert label is not None
    return Item.of(file, label, group, classes[0].strip().lower(), split)


def _alone(root: Path, file: Path) -> str:
    """The group of a file without a known one; no folder or part of a name can be equal to it."""
    return file.relative_to(root).as_posix()


def _levels(folders: tuple[str, ...], known: Words) -> tuple[str, list[str], list[str]]:
    """Split, classes and people among the folders that lead to a file."""
    split = folders[0] if folders and is_split(folders[0]) else ""
    rest = folders[1:] if split else folders
    classes = [name for name in rest if known.index(name) is not None]
    return split, classes, [name for name in rest if name not in classes]


def _dropped(
    root: Path, file: Path, classes: list[str], people: list[str], known: Words
) -> Dropped:
    if classes:
        why = f"lies in folders of several classes ({', '.join(classes)})"
        return Dropped(file, why, "unlabelled")
    why = "lies in no class folder" + (f" ({'/'.join(people)} is none)" if people else "")
    outside = next((name for name in people if known.outside(name)), None)
    if outside is not None:
        return Dropped(file, why, "outside", outside.strip().lower())
    return Dropped(file, why, "unlabelled")


def _refuse_unknown(root: Path, found: Dataset, known: Words) -> None:
    """Raise DataError for folders of files without a class, in which no class folder lies."""
    holding = {folder for item in found.items for folder in item.path.parents}
    unknown: Counter[Path] = Counter()
    for one in found.dropped:
        parts = one.path.relative_to(root).parts[:-1]
        folders = [root.joinpath(*parts[: k + 1]) for k in range(len(parts))]
        folder = next((f for f in folders if f not in holding and not is_split(f.name)), None)
        if one.kind == "unlabelled" and folder is not None and not _levels(parts, known)[1]:
            unknown[folder] += 1
    if not unknown:
        return
    near = {folder: _near(folder.name) for folder in unknown}
    shown = ", ".join(
        f"{folder.name!r} ({n} file{'' if n == 1 else 's'}"
        + (f"; did you mean {near[folder]!r}?)" if near[folder] else ")")
        for folder, n in list(unknown.items())[:_SHOWN]
    )
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    maps = [f"{f.name}={near[f] or 'EMOTION'}" for f in unknown][:_SHOWN]
    given = " ".join(f"--map {shlex.quote(one)}" for one in maps)
    drop = shlex.quote(f"{next(iter(unknown)).name}=drop")
    raise DataError(
        f"{root}: expected the name of an emotion for each folder of files, found {shown}{more}; "
        f"give {given}, or --map {drop} to leave it out, or rename it"
    )


def _near(name: str) -> str:
    """The emotion that a folder's name holds as a word, or is most like; "" for none."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    held = next((word for word in words if word in WORDS), "")
    return WORDS.get(held) or nearest("".join(words), cutoff=_ALIKE)


def _claims(place: Place) -> Claim | None:
    if not place.path.is_dir():
        return None
    known = Words(place.labels)
    folders = (file.relative_to(place.path).parts[:-1] for file in place.files)
    found = any(_levels(names, known)[1] for names in folders)
    return Claim(Strength.FOLDERS, "class folders") if found else None


READER = Reader(INFO, read, _claims, ("group_pattern", "labels"))
