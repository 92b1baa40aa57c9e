"""Training and scoring the audio specialist on labelled recordings (paper 3.2).

Subjects decide everything here: those whose recordings stop the training, and those on whom it is
scored, are never among those it is trained on, nor do they enter the whitening's statistics.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from safetensors.numpy import load, save

from emonets.bundle import check_place
from emonets.errors import ParameterError
from emonets.files import write_whole
from emonets.learners.dbn import DBN
from emonets.learners.folds import Indices
from emonets.learners.pooled_perceptron import PooledPerceptron
from emonets.model import EmoNets
from emonets.sound.whitening import Whitening
from emonets.specialists.audio import AudioSpecialist
from emonets.training.preset import load_preset
from emonets.training.sound_data import Echo, Frames, Labelled, held_out, join, load_labelled


@dataclass(frozen=True)
class Trained:
    """A whitening and a network that belong together.

    Attributes
    ----------
    whitening : None where the network takes frames as they are.
    stages : what each stage took and came to, for the card.
    """

    whitening: Whitening | None
    network: Any
    stages: dict[str, Any]

    def predict_proba(self, frames: Sequence[Frames], classes: int) -> NDArray[np.float64]:
        """(n, classes), one row a recording."""
        if self.whitening is not None:
            frames = [self.whitening.transform(part) for part in frames]
        full = np.zeros((len(frames), classes))
        full[:, np.asarray(self.network.classes_, int)] = self.network.predict_proba(frames)
        return full


def fit_audio(
    data: Labelled,
    train: Indices,
    stop: Indices,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
    pretrained: DBN | None = None,
    echo: Echo = print,
) -> Trained:
    """Whitening, deep belief net, pooled perceptron (paper 3.2.1 to 3.2.4).

    Parameters
    ----------
    train, stop : positions of the recordings to train on and to choose the epoch by.
    settings : a preset's ``audio`` table.
    work : where the deep belief net is kept after each epoch; a run that was interrupted goes on
        from there.
    pretrained : a deep belief net to start from in place of training one.
    """
    whitening = Whitening(dtype="float32", **settings.get("whitening", {}))
    for i in train:
        whitening.partial_fit(data.frames[i])
    frames = [whitening.transform(data.frames[i]) for i in (*train, *stop)]
    stages: dict[str, Any] = {"frames": sum(map(len, frames[: len(train)]))}
    layers = settings.get("pretraining", {}).get("layers", [])
    initial = None
    if layers:
        if pretrained is None:
            pretrained = pretrain(frames[: len(train)], layers, seed=seed, work=work, echo=echo)
        initial = pretrained.weights
        stages["reconstruction_error"] = [
            float(rbm.history_["reconstruction_error"][-1]) for rbm in pretrained.rbms_
        ]
    network = PooledPerceptron(**settings["network"], initial=initial, random_state=seed)
    began = time.monotonic()

    def progress(epoch: int, model: PooledPerceptron) -> None:
        history = model.history_
        if epoch % 10 == 9:
            echo(
                f"epoch {epoch + 1}/{model.n_epochs}  loss {history['loss'][-1]:.4f}  "
                f"held-out error {history['validation_error'][-1]:.4f} "
                f"(best {min(history['validation_error']):.4f})  "
                f"{(time.monotonic() - began) / 60:.1f} min"
            )

    network.fit(
        frames[: len(train)],
        data.labels[train],
        validation=(frames[len(train) :], data.labels[stop]),
        on_epoch=progress,
    )
    history = network.history_
    stages |= {
        "epochs": len(history["loss"]),
        "chosen_epoch": int(network.best_epoch_) + 1,
        "held_out_accuracy": round(1 - float(min(history["validation_error"])), 4),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    return Trained(whitening, network, stages)


def pretrain(
    frames: Sequence[Frames],
    layers: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    work: Path | None = None,
    echo: Echo = print,
) -> DBN:
    """Train a deep belief net on whitened frames; an interrupted run goes on from ``work``."""
    place = None if work is None else work / "dbn.safetensors"
    rows = np.concatenate(frames)
    dbn = DBN(layers, random_state=seed)
    if place is not None and place.exists():
        dbn = DBN.from_arrays(load(place.read_bytes()))
    while not hasattr(dbn, "rbms_") or dbn.epochs_left:
        dbn.partial_fit(rows)
        if place is not None:
            write_whole(place, save(dbn.to_arrays(resume=True)))
        echo(f"pretraining: {dbn.epochs_left} epochs left")
    return dbn


def cross_validate(
    data: Labelled,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    echo: Echo = print,
) -> NDArray[np.float64]:
    """Probabilities of every recording by models that knew neither it nor its subject.

    Parameters
    ----------
    work : each fold's answers are kept there; a run that was interrupted goes on.
    workers : folds at the same time.

    Returns
    -------
    (n, classes).
    """
    content = json.dumps([settings, seed, data.name, data.classes, data.folds.tolist()])
    key = hashlib.sha256(content.encode()).hexdigest()[:12]
    numbers = [int(fold) for fold in np.unique(data.folds)]
    jobs = (delayed(_one_fold)(data, fold, settings, seed, work / key, echo) for fold in numbers)
    p = np.full((len(data.labels), len(data.classes)), np.nan)
    for fold, part in Parallel(min(workers, len(numbers)), return_as="generator")(jobs):
        p[data.folds == fold] = part
    return p


def _one_fold(
    data: Labelled, fold: int, settings: Mapping[str, Any], seed: int, work: Path, echo: Echo
) -> tuple[int, NDArray[np.float64]]:
    place = work / f"fold-{fold}.npy"
    if place.exists():
        kept: NDArray[np.float64] = np.load(place, allow_pickle=False)
        return fold, kept
    test = np.flatnonzero(data.folds == fold)
    train, stop = held_out(data, np.flatnonzero(data.folds != fold), fold, seed)

    def said(text: str) -> None:
        echo(f"{data.name}, fold {fold}: {text}")

    made = fit_audio(data, train, stop, settings, seed=seed, work=work / f"fold-{fold}", echo=said)
    p = made.predict_proba([data.frames[i] for i in test], len(data.classes))
    buffer = io.BytesIO()
    np.save(buffer, p, allow_pickle=False)
    write_whole(place, buffer.getvalue())
    said(f"done, {json.dumps(made.stages)}")
    return fold, p


def train_audio(
    data: Sequence[Path],
    out: Path,
    *,
    preset: str = "paper",
    add_to: str | Path | None = None,
    seed: int = 0,
    work: Path | None = None,
    workers: int = 1,
    echo: Echo = print,
) -> EmoNets:
    """Train the audio specialist on labelled recordings and write a bundle.

    Parameters
    ----------
    data : corpora, each anything `emonets.datasets.speech.load_recordings` reads; several are
        trained on together.
    out : folder of the bundle.
    add_to : a bundle whose other specialists are taken over.
    work : folder for features and checkpoints, default ``OUT.work``; the same command goes on
        from what it finds there.

    Raises
    ------
    DataError, ParameterError : as the parts say.
    """
    check_place(out)
    settings = audio_settings(preset)
    work = work or out.with_name(out.name + ".work")
    base = None if add_to is None else EmoNets.load(add_to)
    parts = [
        load_labelled(path, settings["features"], work / "features", workers=workers, echo=echo)
        for path in data
    ]
    joined = join(parts)
    usable = np.flatnonzero(joined.splits != "test")  # what is kept for testing stays unheard
    train, stop = held_out(joined, usable, None, seed)
    echo(
        f"{len(train)} recordings of {len(np.unique(joined.groups[train]))} subjects to train "
        f"on, {len(stop)} of {len(np.unique(joined.groups[stop]))} to stop by"
    )
    made = fit_audio(joined, train, stop, settings, seed=seed, work=work, echo=echo)
    card = {
        "trained_on": joined.name,
        "recordings": len(train),
        "subjects": len(np.unique(joined.groups[train])),
        "chosen_by": f"accuracy on {len(stop)} recordings of other subjects",
        "dropped": len(joined.dropped),
        "seed": seed,
        "machine": platform.machine(),
        **made.stages,
    }
    specialist = AudioSpecialist(made.network, made.whitening, features=settings["features"])
    about = {"preset": preset, "card": {"audio": card}}
    face = None
    if base is not None:
        face = base.face
        about["card"] = {**base.about["card"], "audio": card}
    model = EmoNets(face, audio=specialist, about=about)
    model.save(out)
    return model


def audio_settings(preset: str | Path) -> dict[str, Any]:
    """A preset's ``audio`` table.

    Raises
    ------
    ParameterError : it has none.
    """
    settings = load_preset(preset).get("audio")
    if settings is None:
        raise ParameterError(f"preset {preset}: has no [audio] table")
    return dict(settings)
