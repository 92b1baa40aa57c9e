"""The audio specialist on speech corpora, by models that never met the speaker.

    python benchmarks/audio_corpora.py --data ../shared/data --work WORK --what paper

``paper`` is trained on each corpus by itself: RAVDESS over the field's five folds of actors, the
others leaving one speaker out at a time. Its ablations are run on RAVDESS alone. ``modern`` is
trained on the three corpora together, in five folds of speakers of each. Everything is chosen on
speakers that are not tested. Classes that a corpus does not have are no answer there.

A run that was interrupted goes on from what lies in WORK.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import Any

from emonets.datasets import open_dataset
from emonets.evaluation.figures import confusion_of, save
from emonets.evaluation.records import score_rows, write_results
from emonets.learners.pooled_perceptron.classifier import AUTHORS
from emonets.runtime.store import FeatureStore
from emonets.training.preset import load_section
from emonets.training.system import Options, System

CORPORA = ("ravdess_speech", "emodb", "javanese_speech")
ABLATIONS = ("no pretraining", "mean pooling", "max pooling", "authors' code")


def settings_of(what: str) -> dict[str, Any]:
    """The preset, changed as an ablation says."""
    if what == "modern":
        return load_section("modern", "audio")
    settings = copy.deepcopy(load_section("paper", "audio"))
    network = settings["network"]
    if what == "no pretraining":
        settings["pretraining"]["use"] = 0
    elif what in ("mean pooling", "max pooling"):
        network["pooling"] = what.removesuffix(" pooling")
    elif what == "authors' code":
        changes = {k: list(v) if isinstance(v, tuple) else v for k, v in AUTHORS.items()}
        network.update(changes)
        rates = (0.0008, 0.0005)  # of the code, where the paper has .0006 and .0005
        for layer, rate in zip(settings["pretraining"]["layers"], rates, strict=False):
            layer.update(n_components=310, learning_rate=rate)
    return settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("emonets-work"))
    parser.add_argument("--what", choices=("paper", *ABLATIONS, "modern"), required=True)
    parser.add_argument("--corpus", choices=CORPORA, default="ravdess_speech")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    what = options.what
    settings = settings_of(what)
    names = CORPORA if what == "modern" else (options.corpus,)
    paths = [options.data / name for name in names]
    began = time.monotonic()

    def said(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {what}: {text}", flush=True)

    system = System(
        [open_dataset(path) for path in paths], {"audio": settings},
        FeatureStore(options.work / "store"),
        Options(
            ["audio"], base="none", seed=options.seed, workers=options.workers,
            scored=len(paths),
        ),
    )  # fmt: skip
    scored = system.score()
    seven = scored.corpora or {names[0]: scored.scores}
    name = what if what in ("paper", "modern") else f"paper, {what}"
    command = f"python benchmarks/audio_corpora.py --data DATA --what '{what}'"
    if what != "modern" and options.corpus != CORPORA[0]:
        command += f" --corpus {options.corpus}"
    rows = []
    for corpus in names:
        for one in filter(None, (seven[corpus], scored.fine.get(corpus))):
            scores = one["audio"]
            here = scores.confusion.sum(axis=1) > 0
            masked = [c for c, there in zip(scores.classes, here, strict=True) if not there]
            count = int(here.sum())
            print(f"\n{name}, {corpus}, {count} classes\n{scores}")
            rows += score_rows(
                scores,
                what=f"audio {name}",
                data=corpus,
                split=f"{scored.predictions.split}, {count} classes",
                group="speaker",
                dropped=sum(corpus in file for file, _ in scored.data.dropped),
                command=command,
                note=f"{', '.join(masked)} masked" if masked else "",
                per_class=what in ("paper", "modern"),
            )
            if options.figure is not None and corpus == CORPORA[0] and count == 7:
                title = f"Sound, {name}: {corpus}, {scored.predictions.split}"
                save(confusion_of(scores, title=title), options.figure)
    write_results("audio", rows)


if __name__ == "__main__":
    main()
