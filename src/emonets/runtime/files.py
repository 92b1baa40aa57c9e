"""Writing files whole or not at all, and checking in advance whether they can be written."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emonets.runtime.ending import being_written, is_written


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all, also when the process dies midway."""
    with whole_file(path) as partial:
        partial.write_bytes(data)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield another path to write to; the file gets its own name when the block ends.

    If the block raises an error, nothing is left. So files that are too large for the memory are
    whole or not there.

    Examples
    --------
    >>> with whole_file("out/film.mp4") as partial:  # doctest: +SKIP
    ...     encode(partial)
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # several machines may write into one folder: a process' number is not enough
    partial = target.with_name(f".{os.getpid()}-{secrets.token_hex(6)}.part")
    being_written(partial)
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
        is_written(partial)


@contextmanager
def unnamed_file(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a new, empty file in a folder, for a file whose name comes later.

    Rename it in the block; where it is not, nothing is left.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    partial = place / f".{os.getpid()}-{secrets.token_hex(6)}.part"
    being_written(partial)
    try:
        partial.touch(exist_ok=False)
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        is_written(partial)


def try_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder if there is none, and check that files can be made in it, before long work.

    Raises
    ------
    OSError : they cannot.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
