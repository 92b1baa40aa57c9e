"""Decoding an open file packet by packet.

Corrupted input is handled here: what decodes is delivered, what does not is counted in a `Damage`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from emonets.media.container import Media, describe
from emonets.media.timeline import Timeline
from emonets.media.transport import is_spliced

_READ_FAILURES = 16
"""After so many failed reads in a row, the rest of the file is given up."""

_SEAM = 1.0
"""Seconds around a place where files were joined."""

_PEEK_PACKETS = 500
"""How many packets are decoded for a first picture when a clip is opened."""


class Damage:
    """What went wrong while a clip was read, counted by kind, with the first detail of each."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}
        self.serious = False
        """Whether the file itself is damaged: something that it should hold is not there."""

    def add(self, what: str, detail: str = "", *, count: int = 1, harmless: bool = False) -> None:
        """Count one more of ``what``."""
        self.serious |= not harmless
        before, first = self._found.get(what, (0, detail))
        self._found[what] = (before + count, first)

    def messages(self) -> list[str]:
        """One sentence a kind, in the order in which they first happened."""
        return [
            (f"{count} times: " if count > 1 else "") + what + (f" ({first})" if first else "")
            for what, (count, first) in self._found.items()
        ]


def decoded(
    media: Media, streams: Sequence[VideoStream | AudioStream], damage: Damage
) -> Iterator[VideoFrame | AudioFrame]:
    """Decode the streams in one sequential pass; frames come in the file's own order.

    Their times are on the one clock of `emonets.media.timeline`. Never raises for damaged data: it
    is counted in ``damage`` and skipped.
    """
    if media.cut_off:
        damage.add("the file is cut off: its end is missing")
    counts = dict.fromkeys((s.index for s in streams), 0)
    corrupt: list[float] = []
    timeline = _timeline(media, damage)
    try:
        yield from _decoded_packets(media, streams, damage, timeline, counts, corrupt)
    finally:
        # where two files were joined, FFmpeg takes the last packets of the first for cut off
        count = sum(all(abs(t - at) > _SEAM for at in timeline.seams) for t in corrupt)
        if count:
            damage.add("a packet is cut off or damaged", count=count)
    _check_count(media, counts, damage)


def _decoded_packets(
    media: Media,
    streams: Sequence[VideoStream | AudioStream],
    damage: Damage,
    timeline: Timeline,
    counts: dict[int, int],
    corrupt: list[float],
) -> Iterator[VideoFrame | AudioFrame]:
    """The frames of the streams; counts their packets, and lists the times of the corrupt ones."""
    for packet in _on_one_clock(media, timeline, damage):
        if packet.stream.index not in counts:
            media.note_end(packet)
            continue
        counts[packet.stream.index] += 1
        if packet.is_corrupt:
            corrupt.append(media.stamp(packet).due or 0.0)
        try:
            frames: Sequence[Any] = packet.decode()
        except Exception as error:
            damage.add(f"damaged {packet.stream.type} data was skipped", describe(error))
            continue
        yield from frames
    for stream in streams:
        try:
            frames = stream.codec_context.decode(None)
        except Exception as error:
            damage.add(f"damaged {stream.type} data was skipped", describe(error))
            continue
        yield from frames


def _packets(media: Media, damage: Damage) -> Iterator[Packet[Any]]:
    """The packets of the pictures and of the sound, as they lie in the file."""
    failures = 0
    # streams that are not used are not decoded, but show how far the file goes
    present = media.present
    packets = media.container.demux(*present)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except IndexError:
            damage.add("a stream that begins late was left out")
            packets = media.container.demux(*present)
            continue
        except Exception as error:  # any error of FFmpeg or the disc
            damage.add("a part of the file could not be read and was skipped", describe(error))
            failures += 1
            if failures >= _READ_FAILURES:
                break
            packets = media.container.demux(*present)
            continue
        # an empty packet means the end of the clip to the decoder
        if packet.size == 0:
            continue
        failures = 0
        yield packet


def _timeline(media: Media, damage: Damage) -> Timeline:
    def warn(kind: str, numbers: str, at: float, broken: bool) -> None:
        media.moved |= broken
        damage.add(kind, f"{numbers}; the clip goes on at {at:.2f} s", harmless=not broken)

    timeline = Timeline(
        {s.index: "pictures" if s is media.video else "sound" for s in media.present},
        stated=media.stated,
        about=media.about,
        back=media.most_back,
        wrap=media.wrap,
        spliced=partial(is_spliced, media.path, media.container.format.name),
        midway=media.midway,
        warn=warn,
    )
    media.put_back = timeline.put_back
    return timeline


def _on_one_clock(media: Media, timeline: Timeline, damage: Damage) -> Iterator[Packet[Any]]:
    """The same packets, whose times are put on one clock."""
    stamps = map(media.stamp, _packets(media, damage))
    for stamp in stamps if media.is_counted else timeline.follow(stamps):
        packet: Packet[Any] = stamp.packet
        if stamp.shift or stamp.shown_shift:
            base = packet.time_base
            if packet.dts is not None:
                packet.dts += round(stamp.shift / base)
            if packet.pts is not None:
                packet.pts += round(stamp.shown_shift / base)
        yield packet


def _check_count(media: Media, counts: dict[int, int], damage: Damage) -> None:
    """Compare the pictures with those that the header promises."""
    # other containers count samples, or pictures that were never there
    if media.midway or media.video is None or not media.container.format.name.startswith("mov"):
        return
    found, stated = counts.get(media.video.index, 0), media.video.frames
    if 0 < found < stated:
        damage.add(f"it holds {found} of the {stated} pictures that its header promises")


def first_picture(media: Media) -> VideoFrame | None:
    """Decode up to the first picture, or give up after some hundreds of packets."""
    if media.video is None:
        return None
    try:
        for count, packet in enumerate(media.container.demux(media.video)):
            if packet.size == 0 or count >= _PEEK_PACKETS:
                break
            try:
                frames = packet.decode()
            except Exception:  # the reading pass reports it
                continue
            if frames:
                return frames[0]
        return next(iter(media.video.codec_context.decode(None)), None)
    except Exception:  # likewise
        return None
