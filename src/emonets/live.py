"""Pictures and sound that come live: a camera, a stream, any source; answers while they come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from emonets.errors import ParameterError
from emonets.inference.stream import LivePerson, Update
from emonets.media.camera import Newest, arrivals
from emonets.model import EmoNets
from emonets.session import Session

__all__ = ["LivePerson", "Update", "stream"]


def stream(
    source: Any,
    *,
    fps: float | None = None,
    rate: float | None = None,
    model: EmoNets | str | None = None,
    live: bool = True,
    session: Session | None = None,
    **options: Any,
) -> Iterator[Update]:
    """Answers about a live source, one a frame that is examined.

    Frames that come while one is examined are dropped, all but the newest: `Update.dropped`
    counts them. Sound is never dropped.

    Parameters
    ----------
    source : the number of a camera; a file, which is played; or an iterable of
        ``(picture, seconds)``, or of pictures with ``fps``. It may yield sound too:
        ``(samples, seconds)`` or samples, arrays with one axis, at ``rate``. A network stream is
        read by a generator of your own.
    fps : frames a second. rate : samples a second.
    model : an `EmoNets`, or the name of a bundle; None: the default bundle.
    live : whether the source goes on by itself. If not, it waits, and nothing is dropped.
    session : your own, to call `Session.finish` after; it is not closed then.
    **options : of a `Session` otherwise, such as ``window``; ``keep`` is False.

    Yields
    ------
    Update; of a source without pictures one an answer about the voice.

    Raises
    ------
    MediaError : the camera or file cannot be opened, or ends with a fault; what came before has
        been yielded then.
    ParameterError : an argument, a picture or a time is wrong.

    Examples
    --------
    >>> for update in stream(0):                                     # doctest: +SKIP
    ...     print(update.time, [person.label for person in update.persons])
    """
    if session is not None and (options or model is not None):
        raise ParameterError("give a session, or the model and options of a new one, not both")
    parts = arrivals(source, fps=fps, rate=rate, live=live)
    if session is not None:
        return _updates(parts, live, session, close=False)
    given = {"keep": False, "name": _name(source), **options}
    if isinstance(source, str | Path):
        given.setdefault("origin", 0.0)  # its clock begins there
    made = Session(model, **given)
    return _updates(parts, live, made, close=True)


def _updates(parts: Any, live: bool, session: Session, *, close: bool) -> Iterator[Update]:
    newest = Newest(parts) if live else None
    before, answers = session.dropped, session.voice_answers
    try:
        with closing(iter(parts if newest is None else newest)) as items:  # type: ignore[type-var]
            for part in items:
                if newest is not None:
                    session.dropped = before + newest.dropped
                if part.samples is None:
                    session.push_frame(part.image, part.time, bgr=part.bgr, arrived=part.arrived)
                    yield session.now(wait=not live)
                    continue
                session.push_sound(part.samples, part.time, rate=part.rate)
                update = session.now(wait=not live) if not session.frames else None
                if update is not None and session.voice_answers != answers:
                    answers = session.voice_answers  # it may have been made between two pieces
                    yield update
    finally:
        if close:
            session.close()


def _name(source: Any) -> str:
    if isinstance(source, int | np.integer):
        return f"camera {source}"
    return str(source) if isinstance(source, str | Path) else "stream"
