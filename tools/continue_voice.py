"""Let the audio network of a bundle go on learning, from nine corpora.

    python tools/continue_voice.py --data DATA --work WORK --start BUNDLE --name continued
        [--epochs 20] [--without urdu,korean_emotion] [--known BUNDLE --out OUT]

DATA and WORK are those of `train_voice.py`. The first member of BUNDLE's network is the start; its
architecture and its eight classes (calm apart from neutral) stay. Speakers held out in
`voice_corpora.py` are never trained on; ``--without`` leaves out whole corpora, to be scored on
them. WORK gets ``NAME.safetensors`` and ``.json``. ``--out`` writes a copy of BUNDLE with it,
at the temperature of the held-out speakers, and with the fingerprints that ``--known`` has.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.model import EmoNets
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.settings import build_network
from emonets.specialists.audio.training import emotions_of, even_shares
from train_voice import EVEN, FIRST, Run, calibrated, install, learned_from, recipe, store, stored
from voice_corpora import CORPORA, Material, material

CALM = 7
DRAWS = 3000
"""Clips that an epoch draws."""
RATE = 6e-4
"""Peak of the learning rate: a third of that from random weights."""


def labels_of(corpus: Material) -> NDArray[np.int64]:
    """(n,) classes 0..7; calm of RAVDESS is the eighth."""
    if corpus.name != "ravdess_speech":
        return corpus.labels
    calm = [Path(str(file)).stem.split("-")[2] == "02" for file in corpus.files]
    return np.where(calm, CALM, corpus.labels)


def go_on(
    start: SoundNetClassifier, corpora: list[Material], work: Path, name: str, epochs: int
) -> SoundNetClassifier:
    """The network after training."""
    kept = [np.flatnonzero(~corpus.held_out) for corpus in corpora]
    frames = [c.frames[i].astype(np.float32) for c, rows in zip(corpora, kept, strict=True)
              for i in rows]  # fmt: skip
    labels = np.concatenate([labels_of(c)[rows] for c, rows in zip(corpora, kept, strict=True)])
    numbers = np.repeat(np.arange(len(corpora)), [len(rows) for rows in kept])
    settings = recipe(Run(changes=FIRST))
    network = build_network(settings, checkpoint=work / f"{name}.checkpoint", seed=50)
    network.set_params(network=start.network, members=1, epochs=epochs, learning_rate=RATE)
    emotions = np.asarray(emotions_of(CALM + 1))[labels]
    share = even_shares(numbers, emotions, EVEN)
    network.fit(
        frames, np.eye(CALM + 1)[labels], share=share * min(1.0, DRAWS / share.sum()),
        start=start.arrays_[:1],
        on_epoch=lambda _, epoch, loss: print(f"{name}  {epoch + 1}  {loss:.4f}", flush=True),
    )  # fmt: skip
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", required=True)
    parser.add_argument("--name", default="continued")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--without", default="")
    parser.add_argument("--known")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    start = EmoNets.load(args.start).audio.network
    without = frozenset(filter(None, args.without.split(",")))
    corpora = [
        material(name, args.data, args.work / "cache") for name in CORPORA if name not in without
    ]
    place = args.work / args.name
    if place.with_suffix(".safetensors").exists():
        network = stored([place])
    else:
        network = go_on(start, corpora, args.work, args.name, args.epochs)
        store(network, place)
    if not any(corpus.held_out.any() for corpus in corpora):
        return
    network, t = calibrated(network, corpora)
    print(f"temperature {t:.3f}")
    if args.out:
        known = EmoNets.load(args.known or args.start).provenance.of("audio")
        run = Run(without)
        card = {
            "trained_on": " + ".join(corpus.name for corpus in corpora), "networks": 1,
            "recordings": int(sum((~corpus.held_out).sum() for corpus in corpora)),
            "temperature": round(t, 3), "epochs": args.epochs, "started_from": "modern, 2026-11-28",
        }  # fmt: skip
        install(network, args.start, args.out, card,
                learned_from(run, corpora, known, None))  # fmt: skip


if __name__ == "__main__":
    main()
