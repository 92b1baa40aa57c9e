"""The paper's submissions: our scores beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emonets.errors import DataError
from emonets.evaluation.figures.base import PALE, Sheet, accuracy_axes, tick_names, width_of
from emonets.evaluation.figures.names import in_list

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("train", "valid", "test")
NAMES = {"train": "train", "valid": "validation", "test": "test"}
PAPER_CLASSES = 7
_COLOURS = {"train": "#c98f2b", "valid": "#1f5f99", "test": "#3c8d5a"}
_MARKS = {"train": "^", "valid": "s", "test": "o"}
_LONGEST = 48  # letters of the models' names
_CHANCE, _PAPER_CHANCE = (0, (1, 1.5)), (0, (6, 3))


@dataclass(frozen=True)
class SubmissionScores:
    """The scores of a recipe, here and in the paper: part → accuracy 0..1, if there is one.

    Attributes
    ----------
    name : of the recipe, such as ``2013-7``. models : their ids.
    here, paper : part of :data:`PARTS` → accuracy.
    intervals : part → ends of the 95 % interval of the score here, 0..1, if there is one.
    """

    name: str
    models: Sequence[str]
    here: Mapping[str, float]
    paper: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def submissions(
    scores: Sequence[SubmissionScores],
    *,
    classes: int = PAPER_CLASSES,
    title: str = "",
    legend: str = "",
) -> Figure:
    """Draw one row for each recipe: filled marks for our scores, empty ones for the paper's.

    The paper's numbers are of other clips than ours, so no line joins them. A bar is the 95 %
    interval of our score. Dotted and dashed lines are chance.

    Parameters
    ----------
    scores : of each recipe.
    classes : number of classes of our data; chance is one of these. The paper has 7.
    title, legend : above the figure.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : no recipe was run, or there are fewer than 2 classes.

    Examples
    --------
    >>> one = SubmissionScores("2013-1", ["face"], {"test": 0.42}, {"test": 0.356},
    ...                        {"test": (0.31, 0.53)})
    >>> figure = submissions([one], classes=6)  # doctest: +SKIP
    """
    if not scores:
        raise DataError("there is no recipe to draw; run at least one")
    if classes < 2:
        raise DataError(f"chance needs at least 2 classes, got {classes}")
    n = len(scores)
    names = [f"{s.name}  {_short(in_list(s.models))}" for s in scores]
    left = 0.35 + width_of(names, 9)
    width, tall = left + 5.6, 0.42 * n
    note = "bars: 95 % intervals of our test scores; the paper's data are others than ours"
    paper = Sheet(width, tall + 1.2, title or "The paper's submissions",
                  [text for text in (legend, note) if text])  # fmt: skip
    axes = paper.axes(left, 0.6, width - left - 0.3, tall)
    offsets = {"train": -0.24, "valid": 0.0, "test": 0.24}
    for i, one in enumerate(scores):
        if i % 2 == 0:
            axes.axhspan(i - 0.5, i + 0.5, color="#f5f5f5", zorder=0, linewidth=0)
        for part in PARTS:
            y = i + offsets[part]
            style: dict[str, Any] = {"color": _COLOURS[part], "marker": _MARKS[part]}
            if part in one.intervals:
                ends = [100 * x for x in one.intervals[part]]
                axes.plot(ends, [y, y], color=_COLOURS[part], linewidth=4, alpha=0.3, zorder=2,
                          solid_capstyle="butt")  # fmt: skip
            if part in one.paper:
                axes.scatter([100 * one.paper[part]], [y], zorder=3, **_empty(style))
            if part in one.here:
                axes.scatter([100 * one.here[part]], [y], s=22, linewidths=0, zorder=4, **style)
    axes.axvline(100 / classes, color="#444444", linewidth=1, linestyle=_CHANCE, zorder=1)
    if classes != PAPER_CLASSES:
        axes.axvline(100 / PAPER_CLASSES, color="#444444", linewidth=1, linestyle=_PAPER_CHANCE,
                     zorder=1)  # fmt: skip
    tick_names(axes.yaxis, names)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(0, 102)
    accuracy_axes(axes)
    paper.legend(0.2, 0.02, _handles(scores, classes), 4)
    return paper.figure


def _empty(style: Mapping[str, Any]) -> dict[str, Any]:
    """A mark that is not filled."""
    return {"s": 28, "marker": style["marker"], "facecolors": "white",
            "edgecolors": style["color"], "linewidths": 1.2}  # fmt: skip


def _handles(scores: Sequence[SubmissionScores], classes: int) -> list[Any]:
    from matplotlib.lines import Line2D

    drawn = [p for p in PARTS if any(p in s.here or p in s.paper for s in scores)]
    handles = [
        Line2D([], [], color=_COLOURS[part], marker=_MARKS[part], linestyle="",
               label=f"{NAMES[part]}, here")
        for part in drawn
    ]  # fmt: skip
    handles.append(
        Line2D([], [], color=PALE, marker="o", markerfacecolor="white", linestyle="",
               label="not filled: the paper's")
    )  # fmt: skip
    same = classes == PAPER_CLASSES
    label = f"chance{'' if same else ' here'}, 1 of {classes} classes"
    handles.append(Line2D([], [], color="#444444", linewidth=1, linestyle=_CHANCE, label=label))
    if not same:
        label = f"chance in the paper, 1 of {PAPER_CLASSES}"
        handles.append(
            Line2D([], [], color="#444444", linewidth=1, linestyle=_PAPER_CHANCE, label=label)
        )
    return handles


def _short(text: str, length: int = _LONGEST) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
