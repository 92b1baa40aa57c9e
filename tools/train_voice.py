"""Train the audio network on many corpora, in nine languages.

    python tools/train_voice.py --data DATA --work WORK --run final --seed 0

DATA holds a folder for each corpus of `voice_corpora.CORPORA`. WORK gets the extracted frames
(``cache``), checkpoints, and for each run and seed ``RUN-SEED.safetensors`` (weights in half
precision) and ``.json`` (settings). A run that was interrupted goes on from its checkpoint.
``--score RUN-SEED`` writes ``RUN-SEED.npz``: predictions on clips that were not trained on.

Runs differ in what they leave out. ``final`` learns from all speakers that are not held out.
``open`` learns from EMO-DB and the Javanese speech only. ``a``, ``b`` and ``c`` leave whole corpora
out, so that each corpus is left out of one of them; ``b`` and ``c`` also leave out the speakers of
one RAVDESS fold.

Then ``--install`` takes runs together as members of one network, sets the temperature by the
held-out speakers of nEMO and ASED, and writes it into a copy of a bundle:

    python tools/train_voice.py --data DATA --work WORK --install final-0 final-1 \\
        --bundle modern --out OUT
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from scipy.optimize import minimize_scalar

from emonets.bundle import packed
from emonets.datasets.items import Item
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance, make_corpus
from emonets.provenance.prints import SOUND, prints_of
from emonets.runtime.files import write_whole
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.settings import NetworkAudio, audio_from_table, build_network
from emonets.specialists.audio.specialist import PIECE, AudioSpecialist
from emonets.specialists.audio.training import emotions_of, even_shares
from emonets.training.preset import load_section
from voice_corpora import CORPORA, Material, material

RAVDESS_FOLDS = {
    1: ("02", "05", "14", "15", "16"), 2: ("03", "06", "07", "13", "18"),
    3: ("10", "11", "12", "19", "20"), 4: ("08", "17", "21", "23", "24"),
    5: ("01", "04", "09", "22"),
}  # fmt: skip
RECIPE: dict[str, dict[str, Any]] = {
    "network": {"blocks": [0, 1, 1], "every": 2, "equalise": 0.5},
    "training": {
        "epochs": 30, "frames": 160, "mixup": 0.0, "dropout": 0.15, "averaging": 0.98,
        "learning_rate": 0.003,
    },
    "augmentation": {
        "room": 0.25, "band": 0.2, "hollow": 0.1, "squeeze": 0.1, "noise": 0.4,
        "snr": [12.0, 45.0], "masks": 1,
    },
}  # fmt: skip
"""What differs from the table ``[audio]`` of the preset ``modern``."""
EVEN = 0.7
FRAMES_A_SECOND = 80
DRAWS = 2000
"""Clips that an epoch draws."""


@dataclass(frozen=True)
class Run:
    """What a run leaves out.

    Attributes
    ----------
    without : corpora.
    ravdess_fold : the fold of RAVDESS whose speakers are left out; 0 for none.
    changes : of the settings, after `RECIPE`.
    """

    without: frozenset[str] = frozenset()
    ravdess_fold: int = 0
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_OPEN = {"emodb", "javanese_speech"}
FIRST = {
    "network": {"every": 1},
    "training": {
        "epochs": 20,
        "mixup": 0.2,
        "dropout": 0.3,
        "averaging": 0.99,
        "learning_rate": 0.002,
    },
    "augmentation": {
        "room": 0.4,
        "band": 0.3,
        "hollow": 0.2,
        "squeeze": 0.15,
        "noise": 0.5,
        "snr": [8.0, 45.0],
        "masks": 2,
    },
}
"""``open`` was trained first, with every frame a column and with stronger changes."""
RUNS = {
    "final": Run(),
    "open": Run(frozenset(set(CORPORA) - _OPEN), changes=FIRST),
    "a": Run(frozenset({"ravdess_speech", "urdu"})),
    "b": Run(frozenset({"emodb", "korean_emotion", "banglaser", "emotale", "javanese_speech"}), 1),
    "c": Run(frozenset({"nemo", "ased"}), 2),
}


def trained_on(run: Run, corpus: Material) -> NDArray[np.bool_]:
    """(n,) which clips of a corpus a run is trained on."""
    if corpus.name in run.without:
        return np.zeros(len(corpus.labels), bool)
    out = corpus.held_out
    if corpus.name == "ravdess_speech" and run.ravdess_fold:
        out = out | np.isin(corpus.speakers, RAVDESS_FOLDS[run.ravdess_fold])
    return ~out


def recipe(run: Run) -> NetworkAudio:
    """The settings of a run."""
    table = load_section("modern", "audio")
    for changed in (RECIPE, run.changes):
        for name, changes in changed.items():
            table[name] = {**table[name], **changes}
    settings = audio_from_table(table)
    assert isinstance(settings, NetworkAudio)
    return settings


def train(
    run: Run, corpora: Sequence[Material], seed: int, work: Path, name: str, epochs: int | None
) -> SoundNetClassifier:
    """The network of one run: one member."""
    frames: list[NDArray[np.float32]] = []
    labels, numbers = [], []
    for number, corpus in enumerate(corpora):
        for i in np.flatnonzero(trained_on(run, corpus)).tolist():
            frames.append(corpus.frames[i].astype(np.float32))
            labels.append(corpus.labels[i])
            numbers.append(number)
    settings = recipe(run)
    network = build_network(settings, checkpoint=work / f"{name}.checkpoint", seed=seed)
    network.members = 1
    network.epochs = epochs or settings.training.epochs
    share = even_shares(np.array(numbers), np.array(labels), EVEN)
    began = time.monotonic()

    def progress(member: int, epoch: int, loss: float) -> None:
        minutes = (time.monotonic() - began) / 60
        print(f"{name}  epoch {epoch + 1}/{network.epochs}  loss {loss:.4f}  {minutes:.1f} min",
              flush=True)  # fmt: skip

    y = np.eye(7, dtype=np.float64)[labels]
    network.fit(frames, y, share=share * min(1.0, DRAWS / len(frames)), on_epoch=progress)
    return network


def predicted(network: SoundNetClassifier, frames: NDArray[np.floating]) -> NDArray[np.float64]:
    """(7,) of a clip's frames; of long clips the mean of pieces, as in the product."""
    count = len(frames) / FRAMES_A_SECOND
    parts = 1 if count <= 2 * PIECE else int(np.ceil(count / PIECE))
    p = network.predict_proba(np.array_split(frames.astype(np.float32), parts))
    mean: NDArray[np.float64] = p.mean(axis=0)
    return mean


def unseen(run: Run, corpora: Sequence[Material], network: SoundNetClassifier) -> dict[str, Any]:
    """Predictions on all clips that a run was not trained on: arrays by name."""
    p, labels, corpus_of, speakers = [], [], [], []
    for corpus in corpora:
        for i in np.flatnonzero(~trained_on(run, corpus)).tolist():
            p.append(predicted(network, corpus.frames[i]))
            labels.append(corpus.labels[i])
            corpus_of.append(corpus.name)
            speakers.append(corpus.speakers[i])
    return {
        "p": np.array(p), "labels": np.array(labels), "corpus": np.array(corpus_of),
        "speaker": np.array(speakers),
    }  # fmt: skip


def store(network: SoundNetClassifier, place: Path) -> None:
    """Write a network: ``place.safetensors`` and ``place.json``."""
    settings, arrays = network.to_arrays()
    write_whole(place.with_suffix(".safetensors"), packed(arrays))
    write_whole(place.with_suffix(".json"), json.dumps(settings, indent=1).encode())


def stored(places: Sequence[Path]) -> SoundNetClassifier:
    """Networks that `store` wrote, as the members of one."""
    parts = []
    for place in places:
        settings = json.loads(place.with_suffix(".json").read_text())
        arrays = load(place.with_suffix(".safetensors").read_bytes())
        parts.append(SoundNetClassifier.from_arrays(settings, arrays))
    first = parts[0]
    first.arrays_ = [member for part in parts for member in part.arrays_]
    return first


def temperature(p: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """The temperature at which the true labels are most probable, between 0.3 and 5."""
    logs = np.log(np.maximum(p, 1e-12))

    def loss(t: float) -> float:
        scaled = logs / t
        top = scaled.max(axis=1, keepdims=True)
        norm = top[:, 0] + np.log(np.exp(scaled - top).sum(axis=1))
        return float(np.mean(norm - scaled[np.arange(len(labels)), labels]))

    return float(minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x)


def seven(
    network: SoundNetClassifier, emotions: Sequence[int], frames: Sequence[NDArray[np.float16]]
) -> NDArray[np.float64]:
    """(n, 7) of clips; several classes of a network may count as one emotion."""
    p = np.zeros((len(frames), 7))
    for row, clip in zip(p, frames, strict=True):
        np.add.at(row, list(emotions), predicted(network, clip))
    return p


def calibrated(
    network: SoundNetClassifier, corpora: Sequence[Material]
) -> tuple[SoundNetClassifier, float]:
    """The network with the temperature of the speakers that are held out, and that number."""
    emotions = emotions_of(len(network.classes_))
    held = [(corpus, np.flatnonzero(corpus.held_out).tolist()) for corpus in corpora]
    frames = [corpus.frames[i] for corpus, rows in held for i in rows]
    labels = np.concatenate([corpus.labels[rows] for corpus, rows in held if rows])
    t = temperature(seven(network, emotions, frames), labels)
    return network.tempered(t), t


def learned_from(
    run: Run, corpora: Sequence[Material], known: Sequence[Corpus], data: Path | None
) -> tuple[Corpus, ...]:
    """What a run was trained on, for a bundle.

    Parameters
    ----------
    known : corpora whose fingerprints exist already; they may have more clips than were used.
    data : where the files of the others are; None: these have a name and no fingerprints.
    """
    before = {corpus.name: corpus for corpus in known}
    found = []
    for corpus in corpora:
        mine = trained_on(run, corpus)
        if not mine.any():
            continue
        terms, name = CORPORA[corpus.name].terms, corpus.name
        if name in before:
            found.append(before[name])
        elif data is None:
            found.append(Corpus(name, licence=terms))
        else:
            rows = np.flatnonzero(mine).tolist()
            items = [
                Item(
                    data / name / str(corpus.files[i]), int(corpus.labels[i]),
                    str(corpus.speakers[i]), "", "sound", "",
                )
                for i in rows
            ]  # fmt: skip
            groups = [f"{name}/{item.group}" for item in items]
            prints = prints_of(items, kinds=(SOUND,))
            found.append(make_corpus(name, prints, groups, licence=terms))
    return tuple(found)


def install(
    network: SoundNetClassifier,
    bundle: str,
    out: Path,
    card: dict[str, Any],
    corpora: tuple[Corpus, ...],
) -> None:
    """Write a copy of a bundle with another audio network; its other parts stay as they are."""
    model = EmoNets.load(bundle)
    about = {**model.about, "card": {**model.about.get("card", {}), "audio": card}}
    kept = model.provenance.only([name for name in model.specialists if name != "audio"])
    emotions = emotions_of(len(network.classes_))
    audio = AudioSpecialist(network, features="logmel", on="speech", emotions=emotions)
    EmoNets(
        **{**model.specialists, "audio": audio}, fusion=model.fusion, active=model.active,
        about=about, provenance=Provenance({**kept.corpora, "audio": corpora}),
    ).save(out)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--run", choices=RUNS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="of the run; those of the preset by default")
    parser.add_argument("--score", nargs="+", metavar="RUN-SEED")
    parser.add_argument("--install", nargs="+", metavar="RUN-SEED")
    parser.add_argument("--prints", action="store_true", help="fingerprints of all clips")
    parser.add_argument("--bundle", default="modern")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    def opened(names: Iterable[str]) -> list[Material]:
        return [material(name, args.data, args.work / "cache") for name in CORPORA if name in names]

    if args.run:
        run, name = RUNS[args.run], f"{args.run}-{args.seed}"
        corpora = opened(set(CORPORA) - run.without)
        store(train(run, corpora, args.seed, args.work, name, args.epochs), args.work / name)
    for name in args.score or ():
        found = unseen(RUNS[name.split("-")[0]], opened(CORPORA), stored([args.work / name]))
        np.savez(args.work / f"{name}.npz", **found)
    if args.install:
        corpora = opened(CORPORA)
        network, t = calibrated(stored([args.work / name for name in args.install]), corpora)
        print(f"temperature {t:.3f}")
        store(network, args.work / f"{'+'.join(args.install)}.calibrated")
        if args.out:
            run = RUNS[args.install[0].split("-")[0]]
            names = [corpus.name for corpus in corpora if trained_on(run, corpus).any()]
            card = {
                "trained_on": " + ".join(names), "networks": len(args.install),
                "temperature": round(t, 3), "runs": args.install,
            }  # fmt: skip
            known = EmoNets.load(args.bundle).provenance.of("audio")
            learned = learned_from(run, corpora, known, args.data if args.prints else None)
            install(network, args.bundle, args.out, card, learned)


if __name__ == "__main__":
    main()
