"""A figure of the paper's submissions: our scores beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emonets.errors import DataError
from emonets.evaluation.figures import _PALE, _accuracy_axes, _checked, _figure, _save

PARTS = ("train", "valid", "test")
NAMES = {"train": "train", "valid": "validation", "test": "test"}
_COLOURS = {"train": "#c98f2b", "valid": "#1f5f99", "test": "#3c8d5a"}


@dataclass(frozen=True)
class SubmissionScores:
    """The scores of a recipe, here and in the paper: part → accuracy 0..1, if there is one."""

    name: str
    what: str
    here: Mapping[str, float]
    paper: Mapping[str, float]


def submissions_figure(
    scores: Sequence[SubmissionScores], path: str | Path, *, title: str, legend: str = ""
) -> Path:
    """Draw one row for each recipe: dots for our scores, rings for the paper's.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : no recipe was run.
    ParameterError : the file is not PNG, SVG or PDF.
    """
    path = _checked(path)
    if not scores:
        raise DataError("there is no recipe to draw; run at least one")
    n = len(scores)
    width, height, left = 9.2, 0.42 * n + 1.75, 3.6
    figure = _figure(width, height)
    axes = figure.add_axes(
        (left / width, 0.55 / height, (width - left - 0.35) / width, (height - 1.75) / height)
    )
    offsets = {"train": -0.2, "valid": 0.0, "test": 0.2}
    for i, one in enumerate(scores):
        if i % 2 == 0:
            axes.axhspan(i - 0.5, i + 0.5, color="#f5f5f5", zorder=0, linewidth=0)
        for part in PARTS:
            y, colour = i + offsets[part], _COLOURS[part]
            here, paper = one.here.get(part), one.paper.get(part)
            if here is not None and paper is not None:
                axes.plot([100 * here, 100 * paper], [y, y], color=colour, linewidth=1, alpha=0.5)
            if paper is not None:
                axes.scatter([100 * paper], [y], s=30, facecolors="white", edgecolors=colour,
                             linewidths=1.3, zorder=3)  # fmt: skip
            if here is not None:
                axes.scatter([100 * here], [y], s=22, color=colour, linewidths=0, zorder=4)
    for part in PARTS:
        axes.scatter([], [], s=26, color=_COLOURS[part], linewidths=0, label=NAMES[part])
    axes.scatter([], [], s=30, facecolors="white", edgecolors=_PALE, linewidths=1.3,
                 label="the paper's")  # fmt: skip
    axes.set_yticks(range(n), [f"{s.name}  {_short(s.what)}" for s in scores])
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(0, 102)
    _accuracy_axes(axes, figure, title)
    figure.text(0.2 / width, 1 - 0.6 / height, legend, va="center", color=_PALE, fontsize=9)
    figure.legend(
        loc="upper left", bbox_to_anchor=(0.12 / width, 1 - 0.72 / height), ncols=4, frameon=False,
        fontsize=9, handletextpad=0.1, columnspacing=1.2,
    )  # fmt: skip
    return _save(figure, path)


def _short(text: str, length: int = 44) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
