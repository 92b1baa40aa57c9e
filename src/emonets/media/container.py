"""Opening a media file so that nothing but this one file is ever read.

FFmpeg's demuxers can follow references (playlists, concatenation scripts, external tracks) to
other files and to the network. Here the file is opened by Python and handed over as a byte
source; only what `emonets.media.formats` lists is let in, and a request to open anything else is
refused. What is in it is decoded by `emonets.media.decoding`.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from emonets.errors import MediaError
from emonets.media.ends import is_cut_off
from emonets.media.formats import CODEC_WHITELIST, FORMATS
from emonets.media.streams import Choice, Streams, choose_streams
from emonets.media.unknown_length import missing_lengths
from emonets.runtime.parallel import asked_threads

_OPEN_SECONDS = 60.0
"""Reading the headers may take this long (s); only a maliciously built file needs seconds."""

_INDEXED = ("mov", "matroska")
"""Containers that have true times and an index of their key frames."""

_LEAD = 2.0
"""Reading begins at the last key frame that is so much (s) earlier than the requested time: sound
decoders need a lead, and pictures shown right after a key frame may need those before it."""

_MAX_REORDER = 4
"""Encoders that write AVI delay a frame by no more than so many (their own depth of B-frames)."""

_PLAYLIST = re.compile(rb"#EXTM3U|ffconcat|\[playlist\]|<\?xml|<smil|<asx|v=0\r?\n", re.IGNORECASE)


@dataclass
class Media:
    """An open container and the streams of it that are used."""

    container: InputContainer
    video: VideoStream | None
    audio: AudioStream | None
    origin: Fraction
    """The stream time, in seconds, that is the clip's zero."""
    cut_off: bool
    """By the file's own structure its end is missing."""
    streams: Streams
    """How the streams were chosen."""
    skipped_end: float = 0.0
    """Seconds to which streams go that were not decoded."""
    midway: bool = False
    """Reading did not begin at the beginning."""
    _delay: int | None = None

    def go_to(self, time: float, streams: Sequence[VideoStream | AudioStream]) -> bool:
        """Let reading begin shortly before a time, where the container has an index.

        Returns
        -------
        Whether each of the streams begins before ``time`` (seconds, the clip's clock), with
        something that can be decoded by itself; if not, the container is to be opened again. A
        time near the beginning, and a container without an index, leave everything as it is.
        """
        if time <= _LEAD or not self.container.format.name.startswith(_INDEXED):
            return True
        self.midway = True
        place = round((time - _LEAD + float(self.origin)) * av.time_base)
        try:
            for stream in streams:
                self.container.seek(place)
                packet = next(self.container.demux(stream))
                if packet.pts is None or packet.time_base is None:
                    return False
                if packet.pts * packet.time_base - self.origin > time:
                    return False
            self.container.seek(place)
        except Exception:  # its index is damaged, but it may still play
            return False
        return True

    def note_end(self, packet: Packet[Any]) -> None:
        """Remember how far a packet that is not decoded reaches."""
        stamp, base = packet.pts, packet.time_base
        if stamp is not None and base is not None:
            end = float((stamp + (packet.duration or 0)) * base - self.origin)
            self.skipped_end = max(self.skipped_end, end)

    @property
    def aspect(self) -> Fraction | None:
        """A pixel's width over its height."""
        return None if self.video is None else self.video.sample_aspect_ratio

    def times(self, frame: VideoFrame | AudioFrame) -> tuple[float | None, float]:
        """Return a frame's time stamp on the clip's clock, or None, and its duration, or 0 (s)."""
        # not the frame's own base: the last frames out of a decoder have none
        stream = self.video if isinstance(frame, VideoFrame) else self.audio
        base = stream.time_base if stream is not None else None
        if base is None:
            return None, 0.0
        stamp = self._slot(frame) if isinstance(frame, VideoFrame) and self._avi else frame.pts
        # whole numbers up to the one division: as exact as a fraction, and faster
        top, bottom = base.numerator, base.denominator
        duration = (frame.duration or 0) * top / bottom
        if stamp is None:
            return None, duration
        return stamp * top / bottom - float(self.origin), duration

    @property
    def _avi(self) -> bool:
        return bool(self.container.format.name == "avi")

    def _slot(self, frame: VideoFrame) -> int | None:
        """Return when a frame of an AVI file is shown, in its stream's time base.

        AVI has a time for each packet but none for each frame, and those that FFmpeg makes up
        go to and fro where frames are reordered. A frame leaves the decoder with the time of
        the packet that pushed it out; what the first is late by is the decoder's delay.
        """
        if frame.dts is None or self.video is None:
            return None
        if self._delay is None:
            late = frame.dts - (self.video.start_time or 0)
            step = self.video.average_rate and 1 / self.video.average_rate
            base = self.video.time_base
            plausible = step and base and 0 <= late * base <= _MAX_REORDER * step
            self._delay = late if plausible else 0
        return int(frame.dts - self._delay)


class _Source(io.RawIOBase):
    """A file as it is passed to FFmpeg: a neutral name, and a deadline while headers are read.

    The name is shown to FFmpeg's format guesser, so of the real one only the suffix is kept.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        suffix = path.suffix.lower()
        self.name = "clip" + (suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else "")
        self.deadline: float | None = time.monotonic() + _OPEN_SECONDS
        self.refused = False
        self._file = path.open("rb", buffering=0)
        size = self._file.seek(0, io.SEEK_END)
        self._patches = missing_lengths(self._file, size)
        self.is_cut_off = not self._patches and is_cut_off(self._file, size)
        self._file.seek(0)

    def read(self, size: int = -1, /) -> bytes:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError("reading its headers takes too long")
        if not self._patches:
            return self._file.read(size) or b""
        at = self._file.tell()
        data = bytearray(self._file.read(size) or b"")
        for place, right in self._patches.items():
            for i, byte in enumerate(right, place - at):
                if 0 <= i < len(data):
                    data[i] = byte
        return bytes(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        super().close()

    def refuse(self, url: str, flags: int, options: dict[str, str]) -> object:
        """Refuse FFmpeg's attempt to open a second file."""
        self.refused = True
        raise PermissionError("a media file may not open other files")


@contextmanager
def open_media(
    path: Path, *, max_pixels: int, threads: int, choice: Choice = Choice()
) -> Iterator[Media]:
    """Open a media file for one reading.

    Parameters
    ----------
    path : an existing, regular file.
    max_pixels : pictures with more pixels are refused, by the decoder itself if need be.
    threads : decoding threads for the picture; 0: as many as ``OMP_NUM_THREADS``, or else as
        FFmpeg chooses.
    choice : the streams that are used.

    Raises
    ------
    MediaError : no allowed container, damaged beyond opening, nothing in it to decode, or no
        stream of the number in ``choice``.
    """
    try:
        source = _Source(path)
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from error
    try:
        try:
            container = av.open(
                source,
                mode="r",
                # `none` is no protocol: there is nothing that FFmpeg may open by itself
                options={
                    "format_whitelist": FORMATS,
                    "codec_whitelist": CODEC_WHITELIST,
                    "protocol_whitelist": "none",
                    "max_pixels": str(max_pixels),
                },
                metadata_errors="replace",
                io_open=source.refuse,
            )
        except Exception as error:
            # PyAV hands on FFmpeg's errors, those of the source, and its own; to the user
            # they all mean one thing
            raise _refusal(path, source, error) from error
        source.deadline = None
        with container:
            yield _set_up(path, container, max_pixels, threads, source.is_cut_off, choice)
    finally:
        source.close()


def _refusal(path: Path, source: _Source, error: Exception) -> MediaError:
    """The error of a file that did not open, by what its first bytes show."""
    try:
        with path.open("rb") as file:
            head = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as failure:
        return MediaError(path, f"cannot be read ({failure.strerror})")
    if source.refused or _PLAYLIST.match(head):
        reason = "is a playlist or description that names other files, which are not opened"
        hint = "give the media files themselves"
    elif isinstance(error, TimeoutError):
        reason, hint = str(error), "re-encode it with a media tool"
    elif source.is_cut_off:
        reason, hint = "is cut off, and cannot be read without its end", "copy it again"
    elif head and _is_text(head):
        reason, hint = "is text, not media", "give a video, sound or image file"
    else:
        reason = f"is damaged, or in a format that is not read ({describe(error)})"
        hint = "check that it plays, or re-encode it, for example to .mp4"
    return MediaError(path, reason, hint)


def _is_text(head: bytes) -> bool:
    # the last bytes may be half a character
    text = head.decode("utf-8", "ignore")
    return len(text.encode()) >= len(head) - 3 and all(c.isprintable() or c.isspace() for c in text)


def describe(error: BaseException) -> str:
    """Give the short text of an error of FFmpeg's, without the name of the byte source."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def _set_up(
    path: Path,
    container: InputContainer,
    max_pixels: int,
    threads: int,
    cut_off: bool,
    choice: Choice,
) -> Media:
    """Pick the picture and the sound stream, and set their decoders up."""
    streams = choose_streams(path, container, choice)
    video, audio = streams.video, streams.audio
    if video is None and audio is None:
        kinds = sorted({str(s.type) for s in container.streams}) or ["nothing"]
        raise MediaError(
            path,
            f"{'is cut off and ' * cut_off}holds neither picture nor sound that can be decoded "
            f"(it holds: {', '.join(kinds)})",
            "re-encode it, for example to .mp4 with H.264 and AAC",
        )
    if video is not None:
        if video.width * video.height > max_pixels:
            raise MediaError(
                path,
                f"claims pictures of {video.width}x{video.height} pixels, more than the limit "
                f"of {max_pixels}",
                "scale it down, or raise the limit (Limits(max_pixels=...), --limit pixels=...)",
            )
        # a stream may change its size on the way, so that the decoder needs the limit, too
        video.codec_context.options = {"max_pixels": str(max_pixels)}
        video.codec_context.thread_count = threads or asked_threads()
        video.thread_type = "AUTO"
    return Media(container, video, audio, _origin(video, audio), cut_off, streams)


def _origin(video: VideoStream | None, audio: AudioStream | None) -> Fraction:
    """Find the stream time at which the clip starts: the earlier of its streams' starts.

    Sound that starts a little before zero is its encoder's run-in, which the decoder drops.
    """
    starts = []
    for stream in (video, audio):
        if stream is not None and stream.start_time is not None and stream.time_base:
            start = stream.start_time * stream.time_base
            starts.append(max(start, Fraction(0)) if stream is audio and start > -1 else start)
    return min(starts, default=Fraction(0))
