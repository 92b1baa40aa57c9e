"""How much of the gap between FER2013's labels and FER+ votes is in how common the classes are.

    python benchmarks/face_priors.py --data fer2013.npz --bundles paper modern "NAME=BUNDLE"

Labels and voters differ in how often they say each class: most of all, voters say neutral more. A
network learns that along with what a face looks like. Here its answers get seven offsets and a
temperature, fitted on nine tenths of PublicTest to the one or the other and applied to the tenth
left out, with its mirror image averaged; beside them its answers as they are. Only PublicTest is
looked at, and a network that learned from it is refused. What remains between two networks then is
what they see, and not how often they say what.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import emonets
from emonets.datasets import open_dataset
from emonets.datasets.readers.fer2013 import vote_majority
from emonets.evaluation.metrics import evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.evaluation.stills import learned_from
from emonets.fusion.logistic import LogisticFusion
from emonets.learners.folds import shuffled_folds

Floats = NDArray[np.float64]


def cross_fitted(p: Floats, truth: NDArray[np.int64], folds: int = 10, seed: int = 0) -> Floats:
    """Each tenth with what was fitted on the others; a prior so wide leaves the fit to the data."""
    out = np.empty_like(p)
    for train, test in shuffled_folds(len(p), folds, np.random.RandomState(seed)):
        offsets = LogisticFusion(weights="model", spread=100.0).fit(p[train, None], truth[train])
        out[test] = offsets.predict_proba(p[test, None])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundles", nargs="+", default=["paper", "modern"])
    args = parser.parse_args()
    data = open_dataset(args.data).still_faces()
    faces = data.take("PublicTest")
    majority = vote_majority(faces.ferplus_votes, len(faces))
    rows: list[Evidence] = []
    for given in args.bundles:
        name, _, path = given.rpartition("=")
        bundle = name or path
        model = emonets.load(path)
        face = model.face
        if face is None:
            parser.error(f"{path}: has no face network")
        learned = learned_from(data, model.provenance.of("face"))
        if learned is not None and "PublicTest" in learned.splits:
            parser.error(f"{path}: learned from PublicTest; nothing could be said of it there")
        face.network.set_params(mirror=True)
        p = face.network.predict_proba(face.preprocessing.normalise(faces.images))
        for whose, truth in (("labels", faces.labels), ("the majority of FER+ voters", majority)):
            known = truth >= 0
            for how, said in (
                ("as it is", p[known]),
                ("offsets fitted to them", cross_fitted(p[known], truth[known])),
            ):
                score = evaluate(truth[known], said)
                print(f"{bundle}, by {whose}, {how}: {score.accuracy}, UAR {score.uar}")
                rows += score_rows(
                    score, what=f"face {bundle}, mirror averaged, {how}", data=faces.name,
                    split=f"PublicTest, by {whose}", dropped=int((~known).sum()),
                    command="python benchmarks/face_priors.py --data fer2013.npz --bundles "
                    + (f'"{name}=BUNDLE"' if name else path),
                )  # fmt: skip
    write_results("face_priors", rows)


if __name__ == "__main__":
    main()
