"""What each part of a system says of clips by models that knew neither them nor their people."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import DataError
from emonets.fusion.common import neutral_where_unknown
from emonets.fusion.protocols import check_apart
from emonets.learners.folds import Fold, Indices, shuffled_folds
from emonets.runtime.parallel import run_each
from emonets.runtime.store import Arrays, FeatureStore, parameter_digest
from emonets.training.material import Material
from emonets.training.parts import Part, Run, check_rows

Floats = NDArray[np.float64]

MOST_FOLDS = 10
_VERSION = 1  # changes when what is kept of a fold does


@dataclass(frozen=True, eq=False)
class Said:
    """Answers to the clips that are scored.

    Attributes
    ----------
    rows : (n,) positions of the clips in the material. fold : (n,) which fold answered each.
    models : m names. P : (n, m, 7). found : (n, m) whether a clip showed the model anything.
    known : (n, m, 7) whether the model that answered was ever shown the class.
    split : in words, how the clips were divided.
    reused : of m × folds answers those that were there already.
    """

    rows: Indices
    fold: Indices
    models: tuple[str, ...]
    P: Floats
    found: NDArray[np.bool_]
    known: NDArray[np.bool_]
    split: str
    reused: int = 0

    def considered(self) -> Floats:
        """(n, m, 7) as a fusion is to take them: no opinion on classes that a model never met."""
        out = self.P.copy()
        for fold in np.unique(self.fold):
            mine = self.fold == fold
            known = [np.flatnonzero(row).tolist() for row in self.known[mine][0]]
            out[mine] = neutral_where_unknown(self.P[mine], known, self.found[mine])
        return out


def folds_of(data: Material, count: int | None = None) -> tuple[list[Fold], str]:
    """(train, test) positions in all clips, and in words how that divides them.

    Those of the first data set are tested, one group at a time or, of more than ten groups, a
    tenth of them; of other sets, and of whom is tested, nothing is trained on that shares a group.
    Clips that the data keep for testing have no part in it.

    Parameters
    ----------
    count : how many folds; None: as said.

    Raises
    ------
    DataError : fewer groups than folds, or than two.
    """
    usable = np.flatnonzero(data.splits != "test")
    tested = usable[data.main[usable]]
    if not len(tested):
        raise DataError(f"{data.name}: every clip is kept for testing, none is left to train on")
    names = np.unique(data.groups[tested])
    folds = min(MOST_FOLDS, len(names)) if count is None else count
    if len(names) < max(folds, 2) or folds < 2:
        raise DataError(
            f"{data.name}: {len(names)} groups cannot be divided into {max(folds, 2)} folds; a "
            "score of unseen people needs more of them, or fewer --folds"
        )
    if folds == len(names):
        tests = [tested[data.groups[tested] == name] for name in names]
    else:
        divided = shuffled_folds(len(tested), folds, np.random.RandomState(0), data.groups[tested])
        tests = [tested[test] for _, test in divided]
    made = []
    for test in tests:
        others = ~np.isin(data.groups[usable], np.unique(data.groups[test]))
        made.append((usable[others], test))
    split = f"{folds} folds of whole groups"
    if folds == len(names):
        split = f"leave one of {folds} groups out"
    return made, split


def validation_fold(data: Material) -> tuple[list[Fold], str] | None:
    """Trained on train and looked at on valid (the paper's way), where the data are so divided."""
    train = np.flatnonzero((data.splits == "train") | ((data.splits == "") & ~data.main))
    valid = np.flatnonzero((data.splits == "valid") & data.main)
    if not len(valid) or not (data.splits[data.main] == "train").any():
        return None
    met = np.isin(data.groups[train], np.unique(data.groups[valid])) & ~data.main[train]
    return [(train[~met], valid)], "trained on train, scored on valid"


@dataclass(frozen=True)
class _Task:
    part: Part
    data: Material
    train: Indices
    test: Indices
    name: str
    work: Path | None
    seed: int


def out_of_fold(
    parts: Mapping[str, Part],
    data: Material,
    folds: Sequence[Fold],
    split: str,
    *,
    work: Path | None,
    seed: int = 0,
    workers: int = 1,
    scheduler: str | None = None,
    echo: Callable[[str], Any] = print,
) -> Said:
    """Train every part for each fold on the others, and keep what it says in the store.

    Parameters
    ----------
    work : folder for what is made on the way; None: a temporary one for each model.
    workers, scheduler : models trained side by side.

    Raises
    ------
    DataError : a group on both sides of a fold; or as the parts say.
    """
    store = data.store
    tasks = []
    for part in parts.values():
        for train, test in folds:
            official = (data.splits[test] == "valid").all() and len(folds) == 1
            check_apart(train, test, None if official else data.groups)
            name = answers_name(part, data, train, test, seed)
            tasks.append(_Task(part, data, train, test, name, work, seed))
    todo = [task for task in tasks if not store.has(task.name)]
    began = time.monotonic()
    for count, (i, said) in enumerate(
        run_each(_train_and_ask, todo, workers=workers, scheduler=scheduler), 1
    ):
        minutes = (time.monotonic() - began) / 60
        left = minutes / count * (len(todo) - count)
        echo(f"{todo[i].part.name}: {said}; {count} of {len(todo)}, about {left:.1f} min left")
    rows = np.concatenate([test for _, test in folds])
    order = np.argsort(rows, kind="stable")
    fold = np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
    columns: dict[str, list[NDArray[Any]]] = {"p": [], "found": [], "known": []}
    for name in parts:
        mine = [store.read(task.name) for task in tasks if task.part.name == name]
        for key, values in columns.items():
            values.append(np.concatenate([answer[key] for answer in mine])[order])
    whole = {key: np.stack(values, axis=1) for key, values in columns.items()}
    return Said(
        rows[order], fold[order], tuple(parts), whole["p"], whole["found"].astype(bool),
        whole["known"].astype(bool), split, len(tasks) - len(todo),
    )  # fmt: skip


def answers_name(part: Part, data: Material, train: Indices, test: Indices, seed: int) -> str:
    """Of the file that keeps what a part, trained on some clips, says of others."""
    key = parameter_digest(
        _VERSION, part.name, type(part).__name__, dict(part.settings), data.digest(train),
        data.digest(test, labelled=False), seed,
    )  # fmt: skip
    return f"answers/{part.name}-{key}.safetensors"


def _train_and_ask(task: _Task) -> str:
    part, data = task.part, task.data
    if data.store.has(task.name):
        return "done by another"
    said, minutes = train_and_ask(
        part, data, task.train, {task.name: task.test}, work=task.work, seed=task.seed
    )
    right = (said[task.name]["p"].argmax(axis=1) == data.labels[task.test]).mean()
    return f"{right:.1%} of {len(task.test)} clips right, {minutes:.1f} min"


def train_and_ask(
    part: Part,
    data: Material,
    train: Indices,
    asked: Mapping[str, Indices],
    *,
    work: Path | None,
    seed: int,
) -> tuple[dict[str, Arrays], float]:
    """Train a part on some clips, and keep in the store what it says of others.

    Parameters
    ----------
    asked : name in the store -> positions of the clips that are asked about.

    Returns
    -------
    What it says, by those names (`ask`), and the minutes that it took.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        run = Run(folder_for(work, part, stack), seed, 1, quiet)
        specialist, _ = part.fit(data, check_rows(part, data, train), run)
        said = {name: ask(part, specialist, data, rows, run) for name, rows in asked.items()}
    for name, answers in said.items():
        data.store.write(name, answers, {"part": part.name, "settings": dict(part.settings)})
    return said, (time.monotonic() - began) / 60


def ask(part: Part, specialist: Any, data: Material, rows: Indices, run: Run) -> Arrays:
    """``p`` (n, 7), ``found`` (n,) and ``known`` (n, 7) of some clips.

    Where nothing is found the probabilities are 1/7 each.
    """
    found = part.found(data, rows)
    p = np.full((len(rows), len(EMOTIONS)), UNIFORM)
    if found.any():
        p[found] = part.answers(specialist, data, rows[found], run)
    known = np.isin(np.arange(len(EMOTIONS)), specialist.known_classes)
    return {"p": p, "found": found, "known": np.tile(known, (len(rows), 1))}


def folder_for(work: Path | None, part: Part, stack: ExitStack) -> Path:
    """Where a part keeps what it makes on the way."""
    if work is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emonets-")))
    folder = work / part.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fitted(
    part: Part,
    data: Material,
    rows: Indices,
    *,
    run: Run,
    stack: ExitStack,
    work: Path | None,
    make: Callable[[Mapping[str, Any], Mapping[str, Arrays]], Any],
) -> tuple[Any, dict[str, Any], bool]:
    """A part trained on some clips, or the one that an earlier run left in the store.

    Returns
    -------
    The specialist, its card, and whether it was there already.
    """
    store: FeatureStore = data.store
    use = check_rows(part, data, rows)
    key = parameter_digest(
        _VERSION, part.name, type(part).__name__, dict(part.settings), data.digest(use), run.seed
    )
    name = f"models/{part.name}-{key}.safetensors"
    if store.has(name):
        about, flat = store.about(name), store.read(name)
        arrays: dict[str, Arrays] = {}
        for path, array in flat.items():
            of, _, inner = path.partition("|")
            arrays.setdefault(of, {})[inner] = array
        return make(about["settings"], arrays), about["card"], True
    began = time.monotonic()
    specialist, card = part.fit(data, use, replace(run, work=folder_for(work, part, stack)))
    card = {**card, "minutes": round((time.monotonic() - began) / 60, 1)}
    settings, parts = specialist.to_arrays()
    flat = {f"{of}|{inner}": array for of, some in parts.items() for inner, array in some.items()}
    store.write(name, flat, {"settings": settings, "card": card})
    return specialist, card, False


def quiet(_: str) -> None:
    """For processes whose words nobody would put in order."""
