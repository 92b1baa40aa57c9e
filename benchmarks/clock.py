"""Whether flashes and bleeps of made clips are found where they were put, and what it costs.

    python benchmarks/clock.py [--clips 400] [--seed 0] [--results]

The clips (`tests/flashes.py`) have random pauses of up to 5000 s in one stream or in both, late
starts, variable rates and clocks that start at 0 again; some are joined out of several. Then: the
time of `Clip.decode` beside a plain PyAV loop in the same process, and what a gap of three hours in
the sound costs the reader of the audio specialist.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import av
import numpy as np

from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import GapFiller, SoundChunk, open_clip
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from flashes import CODECS, Plan, Seeded, error_of, made, read_plan, steady, write_plan

WITHIN = 0.02
"""Seconds within which a flash or a bleep counts as found."""
ROUNDS = 5
_HOURS = 3


def errors(count: int, seed: int, command: str) -> list[Evidence]:
    """Of each kind of clip how many were right, and the largest error."""
    found: dict[str, list[float]] = {}
    warned: Counter[str] = Counter()
    for number in range(seed, seed + count):
        with tempfile.TemporaryDirectory() as folder:
            kind, path, plan = made(Seeded(number), Path(folder))
            clip = open_clip(path)
            error = error_of(read_plan(clip), plan)
        found.setdefault(kind, []).append(error)
        warned[kind] += clip.damaged
        if error > WITHIN or clip.damaged:
            print(f"seed {number}, {kind}: error {error:.3f} s, {clip.warnings}")
    rows = []
    every = {"all": [e for part in found.values() for e in part], **dict(sorted(found.items()))}
    for kind, values in every.items():
        about: dict[str, Any] = {
            "what": "flashes and bleeps of made clips", "data": kind, "n": len(values),
            "seed": seed, "command": command,
        }  # fmt: skip
        right = float(np.mean(np.array(values) <= WITHIN))
        taken = sum(warned.values()) if kind == "all" else warned[kind]
        rows += [
            Evidence(metric="share of clips within 20 ms", value=right, **about),
            Evidence(metric="largest error in ms", value=1000 * max(values), **about),
            Evidence(metric="clips taken for damaged", value=float(taken), **about),
        ]
    return rows


def plain(path: Path) -> None:
    """Decode pictures and sound, and turn them into arrays, without any clock."""
    with av.open(str(path)) as container:
        for frame in container.decode():
            if isinstance(frame, av.VideoFrame):
                frame.to_ndarray(format="rgb24")
            else:
                frame.to_ndarray()


def ours(path: Path) -> None:
    for _ in open_clip(path, threads=1).decode():
        pass


def costs(command: str) -> list[Evidence]:
    """Processor time beside a plain loop, the best of some rounds that take turns."""
    rows = []
    plan = Plan(steady(0, 30), (1.0,), ((0, 30),), (1.0,))
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("mkv", "mp4", "ts"):
            path = write_plan(Path(folder, f"a.{suffix}"), plan, size=(640, 480))
            best = dict.fromkeys((plain, ours), float("inf"))
            for _ in range(ROUNDS):
                for reader in best:
                    began = time.process_time()
                    reader(path)
                    best[reader] = min(best[reader], time.process_time() - began)
            about = f"{suffix}: {CODECS[suffix][0]} 640x480, {CODECS[suffix][1]}"
            rows.append(Evidence(
                what="Clip.decode / a plain PyAV loop with arrays", data=about, metric="ratio",
                value=best[ours] / best[plain], n=ROUNDS, command=command,
            ))  # fmt: skip
    return rows


def gap(command: str) -> list[Evidence]:
    """Three hours without a sample between two pieces of sound."""
    rows = []
    for name in ("logmel", "yaafe"):
        reader, gaps = SoundReader(front(name)), GapFiller()
        piece = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        for at in (0.0, _HOURS * 3600.0):
            for chunk in gaps.fill(SoundChunk(at, piece)):
                reader.push_sound(chunk)
        reader.finish()
        seconds = time.process_time() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        about: dict[str, Any] = {
            "what": "a gap of 3 h in the sound",
            "data": name,
            "command": command,
        }
        rows += [
            Evidence(metric="processor seconds", value=seconds, **about),
            Evidence(metric="megabytes", value=grown, **about),
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=400, help="how many clips are made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", action="store_true", help="write docs/results/clock")
    args = parser.parse_args()
    command = f"python benchmarks/clock.py --clips {args.clips} --seed {args.seed} --results"
    rows = gap(command) + costs(command) + errors(args.clips, args.seed, command)
    for row in rows:
        print(f"{row.what}; {row.data}; {row.metric}: {row.value:.4g} (n {row.n})")
    if args.results:
        write_results("clock", rows)


if __name__ == "__main__":
    main()
