"""Reliability: how often predictions are right, by their probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError
from emonets.evaluation.figures.base import INK, OTHER, OURS, PALE, RULE, Sheet, quiet
from emonets.evaluation.metrics import CALIBRATION_BINS, expected_calibration_error, wilson
from emonets.fusion.calibration import Abstainer, risk_coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = CALIBRATION_BINS,
    title: str = "",
) -> Figure:
    """Draw accuracy by probability of the prediction, its histogram, and accuracy by coverage.

    Left: predictions in bins by the probability of the predicted class, with 95 % intervals
    (Wilson 1927), and the number of predictions of each bin below. A point on the diagonal is
    calibrated. Right: the accuracy of the predictions with the highest probabilities, by their
    share.

    Parameters
    ----------
    labels : (n,) 0..6, the truth.
    probabilities : (n, 7), each row summing to one, of clips that the model was not fitted on.
    bins : of equal width, at least 1. The calibration error (ECE) is of the same bins.
    title : above the figure.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : as ``metrics.evaluate``. ParameterError : bins is less than 1.

    Examples
    --------
    >>> figure = reliability([3, 4], [[0, 0, 0, 0.8, 0.2, 0, 0]] * 2)  # doctest: +SKIP
    """
    if np.ndim(labels) != 1 or np.ndim(probabilities) != 2:
        raise DataError(
            f"expected labels (n,) and then probabilities (n, 7), found {np.shape(labels)} and "
            f"{np.shape(probabilities)}"
        )
    error = expected_calibration_error(labels, probabilities, bins=bins)
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    line = f"n = {len(y):,}    calibration error (ECE, {bins} bins) {error:.1%}"
    line += f"    accuracy {np.mean(p.argmax(axis=1) == y):.1%}"
    paper = Sheet(8.9, 4.75, title or "Reliability", [line])
    above, below = paper.axes(0.75, 0.3, 3.5, 2.9), paper.axes(0.75, 3.3, 3.5, 0.85)
    _diagram(above, below, p, y, bins)
    _coverage(paper.axes(5.15, 0.3, 3.5, 3.85), p, y)
    return paper.figure


def _diagram(above: Axes, below: Axes, p: NDArray[Any], y: NDArray[Any], bins: int) -> None:
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    where = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(where, minlength=bins)
    full = np.flatnonzero(count)
    n = count[full]
    hits = np.bincount(where, weights=right, minlength=bins)[full] / n
    mean = np.bincount(where, weights=sure, minlength=bins)[full] / n
    low, high = wilson(hits * n, n)
    spread = np.clip([hits - low, high - hits], 0, 1)
    above.plot([0, 1], [0, 1], color=RULE, linewidth=1)
    above.errorbar(
        mean, hits, yerr=spread, color=OURS, ecolor=OURS, elinewidth=1, capsize=2, marker="o",
        markersize=4.5, linewidth=1.4,
    )  # fmt: skip
    above.set(xlim=(0, 1), ylim=(0, 1))
    above.set_xticklabels([])
    above.set_ylabel("share of right predictions", color=PALE, fontsize=9)
    above.set_title("reliability, 95 % intervals", fontsize=9.5, color=INK, loc="left")
    below.bar((np.arange(bins) + 0.5) / bins, count, width=0.9 / bins, color=OURS, alpha=0.45)
    below.set(xlim=(0, 1), ylim=(0, 1.28 * float(count.max())))
    for k in full:
        text = f"{count[k]:,}"
        below.text((k + 0.5) / bins, count[k] + 0.04 * count.max(), text, ha="center", va="bottom",
                   fontsize=6.5, color=PALE)  # fmt: skip
    below.set_yticks([])
    below.set_xlabel("probability of the prediction", color=PALE, fontsize=9)
    below.set_ylabel("count", color=PALE, fontsize=9)
    quiet(above)
    quiet(below)


def _coverage(axes: Axes, p: NDArray[Any], y: NDArray[Any]) -> None:
    coverage, accuracy = risk_coverage(p, y)
    shown = coverage >= min(0.05, float(coverage.max()))
    axes.plot(coverage[shown], accuracy[shown], color=OURS, linewidth=1.6)
    for share in (0.8, 0.5):
        rule = Abstainer.for_coverage(p, y, share)
        axes.scatter([rule.coverage], [rule.accuracy], s=28, color=OTHER, zorder=3)
        # there is room to the lower left of the falling curve
        axes.annotate(
            f"{rule.coverage:.0%} predicted: {rule.accuracy:.1%}\np ≥ {rule.threshold:.2f}",
            (rule.coverage, rule.accuracy), xytext=(-7, -3), textcoords="offset points",
            ha="right", va="top", fontsize=8, color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip
    low = min(0.9, float(accuracy[shown].min())) - 0.05
    axes.set(xlim=(0, 1.02), ylim=(max(low, -0.02), 1.0 + 0.03 * (1 - low)))
    axes.set_xlabel("share of clips predicted, highest probability first", color=PALE, fontsize=9)
    axes.set_ylabel("share of right predictions among these", color=PALE, fontsize=9)
    axes.set_title("the rest is “uncertain”", fontsize=9.5, color=INK, loc="left")
    quiet(axes)
