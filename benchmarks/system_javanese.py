"""The whole system on the Javanese films, one of the eight actors left out of everything.

    python benchmarks/system_javanese.py --data ../shared/data --store STORE --base BASE --workers 2

BASE is a bundle whose sound network never met the Javanese, which the shipped `modern` did (with
that, `emonets evaluate modern --cross-validate each` trains a sound network from nothing):
`emonets train audio RAVDESS EMODB --preset modern --base none --no-score --add-to modern --out
BASE` makes one, and
benchmarks/fusion_audio.py --bundle another of five networks trained on RAVDESS. Its face network
is that of `modern` (FER2013 only). Motion and mouths are learned from the other actors' films, the
sound's head from these and, with --speech, from the same actors' utterances in `javanese_speech`.
Blocks and super blocks of motion are 50,000 a fold, words take 20 rounds and the autoencoder 20
passes, fewer than the preset's, because there are eight folds. Disgust, which the data do not have,
is no answer. A second run from the same store is timed.

That the face's head takes mean and deviation was copied from the sound's; it was tried beside five
other summaries on these same folds before (45 to 48 %), so that the face's score is a little kind.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

from emonets.datasets import open_dataset
from emonets.evaluation.figures import confusion_of, readable, save
from emonets.evaluation.metrics import difference
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.runtime.store import FeatureStore
from emonets.training.preset import load_preset
from emonets.training.report import summary
from emonets.training.system import Options, Scored, System

FIGURES = Path("docs/figures")
BLOCKS, ROUNDS, PASSES = 50_000, 20, 20


def processor_minutes() -> float:
    """Of this process and those it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used) / 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--preset", default="modern")
    parser.add_argument("--models", default="face,audio,activity,mouth")
    parser.add_argument("--speech", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--note", default="")
    options = parser.parse_args()
    datasets = [open_dataset(options.data / "javanese_av")]
    if options.speech:
        datasets.append(open_dataset(options.data / "javanese_speech"))
    preset = load_preset(options.preset)
    for table in ("blocks", "superblocks"):  # as in benchmarks/activity.py
        preset["activity"][table]["count"] = BLOCKS
    preset["activity"]["words"]["max_iter"] = ROUNDS
    preset["activity"]["synchrony"]["n_epochs"] = PASSES

    def once() -> tuple[Scored, float]:
        began = time.monotonic()
        system = System(
            datasets, preset, FeatureStore(options.store),
            Options(
                models=options.models.split(","), base=options.base, folds=8,
                workers=options.workers,
            ),
        )  # fmt: skip
        return system.score(), time.monotonic() - began

    fresh = not Path(options.store).exists()
    scored, first = once()
    used = processor_minutes()
    print(summary(scored))
    print(scored.scores["fused"])
    again, second = once()
    assert (again.predictions.P == scored.predictions.P).all()
    speech = " and speech" if options.speech else ""
    about = {
        "data": "javanese_av", "group": "actor",
        "split": "leave one of 8 actors out, of everything, 6 classes",
        "command": "python benchmarks/system_javanese.py --data DATA --store STORE --base BASE"
        + (" --speech" if options.speech else ""),
    }  # fmt: skip
    made: list[Evidence] = []
    for name, scores in scored.scores.items():
        what = f"all specialists, audio network of BASE{',' * bool(speech)}{speech}: {name}"
        made += score_rows(scores, what=what, note=options.note, **about, per_class=True)
    fused = scored.predictions.P
    for j, name in enumerate(scored.predictions.models):
        gain = difference(scored.labels, scored.fused, fused[:, j], groups=scored.groups)
        print(f"fused less {name}: {gain}")
    timing = {**about, "n": len(scored.predictions.rows), "split": ""}
    what = f"all specialists{speech} from raw films, {options.workers} processes"
    if fresh:
        made += [
            Evidence(what=what, metric="minutes", value=first / 60, note=options.note, **timing),
            Evidence(
                what=what, metric="minutes of processor", value=used, note=options.note, **timing
            ),
            Evidence(
                what=f"second run from the store, against the first{speech}", metric="ratio",
                value=first / second, note=f"{second:.1f} s; {options.note}", **timing,
            ),
        ]  # fmt: skip
    cores = os.cpu_count()
    print(f"{first / 60:.1f} min, {used:.1f} of processor, {cores} cores; again {second:.1f} s")
    write_results("clips", made)
    save(
        confusion_of(
            scored.scores["fused"],
            title=f"Javanese films, unseen actors: {readable('+'.join(scored.predictions.models))}",
        ),
        FIGURES / "confusion_system_javanese.png",
    )


if __name__ == "__main__":
    main()
