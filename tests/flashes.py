"""Clips whose pictures flash and whose sound bleeps at known times, for tests of the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from emonets.media.clip import SOUND_RATE, Clip, Frame

BLEEP = 0.03
"""Seconds of a bleep."""
WRAP = 2**33
"""Ticks of 1/90000 s after which the clock of a transport stream starts at 0 again."""
_SIDE = 32
_HERTZ = 1000.0

CODECS: dict[str, tuple[str, str, int, int]] = {
    "mkv": ("libx264", "flac", 8_000, 1024),
    "webm": ("libvpx", "libopus", 48_000, 960),
    "mp4": ("libx264", "aac", 16_000, 1024),
    "mov": ("mpeg4", "pcm_s16le", 8_000, 1024),
    "ts": ("libx264", "mp2", 16_000, 1152),
    "mpg": ("mpeg2video", "mp2", 32_000, 1152),
    "flv": ("flv", "pcm_s16le", 11_025, 1024),
    "avi": ("mpeg4", "pcm_s16le", 8_000, 1024),
}
"""Suffix: codecs of the pictures and of the sound, samples a second, and samples a packet."""


@dataclass(frozen=True)
class Plan:
    """What a clip is to hold.

    Attributes
    ----------
    frames : times of the pictures, seconds, rising.
    flashes : those of them that are white.
    sound : start and end of each run of sound, seconds.
    bleeps : when a tone begins, seconds, within the runs.
    """

    frames: tuple[float, ...] = ()
    flashes: tuple[float, ...] = ()
    sound: tuple[tuple[float, float], ...] = ()
    bleeps: tuple[float, ...] = ()

    def later(self, seconds: float) -> Plan:
        """The same, later."""
        return Plan(
            tuple(t + seconds for t in self.frames), tuple(t + seconds for t in self.flashes),
            tuple((a + seconds, b + seconds) for a, b in self.sound),
            tuple(t + seconds for t in self.bleeps),
        )  # fmt: skip


def steady(start: float, end: float, rate: float = 25.0) -> tuple[float, ...]:
    """Times of pictures at a constant rate."""
    return tuple((start + np.arange(round((end - start) * rate)) / rate).round(6).tolist())


def write_plan(
    path: Path,
    plan: Plan,
    *,
    ahead: float = 0.0,
    change: Callable[[Any], None] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Parameters
    ----------
    ahead : seconds that the file's clock shows at the clip's start.
    change : is called for each packet before it is written.
    options : of the muxer.
    """
    picture, sound, rate, size = CODECS[path.suffix[1:]]
    with av.open(str(path), "w", options=options or {}) as container:
        packets: list[Any] = []
        v: Any = container.add_stream(picture, rate=25) if plan.frames else None
        a: Any = container.add_stream(sound, rate=rate) if plan.sound else None
        if a is not None:
            a.layout = "mono"
        if v is not None:
            packets += _pictures(v, plan, path.suffix, ahead)
        if a is not None:
            packets += _sound(a, plan, rate, size, ahead)
        packets.sort(key=lambda p: float(p.dts * p.time_base))
        for packet in packets:
            if change is not None:
                change(packet)
            container.mux(packet)
    return path


def _pictures(stream: Any, plan: Plan, suffix: str, ahead: float) -> list[Any]:
    stream.width = stream.height = _SIDE
    stream.pix_fmt = "yuv420p"
    base = {".ts": 90_000, ".mp4": 1000, ".mkv": 1000, ".webm": 1000}.get(suffix, 25)
    if base != 25:
        stream.codec_context.time_base = Fraction(1, base)
    if stream.codec_context.name == "libx264":
        stream.options = {"preset": "ultrafast", "qp": "20", "bf": "2", "g": "12"}
    packets: list[Any] = []
    white = set(np.round(plan.flashes, 6).tolist())
    images = [np.full((_SIDE, _SIDE, 3), level, np.uint8) for level in (0, 255)]
    for time in plan.frames:
        frame: Any = av.VideoFrame.from_ndarray(images[round(time, 6) in white], format="rgb24")
        frame.pts, frame.time_base = round((time + ahead) * base), Fraction(1, base)
        packets += stream.encode(frame)
    return packets + stream.encode()


def _sound(stream: Any, plan: Plan, rate: int, size: int, ahead: float) -> list[Any]:
    packets: list[Any] = []
    tone = np.sin(2 * np.pi * _HERTZ * np.arange(round(BLEEP * rate)) / rate)
    for start, end in plan.sound:
        count = -(-round((end - start) * rate) // size) * size
        begin = round((start + ahead) * rate)
        data = np.zeros(count, np.float32)
        for time in plan.bleeps:
            at = round((time + ahead) * rate) - begin
            if 0 <= at and at + tone.size <= count:
                data[at : at + tone.size] = tone
        made = stream.codec_context.format.name
        for at in range(0, count, size):
            block = data[np.newaxis, at : at + size]
            if made.startswith("s16"):
                block = (block * 32_000).astype(np.int16)
            frame: Any = av.AudioFrame.from_ndarray(block, format=made, layout="mono")
            frame.sample_rate, frame.pts = rate, begin + at
            frame.time_base = Fraction(1, rate)
            packets += stream.encode(frame)
    return packets + stream.encode()


@dataclass(frozen=True)
class Found:
    """The times of what a clip shows, seconds."""

    flashes: list[float]
    bleeps: list[float]
    frames: list[float]
    end: float
    warnings: list[str]


def read_plan(clip: Clip) -> Found:
    """Read a clip, and find its flashes and bleeps."""
    flashes: list[float] = []
    bleeps: list[float] = []
    frames: list[float] = []
    end, quiet, bright = 0.0, 0.0, False
    for part in clip.decode():
        if isinstance(part, Frame):
            frames.append(part.time)
            end = max(end, part.time)
            was, bright = bright, bool(part.image.mean() > 128)
            if bright and not was:
                flashes.append(part.time)
            continue
        end = max(end, part.end)
        loud = part.time + np.flatnonzero(np.abs(part.samples) > 0.2) / SOUND_RATE
        for time in loud.tolist():
            if time > quiet:
                bleeps.append(time)
            quiet = max(quiet, time + 4 * BLEEP)
    return Found(flashes, bleeps, frames, end, list(clip.warnings))


def largest_error(found: Sequence[float], put: Sequence[float]) -> float:
    """Seconds between what was found and what was put in; infinite where the numbers differ."""
    if len(found) != len(put):
        return float("inf")
    return max((abs(a - b) for a, b in zip(sorted(found), sorted(put), strict=True)), default=0.0)


def joined(path: Path, pieces: Sequence[Path]) -> Path:
    """Put files one behind the other."""
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return path


__all__ = [
    "BLEEP", "CODECS", "WRAP", "Found", "NDArray", "Plan", "joined", "largest_error", "read_plan",
    "replace", "steady", "write_plan",
]  # fmt: skip
