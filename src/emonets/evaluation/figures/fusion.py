"""Figures of fusions: the weights of one, and scores of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.figures.base import (
    OTHER,
    OURS,
    Sheet,
    accuracy_axes,
    colour_bar,
    ink_on,
    table_axes,
    tick_names,
    width_of,
)
from emonets.evaluation.figures.names import in_text, readable
from emonets.fusion.named import NamedFusion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emonets.evaluation.compare_fusion import Compared


def fusion_weights(
    fusion: ArrayLike | NamedFusion | Any,
    models: Sequence[str] | None = None,
    *,
    classes: Sequence[str] = EMOTIONS,
    title: str = "",
) -> Figure:
    """Draw the weight of each model for each class, as the paper's Figure 9.

    Parameters
    ----------
    fusion : a fitted fusion with weights; or its weights, (m, k) by model and class, or (m,) for
        all classes.
    models : m ids, drawn by their names; may be left out for a ``NamedFusion``, which has them.
    classes : k names.
    title : above the table.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : the fusion has no weights, or they are not (m, k) finite numbers.

    Examples
    --------
    >>> figure = fusion_weights(load("modern").fusion)  # doctest: +SKIP
    >>> figure = fusion_weights([[0.7] * 7, [0.3] * 7], ["face", "audio"])  # doctest: +SKIP
    """
    if isinstance(fusion, NamedFusion):
        models = fusion.models if models is None else models
        fusion = fusion.fusion
    found = weights_of(fusion)
    if found is None:
        kind = getattr(fusion, "kind", type(fusion).__name__)
        raise DataError(
            f"the fusion {kind!r} has no weights by model; draw one of a search or of a pool"
        )
    w = np.asarray(found, dtype=np.float64)
    if w.ndim == 1:
        w, classes = w[:, None], ("all classes",)
    if models is None:
        raise DataError("the weights have no names: give models, one name a row")
    if w.shape != (len(models), len(classes)) or not np.isfinite(w).all():
        raise DataError(f"expected finite weights ({len(models)}, {len(classes)}), found {w.shape}")
    rows, columns = [readable(name) for name in models], [in_text(c) for c in classes]
    wide, tall = max(0.85, width_of(columns) + 0.2) * len(classes), 0.5 * len(models)
    left = 0.35 + width_of(rows)
    line = "weight of each model for each class" if w.shape[1] > 1 else "weight of each model"
    paper = Sheet(max(4.2, left + wide + 0.95), tall + 0.5, title or "Weights of a fusion", [line])
    axes = paper.axes(left, 0.05, wide, tall)
    image = axes.imshow(
        w, cmap="Blues", vmin=min(0.0, float(w.min())), vmax=max(float(w.max()), 1e-9),
        aspect="auto",
    )  # fmt: skip
    for i, j in np.ndindex(w.shape):
        ink = ink_on(image.cmap(image.norm(w[i, j])))
        axes.text(j, i, f"{w[i, j]:.2f}", ha="center", va="center", color=ink, fontsize=10)
    tick_names(axes.xaxis, columns)
    tick_names(axes.yaxis, rows)
    table_axes(axes, w.shape[1], w.shape[0])
    colour_bar(paper.axes(left + wide + 0.12, 0.05, 0.12, tall), image, "weight")
    return paper.figure


def weights_of(fusion: Any) -> Any:
    """Weights of a fusion, or of the fusion within it; arrays and lists stay; None: it has none."""
    if isinstance(fusion, np.ndarray | list | tuple):
        return fusion
    while fusion is not None and not hasattr(fusion, "weights_"):
        fusion = getattr(fusion, "estimator_", None)
    return None if fusion is None else fusion.weights_


def fusion_scores(
    results: Sequence[Compared], *, title: str = "", legend: str = "", chance: float | None = None
) -> Figure:
    """Draw each strategy's accuracy where it was fitted and out of fold, with its interval.

    The two are numbers of different clips, so no line joins them.

    Parameters
    ----------
    results : what ``compare_fusion.compare`` returned.
    title, legend : above the figure; the legend names data and folds.
    chance : 0..1, accuracy of a guess; None: not drawn.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there are no results.
    """
    if not results:
        raise DataError("there are no results to draw; give at least one")
    n = len(results)
    names = [readable(r.name) for r in results]
    left = 0.35 + width_of(names, 9)
    width, tall = left + 6.3, 0.3 * n
    paper = Sheet(width, tall + 0.95, title or "Fusions", [legend] if legend else [])
    from matplotlib.lines import Line2D

    axes = paper.axes(left, 0.35, width - left - 0.3, tall)
    for i, r in enumerate(results):
        low, high, held = (100 * x for x in (r.accuracy.low, r.accuracy.high, r.accuracy.value))
        axes.plot([low, high], [i + 0.1, i + 0.1], color=OURS, linewidth=4, alpha=0.25, zorder=2,
                  solid_capstyle="butt")  # fmt: skip
        axes.scatter([100 * r.fitted], [i - 0.14], s=30, color=OTHER, marker="D", zorder=3)
        axes.scatter([held], [i + 0.1], s=30, color=OURS, marker="o", zorder=3)
    handles = [
        Line2D([], [], color=OTHER, marker="D", linestyle="", label="on its training clips"),
        Line2D([], [], color=OURS, marker="o", linewidth=4, label="out of fold, 95 % interval"),
    ]
    if chance is not None:
        axes.axvline(100 * chance, color="#444444", linewidth=1, linestyle=(0, (1, 2)))
        handles.append(Line2D([], [], color="#444444", linestyle=(0, (1, 2)),
                              label=f"chance, {chance:.1%}"))  # fmt: skip
    tick_names(axes.yaxis, names)
    axes.set_ylim(n - 0.4, -0.6)
    accuracy_axes(axes)
    paper.legend(0.2, 0.02, handles, 3)
    return paper.figure
