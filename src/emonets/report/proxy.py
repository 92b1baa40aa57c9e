"""The film that a page plays: the clip itself where browsers play it, or else a small copy."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from emonets.errors import EmoNetsError, ParameterError
from emonets.media.clip import Clip, Frame, SoundChunk, open_clip
from emonets.media.container import Media, open_media
from emonets.media.convert import orientation
from emonets.media.decoding import first_picture
from emonets.media.held import is_folder, open_file
from emonets.media.images import is_image
from emonets.media.limits import Limits
from emonets.media.streams import Choice
from emonets.report.film_writer import (
    KINDS,
    FilmWriter,
    Kind,
    even_size,
    fitted,
    kinds,
    play,
    written,
)
from emonets.report.outputs import Outputs, outputs_of
from emonets.report.thumbnails import Thumbnails, ThumbnailSink, jpeg_of

FILM, PROXY, THUMBNAILS, PICTURE = "film", "proxy", "thumbnails", "picture"

_PLAIN = ("yuv420p", "yuvj420p")
_LATE = 0.002
"""Browsers differ in where the clock of a file that begins later than this (s) starts."""
_NO_ROOM = (
    errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EPERM, errno.EFBIG,
    getattr(errno, "EDQUOT", -1),
)  # fmt: skip


@dataclass(frozen=True)
class _Plays:
    """What browsers play, of files with one ending."""

    mime: str
    containers: str
    video: tuple[str, ...]
    audio: tuple[str, ...]


_MP4 = _Plays("video/mp4", "mov", ("h264",), ("aac", "mp3"))
_OGG = _Plays("audio/ogg", "ogg", (), ("vorbis", "opus"))
_PLAYED = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".webm": _Plays("video/webm", "matroska", ("vp8", "vp9", "av1"), ("opus", "vorbis")),
    ".m4a": _Plays("audio/mp4", "mov", (), ("aac",)),
    ".mp3": _Plays("audio/mpeg", "mp3", (), ("mp3",)),
    ".flac": _Plays("audio/flac", "flac", (), ("flac",)),
    ".ogg": _OGG, ".oga": _OGG, ".opus": _OGG,
    ".wav": _Plays("audio/wav", "wav", (), ("pcm_s16le", "pcm_u8", "pcm_s24le", "pcm_f32le")),
}  # fmt: skip
_SHOWN = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
}  # fmt: skip
_NAMES = {"libdav1d": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9", "libopus": "opus",
          "libvorbis": "vorbis", "mp3float": "mp3", "aac_fixed": "aac"}  # fmt: skip


@dataclass(frozen=True)
class Proxy:
    """What a page shows of a clip.

    Attributes
    ----------
    kind : ``film``, the clip itself; ``proxy``, a copy; ``thumbnails``, a picture a second;
        ``picture``, of a clip that is one.
    path : of the film or picture; None of thumbnails.
    mime : its type, such as ``video/mp4``; ``image/jpeg`` of thumbnails.
    has_frames, has_sound : of what is shown.
    width, height : of the clip's pictures, in whose pixels the boxes of a result are; 0 of sound.
    why : a sentence: why it is not the clip itself; empty if it is.
    thumbnails : or None.
    """

    kind: str
    path: Path | None
    mime: str
    has_frames: bool
    has_sound: bool
    width: int
    height: int
    why: str = ""
    thumbnails: Thumbnails | None = None


def make_proxy(
    path: str | os.PathLike[str],
    out_folder: str | os.PathLike[str] | Outputs,
    *,
    long_side: int = 640,
    name: str | None = None,
    turns: int = 0,
    always: bool = False,
    limits: Limits = Limits(),
    frame_rate: float | None = None,
    video_stream: int | None = None,
    audio_stream: int | None = None,
    ways: Sequence[Kind] = KINDS,
    on_frame: Callable[[Frame], None] | None = None,
) -> Proxy:
    """Return what a page can play of a clip; make a copy only where browsers do not play it.

    Browsers play mp4 and m4v with H.264 and AAC, and webm with VP8, VP9 or AV1 and Opus or Vorbis,
    in 4:2:0 with 8 bits. The clip itself is then used. It is copied where it is another kind of
    file, where its pictures are turned or its pixels are not square, where it has several streams
    of a kind, and where its time does not begin at 0: browsers differ in these. The pictures of a
    copy have the times of the clip (to 1/90000 s in mp4, to 1 ms in webm). Its sound is mono.

    Parameters
    ----------
    path : the clip. out_folder : of the copy; it is made if need be. Or what takes its files.
    long_side : pixels of the longer side of the copy at most, 16 or more.
    name : of the copy, without an ending; by default the clip's. Two clips need two names.
    turns : clockwise quarter turns of the pictures (`emonets.media.turned`).
    always : make a copy in any case, as of a damaged clip.
    limits, frame_rate, video_stream, audio_stream : as for `emonets.media.clip.open_clip`.
    ways : of writing films, best first.
    on_frame : called for each picture that is copied.

    Raises
    ------
    MediaError : the clip cannot be decoded.
    ParameterError : ``long_side`` is out of range.
    EmoNetsError : the copy cannot be written.

    Examples
    --------
    >>> made = make_proxy("film.avi", "report")  # doctest: +SKIP
    >>> made.kind, made.path.name  # doctest: +SKIP
    ('proxy', 'film.mp4')
    """
    if isinstance(long_side, bool) or not isinstance(long_side, int) or long_side < 16:
        raise ParameterError(f"long_side={long_side!r}: must be pixels, 16 or more")
    clip = open_clip(
        Path(path), limits=limits, frame_rate=frame_rate,
        video_stream=video_stream, audio_stream=audio_stream,
    )  # fmt: skip
    clip.turn(turns)
    file, info = clip.info.path, clip.info
    outputs, name = outputs_of(out_folder), name or file.stem
    if info.has_frames and _is_picture(file):
        return _picture(clip, outputs, name, long_side, always or bool(clip.turned))
    choice = Choice(video_stream, audio_stream)
    why = "it is damaged" if always else _why_not(clip, limits, choice)
    about = (info.has_frames, info.has_sound, info.width, info.height)
    if not why:
        return Proxy(FILM, file, _mime(_PLAYED[file.suffix.lower()].mime, info.has_frames), *about)
    for kind in kinds(sound=info.has_sound, ways=ways):
        made = _copy(clip, outputs, name, kind, long_side, on_frame)
        if made is not None:
            mime = _mime(kind.mime, info.has_frames)
            return Proxy(PROXY, made, mime, *about, why=f"a copy is played, for {why}")
    if not info.has_frames:
        return Proxy(
            THUMBNAILS, None, "", False, False, 0, 0, f"nothing is played, for {why}, and no "
            "encoder of this computer could copy it",
        )  # fmt: skip
    sink = ThumbnailSink(outputs, name, (info.width, info.height))
    play(clip, sink, sound=False)
    return Proxy(
        THUMBNAILS, None, "image/jpeg", True, False, info.width, info.height,
        f"a picture a second is shown, for {why}, and no encoder of this computer could copy it",
        sink.finish(),
    )  # fmt: skip


def _mime(mime: str, frames: bool) -> str:
    return mime if frames else mime.replace("video/", "audio/")


def _is_picture(file: Path) -> bool:
    if is_folder(file):
        return False
    with open_file(file) as opened:
        return is_image(opened.read(64)) and file.suffix.lower() not in (".mjpg", ".mjpeg")


def _picture(clip: Clip, outputs: Outputs, name: str, long_side: int, always: bool) -> Proxy:
    """Of a single image: itself, or a JPEG where browsers do not show it."""
    info = clip.info
    mime = _SHOWN.get(info.path.suffix.lower())
    if mime is not None and not always:
        return Proxy(PICTURE, info.path, mime, True, False, info.width, info.height)
    image = next(clip.frames()).image
    size = even_size(info.width, info.height, long_side)
    outputs.write(f"{name}.jpg", jpeg_of(fitted(image, size), 85))
    made = outputs.path(f"{name}.jpg")
    why = "a copy is shown, for browsers do not show this kind of picture"
    return Proxy(PICTURE, made, "image/jpeg", True, False, info.width, info.height, why)


def _why_not(clip: Clip, limits: Limits, choice: Choice) -> str:
    """Why browsers do not play a clip as it was read; empty if they do."""
    file = clip.info.path
    if is_folder(file):
        return "it is a folder of pictures"
    plays = _PLAYED.get(file.suffix.lower())
    if plays is None:
        return f"browsers do not play {file.suffix or 'files without an ending'}"
    with open_media(file, max_pixels=limits.max_pixels, threads=1, choice=choice) as media:
        return _why_not_media(media, plays) or ("its pictures are turned" if clip.turned else "")


def _why_not_media(media: Media, plays: _Plays) -> str:
    """The first of these that holds."""
    container = media.container
    if plays.containers not in container.format.name.split(","):
        return f"it is {container.format.name} inside"
    if container.metadata.get("major_brand", "").strip() == "qt":
        return "it is QuickTime inside"
    for stream, played in ((media.video, plays.video), (media.audio, plays.audio)):
        codec = None if stream is None else stream.codec_context.name
        if codec is not None and _NAMES.get(codec, codec) not in played:
            return f"browsers do not play {codec} in {media.path.suffix}"
    whole = {
        "it has several streams of a kind": max(map(len, _streams(media))) > 1,
        "its end is missing": media.cut_off,
        "its time does not begin at 0": abs(float(media.origin)) > _LATE,
    }
    return next((why for why, holds in whole.items() if holds), "") or _why_not_pictures(media)


def _streams(media: Media) -> tuple[Sequence[object], Sequence[object]]:
    return media.container.streams.video, media.container.streams.audio


def _why_not_pictures(media: Media) -> str:
    if media.video is None:
        return ""
    if media.aspect not in (None, 0, 1):
        return "its pixels are not square"
    picture = first_picture(media)
    if picture is None or picture.format.name not in _PLAIN:
        return "browsers do not play its kind of colours"
    return "" if orientation(picture) == (0, False) else "its pictures are turned"


class _Copy:
    """Hands what a pass yields to a writer."""

    def __init__(self, writer: FilmWriter, on_frame: Callable[[Frame], None] | None) -> None:
        self._writer, self._on_frame = writer, on_frame

    def push_frame(self, frame: Frame) -> None:
        self._writer.push_frame(frame.time, frame.image, frame.duration)
        if self._on_frame is not None:
            self._on_frame(frame)

    def push_sound(self, chunk: SoundChunk) -> None:
        self._writer.push_sound(chunk)


def _copy(
    clip: Clip,
    outputs: Outputs,
    name: str,
    kind: Kind,
    long_side: int,
    on_frame: Callable[[Frame], None] | None,
) -> Path | None:
    """Write a copy; None where the encoder fails."""
    info = clip.info
    suffix = kind.suffix if info.has_frames else kind.suffix.replace(".mp4", ".m4a")
    outputs.refuse(name + suffix, info.path)
    made = outputs.path(name + suffix)
    size = even_size(info.width, info.height, long_side) if info.has_frames else None
    rate = info.frame_rate if math.isfinite(info.frame_rate) else 25.0
    try:
        about = {"sound": info.has_sound, "rate": min(max(rate, 1.0), 240.0)}
        with outputs.film(name + suffix) as file, written(file, kind, size, **about) as writer:
            play(clip, _Copy(writer, on_frame))
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise cannot_write(made, error) from None
        return None
    return made


def cannot_write(path: Path, error: OSError) -> EmoNetsError:
    """The error of a file that cannot be written."""
    return EmoNetsError(
        f"{path}: cannot be written ({error.strerror or error}); free space or choose another "
        "folder"
    )
