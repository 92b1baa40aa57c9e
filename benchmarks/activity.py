"""The activity specialist: speed of its descriptors, its training, and how often it is right.

    OMP_NUM_THREADS=1 python benchmarks/activity.py --data ../shared/data --what speed
    OMP_NUM_THREADS=1 python benchmarks/activity.py --data DATA --work WORK --what training
    OMP_NUM_THREADS=1 python benchmarks/activity.py --data DATA --work WORK --what javanese

``speed``: descriptors of a film of 360 × 270 pixels by matrix products, against a loop over its
super blocks in double precision, in one process, the films' own filters not being needed for it.
``training``: everything of the preset `paper` at its sizes on all Javanese films.
``javanese``: leave one actor out, of everything, on whole frames and on face tubes. Blocks,
whitening, autoencoder, PCA and words are learned anew for each fold from the other actors'
films, by fewer blocks than the presets' (``FOLD``). Each way to count words, each kernel, with and
without a copy of each training film that is turned, scaled and moved, is scored; so is the way
that does best for the actors within each fold's training part, who are left out there in turn.

A run that was interrupted goes on from what lies in WORK.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.evaluation.figures import confusion_of, save
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.learners.svm.chi2 import Chi2SVC
from emonets.media.clip import open_clip
from emonets.specialists.activity import BLOCK, MotionFilters, MotionReader, Projection, grey
from emonets.specialists.activity.clips import describe_clips
from emonets.specialists.activity.motion_code import fit_code, kept_array
from emonets.specialists.activity.specialist import search_penalty
from emonets.specialists.activity.training import (
    fit_specialist,
    new_specialist,
    training_features,
)
from emonets.training.division import folds_of
from emonets.training.preset import load_section
from labelled_clips import motion_clips

FILTERS, COMPONENTS = 300, 100  # of the paper
CONTRAST = 10.0  # grey levels, about what films have
FOLD: dict[str, Any] = {
    "blocks": {"count": 50_000, "components": 300, "basis": 64},
    "superblocks": {"count": 50_000, "components": 100},
    "words": {"n_words": 3000, "max_iter": 20},
}
COUNTED = {"counted": False, "weighted by motion": True}
KERNELS = ("exponential", "additive")
COPIES = {"": 0, ", with changed copies": 1}
JAVANESE = "javanese_av"


@dataclass(frozen=True)
class Parts:
    """What is learned, of the paper's sizes and of random numbers: no product is faster for them.

    mean (d,), whitening (300, d), weights (300, 300), basis (256, R) or None, with d 2560 or 10 R;
    and the PCA of super blocks.
    """

    mean: np.ndarray
    whitening: np.ndarray
    weights: np.ndarray
    basis: np.ndarray | None
    projection: Projection

    @classmethod
    def draw(cls, width: int | None) -> Parts:
        random = np.random.default_rng(0)
        size = BLOCK[0] * (width or 256)

        def turned(rows: int, columns: int) -> np.ndarray:
            return np.linalg.qr(random.normal(size=(rows, columns)))[0]

        return cls(
            0.01 * random.normal(size=size), turned(size, FILTERS).T, turned(FILTERS, FILTERS),
            None if width is None else turned(256, width),
            Projection(random.uniform(0.5, 0.7, 8 * FILTERS).astype(np.float32),
                       turned(8 * FILTERS, COMPONENTS).T.astype(np.float32)),
        )  # fmt: skip


def loop(frames: np.ndarray, parts: Parts) -> np.ndarray:
    """Descriptors super block by super block, (n, D), step by step as the paper tells it.

    Pixels are whitened as they are; a basis is a means of being faster, and not the paper's.
    """
    whitening = parts.whitening
    if parts.basis is not None:
        whitening = np.kron(np.eye(BLOCK[0]), parts.basis) @ whitening.T
        whitening = np.ascontiguousarray(whitening.T)
    shift = parts.whitening @ parts.mean
    components, away = (
        x.astype(float) for x in (parts.projection.components, parts.projection.mean)
    )
    found = []
    for t in range(0, len(frames) - 13, 7):
        for y in range(0, frames.shape[1] - 19, 10):
            for x in range(0, frames.shape[2] - 19, 10):
                corners = []
                for dt, dy, dx in itertools.product((0, 4), repeat=3):
                    block = frames[
                        t + dt : t + dt + 10, y + dy : y + dy + 16, x + dx : x + dx + 16
                    ].astype(float)
                    block = (block - block.mean()) / (block.std() + CONTRAST)
                    white = whitening @ block.ravel() - shift
                    corners.append(1 / (1 + np.exp(-((parts.weights @ white) ** 2))))
                found.append(components @ (np.concatenate(corners) - away))
    return np.array(found)


def speed(options: argparse.Namespace) -> None:
    path = sorted((options.data / JAVANESE).glob("*.mp4"))[0]
    frames = np.stack([grey(frame.image) for frame in open_clip(path).frames()])[: options.frames]
    command = "OMP_NUM_THREADS=1 python benchmarks/activity.py --data DATA --what speed"
    rows: list[Evidence] = []
    for width in (None, 96, 64):
        parts = Parts.draw(width)
        filters = MotionFilters.join(
            parts.mean, parts.whitening, parts.weights, CONTRAST, parts.basis
        )
        fast, slow = [], []
        found, theirs = [], np.empty(0)
        for _ in range(options.rounds):  # in turn, so that a busy machine hits both
            began = time.process_time()
            reader = MotionReader(filters, parts.projection)
            steps = [reader.push(frame, 0.0) for frame in frames]
            fast.append(time.process_time() - began)
            found = [step for step in steps if step is not None]
            began = time.process_time()
            theirs = loop(frames[:14], parts)
            slow.append((time.process_time() - began) * len(found))
        columns = (frames.shape[2] - 20) // 10 + 1  # those of one grey are left out of ours
        same = found[0].place[:, 0] // 10 * columns + found[0].place[:, 1] // 10
        apart = float(np.abs(found[0].descriptors - theirs[same]).max())
        ratio = float(np.median(slow) / np.median(fast))
        what = "exact" if width is None else f"pixels in a basis of {width}"
        pace = len(frames) / 29.97 / float(np.median(fast))
        size = f"{frames.shape[2]} × {frames.shape[1]}"
        print(
            f"{what}: {ratio:.1f} x a loop, {pace:.2f} x real time, {apart:.1e} apart", flush=True
        )
        about: dict[str, Any] = {
            "what": f"motion descriptors, {what}, against a loop over super blocks",
            "data": f"{JAVANESE}, {size}", "n": len(found) * len(theirs), "command": command,
            "note": "processor time of one core",
        }  # fmt: skip
        rows += [
            Evidence(metric="ratio", value=ratio, **about),
            Evidence(metric="realtime", value=pace, **about),
            Evidence(metric="largest difference", value=apart, **about),
        ]
    write_results("activity", rows)


def training(options: argparse.Namespace) -> None:
    settings = load_section("paper", "activity")
    data, clips = motion_clips(options.data / JAVANESE, settings["on"], options.work)
    began, used = time.monotonic(), time.process_time()
    specialist, card = fit_specialist(clips, data.labels, data.groups, settings, work=options.work)
    wall, cpu = (time.monotonic() - began) / 60, (time.process_time() - used) / 60
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(card, f"{wall:.1f} min, {cpu:.1f} min of processor, {peak:.0f} MB", specialist.decision)
    about: dict[str, Any] = {
        "what": "activity paper, training at the paper's sizes", "data": JAVANESE,
        "n": len(clips), "seed": 0,
        "command": "OMP_NUM_THREADS=1 python benchmarks/activity.py --data DATA --work WORK "
        "--what training",
    }  # fmt: skip
    write_results(
        "activity",
        [
            Evidence(metric="minutes", value=wall, note=options.note, **about),
            Evidence(metric="minutes of processor", value=cpu, note=options.note, **about),
            Evidence(metric="megabytes", value=peak, note=options.note, **about),
        ],
    )


def ways() -> list[tuple[str, bool, str, int]]:
    """Every way to answer: its name, whether words are weighted, the kernel, copies."""
    return [
        (f"{kernel}, {counted}{copied}", COUNTED[counted], kernel, COPIES[copied])
        for counted, kernel, copied in itertools.product(COUNTED, KERNELS, COPIES)
    ]


def fold_answers(
    films: Any,
    shown: Any,
    train: np.ndarray,
    test: np.ndarray,
    settings: Any,
    work: Path,
    said: Any,
) -> np.ndarray:
    """(ways, 1 + tested × 7): each way's score within the training part, and its answers."""
    mine = [shown[i] for i in train.tolist()]
    code, _ = fit_code(mine, settings, work=work)
    specialist = new_specialist(code, settings)
    seen, rows = training_features(specialist, mine, {"augmentation": {"copies": 1}}, work=work)
    new = describe_clips([shown[i] for i in test.tolist()], specialist, work)
    labels, groups = films.labels[train][rows], films.groups[train][rows]
    original = np.arange(len(rows)) < len(train)
    found = []
    for name, weighted, kernel, copies in ways():
        specialist.weighted = weighted
        use = np.flatnonzero(original | (copies > 0))
        X = np.stack([specialist.histogram(seen[i]) for i in use])
        # copies help to train, and are not what is scored
        folds = [
            (np.flatnonzero(groups[use] != g), np.flatnonzero((groups[use] == g) & original[use]))
            for g in np.unique(groups)
        ]
        C, score = search_penalty(X, labels[use], groups[use], kernel=kernel, folds=folds)
        machine = Chi2SVC(C=C, kernel=kernel, random_state=0)
        machine.fit(X, labels[use], groups=groups[use])
        p = np.zeros((len(test), len(EMOTIONS)))
        p[:, machine.classes_] = machine.predict_proba(
            np.stack([specialist.histogram(one) for one in new])
        )
        right = (p.argmax(axis=1) == films.labels[test]).mean()
        said(f"{name}: {score:.1%} within, C {C:g}, {right:.1%} of the actor left out")
        found.append(np.concatenate([[score], p.ravel()]))
    return np.array(found)


def javanese(options: argparse.Namespace) -> None:
    films, _ = motion_clips(options.data / JAVANESE, "frames", options.work)
    command = (
        "OMP_NUM_THREADS=1 python benchmarks/activity.py --data DATA --work WORK --what javanese"
    )
    began = time.monotonic()

    def said(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:6.1f} min  {text}", flush=True)

    answers: dict[str, np.ndarray] = {}
    inner: dict[str, np.ndarray] = {}
    folds, _ = folds_of(films)
    for on in options.on:
        settings = {**FOLD, "synchrony": load_section("modern", "activity")["synchrony"], "on": on}
        _, shown = motion_clips(options.data / JAVANESE, on, options.work)
        every = np.zeros((len(ways()), len(films), len(EMOTIONS)))
        scores = np.zeros((len(ways()), len(folds)))
        for number, (train, test) in enumerate(folds):
            said(f"{on}: fold {number + 1} of {len(folds)}")
            place = options.work / f"answers-{on}-{number}.npy"
            make = partial(fold_answers, films, shown, train, test, settings, options.work, said)
            kept = np.array(kept_array(place, make))
            scores[:, number] = kept[:, 0]
            every[:, test] = kept[:, 1:].reshape(len(ways()), len(test), len(EMOTIONS))
        for k, (name, *_) in enumerate(ways()):
            answers[f"{on}, {name}"], inner[f"{on}, {name}"] = every[k], scores[k]
    names = list(answers)
    best = np.argmax([inner[name] for name in names], axis=0)
    chosen = np.zeros_like(answers[names[0]])
    for number, (_, test) in enumerate(folds):
        chosen[test] = answers[names[best[number]]][test]
        said(f"fold {number + 1}: {names[best[number]]}")
    np.savez(
        options.work / "javanese.npz", clip=[item.path.name for item in films.items], proba=chosen
    )
    part = f"{', '.join(options.on)}: the way chosen within each fold's training part"
    rows: list[Evidence] = []
    split = "leave one of 8 actors out, of everything"
    for name, p in {**answers, part: chosen}.items():
        scores_of = evaluate(films.labels, p, groups=films.groups)
        within = f", {inner[name].mean():.1%} within" if name in inner else ""
        print(f"{name}: accuracy {scores_of.accuracy}, UAR {scores_of.uar}{within}")
        rows += score_rows(
            scores_of, what=f"activity, {name}", data=JAVANESE, split=split, group="actor",
            command=command, per_class=name == part,
        )  # fmt: skip
        if name in inner:
            rows.append(
                Evidence(what=f"activity, {name}", data=JAVANESE, split=split, group="actor",
                    classes=6, n=len(films), metric="share right within training",
                    value=float(inner[name].mean()), command=command)
            )  # fmt: skip
        if name == part:
            print(scores_of)
            title = "Motion: Javanese films, leave one actor out"
            save(confusion_of(scores_of, title=title), "docs/figures/confusion_activity.png")
    for a, b in itertools.combinations(options.on, 2):
        for name, *_ in ways():
            gain = difference(films.labels, answers[f"{b}, {name}"], answers[f"{a}, {name}"],
                              groups=films.groups)  # fmt: skip
            print(f"{name}: {b} less {a}: {gain}")
    write_results("activity", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("emonets-work"))
    parser.add_argument("--what", choices=("speed", "training", "javanese"), required=True)
    parser.add_argument("--on", nargs="+", choices=("frames", "tubes"), default=["frames", "tubes"])
    parser.add_argument("--frames", type=int, default=35, help="of the film, for speed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--note", default="", help="on training's circumstances, for the table")
    options = parser.parse_args()
    {"speed": speed, "training": training, "javanese": javanese}[options.what](options)


if __name__ == "__main__":
    main()
