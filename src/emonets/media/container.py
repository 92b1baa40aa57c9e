"""Opening a media file so that nothing but this one file is ever read.

FFmpeg's demuxers can follow references (playlists, concatenation scripts, external tracks) to
other files and to the network. Here the file is opened by Python and handed over as a byte
source; only what `emonets.media.formats` lists is let in, and a request to open anything else is
refused. What is in it is decoded by `emonets.media.decoding`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from emonets.media.formats import CODEC_WHITELIST, FORMATS
from emonets.media.held import open_file
from emonets.media.source import Source
from emonets.media.stamps import Stamp
from emonets.media.streams import Choice, Streams, choose_streams
from emonets.media.timeline import PAUSE
from emonets.media.timing import MAX_BACK
from emonets.runtime.parallel import asked_threads

_TIMED = ("mov", "matroska", "flv", "avi", "wav")
"""Containers whose header states a duration; FFmpeg only estimates that of others."""

_COUNTED = ("avi", "wav")
"""Of these, containers without time stamps: FFmpeg counts their pictures and samples."""

_CLOCK_90K = ("mpegts", "mpeg")
"""Containers with a clock of 33 bits at 90 kHz, which is often joined to another one."""

_UNDECLARED = ("flv", "mpegts", "mpeg")
"""Containers whose header does not list their streams."""

_LATE = {"probesize": str(64 * 2**20), "analyzeduration": str(24 * 3600 * 10**6)}
"""How far FFmpeg reads for a stream that begins late: 64 MiB, or a day in microseconds."""

_INDEXED = ("mov", "matroska")
"""Containers that have true times and an index of their key frames."""

_FAR = 2**60
"""Behind the end of any file, in FFmpeg's microseconds."""

_LEAD = 2.0
"""Reading begins at the last key frame that is so much (s) earlier than the requested time: sound
decoders need a lead, and pictures shown right after a key frame may need those before it."""

_MAX_REORDER = 4
"""Encoders that write AVI delay a frame by no more than so many (their own depth of B-frames)."""

_PLAYLIST = re.compile(rb"#EXTM3U|ffconcat|\[playlist\]|<\?xml|<smil|<asx|v=0\r?\n", re.IGNORECASE)


@dataclass
class Media:
    """An open container and the streams of it that are used."""

    path: Path
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
    moved: bool = False
    """A time stamp was not followed."""
    put_back: list[float] = field(default_factory=list)
    """Seconds by which streams were moved so far because of that."""
    _delay: int | None = None
    _ticks: dict[int, Fraction] = field(default_factory=dict)

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
            if not self._ends_as_stated(streams):
                return False
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

    def _ends_as_stated(self, streams: Sequence[VideoStream | AudioStream]) -> bool:
        """Whether the last packets lie within the header's duration.

        If not, times may be corrected on the way, which a pass from the beginning finds out.
        """
        if self.stated is None:
            return True
        for stream in streams:
            self.container.seek(_FAR)
            packet = next(self.container.demux(stream))
            time = self.stamp(packet).due
            if packet.size and time is not None and time > self.stated + 1:
                return False
        return True

    @property
    def present(self) -> list[VideoStream | AudioStream]:
        """The picture and the sound stream."""
        return [s for s in (self.video, self.audio) if s is not None]

    @property
    def stated(self) -> float | None:
        """The duration by the header, seconds; None where it states none."""
        return self.about if self.container.format.name.startswith(_TIMED) else None

    @property
    def about(self) -> float | None:
        """That, or FFmpeg's estimate of it; None: unknown."""
        duration = self.container.duration
        return float(duration) / av.time_base if duration and duration > 0 else None

    @property
    def is_counted(self) -> bool:
        """Whether times come from counting, so that none can be broken."""
        return self.container.format.name in _COUNTED

    @property
    def wrap(self) -> float | None:
        """Seconds after which the container's clock starts at 0 again; None: never."""
        return 2**33 / 90_000 if self.container.format.name in _CLOCK_90K else None

    @property
    def most_back(self) -> float:
        """Seconds by which time stamps step back at most without a clock that starts anew."""
        in_order = (*_CLOCK_90K, "ogg")
        return 0.25 if self.container.format.name in in_order else MAX_BACK

    def stamp(self, packet: Packet[Any]) -> Stamp:
        """The times of a packet, in seconds on the clip's clock before any correction."""
        index = packet.stream_index
        if not self._ticks:
            self._ticks = {s.index: s.time_base or Fraction(0) for s in self.present}
        base = self._ticks[index]
        top, bottom, origin = base.numerator, base.denominator, float(self.origin)
        due, shown = packet.dts, packet.pts
        return Stamp(
            index,
            None if due is None else due * top / bottom - origin,
            None if shown is None else shown * top / bottom - origin,
            (packet.duration or 0) * top / bottom, packet.pos, packet.size, packet,
        )  # fmt: skip

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

    def settled(self, time: float | None, last: float) -> float | None:
        """The time of a picture that came into the decoder before a broken stamp was found out.

        Where pictures are out of order, those in advance of the others are.
        """
        if time is not None and time > last + PAUSE:
            for move in self.put_back:
                if -MAX_BACK < time + move - last <= PAUSE:
                    return time + move
        return time

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
    with _opened(path, max_pixels, {}) as (source, container):
        if not _begins_late(container):
            yield _set_up(path, container, max_pixels, threads, source.is_cut_off, choice)
            return
    with _opened(path, max_pixels, _LATE) as (source, container):
        yield _set_up(path, container, max_pixels, threads, source.is_cut_off, choice)


def _begins_late(container: InputContainer) -> bool:
    """Whether pictures or sound may begin so late in a file that FFmpeg has not come so far."""
    found = bool(container.streams.video) + bool(container.streams.audio)
    return found < 2 and container.format.name in _UNDECLARED


@contextmanager
def _opened(
    path: Path, max_pixels: int, further: dict[str, str]
) -> Iterator[tuple[Source, InputContainer]]:
    try:
        source = Source(path)
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
                    **further,
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
            yield source, container
    finally:
        source.close()


def _refusal(path: Path, source: Source, error: Exception) -> MediaError:
    """The error of a file that did not open, by what its first bytes show."""
    try:
        with open_file(path) as file:
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
    origin = _origin(video, audio, run_in=container.format.name not in _CLOCK_90K)
    return Media(path, container, video, audio, origin, cut_off, streams)


def _origin(video: VideoStream | None, audio: AudioStream | None, *, run_in: bool) -> Fraction:
    """Find the stream time at which the clip starts: the earlier of its streams' starts.

    Sound that starts a little before zero is its encoder's run-in, which the decoder drops; in
    containers without a ``run_in`` their clock was about to start at 0 again.
    """
    starts = []
    for stream in (video, audio):
        if stream is not None and stream.start_time is not None and stream.time_base:
            start = stream.start_time * stream.time_base
            drops = run_in and stream is audio and start > -1
            starts.append(max(start, Fraction(0)) if drops else start)
    return min(starts, default=Fraction(0))
