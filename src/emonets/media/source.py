"""A file as it is handed to FFmpeg: its bytes, and nothing else."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

from emonets.media.ends import is_cut_off
from emonets.media.held import open_raw
from emonets.media.unknown_length import missing_lengths

_OPEN_SECONDS = 60.0
"""Reading the headers may take this long (s); only a maliciously built file needs seconds."""


class Source(io.RawIOBase):
    """A file as it is passed to FFmpeg: a neutral name, and a deadline while headers are read.

    The name is shown to FFmpeg's format guesser, so of the real one only the suffix is kept.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        suffix = path.suffix.lower()
        self.name = "clip" + (suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else "")
        self.deadline: float | None = time.monotonic() + _OPEN_SECONDS
        self.refused = False
        self._file = open_raw(path)
        size = self._file.seek(0, io.SEEK_END)
        self._patches = missing_lengths(self._file, size)
        self.is_cut_off = not self._patches and is_cut_off(self._file, size)
        self._file.seek(0)

    def read(self, size: int = -1, /) -> bytes:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError("reading its headers takes too long")
        if not self._patches:
            return self._file.read(size) or b""
        at = self._file.tell()
        data = bytearray(self._file.read(size) or b"")
        for place, right in self._patches.items():
            for i, byte in enumerate(right, place - at):
                if 0 <= i < len(data):
                    data[i] = byte
        return bytes(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        super().close()

    def refuse(self, url: str, flags: int, options: dict[str, str]) -> object:
        """Refuse FFmpeg's attempt to open a second file."""
        self.refused = True
        raise PermissionError("a media file may not open other files")
