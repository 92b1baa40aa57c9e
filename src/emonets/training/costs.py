"""What a training costs: reading is measured on a few clips, models are counted in operations.

Both depend on the machine, and on what else runs on it. So a few clips are read, and a few
operations are done, before the rest is estimated.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emonets.contracts import SOUND, Extractor
from emonets.datasets.items import Item
from emonets.errors import EmoNetsError
from emonets.media.piece import open_piece
from emonets.provenance.prints import PICTURES, prints_of
from emonets.provenance.prints import SOUND as SOUND_PRINTS
from emonets.specialists.audio.settings import NetworkAudio, audio_from_table, build_network
from emonets.training.extraction import taken_out
from emonets.training_contract import Trainer

_CLIPS = 3  # that are read
_LONGEST = 4.0  # seconds of each that are read
_BUDGET = 6.0  # seconds after which no further clip is read
_UNKNOWN = 0.3  # seconds of work for a second of a clip, where none can be read

REFERENCE = 94e9
"""Float32 operations a second of the core on which the numbers below were measured."""

SOUND_NETWORK = "sound network"
_STEPS = 4  # of the sound network that are measured
_SIZE = 96  # of the matrices that are multiplied to find the speed of this machine
_OPERATION = 2e-5  # seconds of one such operation on the reference
_TEST = 0.4  # seconds of the test
_FEWEST = 100  # operations


@dataclass(frozen=True)
class Amount:
    """An amount of clips: how many, their seconds in all, and their pictures in all."""

    clips: float
    seconds: float
    pictures: float

    def share(self, part: float) -> Amount:
        """A part of it, 0..1."""
        return Amount(self.clips * part, self.seconds * part, self.pictures * part)


def reading_seconds(items: Sequence[Item], extractors: Sequence[Extractor]) -> tuple[float, float]:
    """Measure reading on a few clips; nothing is kept.

    Parameters
    ----------
    items : clips, of which a few of usual length are read.
    extractors : those whose features are missing.

    Returns
    -------
    Seconds of work for a second of a clip: of the extractors, and of fingerprints.
    """
    if not items or not extractors:
        return 0.0, 0.0
    pictures = any(set(e.open().needs) - {SOUND} for e in extractors)
    kinds = (SOUND_PRINTS, PICTURES) if pictures else (SOUND_PRINTS,)
    which = np.unique(np.linspace(0, len(items) - 1, _CLIPS + 2).astype(int))[1:-1]
    read = work = prints = 0.0
    warm = False
    began = time.monotonic()
    for i in which.tolist() or [0]:
        item = items[i]
        start = item.start or 0.0
        end = min(item.end if item.end is not None else math.inf, start + _LONGEST)
        try:
            if not warm:  # models are loaded once
                taken_out(open_piece(item.path, start, min(end, start + 0.2)), extractors)
                warm = True
            clip = open_piece(item.path, start, end)
            length = clip.info.duration
            at = time.monotonic()
            taken_out(clip, extractors)
            work += time.monotonic() - at
            at = time.monotonic()
            prints_of([replace(item, start=start, end=end)], kinds=kinds)
            prints += time.monotonic() - at
        except EmoNetsError:
            continue  # reported when it is read
        read += length if math.isfinite(length) else min(end - start, _LONGEST)
        if time.monotonic() - began > _BUDGET:
            break
    if not read:
        return _UNKNOWN, 0.0
    return work / read, prints / read


def slowness() -> float:
    """Seconds that this machine takes for a second of work on the reference, by a short test.

    Other processes take their part of the training, too, so the time of the clock counts.
    """
    a = np.random.default_rng(0).random((_SIZE, _SIZE), dtype=np.float32)
    out = np.empty_like(a)
    count, began = 0, time.monotonic()
    while time.monotonic() - began < _TEST or count < _FEWEST:
        for _ in range(_FEWEST):
            np.matmul(a, a, out=out)  # small: in one thread
            np.tanh(out[:16], out=out[:16])
        count += _FEWEST
    return (time.monotonic() - began) / (count * _OPERATION)


def model_seconds(trainer: Trainer, amount: Amount) -> tuple[float, float]:
    """Seconds on the reference machine to train one model, and to predict an equal amount.

    The sound network is not counted: see `SoundNetworkCost`.

    Parameters
    ----------
    trainer : a specialist's. amount : the clips to train on.
    """
    settings = trainer.settings
    count = _COUNTS.get(trainer.name)
    if count is None:
        return 0.1 * amount.seconds, 0.02 * amount.seconds
    return count(settings, amount)


class SoundNetworkCost:
    """The training of a sound network, measured: a few steps are done on noise.

    Its speed depends on the processor's instructions much more than that of other models does.

    Parameters
    ----------
    settings : of the trainer (a preset's ``audio`` table). clips : how many there are.

    Raises
    ------
    MissingExtraError : the network cannot be trained here.
    """

    def __init__(self, settings: Mapping[str, Any], clips: int) -> None:
        training = settings["training"]
        self._settings, self._training = settings, training
        batch = max(2, min(training["batch_size"], clips))
        shape = (batch, training["frames"], settings["network"]["bands"])
        noise = list(np.random.default_rng(0).normal(-50, 10, shape).astype(np.float32))
        took = []
        for epochs in (1, 1, 1 + _STEPS):  # the first also imports what is needed
            table = {**settings, "training": {**training, "members": 1, "epochs": epochs}}
            options = audio_from_table(table)
            assert isinstance(options, NetworkAudio)
            began = time.monotonic()
            build_network(options).fit(noise, np.arange(batch) % 2)
            took.append(time.monotonic() - began)
        self._start = took[1]
        self._crop = max(took[2] - took[1], 0.0) / (_STEPS * batch)

    def seconds(self, corpora: Sequence[str]) -> float:
        """Seconds on this machine to train a model on clips of these corpora."""
        shares = self._settings.get("corpora", {})
        share = np.array([float(shares.get(name, 1.0)) for name in corpora])
        batch = min(self._training["batch_size"], len(share))
        if 0 < share.sum() < batch:
            share /= share.max()
        crops = max(1, int(share.sum()) // max(batch, 1)) * batch
        epochs = self._training["epochs"]
        return float(self._training["members"] * (self._start + epochs * crops * self._crop))


def sound_network_cost(trainer: Trainer, clips: int) -> SoundNetworkCost | None:
    """The measured cost, where a trainer trains a sound network; else None."""
    if trainer.settings.get("model") != SOUND_NETWORK:
        return None
    return SoundNetworkCost(trainer.settings, clips)


def _face(settings: Mapping[str, Any], amount: Amount) -> tuple[float, float]:
    if settings.get("head") == "none":
        return 0.05, 0.002 * amount.clips
    if "slots" in settings:  # the SVM's grid
        return 1.0 + 0.02 * amount.clips + 2e-5 * amount.clips**2, 0.002 * amount.clips
    return 0.5 + 0.02 * amount.clips, 0.002 * amount.clips


def _audio(settings: Mapping[str, Any], amount: Amount) -> tuple[float, float]:
    predicted = 0.003 * amount.seconds
    if "head" in settings:
        return 0.3 + 0.01 * amount.clips + predicted, predicted
    if settings.get("model") == SOUND_NETWORK:
        return 0.0, predicted
    layers, network = settings["pretraining"], settings["network"]
    frames = amount.clips * float(layers["max_frames"])
    sizes = [909, *(layer["n_components"] for layer in layers["layers"][: layers["use"]])]
    work = sum(
        6 * a * b * layer["n_epochs"] * frames
        for a, b, layer in zip(sizes, sizes[1:], layers["layers"], strict=False)
    )
    hidden = [909, *network["hidden_layer_sizes"]]
    weights = sum(a * b for a, b in itertools.pairwise(hidden))
    epochs = min(network["n_epochs"], 4 * network["patience"])
    work += 6 * weights * epochs * amount.clips * float(network["max_frames"])
    return work / (0.4 * REFERENCE) + 0.003 * epochs * amount.clips, 0.02 * amount.seconds


def _activity(settings: Mapping[str, Any], amount: Amount) -> tuple[float, float]:
    blocks, synchrony = settings["blocks"], settings["synchrony"]
    supers, words, copies = (settings[k] for k in ("superblocks", "words", "augmentation"))
    frames, height, width = blocks["size"]
    numbers = frames * (blocks["basis"] or height * width)
    inputs, factors = blocks["components"], synchrony["n_components"]
    work = 2.0 * blocks["count"] * numbers * (numbers + inputs)
    work += 3.0 * synchrony["n_epochs"] * blocks["count"] * inputs * factors
    work += 2.0 * supers["count"] * 8 * numbers * factors
    work += 2.0 * words["max_iter"] * supers["count"] * words["n_words"] * supers["components"]
    cut = 1.4e-4 * blocks["count"] * numbers / 640
    described = 0.08 * amount.seconds + amount.pictures * 1e-6 * words["n_words"]
    return cut + work / (0.5 * REFERENCE) + described * (1 + copies["copies"]), described


def _mouth(settings: Mapping[str, Any], amount: Amount) -> tuple[float, float]:
    table, classifier = settings["dictionary"], settings["classifier"]
    regions = math.prod(table["grid"])
    words, patch = regions * table["n_clusters"], table["patch_size"]
    places = (30 - patch + 1) * (40 - patch + 1)
    coded = amount.pictures * places * table["n_clusters"]  # distances
    learned = amount.pictures / settings["every"]
    patches = regions * min(table["max_patches"], learned * table["patches_per_picture"])
    kept = 0.4 * patch * patch
    clusters = 2.0 * patches * table["n_clusters"] * kept * table["max_iter"]
    steps = len(classifier["strengths"]) * 4 * 0.12 * classifier["max_iter"]
    fits = 4.0 * steps * learned * words * 7
    coding = coded * 1.3e-9
    fit = coding / settings["every"] + (clusters + fits) / (0.4 * REFERENCE)
    return fit, coding


_COUNTS = {"face": _face, "audio": _audio, "activity": _activity, "mouth": _mouth}
