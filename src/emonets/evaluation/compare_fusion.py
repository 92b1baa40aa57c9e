"""A comparison of fusion strategies on clips that they were not fitted on.

Each strategy is scored twice: on the data it was fitted on, where flexible ones score high, and out
of fold. The gap between the two is overfitting (paper, sections 4.2 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import ParameterError
from emonets.evaluation.fusion_runs import KeptRuns, Maker, StrategyRun, run_strategies
from emonets.evaluation.metrics import (
    RESAMPLES,
    Score,
    difference,
    evaluate,
    expected_calibration_error,
)
from emonets.evaluation.records import Evidence
from emonets.fusion.average import MeanFusion
from emonets.fusion.base import Fusion
from emonets.fusion.common import check_groups, check_labels, check_probabilities
from emonets.fusion.nested_folds import NestedPredictions
from emonets.fusion.protocols import Views, group_folds
from emonets.fusion.strategies import STRATEGIES, make_fusion

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Compared:
    """The scores of one strategy.

    Attributes
    ----------
    name : of the strategy; a single model's is "only" and the model's name.
    fitted : accuracy on the clips it was fitted on, the mean over the folds.
    accuracy, uar : out of fold, with 95 % intervals over groups (over clips without groups).
    gain : accuracy out of fold less that of the best single model, paired.
    calibration_error : of the probabilities out of fold.
    seconds : of one fit.
    p : (n, k) out of fold.
    note : what was done differently because of many clips; or empty.
    """

    name: str
    fitted: float
    accuracy: Score
    uar: Score
    gain: Score
    calibration_error: float
    seconds: float
    p: Floats
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""

        def plain(score: Score) -> dict[str, float]:
            return {"value": score.value, "low": score.low, "high": score.high}

        return {
            "strategy": self.name, "fitted": self.fitted, "accuracy": plain(self.accuracy),
            "uar": plain(self.uar), "gain": plain(self.gain),
            "calibration_error": self.calibration_error, "seconds": self.seconds,
            "note": self.note,
        }  # fmt: skip


def compare(
    P: ArrayLike | NestedPredictions,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    strategies: Iterable[str] | Mapping[str, Maker] = tuple(STRATEGIES),
    models: Sequence[str] | None = None,
    found: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Callable[[Compared], None] | None = None,
    workers: int = 1,
    keep: Path | None = None,
    on_fit: Callable[[str, float], None] | None = None,
) -> list[Compared]:
    """Score each model and each strategy, on the clips it was fitted on and out of fold.

    Parameters
    ----------
    P : (n, m, 7) predictions of models that were not trained on these clips; they are divided into
        folds here. Or nested predictions: then the models behind a fusion's training predictions
        were not trained on its test clips either. With plain P they may have been, which hardly
        matters for a few weights.
    y : (n,) labels 0..6. groups : (n,) of clips that stay together.
    strategies : names of ``fusion.strategies``; or name → function of a seed that makes the fusion.
    models : names of the m models. found : (n, m).
    folds : for plain P. seed : of the folds, the fusions and the intervals.
    progress : called with each result; with several workers in the order they are finished.
    workers : processes that fit the strategies.
    keep : folder for the strategies that are finished: the same call later goes on from there. The
        caller removes it.
    on_fit : called with the name of a strategy and the seconds of each fit.

    Returns
    -------
    The single models first, then the strategies in the order given.

    Raises
    ------
    DataError : as the fusions raise; there are fewer groups than folds.
    ParameterError : a strategy is unknown, or the number of names is wrong.
    """
    labels = np.asarray(y)
    m = P.outer.shape[1] if isinstance(P, NestedPredictions) else np.shape(P)[1]
    names = [f"model {j}" for j in range(m)] if models is None else list(models)
    if len(names) != m:
        raise ParameterError(f"{len(names)} names for {m} models: {', '.join(names)}")
    mask = None if found is None else np.asarray(found)
    views = _views(P, labels, groups, mask, folds, seed)
    singles: dict[str, Maker] = {f"only {name}": _single(j) for j, name in enumerate(names)}
    if isinstance(strategies, Mapping):
        makers = dict(strategies)
    else:
        makers = {name: _named(name) for name in strategies}

    order = list(makers)
    among = None if groups is None else np.asarray(groups)
    results: dict[str, Compared] = {}
    best: Floats | None = None

    def scored(name: str, run: StrategyRun) -> None:
        how: dict[str, Any] = {"groups": groups, "resamples": resamples, "seed": seed}
        evaluation = evaluate(labels, run.p, **how)
        gain = Score(float("nan"), float("nan"), float("nan"))
        if best is not None:
            gain = difference(labels, run.p, best, **how)
        results[name] = Compared(
            name, run.fitted, evaluation.accuracy, evaluation.uar, gain,
            expected_calibration_error(labels, run.p), run.seconds, run.p, run.note,
        )  # fmt: skip
        if progress is not None:
            progress(results[name])

    for name, run in run_strategies(singles, views, labels, among, mask, seed):
        scored(name, run)
    best = max(results.values(), key=lambda r: r.accuracy.value).p
    kept = None if keep is None else KeptRuns(keep, views, labels, among, mask, seed)
    for name in list(makers):
        before = None if kept is None else kept.read(name)
        if before is not None:
            del makers[name]
            scored(name, before)
    for name, run in run_strategies(
        makers, views, labels, among, mask, seed, workers=workers, on_fit=on_fit
    ):
        if kept is not None:
            kept.write(name, run)
        scored(name, run)
    return [results[name] for name in (*singles, *order)]


def recommend(
    results: Sequence[Compared],
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> str:
    """The simplest of the strategies that are as good as the best one, out of fold.

    "As good" means that the paired 95 % interval of the best one's gain over it includes zero.
    Strategies that come first in ``results`` are simpler, single models before all.
    """
    if not results:
        raise ParameterError("there are no results to choose from; compare at least one strategy")
    top = max(results, key=lambda r: r.accuracy.value)
    for result in results:
        gain = difference(y, top.p, result.p, groups=groups, resamples=resamples, seed=seed)
        if gain.low <= 0:
            return result.name
    return top.name


def table(results: Sequence[Compared]) -> str:
    """The comparison as a Markdown table, scores in per cent."""
    lines = [
        "| strategy | on its training clips | out of fold | UAR | gain over the best model "
        "| calibration error |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in results:
        gain = "" if np.isnan(r.gain.value) else format(r.gain, "+.1%")
        lines.append(
            f"| {r.name} | {r.fitted:.1%} | {r.accuracy:.1%} | {r.uar:.1%} | {gain} | "
            f"{r.calibration_error:.1%} |"
        )
    return "\n".join(lines) + "\n"


def rows(
    results: Sequence[Compared],
    *,
    data: str,
    command: str,
    n: int,
    split: str = "",
    group: str = "",
    classes: int = 7,
    seed: int = 0,
    note: str = "",
) -> list[Evidence]:
    """The comparison as rows for ``records.write_results``: five numbers for each strategy."""
    made = []
    for r in results:
        what = f"fusion, {r.name}" if not r.name.startswith("only ") else r.name

        def row(
            metric: str, value: float, score: Score | None = None, *, what: str = what
        ) -> Evidence:
            return Evidence(
                what=what, data=data, command=command, metric=metric, value=value, split=split,
                group=group, n=n, classes=classes, seed=seed, note=note,
                low=None if score is None else score.low,
                high=None if score is None else score.high,
            )  # fmt: skip

        made += [
            row("accuracy", r.accuracy.value, r.accuracy),
            row("uar", r.uar.value, r.uar),
            row("accuracy where fitted", r.fitted),
            row("calibration_error", r.calibration_error),
        ]
        if not np.isnan(r.gain.value):
            points = Score(*(100 * x for x in (r.gain.value, r.gain.low, r.gain.high)))
            made.append(row("points over the better model", points.value, points))
    return made


def _views(
    P: ArrayLike | NestedPredictions, y: NDArray[Any], groups: ArrayLike | None,
    found: NDArray[Any] | None, folds: int, seed: int,
) -> list[Views]:  # fmt: skip
    if isinstance(P, NestedPredictions):
        return list(P.views())
    p = check_probabilities(P, found=found)
    check_labels(y, p.shape[2], len(p))
    among = check_groups(groups, len(p))
    divided = group_folds(np.arange(len(p)) if among is None else among, folds, seed=seed)
    return [Views(train, p[train], test, p[test]) for train, test in divided]


def _named(name: str) -> Maker:
    make_fusion(name)  # raises for an unknown name before anything is fitted
    return partial(_make, name)


def _make(name: str, seed: int | None) -> Fusion:
    return make_fusion(name, seed=seed)


def _single(j: int) -> Maker:
    return lambda seed: MeanFusion(models=[j])
