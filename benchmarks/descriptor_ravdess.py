"""The clip descriptor and the coupled SVM (paper 3.1.4) at a real size.

    python benchmarks/descriptor_ravdess.py --data ../shared/data

The frame probabilities are a third party's network's, for the 1,440 audio-visual RAVDESS speech
clips. Five actor-independent folds (Luna-Jiménez 2022); C and gamma are chosen inside the training
actors, by folds of whole actors; the test actors are looked at once. Baselines in the same run:
the mean over frames (nothing trained), and the same SVM on that mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import score_rows, write_results
from emonets.learners.grid_search import TwoStageGridSearch
from emonets.learners.svm.coupled import CoupledSVC
from emonets.specialists.descriptor import merge_frames, segments

EMOTION = {1: 6, 2: 6, 3: 3, 4: 4, 5: 0, 6: 2, 7: 1, 8: 5}
FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24),
         (1, 4, 9, 22))  # fmt: skip
COARSE = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": [0.01, 0.1, 1.0, 10.0]}


def out_of_fold(X: np.ndarray, y: np.ndarray, actor: np.ndarray) -> np.ndarray:
    """Probabilities (n, 7) of each clip by a machine that has not met its actor."""
    p = np.zeros((len(X), 7))
    for fold in FOLDS:
        test = np.isin(actor, fold)
        inner = np.array([next(i for i, f in enumerate(FOLDS) if a in f) for a in actor[~test]])
        search = TwoStageGridSearch(
            SVC(decision_function_shape="ovo"), coarse=COARSE, exponents=(-1.0, 0.0, 1.0), cv=4,
            scoring="balanced_accuracy", n_jobs=-1,
        )  # fmt: skip
        search.fit(X[~test], y[~test], groups=inner)
        machine = CoupledSVC(**search.best_params_, cv=4, random_state=0)
        machine.fit(X[~test], y[~test], groups=inner)
        p[test] = machine.predict_proba(X[test])
        print(f"fold {fold}: {search.best_params_}")
    return p


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    with np.load(options.data / "ravdess_face_frames.npz", allow_pickle=False) as z:
        clip, frame, proba = z["clip"], z["frame"], z["proba"].astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    names, member = np.unique(clip, return_inverse=True)
    parts = np.array([[int(x) for x in str(name).split(".")[0].split("-")] for name in names])
    y, actor = np.array([EMOTION[e] for e in parts[:, 2]]), parts[:, 6]
    merged = [
        merge_frames(frame[member == i].astype(np.int64), proba[member == i])[1]
        for i in range(len(names))
    ]
    means = np.stack([p.mean(axis=0) for p in merged])
    systems = {
        "mean over frames, nothing trained": means,
        "coupled SVM on the mean": out_of_fold(means, y, actor),
        "coupled SVM on ten segments": out_of_fold(
            np.stack([segments(p) for p in merged]), y, actor
        ),
    }
    rows = []
    for name, p in systems.items():
        evaluation = evaluate(y, p, groups=actor)
        print(f"{name:36s} accuracy {evaluation.accuracy}  UAR {evaluation.uar}")
        rows += score_rows(
            evaluation, what=name, data="ravdess_face_frames", group="actor",
            split="5 actor-independent folds",
            command="python benchmarks/descriptor_ravdess.py --data DATA",
        )  # fmt: skip
    gain = difference(y, systems["coupled SVM on ten segments"], means, groups=actor)
    print(f"ten segments + SVM less the mean over frames: {gain}")
    write_results("descriptor", rows)


if __name__ == "__main__":
    main()
