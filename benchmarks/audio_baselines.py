"""Plain audio baselines: statistics of a whole clip and a support vector machine.

    python benchmarks/audio_baselines.py --data ../shared/data --cache CACHE

Features: mean and standard deviation of 20 MFCCs and their deltas; openSMILE's functionals
eGeMAPSv02 (88) and ComParE 2016 (6,373) where the package `opensmile` is installed, which EmoNets
itself never needs. Everything at 16 kHz. Each test fold is looked at once: standardisation is
fitted on the training part, C and gamma are chosen inside it by leaving one fold (RAVDESS) or one
speaker out, by UAR. Rows named "per speaker" standardise with all unlabelled clips of the test
speaker: they are transductive and not to be compared with the others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import savgol_filter
from sklearn.svm import SVC

from emonets.datasets import Dataset, open_dataset
from emonets.emotions import EMOTIONS
from emonets.evaluation.metrics import evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.learners.grid_search import best_point, grid_points
from emonets.media.clip import open_clip
from emonets.specialists.audio.features.waveform import SOUND_RATE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Extractor = Callable[[Floats], Floats]

RATE = 16_000
EIGHT = (*EMOTIONS, "calm")
"""RAVDESS has calm as a class of its own; among the seven it counts as neutral."""
LINEAR = {"C": [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1]}
RBF = {"C": [0.3, 1.0, 3.0, 10.0, 100.0], "gamma": [0.1, 0.3, 1.0, 3.0]}
"""gamma is per feature: the kernel's is this number over the number of features."""


@dataclass(frozen=True, eq=False)
class Task:
    """Clips, what they show, and how they are divided.

    ``labels`` are positions in ``classes``; ``folds`` say which part of the cross-validation each
    clip is tested in.
    """

    data: str
    files: tuple[Path, ...]
    labels: Ints
    classes: tuple[str, ...]
    groups: NDArray[np.str_]
    folds: Ints
    split: str
    group: str
    dropped: int


def task(recordings: Dataset, group: str, *, calm: bool = False) -> Task:
    """The corpus' agreed folds, or one speaker a fold; ``calm`` sets that class apart."""
    labels, groups = recordings.labels, recordings.groups
    if recordings.folds is None:
        folds, split = np.unique(groups, return_inverse=True)[1], f"leave one {group} out"
    else:
        folds = np.array([recordings.folds[g] for g in groups])
        split = f"{folds.max() + 1} {group}-independent folds, {8 if calm else 7} classes"
    if calm:
        labels = np.where([item.word == "calm" for item in recordings.items], 7, labels)
    return Task(
        data=recordings.name, files=tuple(item.path for item in recordings.items), labels=labels,
        classes=EIGHT if calm else EMOTIONS, groups=groups, folds=folds, split=split, group=group,
        dropped=len(recordings.dropped),
    )  # fmt: skip


def mfcc_statistics(samples: Floats) -> Floats:
    """Mean and deviation of 20 MFCCs and their deltas: (80,). Windows of 25 ms every 10 ms."""
    length, hop, size, n_bands = 400, 160, 512, 40
    x = np.pad(samples, length // 2)
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(length), size)) ** 2
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), n_bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    rise = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    bands = power @ np.maximum(0, np.minimum(rise, fall)).T
    # Quieter than 80 dB below the loudest is noise or the silence that a studio put there
    level = 10 * np.log10(np.maximum(bands, max(bands.max(), 1e-12) * 1e-8))
    cepstrum = dct(level, axis=1, norm="ortho")[:, :20]
    delta = savgol_filter(cepstrum, 9, 1, deriv=1, axis=0)
    both = np.hstack([cepstrum, delta])
    return np.concatenate([both.mean(axis=0), both.std(axis=0)])


def extractors() -> dict[str, tuple[Extractor, str]]:
    """Feature sets that can be had here, each with the kernel that it is measured with."""
    found: dict[str, tuple[Extractor, str]] = {"MFCC statistics": (mfcc_statistics, "rbf")}
    try:
        import opensmile
    except ImportError:
        print("opensmile is not installed: eGeMAPS and ComParE are left out")
        return found
    for name, kernel in (("eGeMAPSv02", "rbf"), ("ComParE_2016", "linear")):
        smile = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)

        def functionals(samples: Floats, smile: opensmile.Smile = smile) -> Floats:
            table = smile.process_signal(samples.astype(np.float32), RATE)
            return np.asarray(table.to_numpy()[0], dtype=np.float64)

        found[f"openSMILE {name}"] = functionals, kernel
    return found


def features(task: Task, name: str, extract: Extractor, cache: Path | None) -> Floats:
    """One row a clip, from the cache where it is there."""
    path = cache / f"{task.data}_{name.replace(' ', '_')}.npz" if cache else None
    names = np.array([f.name for f in task.files])
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as z:
            if np.array_equal(z["files"], names):
                return np.asarray(z["x"], dtype=np.float64)
    rows, start, seconds = [], time.perf_counter(), 0.0
    for file in task.files:
        sound = open_clip(file).read_sound().samples.astype(np.float64)
        seconds += len(sound) / SOUND_RATE
        rows.append(extract(soxr.resample(sound, SOUND_RATE, RATE, quality="VHQ")))
    x = np.stack(rows)
    taken = time.perf_counter() - start
    print(f"{task.data}, {name}: {x.shape}, {seconds / taken:.0f} times real time with decoding")
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, files=names, x=x)
    return x


def kernels(train: Floats, test: Floats, gamma: float | None) -> tuple[Floats, Floats]:
    """Kernel of training × training and of test × training, standardised on the former."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation[deviation < 1e-12] = np.inf  # a constant column says nothing
    a, b = (train - mean) / deviation, (test - mean) / deviation
    if gamma is None:
        return a @ a.T, b @ a.T
    norm = (a**2).sum(axis=1)
    inside = norm[:, None] + norm - 2 * a @ a.T
    across = (b**2).sum(axis=1)[:, None] + norm - 2 * b @ a.T
    gamma /= train.shape[1]
    return np.exp(-gamma * np.maximum(inside, 0)), np.exp(-gamma * np.maximum(across, 0))


def recall(truth: Ints, said: Ints) -> float:
    """Unweighted average recall over the classes of ``truth``, however many."""
    return float(np.mean([(said[truth == k] == k).mean() for k in np.unique(truth)]))


def fit_predict(
    x: Floats, y: Ints, train: NDArray[np.bool_], test: NDArray[np.bool_],
    grid: dict[str, list[float]],
) -> tuple[list[dict[str, float]], list[Ints]]:  # fmt: skip
    """Labels of the test rows by a machine for each point of the grid; kernels are shared."""
    points, answers, made = grid_points(grid), [], {}
    for point in points:
        gamma = point.get("gamma")
        if gamma not in made:
            made[gamma] = kernels(x[train], x[test], gamma)
        inside, across = made[gamma]
        machine = SVC(C=point["C"], kernel="precomputed", cache_size=500).fit(inside, y[train])
        answers.append(np.asarray(machine.predict(across), dtype=np.int64))
    return points, answers


def cross_validate(x: Floats, task: Task, kernel: str) -> tuple[Ints, float]:
    """Labels of each clip by a machine that never met its fold, and the mean inner UAR."""
    y, said, inner = task.labels, np.full(len(x), -1), []
    grid = LINEAR if kernel == "linear" else RBF
    for fold in np.unique(task.folds):
        train = task.folds != fold
        scores = []
        for held in np.unique(task.folds[train]):
            rows, out = train & (task.folds != held), task.folds == held
            points, answers = fit_predict(x, y, rows, out, grid)
            scores.append([recall(y[out], a) for a in answers])
        table = np.array(scores).T
        best = best_point(points, table)
        inner.append(table[best].mean())
        chosen = {key: [value] for key, value in points[best].items()}
        said[~train] = fit_predict(x, y, train, ~train, chosen)[1][0]
        print(f"  fold {fold}: {points[best]}, inner UAR {inner[-1]:.3f}", flush=True)
    return said, float(np.mean(inner))


def per_speaker(x: Floats, groups: NDArray[np.str_]) -> Floats:
    """Standardised with the statistics of each speaker's own clips, their labels unseen."""
    out = np.empty_like(x)
    for g in np.unique(groups):
        of = groups == g
        deviation = x[of].std(axis=0)
        out[of] = (x[of] - x[of].mean(axis=0)) / np.where(deviation > 1e-12, deviation, np.inf)
    return out


def rows_of(task: Task, said: Ints, *, what: str, command: str, note: str = "") -> list[Evidence]:
    evaluation = evaluate(task.labels, said, groups=task.groups, classes=task.classes)
    print(f"{task.data}, {task.split}, {what}:")
    print(f"  accuracy {evaluation.accuracy:.1%}  UAR {evaluation.uar:.1%}", flush=True)
    return score_rows(
        evaluation, what=what, data=task.data, split=task.split, group=task.group,
        dropped=task.dropped, command=command, note=note,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="folder that keeps features between runs")
    parser.add_argument("--only", default="", help="feature sets whose names hold this")
    options = parser.parse_args()
    command = "python benchmarks/audio_baselines.py --data DATA"
    actors = open_dataset(options.data / "ravdess_speech", layout="ravdess")
    tasks = [
        task(actors, "actor"),
        task(actors, "actor", calm=True),
        task(open_dataset(options.data / "emodb", layout="emodb"), "speaker"),
        task(open_dataset(options.data / "javanese_speech", layout="javanese"), "actor"),
    ]
    found = {k: v for k, v in extractors().items() if options.only.lower() in k.lower()}
    for name, (extract, kernel) in found.items():
        for each in tasks:
            x = features(each, name, extract, options.cache)
            what = f"{name} + {kernel} SVM"
            said, inner = cross_validate(x, each, kernel)
            print(f"{each.data}, {each.split}: inner UAR {inner:.1%}")
            rows = rows_of(each, said, what=what, command=command)
            if each.data == "ravdess_speech":
                said, _ = cross_validate(per_speaker(x, each.groups), each, kernel)
                rows += rows_of(
                    each, said, what=f"{what}, per speaker", command=command,
                    note="transductive: uses all clips of the test speaker",
                )  # fmt: skip
            write_results("audio_baselines", rows)


if __name__ == "__main__":
    main()
