"""The paper's submissions on labelled clips: predictions after all trainings that recipes require.

A recipe requires models trained on the training part, and on the training and validation parts.
With swapped parts it requires models trained on less (`emonets.reproduction.recipes`). Folds of
whole groups take turns as these parts, unless the data have parts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError
from emonets.fusion.protocols import check_apart
from emonets.learners.folds import Indices
from emonets.reproduction.stored_models import StoredModels, Trained
from emonets.reproduction.submission_data import PARTS, SubmissionData
from emonets.runtime.parallel import run_each
from emonets.runtime.progress import TimeLeft, heartbeat, quiet_details
from emonets.training.division import folds_of
from emonets.training.material import Material
from emonets.training.out_of_fold import predictions_name, train_and_predict
from emonets.training.system import System
from emonets.training_contract import Trainer

log = logging.getLogger(__name__)


def train_for_submissions(
    system: System,
    *,
    folds: int | None = None,
    every_pair: bool = True,
    alone: bool = False,
) -> SubmissionData:
    """Train a system's specialists on every union of folds that a recipe requires.

    The system's store keeps the predictions. After an interruption the same call continues.

    Parameters
    ----------
    system : of one data set. folds : of whole groups; None: one for each group, ten at most. Data
        with parts train and valid keep these.
    every_pair : with folds, also train without each pair of them: F (F - 1) / 2 trainings. The
        recipes with swapped predictions (2014-9 and 2014-10) require them. False: only without
        pairs of neighbours, F trainings, which are enough for all other recipes.
    alone : only the F trainings without one fold each: enough for the scores of single models.

    Raises
    ------
    DataError : there are too few groups, or a group is in two parts.
    """
    data, options = system.material(), system.options
    rows, names = _fold_names(data, folds)
    every = sorted(set(names.tolist()))
    unions = _trainings(every, every_pair, alone)
    tasks = []
    for on in unions:
        train = rows[np.isin(names, sorted(on))]
        rest = rows[~np.isin(names, sorted(on))]
        check_apart(train, rest, data.groups)
        tasks += [
            _UnionTask(trainer, data, train, rest, system.work, options.seed)
            for trainer in system.trainers.values()
        ]
    todo = [task for task in tasks if not task.done()]
    left = TimeLeft((task.trainer.name for task in todo), workers=options.workers)
    done = run_each(_train, todo, workers=options.workers, scheduler=options.scheduler)
    with heartbeat("models of the recipes"), quiet_details():
        for count, (i, minutes) in enumerate(done, 1):
            name = todo[i].trainer.name
            left.done(name, minutes * 60)
            options.on_progress("models", count, len(todo))
            log.info(f"{name}: trained; {count} of {len(todo)}, {left.text()}")
    predictions: dict[str, dict[Trained, NDArray[np.float64]]] = {
        name: {} for name in system.trainers
    }
    place = {row: k for k, row in enumerate(rows.tolist())}
    for task, on in zip(
        tasks, np.repeat(np.array(unions, object), len(system.trainers)), strict=True
    ):
        p = np.full((len(rows), 7), np.nan)
        for name, of in ((task.on_rest, task.rest), (task.on_train, task.train)):
            p[[place[row] for row in of.tolist()]] = data.store.read(name)["p"]
        predictions[task.trainer.name][on] = p
    return SubmissionData.of_folds(
        data.name, StoredModels(names, predictions), data.labels[rows], names, data.groups[rows],
        group="group",
        note=f"specialists trained on {len(unions)} unions of {len(every)} parts",
    )  # fmt: skip


@dataclass(frozen=True)
class _UnionTask:
    trainer: Trainer
    data: Material
    train: Indices
    rest: Indices
    work: Path | None
    seed: int

    @property
    def on_rest(self) -> str:
        """Name in the store of the predictions for the other clips."""
        return predictions_name(self.trainer, self.data, self.train, self.rest, self.seed)

    @property
    def on_train(self) -> str:
        """Name in the store of the predictions for the training clips."""
        return predictions_name(self.trainer, self.data, self.train, self.train, self.seed)

    def done(self) -> bool:
        return all(self.data.store.has(name) for name in (self.on_rest, self.on_train))


def _train(task: _UnionTask) -> float:
    tests = {task.on_rest: task.rest, task.on_train: task.train}
    _, minutes = train_and_predict(
        task.trainer, task.data, task.train, tests, work=task.work, seed=task.seed
    )
    return minutes


def _fold_names(data: Material, folds: int | None) -> tuple[Indices, NDArray[np.str_]]:
    """Positions of the used clips, and the name of the fold or part of each."""
    parts = data.splits[data.main]
    if {"train", "valid"} <= set(parts.tolist()):
        rows = np.flatnonzero(data.main & np.isin(data.splits, PARTS))
        return rows, data.splits[rows].astype(str)
    made, _ = folds_of(data, folds)
    rows = np.sort(np.concatenate([test for _, test in made]))
    names = np.empty(len(rows), object)
    for number, (_, test) in enumerate(made):
        names[np.searchsorted(rows, test)] = str(number)
    return rows, names.astype(str)


def _trainings(folds: Sequence[str], every_pair: bool, alone: bool = False) -> list[Trained]:
    """The sets of folds that models are trained on; first those that most recipes require."""
    if set(folds) <= set(PARTS):
        every = [frozenset({"train"}), frozenset({"train", "valid"}), frozenset({"valid"})]
        return every[:1] if alone else every
    if len(folds) < 3:
        raise DataError(f"{len(folds)} folds; at least three are required to take turns as parts")
    ordered = sorted(folds, key=int)
    everything = frozenset(folds)
    lone = [everything - {f} for f in ordered]
    if alone:
        return lone
    near = [everything - {f, ordered[(i + 1) % len(folds)]} for i, f in enumerate(ordered)]
    far = [everything - set(pair) for pair in combinations(ordered, 2)] if every_pair else []
    return list(dict.fromkeys([*lone, *near, *far]))
