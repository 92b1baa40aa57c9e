"""Normalising by the person: what is gained, with how much material, and when it is lost.

    OMP_NUM_THREADS=1 python benchmarks/person_baseline.py ../shared/data/ravdess_face_frames.npz
    OMP_NUM_THREADS=1 python benchmarks/person_baseline.py --clips ../shared/data/javanese_av \\
        --bundle modern --keep WORK

With frames: RAVDESS, 1,440 clips of 24 actors, by the seven probabilities of a third party's face
network, averaged over the frames of a clip. For each actor the 23 others are the reference. Of
few clips: every clip is scored, with its own and others of the actor, drawn at random, as material.
Of few classes: the actor's clips of these classes are all there is, material and test.

With clips: labelled clips of a folder (a layout of `emonets data list`), by a bundle's specialists
one by one. The group is the person. A bundle's own reference is used where it has one, else the
other persons of the folder. WORK keeps the bundle's predictions, so that a stopped run continues.

All of it is transductive: a clip's answer depends on the person's other clips. Both corpora are
acted and show each class equally often, which is the best case.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.batch import Options, predict_many
from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.fusion.named import fuse_unfitted
from emonets.inference.combine import JOINER
from emonets.learners.group_scaling import (
    Reference,
    log_scores,
    moments_of,
    normalise_by_person,
    probabilities_of,
    reference_of,
    scale_groups,
    shift_by_baseline,
)
from emonets.model import EmoNets

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

NAME = "person_baseline"
CLIPS = (1, 2, 4, 8, 16, 32)
DRAWS = 5
"""Times that few clips are drawn."""
RAVDESS = {"01": 6, "02": 6, "03": 3, "04": 4, "05": 0, "06": 2, "07": 1, "08": 5}
NEUTRAL = EMOTIONS.index("neutral")
TRANSDUCTIVE = "transductive"
GAINED = "points of UAR gained"


def ravdess(path: Path) -> tuple[Floats, Ints, NDArray[np.str_]]:
    """Probabilities (1440, 7) of clips, their classes and actors."""
    with np.load(path, allow_pickle=False) as z:
        clip, frames = z["clip"], z["proba"].astype(np.float64)
    names, place = np.unique(clip, return_inverse=True)
    p = np.zeros((len(names), 7))
    np.add.at(p, place, frames)
    parts = [name.split("-") for name in names]
    y = np.array([RAVDESS[part[2]] for part in parts])
    return p / p.sum(axis=1, keepdims=True), y, np.array([part[6] for part in parts])


def each_person(
    persons: NDArray[np.str_], scores: Floats, y: Ints
) -> Iterator[tuple[Ints, Reference]]:
    """The clips of each person, and all others as reference."""
    for person in np.unique(persons):
        own = persons == person
        yield np.flatnonzero(own), reference_of(scores[~own], persons[~own], y[~own] == NEUTRAL)


def scaled(p: Floats, material: Floats, reference: Reference) -> Floats:
    """Probabilities of one person, normalised by that person's material."""
    own = moments_of(log_scores(material), np.zeros(len(material), np.intp), 1)
    made = scale_groups(log_scores(p), np.zeros(len(p), np.intp), own, reference)
    return probabilities_of(made, p)


def gain(
    what: str, y: Ints, after: Floats, before: Floats, groups: NDArray[np.str_], **about: object
) -> Evidence:
    """UAR after, less before; the interval over persons."""
    score = difference(y, after, before, metric="uar", groups=groups)
    print(f"{what}: {100 * score.value:+.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}]")
    return Evidence(
        what=what, metric=GAINED, value=100 * score.value, low=100 * score.low,
        high=100 * score.high, n=len(y), seed=0, note=TRANSDUCTIVE, **about,  # type: ignore[arg-type]
    )  # fmt: skip


def of_few_clips(p: Floats, y: Ints, persons: NDArray[np.str_], n: int) -> Floats:
    """(DRAWS · clips, 7): each clip with n - 1 others of the person as material."""
    random = np.random.default_rng(0)
    after = np.tile(p, (DRAWS, 1))
    if n < 2:  # as the product has it: one clip is too little
        return after
    for own, reference in each_person(persons, log_scores(p), y):
        for draw in range(DRAWS):
            for i in own:
                others = random.choice(own[own != i], n - 1, replace=False)
                after[draw * len(p) + i] = scaled(p[[i]], p[[i, *others]], reference)[0]
    return after


def of_frames(path: Path) -> list[Evidence]:
    """All rows of the frames of RAVDESS."""
    p, y, actor = ravdess(path)
    scores = log_scores(p)
    about = {
        "data": "ravdess_face_frames, 24 actors", "group": "actor",
        "split": "each actor by the 23 others",
        "command": f"OMP_NUM_THREADS=1 python benchmarks/{NAME}.py DATA/ravdess_face_frames.npz",
    }  # fmt: skip
    after = normalise_by_person(p, actor)
    rows = score_rows(evaluate(y, p, groups=actor), what="as predicted", per_class=True, **about)
    rows += score_rows(
        evaluate(y, after, groups=actor), what="by the person, all 60 clips", per_class=True,
        note=TRANSDUCTIVE, **about,
    )  # fmt: skip
    rows.append(gain("by the person, all 60 clips", y, after, p, actor, **about))
    for n in CLIPS:
        few = of_few_clips(p, y, actor, n)
        rows.append(
            gain(
                f"by the person, {n} clip{'s' * (n > 1)}, {DRAWS} draws", np.tile(y, DRAWS), few,
                np.tile(p, (DRAWS, 1)), np.tile(actor, DRAWS), **about,
            )
        )  # fmt: skip
    references = list(each_person(actor, scores, y))
    for count in (1, 2, 3):
        rows += of_few_classes(p, y, actor, references, count, about)
    calm = p.copy()
    first = np.zeros(len(p), bool)
    for own, reference in references:
        at = own[y[own] == NEUTRAL][0]
        first[at] = True
        assert reference.rest is not None
        shifted = shift_by_baseline(scores[own], scores[[at]], reference.rest)
        calm[own] = probabilities_of(shifted, p[own])
    kept = ~first
    rows.append(gain("by one neutral clip", y[kept], calm[kept], p[kept], actor[kept], **about))
    return rows


def of_few_classes(
    p: Floats,
    y: Ints,
    actor: NDArray[np.str_],
    references: list[tuple[Ints, Reference]],
    count: int,
    about: dict[str, str],
) -> list[Evidence]:
    """Each actor shows some classes only, any of the sets of so many."""
    every: list[tuple[Ints, Floats]] = []
    worst = (1.0, "")
    for shown in combinations(range(7), count):
        at, made = [], []
        for own, reference in references:
            there = own[np.isin(y[own], shown)]
            at.append(there)
            made.append(scaled(p[there], p[there], reference))
        places, after = np.concatenate(at), np.concatenate(made)
        every.append((places, after))
        right = after.argmax(1) == y[places], p[places].argmax(1) == y[places]
        lost = np.mean([right[0][y[places] == k].mean() - right[1][y[places] == k].mean()
                        for k in shown])  # fmt: skip
        worst = min(worst, (float(lost), ", ".join(EMOTIONS[k] for k in shown)))
    places = np.concatenate([at for at, _ in every])
    after = np.concatenate([made for _, made in every])
    what = f"of {count} class{'es' * (count > 1)} only"
    rows = [gain(f"{what}, mean of all sets", y[places], after, p[places], actor[places], **about)]
    print(f"{what}: worst {100 * worst[0]:+.1f} ({worst[1]})")
    rows.append(
        Evidence(
            what=f"{what}, the worst set", metric=GAINED, value=100 * worst[0], n=len(places),
            seed=0, note=f"{worst[1]}; {TRANSDUCTIVE}", **about,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    return rows


def predictions(
    folder: Path, bundle: str, keep: Path, workers: int, stride: int
) -> tuple[dict[str, tuple[Floats, NDArray[np.bool_]]], Ints, NDArray[np.str_]]:
    """Of each specialist (n, 7) and whether it found something; classes and persons."""
    data = open_dataset(folder)
    items = data.items
    # a bundle of the same name may be another one tomorrow
    digest = str(EmoNets.load(bundle).about["bundle_digest"])
    mark = hashlib.sha256(f"{digest}{folder.resolve()}{stride}".encode()).hexdigest()[:12]
    path = keep / f"{folder.name}-{mark}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as z:
            found = {name: (z[f"{name}_p"], z[f"{name}_found"]) for name in z["models"]}
        return found, data.labels, data.groups
    result = predict_many(
        [item.path for item in items], bundle=bundle, options=Options(window=None, stride=stride),
        workers=workers, folder=keep, on_clip=lambda _: print(".", end="", flush=True),
    )  # fmt: skip
    place = {str(item.path): i for i, item in enumerate(items)}
    found = {}
    for row in result.rows:
        if row.level == "clip":
            p, ok = found.setdefault(
                row.model, (np.full((len(items), 7), 1 / 7), np.zeros(len(items), bool))
            )
            p[place[row.file]], ok[place[row.file]] = row.probabilities, row.found
    keep.mkdir(parents=True, exist_ok=True)
    parts = {f"{m}_p": p for m, (p, _) in found.items()}
    np.savez(
        path, models=list(found), **parts, **{f"{m}_found": ok for m, (_, ok) in found.items()}
    )
    return found, data.labels, data.groups


def of_clips(folder: Path, bundle: str, keep: Path, workers: int, stride: int) -> list[Evidence]:
    """Each specialist of a bundle on one folder, and what it makes of them, before and after."""
    found, y, persons = predictions(folder, bundle, keep, workers, stride)
    model = EmoNets.load(bundle)
    models = [name for name in found if JOINER not in name]
    known = {name: model.specialists[name].known_classes for name in models}
    there = np.bincount(y, minlength=7) > 0
    about = {
        "data": f"{folder.name}, {len(np.unique(persons))} persons", "group": "person",
        "split": "all clips",
        "command": f"OMP_NUM_THREADS=1 python benchmarks/{NAME}.py --clips DATA/{folder.name} "
        f"--bundle {Path(bundle).name} --keep WORK --stride {stride}",
    }  # fmt: skip

    def fused(p: dict[str, Floats]) -> Floats:
        by_clip = [{m: p[m][i] for m in models if found[m][1][i]} for i in range(len(y))]
        if model.fusion is None:
            return fuse_unfitted(by_clip, known)
        return model.fusion.fuse(by_clip, known)

    before = {name: found[name][0] for name in models}
    ways: dict[str, dict[str, Reference]] = {"other persons here": {}}
    if model.references:
        ways["the bundle's reference"] = model.references
    rows: list[Evidence] = []
    every = {"": before}
    for way, references in ways.items():
        every[f", by the person, {way}"] = {name: np.array(p) for name, p in before.items()}
        for name, p in every[f", by the person, {way}"].items():
            ok = found[name][1]
            p[ok] = normalise_by_person(p[ok], persons[ok], references.get(name))
    if len(models) > 1:
        for p_of in every.values():
            p_of[JOINER.join(models)] = fused(p_of)
    for way, p_of in every.items():
        for name, p in p_of.items():
            ok = found[name][1] if name in found else np.ones(len(y), bool)
            after, start = (only(x[ok], there) for x in (p, before[name]))
            what = f"{Path(bundle).name}, {name}{way}"
            note = TRANSDUCTIVE if way else ""
            rows += score_rows(
                evaluate(y[ok], after, groups=persons[ok]), what=what, per_class=True,
                dropped=int((~ok).sum()), note=note, **about,
            )  # fmt: skip
            if way:
                rows.append(gain(what, y[ok], after, start, persons[ok], **about))
            else:
                print(f"{what}: {evaluate(y[ok], after, groups=persons[ok]).uar}")
    return rows


def only(p: Floats, there: NDArray[np.bool_]) -> Floats:
    """Probabilities of the classes that a corpus has; the others are no answer."""
    kept = (p + 1e-9) * there
    return kept / kept.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frames", type=Path, nargs="?")
    parser.add_argument("--clips", type=Path, nargs="+", default=[])
    parser.add_argument("--bundle", default="modern")
    parser.add_argument("--keep", type=Path, default=Path("person_baseline.work"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--stride", type=int, default=1, help="of the frames in which faces are")
    options = parser.parse_args()
    rows = [] if options.frames is None else of_frames(options.frames)
    for folder in options.clips:
        rows += of_clips(folder, options.bundle, options.keep, options.workers, options.stride)
    if not rows:
        parser.error("give the frames of RAVDESS, or --clips")
    write_results(NAME, rows)


if __name__ == "__main__":
    main()
