"""A folder of class folders with sound or film: ``angry/1.wav``, ``train/happy/anna/2.mp4``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from emonets.datasets.info import OUTSIDE, DatasetInfo
from emonets.datasets.kinds import STILL_SUFFIXES
from emonets.datasets.reading import (
    SUFFIXES,
    Recording,
    Recordings,
    Why,
    compiled,
    matched_group,
    media_files,
    nearest,
    summary,
)
from emonets.datasets.splits import is_split
from emonets.datasets.words import Words
from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError

INFO = DatasetInfo(
    name="folders",
    title="your own recordings or pictures, in a folder for each emotion",
    kinds=("still", "clip", "sound"),
    citation="",
    licence="as its owner says",
    where="it is yours",
    words=WORDS,
    outside=OUTSIDE,
    group="the folders beside or within the class folders (angry/anna/1.wav, anna/angry/1.wav); "
    "without any, the file itself",
    splits="folders train, valid and test around the class folders, if there are any",
    layout="class folders (angry, disgust, fear, happy, sad, surprise, neutral, or synonyms) with "
    "films, sound files or pictures",
)

EVERYTHING = SUFFIXES | STILL_SUFFIXES
"""Endings of films, sound files and pictures."""

_ALIKE = 0.86  # "hapy" is meant to be happy; "Saad" and "Sadie" are people


def read_sound_folder(
    path: str | Path,
    *,
    group_pattern: str | None = None,
    labels: Mapping[str, str] | None = None,
    suffixes: frozenset[str] = SUFFIXES,
) -> Recordings:
    """Read labelled recordings from a folder of class folders.

    Class folders are named after the seven emotions or their common synonyms (`emotion_index`),
    in any case. They may lie in split folders (train or training, valid, validation, val or dev,
    test). A further level of folders, within the class folders or around them, says who speaks:
    ``angry/anna/1.wav`` or ``anna/angry/1.wav``.

    Parameters
    ----------
    path : the folder.
    group_pattern : a regular expression searched for in each file name; what its first bracket
        (or, without brackets, the whole of it) matches is who speaks, whatever folders say.
        ``r"^(\\d+)_"`` takes the number before the first underscore.
    labels : names of class folders that are yours alone → one of the seven emotions, or ``drop``
        (`Words`).
    suffixes : endings of what is a recording; `EVERYTHING` takes pictures, too.

    Returns
    -------
    Recordings named after the folder. Where nothing says who speaks, each recording is a group of
    its own, and ``grouped`` is False. What lies in no class folder is listed in ``dropped``.

    Raises
    ------
    DataError : no such folder; no recording in a class folder; a folder whose name is nearly an
        emotion's; a file name that the group pattern does not match.
    ParameterError : the pattern is no regular expression.
    """
    pattern = compiled(group_pattern)
    known = Words(labels or {})
    root = Path(path)
    items: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    grouped = True
    for file, problem in media_files(root, suffixes):
        split, classes, people = _levels(file.relative_to(root).parts[:-1], known)
        why = problem or _why_not(root, classes, people, known)
        if why:
            dropped.append((str(file), why))
            continue
        if pattern is not None:
            group = matched_group(file, pattern)
        elif people:
            group = "/".join(people)
        else:
            group, grouped = file.relative_to(root).as_posix(), False
        fine = classes[0].strip().lower()
        label = known.index(fine)
        assert label is not None
        items.append(Recording(file, label, group, split, fine))
    if not items:
        what = "picture, sound file" if suffixes == EVERYTHING else "sound file"
        raise DataError(
            f"{root}: no {what} or film in class folders named {', '.join(EMOTIONS)}"
            + summary(dropped)
        )
    return Recordings(root.resolve().name, tuple(items), tuple(dropped), grouped=grouped)


def has_class_folders(
    folder: Path,
    *,
    labels: Mapping[str, str] | None = None,
    suffixes: frozenset[str] = SUFFIXES,
) -> bool:
    """Whether any sound file or film (or what else ends so) lies in a folder of an emotion."""
    known = Words(labels or {})
    return any(
        not problem and _levels(file.relative_to(folder).parts[:-1], known)[1]
        for file, problem in media_files(folder, suffixes)
    )


def _levels(folders: tuple[str, ...], known: Words) -> tuple[str | None, list[str], list[str]]:
    """Split, classes and people among the folders that lead to a file."""
    split = folders[0] if folders and is_split(folders[0]) else None
    rest = folders[1:] if split is not None else folders
    classes = [name for name in rest if known.index(name) is not None]
    return split, classes, [name for name in rest if name not in classes]


def _why_not(root: Path, classes: list[str], people: list[str], known: Words) -> str:
    """Why a file is dropped, if it is."""
    if len(classes) > 1:
        return Why(f"lies in folders of several classes ({', '.join(classes)})", "unlabelled")
    if classes:
        return ""
    why = "lies in no class folder" + (f" ({'/'.join(people)} is none)" if people else "")
    outside = next((name for name in people if known.outside(name)), None)
    if outside is not None:
        return Why(why, "outside", outside.strip().lower())
    for name in people:
        meant = nearest(re.sub(r"[\W\d_]+", "", name), cutoff=_ALIKE)
        if meant:
            raise DataError(
                f"{root}: the folder {name!r} is no class; if {meant!r} is meant, rename it"
            )
    return Why(why, "unlabelled")
