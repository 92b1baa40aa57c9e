"""Training the audio specialist on labelled clips (paper 3.2).

Groups decide everything here: those whose clips stop the training are never among those it is
trained on, nor do they enter the whitening's statistics.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from emonets.bundle import packed
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.learners.boltzmann.dbn import DBN, Layer
from emonets.learners.folds import Indices
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
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

log = logging.getLogger(__name__)

Frames = NDArray[np.float32]
CALM = "calm"
FINE = (*EMOTIONS, CALM)
"""The classes that are trained where a corpus has calm apart from neutral."""
_NEUTRAL = EMOTIONS.index("neutral")
_FEWEST = 2  # groups: one to train on, one to stop by
_HELD_OUT = 0.2  # of the groups, to stop the training by


@dataclass(frozen=True)
class Labelled:
    """Clips with the feature frames of their sound.

    Attributes
    ----------
    names : of the corpora.
    corpus : (n,) number of the corpus each clip comes from.
    frames : one (t, width) float32 array a clip; those of files are read as they are used.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`.
    words : (n,) the corpus' own word for the emotion.
    groups : (n,) ``corpus/group``.
    """

    names: tuple[str, ...]
    corpus: NDArray[np.int64]
    frames: Sequence[Frames]
    labels: NDArray[np.int64]
    words: NDArray[np.str_]
    groups: NDArray[np.str_]

    @property
    def name(self) -> str:
        """Of all corpora together."""
        return " + ".join(self.names)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are trained: the seven and, where a corpus has it apart, calm."""
        return FINE if (self.words == CALM).any() else EMOTIONS

    @property
    def fine_labels(self) -> NDArray[np.int64]:
        """(n,) positions in :attr:`classes`."""
        return np.where(self.words == CALM, len(EMOTIONS), self.labels)

    def targets(self) -> NDArray[np.float32]:
        """(n, classes) probabilities to learn.

        A neutral clip of a corpus without calm, beside one with calm, counts half as each.
        """
        targets = np.eye(len(self.classes), dtype=np.float32)[self.fine_labels]
        for number in range(len(self.names)):
            mine = self.corpus == number
            if len(self.classes) > len(EMOTIONS) and not (self.words[mine] == CALM).any():
                targets[mine & (self.labels == _NEUTRAL), _NEUTRAL:] = 0.5
        return targets


def even_shares(
    corpus: NDArray[np.integer], labels: NDArray[np.integer], strength: float
) -> NDArray[np.float64]:
    """How often each clip is drawn, so that small corpora and rare classes count more.

    Parameters
    ----------
    corpus : (n,) number of each clip's corpus.
    labels : (n,) number of each clip's class.
    strength : 0 draws every clip once, 1 draws every corpus equally often. The classes of a corpus
        are drawn equally often at any strength above 0.

    Returns
    -------
    (n,) numbers above 0 with the mean 1.

    Examples
    --------
    >>> even_shares(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0]), 1.0).round(3)
    array([0.5, 0.5, 1. , 2. ])
    """
    if not 0 <= strength <= 1:
        raise ParameterError(f"even: expected 0 to 1, got {strength}")
    shares: NDArray[np.float64] = np.ones(len(corpus))
    if not strength:
        return shares
    for number in np.unique(corpus):
        mine = corpus == number
        kinds, counts = np.unique(labels[mine], return_counts=True)
        for kind, count in zip(kinds, counts, strict=True):
            of_class = mine & (labels == kind)
            shares[of_class] = mine.sum() ** (1.0 - strength) / len(kinds) / count
    return np.asarray(shares / shares.mean(), np.float64)


def emotions_of(classes: int) -> tuple[int, ...]:
    """Which of the seven emotions each trained class counts as in a prediction."""
    return (*range(len(EMOTIONS)), _NEUTRAL)[:classes]


def held_out(
    data: Labelled, train: Indices, stop: Indices | None, seed: int
) -> tuple[Indices, Indices]:
    """Clips to train on, and those, of other groups, that decide when to stop.

    Parameters
    ----------
    stop : of the clips to train on those to stop by; None: those of a fifth of the groups.

    Raises
    ------
    DataError : fewer than two groups, or nothing is left to train on.
    """
    if stop is not None and len(stop):
        rest = np.setdiff1d(train, stop)
        if not len(rest):
            raise DataError(
                f"{data.name}: all clips are in the validation part, none is left to train on"
            )
        return rest, stop
    names = np.unique(data.groups[train])
    if len(names) < _FEWEST:
        raise DataError(
            f"{data.name}: there are {len(names)} groups to train on; {_FEWEST} at least are "
            "needed, one to train on and another to stop by, beside those that are tested"
        )
    chosen = np.random.default_rng(seed).permutation(names)
    kept = np.isin(data.groups[train], chosen[: max(1, round(_HELD_OUT * len(names)))])
    return train[~kept], train[kept]


@dataclass(frozen=True)
class Trained:
    """A whitening and a network that belong together.

    Attributes
    ----------
    whitening : None where the network takes frames as they are.
    classes : which of the classes (`Labelled.classes`) it predicts: those it was trained on.
    stages : what each stage took and came to, for the card.
    """

    whitening: Whitening | None
    network: Any
    classes: tuple[int, ...]
    stages: dict[str, Any]


def fit_audio(
    data: Labelled,
    train: Indices,
    settings: Mapping[str, Any],
    *,
    stop: Indices | None = None,
    seed: int = 0,
    work: Path | None = None,
) -> Trained:
    """Train what a preset's ``audio`` table describes.

    Parameters
    ----------
    train : positions of the clips that may be used.
    stop : of these, the clips that a model with early stopping holds out; see `held_out`.
    work : where checkpoints are kept; a run that was interrupted goes on from there, and runs
        that are pretrained alike are pretrained once.

    Raises
    ------
    ParameterError : a preset with an unknown model.
    """
    if not len(train):
        raise DataError(
            f"{data.name}: no clip is left to train on, beside those that are for testing"
        )
    if isinstance(audio_from_table(settings), NetworkAudio):
        return fit_sound_network(data, train, settings, seed=seed, work=work)
    rest, stop = held_out(data, train, stop, seed)
    log.info(
        f"{len(rest)} clips of {len(np.unique(data.groups[rest]))} groups to train on, "
        f"{len(stop)} of {len(np.unique(data.groups[stop]))} to stop by"
    )
    return fit_pooled_perceptron(data, rest, stop, settings, seed=seed, work=work)


def fit_sound_network(
    data: Labelled,
    train: Indices,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
) -> Trained:
    """Train the network on log-mel spectrograms: a fixed number of epochs, no group held out."""
    shares = settings.get("corpora", {})
    share = np.array([float(shares.get(name, 1.0)) for name in data.names])[data.corpus[train]]
    key = _key(settings, seed, train, _content(data, train))
    options = audio_from_table(settings)
    assert isinstance(options, NetworkAudio)
    share = share * even_shares(data.corpus[train], data.fine_labels[train], options.even)
    network = build_network(
        options, checkpoint=None if work is None else work / f"network-{key}", seed=seed
    )
    began = time.monotonic()

    def progress(member: int, epoch: int, loss: float) -> None:
        if epoch % 5 == 4:
            minutes = (time.monotonic() - began) / 60
            log.info(
                f"network {member + 1}/{network.members}  epoch {epoch + 1}/{network.epochs}  "
                f"loss {loss:.4f}  {minutes:.1f} min"
            )

    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    targets, classes = _shown(data, train)
    network.fit([data.frames[i] for i in train], targets[train], share=share, on_epoch=progress)
    network.use(threads=1)
    stages = {
        "clips": len(train),
        "groups": len(np.unique(data.groups[train])),
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
    """Says which clips these are: what one run left behind is no other's to take.

    Some of the frames are checked, and their number.
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
    """(n, k) targets of the classes that training clips have, and which these are.

    Recordings of none of these classes have zeros.
    """
    targets = data.targets()
    classes = np.flatnonzero(targets[train].any(axis=0))
    if len(classes) < 2:
        raise DataError(f"{data.name}: the clips to train on have one emotion only")
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
) -> Trained:
    """Whitening, deep belief net, pooled perceptron (paper 3.2.1 to 3.2.4).

    Parameters
    ----------
    train, stop : positions of the clips to train on and to choose the epoch by.
    settings : a preset's ``audio`` table.
    work : where the deep belief net is kept after each epoch; a run that was interrupted goes on
        from there.
    """
    targets, classes = _shown(data, train)
    # clips of classes that it is not trained on cannot measure an epoch
    stop = stop[targets[stop].any(axis=1)]
    if not len(stop):
        raise DataError(f"{data.name}: no clip to stop by has an emotion of those trained on")
    options = audio_from_table(settings)
    assert isinstance(options, PerceptronAudio)
    whitening = build_whitening(options)
    for i in train:
        whitening.partial_fit(data.frames[i])
    frames = [whitening.transform(data.frames[i]) for i in (*train, *stop)]
    stages: dict[str, Any] = {
        "clips": len(train),
        "groups": len(np.unique(data.groups[train])),
        "chosen_by": f"accuracy on {len(stop)} clips of other groups",
        "frames": sum(map(len, frames[: len(train)])),
    }
    net = build_pretraining(options, seed=seed)
    initial = None
    if net is not None:
        rows = drawn(frames[: len(train)], options.pretraining.max_frames, seed)
        content = _content(data, train)
        about = to_table(options.pretraining), to_table(options.whitening)
        alike = _key(*about, seed, train, content)
        place = None if work is None else work / f"pretrained-{alike}.safetensors"
        pretrained = pretrain(rows, net.layers, seed=seed, place=place)
        initial = pretrained.weights
        stages["reconstruction_error"] = [
            float(rbm.history_["reconstruction_error"][-1]) for rbm in pretrained.rbms_
        ]
    network = build_perceptron(options, initial=initial, seed=seed)
    began = time.monotonic()

    def progress(epoch: int, model: PooledPerceptron) -> None:
        history = model.history_
        if epoch % 10 == 9:
            log.info(
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
    """At most so many random frames of each clip, all in one array (t, width)."""
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
) -> DBN:
    """A deep belief net on whitened frames (t, width); interrupted, it goes on from ``place``."""
    dbn = DBN(layers, random_state=seed)
    if place is not None and place.exists():
        dbn = DBN.from_arrays(load(place.read_bytes()), layers=layers)
    while not hasattr(dbn, "rbms_") or dbn.epochs_left:
        dbn.partial_fit(rows)
        if place is not None:
            write_whole(place, packed(dbn.to_arrays(resume=True)))
        log.info(f"pretraining: {dbn.epochs_left} epochs left")
    return dbn
