"""A media file as EmoNets reads it: frames with their own times, and sound at 48 kHz.

A clip is a video file, a sound file, a single image, or a folder of numbered images. It is
decoded in one sequential pass whose memory does not grow with the clip's length; frames and
sound share one clock, which starts at 0 where the earlier of the two starts.

Only local files are read, and of these only the one that was named: see `emonets.media.container`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from av.video.frame import VideoFrame

from emonets.errors import MediaError, ParameterError
from emonets.media.container import Media, open_media
from emonets.media.convert import SOUND_RATE, SoundPipe, shown_size, turn
from emonets.media.decoding import Damage, decoded, first_picture
from emonets.media.find import check_path, find_clips, find_clips_each
from emonets.media.held import is_folder, open_file
from emonets.media.images import HEAD, image_header, is_image, read_image
from emonets.media.limits import Limits
from emonets.media.parts import Frame, GapFiller, SoundChunk
from emonets.media.pictures import BEYOND, PicturePath, series_frames
from emonets.media.series import Series, frame_folder
from emonets.media.sound import SoundPath, note_of_other_sound
from emonets.media.streams import Choice

__all__ = [
    "SOUND_RATE", "Clip", "ClipInfo", "Frame", "GapFiller", "Limits", "SoundChunk",
    "find_clips", "find_clips_each", "open_clip",
]  # fmt: skip

_SHORT = 0.5
"""A clip that ends earlier than its header states by more than this (s) is cut off."""


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What the header of a clip states, before it is decoded."""

    path: Path
    has_frames: bool
    has_sound: bool
    width: int
    """Of the pictures as shown (turned, square pixels); 0 without frames."""
    height: int
    frame_rate: float
    """Frames a second by the header: not checked, and a mean at best. nan if it has none."""
    duration: float
    """Seconds by the header: not checked, and often wrong in damaged files. nan if unknown."""


class Clip:
    """A clip, opened by `open_clip`. Holds no open file between passes; each pass starts anew."""

    def __init__(
        self,
        info: ClipInfo,
        *,
        limits: Limits,
        series: Series | None = None,
        threads: int = 0,
        choice: Choice = Choice(),
    ) -> None:
        self.info = info
        self.limits = limits
        self.warnings: list[str] = []
        """What was damaged, doubtful or left out, one sentence a kind; filled by the passes."""
        self.notes: list[str] = []
        """How it is read where that is in doubt, a sentence each; nothing of it is damage."""
        self.damaged = False
        """Whether a pass has found that a part of the file is missing or broken."""
        self.turned = 0
        """Clockwise quarter turns of the pictures, beside those that the file itself states."""
        self._series = series
        self._choice = choice
        self._threads = threads

    def __repr__(self) -> str:
        return f"Clip({str(self.info.path)!r})"

    def decode(
        self, *, frames: bool = True, sound: bool = True, start: float = 0.0, ahead: bool = False
    ) -> Iterator[Frame | SoundChunk]:
        """Decode the clip once, in the order of time.

        Parameters
        ----------
        frames, sound : which of these to decode.
        start : seconds; nothing before this time is yielded. In mp4, mov, mkv, webm and folders
            of images it is not decoded either, so that a late part costs no more than an early
            one. Frames are the same as those of a pass from the beginning. So is sound, to its
            decoder's rounding and that of the file's time stamps (1 ms in mkv and webm). Sound
            of another rate than 48 kHz is resampled from where reading begins.
        ahead : whether this is a glance before the pass that counts. A source that can be read
            once only (`emonets.media.memory`) ends it rather than keep much.

        Yields
        ------
        Frames and pieces of sound, each kind in the order of its times, the two interleaved as
        they lie in the file. What the clip does not have is not yielded.

        What decodes is delivered; what is damaged is left out and recorded in `warnings` when
        the pass ends. Frames with a repeated or earlier time stamp are dropped, and ones without
        follow their predecessor by its duration.

        Raises
        ------
        MediaError : none of the requested streams could be decoded, although the header names
            them; or the file can no longer be opened. Never after something has been yielded.
            It is no error if there is nothing after ``start``.
        """
        damage = Damage()
        delivered = False
        try:
            for part in self._parts(frames, sound, start, ahead, damage):
                if isinstance(part, SoundChunk) and part.end <= start:
                    continue
                delivered = True
                if self.turned and isinstance(part, Frame):
                    yield replace(part, image=turn(part.image, self.turned, False))
                else:
                    yield part
        finally:
            self.warnings += [m for m in damage.messages() if m not in self.warnings]
            self.damaged |= damage.serious
        expected = (frames and self.info.has_frames) or (sound and self.info.has_sound)
        if start <= 0 and expected and not delivered and (frames or not self.info.has_frames):
            self.raise_undecoded(damage.messages())

    def raise_undecoded(self, why: Sequence[str] = ()) -> NoReturn:
        """Raise the error of a clip of which a pass could decode nothing that it needs.

        Parameters
        ----------
        why : the warnings of the pass; by default all warnings so far.

        Raises
        ------
        MediaError : always.
        """
        first = (why or self.warnings)[:1]
        raise MediaError(
            self.info.path,
            "nothing in it could be decoded" + "".join(f" ({text})" for text in first),
            "check that it plays and keeps to the Limits, or re-encode it",
        )

    def turn(self, turns: int) -> None:
        """Let all later passes turn the pictures clockwise by so many quarters."""
        if turns % 2:
            info = self.info
            self.info = replace(info, width=info.height, height=info.width)
        self.turned = (self.turned + turns) % 4

    def frames(self) -> Iterator[Frame]:
        """Decode the pictures only; see `decode`. A clip without any yields nothing."""
        for part in self.decode(sound=False):
            if isinstance(part, Frame):
                yield part

    def sound(self) -> Iterator[SoundChunk]:
        """Decode the sound only, without gaps: see `decode`.

        Yields
        ------
        Pieces of which each starts where the one before ends; where the file leaves a gap they
        hold silence. The first may start after 0. A clip without sound yields nothing.
        """
        gaps = GapFiller()
        for part in self.decode(frames=False):
            if isinstance(part, SoundChunk):
                yield from gaps.fill(part)

    def read_sound(self, *, max_seconds: float = 3600.0) -> SoundChunk:
        """Read the whole sound of a short clip.

        Returns
        -------
        One piece that starts when the sound starts (which may be after 0); gaps are silence.
        Without sound, or if none can be decoded beside the pictures, it has no samples.

        Raises
        ------
        MediaError : the sound is longer than ``max_seconds`` (an hour takes 0.7 GB); or, for a
            clip without frames, nothing can be decoded.
        """
        pieces: list[SoundChunk] = []
        count = 0
        for piece in self.sound():
            count += piece.samples.size
            if count > max_seconds * SOUND_RATE:
                raise MediaError(
                    self.info.path,
                    f"has more than {max_seconds:g} s of sound",
                    "decode it piece by piece with sound(), or raise max_seconds",
                )
            pieces.append(piece)
        if not pieces:
            return SoundChunk(0.0, np.zeros(0, np.float32))
        return SoundChunk(pieces[0].time, np.concatenate([piece.samples for piece in pieces]))

    @property
    def repeatable(self) -> bool:
        """Whether a further pass yields the same again."""
        return True

    def forget(self) -> None:
        """Note that no pass follows the one that runs now."""

    def _parts(
        self, frames: bool, sound: bool, start: float, ahead: bool, damage: Damage
    ) -> Iterator[Frame | SoundChunk]:
        """What a pass yields, before pictures are turned."""
        if self._series is None:
            return self._media(frames, sound, start, damage)
        if not frames:
            return iter(())
        step = 1 / self.info.frame_rate if self._series.numbers[-1] else 0.0
        return series_frames(self._series, step, start, self.limits, damage)

    def _media(
        self, frames: bool, sound: bool, start: float, damage: Damage
    ) -> Iterator[Frame | SoundChunk]:
        """The frames and the sound of a container."""
        limits = self.limits
        with self._reading(frames, sound, start) as media:
            streams = [s for s in (media.video if frames else None, media.audio if sound else None)
                       if s is not None]  # fmt: skip
            if not streams:
                return
            pictures, sounds = PicturePath(media, start, damage), SoundPath(SoundPipe(), damage)
            clock, pipe = pictures.clock, sounds.pipe
            for raw in decoded(media, streams, damage):
                long = max(clock.end, pipe.end) > limits.max_duration
                if long or pictures.count >= limits.max_frames:
                    damage.add(BEYOND)
                    break
                stamp, duration = media.times(raw)
                if isinstance(raw, VideoFrame):
                    frame = pictures.push(raw, stamp, duration)
                    if frame is not None:
                        yield frame
                    continue
                for began, piece in sounds.push(raw, stamp):
                    yield SoundChunk(began, piece)
            for began, piece in sounds.flush():
                yield SoundChunk(began, piece)
            for back in filter(None, (clock.back, pipe.back)):
                damage.add(
                    "a time stamp is broken and was not followed",
                    f"it goes from {back[0]:.2f} back to {back[1]:.2f} s",
                )
            if start <= 0:
                if media.video in streams and not pictures.count:
                    damage.add("no picture could be decoded")
                if media.audio in streams and not pipe.end:
                    damage.add("no sound could be decoded")
                self._note_silence(media, sounds)
            self._check_end(media, max(clock.end, pipe.end, media.skipped_end), damage)

    def _note_silence(self, media: Media, sound: SoundPath) -> None:
        if sound.silent:
            pixels = self.limits.max_pixels
            other = note_of_other_sound(self.info.path, media.streams, pixels)
            self.notes += [other] if other and other not in self.notes else []

    @contextmanager
    def _reading(self, frames: bool, sound: bool, start: float) -> Iterator[Media]:
        """Open the container, to be read from its beginning or from shortly before ``start``."""
        options: dict[str, Any] = {
            "max_pixels": self.limits.max_pixels, "threads": self._threads, "choice": self._choice,
        }  # fmt: skip
        with open_media(self.info.path, **options) as media:
            used = [media.video if frames else None, media.audio if sound else None]
            if media.go_to(start, [stream for stream in used if stream is not None]):
                yield media
                return
        with open_media(self.info.path, **options) as media:
            yield media

    def _check_end(self, media: Media, end: float, damage: Damage) -> None:
        if media.stated is not None and not media.moved and end + _SHORT < self.info.duration:
            damage.add(
                f"it ends at {end:.2f} s, although its header states {self.info.duration:.2f} s"
            )


def _open_images(path: Path, series: Series, frame_rate: float | None, limits: Limits) -> Clip:
    height = width = 0
    problem = None
    for image in series.images[:16]:  # a damaged one among them is reported by the pass
        try:
            height, width = read_image(image, max_pixels=limits.max_pixels).shape[:2]
            break
        except MediaError as error:
            problem = problem or error
    if problem is not None and not width:
        raise problem
    several = is_folder(path)
    rate = series.rate if frame_rate is None else frame_rate
    info = ClipInfo(
        path=path, has_frames=True, has_sound=False, width=width, height=height,
        frame_rate=rate if several else math.nan,
        duration=(series.numbers[-1] + 1) / rate if several else 0.0,
    )  # fmt: skip
    clip = Clip(info, limits=limits, series=series)
    if several:
        clip.notes += series.notes(rate, given=frame_rate is not None)
    elif (header := image_header(path)) is not None and header.count > 1:
        clip.notes.append(f"it holds {header.count} pictures; only its main one is read")
    return clip


def _above_zero(value: float) -> float:
    return value if math.isfinite(value) and value > 0 else math.nan


def open_clip(
    path: str | Path,
    *,
    limits: Limits = Limits(),
    frame_rate: float | None = None,
    threads: int = 0,
    video_stream: int | None = None,
    audio_stream: int | None = None,
) -> Clip:
    """Open a video, a sound file, an image, or a folder of numbered images.

    Parameters
    ----------
    path : a local file, or a folder whose images have names that end in a number. Containers:
        mp4, mov, mkv, webm, avi, flv, mpg, ts, wmv, ogg, gif, and sound files (wav, mp3, flac,
        ogg, opus, m4a, aiff ...); images: png, jpg, bmp, webp, tif. The content decides, not the
        suffix. Cover pictures of sound files are not frames.
    limits : beyond which the clip is refused or no longer read.
    frame_rate : frames a second of a folder of images, which has none of its own: the image with
        number *n* is ``(n - first) / frame_rate`` seconds from the beginning. None: 25, or
        what the names state (`emonets.media.series.rate_of_name`); a folder of photographs
        (`emonets.media.series`) is then refused.
    threads : threads that decode the picture; 0: as many as FFmpeg chooses.
    video_stream, audio_stream : number, from 0, among the picture or the sound streams of the
        file. None: the default one (`emonets.media.streams`). Images have none.

    Returns
    -------
    A clip, whose `Clip.info` is known and of which nothing but a first picture has been decoded.

    Raises
    ------
    MediaError : it is missing, empty, text, a playlist, an address, damaged beyond opening, of a
        kind that is not read, without picture and sound, or beyond the limits.
    ParameterError : ``frame_rate``, ``threads`` or the number of a stream out of range.
    """
    choice = Choice(video_stream, audio_stream)
    if frame_rate is not None and not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ParameterError(f"frame_rate={frame_rate!r}: must be above 0")
    if threads < 0:
        raise ParameterError(f"threads={threads!r}: must be 0 or above")
    found = check_path(path, max_bytes=limits.max_bytes)
    if is_folder(found):
        series = frame_folder(found, forced=frame_rate is not None)
        return _open_images(found, series, frame_rate, limits)
    try:
        with open_file(found) as file:
            head = file.read(HEAD)
    except OSError as error:
        raise MediaError(found, f"cannot be read ({error.strerror})") from error
    # pictures one behind the other begin as one does
    if is_image(head) and found.suffix.lower() not in (".mjpg", ".mjpeg"):
        return _open_images(found, Series((found,), (0,)), frame_rate, limits)
    # one thread returns the first picture soonest
    with open_media(found, max_pixels=limits.max_pixels, threads=1, choice=choice) as media:
        video = media.video
        width = height = 0
        if video is not None:
            picture = first_picture(media)
            if picture is not None:
                width, height = shown_size(picture, media.aspect)
            else:
                width, height = video.width, video.height
        info = ClipInfo(
            path=found,
            has_frames=video is not None,
            has_sound=media.audio is not None,
            width=width,
            height=height,
            frame_rate=_above_zero(float(video.average_rate or 0)) if video else math.nan,
            duration=_above_zero((media.container.duration or 0) / 1e6),
        )
        notes = media.streams.notes
    clip = Clip(info, limits=limits, threads=threads, choice=choice)
    clip.notes += notes
    return clip
