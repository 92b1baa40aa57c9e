"""A folder of class folders with sound or film: ``angry/1.wav``, ``train/happy/anna/2.mp4``."""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.recordings import (
    Recording,
    Recordings,
    compiled,
    matched_group,
    media_files,
    nearest,
    summary,
)
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError

_SPLITS = frozenset(("train", "training", "valid", "validation", "val", "dev", "test"))
_ALIKE = 0.86  # "hapy" is meant to be happy; "Saad" and "Sadie" are people


def read_sound_folder(path: str | Path, *, group_pattern: str | None = None) -> Recordings:
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
    root = Path(path)
    items: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    grouped = True
    for file, problem in media_files(root):
        split, classes, people = _levels(file.relative_to(root).parts[:-1])
        why = problem or _why_not(root, classes, people)
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
        items.append(Recording(file, emotion_index(fine), group, split, fine))
    if not items:
        raise DataError(
            f"{root}: no sound file or film in class folders named {', '.join(EMOTIONS)}"
            + summary(dropped)
        )
    return Recordings(root.resolve().name, tuple(items), tuple(dropped), grouped=grouped)


def has_class_folders(folder: Path) -> bool:
    """Whether any sound file or film lies in a folder named after an emotion."""
    return any(
        not problem and _levels(file.relative_to(folder).parts[:-1])[1]
        for file, problem in media_files(folder)
    )


def _levels(folders: tuple[str, ...]) -> tuple[str | None, list[str], list[str]]:
    """Split, classes and people among the folders that lead to a file."""
    split = folders[0] if folders and folders[0].lower() in _SPLITS else None
    rest = folders[1:] if split is not None else folders
    classes = [name for name in rest if _is_emotion(name)]
    return split, classes, [name for name in rest if name not in classes]


def _is_emotion(name: str) -> bool:
    try:
        emotion_index(name)
    except KeyError:
        return False
    return True


def _why_not(root: Path, classes: list[str], people: list[str]) -> str:
    """Why a file is dropped, if it is."""
    if len(classes) > 1:
        return f"lies in folders of several classes ({', '.join(classes)})"
    if classes:
        return ""
    for name in people:
        meant = nearest(re.sub(r"[\W\d_]+", "", name), cutoff=_ALIKE)
        if meant:
            raise DataError(
                f"{root}: the folder {name!r} is no class; if {meant!r} is meant, rename it"
            )
    return "lies in no class folder" + (f" ({'/'.join(people)} is none)" if people else "")
