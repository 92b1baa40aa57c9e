"""Nested predictions of our own audio specialist on RAVDESS' takes, for benchmarks/fusion.py.

    OMP_NUM_THREADS=1 python benchmarks/fusion_audio.py --data ../shared/data --work WORK \\
        --what network --out audio.npz
    OMP_NUM_THREADS=1 python benchmarks/fusion_audio.py --data ../shared/data --work WORK \\
        --what functionals --out functionals.npz

network: the one of the preset `modern`, trained on RAVDESS alone: on all of the five
actor-independent folds (Luna-Jiménez 2022) but one, and on all but two. By default a single one of
its members, for fewer epochs and of shorter stretches than the preset's, because fifteen are
trained. Its calm counts as neutral. Each network and its answers are kept in WORK; a run that was
interrupted goes on from them.

functionals: mean, deviation and some quantiles of the paper's 909 features and the mean size of
their steps, and a linear SVM whose C is chosen inside its own training actors.

The file is like those of benchmarks/fusion_stock.py.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.fusion.nested_folds import nested_predictions
from emonets.fusion.protocols import FitPredict
from emonets.model import EmoNets
from emonets.runtime.files import write_whole
from emonets.specialists.audio.extractor import sound_extractor
from emonets.specialists.audio.specialist import AudioSpecialist
from emonets.specialists.audio.trainer import AudioTrainer
from emonets.training.material import Material
from emonets.training.preset import audio_settings
from emonets.training_contract import Run
from fusion_stock import linear_machine, takes
from labelled_clips import material

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


QUANTILES = (0.1, 0.5, 0.9)


def functionals(frames: NDArray[np.float32]) -> Floats:
    """(frames, d) → (6 d,)."""
    x = np.asarray(frames, np.float64)
    steps = np.abs(np.diff(x, axis=0)).mean(axis=0)
    parts = (x.mean(axis=0), x.std(axis=0), *np.quantile(x, QUANTILES, axis=0), steps)
    return np.concatenate(parts)


def write_bundle(
    data: Material, fold: Ints, settings: dict[str, Any], options: argparse.Namespace
) -> None:
    """The networks that left out one fold each, together, and the face of `modern`.

    Of a corpus other than RAVDESS they know nobody.
    """
    trainer, run = AudioTrainer(settings), Run(options.work, options.seed)
    made = [trainer.fit(data, np.flatnonzero(fold != k), run) for k in range(fold.max() + 1)]
    first: AudioSpecialist = made[0][0]
    network: Any = first.network
    network.arrays_ = [arrays for one, _ in made for arrays in one.network.arrays_]
    network.members = len(network.arrays_)
    specialist = AudioSpecialist(network, features=settings["features"], emotions=first.emotions)
    card = {
        "trained_on": data.name, **made[0][1], "networks": network.members,
        "note": "each on four of five folds of actors", "seed": options.seed,
    }  # fmt: skip
    face = EmoNets.load("modern")
    about = {"preset": "modern", "card": {**face.about["card"], "audio": card}}
    print(EmoNets(face.face, audio=specialist, about=about).save(options.bundle))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--what", choices=("network", "functionals"), required=True)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--frames", type=int, default=128, help="of a stretch; 80 a second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path, help="write the five outer networks as one bundle")
    options = parser.parse_args()
    network = options.what == "network"
    settings = audio_settings("modern" if network else "paper")
    if network:
        settings["training"] |= {
            "members": options.members, "epochs": options.epochs, "frames": options.frames
        }  # fmt: skip
    path = options.data / "ravdess_speech"
    extractor = sound_extractor(settings["features"])
    data = material([path], [extractor], options.work)
    names = np.array(["01" + item.path.stem[2:] for item in data.items])
    y, actor, fold = takes(names)
    if not np.array_equal(y, data.labels):
        raise SystemExit(f"{path}: its labels are not those of its files' names")
    began = time.monotonic()

    def said(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {text}", flush=True)

    def audio(train: Ints, test: Ints) -> Floats:
        tested = "-".join(map(str, np.unique(fold[test])))
        kind = f"{options.members}-{options.epochs}-{options.frames}-{options.seed}"
        place = options.work / f"nested-{kind}-{tested}.npy"
        if not place.exists():
            trainer, run = AudioTrainer(settings), Run(options.work, options.seed)
            p = trainer.predict(trainer.fit(data, train, run)[0], data, test, run)
            buffer = io.BytesIO()
            np.save(buffer, p, allow_pickle=False)
            write_whole(place, buffer.getvalue())
        p = np.load(place, allow_pickle=False)
        said(f"folds {tested} left out: {(p.argmax(axis=1) == y[test]).mean():.1%} right")
        return np.asarray(p)

    make: FitPredict = audio
    if not network:
        x = np.stack([functionals(data.read(extractor, i)["frames"]) for i in range(len(y))])
        make = linear_machine(x[:, x.std(axis=0) > 0], y, fold)
    if options.bundle is not None:
        write_bundle(data, fold, settings, options)
        return
    nested = nested_predictions({"audio": make}, fold, actor)
    said(f"{len(y)} takes, {(nested.outer[:, 0].argmax(axis=1) == y).mean():.1%} right out of fold")
    np.savez(
        options.out, clip=names, label=y, actor=actor, fold=fold, proba=nested.outer[:, 0],
        inner=nested.inner[:, :, 0],
    )  # fmt: skip


if __name__ == "__main__":
    main()
