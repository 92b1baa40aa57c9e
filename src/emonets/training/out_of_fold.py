"""Predictions of each specialist by models that were trained on neither the clip nor its group."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Floats
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.fusion.common import neutral_where_unknown
from emonets.fusion.protocols import check_apart
from emonets.learners.folds import Fold, Indices
from emonets.runtime.parallel import run_each
from emonets.runtime.progress import (
    OnProgress,
    TimeLeft,
    heartbeat,
    no_progress,
    quiet_details,
)
from emonets.runtime.store import Arrays, FeatureStore, parameter_digest
from emonets.training.material import Material
from emonets.training_contract import Run, Trainer, check_rows

log = logging.getLogger(__name__)

_VERSION = 2  # changes when what is kept of a fold does


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Predictions of the clips that are scored.

    Attributes
    ----------
    rows : (n,) positions of the clips in the material.
    fold : (n,) the fold in which each is tested.
    models : m names. P : (n, m, 7). found : (n, m) whether a clip has usable
        input for the model.
    known : (n, m, 7) whether the model was trained on the class.
    split : in words, how the clips were divided.
    reused : how many of the m × folds predictions were in the store.
    fine : model → (classes, (n, classes)), of models that have more classes than the seven.
    """

    rows: Indices
    fold: Indices
    models: tuple[str, ...]
    P: Floats
    found: NDArray[np.bool_]
    known: NDArray[np.bool_]
    split: str
    reused: int = 0
    fine: Mapping[str, tuple[tuple[str, ...], Floats]] = field(default_factory=dict)

    def considered(self) -> Floats:
        """(n, m, 7) as a fusion takes them: neutral on classes that a model was not trained on."""
        out = self.P.copy()
        for fold in np.unique(self.fold):
            mine = self.fold == fold
            known = [np.flatnonzero(row).tolist() for row in self.known[mine][0]]
            out[mine] = neutral_where_unknown(self.P[mine], known, self.found[mine])
        return out


@dataclass(frozen=True)
class _FoldTask:
    trainer: Trainer
    data: Material
    train: Indices
    test: Indices
    next_fold: Indices | None
    name: str
    work: Path | None
    seed: int


def out_of_fold(
    trainers: Mapping[str, Trainer],
    data: Material,
    folds: Sequence[Fold],
    split: str,
    *,
    work: Path | None,
    seed: int = 0,
    workers: int = 1,
    scheduler: str | None = None,
    on_progress: OnProgress = no_progress,
) -> OutOfFold:
    """Train every specialist for each fold on the other folds; the store keeps its predictions.

    Parameters
    ----------
    work : folder of intermediate files; None: a temporary one for each model.
    workers, scheduler : of models that are trained in parallel.
    on_progress : called with ``models``, how many are done, and how many there are.

    Raises
    ------
    DataError : a group is on both sides of a fold; or as the trainers raise.
    """
    store = data.store
    tasks = []
    several = 2 < len(folds) < len(np.unique(np.concatenate([data.groups[t] for _, t in folds])))
    for trainer in trainers.values():
        for number, (train, test) in enumerate(folds):
            official = (data.splits[test] == "valid").all() and len(folds) == 1
            check_apart(train, test, None if official else data.groups)
            after = np.intersect1d(train, folds[(number + 1) % len(folds)][1]) if several else None
            name = predictions_name(trainer, data, train, test, seed, after)
            tasks.append(_FoldTask(trainer, data, train, test, after, name, work, seed))
    todo = [task for task in tasks if not store.has(task.name)]
    left = TimeLeft((task.trainer.name for task in todo), workers=workers)
    done = run_each(_train_and_predict, todo, workers=workers, scheduler=scheduler)
    with heartbeat("out-of-fold models"), quiet_details():
        for count, (i, (text, seconds)) in enumerate(done, 1):
            name = todo[i].trainer.name
            left.done(name, seconds)
            on_progress("models", count, len(todo))
            log.info(f"{name}: {text}; {count} of {len(todo)}, {left.text()}")
    rows = np.concatenate([test for _, test in folds])
    order = np.argsort(rows, kind="stable")
    fold = np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
    kept = {
        name: [store.read(task.name) for task in tasks if task.trainer.name == name]
        for name in trainers
    }

    def joined(name: str, key: str) -> NDArray[Any]:
        return np.concatenate([one[key] for one in kept[name]])[order]

    fine = {
        name: (tuple(trainer.fine_classes), joined(name, "fine"))  # type: ignore[attr-defined]
        for name, trainer in trainers.items()
        if all("fine" in one for one in kept[name])
    }
    whole = {
        key: np.stack([joined(name, key) for name in trainers], axis=1)
        for key in ("p", "found", "known")
    }
    return OutOfFold(
        rows[order], fold[order], tuple(trainers), whole["p"], whole["found"].astype(bool),
        whole["known"].astype(bool), split, len(tasks) - len(todo), fine,
    )  # fmt: skip


def predictions_name(
    trainer: Trainer,
    data: Material,
    train: Indices,
    test: Indices,
    seed: int,
    next_fold: Indices | None = None,
) -> str:
    """Name in the store of a specialist's predictions for ``test`` after training on ``train``."""
    key = parameter_digest(
        _VERSION, trainer.name, type(trainer).__name__, dict(trainer.settings), data.digest(train),
        data.digest(test, labelled=False), seed,
        None if next_fold is None else data.digest(next_fold, labelled=False),
    )  # fmt: skip
    return f"answers/{trainer.name}-{key}.safetensors"


def _train_and_predict(task: _FoldTask) -> tuple[str, float]:
    trainer, data = task.trainer, task.data
    if data.store.has(task.name):
        return "done by another process", 0.0
    made, minutes = train_and_predict(
        trainer, data, task.train, {task.name: task.test}, work=task.work, seed=task.seed,
        next_fold=task.next_fold,
    )  # fmt: skip
    right = (made[task.name]["p"].argmax(axis=1) == data.labels[task.test]).mean()
    return f"{right:.1%} of {len(task.test)} clips right", minutes * 60


def train_and_predict(
    trainer: Trainer,
    data: Material,
    train: Indices,
    tests: Mapping[str, Indices],
    *,
    work: Path | None,
    seed: int,
    next_fold: Indices | None = None,
) -> tuple[dict[str, Arrays], float]:
    """Train a specialist on some clips, and write its predictions for others to the store.

    Parameters
    ----------
    tests : name in the store → positions of the clips to predict.
    next_fold : see `emonets.training_contract.Run`.

    Returns
    -------
    The predictions by those names (`predict`), and the minutes it took.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        run = Run(folder_for(work, trainer, stack), seed, 1, next_fold=next_fold)
        specialist, _ = trainer.fit(data, check_rows(trainer, data, train), run)
        made = {name: predict(trainer, specialist, data, rows, run) for name, rows in tests.items()}
    for name, predictions in made.items():
        about = {"specialist": trainer.name, "settings": dict(trainer.settings)}
        data.store.write(name, predictions, about)
    return made, (time.monotonic() - began) / 60


def predict(trainer: Trainer, specialist: Any, data: Material, rows: Indices, run: Run) -> Arrays:
    """``p`` (n, 7), ``found`` (n,) and ``known`` (n, 7) of the clips at ``rows``.

    Where nothing is found the probabilities are equal. If the trainer has more classes than the
    seven, and the data have one of them, ``fine`` (n, classes) is added.
    """
    found = trainer.found(data, rows)
    use = rows[found]
    p = np.full((len(rows), len(EMOTIONS)), UNIFORM)
    if len(use):
        p[found] = trainer.predict(specialist, data, use, run)
    known = np.isin(np.arange(len(EMOTIONS)), specialist.known_classes)
    made = {"p": p, "found": found, "known": np.tile(known, (len(rows), 1))}
    classes = getattr(trainer, "fine_classes", EMOTIONS)
    if np.isin(data.words[data.main], classes[len(EMOTIONS) :]).any():
        made["fine"] = np.full((len(rows), len(classes)), 1 / len(classes))
        if len(use):
            made["fine"][found] = trainer.predict_fine(specialist, data, use, p[found])  # type: ignore[attr-defined]
    return made


def folder_for(work: Path | None, trainer: Trainer, stack: ExitStack) -> Path:
    """The folder of a trainer's intermediate files."""
    if work is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emonets-")))
    folder = work / trainer.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fitted(
    trainer: Trainer,
    data: Material,
    rows: Indices,
    *,
    run: Run,
    stack: ExitStack,
    work: Path | None,
    make: Callable[[Mapping[str, Any], Mapping[str, Arrays]], Any],
) -> tuple[Any, dict[str, Any], bool]:
    """The final specialist: trained now, or read from the store of an earlier run.

    Returns
    -------
    The specialist, its card, and whether it was in the store.
    """
    store: FeatureStore = data.store
    use = check_rows(trainer, data, rows)
    run = run.within(use)
    key = parameter_digest(
        _VERSION,
        trainer.name,
        type(trainer).__name__,
        dict(trainer.settings),
        data.digest(use),
        run.seed,
        None if run.choosing is None else data.digest(run.choosing, labelled=False),
    )
    name = f"models/{trainer.name}-{key}.safetensors"
    if store.has(name):
        about, flat = store.about(name), store.read(name)
        arrays: dict[str, Arrays] = {}
        for path, array in flat.items():
            of, _, inner = path.partition("|")
            arrays.setdefault(of, {})[inner] = array
        return make(about["settings"], arrays), about["card"], True
    began = time.monotonic()
    specialist, card = trainer.fit(data, use, replace(run, work=folder_for(work, trainer, stack)))
    card = {**card, "minutes": round((time.monotonic() - began) / 60, 1)}
    settings, parts = specialist.to_arrays()
    flat = {f"{of}|{inner}": array for of, part in parts.items() for inner, array in part.items()}
    store.write(name, flat, {"settings": settings, "card": card})
    return specialist, card, False
