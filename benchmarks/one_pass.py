"""One decode of a clip against three (frames, level of the sound, sound), in the same process.

    python benchmarks/one_pass.py [--clip FILE] [--repeats 5]

Prints seconds of each, medians over the repeats in turn, and the ratio. The baseline is what
predicting did before: one pass for the frames and two for the sound.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from emonets.media.clip import open_clip

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "1001_DFA_HAP_XX.flv"


def three_passes(file: Path) -> None:
    """Frames, then the sound twice."""
    clip = open_clip(file)
    deque(clip.frames(), maxlen=0)
    deque(clip.sound(), maxlen=0)
    deque(clip.sound(), maxlen=0)


def one_pass(file: Path) -> None:
    """Frames and sound together."""
    deque(open_clip(file).decode(), maxlen=0)


def seconds(work: Callable[[Path], None], file: Path) -> float:
    """Wall-clock seconds of one run."""
    began = time.perf_counter()
    work(file)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, default=EXAMPLE)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    times: dict[str, list[float]] = {"three passes": [], "one pass": []}
    for _ in range(options.repeats + 1):
        times["three passes"].append(seconds(three_passes, options.clip))
        times["one pass"].append(seconds(one_pass, options.clip))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:14s} {value * 1e3:8.1f} ms")
    print(f"one pass takes {medians['one pass'] / medians['three passes']:.2f} of three passes")


if __name__ == "__main__":
    main()
