"""The default bundle on clips of corpora that its motion and mouths have not met.

    python benchmarks/unseen_clips.py --data ../shared/data --bundle modern

There are few: seven films of one RAVDESS actor (neutral, surprise) and six of one actor of CREMA-D.
Shown is what each specialist says, the face and the sound together, and all together, multiplied.
RAVDESS' actors were heard in training the sound network, so that what has a say of the sound is not
of unseen people there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import emonets
from emonets.datasets import open_dataset
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results

CHOICES: tuple[tuple[str, ...], ...] = (
    ("face",), ("audio",), ("activity",), ("mouth",), ("face", "audio"),
    ("face", "activity", "mouth"), ("face", "audio", "activity", "mouth"),
)  # fmt: skip


def said(model: emonets.EmoNets, paths: list[Path], models: tuple[str, ...]) -> np.ndarray:
    """(n, 7) the last row of each clip."""
    result = model.predict(paths, models=models, window=None)
    last = {row.file: row for row in result.rows if row.level == "clip"}
    return np.stack([np.asarray(last[str(path)].probabilities) for path in paths])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", default="modern")
    args = parser.parse_args()
    model = emonets.load(args.bundle)
    rows: list[Evidence] = []
    for corpus in ("ravdess_av", "crema_d"):
        data = open_dataset(args.data / corpus)
        paths, labels = [item.path for item in data.items], np.asarray(data.labels)
        found = {}
        for models in CHOICES:
            p = said(model, paths, models)
            found[models] = p
            print(f"{corpus} {'+'.join(models)}: {(p.argmax(1) == labels).sum()} of {len(labels)}")
            rows += score_rows(
                evaluate(labels, p), what=f"{args.bundle}, {'+'.join(models)}", data=corpus,
                split="all clips", command="python benchmarks/unseen_clips.py --data DATA",
            )  # fmt: skip
        gain = difference(labels, found[CHOICES[-1]], found["face", "audio"])
        print(f"{corpus}: all less face and sound: {gain}")
    write_results("unseen", rows)


if __name__ == "__main__":
    main()
