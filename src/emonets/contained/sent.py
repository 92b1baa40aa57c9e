"""What a locked process makes of a clip's film: its parent puts it in its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from emonets.contained.channel import Channel
from emonets.media.held import hold_file


class SentOutputs:
    """Sends small files to the parent. The film goes into a file that the parent has opened.

    Parameters
    ----------
    film : descriptor of that file, for reading and writing; it is closed by the caller.
    """

    def __init__(self, channel: Channel, film: int) -> None:
        self._channel, self._film = channel, film

    def write(self, name: str, data: bytes) -> None:
        """Send a file."""
        self._channel.send({"kind": "file", "name": name}, data)

    @contextmanager
    def film(self, name: str) -> Iterator[BinaryIO]:
        """The one film, which begins anew."""
        os.ftruncate(self._film, 0)
        os.lseek(self._film, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._film), "r+b", buffering=0) as file:
            yield cast(BinaryIO, file)
        hold_file(self.path(name), lambda: os.dup(self._film))
        self._channel.send({"kind": "made", "name": name})

    def use_clip(self, clip: Path, name: str) -> None:
        """Let the parent take the clip itself."""
        self._channel.send({"kind": "clip", "name": name})

    def path(self, name: str) -> Path:
        """The name alone: where the file will lie is the parent's matter."""
        return Path(name)

    def refuse(self, name: str, clip: Path) -> None:
        """Nothing: the parent finds out."""
