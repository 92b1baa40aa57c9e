"""Peak memory and time per frame on 1 minute against 10 minutes of film.

    python benchmarks/memory.py

Each length runs in a process of its own, because a peak cannot be taken back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from decode import peak_megabytes
from emonets.evaluation.records import Evidence, write_results
from face_path import make_film


def measure(film: str) -> None:
    """In the child: predict and print what it took."""
    import emonets

    model = emonets.load()
    times: list[float] = []
    start = time.perf_counter()
    model.predict_clip(film, on_frame=lambda _: times.append(time.perf_counter()))
    spent = time.perf_counter() - start
    peak = peak_megabytes()
    tenth = len(times) // 10
    print(
        json.dumps(
            {
                "megabytes": peak,
                "frames": len(times),
                "ms": spent / len(times) * 1e3,
                "first": (times[tenth] - times[0]) / tenth * 1e3,
                "last": (times[-1] - times[-1 - tenth]) / tenth * 1e3,
            }
        )
    )


def main() -> None:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (1, 10):
            film = Path(folder) / f"{minutes}.mp4"
            make_film(film, minutes * 60)
            out = subprocess.run(
                [sys.executable, __file__, str(film)], capture_output=True, text=True, check=True
            ).stdout
            found[minutes] = json.loads(out.splitlines()[-1])
            print(f"{minutes:2d} min: {found[minutes]}")
    more = found[10]["megabytes"] - found[1]["megabytes"]
    slower = found[10]["last"] / found[10]["first"]
    print(f"10 minutes take {more:.0f} MB more than 1 minute")
    print(f"time a frame, last tenth of 10 minutes against the first: {slower:.2f}")
    about = {
        "data": "example clip, 640x480 25 frames/s", "split": "none", "seed": 0,
        "n": found[10]["frames"], "command": "python benchmarks/memory.py",
    }  # fmt: skip
    write_results(
        "speed",
        [
            Evidence(what="peak memory of 10 minutes less that of 1 minute", metric="megabytes",
                value=more, **about),
            Evidence(what="peak memory of 10 minutes", metric="megabytes",
                value=found[10]["megabytes"], **about),
            Evidence(what="time a frame: last tenth of 10 minutes against the first",
                metric="ratio", value=slower, **about),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
