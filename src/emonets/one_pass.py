"""One pass over a clip, for all readers: its pictures and its sound are decoded once.

Decoding and finding faces cost more than most predictions that follow. Both are done once for all
specialists.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import reduce
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import FRAMES, SOUND, TUBES, BaseReader, Features, Reader
from emonets.errors import MediaError
from emonets.media.clip import Clip, Frame, GapFiller, SoundChunk
from emonets.media.parts import MARGIN
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike, SensitiveDetector, load_detector
from emonets.tubes.pipeline import find_tubes, prefetch
from emonets.tubes.tube import FaceTube
from emonets.tubes.upright import LeanWatch, set_upright

T = TypeVar("T")

# what may wait for a reader: bounds the memory
_TUBES_WAITING = 2
_FRAMES_WAITING = 4
_CHUNKS_WAITING = 64

_PAUSE = 4.0
_ABOUT = 2.0


@dataclass
class Pictures:
    """The times of a clip's frames, from a pass over them.

    Attributes
    ----------
    count : frames so far. first, last : seconds, of the first and of the latest frame.
    shown : seconds for which the latest frame is shown, by the file; 0: not stated.
    """

    count: int = 0
    first: float = 0.0
    last: float = 0.0
    shown: float = 0.0
    _steps: array[float] = field(default_factory=lambda: array("d"))

    def add(self, time: float, shown: float = 0.0) -> None:
        """Take the time of the next frame, and how long it is shown (0: not stated), seconds."""
        if self.count:
            self._steps.append(time - self.last)
        else:
            self.first = time
        self.last, self.shown = time, shown
        self.count += 1

    @property
    def step(self) -> float:
        """Mean time between frames without pauses, seconds; 0 of fewer than two.

        A pause is a step of more than four times the median.
        """
        if not self._steps:
            return 0.0
        steps = np.array(self._steps)
        pauses = steps[steps > _PAUSE * np.median(steps)]
        if not pauses.size:
            return (self.last - self.first) / len(steps)
        return float((self.last - self.first - pauses.sum()) / (len(steps) - pauses.size))

    @property
    def span(self) -> tuple[float, float]:
        """Start of the first picture and end of the last, seconds.

        The last one is shown for the mean step, or, where the file states quite another duration,
        for that.
        """
        step = self.step
        if self.shown > 0 and not step / _ABOUT <= self.shown <= step * _ABOUT:
            step = self.shown
        return self.first, self.last + step

    @property
    def times(self) -> NDArray[np.float64]:
        """(n,) seconds of each frame."""
        if not self.count:
            return np.zeros(0)
        return np.asarray(self.first + np.concatenate([[0.0], np.cumsum(self._steps)]))

    @property
    def pauses(self) -> list[tuple[float, float]]:
        """Start and end, in seconds, of long stretches without a picture."""
        times = self.times
        long = np.flatnonzero(np.diff(times) > 2 * MARGIN)
        step = self.step
        return [(float(times[i] + step), float(times[i + 1])) for i in long]

    def about(self) -> Features:
        """``span`` (2,) and ``step`` (), as features have them."""
        return {"span": np.array(self.span), "step": np.array(self.step)}


@dataclass(frozen=True)
class Pass:
    """What a pass over a clip returns: features by reader, the times of its frames, its pauses."""

    features: dict[str, Features]
    pictures: Pictures = field(default_factory=Pictures)
    pauses: Sequence[tuple[float, float]] = ()
    """Start and end, in seconds, of long stretches without a picture and without a sample, as far
    as both were read."""


def read_clip(
    clip: Clip,
    readers: Mapping[str, Reader],
    *,
    detector: DetectorLike = "auto",
    stride: int = 1,
    crops: CropFolder | None = None,
    on_frame: Callable[[Frame], None] | None = None,
) -> Pass:
    """Decode a clip once and give each reader what it needs.

    Readers work in other threads than the decoder: those of tubes share one, those of frames one,
    those of sound one. Where no face is found at all, the pictures are decoded a second time for
    a slower and more sensitive detector. Where faces lie on their side or head, the clip turns its
    pictures first, and notes it (`emonets.tubes.upright`).

    Parameters
    ----------
    readers : by name. Of a clip without pictures, or without sound, those that need them return
        empty features.
    detector, stride, crops : as in :func:`emonets.tubes.pipeline.find_tubes`.
    on_frame : called for every frame, for progress.

    Raises
    ------
    MediaError : the clip's pictures cannot be decoded or, where it has none, its sound.
    """
    needed = {need for reader in readers.values() for need in reader.needs}
    use_frames = clip.info.has_frames and not needed.isdisjoint((TUBES, FRAMES))
    use_sound = clip.info.has_sound and SOUND in needed
    with OpenPass(readers) as made:

        def on_each(frame: Frame) -> None:
            made.push_frame(frame)
            if on_frame is not None:
                on_frame(frame)

        if use_frames and TUBES in needed:
            faces = load_detector(detector)
            if crops is None:
                set_upright(clip, faces)
            watch = LeanWatch(faces)
            found = find_tubes(
                clip, watch, stride=stride, crops=crops,
                second=SensitiveDetector, on_frame=on_each,
                on_sound=made.push_sound if use_sound else None,
            )  # fmt: skip
            with closing(found):
                for tube in found:
                    made.push_tube(tube)
            clip.notes += filter(None, [watch.note()])
        elif use_frames or use_sound:
            clip.forget()
            with closing(prefetch(clip.decode(frames=use_frames, sound=use_sound), 8)) as parts:
                for part in parts:
                    if isinstance(part, Frame):
                        on_each(part)
                    else:
                        made.push_sound(part)
        if use_frames and not made.pictures.count:
            clip.raise_undecoded()
        return made.finish(clip, frames=use_frames, sound=use_sound)


class OpenPass:
    """A pass whose frames, face tubes and sound are pushed: by `read_clip`, or as they come live.

    Use it in a ``with`` block: its threads end there. Each kind is pushed from one thread, in the
    order of time.

    Parameters
    ----------
    readers : by name, as for `read_clip`.

    Attributes
    ----------
    pictures : the times of the frames so far.
    """

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self.pictures = Pictures()
        self._readers = dict(readers)
        self._gaps = GapFiller()
        self._stack = ExitStack()

        def given(need: str) -> list[Reader]:
            return [reader for reader in self._readers.values() if need in reader.needs]

        enter = self._stack.enter_context
        self._tubes: _Worker[FaceTube] = enter(
            _worker("tubes", _TUBES_WAITING, *(r.push_tube for r in given(TUBES)))
        )
        self._frames: _Worker[Frame] = enter(
            _worker("frames", _FRAMES_WAITING, *(r.push_frame for r in given(FRAMES)))
        )
        self._sound: _Worker[SoundChunk] = enter(
            _worker("sound", _CHUNKS_WAITING, *(r.push_sound for r in given(SOUND)))
        )

    def __enter__(self) -> OpenPass:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; what still waits is not read."""
        self._stack.close()

    def push_frame(self, frame: Frame) -> None:
        """Take the next frame."""
        self.pictures.add(frame.time, frame.duration)
        self._frames.push(frame)

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube."""
        self._tubes.push(tube)

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take the next sound; a gap before it is filled with zeros."""
        for part in self._gaps.fill(chunk):
            self._sound.push(part)

    def finish(self, clip: Clip, *, frames: bool, sound: bool) -> Pass:
        """Wait for the readers, and return what they found.

        Parameters
        ----------
        clip : is warned, or refused, where a reader has a problem with it.
        frames, sound : whether the clip's pictures, and its sound, were pushed.

        Raises
        ------
        MediaError : a reader refuses the clip.
        """
        for worker in (self._tubes, self._frames, self._sound):
            worker.wait()
        out = {}
        for name, reader in self._readers.items():
            own = reader.finish()
            _check(clip, reader)
            if "span" not in own and not reader.needs.isdisjoint((TUBES, FRAMES)):
                own |= self.pictures.about()
            out[name] = own
        read = [self.pictures.pauses] * frames + [self._gaps.gaps] * sound
        return Pass(out, self.pictures, reduce(_overlap, read) if read else ())


def _overlap(
    one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return [(start, end) for start, end in both if start < end]


def _check(clip: Clip, reader: Reader) -> None:
    """Refuse a clip, or count it as damaged, where a reader has a problem with it."""
    problem = reader.problem
    if problem is None:
        return
    if problem.fatal or not clip.info.has_frames:
        raise MediaError(clip.info.path, problem.text, problem.hint)
    clip.warnings.append(problem.text)
    clip.damaged = True


class _Worker(Generic[T]):
    """Passes items to functions in a thread of its own, a few items behind at most."""

    def __init__(
        self, pool: ThreadPoolExecutor | None, most: int, functions: Sequence[Callable[[T], None]]
    ) -> None:
        self._pool, self._most, self._functions = pool, most, functions
        self._waiting: deque[Future[None]] = deque()

    def push(self, item: T) -> None:
        if self._pool is None:
            return
        self._waiting.append(self._pool.submit(self._call, item))
        if len(self._waiting) > self._most:
            self._waiting.popleft().result()

    def _call(self, item: T) -> None:
        for function in self._functions:
            function(item)

    def wait(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


@contextmanager
def _worker(name: str, most: int, *functions: Callable[[T], None]) -> Iterator[_Worker[T]]:
    if not functions:
        yield _Worker(None, most, functions)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix=f"emonets-{name}")
    try:
        yield _Worker(pool, most, functions)
    finally:
        pool.shutdown(cancel_futures=True)


class Describer(Protocol):
    """Turns a piece of a face tube into arrays with an entry a picture."""

    def describe(self, tube: FaceTube) -> Features:
        """Arrays with an entry a picture, among them ``index`` and ``track``."""

    def empty(self) -> Features:
        """The same arrays without an entry, for clips without a face."""


class TubeReader(BaseReader):
    """Keeps what a describer returns of each piece of a tube.

    Parameters
    ----------
    describer : of the pieces.
    by_track : order of the entries: one track after the other; else by frame and then track.
    """

    needs = frozenset({TUBES})

    def __init__(self, describer: Describer, *, by_track: bool = False) -> None:
        self._describer = describer
        self._keys = ("index", "track") if by_track else ("track", "index")
        self._parts: list[Features] = []

    def push_tube(self, tube: FaceTube) -> None:
        """Describe a piece of a face tube."""
        self._parts.append(self._describer.describe(tube))

    def finish(self) -> Features:
        """The arrays of all pieces, joined and in order."""
        parts = [self._describer.empty(), *self._parts]
        whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        order = np.lexsort([whole[key] for key in self._keys])
        return {key: value[order] for key, value in whole.items()}


def about_pictures(tube: FaceTube) -> Features:
    """Which pictures a tube's are: ``track``, ``index``, ``time`` (s), ``boxes`` (n, 4) pixels,
    ``detected`` and ``score``, an entry a picture.
    """
    return {
        "track": np.full(len(tube.index), tube.track, np.int64),
        "index": np.asarray(tube.index, np.int64),
        "time": np.asarray(tube.times, np.float64),
        "boxes": np.asarray(tube.boxes, np.float64),
        "detected": np.asarray(tube.detected, np.bool_),
        "score": np.asarray(tube.scores, np.float64),
    }


def no_pictures() -> Features:
    """`about_pictures` of nothing."""
    return {
        "track": np.empty(0, np.int64), "index": np.empty(0, np.int64), "time": np.empty(0),
        "boxes": np.empty((0, 4)), "detected": np.empty(0, np.bool_), "score": np.empty(0),
    }  # fmt: skip
