"""Scoring a bundle on labelled clips: its specialists and their fusion."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import SOUND
from emonets.datasets.base import Dataset
from emonets.errors import ParameterError
from emonets.fusion.named import fuse_unfitted
from emonets.fusion.strategies import DEFAULT
from emonets.learners.folds import Indices
from emonets.learners.group_scaling import normalise_by_person
from emonets.model import EmoNets
from emonets.runtime.store import FeatureStore
from emonets.training.material import Material, load_material
from emonets.training.out_of_fold import OutOfFold, folder_for, predict
from emonets.training.provenance import seen_in, unchecked_note
from emonets.training.scores import Scored, scored
from emonets.training.system import Options
from emonets.training.trainers import extractors_of, make_scorers
from emonets.training_contract import Run, Trainer, check_run

log = logging.getLogger(__name__)


def score_bundle(
    bundle: str,
    datasets: Sequence[Dataset],
    store: FeatureStore,
    options: Options,
    *,
    by_person: bool = False,
) -> tuple[Scored, list[str]]:
    """Score a bundle on the test part of the data; without one, on all clips.

    With ``by_person`` each specialist's predictions are normalised by the clips of the same group
    that are scored. This is transductive, and a note states it.

    Returns
    -------
    The scores, with what the specialists were trained on; and notes on what cannot be checked.

    Raises
    ------
    ParameterError : the bundle has none of the specialists of ``options.models``.
    """
    began = time.monotonic()
    check_run(options.seed, options.workers)
    model = EmoNets.load(bundle).with_models(options.models)
    sounds_only = {kind for data in datasets for kind in data.kinds} == {"sound"}
    scorers = {
        name: scorer for name, scorer in make_scorers(model, bundle).items()
        if not sounds_only or SOUND in model.specialists[name].needs
    }  # fmt: skip
    if not scorers:
        raise ParameterError(
            f"{datasets[0].root}: has sound only, and {bundle} has no audio specialist; give clips "
            "with pictures"
        )
    notes = unchecked_note(model, bundle, scorers)
    data = load_material(
        datasets, extractors_of(scorers), store, scored=len(datasets), workers=options.workers,
        scheduler=options.scheduler,
    )  # fmt: skip
    kept = np.flatnonzero(data.splits == "test")
    rows: Indices = kept if len(kept) else np.arange(len(data))
    split = "test part of the data" if len(kept) else "all clips"
    predictions = predict_all(model, scorers, data, rows, split, options)
    if by_person:
        predictions = normalised(model, predictions, data.groups[rows])
        notes.append(
            "normalised by the person: a clip's prediction depends on the other clips of its "
            "group; do not compare these scores with others"
        )
    fused, strategy = fuse(model, predictions)
    provenance = model.provenance.only(list(scorers))
    seen = seen_in(
        provenance, data, datasets, workers=options.workers, scheduler=options.scheduler
    )  # fmt: skip
    minutes = (time.monotonic() - began) / 60
    made = scored(
        data, predictions, fused, strategy, seed=options.seed, minutes=minutes,
        seen={name: one.take(rows) for name, one in seen.items()}, trained_on=provenance.names(),
    )  # fmt: skip
    return made, notes


def predict_all(
    model: EmoNets,
    scorers: Mapping[str, Trainer],
    data: Material,
    rows: Indices,
    split: str,
    options: Options,
) -> OutOfFold:
    """Predictions of each specialist of a model for the clips at ``rows``."""
    P, found, known, fine = [], [], [], {}
    work = options.work
    if work is None and data.store.folder is not None:
        work = data.store.folder / "work"
    with ExitStack() as stack:
        for name, scorer in scorers.items():
            run = Run(folder_for(work, scorer, stack), options.seed, options.workers)
            made = predict(scorer, model.specialists[name], data, rows, run)
            P.append(made["p"])
            found.append(made["found"])
            known.append(made["known"])
            if "fine" in made:
                fine[name] = (tuple(scorer.fine_classes), made["fine"])  # type: ignore[attr-defined]
            log.info(f"{name}: {len(rows)} clips predicted")
    return OutOfFold(
        rows, np.zeros(len(rows), np.intp), tuple(scorers), np.stack(P, axis=1),
        np.stack(found, axis=1), np.stack(known, axis=1), split, fine=fine,
    )  # fmt: skip


def normalised(model: EmoNets, predictions: OutOfFold, groups: NDArray[np.str_]) -> OutOfFold:
    """Predictions of each specialist, normalised by the group (`docs/howto/normalising.md`)."""
    P = np.array(predictions.P)
    for j, name in enumerate(predictions.models):
        found = predictions.found[:, j]
        P[found, j] = normalise_by_person(P[found, j], groups[found], model.references.get(name))
    split = f"{predictions.split}, normalised by the person"
    return replace(predictions, P=P, split=split, fine={})


def fuse(model: EmoNets, predictions: OutOfFold) -> tuple[NDArray[np.float64], str]:
    """(n, 7) as the model fuses them, and the name of the fusion."""
    by_clip = [
        {
            name: predictions.P[i, j]
            for j, name in enumerate(predictions.models)
            if predictions.found[i, j]
        }
        for i in range(len(predictions.rows))
    ]
    known: dict[str, Sequence[int]] = {
        name: model.specialists[name].known_classes for name in predictions.models
    }
    if model.fusion is None:
        return fuse_unfitted(by_clip, known), DEFAULT
    return model.fusion.fuse(by_clip, known), model.fusion.strategy
