"""Confusion matrices: which class is taken for which."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError
from emonets.evaluation.figures.base import (
    PALE,
    Sheet,
    colour_bar,
    ink_on,
    table_axes,
    tick_names,
    width_of,
)
from emonets.evaluation.figures.names import in_text
from emonets.evaluation.metrics import Evaluation, evaluate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL = 0.92  # inches
_NARROWEST = 6.4


def confusion(
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    classes: Sequence[str] = EMOTIONS,
    title: str = "",
    seed: int = 0,
) -> Figure:
    """Draw the confusion matrix of predictions, with n, UAR and accuracy above it.

    Rows are true classes, columns predicted ones. A cell has the per cent of its row, which is its
    colour too, and the count. A class without an item has no row; if it is never predicted, it has
    no column. The text above the matrix names such classes.

    Parameters
    ----------
    labels : (n,) the truth: 0..6, or words such as ``happy``.
    predicted : (n,) the same, or (n, 7) probabilities.
    groups : (n,) equal within a group, such as a person; the 95 % intervals are then over groups.
    classes : names of k classes if they are not the seven; labels are positions in them.
    title : the measured system and the data, such as "modern on CREMA-D".
    seed : of the bootstrap.

    Returns
    -------
    matplotlib's figure; :func:`~emonets.evaluation.figures.save` writes it.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : as ``metrics.evaluate``, or a word is not a class; the nearest is named.

    Examples
    --------
    >>> figure = confusion(["sad", "happy", "happy"], [4, 3, 6], title="three clips")
    ... # doctest: +SKIP
    """
    y, p = _numbers(labels, classes), _numbers(predicted, classes)
    return confusion_of(evaluate(y, p, groups=groups, classes=classes, seed=seed), title=title)


def confusion_of(evaluation: Evaluation, *, title: str = "") -> Figure:
    """Draw the confusion matrix of scores that are there already.

    Parameters
    ----------
    evaluation : what ``emonets.evaluation.metrics.evaluate`` returned.
    title : as in :func:`confusion`, which has the details.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    """
    every = evaluation.confusion
    rows = np.flatnonzero(every.sum(axis=1))
    columns = np.flatnonzero(every.sum(axis=1) + every.sum(axis=0))
    counts = every[np.ix_(rows, columns)]
    support = counts.sum(axis=1)
    share = counts / support[:, None]
    names = [in_text(name) for name in evaluation.classes]
    across, down = [names[j] for j in columns], [names[i] for i in rows]

    left = 0.55 + width_of(down)
    wide, tall = _CELL * len(columns), _CELL * len(rows)
    width = max(_NARROWEST, left + wide + 1.0)
    paper = Sheet(width, tall + 0.75, title or "Confusion matrix", _words(evaluation, rows))
    axes = paper.axes(left, 0.05, wide, tall)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(counts.shape):
        ink = ink_on(image.cmap(image.norm(share[i, j])))
        bold = "bold" if rows[i] == columns[j] else "normal"
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
        axes.text(j, i - 0.1, f"{share[i, j]:.0%}", fontsize=12, fontweight=bold, **style)
        axes.text(j, i + 0.23, f"{counts[i, j]:,}", fontsize=8.5, **style)
    tick_names(axes.xaxis, across)
    tick_names(axes.yaxis, [f"{name}\n{n:,}" for name, n in zip(down, support, strict=True)])
    table_axes(axes, len(columns), len(rows))
    if width_of(across) > _CELL:
        axes.tick_params(axis="x", rotation=30)
    axes.set_xlabel("predicted", color=PALE, fontsize=10)
    axes.set_ylabel("true", color=PALE, fontsize=10)
    bar = paper.axes(left + wide + 0.15, 0.05, 0.14, tall)
    colour_bar(bar, image, "share of the row", per_cent=True)
    return paper.figure


def _words(evaluation: Evaluation, rows: Any) -> list[str]:
    """The lines above the matrix."""
    over = "items" if evaluation.n_groups is None else f"{evaluation.n_groups:,} groups"
    lines = [
        f"n = {evaluation.n:,}    UAR {evaluation.uar}    accuracy {evaluation.accuracy}",
        f"per cent of each row, and counts; [95 % bootstrap over {over}]",
    ]
    absent = [in_text(c) for k, c in enumerate(evaluation.classes) if k not in rows]
    if absent:
        lines.append(f"without an item, so without a row: {', '.join(absent)}")
    return lines


def _numbers(labels: ArrayLike, classes: Sequence[str]) -> Any:
    """Labels as positions of classes; numbers and probabilities stay."""
    given = np.asarray(labels)
    if given.dtype.kind not in "UO" or given.ndim != 1:
        return given
    places = {name.lower(): k for k, name in enumerate(classes)}
    if tuple(classes) == EMOTIONS:
        places = {word: EMOTIONS.index(name) for word, name in WORDS.items()}
    out = []
    for i, word in enumerate(given):
        if not isinstance(word, str):
            return given
        found = places.get(word.strip().lower())
        if found is None:
            near = difflib.get_close_matches(word.strip().lower(), places, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; use {', '.join(classes)}"
            raise DataError(f"label {i} is {str(word)!r}, which is not a class{hint}")
        out.append(found)
    return np.array(out)
