"""How much more time a clip takes with persons, speech and speakers.

    python benchmarks/persons_cost.py --data ../shared/data [--out docs/results] [--rounds 5]

The same clips, in one process and in turns: with everything, and without all of it; with
``--parts`` also without each part. A ratio is the time with everything over the time without, the
median over the rounds. The clips: one acted clip of one person; one of two persons side by side;
and 20 s of one person. All are at 640x480, with sound. Measured is the time by the clock, and the
time of all processors together, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import cv2
import numpy as np

import emonets
from emonets import EmoNets
from emonets.evaluation.records import Evidence, write_results
from emonets.inference import scene
from emonets.media.clip import Frame, SoundChunk, open_clip

COMMAND = "python benchmarks/persons_cost.py --data DATA"
WIDTH, HEIGHT = 640, 480
MODELS = "face,audio"
PARTS = ("tubes of one person", "identity", "speech", "speakers")


def write(path: Path, sources: list[Path], seconds: float) -> Path:
    """A clip of sources side by side, again and again; the sound is that of the first."""
    clips = [[p.image for p in open_clip(s).frames()] for s in sources]
    parts = [p for p in open_clip(sources[0]).decode(sound=True) if not isinstance(p, Frame)]
    sound = np.concatenate([p.samples for p in parts if isinstance(p, SoundChunk)])
    rate, count = 30, round(seconds * 30)
    wide = WIDTH // len(clips)
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"preset": "veryfast"}
        audio: Any = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for i in range(count):
            canvas = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for k, images in enumerate(clips):
                image = images[i % len(images)]
                high = round(wide * image.shape[0] / image.shape[1])
                canvas[:high, k * wide : (k + 1) * wide] = cv2.resize(image, (wide, high))
            out.mux(video.encode(av.VideoFrame.from_ndarray(canvas, "rgb24")))
        out.mux(video.encode())
        pcm = np.resize(np.round(np.clip(sound, -1, 1) * 32767), round(seconds * 48_000))
        frame = av.AudioFrame.from_ndarray(pcm.astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(audio.encode(frame))
        out.mux(audio.encode())
    return path


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """Predict without some of `PARTS`. Speakers need speech."""
    chosen = set(parts)
    readers = scene.readers_for
    hidden = {
        key
        for name, key in (("identity", scene.IDENTITY), ("speakers", scene.SPEAKERS))
        if name in chosen or (name == "speakers" and "speech" in chosen)
    }

    def some(*args: Any) -> dict[str, Any]:
        return {key: reader for key, reader in readers(*args).items() if key not in hidden}

    with ExitStack() as stack:
        stack.enter_context(patch("emonets.inference.clip.readers_for", some))
        if PARTS[0] in chosen:
            from emonets.tubes.pipeline import find_tubes

            plain = partial(find_tubes, verify=False)
            stack.enter_context(patch("emonets.one_pass.find_tubes", plain))
        yield


def seconds_of(call: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of all processors together."""
    start, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - used


def evidence(what: str, split: str, metric: str, values: np.ndarray) -> Evidence:
    note = "in brackets the range over the rounds"
    return Evidence(
        what=what, data="made of javanese_av, 640x480", split=split, metric=metric,
        n=len(values), value=float(np.median(values)), low=float(values.min()),
        high=float(values.max()), command=COMMAND, note=note,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--long", type=float, default=20.0, help="seconds of the long clip")
    args = parser.parse_args()
    whole = emonets.load()
    silent = EmoNets(face=whole.face, audio=whole.audio.used_on("sound"), device=whole.device)
    files = sorted((args.data / "javanese_av").glob("*.mp4"))
    first, second = files[2], files[len(files) // 2]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clips = {
            "4 s, one person": write(place / "one.mkv", [first], 4.0),
            "4 s, two persons": write(place / "two.mkv", [first, second], 4.0),
        }
        if args.long:
            name = f"{args.long:g} s, one person"
            clips[name] = write(place / "long.mkv", [first], args.long)
        left_out: dict[str, Sequence[str]] = {"all of these": PARTS}
        if args.parts:
            left_out.update({part: (part,) for part in PARTS})
        rows: list[Evidence] = []
        for name, path in clips.items():
            times: dict[str, list[tuple[float, float]]] = {}
            for turn in range(args.rounds + 1):  # the first opens the networks
                for key, parts in {"": (), **left_out}.items():
                    model = silent if "speech" in parts else whole
                    with without(*parts):
                        spent = seconds_of(partial(model.predict_clip, path, models=MODELS))
                    if turn:
                        times.setdefault(key, []).append(spent)
            for k, (metric, unit) in enumerate(
                (("ratio", "seconds"), ("ratio of processor time", "processor seconds"))
            ):
                taken = {key: np.array(values)[:, k] for key, values in times.items()}
                rows.append(evidence("everything", name, unit, taken[""]))
                for key in left_out:
                    ratios = taken[""] / taken[key]
                    print(f"{name}, {key}: {metric} {np.median(ratios):.3f}", flush=True)
                    rows.append(evidence(key, name, metric, ratios))
    write_results("persons_cost", rows, args.out)


if __name__ == "__main__":
    main()
