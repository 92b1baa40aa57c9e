"""An estimate of a training before it begins: its steps, its time, and its disk space."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emonets.contracts import Extractor
from emonets.datasets.base import Dataset
from emonets.datasets.items import Item
from emonets.errors import EmoNetsError
from emonets.media.piece import open_piece
from emonets.runtime.store import FeatureStore, content_digest
from emonets.training.costs import (
    Amount,
    model_seconds,
    reading_seconds,
    slowness,
    sound_network_cost,
)
from emonets.training.division import division, planned
from emonets.training.extraction import kept_as
from emonets.training.system import Options
from emonets.training.trainers import extractors_of, make_trainers
from emonets.training_contract import Trainer

_SAMPLE = 40  # files whose length is looked up
_RECOGNISED = 12  # clips whose fingerprints are compared with those of a network
_PICTURES = 25.0  # a second, where a header has no rate
_START = 4.0  # seconds to load the program and to write a bundle, on the reference machine
_FUSION = 2.0  # seconds to fit and to score a fusion
_BYTES = {"face": 130.0, "tubes": 9_240.0, "mouths": 1_330.0}
"""Kept of each picture of a face."""
_SOUND = {"logmel": 80 * 64 * 4.0, "yaafe": 75 * 909 * 4.0}
"""Kept of each second of sound."""


def estimate(
    datasets: Sequence[Dataset],
    preset: Mapping[str, Any],
    store: FeatureStore | None,
    options: Options,
    *,
    trials: int = 0,
    score: bool = True,
) -> str:
    """A text, one line for each stage, and the time of all. Nothing is written.

    A few clips are read, to measure the time (`emonets.training.costs`).

    Raises
    ------
    DataError, ParameterError : as the training raises for what can be checked before it.
    """
    trainers, notes = make_trainers(
        preset, list(map(_sampled, datasets)), models=options.models, base=options.base,
        decode=True,
    )  # fmt: skip
    items = [item for data in datasets if data.faces is None for item in data.items]
    faces = sum(len(data) for data in datasets if data.faces is not None)
    seconds = mean_seconds(items) if items else 0.0
    missing = {e: _missing(items, e, store) for e in extractors_of(trainers)}
    to_read = max(missing.values(), default=0)
    lacking = [e for e, n in missing.items() if n]
    cores = max(1, min(options.workers, os.cpu_count() or 1))
    read, prints = reading_seconds(items, lacking)
    total = seconds * to_read * (read + prints) / cores
    size = sum(_size(e, seconds) * n for e, n in missing.items())
    data = planned(datasets, options.scored)
    folds = division(data, options.folds, official=True)[0] if score else []
    whole = Amount(
        len(items) + faces, seconds * len(items) + faces / _PICTURES,
        seconds * len(items) * _PICTURES + faces,
    )  # fmt: skip
    slow, n = slowness(), len(data.labels)
    lines = [
        f"{' + '.join(data.name for data in datasets)}: {len(items)} clips, about "
        f"{_time(whole.seconds)} in all, {len(np.unique(data.groups))} groups"
        + (f"; {faces} still faces count as a picture each" if faces else ""),
        *notes,
        f"1. read {to_read} clips ({len(items) - to_read} are in the store): about "
        f"{_time(total)}, {size / 1e6:,.0f} MB to store",
    ]
    number = 2
    if trials:
        lines.append(f"{number}. try {trials} draws, each with a training of {len(folds)} folds")
        number += 1
    for name, trainer in trainers.items():
        scored = slow * sum(
            _fold_seconds(trainer, whole, len(train) / n, len(test) / n) for train, test in folds
        )
        final = slow * model_seconds(trainer, whole)[0]
        network = sound_network_cost(trainer, n)
        if network is not None:
            scored += sum(network.seconds(data.corpora[train].tolist()) for train, _ in folds)
            final += network.seconds(data.corpora.tolist())
        both = (scored * (1 + trials)) / min(cores, max(len(folds), 1)) + final
        what = f"{len(folds)} models for {len(folds)} folds of groups, and one for all clips"
        lines.append(
            f"{number}. {name}: {what if folds else 'one model for all clips'}: about {_time(both)}"
        )
        total += both
        number += 1
    fusion = preset.get("fusion", {}).get("strategy", "product")
    if len(trainers) > 1:
        lines.append(
            f"{number}. fusion ({fusion}), fitted on predictions for groups not trained on"
        )
        total += slow * _FUSION
    total += slow * _START
    lines.append(
        f"In all about {_time(total)} with {cores} process{'' if cores == 1 else 'es'}, measured "
        "on a few of the clips; nothing was written."
    )
    free = _free(store)
    if free is not None and free < size:
        lines.append(f"The disk has {free / 1e6:,.0f} MB left, which is too little.")
    return "\n".join(lines)


def _sampled(data: Dataset) -> Dataset:
    """A few clips, by which a network that was trained on the data is recognised."""
    if data.faces is not None or len(data) <= _RECOGNISED:
        return data
    which = np.linspace(0, len(data) - 1, _RECOGNISED).astype(int)
    name = f"{_RECOGNISED} clips of {data.name}"
    return replace(data, name=name, items=tuple(data.items[i] for i in which))


def _fold_seconds(trainer: Trainer, whole: Amount, train: float, test: float) -> float:
    """Seconds on the reference machine to train the model of a fold, and to predict its clips.

    ``train``, ``test``: shares of the whole.
    """
    fit = model_seconds(trainer, whole.share(train))[0]
    return fit + model_seconds(trainer, whole.share(test))[1]


def mean_seconds(items: Sequence[Item]) -> float:
    """Mean length of the clips in seconds, from the headers of a sample; 3 s if none has it."""
    which = np.unique(np.linspace(0, len(items) - 1, min(_SAMPLE, len(items))).astype(int))
    lengths = []
    for i in which.tolist():
        item = items[i]
        if item.start is not None and item.end is not None:
            lengths.append(item.end - item.start)
            continue
        try:
            lengths.append(open_piece(item.path, item.start, item.end).info.duration)
        except EmoNetsError:
            continue  # reported when it is read
    known = [length for length in lengths if math.isfinite(length)]
    return float(np.mean(known)) if known else 3.0


def _missing(items: Sequence[Item], extractor: Extractor, store: FeatureStore | None) -> int:
    if store is None:
        return len(items)
    count = 0
    for item in items:
        try:
            name = kept_as(extractor, content_digest(item.path), item.start, item.end)
        except EmoNetsError:
            continue
        count += not store.has(name)
    return count


def _size(extractor: Extractor, seconds: float) -> float:
    if extractor.kind == "sound":
        return _SOUND[str(extractor.settings["features"])] * seconds
    colours = 3 if extractor.settings.get("colour") == "rgb" else 1
    return _BYTES.get(extractor.kind, _BYTES["mouths"]) * seconds * _PICTURES * colours


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _free(store: FeatureStore | None) -> int | None:
    folder = Path.cwd() if store is None else store.folder
    return None if folder is None else shutil.disk_usage(folder).free
