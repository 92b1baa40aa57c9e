"""A server with a reader that makes up results, for tests of the pages."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from emonets.app.server import Server, listen
from emonets.app.settings import Settings
from emonets.contained import Cancelled, Progress, Reading
from emonets.report.film import NO_FILM
from emonets.report.thumbnails import jpeg_of
from emonets.result import FileStatus, Result
from made_report import no_face, no_voice, two_persons
from made_results import film as made_film
from made_results import p_of

TOKEN = "for-tests-only-0123456789abcdefgh"


class StubReader:
    """Answers by the first word of the clip's content: ``two``, ``noface``, ``slow`` …"""

    locked = "The process that reads clips can open no file, socket or process."

    def __init__(self) -> None:
        self.hold = threading.Event()
        """Clips that are ``slow`` go on when it is set."""

    def read(
        self, path: Path, options: Any, *, film: Path | None = None,
        film_options: Any = {}, name: str | None = None,
        on_progress: Callable[[Any], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Any:  # fmt: skip

        word = path.read_bytes()[:40].decode("ascii", "replace").split(" ")[0]
        called = name or str(path)
        if on_progress is not None:
            on_progress(Progress("starting", 0.0, float("nan")))
            on_progress(Progress("reading", 1.0, 4.0))
        while word == "slow" and not self.hold.is_set():
            if cancelled is not None and cancelled.is_set():
                raise Cancelled
            time.sleep(0.02)
        result = _result(word, called)
        card = b""
        if result.rows and film is not None:
            film.mkdir(parents=True, exist_ok=True)
            card = jpeg_of(np.full((90, 160, 3), 120, np.uint8))
            (film / "card.jpg").write_bytes(card)
        return Reading(result, dict(NO_FILM) if result.rows else None, card)

    def close(self) -> None:
        """Nothing to end."""


def _result(word: str, name: str) -> Result:
    if word in ("two", "slow"):
        return two_persons(name)
    if word == "long":
        return made_film(name, 20)
    if word == "noface":
        return no_face(name)
    if word == "novoice":
        return no_voice(name)
    if word == "damaged":
        made = two_persons(name)
        return replace(made, files=(FileStatus(name, "damaged", "ends in the middle"),))
    if word in ("happy", "sad", "angry"):
        made = two_persons(name)
        rows = tuple(
            replace(row, probabilities=p_of(word)) if row.level == "clip" else row
            for row in made.rows
        )
        return replace(made, rows=rows)
    return Result((), (FileStatus(name, "error", "is text, not media; give a video"),))


class Running:
    """A server in a thread."""

    def __init__(self, folder: Path, **given: Any) -> None:
        self.reader = StubReader()
        self._folder, self._given = folder, given
        self.port = 0
        self.start()

    def start(self) -> None:
        """Serve; after `stop`, under the same port."""
        self._socket = listen(self.port)
        self.port = self._socket.getsockname()[1]
        settings = Settings(folder=self._folder, token=TOKEN, port=self.port, **self._given)
        self.server = Server(settings, lambda models: self.reader)
        config = uvicorn.Config(self.server.app, http="h11", ws="none", log_config=None,
                                timeout_graceful_shutdown=1)  # fmt: skip
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._uvicorn.serve(sockets=[self._socket])), daemon=True
        )
        self._thread.start()
        until(lambda: self._uvicorn.started)

    @property
    def address(self) -> str:
        """Of the start page, without the token."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def entrance(self) -> str:
        """The address that the command prints."""
        return f"{self.address}/?token={TOKEN}"

    def stop(self) -> None:
        """As Ctrl-C does."""
        self.server.news.close()
        self._uvicorn.should_exit = True
        self._thread.join(10)
        self._socket.close()


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def running(folder: Path, **given: Any) -> Iterator[Running]:
    """A server until the block ends."""
    made = Running(folder, **given)
    try:
        yield made
    finally:
        made.reader.hold.set()
        made.stop()
