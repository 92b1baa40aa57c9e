"""Scores of women and men, where a corpus states them: the voice, on people not learned from.

    python benchmarks/groups.py --data DATA --corpora CORPORA [--bundle open]

RAVDESS: actors with an even number are women. nEMO: by its table. EMO-DB: by its documentation.
At most ``--limit`` recordings of a speaker and class are used, by a digest of their names. A corpus
that the bundle was trained on is refused. Faces are absent: no corpus of faces at hand states it
for people that no bundle learned from.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import shlex
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

import emonets
from emonets.datasets import open_dataset
from emonets.datasets.items import Item
from emonets.errors import EmoNetsError
from emonets.evaluation.corpora import answers_of
from emonets.evaluation.metrics import evaluate
from emonets.evaluation.records import Evidence, score_rows, write_results

EMODB_WOMEN = ("08", "09", "13", "14", "16")
CORPORA = ("ravdess_speech", "nemo", "emodb")


def women_of(name: str, folder: Path) -> Callable[[str], bool]:
    """Whether a speaker of a corpus is a woman, by the group's name in the data set."""
    if name == "nemo":
        with (folder / "data.tsv").open(encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter="\t")
            women = {row["speaker_id"].strip() for row in rows if row["gender"] == "female"}
        return lambda group: group in women
    if name == "emodb":
        return lambda group: group[-2:] in EMODB_WOMEN
    return lambda group: int("".join(filter(str.isdigit, group))) % 2 == 0


def drawn(items: list[Item], limit: int) -> list[Item]:
    """At most so many of each speaker and class, by a digest of their names."""
    kept: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda i: hashlib.sha256(i.path.name.encode()).digest()):
        if item.label is not None:
            own = kept[item.group or "", item.label]
            if len(own) < limit:
                own.append(item)
    return sorted((i for own in kept.values() for i in own), key=lambda i: str(i.path))


def measured(bundle: str, name: str, folder: Path, limit: int, command: str) -> list[Evidence]:
    """The rows of a corpus."""
    model = emonets.load(bundle).with_models("audio")
    data = open_dataset(folder)
    items = drawn(list(data.items), limit)
    trained = [corpus.name for corpus in model.provenance.of("audio")]
    if name in trained:
        raise EmoNetsError(f"{bundle} was trained on {name}; name another bundle")
    answers = answers_of(model, items)["audio"]
    labels = np.array([item.label for item in items], np.int64)
    groups = np.array([item.group or "" for item in items])
    is_woman = women_of(name, folder)
    woman = np.array([is_woman(group) for group in groups])
    rows: list[Evidence] = []
    for who, mine in (("women", woman), ("men", ~woman)):
        made = evaluate(labels[mine], answers.p[mine], groups=groups[mine])
        rows += score_rows(
            made, what=f"{bundle}, audio", data=name, split=who, group="speaker", command=command,
            note=f"{len(set(groups[mine]))} speakers, acted",
        )  # fmt: skip
        print(f"{bundle} {name} {who}: n {made.n}, UAR {made.uar}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--bundle", default="open")
    parser.add_argument("--only", nargs="+", choices=CORPORA, default=["ravdess_speech", "nemo"])
    parser.add_argument("--limit", type=int, default=8)
    options = parser.parse_args()
    command = (
        "OMP_NUM_THREADS=1 python benchmarks/groups.py --data DATA --corpora CORPORA "
        f"--bundle {shlex.quote(options.bundle)} --only {' '.join(options.only)}"
    )
    rows: list[Evidence] = []
    for name in options.only:
        folder = (options.corpora if name == "nemo" else options.data) / name
        try:
            rows += measured(options.bundle, name, folder, options.limit, command)
        except EmoNetsError as error:
            parser.exit(1, f"error: {error}\n")
    write_results("groups", rows)


if __name__ == "__main__":
    main()
