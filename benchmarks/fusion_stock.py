"""Nested predictions of stock parts on RAVDESS' takes, for benchmarks/fusion.py.

    python benchmarks/fusion_stock.py --data ../shared/data --what face --out face.npz
    python benchmarks/fusion_stock.py --data ../shared/data --what face-log --out face_log.npz
    python benchmarks/fusion_stock.py --data ../shared/data --what compare --cache CACHE --out c.npz

face: the third party's frame probabilities of `ravdess_face_frames.npz`, the paper's descriptor of
ten segments and its SVM. face-log: the logarithms of that descriptor and mean, deviation and
quantiles of the frames' logarithms, and a linear discriminant; chosen on four of the five folds
before the fifth was looked at. compare, egemaps: openSMILE's functionals of the same sound and an
SVM (needs the package opensmile, as benchmarks/audio_baselines.py; --cache keeps the features).

Five actor-independent folds (Luna-Jiménez 2022). A machine is trained on all folds but one (what a
fusion is tested on) and on all but two (what a fusion learns from); C and gamma are chosen inside
its own training actors each time, by leaving one of their folds out. The file holds clip (names),
label, actor, fold, proba (n, 7) and inner (5, n, 7), as protocols.NestedPredictions has them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import audio_baselines
from emonets.datasets import open_dataset
from emonets.datasets.readers.ravdess import FOLDS
from emonets.fusion.nested_folds import nested_predictions
from emonets.fusion.protocols import FitPredict
from emonets.learners.grid_search import TwoStageGridSearch
from emonets.learners.svm.coupled import CoupledSVC
from emonets.specialists.descriptor import merge_frames, segments

EMOTION = {1: 6, 2: 6, 3: 3, 4: 4, 5: 0, 6: 2, 7: 1, 8: 5}
RBF = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": [0.01, 0.1, 1.0, 10.0]}
LINEAR = {"C": audio_baselines.LINEAR["C"]}

LEAST = 1e-4  # a probability counts as, where it is less
SHRINKAGE = 0.1  # of the discriminant's covariance
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


def takes(names: NDArray[np.str_]) -> tuple[Ints, NDArray[np.str_], Ints]:
    """Labels, actors and folds of clips by their names."""
    parts = [str(name).split(".")[0].split("-") for name in names]
    y = np.array([EMOTION[int(p[2])] for p in parts])
    actor = np.array([p[6] for p in parts])
    return y, actor, np.array([FOLDS[a] for a in actor])


def face_frames(data: Path) -> tuple[NDArray[np.str_], list[Floats]]:
    """Names of the takes and the probabilities of their frames, (frames, 7) each."""
    with np.load(data / "ravdess_face_frames.npz", allow_pickle=False) as z:
        clip, frame, proba = z["clip"], z["frame"], z["proba"].astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    names, member = np.unique(clip, return_inverse=True)
    rows = [np.flatnonzero(member == i) for i in range(len(names))]
    return names, [merge_frames(frame[r].astype(np.int64), proba[r])[1] for r in rows]


def log_descriptor(frames: Floats) -> Floats:
    """(frames, 7) → (119,)."""
    x = np.log(np.clip(frames, LEAST, 1))
    parts = (x.mean(axis=0), x.std(axis=0), *np.quantile(x, QUANTILES, axis=0))
    return np.concatenate([*parts, np.log(np.clip(segments(frames), LEAST, 1)).ravel()])


def sound_functionals(data: Path, name: str, cache: Path | None) -> tuple[NDArray[np.str_], Floats]:
    """Names of the takes, as the faces' are, and openSMILE's numbers."""
    task = audio_baselines.task(open_dataset(data / "ravdess_speech", layout="ravdess"), "actor")
    names = np.array(["01" + file.stem[2:] for file in task.files])
    known = f"openSMILE {name}"
    path = cache / f"{task.data}_{known.replace(' ', '_')}.npz" if cache else None
    extract = None
    if path is None or not path.exists():
        extract = audio_baselines.extractors()[known][0]
    return names, audio_baselines.features(task, known, extract, cache)


def rbf_machine(x: Floats, y: Ints, fold: Ints, *, standardise: bool = False) -> FitPredict:
    """The paper's SVM, its numbers by a two-stage grid."""
    coarse = dict(RBF)
    if standardise:
        coarse["gamma"] = [g / x.shape[1] for g in audio_baselines.RBF["gamma"]]

    def fit_predict(train: Ints, test: Ints) -> Floats:
        table, parts = x, len(np.unique(fold[train]))
        if standardise:
            table = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
        search = TwoStageGridSearch(
            SVC(decision_function_shape="ovo"), coarse=coarse, exponents=(-1.0, 0.0, 1.0),
            cv=parts, scoring="balanced_accuracy",
        )  # fmt: skip
        search.fit(table[train], y[train], groups=fold[train])
        machine = CoupledSVC(**search.best_params_, cv=parts, random_state=0)
        machine.fit(table[train], y[train], groups=fold[train])
        print(np.unique(fold[test]), search.best_params_, f"{search.best_score_:.3f}", flush=True)
        return machine.predict_proba(table[test])

    return fit_predict


def discriminant(x: Floats, y: Ints) -> FitPredict:
    """A linear discriminant of standardised numbers."""

    def fit_predict(train: Ints, test: Ints) -> Floats:
        lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
        return np.asarray(
            make_pipeline(StandardScaler(), lda).fit(x[train], y[train]).predict_proba(x[test])
        )

    return fit_predict


def linear_machine(x: Floats, y: Ints, fold: Ints) -> FitPredict:
    """A linear SVM of standardised numbers, by its kernel: they are far more than the clips."""

    def fit_predict(train: Ints, test: Ints) -> Floats:
        inside, across = audio_baselines.kernels(x[train], x[test], None)
        search = TwoStageGridSearch(
            SVC(kernel="precomputed"), coarse=LINEAR, exponents=(0.0,),
            cv=len(np.unique(fold[train])), scoring="balanced_accuracy",
        )  # fmt: skip
        search.fit(inside, y[train], groups=fold[train])
        machine = CoupledSVC(
            **search.best_params_, kernel="precomputed", cv=len(np.unique(fold[train])),
            random_state=0,
        )  # fmt: skip
        machine.fit(inside, y[train], groups=fold[train])
        print(np.unique(fold[test]), search.best_params_, f"{search.best_score_:.3f}", flush=True)
        return machine.predict_proba(across)

    return fit_predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--what", choices=("face", "face-log", "compare", "egemaps"), required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    make: Callable[[Floats, Ints, Ints], FitPredict] = rbf_machine
    if options.what in ("face", "face-log"):
        names, frames = face_frames(options.data)
        x = np.stack([segments(f) for f in frames])
        if options.what == "face-log":
            x = np.stack([log_descriptor(f) for f in frames])
            make = lambda x, y, fold: discriminant(x, y)  # noqa: E731
    else:
        feature_set = {"compare": "ComParE_2016", "egemaps": "eGeMAPSv02"}[options.what]
        names, x = sound_functionals(options.data, feature_set, options.cache)
        make = linear_machine
        if options.what == "egemaps":
            make = partial(rbf_machine, standardise=True)
    order = np.argsort(names)
    names, x = names[order], x[order]
    y, actor, fold = takes(names)
    nested = nested_predictions({options.what: make(x, y, fold)}, fold, actor)
    right = (nested.outer[:, 0].argmax(axis=1) == y).mean()
    print(f"{options.what}: {len(y)} takes, {right:.1%} right out of fold")
    np.savez(
        options.out, clip=names, label=y, actor=actor, fold=fold, proba=nested.outer[:, 0],
        inner=nested.inner[:, :, 0],
    )  # fmt: skip


if __name__ == "__main__":
    main()
