"""A server with the live endpoint alone, guarded as the whole server is, for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from emonets import EmoNets
from emonets.app.live import Live
from emonets.app.security import Guard
from emonets.app.server import listen

TOKEN = "the-token-of-the-test"


@contextmanager
def live_server(load: Callable[[], EmoNets], **options: Any) -> Iterator[tuple[Live, int]]:
    """A `Live` and the port of 127.0.0.1 at which it listens."""
    live = Live(load, **options)
    with listen(0) as sock:
        port = sock.getsockname()[1]
        app = Starlette(routes=[WebSocketRoute("/api/live", live.endpoint)])
        server = uvicorn.Server(uvicorn.Config(
            Guard(app, token=TOKEN, port=port), http="h11", ws="websockets-sansio",
            ws_max_size=2**21, ws_max_queue=4, ws_per_message_deflate=False, log_config=None,
        ))  # fmt: skip
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True
        )
        thread.start()
        end = monotonic() + 30
        while not server.started:
            assert monotonic() < end
            sleep(0.01)
        try:
            yield live, port
        finally:
            server.should_exit = True
            thread.join(30)
