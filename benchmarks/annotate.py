"""Annotating and copying a film against predicting it, in the same process.

    python benchmarks/annotate.py [--clip FILE] [--bundle modern] [--predict]

Prints pictures a second by the wall clock and by the processor, and the ratio to decoding the same
file. With ``--predict`` the clip is predicted too; without, boxes and labels are made up, which
costs drawing the same.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.media.clip import open_clip
from emonets.report.annotate import annotate
from emonets.report.proxy import make_proxy
from emonets.result import FileStatus, PersonSeen, Result, Row

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "1001_DFA_HAP_XX.flv"


def made_up(file: str, seconds: float, width: int, height: int) -> Result:
    """Two persons in all pictures, in windows of 5 s."""
    p = (0.7, *[0.05] * (len(EMOTIONS) - 1))
    rows = tuple(
        Row(file, k, t, t + 5, True, "face+audio", p, True, "face", person=k)
        for t in np.arange(0, seconds, 5.0) for k in range(2)
    )  # fmt: skip
    times = np.arange(0, seconds, 0.2)
    boxes = [np.array([k / 2 * width, 0.2 * height, (k / 2 + 0.4) * width, 0.8 * height])
             for k in range(2)]  # fmt: skip
    persons = tuple(
        PersonSeen(file, k, (k,), times, np.tile(boxes[k], (len(times), 1)), 1.0) for k in range(2)
    )
    return Result(rows, (FileStatus(file, "ok"),), {}, persons)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a run by the clock and by the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, default=EXAMPLE)
    parser.add_argument("--bundle", default="modern")
    parser.add_argument("--predict", action="store_true")
    options = parser.parse_args()
    file = str(options.clip)
    clip = open_clip(file)
    times = [frame.time for frame in clip.frames()]
    result = made_up(file, times[-1] + 1, clip.info.width, clip.info.height)
    rows: dict[str, tuple[float, float]] = {}
    rows["decode"] = seconds(lambda: deque(open_clip(file).decode(), maxlen=0))
    if options.predict:
        import emonets

        model = emonets.load(options.bundle)
        rows["predict"] = seconds(lambda: model.predict(file))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        rows["annotate"] = seconds(lambda: annotate(result, file, out / "annotated.mp4"))
        rows["copy"] = seconds(lambda: make_proxy(file, out, name="copy", always=True))
        sizes = {path.name: path.stat().st_size for path in out.iterdir()}
    for name, (wall, processor) in rows.items():
        print(
            f"{name:9s} {wall:7.2f} s, {len(times) / wall:7.1f} pictures a second; processor "
            f"{processor:7.2f} s, {processor / rows['decode'][1]:5.1f} times decoding"
        )
    if "predict" in rows:
        print(f"annotate takes {rows['annotate'][1] / rows['predict'][1]:.2f} of predict")
    for name, size in sizes.items():
        print(f"{name}: {size / 1e6:.2f} MB for {times[-1]:.1f} s")


if __name__ == "__main__":
    main()
