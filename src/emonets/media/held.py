"""Files that are read by a descriptor, in a process that can open none by name.

`open_file` is how all of this package opens a clip. Mostly that is a plain ``open``. A process
that is locked (`emonets.contained`) is given descriptors before or while it is locked; it holds
them under the names that clips have there, and no other file exists for it.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

if hasattr(os, "pread"):
    _pread = os.pread
else:  # Windows
    _turn = threading.Lock()

    def _pread(fd: int, size: int, offset: int, /) -> bytes:
        with _turn:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, size)


class HeldFile(io.RawIOBase):
    """A file by its descriptor, with a position of its own: several readers disturb nobody.

    Parameters
    ----------
    descriptor : open for reading; it is closed with this file.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor, self._at = descriptor, 0

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer from the position on; returns how many bytes there were."""
        view = memoryview(buffer).cast("B")
        data = _pread(self._descriptor, len(view), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}
        if whence == os.SEEK_END:
            start[whence] = os.fstat(self._descriptor).st_size
        at = start[whence] + offset
        if at < 0:
            raise OSError(22, "Invalid argument")
        self._at = at
        return at

    def tell(self) -> int:
        """The position."""
        return self._at

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()


Opener = Callable[[], int]
"""Returns a descriptor of its own each time, or raises OSError."""


@dataclass
class _Held:
    """What this process may read: all there is for it, once there is anything."""

    files: dict[Path, Opener] = field(default_factory=dict)
    folders: dict[Path, list[Path]] = field(default_factory=dict)
    only: bool = False


_held = _Held()


def only_held() -> None:
    """From now on files exist for this process only where they are held."""
    _held.only = True


def hold_file(path: Path, opener: Opener) -> None:
    """Let a file be read under this name."""
    _held.files[path] = opener


def hold_folder(path: Path, files: Iterable[tuple[str, Opener]]) -> None:
    """Let a folder with these files, by name, be read under this name."""
    _held.folders[path] = []
    for name, opener in files:
        _held.folders[path].append(path / name)
        _held.files[path / name] = opener


def release() -> None:
    """Hold nothing any more."""
    _held.files.clear()
    _held.folders.clear()


def _is_held(path: Path) -> bool:
    return _held.only or path in _held.files or path in _held.folders


def _descriptor(path: Path) -> int:
    if path in _held.folders:
        raise IsADirectoryError(21, "Is a directory", str(path))
    opener = _held.files.get(path)
    if opener is None:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return opener()


def open_raw(path: Path) -> BinaryIO:
    """Open a file for reading, without a buffer.

    Raises
    ------
    OSError : it cannot be opened.
    """
    if _is_held(path):
        return cast(BinaryIO, HeldFile(_descriptor(path)))
    return cast(BinaryIO, path.open("rb", buffering=0))


def open_file(path: Path) -> IO[bytes]:
    """Open a file for reading.

    Raises
    ------
    OSError : it cannot be opened.
    """
    if _is_held(path):
        return io.BufferedReader(HeldFile(_descriptor(path)))
    return path.open("rb")


def status_of_path(path: Path) -> tuple[int, int]:
    """The mode (as `stat.S_ISREG` takes it) and the bytes of a file or folder.

    Raises
    ------
    OSError : it is not there.
    """
    if path in _held.folders:
        return stat.S_IFDIR, 0
    if not _is_held(path):
        found = path.stat()
        return found.st_mode, found.st_size
    with open_raw(path) as file:
        found = os.fstat(file.fileno())
        return found.st_mode, found.st_size


def is_folder(path: Path) -> bool:
    """Whether this is a folder."""
    return path in _held.folders or (not _held.only and path.is_dir())


def is_file(path: Path) -> bool:
    """Whether this is a regular file."""
    return path in _held.files or (not _held.only and path.is_file())


def files_in(folder: Path) -> Iterator[Path]:
    """What lies in a folder, in any order.

    Raises
    ------
    OSError : it cannot be read.
    """
    if not _is_held(folder):
        return folder.iterdir()
    if folder not in _held.folders:
        raise FileNotFoundError(2, "No such file or directory", str(folder))
    return iter(_held.folders[folder])
