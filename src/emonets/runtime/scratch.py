"""Temporary files without a name. A process that can open none is given some in advance."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable
from typing import IO

_given: list[IO[bytes]] | None = None
_lock = threading.Lock()


def temporary_file() -> IO[bytes]:
    """A file for reading and writing, which is gone when it is closed.

    Raises
    ------
    OSError : it cannot be made; or all that were given are in use.
    """
    if _given is None:
        return tempfile.TemporaryFile(prefix="emonets-")
    with _lock:
        if not _given:
            raise OSError(24, "no temporary file is left")
        return _given.pop()


def use_only(files: Iterable[IO[bytes]]) -> None:
    """Let `temporary_file` return these, each once, in place of new ones."""
    global _given  # noqa: PLW0603 - it is this process that is locked
    with _lock:
        _given = list(files)
