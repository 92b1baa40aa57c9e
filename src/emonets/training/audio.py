"""Training and scoring the audio specialist on labelled recordings (paper 3.2).

Subjects decide everything here: those whose recordings stop the training, and those on whom it is
scored, are never among those it is trained on, nor do they enter the whitening's statistics. Only
where a corpus brings a split of its own, and this parts nobody, is that so by its word alone; it
is said then.
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
from safetensors.numpy import load

from emonets.bundle import check_place, packed
from emonets.errors import DataError
from emonets.learners.boltzmann.dbn import DBN, Layer
from emonets.learners.folds import Indices
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.model import EmoNets
from emonets.runtime.files import write_whole
from emonets.runtime.settings import to_table
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.settings import (
    NetworkAudio,
    PerceptronAudio,
    audio_from_table,
    build_network,
    build_perceptron,
    build_pretraining,
    build_whitening,
)
from emonets.specialists.audio.specialist import AudioSpecialist
from emonets.training.joined import joined
from emonets.training.preset import audio_settings
from emonets.training.sound_data import (
    Echo,
    Frames,
    Labelled,
    check_run,
    emotions_of,
    held_out,
    load_labelled,
    shared_subjects,
)


@dataclass(frozen=True)
class Trained:
    """A whitening and a network that belong together.

    Attributes
    ----------
    whitening : None where the network takes frames as they are.
    classes : which of the classes (`Labelled.classes`) the network knows: those it was shown.
    stages : what each stage took and came to, for the card.
    """

    whitening: Whitening | None
    network: Any
    classes: tuple[int, ...]
    stages: dict[str, Any]

    def predict_proba(self, frames: Sequence[Frames], count: int) -> NDArray[np.float64]:
        """(n, count), one row a recording, of so many classes; 0 for those it does not know."""
        if self.whitening is not None:
            frames = [self.whitening.transform(part) for part in frames]
        p = np.zeros((len(frames), count))
        p[:, self.classes] = self.network.predict_proba(frames)
        return p


def fit_audio(
    data: Labelled,
    train: Indices,
    fold: int | None,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
    echo: Echo = print,
) -> Trained:
    """Train what a preset's ``audio`` table describes.

    Parameters
    ----------
    train : positions of the recordings that may be used; who of their speakers is held out to
        stop by, if anybody, is the model's affair.
    fold : number of the fold that is not among them; None in training for good.
    work : where checkpoints are kept; a run that was interrupted goes on from there, and runs
        that are pretrained alike are pretrained once.

    Raises
    ------
    ParameterError : a preset with an unknown model.
    """
    if not len(train):
        raise DataError(
            f"{data.name}: no recording is left to train on, beside those that are for testing"
        )
    if isinstance(audio_from_table(settings), NetworkAudio):
        return fit_sound_network(data, train, settings, seed=seed, work=work, echo=echo)
    rest, stop = held_out(data, train, fold, seed)
    echo(
        f"{len(rest)} recordings of {len(np.unique(data.groups[rest]))} speakers to train on, "
        f"{len(stop)} of {len(np.unique(data.groups[stop]))} to stop by"
    )
    return fit_pooled_perceptron(data, rest, stop, settings, seed=seed, work=work, echo=echo)


def fit_sound_network(
    data: Labelled,
    train: Indices,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
    echo: Echo = print,
) -> Trained:
    """Train the network on log-mel spectrograms: a fixed number of epochs, nobody held out."""
    shares = settings.get("corpora", {})
    share = np.array([float(shares.get(name, 1.0)) for name in data.names])[data.corpus[train]]
    key = _key(settings, seed, train, _content(data, train))
    wanted = audio_from_table(settings)
    assert isinstance(wanted, NetworkAudio)
    network = build_network(
        wanted, checkpoint=None if work is None else work / f"network-{key}", seed=seed
    )
    began = time.monotonic()

    def progress(member: int, epoch: int, loss: float) -> None:
        if epoch % 5 == 4:
            minutes = (time.monotonic() - began) / 60
            echo(
                f"network {member + 1}/{network.members}  epoch {epoch + 1}/{network.epochs}  "
                f"loss {loss:.4f}  {minutes:.1f} min"
            )

    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    targets, classes = _shown(data, train)
    network.fit([data.frames[i] for i in train], targets[train], share=share, on_epoch=progress)
    network.use(threads=1)
    stages = {
        "recordings": len(train),
        "speakers": len(np.unique(data.groups[train])),
        "epochs": network.epochs,
        "networks": network.members,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    return Trained(None, network, classes, stages)


def _key(*parts: Any) -> str:
    """A short name of whatever decides what a file holds."""
    plain = [part.tolist() if isinstance(part, np.ndarray) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def _content(data: Labelled, which: Indices) -> str:
    """Says which recordings these are: what one run left behind is no other's to take.

    Of the frames some are looked at, and how many there are.
    """
    targets = data.targets()
    digest = hashlib.sha256(" ".join(data.groups[which]).encode())
    digest.update(np.ascontiguousarray(targets[which]).tobytes())
    for i in which.tolist():
        frames = data.frames[i]
        digest.update(f"{frames.shape} ".encode())
        digest.update(np.ascontiguousarray(frames[:: max(1, len(frames) // 4)]).tobytes())
    return digest.hexdigest()


def _shown(data: Labelled, train: Indices) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """(n, k) targets of the classes that training recordings have, and which these are.

    Recordings of none of these classes have zeros.
    """
    targets = data.targets()
    classes = np.flatnonzero(targets[train].any(axis=0))
    if len(classes) < 2:
        raise DataError(f"{data.name}: the recordings to train on have one emotion only")
    kept = targets[:, classes]
    total = kept.sum(axis=1, keepdims=True)
    total[total == 0] = 1
    kept /= total
    return kept, tuple(map(int, classes))


def fit_pooled_perceptron(
    data: Labelled,
    train: Indices,
    stop: Indices,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
    echo: Echo = print,
) -> Trained:
    """Whitening, deep belief net, pooled perceptron (paper 3.2.1 to 3.2.4).

    Parameters
    ----------
    train, stop : positions of the recordings to train on and to choose the epoch by.
    settings : a preset's ``audio`` table.
    work : where the deep belief net is kept after each epoch; a run that was interrupted goes on
        from there.
    """
    targets, classes = _shown(data, train)
    stop = stop[targets[stop].any(axis=1)]  # what it was never shown says nothing of an epoch
    if not len(stop):
        raise DataError(f"{data.name}: no recording to stop by has an emotion of those trained on")
    wanted = audio_from_table(settings)
    assert isinstance(wanted, PerceptronAudio)
    whitening = build_whitening(wanted)
    for i in train:
        whitening.partial_fit(data.frames[i])
    frames = [whitening.transform(data.frames[i]) for i in (*train, *stop)]
    stages: dict[str, Any] = {
        "recordings": len(train),
        "speakers": len(np.unique(data.groups[train])),
        "chosen_by": f"accuracy on {len(stop)} recordings of other speakers",
        "frames": sum(map(len, frames[: len(train)])),
    }
    net = build_pretraining(wanted, seed=seed)
    initial = None
    if net is not None:
        rows = drawn(frames[: len(train)], wanted.pretraining.max_frames, seed)
        content = _content(data, train)
        about = to_table(wanted.pretraining), to_table(wanted.whitening)
        alike = _key(*about, seed, train, content)
        place = None if work is None else work / f"pretrained-{alike}.safetensors"
        pretrained = pretrain(rows, net.layers, seed=seed, place=place, echo=echo)
        initial = pretrained.weights
        stages["reconstruction_error"] = [
            float(rbm.history_["reconstruction_error"][-1]) for rbm in pretrained.rbms_
        ]
    network = build_perceptron(wanted, initial=initial, seed=seed)
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
        targets[train],
        validation=(frames[len(train) :], targets[stop]),
        on_epoch=progress,
    )
    history = network.history_
    stages |= {
        "epochs": len(history["loss"]),
        "chosen_epoch": int(network.best_epoch_) + 1,
        "held_out_accuracy": round(1 - float(min(history["validation_error"])), 4),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    return Trained(whitening, network, classes, stages)


def drawn(frames: Sequence[Frames], most: int | None, seed: int) -> Frames:
    """At most so many random frames of each recording, all in one array (t, width)."""
    random = np.random.default_rng(seed)
    if most is None:
        return np.concatenate(frames)
    return np.concatenate([part[np.sort(random.permutation(len(part))[:most])] for part in frames])


def pretrain(
    rows: Frames,
    layers: Sequence[Layer],
    *,
    seed: int = 0,
    place: Path | None = None,
    echo: Echo = print,
) -> DBN:
    """A deep belief net on whitened frames (t, width); interrupted, it goes on from ``place``."""
    dbn = DBN(layers, random_state=seed)
    if place is not None and place.exists():
        dbn = DBN.from_arrays(load(place.read_bytes()), layers=layers)
    while not hasattr(dbn, "rbms_") or dbn.epochs_left:
        dbn.partial_fit(rows)
        if place is not None:
            write_whole(place, packed(dbn.to_arrays(resume=True)))
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
    key = _key(settings, seed, data.folds, _content(data, np.arange(len(data.labels))))
    numbers = [int(fold) for fold in np.unique(data.folds)]
    jobs = (delayed(_one_fold)(data, fold, settings, seed, work, key, echo) for fold in numbers)
    p = np.full((len(data.labels), len(data.classes)), np.nan)
    for fold, part in Parallel(min(workers, len(numbers)), return_as="generator")(jobs):
        p[data.folds == fold] = part
    return p


def _one_fold(
    data: Labelled,
    fold: int,
    settings: Mapping[str, Any],
    seed: int,
    work: Path,
    key: str,
    echo: Echo,
) -> tuple[int, NDArray[np.float64]]:
    place = work / f"fold-{key}-{fold}.npy"
    if place.exists():
        kept: NDArray[np.float64] = np.load(place, allow_pickle=False)
        return fold, kept
    test = np.flatnonzero(data.folds == fold)

    def said(text: str) -> None:
        echo(f"{data.name}, fold {fold}: {text}")

    made = fit_audio(
        data, np.flatnonzero(data.folds != fold), fold, settings, seed=seed,
        work=work / data.name, echo=said,
    )  # fmt: skip
    p = made.predict_proba([data.frames[i] for i in test.tolist()], len(data.classes))
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
    data : corpora, each anything `emonets.datasets.open_dataset` reads; several are
        trained on together.
    out : folder of the bundle.
    add_to : a bundle whose other specialists are taken over.
    work : folder for features and checkpoints, default ``OUT.work``; the same command goes on
        from what it finds there.

    Raises
    ------
    DataError, ParameterError : as the parts say.
    """
    check_run(seed, workers)
    check_place(out)
    settings = audio_settings(preset)
    work = work or out.with_name(out.name + ".work")
    base = None if add_to is None else EmoNets.load(add_to)
    labelled = load_labelled(
        data, settings["features"], work / "features", workers=workers, echo=echo
    )
    shared = shared_subjects(labelled)
    if shared:
        echo(
            f"speakers lie in more than one part of the data's own split ({len(shared)}, such as "
            f"{shared[0]}): scores on its validation and test parts will be too good"
        )
    usable = np.flatnonzero(labelled.splits != "test")  # what is kept for testing stays unheard
    made = fit_audio(
        labelled, usable, None, settings, seed=seed, work=work / labelled.name, echo=echo
    )
    card = {
        "trained_on": labelled.name,
        **made.stages,
        "dropped": len(labelled.dropped),
        "seed": seed,
        "machine": platform.machine(),
    }
    specialist = AudioSpecialist(
        made.network,
        made.whitening,
        features=settings["features"],
        emotions=[emotions_of(len(labelled.classes))[c] for c in made.classes],
    )
    model = joined(base, "audio", specialist, card, preset)
    model.save(out)
    return model
