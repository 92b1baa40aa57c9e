"""Where what a page shows of a clip is put: a folder, or the parent of a locked process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

from emonets.errors import ParameterError
from emonets.runtime.files import whole_file, write_whole


@runtime_checkable
class Outputs(Protocol):
    """Takes the files of one page: small ones as bytes, and one film that may be large."""

    def write(self, name: str, data: bytes) -> None:
        """Take a small file."""

    def film(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file for reading and writing, whole when the block ends; else it is not there.

        Where a film was begun before, this one takes its place.
        """

    def use_clip(self, clip: Path, name: str) -> None:
        """Take the clip itself under this name."""

    def path(self, name: str) -> Path:
        """The path under which one of these files can be opened here."""

    def refuse(self, name: str, clip: Path) -> None:
        """Raise ParameterError where a file of this name would take the place of the clip."""


class FolderOutputs:
    """Files in a folder, which is made if need be.

    Examples
    --------
    >>> FolderOutputs("page").write("card.jpg", b"")  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        write_whole(self.path(name), data)

    @contextmanager
    def film(self, name: str) -> Iterator[BinaryIO]:
        """A file of another name until the block ends."""
        with whole_file(self.path(name)) as partial, partial.open("w+b", buffering=0) as file:
            yield cast(BinaryIO, file)
            file.close()  # Windows renames no open file

    def use_clip(self, clip: Path, name: str) -> None:
        """The same file in the folder: a second name of it on one disk, or else a copy."""
        target = self.path(name)
        if clip.parent == self.folder:
            return
        with whole_file(target) as partial:
            try:
                os.link(clip.resolve(), partial)
            except OSError:
                shutil.copyfile(clip, partial)

    def path(self, name: str) -> Path:
        """The file of this name in the folder."""
        return self.folder / name

    def refuse(self, name: str, clip: Path) -> None:
        """Raise ParameterError where the clip itself lies there."""
        made = self.path(name)
        if made.exists() and made.samefile(clip):
            raise ParameterError(
                f"{made}: is the clip itself; choose another folder for its copy, or another name"
            )


def outputs_of(place: str | os.PathLike[str] | Outputs) -> Outputs:
    """A folder, or what takes files already."""
    if isinstance(place, str | os.PathLike):
        return FolderOutputs(place)
    return place
