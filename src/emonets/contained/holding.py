"""The files that a contained process is to read: opened by its parent, who can open files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emonets.errors import MediaError
from emonets.media.find import check_path

_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""Without waiting: a pipe may have taken the place of a file."""


@dataclass
class Holding:
    """What one request may read.

    Attributes
    ----------
    clip : path of the file; None where the clip is a folder.
    folders : name by which it is read → its files: name, number, path.
    paths : of the files of all folders, by number.
    """

    clip: Path | None
    folders: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)

    def add(self, folder: Path, name: str) -> None:
        """Let a folder's files be read.

        Raises
        ------
        MediaError : it cannot be read.
        """
        try:
            entries = [own for own in os.scandir(folder) if own.is_file()]
        except OSError as error:
            raise MediaError(folder, f"cannot be read ({error.strerror})") from error
        first = len(self.paths)
        self.paths += [Path(own.path) for own in entries]
        self.folders[name] = [
            (own.name, first + i, os.path.abspath(own.path)) for i, own in enumerate(entries)
        ]

    def open_clip(self) -> list[int]:
        """The descriptor of the clip, if it is a file.

        Raises
        ------
        OSError : it cannot be opened.
        """
        return [] if self.clip is None else [os.open(self.clip, _READING)]

    def open(self, number: Any) -> int:
        """A descriptor of one of the folders' files.

        Raises
        ------
        OSError : there is no such file, or it cannot be opened.
        """
        if not isinstance(number, int) or not 0 <= number < len(self.paths):
            raise FileNotFoundError(2, "No such file or directory")
        return os.open(self.paths[number], _READING)


def held_for(path: Path, name: str, max_bytes: int, more: Sequence[Path] = ()) -> Holding:
    """What the reading of a clip needs.

    Parameters
    ----------
    path : of the clip. name : under which the process reads it.
    max_bytes : larger files are refused. more : further folders, as of face crops.

    Raises
    ------
    MediaError : as `emonets.media.find.check_path`.
    """
    found = check_path(path, max_bytes=max_bytes)
    made = Holding(None if found.is_dir() else found)
    if made.clip is None:
        made.add(found, name)
    for folder in more:
        if folder.is_dir():  # else the process finds out, and names it
            made.add(folder, str(folder))
    return made
