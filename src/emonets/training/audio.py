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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from safetensors.numpy import load, save

from emonets.bundle import check_place
from emonets.datasets.speech import Recording, Recordings, load_recordings
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.files import write_whole
from emonets.learners.dbn import DBN
from emonets.learners.folds import Indices, shuffled_folds
from emonets.learners.pooled_perceptron import PooledPerceptron
from emonets.model import EmoNets
from emonets.sound.whitening import Whitening
from emonets.specialists.audio import AudioSpecialist
from emonets.training.preset import load_preset
from emonets.training.sound_frames import sound_frames

Frames = NDArray[np.float32]
Echo = Callable[[str], Any]
_FEWEST = 3  # subjects
_MOST_FOLDS = 10
_HELD_OUT = 0.2  # of the subjects, to stop the training by


@dataclass(frozen=True)
class Labelled:
    """Recordings with their feature frames.

    Attributes
    ----------
    name : of the corpus.
    frames : one (t, width) float32 array a recording.
    labels : (n,) positions in ``classes``.
    groups : (n,) subjects.
    classes : names of the classes.
    folds : (n,) number of the fold that tests each recording.
    dropped : recordings that were left out, and why.
    splits : (n,) ``train``, ``valid``, ``test`` or, where the corpus is not divided, nothing.
    """

    name: str
    frames: list[Frames]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    classes: tuple[str, ...]
    folds: NDArray[np.int64]
    dropped: tuple[tuple[str, str], ...]
    splits: NDArray[np.str_]

    @property
    def split(self) -> str:
        """In words, how the folds divide the subjects."""
        count, subjects = len(np.unique(self.folds)), len(np.unique(self.groups))
        if count == subjects:
            return f"leave one of {subjects} subjects out"
        return f"{count} subject-independent folds"


def load_labelled(
    data: Path,
    features: str,
    work: Path,
    *,
    fine: bool = False,
    workers: int = 1,
    echo: Echo = print,
) -> Labelled:
    """Read recordings and compute their features, or take those that lie in ``work`` already.

    Parameters
    ----------
    data : anything `emonets.datasets.speech.load_recordings` reads.
    features : see `emonets.specialists.audio.AudioSpecialist`.
    fine : the corpus' own classes (RAVDESS: eight) in place of the seven.

    Raises
    ------
    DataError : no recording can be used, or all come from a single subject.
    """
    recordings = load_recordings(data)
    frames = sound_frames(
        [item.path for item in recordings.items], features, work, workers=workers, echo=echo
    )
    if not recordings.grouped:
        echo(
            f"{data}: nothing says who speaks in it, so every recording counts as a speaker of "
            "its own, and scores by cross-validation will be too good"
        )
    use = [i for i, part in enumerate(frames) if part is not None]
    silent = [str(recordings.items[i].path) for i, part in enumerate(frames) if part is None]
    items = [recordings.items[i] for i in use]
    if not items:
        raise DataError(f"{data}: none of {len(frames)} recordings has any sound")
    groups = np.array([item.group for item in items])
    if len(np.unique(groups)) < _FEWEST:
        raise DataError(
            f"{data}: {len(np.unique(groups))} subjects; three at least are needed to train on "
            "one, stop by another and test on a third"
        )
    classes: tuple[str, ...] = EMOTIONS
    labels = np.array([item.label for item in items], np.int64)
    if fine:
        classes, labels = _fine(items)
    return Labelled(
        recordings.name, [part for part in frames if part is not None], labels, groups, classes,
        _folds(recordings, groups),
        (*recordings.dropped, *((path, "silent or unreadable") for path in silent)),
        np.array([_split_name(item.split) for item in items]),
    )  # fmt: skip


def _split_name(split: str | None) -> str:
    """``train``, ``valid`` or ``test`` for a corpus' own word."""
    word = (split or "").strip().lower()
    kinds = {"train": "train", "dev": "valid", "val": "valid", "test": "test"}
    name = next((kind for start, kind in kinds.items() if word.startswith(start)), "")
    if word and not name:
        raise DataError(f"split {split!r}: must be train, valid or test")
    return name


def _fine(items: Sequence[Recording]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The corpus' own classes, those of the seven first and in their order."""
    found = {item.fine for item in items}
    order = {name: i for i, name in enumerate(EMOTIONS)}
    classes = tuple(sorted(found, key=lambda name: (order.get(name, len(order)), name)))
    return classes, np.array([classes.index(item.fine) for item in items], np.int64)


def _folds(recordings: Recordings, groups: NDArray[np.str_]) -> NDArray[np.int64]:
    """The field's folds where there are any, else one fold a subject, but ten at most."""
    names, subject = np.unique(groups, return_inverse=True)
    if recordings.folds is not None:
        return np.array([recordings.folds[group] for group in groups], np.int64)
    if len(names) <= _MOST_FOLDS:
        return subject.astype(np.int64)
    folds = np.empty(len(groups), np.int64)
    random = np.random.RandomState(0)
    for i, (_, test) in enumerate(shuffled_folds(len(groups), _MOST_FOLDS, random, groups)):
        folds[test] = i
    return folds


def held_out(
    data: Labelled, train: Indices, fold: int | None, seed: int
) -> tuple[Indices, Indices]:
    """Recordings to train on, and those, of other subjects, that say when to stop.

    In a cross-validation over agreed folds the latter are the next fold; else the corpus' own
    validation part, or a fifth of the subjects.
    """
    if fold is None and (data.splits[train] == "valid").any():
        return train[data.splits[train] != "valid"], train[data.splits[train] == "valid"]
    numbers = np.unique(data.folds)
    if fold is not None and len(numbers) < len(np.unique(data.groups)):
        after = numbers[(np.searchsorted(numbers, fold) + 1) % len(numbers)]
        stop = data.folds[train] == after
    else:
        names = np.unique(data.groups[train])
        chosen = np.random.default_rng(seed).permutation(names)
        count = max(1, round(_HELD_OUT * len(names)))
        stop = np.isin(data.groups[train], chosen[:count])
    return train[~stop], train[stop]


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


def join(parts: Sequence[Labelled]) -> Labelled:
    """Several corpora as one; subjects of different corpora are different."""
    if len(parts) == 1:
        return parts[0]
    groups = [np.char.add(f"{part.name}/", part.groups) for part in parts]
    return Labelled(
        " + ".join(part.name for part in parts),
        [frames for part in parts for frames in part.frames],
        np.concatenate([part.labels for part in parts]),
        np.concatenate(groups),
        parts[0].classes,
        np.concatenate([part.folds for part in parts]),
        tuple(pair for part in parts for pair in part.dropped),
        np.concatenate([part.splits for part in parts]),
    )


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


def evaluate_audio(
    data: Path,
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    fine: bool = False,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    echo: Echo = print,
) -> tuple[Labelled, Evaluation]:
    """Score a bundle on recordings it was not trained on, or a preset by cross-validation.

    Parameters
    ----------
    bundle : a bundle to be scored on all recordings.
    preset : in place of a bundle: for each fold a model is trained on the other subjects.
    fine : the corpus' own classes; by cross-validation only.

    Returns
    -------
    the recordings, and the scores with intervals over subjects.
    """
    if (bundle is None) == (preset is None):
        raise ParameterError("give a bundle to score, or a preset to cross-validate, not both")
    if bundle is not None:
        if fine:
            raise ParameterError("a bundle knows the seven emotions only: leave --fine out")
        audio = EmoNets.load(bundle).audio
        if audio is None:
            raise DataError(f"{bundle}: has no audio specialist")
        labelled = load_labelled(data, audio.front.name, work / "features", workers=workers)
        trained = Trained(audio.whitening, audio.network, {})
        p = trained.predict_proba(labelled.frames, len(EMOTIONS))
    else:
        assert preset is not None
        settings = audio_settings(preset)
        labelled = load_labelled(
            data, settings["features"], work / "features", fine=fine, workers=workers, echo=echo
        )
        p = cross_validate(labelled, settings, seed=seed, work=work, workers=workers, echo=echo)
    return labelled, evaluate(
        labelled.labels, p, groups=labelled.groups, seed=seed, classes=labelled.classes
    )
