"""A session: frames and sound are pushed as they come, and answered at once or at the end."""

from __future__ import annotations

import math
import threading
import time as clock
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from emonets.contracts import FRAMES, SOUND, TUBES, Specialist
from emonets.errors import MediaError, ParameterError
from emonets.inference.clip import check_streams, needs_pictures, reading_of, unfused_rows
from emonets.inference.scene import IDENTITY, SPEAKERS, readers_for
from emonets.inference.stream import (
    LiveFaces,
    LivePerson,
    LiveVoice,
    Update,
    answer,
    moved,
    shifted,
)
from emonets.inference.windows import WINDOW, Windows, check_windows
from emonets.media.arrays import as_picture
from emonets.media.clip import Clip, ClipInfo, Frame, Limits, SoundChunk
from emonets.media.live_sound import LiveSound
from emonets.media.parts import GapFiller
from emonets.media.timing import MAX_BACK
from emonets.model import EmoNets, load
from emonets.one_pass import OpenPass
from emonets.result import Result
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.detect import DetectorLike, load_detector
from emonets.tubes.tube import HasBoxes
from emonets.tubes.upright import LeanWatch
from emonets.tubes.verify import Verifier
from emonets.version import DEFAULT_BUNDLE

__all__ = ["LivePerson", "Session", "Update"]


class Session:
    """Frames and sound are pushed as they come; `now` answers at once, `finish` for all of it.

    `now` is about the last ``window`` seconds. `finish` returns the same `Result` as
    ``model.predict`` of a clip with these frames and this sound: both go the same way. Where it
    finds no face, it does not search a second time, and it does not turn pictures.

    Frames may be pushed by one thread, sound by another, and `now` be called by a third.

    Parameters
    ----------
    model : an `EmoNets`, or the name of a bundle; None: the default bundle.
    window, hop : seconds, of the windows of `finish`, as in ``predict``. ``window`` is also what
        `now` is about; 5 s where it is no number.
    models : which specialists are used, as in ``predict``.
    stride : detect faces in every ``stride``-th frame only.
    detector : as in ``predict``.
    every : seconds between answers about the voice.
    keep : whether `finish` is used. What it needs takes about 20 MB an hour and a temporary file.
        Without it memory does not grow.
    origin : the time that counts as 0 in the result; None: that of the first push.
    name : how the result and messages name the stream.

    Examples
    --------
    >>> with Session() as session:                                   # doctest: +SKIP
    ...     session.push_frame(image, 0.04)
    ...     session.push_sound(samples, 0.0, rate=16000)
    ...     print([person.label for person in session.now().persons])
    """

    def __init__(
        self,
        model: EmoNets | str | None = None,
        *,
        window: Windows = WINDOW,
        hop: float | None = None,
        models: Any = None,
        stride: int = 1,
        detector: DetectorLike = "auto",
        every: float = 1.0,
        keep: bool = True,
        origin: float | None = None,
        name: str = "stream",
    ) -> None:
        check_windows(window, hop)
        if isinstance(stride, bool) or not isinstance(stride, int | np.integer) or stride < 1:
            raise ParameterError(f"stride must be a whole number, 1 or more, got {stride!r}")
        if not (isinstance(every, int | float) and 0 < every < math.inf):
            raise ParameterError(f"every must be seconds above 0, got {every!r}")
        self.model = (
            model if isinstance(model, EmoNets) else load(model or DEFAULT_BUNDLE)
        ).with_models(models)
        self.name, self.keep = name, keep
        self.frames = 0
        """Frames that were pushed."""
        self.dropped = 0
        """Frames that a source had and that were not pushed."""
        self._window, self._hop = window, hop
        self._seconds = float(window) if isinstance(window, int | float) else WINDOW
        self._stride = int(stride)
        parts = self.model.specialists
        self._known = {name: part.known_classes for name, part in parts.items()}
        self._tubes = any(TUBES in part.needs for part in parts.values())
        self._watch = LeanWatch(load_detector(detector))
        self._watch.reset()
        self._builder = TubeBuilder(verifier=Verifier())
        self._faces = LiveFaces(parts, self._seconds, device=self.model.device)
        self._voice = LiveVoice(
            parts, self._seconds, every=every, device=self.model.device,
            faces=bool(self._faces.specialists), file=name,
        )  # fmt: skip
        if not (keep or self._faces.specialists or self._voice.specialists):
            raise ParameterError(
                f"no specialist of this model answers live ({', '.join(parts)}); use keep=True"
            )
        self._pass = self._open_pass() if keep else None
        self._sound, self._gaps = LiveSound(), GapFiller()
        self._origin = None if origin is None else self._time(origin, "origin")
        self._last_frame = self._last_sound = -math.inf
        self._size = (0, 0)
        self._latency = math.nan
        self._result: Result | None = None
        self._ended = False
        self._lock, self._sound_lock = threading.RLock(), threading.RLock()
        self._origin_lock = threading.Lock()

    def _open_pass(self) -> OpenPass:
        parts = self.model.specialists
        readers = {name: part.open(device=self.model.device) for name, part in parts.items()}
        return OpenPass({**readers, **readers_for(parts, self._clip(True, True))})

    def _clip(self, frames: bool, sound: bool) -> Clip:
        """What stands in the place of a file."""
        width, height = getattr(self, "_size", (0, 0))
        info = ClipInfo(Path(self.name), frames, sound, width, height, math.nan, math.nan)
        return Clip(info, limits=Limits())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def push_frame(
        self, image: Any, time: float, *, bgr: bool = False, arrived: float | None = None
    ) -> None:
        """Take the next frame; its faces are found and predicted at once.

        Parameters
        ----------
        image : (h, w, 3) RGB uint8, or whatever `emonets.media.arrays.as_picture` takes. Its size
            may change from frame to frame.
        time : seconds, later than the frame before. Frames and sound have one clock.
        bgr : whether an array is BGR, as of OpenCV.
        arrived : when it came, by ``time.perf_counter``, for the answer's age; None: now.

        Raises
        ------
        ParameterError : no picture, no time, a time that does not rise, or the session has ended.
            The session goes on without this frame.

        Examples
        --------
        >>> with Session(models="face") as session:
        ...     session.push_frame(np.zeros((64, 64, 3), np.uint8), 0.04)
        ...     session.frames
        1
        """
        arrived = clock.perf_counter() if arrived is None else arrived
        with self._lock:
            self._check_open()
            at = self._time(time, "frame")
            if at <= self._last_frame:
                raise ParameterError(
                    f"frame: its time {at:g} s is not after that of the frame before, "
                    f"{self._last_frame:g} s; push frames in the order of time"
                )
            picture = as_picture(image, bgr=bgr, where="frame", copy=True)
            frame = Frame(self.frames, at - self._start(at), picture)
            self._last_frame, self._size = at, (picture.shape[1], picture.shape[0])
            self._take(frame)
            self.frames += 1
            self._latency = arrived

    def _take(self, frame: Frame) -> None:
        if self._pass is not None:
            self._pass.push_frame(frame)
        if not self._tubes:
            return
        boxes: HasBoxes | None = None
        if self.frames % self._stride == 0:
            boxes = self._watch.detect(frame.image)
        for tube in self._builder.add(frame, boxes):
            if self._pass is not None:
                self._pass.push_tube(tube)
        if boxes is not None:
            faces = self._builder.current()
            self._faces.push(frame.time, faces)
            self._voice.push_faces(faces)

    def push_sound(
        self, samples: Any, time: float | None = None, *, rate: float | None = None
    ) -> None:
        """Take the next sound.

        Parameters
        ----------
        samples : (n,) or (n, channels), as for ``predict``: float -1..1, int16 or int32.
        time : seconds, of the first sample; None: it follows the sound before, and the first
            begins with the latest frame. Differences of up to 15 ms are taken for rounding; what
            is missing beyond counts as silence. Sound before the origin is left out.
        rate : samples a second; needed with the first sound, and then where it changes.

        Raises
        ------
        ParameterError : no sound, no rate, a time that goes backwards, or the session has ended.
            The session goes on without this sound.

        Examples
        --------
        >>> with Session(models="audio") as session:
        ...     session.push_sound(np.zeros(1600, np.float32), 0.0, rate=16000)
        """
        with self._sound_lock:
            self._check_open()
            at = None if time is None else self._time(time, "sound")
            if at is None and not self._sound.begun:
                at = self._last_frame if self.frames else 0.0
            if at is not None:
                self._check_sound(at)
            samples, hertz = self._sound.checked(samples, rate)
            stamp = None if at is None else at - self._start(at)
            self._last_sound = self._last_sound if at is None else at
            for chunk in self._sound.push(samples, hertz, stamp):
                self._hear(chunk)

    def _check_sound(self, at: float) -> None:
        if at < self._last_sound:
            raise ParameterError(
                f"sound: its time {at:g} s is before that of the sound before, "
                f"{self._last_sound:g} s; push sound in the order of time"
            )
        over = self._sound.end + (self._origin or 0.0) - at
        if self._sound.begun and over > MAX_BACK:
            raise ParameterError(
                f"sound: at {at:g} s it begins {over:.3g} s before the sound before ends; check "
                "its time and its rate"
            )

    def _hear(self, chunk: SoundChunk) -> None:
        if self._pass is not None:
            self._pass.push_sound(chunk)
        for part in self._gaps.fill(chunk):
            self._voice.push(part)

    def now(self, *, wait: bool = False) -> Update:
        """What is known at this moment, over the last window.

        Parameters
        ----------
        wait : whether to wait for an answer about the voice that is being made.

        Examples
        --------
        >>> with Session(models="face") as session:
        ...     session.push_frame(np.zeros((64, 64, 3), np.uint8), 0.04)
        ...     session.now().persons
        ()
        """
        with self._lock:
            if wait:
                with self._sound_lock:
                    self._voice.settle(latest=True)
            origin = self._origin or 0.0
            seen = self._last_frame if self.frames else self._voice.end + origin
            if not math.isfinite(seen):
                return Update(math.nan, math.nan, dropped=self.dropped)
            persons, voice = answer(
                self._faces, self._voice.heard, self.model.fusion, self._known, time=seen - origin,
                window=self._seconds, file=self.name,
            )  # fmt: skip
            persons = tuple(moved(person, origin) for person in persons)
            voice = None if voice is None else shifted(voice, origin)
            age = clock.perf_counter() - self._latency
            return Update(seen, age, persons, voice, self.frames, self.dropped)

    @property
    def voice_answers(self) -> int:
        """How many answers about the voice there were so far.

        Examples
        --------
        >>> with Session(models="audio") as session:
        ...     session.voice_answers
        0
        """
        return self._voice.answers

    def finish(self) -> Result:
        """End the session; the result of all that was pushed, as ``predict`` has it.

        Raises
        ------
        MediaError : nothing was pushed, or nothing that this model needs.
        ParameterError : the session was opened with ``keep=False``, or closed.

        Examples
        --------
        >>> session = Session(models="face")
        >>> session.push_frame(np.zeros((64, 64, 3), np.uint8), 0.04)
        >>> session.finish().files[0].status
        'no face'
        """
        if self._result is not None:
            return self._result
        if self._pass is None:
            raise ParameterError("this session keeps nothing for a result; open it with keep=True")
        with self._lock, self._sound_lock:
            self._check_open()
            try:
                self._result = self._finished(self._pass)
            finally:
                self.close()
        return self._result

    def _finished(self, made: OpenPass) -> Result:
        for chunk in self._sound.flush():
            self._hear(chunk)
        for tube in self._builder.finish():
            made.push_tube(tube)
        clip = self._clip(self.frames > 0, self._sound.begun)
        if not (self.frames or self._sound.begun):
            raise MediaError(self.name, "nothing was pushed", "push frames or sound before")
        check_streams(clip, self.model.specialists)
        used: dict[str, Specialist] = {
            name: part for name, part in self.model.specialists.items()
            if self.frames or not needs_pictures(part)
        }  # fmt: skip
        needed = {need for part in used.values() for need in part.needs}
        clip.notes += filter(None, [self._watch.note()])
        if self.dropped:
            clip.notes.append(f"{self.dropped} frames were dropped to keep up")
        found = made.finish(
            clip, frames=self.frames > 0 and not needed.isdisjoint((TUBES, FRAMES)),
            sound=self._sound.begun and SOUND in needed,
        )  # fmt: skip
        kept = {*used, *((IDENTITY,) if self.frames else ())}
        kept |= {SPEAKERS} if self.frames and self._sound.begun else set()
        features = {name: own for name, own in found.features.items() if name in kept}
        reading = reading_of(clip, used, replace(found, features=features), file=self.name)
        unfused, status = unfused_rows(reading, file=self.name, window=self._window, hop=self._hop)
        rows = unfused.fuse(self.model.fusion, self._known)
        return Result(tuple(rows), (status,), self.model.describe(), reading.persons)

    def close(self) -> None:
        """End the session without a result; its threads end.

        Examples
        --------
        >>> session = Session(models="face")
        >>> session.close()
        """
        self._ended = True
        self._voice.close()
        if self._pass is not None:
            self._pass.close()

    def _check_open(self) -> None:
        if self._ended:
            raise ParameterError("this session has ended; open another")

    def _start(self, at: float) -> float:
        with self._origin_lock:
            if self._origin is None:
                self._origin = at
            return self._origin

    @staticmethod
    def _time(value: Any, where: str) -> float:
        good = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not good or not math.isfinite(value):
            raise ParameterError(f"{where}: its time must be a number of seconds, got {value!r}")
        return float(value)
