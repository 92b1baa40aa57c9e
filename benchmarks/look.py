"""What `emonets.look` of one picture costs, beside `predict` of the picture's file.

    python benchmarks/look.py [--rounds 60]

The picture has 640x480 pixels and one face (the first frame of an example clip). Both ways run in
turn in the same process, on one core where the system can say so, with a model that is loaded and
has predicted before. Times are of the clock and of the processor: on a busy machine only the
latter, and the ratio, mean something. `import emonets` is timed in processes of its own, beside
one that imports nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# before onnxruntime is loaded
os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import cv2
import numpy as np

import emonets
from emonets.media.clip import open_clip
from emonets.tubes.centerface import CenterFace

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "1001_DFA_HAP_XX.flv"


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return 1e3 * (time.perf_counter() - clock), 1e3 * (time.process_time() - processor)


def spent(values: list[tuple[float, float]]) -> str:
    clock, processor = zip(*values, strict=True)
    return (
        f"clock median {statistics.median(clock):6.1f} ms, least {min(clock):6.1f}; "
        f"processor median {statistics.median(processor):6.1f} ms, least {min(processor):6.1f}"
    )


def started(code: str) -> tuple[float, float]:
    """Milliseconds of a fresh Python that runs a line of code: clock, and processor."""
    before = os.times()
    clock = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    clock = time.perf_counter() - clock
    after = os.times()
    children = after.children_user + after.children_system
    return 1e3 * clock, 1e3 * (children - before.children_user - before.children_system)


def main(rounds: int) -> None:
    model = emonets.load()
    image = cv2.resize(next(open_clip(EXAMPLE).frames()).image, (640, 480))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "face.png"
        file.write_bytes(cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes())
        (face,) = model.look(image)
        assert model.predict(file, models="face").rows[0].probabilities == face.probabilities
        detector = CenterFace()

        def detected() -> None:
            detector.reset()  # at the finest size, as of any single picture
            detector.detect(image)

        array, path, alone = [], [], []
        for _ in range(rounds):
            alone.append(timed(detected))
            array.append(timed(lambda: model.look(image)))
            path.append(timed(lambda: model.predict(file, models="face")))
    print(f"look(array)              {spent(array)}")
    print(f"predict(file), baseline  {spent(path)}")
    ratio = min(p for _, p in path) / min(p for _, p in array)
    print(f"face detector alone      {spent(alone)}")
    parts = min(p for _, p in array) / min(p for _, p in alone)
    print(f"of the processor's time look takes 1/{ratio:.2f}, {parts:.2f} times the detector's")
    bare, loaded = [], []
    for _ in range(10):
        bare.append(started("pass"))
        loaded.append(started("import emonets"))
    print(f"python -c pass, baseline {spent(bare)}")
    print(f"import emonets           {spent(loaded)}")
    for kind, i in (("clock", 0), ("processor", 1)):
        more = min(x[i] for x in loaded) - min(x[i] for x in bare)
        print(f"import emonets costs {more:.1f} ms of the {kind}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    main(parser.parse_args().rounds)
