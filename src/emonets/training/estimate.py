"""An estimate of a training before it begins: its steps, its time, and its disk space."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emonets.contracts import Extractor
from emonets.datasets.base import Dataset
from emonets.datasets.folds import MOST_FOLDS
from emonets.datasets.items import Item
from emonets.errors import EmoNetsError
from emonets.media.piece import open_piece
from emonets.runtime.store import FeatureStore, content_digest
from emonets.training.extraction import kept_as
from emonets.training.system import Options
from emonets.training.trainers import extractors_of, make_trainers

_SAMPLE = 40  # files whose length is looked up
_PICTURES = 25.0  # a second, where a header has no rate
# Measured on one core of a processor of 2021, 360 × 270 pixels and one face: orders of magnitude
_SECONDS = {"face": 0.25, "tubes": 0.02, "mouths": 0.05, "sound": 0.12}
"""Of work, for a second of a clip; the first includes face detection."""
_BYTES = {"face": 130.0, "tubes": 9_240.0, "mouths": 1_330.0}
"""Kept of each picture of a face."""
_SOUND = {"logmel": 80 * 64 * 4.0, "yaafe": 75 * 909 * 4.0}
"""Kept of each second of sound."""
_TRAINING = {"face": 0.0005, "audio": 0.004, "activity": 0.45, "mouth": 0.1}
"""Minutes of work for a model of the preset `modern`, for each minute of clips and fold."""
_OTHER = 0.1  # for both tables, of specialists and extractors that are not listed


def estimate(
    datasets: Sequence[Dataset],
    preset: Mapping[str, Any],
    store: FeatureStore | None,
    options: Options,
    *,
    trials: int = 0,
) -> str:
    """A text, one line for each stage. Of some files the headers are decoded, nothing else.

    Raises
    ------
    DataError, ParameterError : as the training raises for what can be checked before it.
    """
    trainers, notes = make_trainers(preset, datasets, models=options.models, base=options.base)
    items = [item for data in datasets if data.faces is None for item in data.items]
    faces = sum(len(data) for data in datasets if data.faces is not None)
    seconds = mean_seconds(items) if items else 0.0
    missing = {e: _missing(items, e, store) for e in extractors_of(trainers)}
    to_read = max(missing.values(), default=0)
    work = sum(_SECONDS.get(e.kind, _OTHER) * seconds * n for e, n in missing.items()) / 60
    size = sum(_size(e, seconds) * n for e, n in missing.items())
    groups, folds = _folds(datasets[: options.scored], options.folds)
    minutes = (seconds * len(items) + faces / _PICTURES) / 60
    cores = max(1, min(options.workers, os.cpu_count() or 1))
    lines = [
        f"{' + '.join(data.name for data in datasets)}: {len(items)} clips, about "
        f"{minutes:.0f} min in all, {groups} groups"
        + (f"; {faces} still faces count as a picture each" if faces else ""),
        *notes,
        f"1. read {to_read} clips ({len(items) - to_read} are in the store): about "
        f"{_time(work / cores)}, {size / 1e6:,.0f} MB to store",
    ]
    number = 2
    if trials:
        lines.append(f"{number}. try {trials} draws, each with a training of {folds} folds")
        number += 1
    for name in trainers:
        each = _TRAINING.get(name, _OTHER) * minutes
        lines.append(
            f"{number}. {name}: {folds} models for {folds} folds of groups, and one for all clips: "
            f"about {_time(each * (folds + 1) / cores)}"
        )
        number += 1
    fusion = preset.get("fusion", {}).get("strategy", "product")
    if len(trainers) > 1:
        lines.append(
            f"{number}. fusion ({fusion}), fitted on predictions for groups not trained on"
        )
    lines.append("Times are orders of magnitude; nothing was written.")
    free = _free(store)
    if free is not None and free < size:
        lines.append(f"The disk has {free / 1e6:,.0f} MB left, which is too little.")
    return "\n".join(lines)


def _folds(datasets: Sequence[Dataset], count: int | str | None) -> tuple[int, int]:
    """How many groups are scored, and in how many folds."""
    groups = {item.group for data in datasets for item in data.items if item.split != "test"}
    parts = set(datasets[0].splits.tolist())
    if {"train", "valid"} <= parts:
        return len(groups), 1
    agreed = {fold for data in datasets for fold in (data.folds or {}).values()}
    return len(groups), len(groups) if isinstance(count, str) else count or len(agreed) or min(
        MOST_FOLDS, max(len(groups), 1)
    )


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


def _time(minutes: float) -> str:
    return f"{max(1, round(minutes))} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _free(store: FeatureStore | None) -> int | None:
    folder = Path.cwd() if store is None else store.folder
    return None if folder is None else shutil.disk_usage(folder).free
