"""Writing a film that browsers play: pictures with their own times, and sound."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from emonets.media.clip import Clip, Frame, GapFiller, SoundChunk
from emonets.media.convert import SOUND_RATE
from emonets.report.outputs import FolderOutputs
from emonets.runtime.parallel import asked_threads

SRGB, LIMITED, BT601 = 13, 1, 6
"""FFmpeg's numbers of the transfer of sRGB, of the range 16..235 and of the matrix of BT.601."""


@dataclass(frozen=True)
class Kind:
    """A way of writing films, of containers and encoders of FFmpeg.

    Attributes
    ----------
    suffix, container, mime : of the file. video, audio : names of the encoders.
    ticks : ticks of a second of the pictures' times.
    options : of the encoder of pictures. rate : bits a second of the sound.
    """

    suffix: str
    container: str
    mime: str
    video: str
    audio: str
    ticks: int
    options: dict[str, str]
    rate: int = 64_000


# a key picture every 24 pictures at least: seeking has little to decode
KINDS = (
    Kind(".mp4", "mp4", "video/mp4", "libx264", "aac", 90_000,
         {"preset": "veryfast", "crf": "26", "bf": "0", "g": "24"}),
    Kind(".mp4", "mp4", "video/mp4", "libopenh264", "aac", 90_000, {"g": "24", "b": "800k"}),
    Kind(".webm", "webm", "video/webm", "libvpx", "libopus", 1000,
         {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "1500k", "g": "24"}),
)  # fmt: skip
"""The ways of writing films, best first.

PyAV's wheels have libx264 and libvpx on Linux, macOS and Windows. Builds of FFmpeg without GPL
parts, as some of conda-forge, have libopenh264 and libvpx.
"""


def kinds(*, sound: bool, ways: Sequence[Kind] = KINDS) -> list[Kind]:
    """Those of the ways whose encoders are here."""
    return [
        kind for kind in ways
        if _has(kind.video) and (not sound or _has(kind.audio))
    ]  # fmt: skip


def _has(name: str) -> bool:
    try:
        av.codec.Codec(name, "w")
    except Exception:  # of PyAV's: it depends on the version
        return False
    return True


def even_size(width: int, height: int, long_side: int | None) -> tuple[int, int]:
    """The size of a film: even, as H.264 needs it, and its long side not above ``long_side``.

    Examples
    --------
    >>> even_size(1920, 1080, 640), even_size(175, 99, 640)
    ((640, 360), (174, 98))
    """
    scale = 1.0 if long_side is None else min(1.0, long_side / max(width, height))
    return max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2)


def fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture in another size (width, height); black bars where its shape is another one."""
    width, height = size
    h, w = image.shape[:2]
    if (w, h) == (width, height):
        return image
    scale = min(width / w, height / h)
    # a difference of a pixel or two is rounding, and not another shape
    own = tuple(
        full if abs(round(side * scale) - full) <= 2 else max(1, round(side * scale))
        for side, full in ((w, width), (h, height))
    )
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, own, interpolation=way), np.uint8)
    if own == (width, height):
        return small
    out = np.zeros((height, width, 3), np.uint8)
    x, y = (width - own[0]) // 2, (height - own[1]) // 2
    out[y : y + own[1], x : x + own[0]] = small
    return out


class FilmWriter:
    """Encodes a film. Memory does not grow with its length.

    Times are those that are given, to 1/90000 s in mp4 and to 1 ms in webm: the first picture may
    be shown after 0. The sound is mono at 48 kHz and begins at 0: what is missing is silence.

    Parameters
    ----------
    file : open for reading and writing. kind : container and encoders.
    size : (width, height) of the pictures, even; None: sound only.
    sound : whether there is sound.
    rate : about how many pictures a second there are; only the encoder's guess of their cost.
    options : change those of ``kind``.
    """

    def __init__(
        self,
        file: BinaryIO,
        kind: Kind,
        size: tuple[int, int] | None,
        *,
        sound: bool,
        rate: float = 25.0,
        options: dict[str, str] | None = None,
    ) -> None:
        self.frames = 0
        """Pictures so far."""
        self._size, self._kind = size, kind
        mp4 = kind.container == "mp4"
        flags = {"movflags": "+faststart", "video_track_timescale": "90000"} if mp4 else {}
        # the second reading moves the index of mp4 to the front
        self._container: Any = av.open(
            file, "w", format=kind.container, container_options=flags,
            io_open=lambda *_: _Again(file),
        )  # fmt: skip
        self._video = None if size is None else self._add_video(kind, size, rate, options or {})
        self._audio: Any = self._add_audio(kind) if sound else None
        self._tick = -1
        self._held: list[NDArray[np.float32]] = []
        self._count = 0  # samples that were taken
        self._given = 0  # samples that were encoded

    def _add_video(
        self, kind: Kind, size: tuple[int, int], rate: float, options: dict[str, str]
    ) -> Any:
        stream = self._container.add_stream(kind.video, rate=Fraction(rate).limit_denominator(1001))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, kind.ticks)
        context.thread_count = asked_threads()
        context.color_range, context.colorspace = LIMITED, BT601
        context.color_primaries, context.color_trc = BT601, SRGB
        stream.options = kind.options | options
        return stream

    def _add_audio(self, kind: Kind) -> Any:
        stream = self._container.add_stream(kind.audio, rate=SOUND_RATE)
        stream.layout, stream.bit_rate = "mono", kind.rate
        stream.codec_context.format = "flt" if kind.audio == "libopus" else "fltp"
        stream.codec_context.open(strict=False)
        return stream

    def push_frame(self, time: float, image: NDArray[np.uint8], duration: float = 0.0) -> None:
        """Take the next picture, (height, width, 3) RGB, its time and duration (0: unknown); s."""
        if self._video is None or self._size is None:
            return
        frame: Any = VideoFrame.from_ndarray(fitted(image, self._size), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=BT601, dst_color_range=LIMITED)
        # two pictures cannot share a tick
        self._tick = max(round(time * self._kind.ticks), self._tick + 1)
        frame.pts, frame.time_base = self._tick, Fraction(1, self._kind.ticks)
        if duration > 0:
            frame.duration = round(duration * self._kind.ticks)
        frame.color_range, frame.colorspace = LIMITED, BT601
        self.frames += 1
        self._container.mux(self._video.encode(frame))

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take the next sound. It follows what came before without a gap (`GapFiller`)."""
        if self._audio is None:
            return
        if self._count == 0 and chunk.time > 0:
            missing = round(chunk.time * SOUND_RATE)
            while missing > 0:
                self._take(np.zeros(min(missing, SOUND_RATE), np.float32))
                missing -= SOUND_RATE
        self._take(chunk.samples)

    def _take(self, samples: NDArray[np.float32]) -> None:
        self._held.append(samples)
        self._count += samples.size
        step = self._audio.codec_context.frame_size or 1024
        if self._count - self._given < 16 * step:
            return
        self._encode(step, rest=False)

    def _encode(self, step: int, *, rest: bool) -> None:
        samples = np.clip(np.concatenate(self._held), -1.0, 1.0) if self._held else np.zeros(0)
        at = 0
        while samples.size - at >= (1 if rest else step):
            part = samples[at : at + step].astype(np.float32)[np.newaxis]
            kind = self._audio.codec_context.format.name
            frame: Any = av.AudioFrame.from_ndarray(part, format=kind, layout="mono")
            frame.sample_rate = SOUND_RATE
            frame.pts, frame.time_base = self._given, Fraction(1, SOUND_RATE)
            self._given += part.size
            at += step
            self._container.mux(self._audio.encode(frame))
        self._held = [samples[at:].astype(np.float32)]

    def finish(self) -> None:
        """Encode what is held, and close the file."""
        if self._audio is not None:
            self._encode(self._audio.codec_context.frame_size or 1024, rest=True)
            self._container.mux(self._audio.encode(None))
        if self._video is not None:
            self._container.mux(self._video.encode(None))
        self._container.close()

    def abort(self) -> None:
        """Close the file, which is of no use."""
        try:
            self._container.close()
        except Exception:  # it was never begun, or the disk is full
            return


@contextmanager
def film_file(
    path: Path, kind: Kind, size: tuple[int, int] | None, **about: Any
) -> Iterator[FilmWriter]:
    """A `FilmWriter` whose file is whole when the block ends, and else not there.

    Parameters
    ----------
    path : of the file. kind, size, about : as for `FilmWriter`.
    """
    with (
        FolderOutputs(path.parent).film(path.name) as file,
        written(file, kind, size, **about) as w,
    ):
        yield w


@contextmanager
def written(
    file: BinaryIO, kind: Kind, size: tuple[int, int] | None, **about: Any
) -> Iterator[FilmWriter]:
    """A `FilmWriter` that is finished when the block ends.

    Parameters
    ----------
    file, kind, size, about : as for `FilmWriter`.
    """
    writer = FilmWriter(file, kind, size, **about)
    try:
        yield writer
        writer.finish()
    except BaseException:
        writer.abort()
        raise


class _Again(io.RawIOBase):
    """A second reader of a file that is being written, with a position of its own."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        before = self._file.tell()
        if whence == io.SEEK_CUR:
            offset, whence = self._at + offset, io.SEEK_SET
        self._at = self._file.seek(offset, whence)
        self._file.seek(before)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        before = self._file.tell()
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        self._file.seek(before)
        return data


class Sink(Protocol):
    """Takes what one pass over a clip yields."""

    def push_frame(self, frame: Frame) -> None:
        """Take the next picture."""

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take the next sound; it follows the one before without a gap."""


def play(clip: Clip, *sinks: Sink, frames: bool = True, sound: bool = True) -> int:
    """Decode a clip once, and give each sink its pictures and its sound in the order of the file.

    Returns
    -------
    The number of pictures.

    Raises
    ------
    MediaError : nothing can be decoded.
    """
    gaps = GapFiller()
    count = 0
    for part in clip.decode(frames=frames, sound=sound):
        if isinstance(part, Frame):
            count += 1
            for sink in sinks:
                sink.push_frame(part)
            continue
        for piece in gaps.fill(part):
            for sink in sinks:
                sink.push_sound(piece)
    return count
