"""Whole clips by the face alone: how registration and the scale of the crop move the answer.

    python benchmarks/clips_face.py --data ../shared/data --bundles paper modern

The face networks have seen none of these clips: a clip's answer is the mean over its face
pictures, nothing is fitted. Every tube is found once and shown to each network through one
transform for all faces (paper 3.1.1), the same with faces larger and smaller, and through one by
each face's own landmarks. Draws ``docs/figures/mean_faces.png``: FER2013's mean face beside those
of the clips, and, of each network, the confusion matrix on the Javanese clips.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import emonets
from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS
from emonets.evaluation.figures import confusion_of, mean_faces, save
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.media.clip import open_clip
from emonets.specialists.face.specialist import FacePreprocessing
from emonets.tubes.detect import load_detector
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.registration import (
    FER_LANDMARK_MEAN,
    FER_SIZE,
    TUBE_TO_FER,
    apply,
    face_transforms,
)

JAVANESE = {"01": 6, "02": 4, "03": 3, "04": 5, "05": 2, "06": 0}
RAVDESS = {"01": 6, "02": 6, "03": 3, "04": 4, "05": 0, "06": 2, "07": 1, "08": 5}
SCALES = (0.82, 0.9, 1.1, 1.2)
"""Of the faces, beside 1: below it they are smaller and more of what is around them is seen."""
WAYS = ("source", "face", *(f"source, scale {scale:g}" for scale in SCALES))


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


def scaled(transform: np.ndarray, scale: float) -> np.ndarray:
    """The transform, and behind it a change of scale about the middle of the picture."""
    middle = np.full(2, (FER_SIZE - 1) / 2)
    out = scale * np.asarray(transform, float)
    out[:, 2] += (1 - scale) * middle
    return out


@dataclass
class Seen:
    """What the networks say of the clips of one set.

    Attributes
    ----------
    p : (network, way) → (n, 7).
    sums : way → the mean face.
    points : of each tube, its mean landmarks in FER2013's frame.
    dropped : clips without a face.
    """

    p: dict[tuple[str, str], np.ndarray]
    sums: dict[str, np.ndarray]
    points: list[np.ndarray]
    dropped: int = 0


def pictures_of(
    path: Path,
    stride: int,
    kinds: set[tuple[str, int, float, float]],
    landmarker: FaceLandmarker,
    points: list[np.ndarray],
) -> dict[tuple[str, str, int, float, float], np.ndarray]:
    """(way, border, size, zoom, up) → all faces of a clip, (n, size, size); or nothing.

    ``kinds`` are the borders and sizes that are needed.
    """
    found: dict[tuple[str, str, int, float, float], list[np.ndarray]] = {}
    for tube in find_tubes(open_clip(path), load_detector(), stride=stride):
        shape = landmarker.points(tube.crops)
        transforms = {"source": TUBE_TO_FER, "face": face_transforms(shape, window=11)}
        for scale in SCALES:
            transforms[f"source, scale {scale:g}"] = scaled(TUBE_TO_FER, scale)
        for way, transform in transforms.items():
            for border, size, zoom, up in kinds:
                preprocessing = FacePreprocessing(border=border, size=size, zoom=zoom, up=up)
                grey = preprocessing.register(
                    tube.crops, transform, seed=tube.track, indices=tube.index
                )
                found.setdefault((way, border, size, zoom, up), []).append(grey)
        points.append(apply(TUBE_TO_FER, shape[:, 17:].mean(axis=0)))
    return {key: np.concatenate(parts) for key, parts in found.items()}


def see(clips: list[Path], models: dict[str, emonets.EmoNets], stride: int) -> Seen:
    """Show every face of every clip to every network, in every way."""
    used = {name: model.face.preprocessing for name, model in models.items()}
    kinds = {(one.border, one.size, one.zoom, one.up) for one in used.values()}
    plain = (min(kinds)[0], FER_SIZE, 1.0, 0.0)  # of the mean faces
    kinds.add(plain)
    landmarker = FaceLandmarker()
    seen = Seen({(m, w): np.full((len(clips), 7), 1 / 7) for m in models for w in WAYS}, {}, [])
    for i, path in enumerate(clips):
        pictures = pictures_of(path, stride, kinds, landmarker, seen.points)
        if not pictures:
            seen.dropped += 1
            continue
        for way in WAYS:
            mean = pictures[way, *plain].mean(axis=0) / len(clips)
            seen.sums[way] = seen.sums.get(way, np.zeros((FER_SIZE, FER_SIZE))) + mean
            for name, model in models.items():
                how = used[name]
                ready = how.lit(pictures[way, how.border, how.size, how.zoom, how.up])
                seen.p[name, way][i] = model.face.network.predict_proba(ready).mean(axis=0)
    return seen


def score(
    data: str, labels: np.ndarray, groups: np.ndarray | None, seen: Seen, command: str
) -> list[Evidence]:
    """Rows of every network and way, and in print the differences that matter."""
    rows: list[Evidence] = []
    absent = [k for k in range(7) if k not in labels]
    for values in seen.p.values():  # a class that the clips do not have cannot be the answer
        values[:, absent] = 0
        np.divide(values, values.sum(axis=1, keepdims=True), out=values)
    without = f", {', '.join(EMOTIONS[k] for k in absent)} masked" if absent else ""
    for (name, way), values in seen.p.items():
        evaluation = evaluate(labels, values, groups=groups)
        print(f"{data:12s} {name:14s} {way:20s} accuracy {evaluation.accuracy}")
        if data == "javanese_av" and way == "source":
            save(
                confusion_of(
                    evaluation, title=f"{data}, never trained on, face network {Path(name).name}"
                ),
                Path(f"docs/figures/confusion_clips_{Path(name).name}.png"),
            )
        rows += score_rows(
            evaluation,
            what=f"face {name}, registration by {way}, mean over frames",
            data=data,
            command=command,
            split=f"all clips, none trained on{without}",
            group="actor" if groups is not None else "",
            dropped=seen.dropped,
        )
    names = list(dict.fromkeys(name for name, _ in seen.p))
    for name in names:
        p, first = seen.p[name, "source"], names[0]
        gain = difference(labels, seen.p[name, "face"], p, groups=groups)
        print(f"{data:12s} {name:14s} by landmarks less one transform: {gain}")
        if name != first:
            gain = difference(labels, p, seen.p[first, "source"], groups=groups)
            print(f"{data:12s} {name:14s} less {first}: {gain}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundles", nargs="+", default=["paper", "modern"])
    parser.add_argument("--stride", type=int, default=2, help="detect in every N-th frame")
    options = parser.parse_args()
    command = f"python benchmarks/clips_face.py --data DATA --bundles {' '.join(options.bundles)}"
    models = {name: emonets.load(name) for name in options.bundles}
    Path("docs/figures").mkdir(parents=True, exist_ok=True)
    rows: list[Evidence] = []
    faces = open_dataset(options.data / "fer2013.npz").still_faces().take("Training")
    means = [("FER2013 Training", faces.images.mean(axis=0))]
    for data, clips in (
        ("javanese_av", javanese(options.data)),
        ("ravdess_av", ravdess(options.data)),
    ):
        labels = np.array([label for _, label, _ in clips])
        actors = np.array([actor for _, _, actor in clips])
        seen = see([path for path, _, _ in clips], models, options.stride)
        rows += score(data, labels, actors if len(set(actors)) > 1 else None, seen, command)
        means += [(f"{data}, one transform", seen.sums["source"])]
        means += [(f"{data}, by landmarks", seen.sums["face"])]
        shape = np.mean(seen.points, axis=0)
        away = np.sqrt(((shape - FER_LANDMARK_MEAN) ** 2).sum(axis=1).mean())
        print(f"{data}: mean shape {away:.2f} pixels (rms) from FER2013's, of 48")
        rows.append(
            Evidence(what="mean face shape through one transform, rms distance to FER2013's",
                data=data, metric="pixels of 48", value=float(away), command=command,
                split="all clips")
        )  # fmt: skip
    save(
        mean_faces(
            means,
            landmarks=FER_LANDMARK_MEAN,
            title="Mean faces in FER2013's frame, with its mean landmarks",
        ),
        "docs/figures/mean_faces.png",
    )
    write_results("clips_face", rows)


if __name__ == "__main__":
    main()
