"""The live endpoint of the server: a WebSocket, and a `Session` behind it.

The event loop only passes messages on. Frames are examined in one thread of a session, sound in
another. Of the frames that wait only the newest is kept; sound is kept in order.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from emonets.app.live_messages import (
    Part,
    Start,
    Stop,
    error_message,
    part_of_client,
    ready_message,
    result_message,
    text_of_client,
    update_message,
)
from emonets.errors import EmoNetsError, ParameterError
from emonets.model import EmoNets
from emonets.session import Session

PIECES = 3000
"""Pieces of sound that may wait, however short they are."""
log = logging.getLogger("emonets")

NORMAL, GOING_AWAY, POLICY, INTERNAL, LATER = 1000, 1001, 1008, 1011, 1013
"""Codes with which a WebSocket is closed (RFC 6455, 7.4; 1013 of the registry of IANA)."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """What live sessions may take.

    Attributes
    ----------
    sessions : at one time.
    seconds : of one session; then its result is made.
    silence : seconds after which a session ends in which nothing comes; then its result is made.
    start : seconds in which a session must start.
    ahead : seconds by which a time may be ahead of the clock of the server.
    waiting : seconds of sound that may wait to be read; more is left out, as silence.
    sending : seconds in which the client must take the result.
    """

    sessions: int = 2
    seconds: float = 7200.0
    silence: float = 600.0
    start: float = 30.0
    ahead: float = 10.0
    waiting: float = 30.0
    sending: float = 60.0


class Live:
    """The sessions of one server.

    Parameters
    ----------
    load : returns the model. It is called once, in a thread, when the first session starts.
    options : of each `Session`, such as ``detector``.
    limits : what sessions may take.

    Examples
    --------
    >>> live = Live(emonets.load)                                    # doctest: +SKIP
    >>> routes = [WebSocketRoute("/api/live", live.endpoint)]        # doctest: +SKIP
    """

    def __init__(
        self,
        load: Callable[[], EmoNets],
        *,
        options: Mapping[str, Any] = {},
        limits: LiveLimits = LiveLimits(),
    ) -> None:
        self.limits = limits
        self.open = 0
        """Sessions that are open now."""
        self._load, self._options = load, dict(options)
        self._model: EmoNets | None = None
        self._lock = threading.Lock()

    async def endpoint(self, socket: WebSocket) -> None:
        """One session, from its start to its result."""
        await socket.accept()
        if self.open >= self.limits.sessions:
            sentence = (
                f"{self.limits.sessions} live sessions are open, and more are not allowed; stop "
                "another one first"
            )
            await _end(socket, error_message(sentence), LATER)
            return
        self.open += 1
        try:
            await self._serve(socket)
        except WebSocketDisconnect:
            pass  # the tab was closed midway
        except EmoNetsError as error:
            await _end(socket, error_message(str(error)), POLICY)
        except Exception:
            log.exception("a live session failed")
            sentence = "the session failed by a fault of EmoNets; its log has the details"
            await _end(socket, error_message(sentence), INTERNAL)
        finally:
            self.open -= 1

    async def _serve(self, socket: WebSocket) -> None:
        start = await self._started(socket)
        session = await asyncio.to_thread(self._session, start)
        talk = _Talk(socket, session, start, self.limits)
        try:
            await socket.send_text(ready_message(session.model, start))
            note = await talk.run()
            message = await asyncio.to_thread(lambda: result_message(session.finish(), note))
        finally:
            # a cancelled server must not leave threads behind either
            await asyncio.shield(asyncio.to_thread(talk.close))
        await _end(socket, message, NORMAL, self.limits.sending)

    async def _started(self, socket: WebSocket) -> Start:
        """The first message."""
        try:
            message = await _next(socket, self.limits.start)
        except TimeoutError:
            raise ParameterError(f"nothing came for {self.limits.start:g} s") from None
        first = text_of_client(message) if isinstance(message, str) else None
        if not isinstance(first, Start):
            raise ParameterError('the first message must be {"type": "start"}')
        return first

    def _session(self, start: Start) -> Session:
        with self._lock:
            if self._model is None:
                model = self._load()
                warm(model)
                self._model = model
        name = f"live {datetime.now():%Y-%m-%d %H.%M.%S}"
        return Session(self._model, window=start.window, name=name, **self._options)


def warm(model: EmoNets) -> None:
    """Open the networks of a model, so that the first frames of a session do not wait for it."""
    picture = np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8)
    box = (16.0, 16.0, 80.0, 80.0)
    with suppress(EmoNetsError), Session(model, keep=False, detector=lambda _: [box]) as session:
        session.push_sound(picture.astype(np.float32).ravel() / 255 - 0.5, 0.0, rate=16_000)
        for i in range(4):
            session.push_frame(picture, 1.0 + i / 25)
        session.push_sound(np.zeros(16_000, np.float32))
        session.now(wait=True)


class _Talk:
    """One session and its client, from the first frame to the last."""

    def __init__(
        self, socket: WebSocket, session: Session, start: Start, limits: LiveLimits
    ) -> None:
        self._socket, self._session = socket, session
        self._start, self._limits = start, limits
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = self._loop.create_future()
        self._answer: str | None = None
        self._answered = asyncio.Event()
        self._origin: tuple[float, float] | None = None  # of the client, and of this clock
        self._leader = ""  # the kind of the first part, which is pushed first
        self._first: int | None = None
        self._last = -1
        # what the threads share
        self._ready = threading.Condition()
        self._newest: Part | None = None
        self._sound: deque[Part] = deque()
        self._waiting = 0.0
        self._begun = self._ending = self._broken = False
        self._threads = [
            threading.Thread(target=self._work, args=(own,), name=name, daemon=True)
            for own, name in ((self._pictures, "live frames"), (self._sounds, "live sound"))
        ]

    async def run(self) -> str:
        """Pass messages on until the client stops; all that came is pushed then.

        Returns
        -------
        Why it ended, where the client did not end it.
        """
        for thread in self._threads:
            thread.start()
        receiving = asyncio.create_task(self._receive())
        sending = asyncio.create_task(self._send())
        ends: tuple[asyncio.Future[Any], ...] = (self._failed, receiving, sending)
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                if end.done():
                    end.result()  # raises its error
            note = receiving.result()
            await asyncio.to_thread(self._drain)
            if self._failed.done():
                self._failed.result()
            return note
        finally:
            for task in (receiving, sending):
                task.cancel()
            await asyncio.gather(receiving, sending, return_exceptions=True)
            if self._failed.done():
                self._failed.exception()  # it is known
            self._failed.cancel()

    async def _receive(self) -> str:
        end = self._loop.time() + self._limits.seconds
        while self._loop.time() < end:
            try:
                message = await _next(self._socket, self._limits.silence)
            except TimeoutError:
                return f"Nothing came for {self._limits.silence:g} s."
            if isinstance(message, bytes):
                self._take(part_of_client(message, self._start.rate))
            elif isinstance(text_of_client(message), Stop):
                return ""
            else:
                raise ParameterError("start: the session has started already")
        return f"The session ended after {self._limits.seconds / 60:g} minutes, its longest time."

    def _take(self, part: Part) -> None:
        """Keep what came, unless its time cannot be."""
        kind = "sound" if part.image is None else "frame"
        if self._origin is None:
            self._origin, self._leader = (part.time, part.arrived), kind
        ahead = (part.time - self._origin[0]) - (part.arrived - self._origin[1])
        if ahead > self._limits.ahead:
            raise ParameterError(
                f"{kind} {part.number}: its time is {ahead:.3g} s ahead of the clock; a live "
                "session takes frames and sound as they come"
            )
        with self._ready:
            if part.image is not None:
                self._take_frame(part)
            elif self._waiting <= self._limits.waiting and len(self._sound) < PIECES:
                self._sound.append(part)
                self._waiting += self._seconds(part)
            self._ready.notify_all()

    def _take_frame(self, part: Part) -> None:
        if part.number <= self._last:
            raise ParameterError(
                f"frame {part.number}: its number is not after {self._last}, that of the frame "
                "before; count the frames of the camera"
            )
        self._first = part.number if self._first is None else self._first
        self._last = part.number
        assert self._origin is not None
        if part.time >= self._origin[0]:  # sound may begin first; what lies before is left out
            self._newest = part

    def _seconds(self, part: Part) -> float:
        assert part.samples is not None
        assert self._start.rate is not None
        return part.samples.size / self._start.rate

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._call(self._fail, error)

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _pictures(self) -> None:
        session = self._session
        while True:
            with self._ready:
                self._ready.wait_for(
                    lambda: (self._newest is not None and self._may("frame")) or self._ending
                )
                part, self._newest = self._newest, None
            if part is None or self._broken:
                return
            # numbers that never came were left out by the client
            seen = part.number - (self._first or 0) + 1
            session.dropped = max(0, seen - session.frames - 1)
            session.push_frame(part.image, part.time, arrived=part.arrived)
            self._begin()
            self._call(self._offer, update_message(session.now(), part.number))

    def _sounds(self) -> None:
        session, answers = self._session, 0
        while True:
            with self._ready:
                self._ready.wait_for(lambda: (self._sound and self._may("sound")) or self._ending)
                if not self._sound or self._broken:
                    return
                part = self._sound.popleft()
                self._waiting -= self._seconds(part)
            session.push_sound(part.samples, part.time, rate=self._start.rate)
            self._begin()
            if self._first is None and session.voice_answers != answers:
                answers = session.voice_answers  # it may have been made between two pieces
                self._call(self._offer_voice, update_message(session.now(), None))

    def _may(self, kind: str) -> bool:
        """What came first is pushed first: its time is the origin of the session."""
        return self._begun or kind == self._leader

    def _begin(self) -> None:
        if not self._begun:
            with self._ready:
                self._begun = True
                self._ready.notify_all()

    def _call(self, function: Callable[[Any], None], value: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, value)

    def _offer(self, answer: str) -> None:
        """A client that is slow gets the newest answer only."""
        self._answer = answer
        self._answered.set()

    def _offer_voice(self, answer: str) -> None:
        """Where there are frames, their answers hold the voice."""
        if self._first is None:
            self._offer(answer)

    async def _send(self) -> None:
        while True:
            await self._answered.wait()
            self._answered.clear()
            if self._answer is not None:
                answer, self._answer = self._answer, None
                await self._socket.send_text(answer)

    def _drain(self) -> None:
        """Let the threads finish what they have."""
        with self._ready:
            self._ending = True
            self._ready.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def close(self) -> None:
        """End the threads, then the session."""
        self._broken = True
        self._drain()
        self._session.close()


async def _next(socket: WebSocket, seconds: float) -> str | bytes:
    """The next message."""
    async with asyncio.timeout(seconds):
        message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", GOING_AWAY))
    data, text = message.get("bytes"), message.get("text")
    return data if data is not None else text or ""


async def _end(socket: WebSocket, message: str, code: int, seconds: float = 10.0) -> None:
    """Send the last message, if somebody is there to take it."""
    if socket.client_state is not WebSocketState.CONNECTED:
        return
    with suppress(WebSocketDisconnect, RuntimeError, OSError):  # TimeoutError is an OSError
        async with asyncio.timeout(seconds):
            await socket.send_text(message)
            await socket.close(code)
