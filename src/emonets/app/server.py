"""The application, and the process that serves it on this computer."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from emonets.app.api import Api
from emonets.app.jobs import NO_SPACE, Jobs, NoRoomError, no_room
from emonets.app.live import Live
from emonets.app.pages import problem
from emonets.app.queue import News, Queue, Reader
from emonets.app.security import Guard, page_policy, sentence
from emonets.app.settings import Settings
from emonets.app.speed import Speeds
from emonets.contained import Allowance, Contained
from emonets.errors import EmoNetsError, MissingExtraError, ParameterError
from emonets.model import load

HOST = "127.0.0.1"
"""The only address that is listened on."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
log = logging.getLogger("emonets.app")


class Server:
    """All parts of a server together.

    Parameters
    ----------
    settings : its folder, port, token and limits.
    open_reader : makes what reads clips; by default the contained processes.
    """

    def __init__(
        self, settings: Settings, open_reader: Callable[[str | None], Reader] | None = None
    ) -> None:
        self.settings = settings
        self.news = News()
        self.jobs = Jobs(settings, self.news.tell)
        self.queue = Queue(
            self.jobs, Speeds(settings.folder / "speed.json"),
            open_reader or (lambda models: contained(settings, models)),
        )  # fmt: skip
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="emonets-sweeper", daemon=True)
        api = Api(settings, self.jobs, self.queue, self.news)
        self.starlette = Starlette(
            routes=routes(api, settings), lifespan=self._lifespan,
            exception_handlers={
                HTTPException: _refuse, EmoNetsError: _refuse_own, OSError: _refuse_disk,
                ClientDisconnect: _gone, Exception: _unexpected,
            },
        )  # fmt: skip
        self.app: ASGIApp = Guard(self.starlette, token=settings.token, port=settings.port)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.queue.start()
        self._sweeper.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self.close)

    def close(self) -> None:
        """End the work. Clips stay for the next start, unless they are to be forgotten."""
        self._stop.set()
        self.news.close()
        self.queue.stop()
        if self.settings.forget:
            self.jobs.forget()

    def _sweep(self) -> None:
        while not self._stop.wait(min(60.0, max(0.2, self.settings.keep_seconds / 10))):
            try:
                self.jobs.sweep()
            except OSError as error:
                log.error("an old clip cannot be deleted: %s", error)


def contained(settings: Settings, models: str | None) -> Reader:
    """What reads clips: a fresh process for each."""
    allowance = Allowance(
        seconds=settings.max_seconds, memory=settings.max_memory,
        scratch=min(settings.max_disk, 8 * 2**30),
    )  # fmt: skip
    return Contained(
        settings.bundle, device=settings.device, models=models, allowance=allowance, per_process=1
    )


def routes(api: Api, settings: Settings) -> list[BaseRoute]:
    """Every address that is answered."""
    live = Live(lambda: load(settings.bundle, device=settings.device))
    own = [
        Route(path, api.page, methods=["GET"])
        for path in ("/", "/live", "/compare", "/evaluate", "/help")
    ]
    return [
        *own,
        Route("/assets/{name}", api.asset, methods=["GET"]),
        Route("/favicon.ico", api.icon, methods=["GET"]),
        Route("/clips/{id}/", api.clip_page, methods=["GET"]),
        Route("/clips/{id}/{name}", api.clip_file, methods=["GET"]),
        Route("/openapi.json", api.openapi, methods=["GET"]),
        Route("/api/status", api.status, methods=["GET"]),
        Route("/api/jobs", api.list_jobs, methods=["GET"]),
        Route("/api/jobs", api.upload, methods=["POST"]),
        Route("/api/jobs/{id}", api.job, methods=["GET"]),
        Route("/api/jobs/{id}", api.delete, methods=["DELETE"]),
        Route("/api/jobs/{id}/cancel", api.cancel, methods=["POST"]),
        Route("/api/jobs/{id}/again", api.again, methods=["POST"]),
        Route("/api/jobs/{id}/result", api.result, methods=["GET"]),
        Route("/api/jobs/{id}/edits", api.edits, methods=["GET"]),
        Route("/api/jobs/{id}/edits", api.put_edits, methods=["PUT"]),
        Route("/api/comparison", api.comparison, methods=["GET"]),
        Route("/api/evaluation", api.evaluation, methods=["GET"]),
        WebSocketRoute("/api/live", live.endpoint),
    ]


def _answer(request: Request, status: int, text: str) -> Response:
    """A sentence: a page for a person's browser, else JSON."""
    plain = sentence(request.headers, status, text)
    if plain.media_type != "text/html":
        return plain
    policy = {"Content-Security-Policy": page_policy(request.headers["host"])}
    return Response(problem(text), status, policy, "text/html")


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    texts = {
        404: "there is nothing at this address",
        405: f"{request.method} is not possible at this address",
    }
    plain = error.detail in ("Not Found", "Method Not Allowed")
    text = texts.get(error.status_code, error.detail) if plain else error.detail
    answer = _answer(request, error.status_code, text)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _refuse_own(request: Request, error: Exception) -> Response:
    status = 422
    if isinstance(error, NoRoomError):
        status = error.status
    elif isinstance(error, MissingExtraError):
        status = 501
    elif isinstance(error, ParameterError):
        status = 400
    return _answer(request, status, str(error))


async def _refuse_disk(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return _answer(request, 507, str(no_room()))
    return await _unexpected(request, error)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _unexpected(request: Request, error: Exception) -> Response:
    text = "".join(traceback.format_exception(error))
    log.error("%s %s: unexpected: %s", request.method, request.url.path, text)
    return _answer(
        request, 500, f"unexpected: {type(error).__name__}; the server goes on. "
        "The terminal of emonets serve has the details; please report them."
    )  # fmt: skip


class _Uvicorn(uvicorn.Server):
    """Ends in order when a signal comes, and lets those who wait go at once."""

    def __init__(self, config: uvicorn.Config, news: News) -> None:
        super().__init__(config)
        self._news = news

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._news.close()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while it serves; then they have the effect that they had before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
        for number in before:
            signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        for captured in self._captured_signals[:1]:
            handler = before[captured]
            if callable(handler):
                handler(captured, None)
            else:
                signal.raise_signal(captured)


def listen(port: int, host: str = HOST) -> socket.socket:
    """A socket on this computer; port 0 takes a free one.

    Raises
    ------
    ParameterError : the address can be reached from other computers.
    EmoNetsError : the port is taken.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise ParameterError(f"{host}: is not an address of this computer alone")
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise EmoNetsError(
            f"port {port} of this computer cannot be used ({error.strerror or error}); choose "
            "another one with --port, or 0 for a free one"
        ) from None
    made.setblocking(False)
    return made


def config_of(server: Server) -> uvicorn.Config:
    """How a server is served."""
    return uvicorn.Config(
        server.app, http="h11", ws="websockets-sansio", ws_max_size=2**21, ws_max_queue=4,
        # raw pictures of the live tab: compressing them would take longer than examining them
        ws_per_message_deflate=False, log_config=None, log_level="critical", access_log=False,
        proxy_headers=False, server_header=False, date_header=False,
        timeout_graceful_shutdown=1, backlog=128,
    )  # fmt: skip


def serve(server: Server, sock: socket.socket) -> None:
    """Serve until a signal comes."""
    asyncio.run(_Uvicorn(config_of(server), server.news).serve(sockets=[sock]))


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a folder of clips for this process.

    Raises
    ------
    EmoNetsError : another server uses it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (folder / "lock").open("a+b")
    except OSError as error:
        raise EmoNetsError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another --folder"
        ) from None
    with file:
        try:
            if sys.platform == "win32":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EmoNetsError(
                f"{folder}: another emonets serve works with it; use that one, stop it, or choose "
                "another --folder"
            ) from None
        yield


__all__ = ["HOST", "Server", "config_of", "contained", "listen", "only_one", "routes", "serve"]
