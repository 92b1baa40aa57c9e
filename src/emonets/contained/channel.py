"""Messages between a contained process and its parent: JSON, and bytes of a stated length.

Nothing of it can run code. Each side states how much it takes at most, before memory is taken.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any, Protocol

MOST_HEAD = 2**20
"""Bytes of the JSON of a message; long content goes behind it."""
_HEAD = struct.Struct("<IQ")
_MOST_FILES = 32

Message = tuple[dict[str, Any], bytes, list[int]]
"""Its JSON, what follows it, and the descriptors that came with it."""


class BadMessage(Exception):  # noqa: N818 - of this package alone
    """What came is no message, or too long."""


class End(Protocol):
    """One end of a connection."""

    def take(self, size: int) -> tuple[bytes, list[int]]:
        """Up to ``size`` bytes, none at the end, and descriptors that came with them."""

    def give(self, data: bytes, descriptors: Sequence[int]) -> None:
        """Send all of the bytes, with descriptors."""

    def close(self) -> None:
        """Close it."""


class SocketEnd:
    """An end of a socket, over which descriptors can be sent.

    Parameters
    ----------
    takes : whether descriptors are taken. The parent takes none.
    """

    def __init__(self, own: socket.socket, *, takes: bool) -> None:
        self._own, self._takes = own, takes

    def take(self, size: int) -> tuple[bytes, list[int]]:
        """See `End`."""
        if not self._takes:
            return self._own.recv(size), []
        data, descriptors, _, _ = socket.recv_fds(self._own, size, _MOST_FILES)
        return data, list(descriptors)

    def give(self, data: bytes, descriptors: Sequence[int]) -> None:
        """See `End`."""
        if descriptors:
            sent = socket.send_fds(self._own, [data[:1]], list(descriptors))
            data = data[sent:]
        self._own.sendall(data)

    def close(self) -> None:
        """See `End`."""
        self._own.close()


class PipeEnd:
    """Two pipes, as Windows has them; descriptors cannot be sent."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing

    def take(self, size: int) -> tuple[bytes, list[int]]:
        """See `End`."""
        return os.read(self._reading, min(size, 2**16)), []

    def give(self, data: bytes, descriptors: Sequence[int]) -> None:
        """See `End`."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._writing, left[: 2**16]) :]

    def close(self) -> None:
        """Nothing: whoever made the pipes closes them."""


class Channel:
    """Sends and takes messages. Several threads may send."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._sending = threading.Lock()

    def send(
        self, head: dict[str, Any], body: bytes = b"", descriptors: Sequence[int] = ()
    ) -> None:
        """Send a message.

        Raises
        ------
        OSError : the other side has gone.
        """
        text = json.dumps(head).encode()
        if len(text) > MOST_HEAD:
            raise BadMessage("too long")
        with self._sending:
            self._end.give(_HEAD.pack(len(text), len(body)) + text, descriptors)
            if body:
                self._end.give(body, ())

    def receive(self, most: int) -> Message:
        """Wait for a message.

        Parameters
        ----------
        most : bytes that may follow its JSON.

        Raises
        ------
        EOFError : the other side has gone. BadMessage : what comes is none, or too long.
        """
        start, descriptors = self._exactly(_HEAD.size)
        length, size = _HEAD.unpack(start)
        if length > MOST_HEAD or size > most:
            raise BadMessage(f"of {length} and {size} bytes, more than {most}")
        text, more = self._exactly(length)
        try:
            head = json.loads(text)
        except (ValueError, RecursionError):
            raise BadMessage("no JSON") from None
        if not isinstance(head, dict):
            raise BadMessage("no object")
        body, _ = self._exactly(size)
        return head, body, descriptors + more

    def close(self) -> None:
        """Close the connection."""
        self._end.close()

    def _exactly(self, size: int) -> tuple[bytes, list[int]]:
        parts: list[bytes] = []
        descriptors: list[int] = []
        while size:
            try:
                part, more = self._end.take(min(size, 2**20))
            except OSError:
                raise EOFError from None
            if not part:
                raise EOFError
            parts.append(part)
            descriptors += more
            size -= len(part)
        return b"".join(parts), descriptors
