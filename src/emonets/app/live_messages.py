"""What a live session and its client send each other; all bounds are checked here.

Pictures are raw pixels and sound is raw samples, so that no decoder runs on what a client sends.
`docs/howto/live.md` describes the protocol.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.inference.stream import LivePerson, Update
from emonets.media.waveform import checked_rate
from emonets.report.data import UNCERTAIN_BELOW, clip_data, parts_of
from emonets.report.film import NO_FILM
from emonets.report.page import clip_page
from emonets.result import Result, Row

FRAME, SOUND = 1, 2
MOST_PIXELS, LONGEST_SIDE, SHORTEST_SIDE = 640 * 480, 640, 16
MOST_SOUND = 1.0
"""Seconds in one message."""
WINDOWS = (1.0, 60.0)
"""Shortest and longest, seconds."""
MOST_TEXT = 1_000
"""Characters of a text message."""

_HEAD = struct.Struct("<B3sId")
_SIZE = struct.Struct("<HH")
MOST_BYTES = _HEAD.size + _SIZE.size + 4 * MOST_PIXELS
"""Bytes of the longest message, a frame of 640 x 480 pixels."""
_KEYS = {"start": {"type", "window", "rate"}, "stop": {"type"}}


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of a client.

    Attributes
    ----------
    window : seconds that answers are about. rate : of the sound, Hz; None: there is no sound.
    """

    window: float = 5.0
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The last message: the result is wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A frame, or a piece of sound.

    Attributes
    ----------
    number : of the frame, rising; one that is missing was left out by the client.
    time : seconds, by the client's clock.
    image : (h, w, 4) RGBA, or None. samples : (n,) float32, or None.
    arrived : when it came, by ``time.perf_counter``.
    """

    number: int
    time: float
    image: NDArray[np.uint8] | None = None
    samples: NDArray[np.float32] | None = None
    arrived: float = field(default_factory=perf_counter)


def text_of_client(text: str) -> Start | Stop:
    """A text message of the client.

    Raises
    ------
    ParameterError : it is none, or a value is out of bounds.
    """
    if len(text) > MOST_TEXT:
        raise ParameterError(
            f"the text message has {len(text)} characters, {MOST_TEXT} are allowed; pictures and "
            "sound are binary messages"
        )
    try:
        given = json.loads(text)
        kind = given["type"]
        keys = _KEYS[kind]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ParameterError(
            'the text message is not known; send {"type": "start"} or {"type": "stop"} as JSON'
        ) from None
    for key in given.keys() - keys:
        raise ParameterError(f"{kind}: it has the unknown key {key!r}; known are {sorted(keys)}")
    if kind == "stop":
        return Stop()
    return Start(_window(given.get("window", Start().window)), _rate(given.get("rate")))


def _window(value: Any) -> float:
    low, high = WINDOWS
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        raise ParameterError(f"start: window must be {low:g} to {high:g} seconds, got {value!r}")
    return float(value)


def _rate(value: Any) -> int | None:
    try:
        return None if value is None else checked_rate(value)
    except ParameterError as error:
        raise ParameterError(f"start: {error}") from None


def part_of_client(data: bytes, rate: int | None) -> Part:
    """A binary message of the client.

    Parameters
    ----------
    data : ``u8`` kind, three zero bytes, ``u32`` number, ``f64`` seconds, all little endian. Then
        for a frame ``u16`` width, ``u16`` height and RGBA bytes; for sound float32 samples, mono.
    rate : of the sound, Hz, as the start has it.

    Raises
    ------
    ParameterError : it is none, or a value is out of bounds.
    """
    if len(data) < _HEAD.size:
        raise ParameterError(
            f"the binary message has {len(data)} bytes; its head alone has {_HEAD.size}"
        )
    kind, zeros, number, time = _HEAD.unpack_from(data)
    if kind not in (FRAME, SOUND) or any(zeros):
        raise ParameterError(
            f"the binary message begins with {data[:4].hex()}; send 01000000 for a frame, 02000000 "
            "for sound"
        )
    where = f"frame {number}" if kind == FRAME else f"sound {number}"
    if not math.isfinite(time):
        raise ParameterError(f"{where}: its time must be a number of seconds, got {time}")
    if kind == FRAME:
        return Part(number, time, image=_image(data, where))
    return Part(number, time, samples=_samples(data, rate, where))


def _image(data: bytes, where: str) -> NDArray[np.uint8]:
    start = _HEAD.size + _SIZE.size
    if len(data) < start:
        raise ParameterError(f"{where}: it has no width and height")
    width, height = _SIZE.unpack_from(data, _HEAD.size)
    small, large = min(width, height), max(width, height)
    if small < SHORTEST_SIDE or large > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise ParameterError(
            f"{where}: it has {width} x {height} pixels; send {SHORTEST_SIDE} x {SHORTEST_SIDE} "
            "to 640 x 480 or 480 x 640"
        )
    if len(data) != start + 4 * width * height:
        raise ParameterError(
            f"{where}: it has {len(data) - start} bytes of pixels; {width} x {height} pixels of "
            f"RGBA have {4 * width * height}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(height, width, 4)


def _samples(data: bytes, rate: int | None, where: str) -> NDArray[np.float32]:
    if rate is None:
        raise ParameterError(f"{where}: the session was started without a rate of sound")
    size = len(data) - _HEAD.size
    if size % 4 or not 0 < size // 4 <= MOST_SOUND * rate:
        raise ParameterError(
            f"{where}: it has {size} bytes; send float32 samples, of {MOST_SOUND:g} s at most"
        )
    return np.frombuffer(data, "<f4", offset=_HEAD.size)


def frame_message(number: int, time: float, rgba: NDArray[np.uint8]) -> bytes:
    """A frame as a client sends it.

    Parameters
    ----------
    number : rising. time : seconds. rgba : (h, w, 4) uint8.
    """
    height, width = rgba.shape[:2]
    return _HEAD.pack(FRAME, b"", number, time) + _SIZE.pack(width, height) + rgba.tobytes()


def sound_message(number: int, time: float, samples: NDArray[np.float32]) -> bytes:
    """Sound as a client sends it.

    Parameters
    ----------
    number : any. time : seconds, of the first sample. samples : (n,) float32, mono.
    """
    return _HEAD.pack(SOUND, b"", number, time) + samples.astype("<f4").tobytes()


def update_message(update: Update, number: int | None) -> str:
    """An answer, as JSON.

    Parameters
    ----------
    number : of the frame that it is about; None where there is no frame.
    """
    return _json({
        "type": "update",
        "number": number,
        "time": _finite(update.time),
        "age": _finite(update.age),
        "persons": [_person(person) for person in update.persons],
        "voice": None if update.voice is None else {
            **_answer(update.voice), "start": update.voice.start, "end": update.voice.end,
        },
        "frames": update.frames,
        "dropped": update.dropped,
    })  # fmt: skip


def result_message(result: Result, note: str = "") -> str:
    """The result, as JSON: itself, a table, and a page without a film.

    Parameters
    ----------
    note : why the session ended, where the client did not end it.
    """
    (part,) = parts_of(result).values()
    film = {**NO_FILM, "note": "This was a live session. Its pictures and sound are not stored."}
    return _json({
        "type": "result",
        "note": note,
        "result": json.loads(result.to_json()),
        "csv": result.to_csv(),
        "page": clip_page(clip_data(part, film)),
    })  # fmt: skip


def ready_message(model: Any, start: Start) -> str:
    """The session is open: what answers are about."""
    return _json({
        "type": "ready", "emotions": list(EMOTIONS), "window": start.window,
        "specialists": list(model.specialists), "uncertain_below": UNCERTAIN_BELOW,
    })  # fmt: skip


def error_message(sentence: str) -> str:
    """Why a session ended."""
    return _json({"type": "error", "error": sentence})


def _person(person: LivePerson) -> dict[str, Any]:
    row = person.combined
    return {
        "person": person.track, "box": [round(x, 1) for x in person.box], **_answer(row),
        "model": row.model, "usable": row.usable, "speaks": row.speaks,
    }  # fmt: skip


def _answer(row: Row) -> dict[str, Any]:
    most = max(row.probabilities)
    return {
        "label": row.label, "uncertain": row.uncertain or most < UNCERTAIN_BELOW,
        "probabilities": [float(p) for p in row.probabilities],
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
