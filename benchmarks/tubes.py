"""Speed of the face tubes, each against a named baseline in the same process.

    python benchmarks/tubes.py [--frames 300] [--json FILE]

The builder is timed on 640x480 frames of an example clip with given boxes, that is without
detection, and against nothing but cutting each box out and resizing it with OpenCV. Locating a crop
is timed against a loop over positions that sums the same features from the pixels.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.tubes import locate
from emonets.tubes.builder import TubeBuilder

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "1001_DFA_HAP_XX.flv"
SIZE = (640, 480)


@dataclass(frozen=True)
class Picture:
    index: int
    time: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Boxes:
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


def example_frames() -> list[NDArray[np.uint8]]:
    with av.open(str(EXAMPLE)) as container:
        return [
            np.asarray(cv2.resize(f.to_ndarray(format="rgb24"), SIZE))
            for f in container.decode(video=0)
        ]


def made_up_boxes(n: int, faces: int) -> NDArray[np.float64]:
    """(n, faces, 4) jittering boxes in a row, the first where the actor's face is."""
    rng = np.random.default_rng(0)
    side = 200.0 if faces == 1 else 560.0 / faces
    x = np.array([320.0]) if faces == 1 else (np.arange(faces) + 0.5) * 640.0 / faces
    centres = np.stack([x, np.full(faces, 220.0)], axis=1)
    boxes = np.concatenate([centres - side / 2, centres + side / 2], axis=1)
    return boxes + rng.normal(0, side / 100, (n, faces, 4))


def baseline(images: list[NDArray[np.uint8]], boxes: NDArray[np.float64]) -> float:
    start = time.perf_counter()
    for i, frame_boxes in enumerate(boxes):
        for x1, y1, x2, y2 in np.clip(np.rint(frame_boxes), 0, 640).astype(int).tolist():
            part = images[i % len(images)][y1:y2, x1:x2]
            cv2.resize(part, (96, 96), interpolation=cv2.INTER_AREA)
    return (time.perf_counter() - start) / len(boxes)


def build(
    images: list[NDArray[np.uint8]],
    boxes: NDArray[np.float64],
    *,
    stride: int = 1,
    missed: int = 0,
) -> float:
    """Seconds a frame; ``missed`` of each 12 frames have no boxes."""
    builder = TubeBuilder()
    frames = 0
    start = time.perf_counter()
    for i, frame_boxes in enumerate(boxes):
        there = frame_boxes if i % 12 < 12 - missed else frame_boxes[:0]
        found = Boxes(there, np.ones(len(there))) if i % stride == 0 else None
        for tube in builder.add(Picture(i, i / 25, images[i % len(images)]), found):
            frames += len(tube)
    frames += sum(len(tube) for tube in builder.finish())
    seconds = (time.perf_counter() - start) / len(boxes)
    assert frames > 0.8 * boxes.shape[0] * boxes.shape[1], "faces were lost"
    return seconds


def loop_over_positions(image: NDArray[np.uint8], crop: NDArray[np.uint8], positions: int) -> float:
    """Seconds that all positions would take, measured on some of them."""
    h, w = crop.shape[:2]
    rows, columns = image.shape[0] - h + 1, image.shape[1] - w + 1
    target = locate.haar_values(crop)
    places = np.linspace(0, rows * columns - 1, positions).astype(int).tolist()
    start = time.perf_counter()
    best = np.inf
    for place in places:
        y, x = divmod(place, columns)
        part = image[y : y + h, x : x + w].astype(np.int64)
        quarters = [
            q.sum(axis=(0, 1))
            for half in np.split(part, [h // 2])
            for q in np.split(half, [w // 2], axis=1)
        ]
        a, b, c, d = quarters
        values = np.stack([a + b - c - d, a + c - b - d, a + d - b - c])
        best = min(best, float(((values - target) ** 2).sum()))
    return (time.perf_counter() - start) / positions * rows * columns


def best_of(times: int, run: object) -> float:
    assert callable(run)
    return min(run() for _ in range(times))


def timed_locate(image: NDArray[np.uint8], crop: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    found = locate.locate_crop(image, crop)
    assert found is not None
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    images = example_frames()
    rows: list[dict[str, object]] = []

    def row(what: str, seconds: float, other: float, ratio: float) -> None:
        print(
            f"{what:62s} {seconds * 1e3:9.3f} ms   baseline {other * 1e3:11.3f} ms   {ratio:8.2f}"
        )
        rows.append({"what": what, "metric": "seconds", "value": seconds})
        rows.append({"what": f"{what}, times its baseline", "metric": "ratio", "value": ratio})

    for faces in (1, 4, 16):
        boxes = made_up_boxes(options.frames, faces)
        plain = best_of(3, lambda b=boxes: baseline(images, b))
        for name, more in (
            ("every frame", {}),
            ("2 of 12 frames missed", {"missed": 2}),
            ("stride 5", {"stride": 5}),
        ):
            seconds = best_of(3, lambda b=boxes, m=more: build(images, b, **m))
            what = f"tubes, {faces} faces, {name}, vs cv2 crop and resize"
            row(what, seconds, plain, seconds / plain)
    image = images[10]
    crop = image[110:290, 210:390]
    seconds = best_of(5, lambda: timed_locate(image, crop))
    slow = loop_over_positions(image, crop, 500)
    row(
        "locate a crop of 180x180, faster than a loop over positions", seconds, slow, slow / seconds
    )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
