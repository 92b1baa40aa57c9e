"""From a folder of labelled clips to a model of your own, and how good it is on unknown people.

    python examples/own_clips.py CLIPS STORE [BASE]

CLIPS is anything ``emonets data list`` names, with at least three people; faces and sound take a
few minutes for two hundred clips of four seconds on two cores. Everything that is made on the way
stays in STORE: a second run takes seconds. BASE is the bundle whose networks look and listen, by
default `modern`; where its sound network was trained on these very people (RAVDESS, EMO-DB, the
Javanese set), one is trained from nothing in its place, which takes hours, or name another BASE.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold

import emonets
from emonets.datasets import open_dataset


def main(clips: Path, store: Path, base: str | None = None) -> None:
    # 1. What is there, and is it in order?
    data = open_dataset(clips)
    for problem in data.validate()[:5]:
        print(problem.level, problem)
    print(f"{data.name}: {len(data)} clips of {len(set(data.groups))} people")
    paths = np.array([str(item.path) for item in data.items])
    labels = np.array([emonets.EMOTIONS[label] for label in data.labels])

    # 2. Train faces and sound. Every score is of people that were left out of everything.
    model = emonets.EmoNetsClassifier(models=["face", "audio"], base=base, store=store)
    model.fit(paths, labels, groups=data.groups)
    for name, scores in model.scored_.scores.items():
        print(f"{name:8} UAR {scores.uar:.1%}   accuracy {scores.accuracy:.1%}")
    print(model.scored_.scores[name])

    # 3. Keep it, load it, use it.
    bundle = model.model_.save(store.with_name(store.name + "-model"))
    result = emonets.load(bundle).predict(paths[0])
    print(result.to_pandas().tail(1).T)

    # 4. Any choice is made on people, too: what learns on the face network.
    search = GridSearchCV(
        emonets.EmoNetsClassifier(models=["face"], base=base, store=store),
        {"settings": [{"face.clips.head": head} for head in ("logistic", "svm")]},
        cv=GroupKFold(3),
        error_score="raise",
    )
    search.fit(paths, labels, groups=data.groups)
    for settings, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        print(f"{score:.1%} right with {settings['settings']}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
