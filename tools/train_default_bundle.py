"""Give the bundle ``modern`` motion, mouths and a fusion, learned from the Javanese films.

    emonets train audio RAVDESS EMODB --preset modern --base none --no-score \\
        --add-to modern --out BASE
    python tools/train_default_bundle.py --films javanese_av --base BASE --store STORE --out OUT

The face network and the sound network answer as they are, nothing is learned on top of them: what
eight actors of one studio show would not serve others. BASE's sound network has not met these
actors, which the one that ships has; so the scores, and what the fusion learns, are of BASE's, and
OUT gets the one of ``--sound``. Motion and mouths of each of the eight actors are scored by models
of the other seven, and what ships learns from all. Motion and mouths are in OUT, but only the
face and the sound speak unless asked otherwise: of 13 clips of other corpora the motion named one
and the mouths three (benchmarks/unseen_clips.py). All are multiplied, which fits nothing.

Of blocks and super blocks of motion 50,000 are used, the autoencoder makes 20 passes and the words
20 rounds, a quarter of the preset's, for the scores as for what ships.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from emonets.datasets import open_dataset
from emonets.evaluation.figures import confusion_of, save
from emonets.evaluation.records import Evidence, score_rows, write_results
from emonets.model import EmoNets
from emonets.provenance.corpus import Provenance
from emonets.runtime.store import FeatureStore
from emonets.training.preset import load_preset
from emonets.training.report import summary
from emonets.training.system import Options, System

BLOCKS, ROUNDS, PASSES = 50_000, 20, 20
COMMAND = (
    "python tools/train_default_bundle.py --films javanese_av --base BASE --store STORE --out OUT"
)


def preset(strategy: str) -> dict[str, Any]:
    """The preset ``modern`` with nothing learned on the networks, and less motion."""
    table = load_preset("modern")
    table["face"]["clips"]["head"] = "none"
    table["audio"]["clips"]["head"] = "none"
    for name in ("blocks", "superblocks"):
        table["activity"][name]["count"] = BLOCKS
    table["activity"]["words"]["max_iter"] = ROUNDS
    table["activity"]["synchrony"]["n_epochs"] = PASSES
    table["fusion"] = {**table.get("fusion", {}), "strategy": strategy}
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--sound", default="modern", help="the bundle whose sound network ships")
    parser.add_argument("--store", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--strategy", default="product")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--results", action="store_true", help="add to docs/results/clips")
    args = parser.parse_args()
    options = Options(base=args.base, folds=None, workers=args.workers)
    system = System(
        [open_dataset(args.films)], preset(args.strategy), FeatureStore(args.store), options
    )
    between = args.out.with_name(args.out.name + ".learned")
    learned, scored = system.train(between)
    assert scored is not None
    print(summary(scored))
    for name, scores in scored.scores.items():
        print(name, scores, sep="\n")
    for one in scored.compared:
        print(one.name, one.uar, "gain", one.gain)
    shipped = EmoNets.load(args.sound)
    card = {**shipped.about["card"]}
    for name in ("activity", "mouth", "fusion"):
        card[name] = learned.about["card"][name]
    scores = learned.about["card"]["audio"]
    card["fusion"]["sound"] = f"of a network that had not met these people: UAR {scores['uar']}"
    card["data"] = learned.about["card"]["data"]
    known = {**learned.provenance.corpora, **shipped.provenance.only(["face", "audio"]).corpora}
    EmoNets(
        shipped.face, audio=shipped.audio, activity=learned.activity, mouth=learned.mouth,
        active=("face", "audio"), about={**shipped.about, "card": card},
        provenance=Provenance(known),
    ).save(args.out)  # fmt: skip
    if args.results:
        about = {
            "data": "javanese_av", "group": "actor", "command": COMMAND,
            "split": "leave one of 8 actors out of motion, mouths and fusion, 6 classes",
        }  # fmt: skip
        rows: list[Evidence] = []
        for name, score in scored.scores.items():
            rows += score_rows(score, what=f"default bundle, {name}", **about)
        write_results("clips", rows)
        save(
            confusion_of(
                scored.scores["fused"], title="Default bundle, Javanese films, unseen actors"
            ),
            Path("docs/figures/confusion_default_javanese.png"),
        )


if __name__ == "__main__":
    main()
