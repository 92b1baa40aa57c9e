"""A clip from memory: arrays, or an iterator of pictures, in place of a file.

`MemoryClip` yields the same frames and sound as the file of the same pixels and samples, so that
all that follows gives the same numbers.

An iterator can be read once only. Its pictures go into a temporary file until a face has been
found, for only a clip without one is decoded a second time. The memory does not grow.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import EmoNetsError, ParameterError
from emonets.media.arrays import as_picture
from emonets.media.clip import Clip, ClipInfo
from emonets.media.decoding import Damage
from emonets.media.limits import Limits
from emonets.media.parts import Frame, SoundChunk
from emonets.media.pictures import BEYOND
from emonets.media.waveform import Waveform
from emonets.runtime.scratch import temporary_file

MOST_KEPT = 2**30
"""Bytes of an iterator's pictures that are kept in a temporary file: 1 GiB."""

Picture = NDArray[np.uint8]


class MemoryClip(Clip):
    """A clip from memory; see `open_memory`."""

    def __init__(
        self, info: ClipInfo, frames: _Frames | None, sound: Waveform | None, limits: Limits
    ) -> None:
        super().__init__(info, limits=limits)
        self._frames, self._sound = frames, sound

    @property
    def repeatable(self) -> bool:
        """Whether a further pass yields the same again; of an iterator mostly not."""
        return self._frames is None or self._frames.source.repeatable

    def forget(self) -> None:
        """Note that no pass follows the one that runs now."""
        if self._frames is not None:
            self._frames.source.forget()

    def _parts(
        self, frames: bool, sound: bool, start: float, ahead: bool, damage: Damage
    ) -> Iterator[Frame | SoundChunk]:
        chunks: Iterator[SoundChunk] = iter(())
        if sound and self._sound is not None:
            chunks = self._sound.chunks()
        waiting: SoundChunk | None = next(chunks, None)
        most = self.limits.max_duration
        if frames and self._frames is not None:
            for frame in self._frames.read(start, ahead):
                while waiting is not None and waiting.time <= frame.time:
                    yield waiting
                    waiting = next(chunks, None)
                if frame.time > most or frame.index >= self.limits.max_frames:
                    damage.add(BEYOND)
                    break
                yield frame
        while waiting is not None:
            if waiting.time > most:
                damage.add(BEYOND)
                return
            yield waiting
            waiting = next(chunks, None)


def open_memory(
    frames: Any = None,
    *,
    fps: float | None = None,
    times: Iterable[float] | None = None,
    sound: Any = None,
    rate: Any = None,
    bgr: bool = False,
    name: str | None = None,
    limits: Limits = Limits(),
) -> MemoryClip:
    """A clip of pictures, of sound, or of both.

    Parameters
    ----------
    frames : an array (n, h, w, 3), (n, h, w) or the like; or pictures, each as
        `emonets.media.arrays.as_picture` takes it, all of one size: a list, or an iterator, which
        is read once. None: there are none.
    fps : frames a second. times : seconds of each frame, in place of that; they increase. Both
        count from the beginning of the sound.
    sound, rate : see `emonets.media.waveform.Waveform`. None: there is none.
    bgr : whether arrays are BGR, as OpenCV reads pictures.
    name : of the clip in results; None: ``frames``, or ``sound`` where there are no frames.
    limits : beyond which the rest is not read.

    Raises
    ------
    ParameterError : they are not what they should be; the message tells how to change them. What
        is wrong with a later picture is found when it is read.
    """
    if frames is None and sound is None:
        raise ParameterError("there are neither frames nor sound; give one of them, or paths")
    made = _sound_of(sound, rate)
    pictures = None
    if frames is None:
        if fps is not None or times is not None:
            raise ParameterError("fps and times belong to frames; give frames, or leave them out")
    else:
        pictures = _Frames(_source_of(frames, bgr), _Clock(fps, times))
    named = name or ("frames" if pictures is not None else "sound")
    lengths = [made.duration] if made is not None else []
    height = width = 0
    if pictures is not None:
        height, width = pictures.first.shape[:2]
        lengths.append(pictures.duration)
    info = ClipInfo(
        path=Path(named), has_frames=pictures is not None, has_sound=made is not None,
        width=width, height=height, frame_rate=math.nan if fps is None else float(fps),
        duration=max(lengths) if not any(map(math.isnan, lengths)) else math.nan,
    )  # fmt: skip
    return MemoryClip(info, pictures, made, limits)


def open_picture(picture: Picture, name: str = "image") -> MemoryClip:
    """A still picture (h, w, 3) uint8 RGB, as the clip of an image file is."""
    info = ClipInfo(Path(name), True, False, picture.shape[1], picture.shape[0], math.nan, 0.0)
    frames = _Frames(_Several([picture], False), _Clock(None, [0.0]))
    return MemoryClip(info, frames, None, Limits())


def _sound_of(sound: Any, rate: Any) -> Waveform | None:
    if sound is None:
        if rate is not None:
            raise ParameterError("rate belongs to sound; give sound, or leave rate out")
        return None
    if rate is None:
        raise ParameterError("sound needs rate, its samples a second: give rate=48000 or the like")
    return Waveform(sound, rate)


# --- times -----------------------------------------------------------------------------------


class _Clock:
    """The time of each frame, in seconds.

    Parameters
    ----------
    fps, times : see `open_memory`; exactly one of them.
    """

    def __init__(self, fps: float | None, times: Iterable[float] | None) -> None:
        if (fps is None) == (times is None):
            given = "not both" if fps is not None else "such as fps=25"
            raise ParameterError(
                f"frames need fps, the frames a second, or times, the seconds of each: {given}"
            )
        self.step = 0.0
        self._times: list[float] | None = None
        self._coming: Iterator[Any] = iter(())
        self.count: int | None = None
        if fps is not None:
            if isinstance(fps, bool) or not isinstance(fps, int | float | np.number):
                raise ParameterError(f"fps must be the frames a second, got {fps!r}")
            if not (math.isfinite(fps) and fps > 0):
                raise ParameterError(f"fps={fps!r}: must be above 0")
            self.step = 1 / float(fps)
        else:
            self._times = []
            try:
                self._coming = iter(times)  # type: ignore[arg-type]
            except TypeError:
                raise ParameterError(
                    f"times must be the seconds of each frame, got {times!r}"
                ) from None
            if isinstance(times, Sequence | np.ndarray):
                for i in range(len(times)):
                    self.at(i)
                self.count = len(times)

    def at(self, index: int) -> float:
        """The time of a frame; frames are asked for in order, the first time."""
        if self._times is None:
            return index * self.step
        while len(self._times) <= index:
            self._times.append(self._checked(len(self._times)))
        return self._times[index]

    def check_end(self, count: int) -> None:
        """Raise where there are more times than frames."""
        if self.count is not None and self.count != count:
            raise ParameterError(
                f"there are {count} frames and {self.count} times; give each frame its time"
            )

    def _checked(self, i: int) -> float:
        try:
            given = next(self._coming)
        except StopIteration:
            raise ParameterError(
                f"there are {i} times and more frames; give each frame its time"
            ) from None
        try:
            time = float(given)
        except (TypeError, ValueError):
            time = math.nan
        if not math.isfinite(time):
            raise ParameterError(f"times[{i}]: is {given!r}, not a number of seconds")
        if time < 0:
            raise ParameterError(
                f"times[{i}]: is {time:g}; times count from the beginning, from 0 on"
            )
        if self._times and time <= self._times[-1]:
            raise ParameterError(
                f"times[{i}]: is {time:g} s, not after {self._times[-1]:g} s of the frame before; "
                "sort the frames by time and leave out repeated ones"
            )
        return time


# --- pictures --------------------------------------------------------------------------------


class _Pictures:
    """Checks pictures one after the other: all of one size."""

    def __init__(self, bgr: bool) -> None:
        self._bgr = bgr
        self._shape: tuple[int, ...] | None = None
        self._deep = False

    def take(self, image: Any, index: int, *, copy: bool) -> Picture:
        """A picture as (h, w, 3) uint8 RGB."""
        where = f"frames[{index}]"
        if self._deep and getattr(image, "dtype", None) == np.uint16:
            # a dark one among pictures that reach beyond 255
            image = (image >> 8).astype(np.uint8)
        picture = as_picture(image, bgr=self._bgr, where=where, copy=copy)
        self._deep |= getattr(image, "dtype", None) == np.uint16 and bool(picture.any())
        if self._shape is None:
            self._shape = picture.shape
        elif picture.shape != self._shape:
            (h, w), (height, width) = picture.shape[:2], self._shape[:2]
            raise ParameterError(
                f"{where}: has {w}x{h} pixels, and the frames before {width}x{height}; bring them "
                "to one size"
            )
        return picture


class _Several:
    """Pictures that lie in memory, as often as they are needed."""

    repeatable = True

    def __init__(self, pictures: Sequence[Any] | NDArray[Any], bgr: bool) -> None:
        self._pictures, self._bgr = pictures, bgr
        self.count: int | None = len(pictures)
        if not self.count:
            raise ParameterError("frames: holds no picture")

    def forget(self) -> None:
        """Nothing is kept."""

    def read(self, ahead: bool) -> Iterator[Picture]:
        """All pictures from the first."""
        checked = _Pictures(self._bgr)
        for i, picture in enumerate(self._pictures):
            yield checked.take(picture, i, copy=False)


@dataclass(frozen=True)
class _Kept:
    """Where a picture lies in the temporary file."""

    shape: tuple[int, ...]
    offset: int


class _Once:
    """Pictures of an iterator: those that were read are kept in a temporary file, up to a limit.

    Parameters
    ----------
    pictures : is read by one thread at a time.
    """

    count: int | None = None

    def __init__(self, pictures: Iterator[Any], bgr: bool) -> None:
        self._coming, self._checked = pictures, _Pictures(bgr)
        self._kept: list[_Kept] = []
        self._file: Any = None
        self._size = self._read = 0
        self._keeps = True
        self._ended = False

    @property
    def repeatable(self) -> bool:
        """Whether all that was read is kept."""
        return self._keeps

    def forget(self) -> None:
        """Keep nothing that was not kept before."""
        self._keeps = False

    def read(self, ahead: bool) -> Iterator[Picture]:
        """The kept pictures, and then further ones.

        Parameters
        ----------
        ahead : whether to end where more would have to be kept than may be.
        """
        for i in range(len(self._kept)):
            yield self._again(i)
        if self._read > len(self._kept):
            raise EmoNetsError("frames: an iterator of pictures can be read once only; give a list")
        while not self._ended:
            if ahead and self._size >= MOST_KEPT:
                return
            try:
                image = next(self._coming)
            except StopIteration:
                self._ended = True
                return
            # whoever makes them may use one memory for all
            picture = self._checked.take(image, self._read, copy=True)
            self._keeps &= self._size < MOST_KEPT
            if self._keeps:
                self._keep(picture)
            self._read += 1
            yield picture

    def _keep(self, picture: Picture) -> None:
        try:
            if self._file is None:
                self._file = temporary_file()
            self._file.seek(self._size)
            self._file.write(picture.data)
        except OSError as error:
            raise EmoNetsError(
                f"{tempfile.gettempdir()}: cannot keep the first pictures of an iterator "
                f"({error.strerror or error}); free space, or set TMPDIR to another folder"
            ) from None
        self._kept.append(_Kept(picture.shape, self._size))
        self._size += picture.nbytes

    def _again(self, i: int) -> Picture:
        kept = self._kept[i]
        self._file.seek(kept.offset)
        data = self._file.read(math.prod(kept.shape))
        return np.frombuffer(data, np.uint8).reshape(kept.shape)


def _source_of(frames: Any, bgr: bool) -> _Several | _Once:
    if isinstance(frames, str | bytes | dict) or hasattr(frames, "__fspath__"):
        raise ParameterError(
            "frames must be pictures: an array (n, h, w, 3), a list or an iterator; give a file "
            "as paths"
        )
    if hasattr(frames, "__array__") and not hasattr(frames, "__next__"):
        frames = np.asarray(frames)
        if frames.ndim not in (3, 4) or 0 in frames.shape:
            raise ParameterError(
                f"frames: has shape {frames.shape}; frames are (n, h, w, 3) colour or (n, h, w) "
                "grey, with one picture at least"
            )
        if frames.ndim == 3 and frames.shape[2] in (3, 4) and frames.shape[1] > 8:
            raise ParameterError(
                f"frames: has shape {frames.shape}, which is one picture; use emonets.look, or "
                "array[None] for a clip of one frame"
            )
        return _Several(frames, bgr)
    if isinstance(frames, Sequence):
        return _Several(frames, bgr)
    try:
        return _Once(iter(frames), bgr)
    except TypeError:
        raise ParameterError(
            f"frames must be pictures: an array (n, h, w, 3), a list or an iterator, got "
            f"{type(frames).__name__}"
        ) from None


class _Frames:
    """Pictures with their times."""

    def __init__(self, source: _Several | _Once, clock: _Clock) -> None:
        self.source, self._clock = source, clock
        if source.count is not None:
            clock.check_end(source.count)
        first = next(source.read(True), None)
        if first is None:
            raise ParameterError("frames: holds no picture")
        self.first: Picture = first
        """The first picture."""

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the end of the last frame; nan if not known."""
        count = self.source.count
        if count is None:
            return math.nan
        return self._clock.at(count - 1) + self._clock.step

    def read(self, start: float, ahead: bool) -> Iterator[Frame]:
        """The frames from a time on, as `Clip.decode` yields them."""
        index = read = 0
        for picture in self.source.read(ahead):
            time = self._clock.at(read)
            read += 1
            if time >= start:
                yield Frame(index, time, picture, self._clock.step)
                index += 1
        if not ahead:
            self._clock.check_end(read)
