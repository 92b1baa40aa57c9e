"""What reading a clip in a process of its own costs: its start, and each clip.

    python benchmarks/contained.py [CLIP ...]

Seconds of processor time, so that other programs do not count, and seconds by the clock. Ratios
are to the same clip in this process.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from emonets.contained import Contained
from emonets.inference.options import Options
from emonets.model import EmoNets

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TIMES = 5


def used(pid: int) -> float:
    """Seconds of processor time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def cost(call: Callable[[], object], clock: Callable[[], float]) -> tuple[float, float]:
    """Medians of processor time and of the time by the clock, seconds."""
    made = []
    for _ in range(TIMES):
        before, began = clock(), time.perf_counter()
        call()
        made.append((clock() - before, time.perf_counter() - began))
    return statistics.median(a for a, _ in made), statistics.median(b for _, b in made)


def main(clips: list[Path]) -> None:
    """Print a table."""
    began = time.perf_counter()
    model = EmoNets.load("modern")
    print(f"model loaded here: {time.process_time():.2f} s processor (with imports)")
    began = time.perf_counter()
    with Contained("modern") as contained:
        print(contained.locked)
        pid = contained._process.pid
        print(f"start: {used(pid):.2f} s processor, {time.perf_counter() - began:.2f} s clock")
        for clip in clips:
            model.predict_clip(clip)  # the first run is slower
            here = cost(lambda clip=clip: model.predict_clip(clip), time.process_time)
            there = cost(lambda clip=clip: contained.read(clip, Options()), lambda: used(pid))
            print(
                f"{clip.name}: here {here[0]:.2f} ({here[1]:.2f}), contained {there[0]:.2f} "
                f"({there[1]:.2f}): {there[0] / here[0]:.2f} ({there[1] / here[1]:.2f}) times"
            )


if __name__ == "__main__":
    main([Path(one) for one in sys.argv[1:]] or sorted(EXAMPLES.glob("*.flv")))
