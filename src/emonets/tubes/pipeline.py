"""From a clip to its face tubes: decode, detect, follow, crop (paper 3.1.3)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

import numpy as np

from emonets.errors import ParameterError
from emonets.media.clip import Clip, Frame, SoundChunk
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import Detector
from emonets.tubes.locate import locate
from emonets.tubes.tube import FaceTube, HasBoxes
from emonets.tubes.verify import Verifier

T = TypeVar("T")
_DONE = object()


def prefetch(items: Iterable[T], size: int = 4) -> Generator[T, None, None]:
    """The same items, made ahead of time by a thread: decoding and detection overlap.

    At most ``size`` items wait. An error of the source is raised here, in its place. When the
    consumer stops early the thread ends too.
    """
    waiting: queue.Queue[object] = queue.Queue(size)
    stop = threading.Event()
    failure: list[BaseException] = []

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    break
        except BaseException as error:
            failure.append(error)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            put(_DONE)

    thread = threading.Thread(target=work, name="emonets-decode", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _DONE:
            yield item  # type: ignore[misc]
        if failure:
            raise failure[0]
    finally:
        stop.set()
        thread.join()


def find_tubes(
    clip: Clip,
    detector: Detector,
    *,
    stride: int = 1,
    crops: CropFolder | None = None,
    second: Callable[[], Detector] | None = None,
    second_step: float = 0.2,
    verify: bool = True,
    on_frame: Callable[[Frame], None] | None = None,
    on_sound: Callable[[SoundChunk], None] | None = None,
) -> Generator[FaceTube, None, None]:
    """Follow every face through a clip, in one pass over its frames.

    Parameters
    ----------
    detector : is run on every ``stride``-th frame; faces in between are interpolated.
    crops : a user's own face crops; where a frame has some they are located in it and take the
        place of the detector's boxes, in the same tubes (3.1.3, as with Picasa's).
    second : makes a slower, more sensitive detector for clips where the first finds nothing at
        all (the paper's fallback). It is run on one frame every ``second_step`` seconds.
    verify : end a tube where it goes on with another person's face (``tubes.verify``).
    on_frame : called for every frame of the first pass, for progress and time stamps.
    on_sound : called for every chunk of sound, which is then decoded in the same pass.

    Yields
    ------
    Pieces of tubes as they are finished; pieces of one person share ``track``.
    """
    if isinstance(stride, bool) or not isinstance(stride, int | np.integer) or stride < 1:
        raise ParameterError(f"stride must be a whole number, 1 or more, got {stride!r}")
    reset = getattr(detector, "reset", None)
    if reset is not None:
        reset()
    builder = TubeBuilder(verifier=Verifier() if verify else None)
    # closed here, and not when an error's traceback is forgotten: the thread would live as long
    if second is None:
        clip.forget()
    parts = prefetch(clip.decode(sound=on_sound is not None), 8)
    with closing(parts):
        for number, frame in enumerate(_frames(parts, on_sound)):
            if on_frame is not None:
                on_frame(frame)
            boxes: HasBoxes | None = None
            if crops is not None and (own := crops.at(frame.index)):
                boxes = locate(frame.image, own)
            if (boxes is None or not len(boxes.boxes)) and number % stride == 0:
                boxes = detector.detect(frame.image)
            yield from builder.add(frame, boxes)
            if builder.found:
                clip.forget()
    yield from builder.finish()
    if not builder.found and second is not None:
        yield from _second_pass(clip, second(), second_step, verify)


def _second_pass(clip: Clip, sensitive: Detector, step: float, verify: bool) -> Iterator[FaceTube]:
    """The tubes of a more sensitive detector, run every ``step`` seconds."""
    if not clip.repeatable:
        clip.notes.append(
            "the slower and more sensitive search for faces was left out, for the frames can be "
            "read only once: give an array, or a file"
        )
        return
    builder = TubeBuilder(verifier=Verifier() if verify else None)
    due = -float("inf")
    with closing(prefetch(clip.frames())) as frames:
        for frame in frames:
            boxes = None
            if frame.time >= due:
                boxes, due = sensitive.detect(frame.image), frame.time + step
            yield from builder.add(frame, boxes)
    yield from builder.finish()


def _frames(
    parts: Iterable[Frame | SoundChunk], on_sound: Callable[[SoundChunk], None] | None
) -> Iterator[Frame]:
    """The frames among the parts of a clip; sound goes to ``on_sound``."""
    for part in parts:
        if isinstance(part, Frame):
            yield part
        elif on_sound is not None:
            on_sound(part)
