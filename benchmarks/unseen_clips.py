"""The default bundle on clips of corpora that its motion, mouths and fusion have not met.

    python benchmarks/unseen_clips.py --data ../shared/data --bundle modern

There are few: 18 films of RAVDESS (neutral, sad, surprise and others, as they lie there) and six of
one actor of CREMA-D. Shown is what each specialist says, the face and the sound together, and all
together, as multiplied and as the bundle's fusion has it. RAVDESS' actors were heard in training
the sound network, so that what has a say of the sound is not of unseen people there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import emonets
from emonets.datasets import open_dataset
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.records import Row, score_rows, write_results

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
    fitted = emonets.load(args.bundle)
    multiplied = emonets.EmoNets(**fitted.specialists)  # type: ignore[arg-type]
    rows: list[Row] = []
    for corpus in ("ravdess_av", "crema_d"):
        data = open_dataset(args.data / corpus)
        paths, labels = [item.path for item in data.items], np.asarray(data.labels)
        found = {}
        for models in CHOICES:
            for how, model in (("multiplied", multiplied), ("fitted", fitted)):
                if len(models) == 1 and model is fitted:
                    continue
                p = said(model, paths, models)
                name = "+".join(models) + (f", {how}" if len(models) > 1 else "")
                found[name] = p
                score = evaluate(labels, p)
                print(f"{corpus} {name}: {(p.argmax(1) == labels).sum()} of {len(labels)}")
                rows += score_rows(
                    score, what=f"{args.bundle}, {name}", data=corpus, split="all clips",
                    command="python benchmarks/unseen_clips.py --data DATA",
                )  # fmt: skip
        for how in ("multiplied", "fitted"):
            gain = difference(
                labels, found[f"face+audio+activity+mouth, {how}"], found["face+audio, multiplied"]
            )
            print(f"{corpus}: all, {how}, less face and sound: {gain}")
    write_results("unseen", rows)


if __name__ == "__main__":
    main()
