"""Which picture and sound stream of a container is used, and a note of those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from emonets.errors import MediaError, ParameterError
from emonets.media.formats import is_allowed_decoder

S = TypeVar("S", VideoStream, AudioStream)

_NO_CLIP = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
"""Covers, previews, and the tiles and layers of another picture."""
_ASIDE = (
    Disposition.visual_impaired | Disposition.hearing_impaired | Disposition.comment
    | Disposition.clean_effects | Disposition.karaoke
)  # fmt: skip
"""Sound beside the clip's own, used only where it is the default or there is no other."""


@dataclass(frozen=True)
class Choice:
    """Streams that the user named, by number from 0 among those of a kind; None: the default."""

    video: int | None = None
    audio: int | None = None

    def __post_init__(self) -> None:
        for name in ("video", "audio"):
            number = getattr(self, name)
            if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
                raise ParameterError(f"{name}_stream={number!r}: must be a whole number from 0")
            if number is not None and number < 0:
                raise ParameterError(f"{name}_stream={number}: must be 0 or above")


@dataclass(frozen=True)
class Streams:
    """The streams that are used.

    Attributes
    ----------
    video, audio : or None where there is none.
    notes : a sentence for each kind of which streams were left out without the user's choice.
    other_sounds : numbers of the other sound streams that can be decoded.
    sound_number : the number of ``audio``.
    """

    video: VideoStream | None
    audio: AudioStream | None
    notes: tuple[str, ...] = ()
    other_sounds: tuple[int, ...] = ()
    sound_number: int = 0


def choose_streams(path: Path, container: InputContainer, choice: Choice = Choice()) -> Streams:
    """Pick the picture and the sound stream.

    The default stream of the container is used. Of several default ones, or none, the largest
    picture and the first sound. Covers and previews are no streams and have no number.

    Raises
    ------
    MediaError : the file has no stream of the number in ``choice``, or it cannot be decoded.
    """
    videos = [s for s in container.streams.video if not s.disposition & _NO_CLIP]
    sounds = list(container.streams.audio)
    video = _named(path, "picture", "video", videos, choice.video)
    audio = _named(path, "sound", "audio", sounds, choice.audio)
    notes = []
    if video is None:
        # of several renditions of one clip the largest is the best to find faces in
        # and a single picture beside a film is its still
        video = max(
            filter(_is_usable, videos),
            key=lambda s: (_is_default(s), s.frames != 1, _area(s)),
            default=None,
        )
        notes += _left_out("picture", "video", videos, video)
    if audio is None:
        audio = min(
            filter(_is_usable, sounds),
            key=lambda s: (not _is_default(s), bool(s.disposition & _ASIDE)),
            default=None,
        )
        notes += _left_out("sound", "audio", sounds, audio)
    others = [i for i, s in enumerate(sounds) if _is_usable(s) and s is not audio]
    number = 0 if audio is None else sounds.index(audio)
    return Streams(video, audio, tuple(notes), tuple(others), number)


def _is_usable(stream: Any) -> bool:
    context = stream.codec_context
    return context is not None and is_allowed_decoder(context.codec.name)


def _is_default(stream: Any) -> bool:
    return bool(stream.disposition & Disposition.default)


def _area(stream: VideoStream) -> int:
    return int(stream.width * stream.height)


def _named(
    path: Path, kind: str, option: str, streams: Sequence[S], number: int | None
) -> S | None:
    if number is None:
        return None
    listed = ", ".join(f"{i} ({_about(s)})" for i, s in enumerate(streams))
    if number >= len(streams):
        raise MediaError(
            path,
            f"has no {kind} stream {number}; it has {listed or 'none'}",
            f"choose one of these with --{option}-stream ({option}_stream=)",
        )
    if not _is_usable(streams[number]):
        raise MediaError(
            path,
            f"has a {kind} stream {number} that cannot be decoded; it has {listed}",
            f"choose another with --{option}-stream ({option}_stream=)",
        )
    return streams[number]


def _left_out(kind: str, option: str, streams: Sequence[S], used: S | None) -> list[str]:
    """A note that names the streams that were not used."""
    others = [
        f"{i} ({_about(s)})" for i, s in enumerate(streams)
        if s is not used and (_is_usable(s) or _is_default(s))
    ]  # fmt: skip
    if used is None or not others:
        return []
    own = f"{streams.index(used)} ({_about(used)})"
    return [
        f"it has {len(streams)} {kind} streams: {own} is used, and not {', '.join(others)}; "
        f"choose with --{option}-stream ({option}_stream=)"
    ]


def _about(stream: Any) -> str:
    """Such as ``1280x720, eng, Commentary``; with the codec where it cannot be decoded."""
    context, parts = stream.codec_context, []
    if context is not None and stream.type == "video":
        parts.append(f"{context.width}x{context.height}")
    elif context is not None:
        count = context.channels
        parts.append(f"{count} channel{'s' * (count != 1)}")
    language = stream.language
    if language and language != "und":
        parts.append(str(language))
    title = str(stream.metadata.get("title", "")).strip()
    if title:
        parts.append(title[:40])
    if _is_default(stream):
        parts.append("default")
    if not _is_usable(stream):
        parts.append("unknown codec" if context is None else f"{context.codec.name}, not read")
    return ", ".join(parts)
