"""A live stream: frames a second, time from a frame to its answer, and memory over an hour.

    python benchmarks/stream.py [--seconds 20] [--hour 3600] [--only live|hour]

The source is a shipped example, 640 x 480, 25 frames a second, played to and fro with its sound:
one face that speaks. It is live: frames that come while one is examined are dropped. Frames are
fresh arrays, as those of a camera are.

- *live*: `emonets.stream`, with face and voice, and with `keep`, which `Session.finish` needs.
- *baseline*: `EmoNets.predict` of a file of the same frames and sound, in the same process: frames
  examined a second of it. It has no answer before its end.
- *hour*: sound and frames of that many seconds are pushed as fast as they are taken, with their
  own times: all of the sound, one frame a second, an answer about the voice every 10 s. Memory is
  that of the process, after each tenth; the growth is that of the second half. What depends
  on time happens as in a live hour. What depends on the number of frames happens a 25th as often:
  with `keep` that is 120 bytes a face and frame. There, the first 250 faces that are predicted
  together take some 170 MB once.

- *all frames*: the same stream, which waits: seconds of the processor for a second of the stream.

Time of the processor is shown too: it does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

import emonets
from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import open_clip

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "1001_DFA_HAP_XX.flv"
SIZE, RATE, HERTZ = (640, 480), 25, 48_000
SLOW, EVERY = 1, 10.0
COMMAND = "OMP_NUM_THREADS=1 python benchmarks/stream.py"


class Loop:
    """The example's frames to and fro, and its sound again and again."""

    def __init__(self) -> None:
        clip = open_clip(EXAMPLE)
        images = [cv2.resize(frame.image, SIZE) for frame in clip.frames()]
        self.images = images + images[-2:0:-1]
        self.sound = clip.read_sound().samples

    def picture(self, i: int) -> np.ndarray:
        return self.images[i % len(self.images)].copy()

    def samples(self, start: float, seconds: float) -> np.ndarray:
        at = round(start * HERTZ) + np.arange(round(seconds * HERTZ))
        return self.sound[at % len(self.sound)]

    def live(self, seconds: float) -> Iterator[tuple[Any, float]]:
        """Sound and frames at the moment when a camera has them."""
        began = time.perf_counter()
        for i in range(round(seconds * RATE)):
            at = i / RATE
            time.sleep(max(0.0, began + at - time.perf_counter()))
            if i:
                yield self.samples(at - 1 / RATE, 1 / RATE), at - 1 / RATE
            yield self.picture(i), at

    def film(self, path: Path, seconds: float) -> Path:
        with av.open(str(path), "w") as out:
            video: Any = out.add_stream("libx264", rate=RATE)
            video.width, video.height = SIZE
            video.pix_fmt, video.options = "yuv420p", {"preset": "veryfast"}
            audio: Any = out.add_stream("pcm_s16le", rate=HERTZ, layout="mono")
            for i in range(round(seconds * RATE)):
                out.mux(video.encode(av.VideoFrame.from_ndarray(self.picture(i), "rgb24")))
            out.mux(video.encode())
            pcm = np.round(np.clip(self.samples(0.0, seconds), -1, 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(pcm[None], "s16", "mono")
            frame.sample_rate, frame.pts = HERTZ, 0
            out.mux(audio.encode(frame))
            out.mux(audio.encode())
        return path


def megabytes() -> float:
    """Memory of this process now; only on Linux."""
    gc.collect()
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in status if x.startswith("VmRSS")).split()[1]) / 1e3


def live(model: emonets.EmoNets, loop: Loop, seconds: float, keep: bool) -> dict[str, float]:
    """A stream in real time."""
    with emonets.Session(model, keep=keep) as session:
        # networks are opened on first use
        list(emonets.stream(loop.live(1.0), rate=HERTZ, session=session, live=False))
    with emonets.Session(model, keep=keep) as session:
        ages, busy = [], time.process_time()
        began = time.perf_counter()
        for update in emonets.stream(loop.live(seconds), rate=HERTZ, session=session):
            ages.append(update.age)
        spent, busy = time.perf_counter() - began, time.process_time() - busy
        assert update.persons, "the face is lost"
    return {
        "frames a second": session.frames / spent, "frames": session.frames,
        "dropped": session.dropped, "median ms": 1e3 * statistics.median(ages),
        "p95 ms": 1e3 * float(np.quantile(ages, 0.95)),
        "processor ms a frame": 1e3 * busy / session.frames,
    }  # fmt: skip


def every_frame(model: emonets.EmoNets, loop: Loop, seconds: float, keep: bool) -> float:
    """Seconds of the processor for a second of the stream, where no frame is dropped."""
    with emonets.Session(model, keep=keep) as session:
        busy = time.process_time()
        list(emonets.stream(loop.live(seconds), rate=HERTZ, session=session, live=False))
        return (time.process_time() - busy) / seconds


def baseline(model: emonets.EmoNets, loop: Loop, seconds: float) -> dict[str, float]:
    """A file of the same."""
    with tempfile.TemporaryDirectory() as folder:
        film = loop.film(Path(folder) / "film.mkv", seconds)
        began, busy = time.perf_counter(), time.process_time()
        model.predict(film)
        spent, busy = time.perf_counter() - began, time.process_time() - busy
    count = round(seconds * RATE)
    return {"frames a second": count / spent, "processor ms a frame": 1e3 * busy / count}


def hour(model: emonets.EmoNets, loop: Loop, seconds: float, keep: bool) -> dict[str, float]:
    """Many seconds, as fast as they are taken."""
    with emonets.Session(model, keep=keep, every=EVERY) as session:
        tenths, began = [], time.perf_counter()
        for i in range(round(seconds * SLOW)):
            at = i / SLOW
            session.push_sound(loop.samples(at, 1 / SLOW), at, rate=HERTZ)
            session.push_frame(loop.picture(2 * i), at)
            session.now()
            if (i + 1) % round(seconds * SLOW / 10) == 0:
                tenths.append(megabytes())
                print(f"  after {at + 1:.0f} s: {tenths[-1]:.0f} MB", flush=True)
        spent = time.perf_counter() - began
    return {"end": tenths[-1], "more": tenths[-1] - tenths[4], "took": spent}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--hour", type=int, default=3600, help="seconds")
    parser.add_argument("--only", choices=("live", "hour"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--note", default="", help="what else the machine did")
    args = parser.parse_args()
    model, loop = emonets.load(), Loop()
    rows: list[Evidence] = []
    data = "example clip with its sound, 640x480 25 frames/s, to and fro"

    def add(what: str, metric: str, value: float, n: int, own: str = data) -> None:
        rows.append(
            Evidence(what=what, data=own, split="none", metric=metric, value=value, n=n,
                     command=COMMAND, note=args.note)
        )  # fmt: skip

    base = {}
    if args.only != "hour":
        base = baseline(model, loop, args.seconds)
        print("predict of the file:", base)
    for metric, value in base.items():
        add("predict of the file (baseline)", metric, value, round(args.seconds * RATE))
    for keep in (False, True) if base else ():
        name = "stream, keep" if keep else "stream"
        got = live(model, loop, args.seconds, keep)
        print(name, got)
        for metric in ("frames a second", "dropped", "median ms", "p95 ms", "processor ms a frame"):
            add(name, metric, got[metric], int(got["frames"]))
    for keep in (False, True) if base else ():
        busy = every_frame(model, loop, args.seconds / 2, keep)
        name = ("stream, keep" if keep else "stream") + ", all 25 frames a second"
        print(name, busy)
        count = round(args.seconds / 2 * RATE)
        add(name, "processor seconds a second", busy, count)
        same = RATE * base["processor ms a frame"] / 1e3
        add(f"{name}, against predict of the file, processor", "ratio", busy / same, count)
    for keep in (False, True) if args.only != "live" else ():
        name = "an hour of stream" + (", keep" if keep else "")
        if args.hour != 3600:
            name = name.replace("an hour", f"{args.hour} s")
        got = hour(model, loop, args.hour, keep)
        print(name, got)
        own = data.replace("25 frames/s", f"{SLOW} frame/s")
        n = args.hour * SLOW
        add(f"{name}: memory at the end less that after half", "megabytes", got["more"], n, own)
        add(f"{name}: memory at the end", "megabytes", got["end"], n, own)
    write_results("stream", rows, args.out)


if __name__ == "__main__":
    main()
