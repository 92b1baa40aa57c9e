"""The live protocol. (A placeholder.)"""

from __future__ import annotations

from starlette.websockets import WebSocket

from emonets.app.settings import Settings


async def live_endpoint(websocket: WebSocket, settings: Settings) -> None:
    """Answer one session."""
    await websocket.accept()
    await websocket.send_json({"type": "error", "error": "there is no live tab yet"})
    await websocket.close()
