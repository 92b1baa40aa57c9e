"""How fast clips are decoded, and in how much memory, beside a plain PyAV loop.

    python benchmarks/decode.py [--json FILE]

Makes one minute of 640x480 video (H.264, 25 frames/s, AAC sound), and ten minutes of the same
packets. Speed: frames a second to RGB arrays, best of some rounds that take turns, in one
process; and ten pieces of ten minutes, one a minute, entered near their beginning, beside a pass
from the film's beginning for each. Memory: the peak of a fresh process for one minute and for ten.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from emonets.media.clip import Frame, open_clip
from emonets.media.piece import open_piece

WIDTH, HEIGHT, RATE = 640, 480, 25
SOUND_RATE = 44_100
ROUNDS = 3
STARTS = range(30, 600, 60)
"""Seconds at which the pieces begin."""


def make_minute(path: Path) -> None:
    """A textured picture under a moving window, some noise on it, and a tone."""
    rng = np.random.default_rng(0)
    field = rng.integers(0, 256, (HEIGHT // 8 + 40, WIDTH // 8 + 40, 3), np.uint8)
    field = field.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"preset": "veryfast"}
        audio: Any = container.add_stream("aac", rate=SOUND_RATE)
        audio.layout = "stereo"
        samples = np.sin(np.arange(SOUND_RATE * 61) / 20).astype(np.float32) / 4
        at = 0
        for i in range(60 * RATE):
            x, y = i % 300, (i // 2) % 300
            picture = np.ascontiguousarray(field[y : y + HEIGHT, x : x + WIDTH])
            picture[::4, ::4] ^= rng.integers(0, 32, (HEIGHT // 4, WIDTH // 4, 1), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(video.encode(frame))
            while at < (i + 1) * SOUND_RATE // RATE:
                piece = np.stack([samples[at : at + 1024]] * 2)
                part: Any = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
                part.sample_rate, part.pts = SOUND_RATE, at
                container.mux(audio.encode(part))
                at += 1024
        container.mux(video.encode())
        container.mux(audio.encode())


def repeat(source: Path, target: Path, times: int) -> None:
    """Write the packets of a film several times in a row."""
    with av.open(str(target), "w") as out:
        with av.open(str(source)) as container:
            streams = [out.add_stream_from_template(s) for s in container.streams]
        for turn in range(times):
            with av.open(str(source)) as container:
                for packet in container.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(60.1 * turn / packet.time_base)  # the sound runs over a little
                    packet.dts += shift
                    packet.pts += shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)


def ours(path: Path) -> int:
    """Frames and sound, in one pass."""
    return sum(isinstance(part, Frame) for part in open_clip(path).decode())


def ours_frames(path: Path) -> int:
    return sum(1 for _ in open_clip(path).frames())


def plain(path: Path) -> int:
    """The loop from PyAV's documentation."""
    with av.open(str(path)) as container:
        return sum(1 for f in container.decode(video=0) if f.to_ndarray(format="rgb24").size)


def plain_threads(path: Path) -> int:
    """The same with the decoder's threads switched on."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for f in container.decode(video=0) if f.to_ndarray(format="rgb24").size)


def speed(readers: list[Callable[[Path], int]], path: Path) -> dict[str, float]:
    """Frames a second of each reader: the best of the rounds."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for reader in readers:
            start = time.perf_counter()
            count = reader(path)
            rate = count / (time.perf_counter() - start)
            best[reader.__name__] = max(best.get(reader.__name__, 0.0), rate)
    return best


def pieces_entered(path: Path) -> int:
    """Ten pieces of two seconds as `emonets.media.piece` reads them."""
    return sum(1 for at in STARTS for _ in open_piece(path, at, at + 2.0).frames())


def pieces_from_beginning(path: Path) -> int:
    """The same, each by a pass from the film's beginning to the piece's end."""
    count = 0
    for at in STARTS:
        for frame in open_clip(path).frames():
            if frame.time >= at + 2.0:
                break
            count += frame.time >= at
    return count


def peak(path: Path) -> tuple[float, float]:
    """Peak memory in MB, and the frames a second, of a fresh process that decodes a film."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", str(path)], capture_output=True, text=True, check=True
    )
    megabytes, rate = map(float, done.stdout.split())
    return megabytes, rate


def peak_megabytes() -> float:
    """Peak memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands ru_maxrss on from the parent to the child; this starts anew
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def report_peak(path: Path) -> None:
    start = time.perf_counter()
    count = ours(path)
    seconds = time.perf_counter() - start
    print(peak_megabytes(), count / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        report_peak(options.peak)
        return
    rows: list[dict[str, Any]] = []

    def row(what: str, metric: str, value: float) -> None:
        rows.append(
            {
                "what": what,
                "data": f"generated {WIDTH}x{HEIGHT} H.264 with AAC",
                "metric": metric,
                "value": round(value, 3),
                "command": "python benchmarks/decode.py",
            }
        )
        print(f"{what:70} {value:10.2f} {metric}")

    with tempfile.TemporaryDirectory() as folder:
        minute, ten = Path(folder, "1.mp4"), Path(folder, "10.mp4")
        make_minute(minute)
        repeat(minute, ten, 10)
        rates = speed([plain, plain_threads, ours_frames, ours], minute)
        row("decode: plain PyAV loop, to_ndarray('rgb24')", "frames/s", rates["plain"])
        row("decode: plain PyAV loop with threads", "frames/s", rates["plain_threads"])
        row("decode: Clip.frames()", "frames/s", rates["ours_frames"])
        row("decode: Clip.decode() with sound", "frames/s", rates["ours"])
        row("decode: Clip.decode() with sound", "realtime", rates["ours"] / RATE)
        for other in ("plain", "plain_threads"):
            row(f"decode: Clip.frames() / {other}", "ratio", rates["ours_frames"] / rates[other])
        entered = speed([pieces_entered, pieces_from_beginning], ten)
        row("decode: ten pieces of ten minutes", "frames/s", entered["pieces_entered"])
        row(
            "decode: ten pieces of ten minutes / each by a pass from the beginning", "ratio",
            entered["pieces_entered"] / entered["pieces_from_beginning"],
        )  # fmt: skip
        (small, fast), (large, slow) = peak(minute), peak(ten)
        row("decode: peak memory, 1 minute", "megabytes", small)
        row("decode: peak memory, 10 minutes", "megabytes", large)
        row("decode: peak memory, 10 minutes - 1 minute", "megabytes", large - small)
        row("decode: time a frame, 10 minutes / 1 minute", "ratio", fast / slow)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
