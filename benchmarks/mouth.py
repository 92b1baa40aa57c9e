"""The mouth specialist: speed, memory, and scores on still faces and on clips.

    python benchmarks/mouth.py extraction --data ../shared/data
    python benchmarks/mouth.py training --data ../shared/data
    python benchmarks/mouth.py fer2013 --data ../shared/data --work WORK
    python benchmarks/mouth.py clips --data ../shared/data --work WORK

``extraction`` compares the matrix products with a loop over patches; ``training`` learns from
60,000 mouths (FER2013's and their mirror images). ``fer2013`` learns from Training; region, colour
and pooling are chosen on PublicTest, as the penalty is, and PrivateTest is looked at once for each
of what is named. ``clips`` leaves one actor of the Javanese films out at a time; what is chosen
is chosen in inner folds of the other actors. A run that was interrupted goes on from WORK.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS
from emonets.evaluation.figures import confusion_of, dictionary, region_evidence, regions, save
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.near_duplicates import near_duplicates
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.learners.patches.bag import BagOfPatches
from emonets.specialists.activity.motion_code import kept_array
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.specialists.mouth.stills import mouths_of_stills
from emonets.specialists.mouth.trainer import MouthTrainer
from emonets.specialists.mouth.training import Mouths, clip_probabilities, fit_mouth
from emonets.training.division import folds_of
from emonets.tubes.tube import FaceTube
from labelled_clips import material

FIGURES = Path("docs/figures")


def said(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def settings_of(view: MouthView, pooling: str, **more: Any) -> dict[str, Any]:
    """A preset's ``mouth`` table; what is not named is the paper's."""
    return {
        "region": view.region, "colour": view.colour,
        "dictionary": {"pooling": pooling, **more},
    }  # fmt: skip


def best_of(
    repeats: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        times.append(clock() - began)
    return min(times)


def loop_over_patches(pictures: np.ndarray, bag: BagOfPatches) -> np.ndarray:
    """What the paper describes, one patch after the other."""
    learned = [
        (d.mean_.astype(float), d.components_.astype(float), d.centres_.astype(float), d.floor)
        for d in bag.dictionaries_
    ]
    size = bag.patch_size
    out = []
    for picture in pictures.astype(float):
        row = []
        for region, (mean, axes, centres, floor) in zip(bag.regions_, learned, strict=True):
            activations = []
            for top in range(region.top, region.bottom):
                for left in range(region.left, region.right):
                    patch = picture[top : top + size, left : left + size].ravel()
                    patch = (patch - patch.mean()) / (patch.std() + floor)
                    y = axes @ (patch - mean)
                    z = np.sqrt(((centres - y) ** 2).sum(axis=1))
                    activations.append(np.maximum(0, z.mean() - z))
            row.append(np.mean(activations, axis=0))
        out.append(np.concatenate(row))
    return np.array(out)


def extraction(options: argparse.Namespace) -> list[Evidence]:
    """Features by matrix products against the loop, and the specialist on whole tubes."""
    faces = open_dataset(options.data / "fer2013.npz").still_faces().take("Training")
    faces = faces.select(np.arange(0, len(faces), 7))
    mouths = mouths_of_stills(faces, MouthView())
    bag = BagOfPatches(random_state=0).fit(mouths.mouths)
    some = mouths.mouths[:512]
    loop = loop_over_patches(some[:8], bag)
    ours = bag.transform(some)
    away = float(np.abs(ours[:8] - loop).max())
    # one thread against one by the processor's own clock: whoever else computes does not count
    ratio = best_of(5, lambda: loop_over_patches(some[:4], bag), time.process_time) / 4
    ratio /= best_of(20, lambda: bag.transform(some[:256]), time.process_time) / 256
    one = best_of(10, lambda: bag.transform(some)) / len(some)
    bag.set_params(n_jobs=2)
    two = best_of(10, lambda: bag.transform(some)) / len(some)
    looped = best_of(5, lambda: loop_over_patches(some[:4], bag)) / 4
    said(f"{ratio:.0f} times as fast as the loop; {1 / one:.0f} mouths/s, {1 / two:.0f} by two")
    said(f"two threads are {looped / two:.0f} times as fast as the loop, by the clock")
    said(f"largest difference {away:.1e} (features up to {loop.max():.2f})")
    command = "OMP_NUM_THREADS=1 python benchmarks/mouth.py extraction --data DATA"
    about: dict[str, Any] = {"data": "fer2013 mouths", "command": command, "n": len(some)}
    rows = [
        Evidence(what="6,400 features of a mouth, one thread, against a loop over its 640 patches",
            metric="ratio", value=ratio, **about),
        Evidence(what="6,400 features of a mouth, one thread, against a loop over its 640 patches",
            metric="largest difference", value=away, **about),
        Evidence(what="6,400 features of a mouth, one thread", metric="frames/s", value=1 / one,
            **about),
        Evidence(what="6,400 features of a mouth, two threads, against a loop over its 640 patches",
            metric="ratio", value=looped / two, **about),
        Evidence(what="6,400 features of a mouth, two threads", metric="frames/s", value=1 / two,
            **about),
    ]  # fmt: skip
    for region in ("fixed", "landmarks"):
        specialist = MouthSpecialist(MouthView(region), bag=bag.set_params(n_jobs=1))
        labels, clips = mouths.labels[mouths.clip[:512]], np.arange(512)
        specialist.classifier.set_params(max_iter=3).fit(ours, labels)
        crops = np.random.default_rng(0).integers(0, 256, (256, 96, 96, 3), np.uint8)
        n = len(crops)
        tube = FaceTube(
            track=0, index=clips[:n], times=clips[:n] / 25, boxes=np.ones((n, 4)),
            raw_boxes=np.ones((n, 4)), detected=np.ones(n, bool), scores=np.ones(n), crops=crops,
        )  # fmt: skip
        specialist.describe(tube)
        seconds = best_of(4, partial(specialist.describe, tube)) / n
        said(f"the specialist on tubes, region {region}: {1 / seconds:.0f} pictures/s")
        rows.append(
            Evidence(what=f"mouth specialist on face tubes, region {region}, one thread",
                data="noise", metric="frames/s", value=1 / seconds, n=n, command=command)
        )  # fmt: skip
    return rows


class Memory:
    """Watches this process's own memory: what is not the contents of files."""

    def __enter__(self) -> Memory:
        self.peak, self._on = 0, True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while self._on:
            status = Path("/proc/self/status").read_text()
            own = next(x for x in status.splitlines() if x.startswith("RssAnon"))
            self.peak = max(self.peak, int(own.split()[1]) * 1024)
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()


def training(options: argparse.Namespace) -> list[Evidence]:
    """60,000 mouths, from crops to a classifier whose penalty is chosen."""
    faces = open_dataset(options.data / "fer2013.npz").still_faces()
    plain = mouths_of_stills(faces, MouthView())
    count = options.pictures
    mouths = np.concatenate([plain.mouths, plain.mouths[:, :, ::-1]])[:count]
    labels = np.concatenate([plain.labels[plain.clip]] * 2)[:count]
    choosing = np.arange(count) % 10 == 9
    specialist = MouthSpecialist(bag=BagOfPatches(random_state=0))
    before = os.times()
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        start, began = memory.peak, time.perf_counter()
        specialist.fit_pictures(
            mouths, labels, np.arange(count), np.arange(count), choosing=choosing,
            work=Path(folder),
        )  # fmt: skip
        seconds = time.perf_counter() - began
    after = os.times()
    busy = after.user + after.system - before.user - before.system
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    said(f"{count} mouths: {seconds / 60:.1f} min ({busy / 60:.1f} min of processor time); "
         f"{memory.peak / 1e6:.0f} MB at most, {start / 1e6:.0f} before")  # fmt: skip
    command = f"OMP_NUM_THREADS={threads} python benchmarks/mouth.py training --data DATA"
    what = f"training on {count:,} mouths: dictionaries, a penalty chosen on a tenth, classifier"
    features = count * specialist.bag.n_features_out_ * 4
    note = f"the features as float32 are {features / 1e6:,.0f} MB"
    about: dict[str, Any] = {"data": "fer2013 mouths, mirrored", "command": command, "n": count}
    return [
        Evidence(what=what, metric="seconds", value=seconds, note=note, **about),
        Evidence(what=what, metric="processor seconds", value=busy, note=note, **about),
        Evidence(what=what, metric="megabytes", value=memory.peak / 1e6, note=note, **about),
    ]


def fer2013(options: argparse.Namespace) -> list[Evidence]:
    """Still faces: choose on PublicTest, look at PrivateTest."""
    faces = open_dataset(options.data / "fer2013.npz").still_faces()
    private = faces.take("PrivateTest")
    copies = near_duplicates(private.images, faces.take("Training").images)
    command = "python benchmarks/mouth.py fer2013 --data DATA --work WORK"
    if options.pooling != ["mean", "mean+std"]:
        command += f" --pooling {' '.join(options.pooling)}"
    rows: list[Evidence] = []
    made: dict[str, tuple[float, MouthSpecialist, Mouths]] = {}
    for region in ("fixed", "landmarks"):
        view = MouthView(region)
        data = mouths_of_stills(faces, view)
        for pooling in options.pooling:
            name = f"{region} region, {pooling} pooling"
            settings = settings_of(view, pooling, max_patches=100_000)
            specialist = fit_mouth(data, settings, work=options.work)
            score = specialist.scores_[specialist.classifier.l2]
            said(f"{name}: {score:.1%} of PublicTest, penalty {specialist.classifier.l2:g}")
            made[name] = score, specialist, data
            rows.append(
                Evidence(what=f"mouth, grey, {name}", data="fer2013", metric="accuracy",
                    value=score, classes=7, split="PublicTest (chosen on)",
                    n=len(faces.take("PublicTest")), command=command, seed=0,
                    note=f"penalty {specialist.classifier.l2:g}")
            )  # fmt: skip
    first, best = "fixed region, mean pooling", max(made, key=lambda name: made[name][0])
    for name in dict.fromkeys((first, best)):
        _, specialist, data = made[name]
        part = data.take(data.splits == "test")
        p = clip_probabilities(specialist, part)
        for mask, where in (
            (np.ones(len(p), bool), "PrivateTest"),
            (~copies.found, "PrivateTest, without all copies of Training"),
        ):
            scores = evaluate(part.labels[mask], p[mask])
            print(f"\n{name}, {where}\n{scores}")
            chosen = ", the best on PublicTest" if name == best else ""
            rows += score_rows(
                scores, what=f"mouth, grey, {name}", data="fer2013", split=where, command=command,
                dropped=int((~mask).sum()), per_class=where == "PrivateTest",
                note=f"penalty {specialist.classifier.l2:g} chosen on PublicTest{chosen}",
            )  # fmt: skip
            if where == "PrivateTest" and name == best:
                save(
                    confusion_of(scores, title=f"Mouths alone, {name}: FER2013 PrivateTest"),
                    FIGURES / "confusion_mouth_private.png",
                )
    draw(*made[best][1:], "FER2013")
    return rows


def draw(specialist: MouthSpecialist, data: Mouths, name: str) -> None:
    """The dictionary, and which region speaks for which emotion on what was not learned from."""
    save(
        dictionary(
            specialist.bag,
            title=f"What mouths are made of ({name}, {specialist.view.region} region)",
        ),
        FIGURES / "mouth_dictionary.png",
    )
    part = data.take(data.splits == "valid")
    labels = part.labels[part.clip]
    features = specialist.bag.transform(part.mouths)
    columns = specialist.classifier.classes_
    evidence = np.full((7, len(specialist.bag.regions_)), np.nan)
    evidence[columns] = region_evidence(
        specialist.classifier.coef_, features, np.searchsorted(columns, labels),
        len(specialist.bag.regions_),
    )  # fmt: skip
    grey = part.mouths if part.mouths.ndim == 3 else part.mouths.mean(axis=3)
    means = [grey[labels == k].mean(axis=0) if (labels == k).any() else None for k in range(7)]
    save(
        regions(
            evidence,
            means,
            specialist.bag.regions_,
            title=f"Which region of the mouth speaks for which emotion ({name}, PublicTest)",
            legend="above: the mean mouth of each emotion; below: what the patches there add to "
            "its logit, beyond what they add in an average picture",
        ),
        FIGURES / "mouth_regions.png",
    )


def clips(options: argparse.Namespace) -> list[Evidence]:
    """The Javanese films, leaving one actor out."""
    rows: list[Evidence] = []
    command = "python benchmarks/mouth.py clips --data DATA --work WORK"
    if options.pooling != ["mean", "mean+std"]:
        command += f" --pooling {' '.join(options.pooling)}"
    if options.every != 5:
        command += f" --every {options.every}"
    inner: dict[str, np.ndarray] = {}
    answers: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for pooling in options.pooling:
        for region in ("fixed", "landmarks"):
            for colour in ("grey", "rgb"):
                view = MouthView(region, colour)
                trainer = MouthTrainer({"region": region, "colour": colour})
                found = material(
                    [options.data / "javanese_av"], trainer.extractors(), options.work,
                    workers=options.workers,
                )  # fmt: skip
                data = trainer.mouths(found, np.arange(len(found)), options.every)
                folds, split = folds_of(found)
                name = f"{region} region, {colour}, {pooling} pooling"
                settings = settings_of(view, pooling, max_patches=20_000)
                p = np.zeros((len(data.labels), len(EMOTIONS)))
                fold_of = np.zeros(len(p), int)
                chosen_by = []
                for number, (train, test) in enumerate(folds):
                    place = options.work / f"fold-{name.replace(' ', '-')}-{number}.npy"
                    make = partial(one_fold, data, train, test, settings, options.work)
                    kept = np.array(kept_array(place, make))
                    p[test], fold_of[test] = kept[:, :7], number
                    chosen_by.append(kept[0, 7:])
                answers[name] = masked(p, data.labels)
                inner[name] = np.array([loss for _, loss, _ in chosen_by])
                right = np.mean([accuracy for _, _, accuracy in chosen_by])
                scores = evaluate(data.labels, answers[name], groups=data.groups)
                said(f"{name}: {scores.accuracy}, UAR {scores.uar}")
                about = {
                    "data": "javanese_av", "split": f"{split}, {len(np.unique(data.labels))}"
                    " classes", "group": "actor", "dropped": len(found.dropped), "command": command,
                }  # fmt: skip
                used = ", ".join(f"{s:g}" for s, _, _ in chosen_by)
                rows += score_rows(
                    scores, what=f"mouth, {name}, mean over frames", **about,
                    note=f"penalty of each actor's model chosen in inner folds: {used}; inner "
                    f"accuracy {right:.1%}, loss {inner[name].mean():.2f}; one frame in "
                    f"{options.every} is learned from and answered",
                )  # fmt: skip
    names = list(answers)
    best = np.array([inner[name] for name in names]).argmin(axis=0)
    chosen = np.stack([answers[names[best[f]]][i] for i, f in enumerate(fold_of)])
    np.savez(
        options.work / "javanese.npz", clip=[item.path.name for item in found.items], proba=chosen
    )
    scores = evaluate(data.labels, chosen, groups=data.groups)
    print(f"\nregion, colour and pooling chosen in inner folds\n{scores}")
    rows += score_rows(
        scores, what="mouth, region, colour and pooling chosen in inner folds, mean over frames",
        **about, note="chosen: " + "; ".join(names[b] for b in best), per_class=True,
    )  # fmt: skip
    save(
        confusion_of(
            scores, title="Mouths alone, chosen in inner folds: Javanese films, unseen actors"
        ),
        FIGURES / "confusion_mouth_javanese.png",
    )
    for one, other in (("rgb", "grey"), ("landmarks", "fixed"), ("mean+std", "mean pooling")):
        for name in names:
            pair = name.replace(one, other) if one != "mean+std" else name.replace("+std", "")
            if one in name and pair in answers and pair != name:
                gain = difference(data.labels, answers[name], answers[pair], groups=data.groups)
                print(f"{name} less {pair}: {gain}")
    return rows


def one_fold(
    data: Mouths, train: np.ndarray, test: np.ndarray, settings: dict[str, Any], work: Path
) -> np.ndarray:
    """(tested, 7 + 3): probabilities, and beside each the penalty, its inner loss and accuracy."""
    here = np.isin(np.arange(len(data.labels)), train)
    specialist = fit_mouth(data.take(here), settings, work=work)
    best = float(specialist.classifier.l2)
    chosen = [best, specialist.losses_[best], specialist.scores_[best]]
    p = clip_probabilities(specialist, data.take(np.isin(np.arange(len(here)), test)))
    return np.concatenate([p, np.tile(chosen, (len(p), 1))], axis=1)


def masked(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Classes that the data do not have are no answer."""
    q = p.copy()
    q[:, [k for k in range(len(EMOTIONS)) if k not in labels]] = 0
    return np.asarray(q / q.sum(axis=1, keepdims=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("extraction", "training", "fer2013", "clips"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("emonets-work"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pooling", nargs="+", default=["mean", "mean+std"])
    parser.add_argument("--every", type=int, default=5, help="clips: take every N-th frame")
    parser.add_argument("--pictures", type=int, default=60_000, help="training: how many")
    options = parser.parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    run = {"extraction": extraction, "training": training, "fer2013": fer2013, "clips": clips}
    write_results("mouth", run[options.what](options))


if __name__ == "__main__":
    main()
