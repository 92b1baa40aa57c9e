"""The paper's submissions on labelled clips: what specialists say after every training they need.

A recipe asks for models trained on the training part, on that and the validation part, and, where
the parts are swapped, on less (`emonets.reproduction.recipes`). Folds of whole groups take turns as
these parts, or the data's own parts do.
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
from emonets.reproduction.stored_answers import StoredAnswers, Trained
from emonets.reproduction.submission_data import PARTS, SubmissionData
from emonets.runtime.parallel import run_each
from emonets.runtime.progress import TimeLeft, heartbeat, quiet_details
from emonets.training.material import Material
from emonets.training.out_of_fold import folds_of, predictions_name, train_and_predict
from emonets.training.system import System
from emonets.training_contract import Trainer

log = logging.getLogger(__name__)


def train_for_submissions(
    system: System, *, folds: int | None = None, every_pair: bool = True
) -> SubmissionData:
    """Train a system's specialists on every union of folds that a recipe asks for.

    What they say is kept in the system's store: interrupted, the same call goes on.

    Parameters
    ----------
    system : of one data set. folds : of whole groups; None: one a group, ten at most. Data with
        parts train and valid keep theirs.
    every_pair : with folds, train without each pair of them as well, F (F - 1) / 2 trainings, for
        the recipes that learn from predictions of the other half (2014-9 and 2014-10); without,
        those without neighbours only, F of them, which serve all other recipes.

    Raises
    ------
    DataError : too few groups, or a group in two parts.
    """
    data, options = system.material(), system.options
    rows, names = _fold_names(data, folds)
    every = sorted(set(names.tolist()))
    wanted = _trainings(every, every_pair)
    tasks = []
    for on in wanted:
        train = rows[np.isin(names, sorted(on))]
        rest = rows[~np.isin(names, sorted(on))]
        check_apart(train, rest, data.groups)
        tasks += [
            _Task(trainer, data, train, rest, system.work, options.seed)
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
    answers: dict[str, dict[Trained, NDArray[np.float64]]] = {name: {} for name in system.trainers}
    place = {row: k for k, row in enumerate(rows.tolist())}
    for task, on in zip(
        tasks, np.repeat(np.array(wanted, object), len(system.trainers)), strict=True
    ):
        p = np.full((len(rows), 7), np.nan)
        for name, of in ((task.said, task.rest), (task.seen, task.train)):
            p[[place[row] for row in of.tolist()]] = data.store.read(name)["p"]
        answers[task.trainer.name][on] = p
    return SubmissionData.of_folds(
        data.name, StoredAnswers(names, answers), data.labels[rows], names, data.groups[rows],
        group="group",
        note=f"specialists trained anew on {len(wanted)} unions of {len(every)} parts",
    )  # fmt: skip


@dataclass(frozen=True)
class _Task:
    trainer: Trainer
    data: Material
    train: Indices
    rest: Indices
    work: Path | None
    seed: int

    @property
    def said(self) -> str:
        """Where what is said of the other clips is kept."""
        return predictions_name(self.trainer, self.data, self.train, self.rest, self.seed)

    @property
    def seen(self) -> str:
        """The same of those that it learned from."""
        return predictions_name(self.trainer, self.data, self.train, self.train, self.seed)

    def done(self) -> bool:
        return all(self.data.store.has(name) for name in (self.said, self.seen))


def _train(task: _Task) -> float:
    asked = {task.said: task.rest, task.seen: task.train}
    _, minutes = train_and_predict(
        task.trainer, task.data, task.train, asked, work=task.work, seed=task.seed
    )
    return minutes


def _fold_names(data: Material, folds: int | None) -> tuple[Indices, NDArray[np.str_]]:
    """Positions of the clips that take part, and the name of each one's fold or part."""
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


def _trainings(folds: Sequence[str], every_pair: bool) -> list[Trained]:
    """The sets of folds that models are trained on, those first that most recipes need."""
    if set(folds) <= set(PARTS):
        return [frozenset({"train"}), frozenset({"train", "valid"}), frozenset({"valid"})]
    if len(folds) < 3:
        raise DataError(f"{len(folds)} folds; three at least take turns as parts")
    ordered = sorted(folds, key=int)
    everything = frozenset(folds)
    lone = [everything - {f} for f in ordered]
    near = [everything - {f, ordered[(i + 1) % len(folds)]} for i, f in enumerate(ordered)]
    far = [everything - set(pair) for pair in combinations(ordered, 2)] if every_pair else []
    return list(dict.fromkeys([*lone, *near, *far]))
