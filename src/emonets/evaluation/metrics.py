"""Scores of predictions, with confidence intervals.

Everything here is a pure function of true labels and of predictions: labels (n,) of 0..6 in
canonical order or probabilities (n, 7), whose largest entry is then the prediction. (`evaluate`
takes other classes too, such as a corpus' own eight.) Accuracy,
recall, precision, F1 and their intervals are functions of the confusion matrix alone.

Intervals are 95 % percentile bootstrap intervals (Efron 1979). Drawing n items with replacement
and counting them is one multinomial draw of the confusion matrix, so thousands of resamples cost
milliseconds. Items of one group (clips of one person, frames of one clip) are not independent, so
whole groups must be drawn: give ``groups``. A bootstrap draws only errors that occurred. Without
any error the interval is [1, 1], even for few items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.evaluation.checks import (
    Ints,
    K,
    checked_labels,
    few_groups,
    group_numbers,
    predicted_labels,
)

RESAMPLES = 2_000
LEVEL = 0.95
CALIBRATION_BINS = 15

_Z = 1.959964  # of a normal distribution: 95 % lie within
_AT_ONCE = 4_000_000  # drawn numbers kept in memory
_KEPT = 25_000_000  # drawn numbers kept for the next call: 100 MB

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """A measured value with the ends of its 95 % interval; NaN where it is not defined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self:.1%}"

    def __format__(self, spec: str) -> str:
        """``value [low, high]``, each in the given format; per cent by default."""
        spec = spec or ".1%"
        if np.isnan(self.value):
            return "–"
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes
    ----------
    n : items.
    n_groups : number of groups that the intervals were drawn over, or None for items.
    accuracy, uar : scores 0..1.
    recall, precision, f1 : seven scores 0..1 in canonical order. NaN: the recall of a class that
        no item has, the precision of one never predicted, the F1 if both are so.
    confusion : (7, 7) int64, rows true and columns predicted, canonical order.
    calibration_error : 0..1, or None if only labels were predicted.
    seed : of the resampling.
    classes : their names, in the order of the scores.
    """

    n: int
    n_groups: int | None
    accuracy: Score
    uar: Score
    recall: tuple[Score, ...]
    precision: tuple[Score, ...]
    f1: tuple[Score, ...]
    confusion: Ints
    calibration_error: float | None
    seed: int
    classes: tuple[str, ...] = EMOTIONS

    @property
    def warning(self) -> str:
        """A warning where the intervals are over fewer than six groups, else ""."""
        return few_groups(self.n_groups)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and dicts for JSON; null if a score is not defined."""

        def plain(score: Score) -> dict[str, float | None]:
            return {
                key: None if np.isnan(x) else float(x)
                for key, x in (("value", score.value), ("low", score.low), ("high", score.high))
            }

        support = self.confusion.sum(axis=1)
        return {
            "n": self.n,
            "n_groups": self.n_groups,
            "warning": self.warning,
            "accuracy": plain(self.accuracy),
            "uar": plain(self.uar),
            "calibration_error": self.calibration_error,
            "classes": {
                name: {
                    "n": int(support[k]),
                    "recall": plain(self.recall[k]),
                    "precision": plain(self.precision[k]),
                    "f1": plain(self.f1[k]),
                }
                for k, name in enumerate(self.classes)
            },
            "confusion": self.confusion.tolist(),
            "level": LEVEL,
            "seed": self.seed,
        }

    def to_markdown(self) -> str:
        """The scores and the confusion matrix as Markdown tables."""
        head = ["class", "n", "recall", "precision", "F1", *(f"→ {e}" for e in self.classes)]
        lines = [self._headline(), "", _row(head), _row(["---", *["---:"] * (len(head) - 1)])]
        for k, name in enumerate(self.classes):
            cells = [format(s[k], ".1%") for s in (self.recall, self.precision, self.f1)]
            counts = [str(c) for c in self.confusion[k]]
            lines.append(_row([name, str(self.confusion[k].sum()), *cells, *counts]))
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        width = max(map(len, self.classes))
        lines = [
            self._headline(),
            "",
            f"{'':{width}} {'n':>6} {'recall':>7} {'prec.':>7} {'F1':>7}   predicted "
            + " ".join(f"{e[:5]:>5}" for e in self.classes),
        ]
        for k, name in enumerate(self.classes):
            values = (s[k].value for s in (self.recall, self.precision, self.f1))
            cells = " ".join(f"{'–' if np.isnan(v) else format(v, '.1%'):>7}" for v in values)
            counts = " ".join(f"{c:>5}" for c in self.confusion[k])
            lines.append(f"{name:{width}} {self.confusion[k].sum():>6} {cells} {'':12} {counts}")
        return "\n".join(lines)

    def _headline(self) -> str:
        over = "items" if self.n_groups is None else f"{self.n_groups} groups"
        text = f"accuracy {self.accuracy}, UAR {self.uar}"
        if self.calibration_error is not None:
            text += f", calibration error {self.calibration_error:.1%}"
        text += f" (n = {self.n}, 95 % intervals over {over})"
        return f"{text}. {self.warning}" if self.warning else text


def evaluate(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    classes: Sequence[str] = EMOTIONS,
) -> Evaluation:
    """Measure predictions against the truth, with intervals.

    Parameters
    ----------
    labels : (n,) integers 0..6, the truth.
    probabilities : (n, 7), each row summing to one; or (n,) predicted labels.
    groups : (n,) values that are equal within a group; intervals are then over groups.
    resamples, seed : of the bootstrap.
    classes : names of the classes if they are not the seven; labels are positions in them.

    Raises
    ------
    DataError : there are no labels, shapes do not match, labels are outside 0..6, values are NaN,
        rows do not sum to one, or there are fewer than two groups.
    """
    k = len(classes)
    y = checked_labels(labels, "labels", k)
    scores = np.asarray(probabilities)
    p = predicted_labels(scores, len(y), k)
    names = None if groups is None else group_numbers(groups, len(y))
    matrix = _confusion(y, p, k)
    draws = _draw(y * k + p, k * k, names, resamples, seed).reshape(-1, k, k)

    calibration = _calibration(y, p, scores, CALIBRATION_BINS) if scores.ndim == 2 else None

    def scored(metric: Callable[[NDArray[Any]], Floats]) -> tuple[Score, ...]:
        values, resampled = np.atleast_1d(metric(matrix)), metric(draws).reshape(len(draws), -1)
        return tuple(_score(v, column) for v, column in zip(values, resampled.T, strict=True))

    return Evaluation(
        n=len(y),
        n_groups=None if names is None else int(names.max()) + 1,
        accuracy=scored(_accuracy)[0],
        uar=scored(_uar)[0],
        recall=scored(_recall),
        precision=scored(_precision),
        f1=scored(_f1),
        confusion=matrix,
        calibration_error=calibration,
        seed=seed,
        classes=tuple(classes),
    )


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Share of items whose predicted class is the true one, 0..1."""
    return float(_accuracy(confusion_matrix(labels, predictions)))


def uar(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Unweighted average recall, 0..1: the mean recall of the classes that occur in the truth."""
    return float(_uar(confusion_matrix(labels, predictions)))


def recall(labels: ArrayLike, predictions: ArrayLike) -> Floats:
    """Share of each true class that is predicted as such: (7,), NaN for an absent class."""
    return _recall(confusion_matrix(labels, predictions))


def precision(labels: ArrayLike, predictions: ArrayLike) -> Floats:
    """Share of the predictions of each class that are right: (7,), NaN for one never predicted."""
    return _precision(confusion_matrix(labels, predictions))


def f1(labels: ArrayLike, predictions: ArrayLike) -> Floats:
    """Harmonic mean of recall and precision: (7,), NaN for a class absent and never predicted."""
    return _f1(confusion_matrix(labels, predictions))


def wilson(hits: ArrayLike, n: ArrayLike) -> tuple[Any, Any]:
    """The ends of 95 % intervals of shares of independent items, 0..1 (Wilson 1927).

    Unlike a bootstrap it is not [1, 1] without any error.

    Parameters
    ----------
    hits, n : numbers, or arrays of one shape: how many of ``n``, at least 1, are right.

    Examples
    --------
    >>> low, high = wilson(9, 10)
    >>> print(f"{low:.3f} {high:.3f}")
    0.596 0.982
    """
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    share, z = k / m, _Z**2 / m
    centre = (share + z / 2) / (1 + z)
    half = np.sqrt(z * (share * (1 - share) + z / 4)) / (1 + z)
    ends = np.clip([centre - half, centre + half], 0, 1)
    return (ends[0], ends[1]) if k.ndim else (float(ends[0]), float(ends[1]))


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike) -> Ints:
    """Count items by true class (rows) and predicted class (columns): (7, 7), canonical order.

    Parameters
    ----------
    labels : (n,) integers 0..6.
    predictions : (n,) integers 0..6, or (n, 7) probabilities.

    Raises
    ------
    DataError : as `evaluate`.
    """
    y = checked_labels(labels, "labels")
    return _confusion(y, predicted_labels(np.asarray(predictions), len(y)))


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, *, bins: int = CALIBRATION_BINS
) -> float:
    """Mean gap between the probability of the predicted class and its accuracy, 0..1.

    Predictions are put into bins of equal width by their probability; the error is the mean of
    \\|accuracy - mean probability\\| over the bins, weighted by the predictions in each
    (Guo et al. 2017, equation 3).

    Parameters
    ----------
    labels : (n,) integers 0..6.
    probabilities : (n, 7), each row summing to one.
    bins : at least 1.

    Raises
    ------
    DataError : as `evaluate`.
    ParameterError : bins is less than 1.
    """
    if bins < 1:
        raise ParameterError(f"bins must be at least 1, got {bins}")
    y = checked_labels(labels, "labels")
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2:
        raise DataError(f"expected probabilities of shape (n, {K}), found {p.shape}")
    return _calibration(y, predicted_labels(p, len(y)), p, bins)


def difference(
    labels: ArrayLike,
    predictions: ArrayLike,
    baseline: ArrayLike,
    *,
    metric: str = "accuracy",
    groups: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Score:
    """The score of predictions less that of a baseline on the same items, -1..1.

    Each resample draws the items (or groups) once for both, so items that are hard for both cancel.
    The interval is narrower than that of either score.

    Parameters
    ----------
    labels, predictions, baseline : (n,) labels, or (n, 7) probabilities for the latter two.
    metric : ``"accuracy"`` or ``"uar"``.
    groups, resamples, seed : as for `evaluate`.

    Raises
    ------
    DataError : as `evaluate`.
    ParameterError : another metric.
    """
    metrics = {"accuracy": _accuracy, "uar": _uar}
    if metric not in metrics:
        raise ParameterError(f"metric must be one of {', '.join(metrics)}, got {metric!r}")
    y = checked_labels(labels, "labels")
    p, q = (predicted_labels(np.asarray(x), len(y)) for x in (predictions, baseline))
    names = None if groups is None else group_numbers(groups, len(y))
    joint = _draw((y * K + p) * K + q, K**3, names, resamples, seed).reshape(-1, K, K, K)
    measure = metrics[metric]
    return _score(
        measure(_confusion(y, p)) - measure(_confusion(y, q)),
        measure(joint.sum(axis=3)) - measure(joint.sum(axis=2)),
    )


def _accuracy(matrix: NDArray[Any]) -> Floats:
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1)))


def _recall(matrix: NDArray[Any]) -> Floats:
    return _ratio(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1))


def _precision(matrix: NDArray[Any]) -> Floats:
    return _ratio(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-2))


def _f1(matrix: NDArray[Any]) -> Floats:
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return _ratio(2 * hits, matrix.sum(axis=-1) + matrix.sum(axis=-2))


def _uar(matrix: NDArray[Any]) -> Floats:
    present = matrix.sum(axis=-1) > 0
    return _ratio(np.where(present, _recall(matrix), 0.0).sum(axis=-1), present.sum(axis=-1))


def _ratio(top: ArrayLike, bottom: ArrayLike) -> Floats:
    """top / bottom, NaN where bottom is zero."""
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    ratio: Floats = np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0)
    return ratio


def _calibration(y: Ints, predicted: Ints, p: Floats, bins: int) -> float:
    confidence = np.asarray(p, np.float64).max(axis=1)
    # bins are open below and closed above, as in the paper
    where = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = (predicted == y) - confidence
    return float(np.abs(np.bincount(where, weights=gap, minlength=bins)).sum() / len(y))


def _confusion(y: Ints, p: Ints, k: int = K) -> Ints:
    return np.bincount(y * k + p, minlength=k * k).reshape(k, k).astype(np.int64)


def _draw(cells: Ints, n_cells: int, groups: Ints | None, resamples: int, seed: int) -> Ints:
    """Counts of the cells in each resample: (resamples, n_cells)."""
    if resamples < 1:
        raise ParameterError(f"resamples must be at least 1, got {resamples}")
    rng = np.random.default_rng(seed)
    used, cells = np.unique(cells, return_inverse=True)
    if groups is None:
        n = len(cells)
        drawn = rng.multinomial(n, np.bincount(cells) / n, size=resamples)
    else:
        n = int(groups.max()) + 1
        table = np.zeros((n, len(used)))
        np.add.at(table, (groups, cells), 1)
        drawn = np.empty((resamples, len(used)), dtype=np.int64)
        if n * resamples <= _KEPT:
            drawn[:] = np.rint(_times(n, resamples, seed) @ table.astype(np.float32))
        else:
            step = max(1, _AT_ONCE // n)
            for start in range(0, resamples, step):
                times = rng.multinomial(n, np.full(n, 1 / n), size=min(step, resamples - start))
                drawn[start : start + step] = np.rint(times @ table)
    result = np.zeros((resamples, n_cells), dtype=np.int64)
    result[:, used] = drawn
    return result


@lru_cache(maxsize=1)
def _times(n: int, resamples: int, seed: int) -> NDArray[np.float32]:
    """How often each of n groups is in each resample, (resamples, n), for all predictions."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    return drawn.astype(np.float32)


def _score(value: ArrayLike, resampled: Floats) -> Score:
    """A value with its interval, over the resamples in which it is defined."""
    defined = resampled[~np.isnan(resampled)]
    value = float(np.asarray(value))
    if np.isnan(value) or not len(defined):
        return Score(value, float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Score(value, float(low), float(high))


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
