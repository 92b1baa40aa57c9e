"""Fusion strategies fitted on each fold: in several processes, and kept as they are finished."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emonets.fusion.base import Fusion
from emonets.fusion.common import Floats
from emonets.fusion.protocols import Views
from emonets.runtime.files import write_whole
from emonets.runtime.parallel import run_each
from emonets.version import __version__

Maker = Callable[[int | None], Fusion]

_TOGETHER = ("svm", "scaled svm")  # their searches for C and gamma are one


@dataclass(frozen=True, eq=False)
class StrategyRun:
    """A strategy fitted on the training clips of each fold.

    Attributes
    ----------
    fitted : accuracy on the clips it was fitted on, the mean over the folds.
    p : (n, k) out of fold. seconds : of one fit.
    note : what is done differently because of many clips; or empty.
    """

    fitted: float
    p: Floats
    seconds: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Task:
    makers: tuple[tuple[str, Maker], ...]
    fold: int
    view: Views
    y: NDArray[Any]
    groups: NDArray[Any] | None
    found: tuple[NDArray[Any], NDArray[Any]] | None
    seed: int


@dataclass(frozen=True, eq=False)
class _Fit:
    right: float
    p: Floats
    seconds: float
    note: str


def run_strategies(
    makers: Mapping[str, Maker],
    views: Sequence[Views],
    y: NDArray[Any],
    groups: NDArray[Any] | None,
    found: NDArray[Any] | None,
    seed: int,
    *,
    workers: int = 1,
    on_fit: Callable[[str, float], None] | None = None,
) -> Iterator[tuple[str, StrategyRun]]:
    """Fit strategies on each fold; yield each one's run when its last fold is done.

    Parameters
    ----------
    makers : name → function of a seed that makes the fusion.
    views : of each fold, what a fusion learns from and what it is tested on.
    workers : processes. With one the strategies come in their order.
    on_fit : called with a strategy's name and the seconds of each fit.
    """
    tasks: list[_Task] = []
    for names in _bundles(makers):
        for f, view in enumerate(views):
            masks = None if found is None else (found[view.fit_rows], found[view.test_rows])
            tasks.append(
                _Task(
                    tuple((name, makers[name]) for name in names), f, view, y[view.fit_rows],
                    None if groups is None else groups[view.fit_rows], masks, seed,
                )
            )  # fmt: skip
    fits: dict[str, dict[int, _Fit]] = {name: {} for name in makers}
    for i, done in run_each(_fit_fold, tasks, workers=workers):
        for name, fit in done.items():
            fits[name][tasks[i].fold] = fit
            if on_fit is not None:
                on_fit(name, fit.seconds)
        for name in done:
            if len(fits[name]) == len(views):
                yield name, _joined([fits[name][f] for f in range(len(views))], views, len(y))


def _bundles(makers: Mapping[str, Maker]) -> list[tuple[str, ...]]:
    """Names of strategies that one process fits one after the other."""
    pair = tuple(name for name in _TOGETHER if name in makers)
    bundles: list[tuple[str, ...]] = []
    for name in makers:
        if name not in pair:
            bundles.append((name,))
        elif name == pair[0]:
            bundles.append(pair)
    return bundles


def _fit_fold(task: _Task) -> dict[str, _Fit]:
    made = {}
    fit_mask, test_mask = (None, None) if task.found is None else task.found
    for name, make in task.makers:
        start = time.perf_counter()
        fusion = make(task.seed).fit(task.view.fit, task.y, found=fit_mask, groups=task.groups)
        seconds = time.perf_counter() - start
        right = float((fusion.predict(task.view.fit, found=fit_mask) == task.y).mean())
        p = fusion.predict_proba(task.view.test, found=test_mask)
        made[name] = _Fit(right, p, seconds, str(getattr(fusion, "limited_", "")))
    return made


def _joined(fits: Sequence[_Fit], views: Sequence[Views], n: int) -> StrategyRun:
    p = np.empty((n, fits[0].p.shape[1]))
    for fit, view in zip(fits, views, strict=True):
        p[view.test_rows] = fit.p
    return StrategyRun(
        float(np.mean([fit.right for fit in fits])), p,
        sum(fit.seconds for fit in fits) / len(fits), next((f.note for f in fits if f.note), ""),
    )  # fmt: skip


class KeptRuns:
    """Runs of strategies in a folder, so that an interrupted comparison goes on where it was.

    Each is a file of its own, written whole. Its name is made of the data, the folds, the seed and
    the version: runs of other data are never read.

    Parameters
    ----------
    folder : made with the first run.
    views, y, groups, found, seed : as for :func:`run_strategies`.
    """

    def __init__(
        self, folder: Path, views: Sequence[Views], y: NDArray[Any], groups: NDArray[Any] | None,
        found: NDArray[Any] | None, seed: int,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._shape = len(y), views[0].test.shape[2]
        digest = hashlib.sha256(json.dumps([__version__, seed, groups is None]).encode())
        for view in views:
            for part in (view.fit_rows, view.fit, view.test_rows, view.test):
                digest.update(np.ascontiguousarray(part).tobytes())
        digest.update(np.ascontiguousarray(y).tobytes())
        if groups is not None:
            digest.update(np.unique(groups, return_inverse=True)[1].tobytes())
        if found is not None:
            digest.update(np.ascontiguousarray(found).tobytes())
        self._digest = digest.digest()

    def read(self, name: str) -> StrategyRun | None:
        """The run of a strategy; None if there is none, or a damaged one."""
        try:
            arrays = load(self._path(name).read_bytes())
            p, numbers = arrays["p"], arrays["numbers"]
            note = arrays["note"].tobytes().decode()
        except (OSError, SafetensorError, KeyError, UnicodeDecodeError):
            return None
        if p.shape != self._shape or numbers.shape != (2,) or not np.isfinite(p).all():
            return None
        return StrategyRun(float(numbers[0]), p, float(numbers[1]), note)

    def write(self, name: str, run: StrategyRun) -> None:
        """Keep the run of a strategy."""
        note = np.frombuffer(run.note.encode(), dtype=np.uint8)
        numbers = np.array([run.fitted, run.seconds])
        arrays = {"p": np.ascontiguousarray(run.p), "numbers": numbers, "note": note}
        write_whole(self._path(name), save(arrays))

    def _path(self, name: str) -> Path:
        key = hashlib.sha256(self._digest + name.encode()).hexdigest()[:16]
        return self.folder / f"{key}.safetensors"
