"""Whole clips by the face alone: how registration and illumination move the answer.

    python benchmarks/clips_face.py --data ../shared/data

The face networks have seen none of these clips: a clip's answer is the mean over its face
pictures, nothing is fitted. Every tube is found once and shown to each network twice: through one
transform for all faces (paper 3.1.1) and through one by each face's own landmarks. Draws
``docs/figures/mean_faces.png``: FER2013's mean face beside those of the clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import emonets
from emonets.clip import open_clip
from emonets.datasets.load import load_faces
from emonets.emotions import EMOTIONS
from emonets.evaluation.figures import mean_faces
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Row, score_rows, write_results
from emonets.faces.detect import load_detector
from emonets.faces.landmarks import FaceLandmarker
from emonets.faces.pipeline import find_tubes
from emonets.faces.registration import (
    FER_LANDMARK_MEAN,
    TUBE_TO_FER,
    apply,
    face_transforms,
    register,
)

JAVANESE = {"01": 6, "02": 4, "03": 3, "04": 5, "05": 2, "06": 0}
RAVDESS = {"01": 6, "02": 6, "03": 3, "04": 4, "05": 0, "06": 2, "07": 1, "08": 5}
WAYS = ("source", "face")


def javanese(folder: Path) -> list[tuple[Path, int, str]]:
    """Clip, label and actor; names are actor-sentence-emotion_repetition."""
    found = []
    for path in sorted((folder / "javanese_av").glob("*.mp4")):
        actor, _, rest = path.stem.split("-")
        found.append((path, JAVANESE[rest.split("_")[0]], actor))
    return found


def ravdess(folder: Path) -> list[tuple[Path, int, str]]:
    """Clip, label and actor of RAVDESS' audio-visual files."""
    found = []
    for path in sorted((folder / "ravdess_av").glob("*.mp4")):
        parts = path.stem.split("-")
        found.append((path, RAVDESS[parts[2]], parts[6]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundles", nargs="+", default=["paper"])
    parser.add_argument("--stride", type=int, default=2, help="detect in every N-th frame")
    options = parser.parse_args()
    command = f"python benchmarks/clips_face.py --data DATA --bundles {' '.join(options.bundles)}"
    models = {name: emonets.load(name) for name in options.bundles}
    landmarker = FaceLandmarker()
    rows: list[Row] = []
    sums: dict[str, np.ndarray] = {}
    shapes: dict[str, list[np.ndarray]] = {}
    for data, clips in (
        ("javanese_av", javanese(options.data)),
        ("ravdess_av", ravdess(options.data)),
    ):
        labels = np.array([label for _, label, _ in clips])
        actors = np.array([actor for _, _, actor in clips])
        p = {(m, w): np.full((len(clips), 7), 1 / 7) for m in models for w in WAYS}
        dropped = 0
        for i, (path, _, _) in enumerate(clips):
            pictures: dict[str, list[np.ndarray]] = {way: [] for way in WAYS}
            for tube in find_tubes(open_clip(path), load_detector(), stride=options.stride):
                points = landmarker.points(tube.crops)
                transforms = {"source": TUBE_TO_FER, "face": face_transforms(points, window=11)}
                for way, transform in transforms.items():
                    grey = register(tube.crops, transform, seed=tube.track, indices=tube.index)
                    pictures[way].append(grey)
                shapes.setdefault(data, []).append(apply(TUBE_TO_FER, points[:, 17:].mean(axis=0)))
            if not pictures["source"]:
                dropped += 1
                continue
            for way in WAYS:
                grey = np.concatenate(pictures[way])
                key = f"{data}, {'one transform' if way == 'source' else 'by landmarks'}"
                sums[key] = sums.get(key, np.zeros((48, 48))) + grey.mean(axis=0) / len(clips)
                for name, model in models.items():
                    ready = model.face.preprocessing.normalise(grey)
                    q = model.face.network.predict_proba(ready)
                    p[name, way][i] = q.mean(axis=0)
        absent = [k for k in range(7) if k not in labels]
        for values in p.values():  # a class that the clips do not have cannot be the answer
            values[:, absent] = 0
            np.divide(values, values.sum(axis=1, keepdims=True), out=values)
        groups = actors if len(set(actors)) > 1 else None
        without = f", {', '.join(EMOTIONS[k] for k in absent)} masked" if absent else ""
        for (name, way), values in p.items():
            evaluation = evaluate(labels, values, groups=groups)
            print(f"{data:12s} {name:14s} {way:7s} accuracy {evaluation.accuracy}")
            rows += score_rows(
                evaluation,
                what=f"face {name}, registration by {way}, mean over frames",
                data=data,
                command=command,
                split=f"all clips, none trained on{without}",
                group="actor" if groups is not None else "",
                dropped=dropped,
            )
        for name in models:
            gain = difference(labels, p[name, "face"], p[name, "source"], groups=groups)
            print(f"{data:12s} {name:14s} by landmarks less one transform: {gain}")
    for data, parts in shapes.items():
        mean = np.mean(parts, axis=0)
        away = np.sqrt(((mean - FER_LANDMARK_MEAN) ** 2).sum(axis=1).mean())
        print(f"{data}: mean shape {away:.2f} pixels (rms) from FER2013's, of 48")
        rows.append(
            Row(what="mean face shape through one transform, rms distance to FER2013's",
                data=data, metric="pixels of 48", value=float(away), command=command,
                split="all clips")
        )  # fmt: skip
    fer = load_faces(options.data / "fer2013.npz").take("Training").images.mean(axis=0)
    Path("docs/figures").mkdir(parents=True, exist_ok=True)
    mean_faces(
        [("FER2013 Training", fer), *sums.items()],
        "docs/figures/mean_faces.png",
        landmarks=FER_LANDMARK_MEAN,
        title="Mean faces in FER2013's frame, with its mean landmarks",
    )
    write_results("clips_face", rows)


if __name__ == "__main__":
    main()
