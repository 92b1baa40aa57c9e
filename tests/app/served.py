"""A server that runs in a thread on a free port, with a stub in place of the contained process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

import made_results
from emonets.app.server import Server, _Uvicorn, config_of, listen
from emonets.app.settings import Settings
from emonets.contained import Cancelled, Progress, Reading
from emonets.report.film import NO_FILM
from emonets.result import FileStatus, Result

TOKEN = "the-token-of-the-test"
CLIP = b"film " * 100


class StubReader:
    """Predicts by what is in the file: ``film``, ``no face``, ``broken``, ``slow``, ``crash``.

    ``slow`` lasts until it is cancelled, or until `go` is set.
    """

    locked = "nothing can be opened"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.read_now = threading.Event()
        self.names: list[str] = []
        self.options: list[Any] = []

    def read(
        self, path: Path, options: Any, *, film: Path | None = None, name: str | None = None,
        on_progress: Any = None, cancelled: threading.Event | None = None, **_: Any,
    ) -> Reading:  # fmt: skip
        assert name is not None
        assert film is not None
        self.names.append(name)
        self.options.append(options)
        with Path(path).open("rb") as file:
            content = file.read(100)
        on_progress(Progress("starting"))
        on_progress(Progress("reading", 5.0, 20.0))
        self.read_now.set()
        while content.startswith(b"slow") and not self.go.is_set():
            assert cancelled is not None
            if cancelled.wait(0.01):
                raise Cancelled(name)
        if content.startswith(b"crash"):
            raise RuntimeError("not foreseen")
        if content.startswith(b"broken"):
            return Reading(Result((), (FileStatus(name, "error", "cannot be decoded"),)))
        on_progress(Progress("film", 10.0, 20.0))
        film.mkdir(parents=True, exist_ok=True)
        for file, data in {"film.mp4": bytes(range(256)), "card.jpg": b"\xff\xd8"}.items():
            (film / file).write_bytes(data)
        result = made_results.film(name)
        if content.startswith(b"no face"):
            result = replace(result, files=(FileStatus(name, "no face", "no face was found"),))
        shown = {**NO_FILM, "kind": "film", "src": "film.mp4", "width": 100, "height": 100}
        return Reading(result, shown, b"\xff\xd8")

    def close(self) -> None:
        self.go.set()


def settings_of(folder: Path, **more: Any) -> Settings:
    """Of a test's server."""
    return Settings(folder=folder, **{"token": TOKEN, "port": 0, **more})


class Served:
    """A running server, and a client of it that has the token."""

    def __init__(self, server: Server, reader: StubReader, base: str) -> None:
        self.server, self.reader, self.base = server, reader, base
        self.port = server.settings.port
        self.client = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
        )

    def upload(self, content: bytes = CLIP, name: str = "a.mp4", **query: str) -> dict[str, Any]:
        """A job of a clip that is taken in."""
        answer = self.client.post("/api/jobs", params={"name": name, **query}, content=content)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def job(self, key: str) -> dict[str, Any]:
        """A job as it is."""
        return dict(self.client.get(f"/api/jobs/{key}").json())

    def until(self, key: str, *states: str) -> dict[str, Any]:
        """A job when it is in one of the states; over, by default."""
        wanted = states or ("done", "failed", "cancelled")
        end = time.monotonic() + 20
        while (job := self.job(key))["state"] not in wanted:
            assert time.monotonic() < end, job
            time.sleep(0.01)
        return job

    def files(self) -> list[str]:
        """Names of all files of the folder of clips, but for the server's own."""
        folder = self.server.settings.folder
        own = ("lock", "speed.json")
        return sorted(
            p.relative_to(folder).as_posix()
            for p in folder.rglob("*") if p.is_file() and p.name not in own
        )  # fmt: skip


@contextmanager
def serving(folder: Path, reader: StubReader | None = None, **more: Any) -> Iterator[Served]:
    """Run a server until the block ends."""
    stub = StubReader() if reader is None else reader
    with listen(more.get("port", 0)) as sock:
        port = sock.getsockname()[1]
        server = Server(settings_of(folder, **{**more, "port": port}), lambda _: stub)
        running = _Uvicorn(config_of(server), server.news)
        thread = threading.Thread(
            target=lambda: asyncio.run(running.serve(sockets=[sock])), daemon=True
        )
        thread.start()
        end = time.monotonic() + 10
        while not running.started:
            assert time.monotonic() < end
            time.sleep(0.005)
        served = Served(server, stub, f"http://127.0.0.1:{port}")
        try:
            yield served
        finally:
            served.client.close()
            server.news.close()
            running.should_exit = True
            thread.join(10)
            assert not thread.is_alive()
