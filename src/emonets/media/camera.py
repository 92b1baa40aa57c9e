"""A camera, a generator or a file as a live source: what arrives, when, and what is left out.

A reader that is slower than its source must not fall behind. `Newest` reads a source in a thread
and keeps one picture, the newest; sound is kept in order. It counts the pictures that it drops.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import cv2
import numpy as np

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import SOUND_RATE, Frame, open_clip

log = logging.getLogger("emonets")

SOUND_WAITING = 30.0
"""Seconds of sound that may wait for a slow reader; older sound is dropped, with a warning."""
_NAP = 0.05
_JOIN = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A picture or a piece of sound of a live source.

    Attributes
    ----------
    time : seconds, of the picture or of the first sample.
    image : as `emonets.media.arrays.as_picture` takes it; None for sound.
    samples : (n,); None for a picture. rate : their rate, Hz.
    bgr : whether the image is BGR.
    arrived : when it came, by ``time.perf_counter``.
    """

    time: float
    image: Any = None
    samples: Any = None
    rate: float = 0.0
    bgr: bool = False
    arrived: float = field(default_factory=perf_counter)


def camera(number: int, *, open_device: Callable[[int], Any] | None = None) -> Iterator[Arrival]:
    """The pictures of a camera, with seconds since the first.

    Parameters
    ----------
    number : of the camera, from 0. open_device : in place of OpenCV's ``VideoCapture``.

    Raises
    ------
    MediaError : the camera cannot be opened; or it gives no more pictures.
    """
    device = open_device(number) if open_device else _opened(number)
    name = f"camera {number}"
    try:
        if not device.isOpened():
            raise MediaError(
                name, "cannot be opened", "check that it is connected and no other program uses it"
            )
        began: float | None = None
        while True:
            good, image = device.read()
            now = perf_counter()
            if not good or image is None:
                raise MediaError(name, "gives no more pictures", "check that it is still connected")
            began = now if began is None else began
            yield Arrival(now - began, image=image, bgr=True, arrived=now)
    finally:
        device.release()


def _opened(number: int) -> Any:
    """OpenCV's device; its warnings of one that is not there would stand beside our error."""
    logging_ = cv2.utils.logging
    before = logging_.getLogLevel()
    logging_.setLogLevel(logging_.LOG_LEVEL_ERROR)
    try:
        return cv2.VideoCapture(number)
    finally:
        logging_.setLogLevel(before)


def played(path: str | Path, *, live: bool = True) -> Iterator[Arrival]:
    """A media file as a live source: each part comes when a player would show it.

    Parameters
    ----------
    live : whether to wait for that; else the parts come as fast as they are taken.

    Raises
    ------
    MediaError : the file cannot be read.
    """
    began = perf_counter()
    for part in open_clip(path).decode():
        if live:
            due = began + (part.time if isinstance(part, Frame) else part.end)
            sleep(max(0.0, due - perf_counter()))
        if isinstance(part, Frame):
            yield Arrival(part.time, image=part.image)
        else:
            yield Arrival(part.time, samples=part.samples, rate=SOUND_RATE)


def given(
    items: Iterable[Any], *, fps: float | None = None, rate: float | None = None
) -> Iterator[Arrival]:
    """What a caller's own source yields.

    Parameters
    ----------
    items : pictures and sound. Pairs ``(picture, seconds)`` and ``(samples, seconds)``; with
        ``fps`` pictures alone too, and with ``rate`` samples alone, each of which begins where the
        one before ended. An array with one axis is sound.
    fps : pictures a second. rate : samples a second.

    Raises
    ------
    ParameterError : an item has no time, or sound has no rate.
    """
    frames, ends = 0, 0.0
    start: Any
    for number, item in enumerate(items):
        thing, at = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        if getattr(thing, "ndim", 0) == 1:
            if rate is None:
                raise ParameterError(
                    f"source: item {number} is sound, and has no rate; give rate, such as 16000"
                )
            start = ends if at is None else at
            ends = start + len(thing) / rate if _is_number(start) else ends
            yield Arrival(start, samples=thing, rate=rate)
            continue
        if at is None and fps is None:
            raise ParameterError(
                f"source: item {number} is a picture without a time; give fps, or let the source "
                "yield (picture, seconds)"
            )
        start = frames / fps if at is None and fps is not None else at
        yield Arrival(start, image=thing)
        frames += 1


class Newest:
    """A source that is read in a thread: all its sound, and of its pictures the newest.

    Iterate over it once. When the source ends or fails, what was read comes first, then its error.
    The thread ends, and closes the source, when the iteration ends in whatever way. A source that
    is waiting itself, as for a network, is closed when it returns.

    Parameters
    ----------
    source : of pictures and sound; it is used in that thread only.

    Attributes
    ----------
    dropped : pictures that were left out so far.

    Examples
    --------
    >>> [part.time for part in Newest(iter([Arrival(0.0, samples=np.zeros(9), rate=9)]))]
    [0.0]
    """

    def __init__(self, source: Iterator[Arrival]) -> None:
        self.dropped = 0
        self._source = source
        self._frame: Arrival | None = None
        self._sound: deque[Arrival] = deque()
        self._waiting = 0.0
        self._failure: BaseException | None = None
        self._done = self._stop = False
        self._changed = threading.Condition()

    def __iter__(self) -> Iterator[Arrival]:
        thread = threading.Thread(target=self._work, name="emonets-camera", daemon=True)
        thread.start()
        try:
            while True:
                with self._changed:
                    while not (self._done or self._sound or self._frame is not None):
                        self._changed.wait(_NAP)  # a limit, so that Ctrl-C is seen
                    done = self._done
                    sound, frame = list(self._sound), self._frame
                    self._sound.clear()
                    self._waiting, self._frame = 0.0, None
                yield from sound
                if frame is not None:
                    yield frame
                if done:
                    break
            if self._failure is not None:
                raise self._failure
        finally:
            with self._changed:
                self._stop = True
            thread.join(_JOIN)

    def _work(self) -> None:
        try:
            for part in self._source:
                with self._changed:
                    if self._stop:
                        break
                    self._take(part)
                    self._changed.notify()
        except BaseException as error:
            self._failure = error
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._done = True
                self._changed.notify()

    def _take(self, part: Arrival) -> None:
        if part.samples is None:
            self.dropped += self._frame is not None
            self._frame = part
            return
        self._sound.append(part)
        self._waiting += len(part.samples) / part.rate
        while self._waiting > SOUND_WAITING and len(self._sound) > 1:
            old = self._sound.popleft()
            self._waiting -= len(old.samples) / old.rate
            log.warning("sound at %.1f s was dropped: its reader is too slow", old.time)


def arrivals(
    source: Any, *, fps: float | None = None, rate: float | None = None, live: bool = True
) -> Iterator[Arrival]:
    """What a source yields: a camera's number, a file, or an iterable; see `camera` and `given`.

    Raises
    ------
    ParameterError : it is none of these, or fps or rate is no number above 0.
    """
    for name, value in (("fps", fps), ("rate", rate)):
        if value is not None and not (_is_number(value) and 0 < value < math.inf):
            raise ParameterError(f"{name} must be a number above 0, got {value!r}")
    if isinstance(source, int | np.integer) and not isinstance(source, bool):
        if source < 0:
            raise ParameterError(f"source: a camera's number is 0 or more, got {source}")
        return camera(int(source))
    if isinstance(source, str) and "://" in source:
        raise ParameterError(
            f"source: {source} is an address, which is not opened here; give a generator of "
            "(picture, seconds) that reads it"
        )
    if isinstance(source, str | Path):
        return played(source, live=live)
    if isinstance(source, Iterable) and not isinstance(source, bytes | dict):
        return given(source, fps=fps, rate=rate)
    raise ParameterError(
        "source must be a camera's number, a file, or an iterable of (picture, seconds), got "
        f"{type(source).__name__}"
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
