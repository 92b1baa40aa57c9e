"""Scoring a bundle, all its specialists and their fusion, on labelled clips."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.base import Dataset
from emonets.errors import ParameterError
from emonets.fusion.named import fuse_unfitted
from emonets.fusion.strategies import DEFAULT
from emonets.learners.folds import Indices
from emonets.model import EmoNets
from emonets.runtime.store import FeatureStore
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.audio.specialist import AudioSpecialist
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.training.audio_part import SoundNetworkPart
from emonets.training.material import Material, load_material
from emonets.training.out_of_fold import Said, ask, folder_for
from emonets.training.parts import (
    ActivityPart,
    FacePart,
    MouthPart,
    Part,
    Run,
    extractors_of,
)
from emonets.training.system import Options, Scored, scored
from emonets.training.trainers import met


def score_bundle(
    bundle: str, dataset: Dataset, store: FeatureStore, options: Options
) -> tuple[Scored, list[str]]:
    """Score a bundle on the part that the data keep for testing, or on all clips.

    Returns
    -------
    The scores, and what speaks against them: networks that were trained on these very data.

    Raises
    ------
    ParameterError : the bundle has none of the specialists asked for.
    """
    began = time.monotonic()
    model = EmoNets.load(bundle).with_models(options.models)
    sounds_only = set(dataset.kinds) == {"sound"}
    parts = {
        name: part for name, part in answering_parts(model, bundle).items()
        if name == "audio" or not sounds_only
    }  # fmt: skip
    if not parts:
        raise ParameterError(f"{dataset.root}: sounds only, and {bundle} does not listen")
    notes = [
        f"the {name} network of {bundle} was trained on {word}: of these people its score is no "
        "honest one"
        for name in parts
        if (word := met(name, model, [dataset]))
    ]
    data = load_material(
        [dataset], extractors_of(parts), store, workers=options.workers, scheduler=options.scheduler
    )
    kept = np.flatnonzero(data.splits == "test")
    rows: Indices = kept if len(kept) else np.arange(len(data))
    split = "what the data keep for testing" if len(kept) else "all clips"
    said = ask_all(model, parts, data, rows, split, options)
    fused, strategy = fuse(model, said)
    minutes = (time.monotonic() - began) / 60
    return scored(data, said, fused, strategy, seed=options.seed, minutes=minutes), notes


def answering_parts(model: EmoNets, bundle: str) -> dict[str, Part]:
    """What takes out of clips what the specialists of a bundle are to answer."""
    parts: dict[str, Part] = {}
    for name, specialist in model.specialists.items():
        if isinstance(specialist, FaceSpecialist):
            head = "svm" if specialist.head is None else "logistic"
            parts[name] = FacePart(bundle, specialist, slots=specialist.slots, head=head)
        elif isinstance(specialist, AudioSpecialist):
            parts[name] = SoundNetworkPart({"features": specialist.front.name})
        elif isinstance(specialist, ActivitySpecialist):
            table = {"on": specialist.on, "longest": specialist.longest}
            least = specialist.code.filters.geometry.superblock[0]
            parts[name] = ActivityPart(table, trains=False, least=least)
        elif isinstance(specialist, MouthSpecialist):
            view = specialist.view
            parts[name] = MouthPart({"region": view.region, "colour": view.colour})
    return parts


def ask_all(
    model: EmoNets,
    parts: Mapping[str, Part],
    data: Material,
    rows: Indices,
    split: str,
    options: Options,
) -> Said:
    """What each specialist of a model says of some clips."""
    P, found, known = [], [], []
    work = options.work
    if work is None and data.store.folder is not None:
        work = data.store.folder / "work"
    with ExitStack() as stack:
        for name, part in parts.items():
            run = Run(folder_for(work, part, stack), options.seed, options.workers, options.echo)
            answer = ask(part, model.specialists[name], data, rows, run)
            P.append(answer["p"])
            found.append(answer["found"])
            known.append(answer["known"])
            options.echo(f"{name}: {len(rows)} clips answered")
    return Said(
        rows, np.zeros(len(rows), np.intp), tuple(parts), np.stack(P, axis=1),
        np.stack(found, axis=1), np.stack(known, axis=1), split,
    )  # fmt: skip


def fuse(model: EmoNets, said: Said) -> tuple[NDArray[np.float64], str]:
    """(n, 7) all together as the model fuses them, and the name of the fusion."""
    words = [
        {name: said.P[i, j] for j, name in enumerate(said.models) if said.found[i, j]}
        for i in range(len(said.rows))
    ]
    known: dict[str, Sequence[int]] = {
        name: model.specialists[name].known_classes for name in said.models
    }
    if model.fusion is None:
        return fuse_unfitted(words, known), DEFAULT
    return model.fusion.fuse(words, known), model.fusion.strategy
