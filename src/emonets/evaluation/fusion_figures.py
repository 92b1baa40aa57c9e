"""Figures of fusions: weights, gains of strategies, and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.compare_fusion import Compared
from emonets.evaluation.figures import _INK, _PALE, _accuracy_axes, _checked, _figure, _save
from emonets.evaluation.metrics import expected_calibration_error
from emonets.fusion.calibration import Abstainer, risk_coverage

_FITTED, _HELD = "#c98f2b", "#1f5f99"
_BINS = 10


def weights_figure(
    weights: ArrayLike,
    models: Sequence[str],
    path: str | Path,
    *,
    title: str,
    classes: Sequence[str] = EMOTIONS,
) -> Path:
    """Draw the weight of each model for each class, as the paper's Figure 9.

    Parameters
    ----------
    weights : (m, k). models : m names. classes : k names.
    path : the picture to write, ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : the weights are not (m, k) finite numbers.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (len(models), len(classes)) or not np.isfinite(w).all():
        raise DataError(f"expected finite weights ({len(models)}, {len(classes)}), found {w.shape}")
    wide, tall = 0.85 * len(classes), 0.55 * len(models)
    left, width, height = 1.5, 1.5 + wide + 0.25, tall + 1.35
    figure = _figure(width, height)
    axes = figure.add_axes((left / width, 0.45 / height, wide / width, tall / height))
    top = float(max(w.max(), 1e-9))
    axes.imshow(w, cmap="Blues", vmin=min(0.0, float(w.min())), vmax=top / 0.85, aspect="auto")
    for i, j in np.ndindex(w.shape):
        ink = "white" if w[i, j] > 0.5 * top / 0.85 else _INK
        axes.text(j, i, f"{w[i, j]:.2f}", ha="center", va="center", color=ink, fontsize=10)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(models)), models)
    axes.set_xticks(np.arange(0.5, len(classes) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(models) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0, labelsize=10, labelcolor=_INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.text(
        0.2 / width, 1 - 0.3 / height, title, va="center", color=_INK, fontsize=12,
        fontweight="bold",
    )  # fmt: skip
    figure.text(
        0.2 / width, 1 - 0.6 / height, "weight of each model for each emotion", va="center",
        color=_PALE, fontsize=9,
    )  # fmt: skip
    return _save(figure, path)


def comparison_figure(
    results: Sequence[Compared], path: str | Path, *, title: str, legend: str = ""
) -> Path:
    """Draw each strategy's accuracy where it was fitted and out of fold, with its interval.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there are no results.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    if not results:
        raise DataError("there are no results to draw; give at least one")
    n = len(results)
    width, height, left = 8.6, 0.3 * n + 1.6, 1.9
    figure = _figure(width, height)
    axes = figure.add_axes(
        (left / width, 0.5 / height, (width - left - 0.3) / width, (height - 1.55) / height)
    )
    for i, r in enumerate(results):
        low, high, held = (100 * x for x in (r.accuracy.low, r.accuracy.high, r.accuracy.value))
        axes.plot([held, 100 * r.fitted], [i, i], color=_FITTED, linewidth=1.2, alpha=0.6, zorder=1)
        axes.plot([low, high], [i, i], color=_HELD, linewidth=4, alpha=0.22, zorder=2,
                  solid_capstyle="butt")  # fmt: skip
        for value, colour, mark in ((100 * r.fitted, _FITTED, "D"), (held, _HELD, "o")):
            axes.scatter(
                [value], [i], s=34, color=colour, marker=mark, zorder=3,
                label={"D": "on its training clips", "o": "out of fold, 95 % interval"}[mark]
                if i == 0 else None,
            )  # fmt: skip
    axes.set_yticks(range(n), [r.name for r in results])
    axes.set_ylim(n - 0.4, -0.6)
    _accuracy_axes(axes, figure, title)
    figure.text(0.2 / width, 1 - 0.58 / height, legend, va="center", color=_PALE, fontsize=9)
    figure.legend(
        loc="upper left", bbox_to_anchor=(0.15 / width, 1 - 0.66 / height), ncols=2, frameon=False,
        fontsize=9, handletextpad=0.2,
    )  # fmt: skip
    return _save(figure, path)


def reliability_figure(
    labels: ArrayLike, probabilities: ArrayLike, path: str | Path, *, title: str
) -> Path:
    """Draw accuracy by probability of the prediction, and accuracy by coverage.

    Left: clips in ten bins by the probability of the predicted class. Right: the accuracy of the
    clips with the highest probabilities, by their share.

    Parameters
    ----------
    labels : (n,) 0..6. probabilities : (n, 7) of clips that the fusion was not fitted on.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : as ``metrics.evaluate``.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    error = expected_calibration_error(labels, probabilities)
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    where = np.clip(np.ceil(sure * _BINS).astype(int) - 1, 0, _BINS - 1)
    count = np.bincount(where, minlength=_BINS)
    full = np.flatnonzero(count)
    hits = np.bincount(where, weights=right, minlength=_BINS)[full] / count[full]
    mean = np.bincount(where, weights=sure, minlength=_BINS)[full] / count[full]

    figure = _figure(8.8, 4.7)
    axes = figure.add_axes((0.075, 0.115, 0.39, 0.66))
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    axes.bar((full + 0.5) / _BINS, hits, width=0.92 / _BINS, color=_HELD, alpha=0.25, linewidth=0)
    axes.plot(mean, hits, color=_HELD, marker="o", markersize=5, linewidth=1.4)
    for k in full:
        axes.text(
            (k + 0.5) / _BINS, 0.015, f"{count[k]:,}", ha="center", va="bottom", fontsize=7.5,
            color=_PALE,
        )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xlabel("probability of the prediction", color=_PALE, fontsize=9)
    axes.set_ylabel("share of right predictions", color=_PALE, fontsize=9)
    axes.set_title(f"calibration error {error:.1%}; at the bottom: clips", fontsize=9.5, color=_INK,
                   loc="left")  # fmt: skip

    coverage, accuracy = risk_coverage(p, y)
    other = figure.add_axes((0.565, 0.115, 0.39, 0.66))
    shown = coverage >= 0.05
    other.plot(coverage[shown], accuracy[shown], color=_HELD, linewidth=1.6)
    for share in (0.8, 0.5):
        rule = Abstainer.for_coverage(p, y, share)
        other.scatter([rule.coverage], [rule.accuracy], s=28, color=_FITTED, zorder=3)
        # there is room to the lower left of the falling curve
        other.annotate(
            f"{rule.coverage:.0%} predicted: {rule.accuracy:.1%}\np ≥ {rule.threshold:.2f}",
            (rule.coverage, rule.accuracy), xytext=(-7, -2), textcoords="offset points",
            ha="right", va="top", fontsize=8, color=_INK,
        )  # fmt: skip
    other.set(xlim=(0, 1.02), ylim=(min(0.9, float(accuracy[shown].min())) - 0.05, 1.0))
    other.set_xlabel("share of clips predicted, highest probability first", color=_PALE, fontsize=9)
    other.set_ylabel("share of right predictions among these", color=_PALE, fontsize=9)
    other.set_title("the rest is “uncertain”", fontsize=9.5, color=_INK, loc="left")
    for each in (axes, other):
        each.tick_params(labelsize=8.5, labelcolor=_INK, length=2, color="#bbbbbb")
        for side, spine in each.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color("#bbbbbb")
    figure.text(0.03, 0.93, title, color=_INK, fontsize=12, fontweight="bold", va="center")
    return _save(figure, path)
