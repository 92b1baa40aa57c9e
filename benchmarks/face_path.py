"""The face path end to end: 640 × 480, 25 frames/s, detection on every frame, two cores.

    python benchmarks/face_path.py [--bundle modern]

The film is a shipped example, played to and fro and scaled up. The baseline is what packaged
peers do, in the same process: decode with PyAV, OpenCV's Haar cascade on every frame, and one run
of the same network for each face, one after the other.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import av
import cv2
import numpy as np

import emonets
from emonets.evaluation.records import Evidence, write_results
from emonets.media.clip import open_clip
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.detect import load_detector

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "1001_DFA_HAP_XX.flv"


def make_film(path: Path, seconds: float, size: tuple[int, int] = (640, 480)) -> None:
    """An H.264 film of the example's frames, to and fro."""
    images = [cv2.resize(frame.image, size) for frame in open_clip(EXAMPLE).frames()]
    loop = images + images[-2:0:-1]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast"}
        for i in range(int(seconds * 25)):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(loop[i % len(loop)], "rgb24")))
        out.mux(stream.encode())


def baseline(path: Path, model: emonets.EmoNets) -> int:
    """Frames; Haar on every frame and a network run for every face."""
    cascade = cv2.CascadeClassifier(
        str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml")
    )
    network, count = model.face.network, 0
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            grey = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
            for x, y, w, h in cascade.detectMultiScale(grey, 1.1, 5, minSize=(50, 50)):
                size = model.face.preprocessing.size
                face = cv2.resize(grey[y : y + h, x : x + w], (size, size))
                network.predict_proba(model.face.preprocessing.normalise(face[None]))
            count += 1
    return count


def stages(path: Path, model: emonets.EmoNets) -> dict[str, float]:
    """Seconds of each stage, one after the other in one thread."""
    spent: dict[str, float] = defaultdict(float)
    detector, builder = load_detector("auto"), TubeBuilder()
    tubes = []
    frames = iter(open_clip(path).frames())
    while True:
        start = time.perf_counter()
        frame = next(frames, None)
        spent["decode"] += time.perf_counter() - start
        if frame is None:
            break
        start = time.perf_counter()
        seen = detector.detect(frame.image)
        spent["detect"] += time.perf_counter() - start
        start = time.perf_counter()
        tubes += builder.add(frame, seen)
        spent["tubes"] += time.perf_counter() - start
    start = time.perf_counter()
    tubes += builder.finish()
    spent["tubes"] += time.perf_counter() - start
    for tube in tubes:
        start = time.perf_counter()
        pictures = model.face.inputs(tube)
        spent["register and normalise"] += time.perf_counter() - start
        start = time.perf_counter()
        model.face.network.predict_proba(pictures)
        spent["network"] += time.perf_counter() - start
    return dict(spent)


def alone(model: emonets.EmoNets, rounds: int = 300) -> tuple[float, float]:
    """Milliseconds of one face in one thread, as the bundle answers (with the mirror image, where
    it keeps that): the median and the least of the rounds."""
    network, size = model.face.network, model.face.preprocessing.size
    network.use(threads=1)
    face = np.random.default_rng(0).integers(0, 256, (1, size, size)).astype(np.uint8)
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        network.predict_proba(model.face.preprocessing.normalise(face))
        spent.append(1e3 * (time.perf_counter() - start))
    return float(np.median(spent)), min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--bundle", default="paper")
    parser.add_argument("--note", default="")
    options = parser.parse_args()
    cv2.setNumThreads(2)
    model = emonets.load(options.bundle)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        make_film(film, options.seconds)
        model.predict(film)  # warm up
        ours, theirs = [], []
        for _ in range(3):
            start = time.perf_counter()
            result = model.predict(film, frames=True)
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            count = baseline(film, model)
            theirs.append(time.perf_counter() - start)
        shares = stages(film, model)
    median, least = alone(model)
    faces = sum(row.model.endswith("/frame") for row in result.rows)
    fast, slow = float(np.median(ours)), float(np.median(theirs))
    length = count / 25
    print(f"{count} frames of 640x480, {length:.0f} s of film; {faces} face pictures")
    print(f"emonets   {count / fast:6.1f} frames/s  {length / fast:5.2f} x real time")
    print(f"baseline  {count / slow:6.1f} frames/s  {length / slow:5.2f} x real time (Haar)")
    print(f"ratio     {slow / fast:6.2f}")
    whole = sum(shares.values())
    print("stages, one after the other in one thread:")
    for name, seconds in shares.items():
        print(f"  {name:24s} {seconds / count * 1e3:6.2f} ms a frame  {seconds / whole:6.1%}")
    views = "with its mirror image" if model.face.network.mirror else "without its mirror image"
    print(f"one face {views} in one thread: {median:.2f} ms, {least:.2f} at least")
    command, of = "python benchmarks/face_path.py", "face path"
    if options.bundle != "paper":
        command, of = f"{command} --bundle {options.bundle}", f"face path of {options.bundle}"
    about = {"data": "example clip, 640x480 25 frames/s", "split": "none", "n": count, "seed": 0}
    rows = [
        Evidence(what=f"{of} end to end", metric="realtime", value=length / fast,
            command=command, note=options.note, **about),
        Evidence(what=f"{of} against Haar on every frame and a network run a face", metric="ratio",
            value=slow / fast, command=command, **about),
    ]  # fmt: skip
    rows.append(
        Evidence(what=f"{of}, one face {views} in one thread", metric="milliseconds",
            value=median, command=command, note=f"{least:.2f} at least",
            **{**about, "n": 300, "data": "noise"})
    )  # fmt: skip
    rows += [
        Evidence(what=f"{of}, milliseconds a frame: {name}", metric="milliseconds",
            value=seconds / count * 1e3, command=command, **about)
        for name, seconds in shares.items()
    ]  # fmt: skip
    write_results("speed", rows)


if __name__ == "__main__":
    main()
