"""The four specialists on the Javanese films and what fusions without weights make of them.

    OMP_NUM_THREADS=1 python benchmarks/fusion_javanese.py --data ../shared/data --work WORK \\
        --activity ACTIVITY/javanese.npz --mouth MOUTH/javanese.npz

One of the eight actors is left out at a time, by every model. face: the descriptor of the frame
probabilities of the bundle `modern`, whose network has met FER2013 only, and the paper's SVM, its
numbers chosen on actors left out in turn. audio: functionals of the 909 features (as in
benchmarks/fusion_audio.py) and a linear SVM, trained on the other actors' films and on their
utterances of `javanese_speech`; not the deep network, of which this would take eight. activity and
mouth: what benchmarks/activity.py and benchmarks/mouth.py leave in their work folders, each choice
made within the training part. Disgust, which the data do not have, is no answer. The mean and the
product of probabilities have nothing to fit; fusions that are fitted are compared on face and
audio, by nested predictions (models that left out two actors).
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.datasets import Dataset, open_dataset
from emonets.emotions import EMOTIONS
from emonets.evaluation.compare_fusion import compare, rows, table
from emonets.evaluation.figures import confusion_of, readable, save
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.fusion.average import MeanFusion, ProductFusion
from emonets.fusion.nested_folds import NestedPredictions, nested_predictions
from emonets.fusion.protocols import FitPredict
from emonets.learners.folds import Indices
from emonets.media.clip import open_clip
from emonets.model import EmoNets
from emonets.specialists.activity.motion_code import kept_array
from emonets.specialists.audio.extractor import sound_extractor
from fusion_audio import functionals
from fusion_stock import linear_machine, rbf_machine
from labelled_clips import material

Floats = NDArray[np.float64]
FIGURES = Path("docs/figures")
ABOUT = {
    "data": "javanese_av", "split": "leave one of 8 actors out, of everything, 6 classes",
    "group": "actor",
    "command": "OMP_NUM_THREADS=1 python benchmarks/fusion_javanese.py --data DATA --work WORK "
    "--activity ACTIVITY --mouth MOUTH",
}  # fmt: skip
FITTED = [
    "mean", "product", "recall weights", "calibrated product", "logistic", "logistic by class",
    "logistic full", "search", "search, log", "svm", "mlp",
]  # fmt: skip


def descriptors(clips: Dataset) -> Floats:
    """(clips, 70); a clip without a face would end this."""
    face = EmoNets.load("modern").face
    assert face is not None
    found = [face.descriptor(face.extract(open_clip(item.path))) for item in clips.items]
    return np.stack(found)


def sounds(paths: list[Path], work: Path) -> Floats:
    """(clips, 6 × 909) of all clips of data sets."""
    extractor = sound_extractor("yaafe")
    data = material(paths, [extractor], work)
    rows = [data.read(extractor, i) for i in range(len(data))]
    if not all(row["found"] for row in rows):
        raise SystemExit("some of the sounds are silent")
    return np.stack([functionals(row["frames"]) for row in rows])


def seven(fit_predict: FitPredict, classes: list[int]) -> FitPredict:
    """Columns of the classes there are, among seven."""

    def call(train: Indices, test: Indices) -> Floats:
        p = np.zeros((len(test), len(EMOTIONS)))
        p[:, classes] = fit_predict(train, test)
        return p

    return call


def report(
    p: dict[str, Floats], y: NDArray[np.intp], actor: NDArray[np.str_], nested: NestedPredictions
) -> None:
    made: list[Evidence] = []
    fused: dict[str, Floats] = {}
    names = list(p)
    for count in range(1, len(names) + 1):
        for chosen in combinations(names, count):
            stack = np.stack([p[name] for name in chosen], axis=1)
            pools = {"mean": MeanFusion, "product": ProductFusion} if count > 1 else {"": None}
            for how, kind in pools.items():
                said = stack[:, 0] if kind is None else kind.untrained(count).predict_proba(stack)
                what = " + ".join(chosen) + (f", {how}" if how else "")
                fused[what] = said
                scores = evaluate(y, said, groups=actor)
                print(f"{what}: {scores.accuracy}, UAR {scores.uar}", flush=True)
                made += score_rows(
                    scores, what=f"javanese, {what}", **ABOUT,
                    per_class=count in (1, len(names)),
                )  # fmt: skip
    whole = " + ".join(names) + ", product"
    print(evaluate(y, fused[whole], groups=actor))
    for name in names:
        print(f"{whole} less {name}: {difference(y, fused[whole], p[name], groups=actor)}")
    save(
        confusion_of(
            evaluate(y, fused[whole], groups=actor),
            title=f"Javanese films, unseen actors: {readable(whole)}",
        ),
        FIGURES / "confusion_fused_javanese.png",
    )
    results = compare(nested, y, actor, models=["face", "audio"], strategies=FITTED)
    print(table(results))
    about = {**ABOUT, "data": "javanese_av, face + audio", "split": ABOUT["split"] + ", nested"}
    made += rows(results, n=len(y), **about)
    write_results("fusion", made)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--activity", type=Path)
    parser.add_argument("--mouth", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    films = open_dataset(options.data / "javanese_av")
    y, actor = films.labels, films.groups
    fold = np.unique(actor, return_inverse=True)[1]
    classes = np.unique(y).tolist()

    x = np.array(kept_array(options.work / "face.npy", lambda: descriptors(films)))
    models = {"face": seven(rbf_machine(x, y, fold), classes)}

    spoken = open_dataset(options.data / "javanese_speech").items
    paths = [films.root, options.data / "javanese_speech"]
    heard = np.array(kept_array(options.work / "sound.npy", lambda: sounds(paths, options.work)))
    everybody = np.concatenate([actor, [item.group for item in spoken]])
    of_actor = np.searchsorted(np.unique(actor), everybody)
    labels = np.concatenate([y, [item.label for item in spoken]])
    listens = linear_machine(heard, labels, of_actor)

    def audio(train: Indices, test: Indices) -> Floats:
        people = np.unique(fold[train])
        return listens(np.flatnonzero(np.isin(of_actor, people)), test)

    models["audio"] = seven(audio, classes)
    nested = nested_predictions(models, fold, actor)
    p = {name: nested.outer[:, j] for j, name in enumerate(models)}
    for name in ("activity", "mouth"):
        path = getattr(options, name)
        if path is None:
            continue
        with np.load(path, allow_pickle=False) as z:
            place = {str(clip): i for i, clip in enumerate(z["clip"])}
            found = z["proba"][[place[item.path.name] for item in films.items]]
        found[:, [k for k in range(7) if k not in classes]] = 0
        p[name] = found / found.sum(axis=1, keepdims=True)
    report(p, y, actor, nested)
    np.savez(
        options.work / "javanese.npz", clip=[item.path.name for item in films.items], label=y,
        actor=actor, models=list(p), proba=np.stack(list(p.values()), axis=1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
