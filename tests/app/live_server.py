"""A server with the live endpoint and its page only, for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from time import monotonic, sleep
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from emonets import EmoNets
from emonets.app.live import Live

KINDS = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


async def _asset(request: Request) -> Response:
    name = request.path_params.get("name", "live.html")
    for room in ("emonets.app", "emonets.report"):
        found = files(room).joinpath("assets", name)
        if found.is_file():
            text = found.read_text("utf-8")
            notice = files("emonets.report").joinpath("assets", "notice.html").read_text("utf-8")
            return Response(
                text.replace("{{notice}}", notice),
                media_type=KINDS[name.rpartition(".")[2]],
                headers={"Content-Security-Policy": POLICY},
            )
    return Response("", 404)


@contextmanager
def live_server(load: Callable[[], EmoNets], **options: Any) -> Iterator[tuple[Live, int]]:
    """A `Live` and the port of 127.0.0.1 at which it listens."""
    live = Live(load, **options)
    app = Starlette(routes=[
        Route("/live", _asset), Route("/assets/{name}", _asset),
        WebSocketRoute("/api/live", live.endpoint),
    ])  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(
        app, "127.0.0.1", 0, log_level="error", ws="websockets-sansio", ws_max_size=2_000_000,
        ws_per_message_deflate=False,
    ))  # fmt: skip
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = monotonic() + 30
    while not server.started:
        assert monotonic() < end
        sleep(0.01)
    try:
        yield live, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
