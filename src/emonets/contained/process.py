"""One contained process as its parent has it: started, given requests, and ended."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from emonets.contained.channel import BadMessage, Channel, Message, PipeEnd, SocketEnd
from emonets.errors import BundleError, EmoNetsError, ParameterError

COMMAND = ("-m", "emonets.contained.worker")
"""What Python runs."""
BY_PATH = sys.platform == "win32"
"""Whether files are opened by the process itself, by their path: descriptors cannot be sent."""
START_SECONDS = 600.0
_LAST_WORDS = 4096
_END_SECONDS = 5.0
_SEND_SECONDS = 10
_RAISED = {"BundleError": BundleError, "ParameterError": ParameterError}


class Process:
    """A process that loads a model, and then reads clips behind its lock.

    Parameters
    ----------
    setup : its first request. command : what Python runs.
    by_path : whether it opens files itself.
    reply : bytes that it may send for one request.

    Attributes
    ----------
    locked : a sentence: what is in force in it; empty until it is ready.
    """

    def __init__(
        self,
        setup: Mapping[str, Any],
        command: Sequence[str] = COMMAND,
        *,
        by_path: bool = BY_PATH,
        reply: int,
    ) -> None:
        self.locked, self.about = "", b""
        self.by_path, self.clips = by_path, 0
        self._reply = self._left = reply
        self._failed: EmoNetsError | None = None
        self._bad = False
        self._ready = threading.Event()
        self._messages: queue.Queue[Message | None] = queue.Queue(8)
        self._words = b""
        self._process, self._channel = self._started(command)
        threading.Thread(target=self._take, name="emonets-replies", daemon=True).start()
        threading.Thread(target=self._drain, name="emonets-words", daemon=True).start()
        self.send({"kind": "setup"}, json.dumps(setup).encode())

    def _started(self, command: Sequence[str]) -> tuple[subprocess.Popen[bytes], Channel]:
        # -P: what lies in the current folder is no part of Python
        first = [sys.executable, "-P", *command, str(os.getpid())]
        if self.by_path:
            pipe = subprocess.PIPE
            process = subprocess.Popen([*first, "-"], stdin=pipe, stdout=pipe, stderr=pipe)
            assert process.stdin is not None
            assert process.stdout is not None
            return process, Channel(PipeEnd(process.stdout.fileno(), process.stdin.fileno()))
        ours, theirs = socket.socketpair()
        # who asks and takes no answer must not stop the clock of the parent
        with suppress(OSError):
            ours.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0)
            )
        with theirs:
            number = theirs.fileno()
            process = subprocess.Popen(
                [*first, str(number)], pass_fds=[number],
                # the pipe is never written to: its end is the parent's end
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        return process, Channel(SocketEnd(ours, takes=False))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None and not self._bad

    @property
    def ready(self) -> bool:
        """Whether it has loaded its model, or has failed to."""
        return self._ready.is_set()

    def wait(self, cancelled: threading.Event | None = None) -> bool:
        """Wait until it is ready; False: it was cancelled.

        Raises
        ------
        EmoNetsError : it cannot be started, as where its bundle is damaged.
        """
        until = time.monotonic() + START_SECONDS
        while not self._ready.wait(0.1):
            if cancelled is not None and cancelled.is_set():
                return False
            if time.monotonic() > until:
                self.end()
        if self._failed is not None:
            raise self._failed
        return True

    def send(
        self, head: dict[str, Any], body: bytes = b"", descriptors: Sequence[int] = ()
    ) -> None:
        """Send a request, or an answer to it. A process that does not take it is ended."""
        try:
            self._channel.send(head, body, descriptors)
        except OSError:
            self._process.kill()

    def begin(self) -> None:
        """A new request may have a reply of full length."""
        self.clips += 1
        self._left = self._reply

    def take(self, seconds: float) -> Message:
        """The next message.

        Raises
        ------
        queue.Empty : none came so long. EOFError : none will come.
        """
        message = self._messages.get(timeout=seconds)
        if message is None:
            self._messages.put(None)
            raise EOFError
        return message

    def _take(self) -> None:
        """Thread: take messages until there are none."""
        try:
            while True:
                message = self._channel.receive(max(self._left, 0))
                self._left -= len(message[1])
                if self._ready.is_set():
                    self._messages.put(message)
                    continue
                head, body, _ = message
                if head.get("kind") == "ready":
                    self.locked, self.about = str(head.get("locked"))[:1000], body
                else:
                    kind = _RAISED.get(str(head.get("what")), EmoNetsError)
                    self._failed = kind(str(head.get("text"))[:2000])
                self._ready.set()
        except (EOFError, BadMessage, ValueError) as error:
            self._bad = True
            if not isinstance(error, EOFError):
                self._process.kill()
        finally:
            if not self._ready.is_set():
                self._process.wait()
                said = self._last_words()
                self._failed = EmoNetsError(
                    f"the contained process did not start (status {self._process.returncode}"
                    f"{said}); let this process read the clips (--no-contain)"
                )
                self._ready.set()
            self._messages.put(None)

    def _last_words(self) -> str:
        """The last line of what it wrote, as a part of a sentence; nothing if there is none."""
        lines = self._words.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {''.join(c for c in last[:200] if c.isprintable())}" if last else ""

    def _drain(self) -> None:
        """Thread: keep the end of what it writes to its standard error."""
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while part := os.read(stream.fileno(), 4096):
                self._words = (self._words + part)[-_LAST_WORDS:]

    def end(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        while True:  # so that the thread that takes messages can end
            try:
                self._messages.get_nowait()
            except queue.Empty:
                return

    def why_ended(self) -> str:
        """Why it ended by itself, and what to do: half a sentence; or ``memory``, ``processor``."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "its process gave a reply that is none; re-encode it with a media tool"
        if b"bad_alloc" in self._words or b"annot allocate memory" in self._words:
            return "memory"
        if code >= 0:
            said = self._last_words()
            return f"its process ended (status {code}{said}); re-encode it with a media tool"
        name = _name_of(-code)
        if name == "SIGXCPU":
            return "processor"
        if name == "SIGKILL":
            return (
                f"its process was ended from outside ({name}), as systems do where memory is "
                "short; try again, or cut it"
            )
        return f"the decoder ended on it ({name}); re-encode it with a media tool"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
