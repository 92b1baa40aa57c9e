"""Clips whose pictures flash and whose sound bleeps at known times, for tests of the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

import av
import numpy as np

from emonets.media.clip import SOUND_RATE, Clip, Frame

T = TypeVar("T")

RUN_IN = 0.05
"""Seconds of an encoder's run-in at most."""
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
    size: tuple[int, int] = (_SIDE, _SIDE),
) -> Path:
    """Write a clip.

    Parameters
    ----------
    ahead : seconds that the file's clock shows at the clip's start.
    change : is called for each packet before it is written.
    options : of the muxer.
    size : width and height of the pictures.
    """
    picture, sound, rate, block = CODECS[path.suffix[1:]]
    with av.open(str(path), "w", options=options or {}) as container:
        packets: list[Any] = []
        v: Any = container.add_stream(picture, rate=25) if plan.frames else None
        a: Any = container.add_stream(sound, rate=rate) if plan.sound else None
        if a is not None:
            a.layout = "mono"
        if v is not None:
            packets += _pictures(v, plan, path.suffix, ahead, size)
        if a is not None:
            packets += _sound(a, plan, rate, block, ahead)
        packets.sort(key=lambda p: float(p.dts * p.time_base))
        for packet in packets:
            if change is not None:
                change(packet)
            container.mux(packet)
    return path


def _pictures(
    stream: Any, plan: Plan, suffix: str, ahead: float, size: tuple[int, int]
) -> list[Any]:
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    base = {".ts": 90_000, ".mp4": 1000, ".mkv": 1000, ".webm": 1000}.get(suffix, 25)
    if base != 25:
        stream.codec_context.time_base = Fraction(1, base)
    if stream.codec_context.name == "libx264":
        stream.options = {"preset": "ultrafast", "qp": "20", "bf": "2", "g": "12"}
    packets: list[Any] = []
    white = set(np.round(plan.flashes, 6).tolist())
    images = [np.full((size[1], size[0], 3), level, np.uint8) for level in (0, 255)]
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
            if at >= 0 and at + tone.size <= count:
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


class Draw(Protocol):
    """A source of random choices."""

    def number(self, low: float, high: float) -> float:
        """Between the two."""

    def choice(self, of: Sequence[T]) -> T:
        """One of them."""


class Seeded:
    """Choices of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def number(self, low: float, high: float) -> float:
        return float(self._random.uniform(low, high))

    def choice(self, of: Sequence[T]) -> T:
        return of[int(self._random.integers(len(of)))]


PAUSES = (0.0, 0.12, 1.0, 15.0, 45.0, 700.0, 5000.0)
"""Seconds between two parts of a made clip."""
_LONGEST_SOUND = 50.0  # seconds that are filled with sound: more only costs time


def made(draw: Draw, folder: Path) -> tuple[str, Path, Plan]:
    """A clip with pauses, late starts, wraps and variable rates, or one joined out of several.

    Returns
    -------
    The kind, the file, and what it holds.
    """
    kind = draw.choice(("mkv", "mp4", "webm", "ts", "flv", "joined.ts"))
    if kind == "joined.ts":
        return kind, *_made_joined(draw, folder)
    path, plan = folder / f"made.{kind}", _made_plan(draw, even=kind == "flv")
    ahead = draw.choice((0.0, 1000.0, WRAP / 90_000 - 2.0)) if kind == "ts" else 0.0
    return kind, write_plan(path, plan, ahead=ahead), plan


def _made_plan(draw: Draw, *, even: bool) -> Plan:
    frames: list[float] = []
    flashes: list[float] = []
    sound: list[tuple[float, float]] = []
    bleeps: list[float] = []
    at = 0.0
    count = draw.choice((1, 2, 3))
    for number in range(count):
        length = draw.choice((1.0, 1.6, 2.4))
        late = draw.choice((0.0, 0.0, 0.32))
        # one of the two may begin later, and one of them pause
        starts = (at + late, at) if draw.choice((True, False)) else (at, at + late)
        rate = draw.choice((25.0, 12.5) if even else (25.0, 12.5, 30.0, 50.0, 7.0))
        times = np.array(steady(starts[0], at + length, rate))
        if not even and draw.choice((True, False)):
            jitter = [draw.number(-0.4, 0.4) / rate for _ in times]
            times = np.round(np.add(times, [0.0, *jitter[1:]]), 3)
        frames += times.tolist()
        # a step of more than one picture between flashes; where a flash begins is what is found
        first = int(draw.number(1, len(times) / 2 - 1))
        flashes += [float(times[first]), float(times[first + 3])]
        pause = draw.choice(PAUSES) if number < count - 1 else 0.0
        filled = pause <= _LONGEST_SOUND and draw.choice((True, False))
        end = at + length + (pause if filled else -0.1)
        joins = bool(sound) and starts[1] - sound[-1][1] < 0.1
        sound = [*sound[:-1], (sound[-1][0], end)] if joins else [*sound, (starts[1], end)]
        bleeps.append(draw.number(starts[1] + 0.15, at + length - 0.2))
        at += length + pause
    return Plan(tuple(frames), tuple(flashes), tuple(sound), tuple(bleeps))


def _made_joined(draw: Draw, folder: Path) -> tuple[Path, Plan]:
    plan, files = Plan(), []
    wrap, length, before = WRAP / 90_000, 0.0, 0.0
    for number in range(draw.choice((2, 3))):
        seconds = draw.choice((1.0, 2.0))
        rate = draw.choice((25.0, 10.0, 50.0))
        frames = steady(0, seconds, rate)
        begin = draw.choice((0.0, 0.4))
        flash, bleep = draw.choice(frames[2 : len(frames) // 2]), draw.number(0.5, seconds - 0.2)
        piece = Plan(frames, (flash,), ((begin, seconds - 0.1),), (bleep,))
        clocks = [0.0, 60.0, 1000.0, 40_000.0, wrap - 40.0, wrap - 2.0]
        # the clock goes back, or leaps: a short step forward would be a pause
        steps = {c: (c - before + wrap / 2) % wrap - wrap / 2 for c in clocks}
        ahead = draw.choice([c for c in clocks if not number or not -1 < steps[c] < 20])
        files.append(write_plan(folder / f"{number}.ts", piece, ahead=ahead))
        later = piece.later(length)
        plan = Plan(
            plan.frames + later.frames, plan.flashes + later.flashes, plan.sound + later.sound,
            plan.bleeps + later.bleeps,
        )  # fmt: skip
        length, before = length + seconds, ahead + seconds
    return joined(folder / "joined.ts", files), plan


def error_of(found: Found, plan: Plan) -> float:
    """The largest error of a flash or a bleep, seconds.

    A clip begins with the first of its streams, which may be the run-in of its sound's codec: all
    times may be later by that.
    """
    if len(found.flashes) != len(plan.flashes):
        return float("inf")
    begin = min(plan.frames[0], plan.sound[0][0] if plan.sound else plan.frames[0])
    late = found.flashes[0] - (plan.flashes[0] - begin)
    if not -0.02 < late < RUN_IN:
        return float("inf")
    flashes = [time - late + begin for time in found.flashes]
    bleeps = [time - late + begin for time in found.bleeps]
    return max(largest_error(flashes, plan.flashes), largest_error(bleeps, plan.bleeps))
