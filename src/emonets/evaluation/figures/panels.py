"""Several small tables or pictures on one sheet, as in the paper's Figures 2, 7, 8 and 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.figures.base import (
    INK,
    PALE,
    Sheet,
    colour_bar,
    ink_on,
    plain,
    table_axes,
    tick_names,
    width_of,
)
from emonets.evaluation.figures.names import CODES, in_text, readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL = 0.5  # inches, of a matrix
_FACE = 1.05  # inches, of a face
_MOST = 12  # faces in a row
_LINE = 0.19


@dataclass(frozen=True, eq=False)
class Panel:
    """One table of a sheet.

    Attributes
    ----------
    name : above it, such as "(a) Audio, 29.29 %". lines : smaller, below the name.
    values : (7, 7) counts of a confusion matrix; or (m, 7) weights.
    models : m ids of the rows, for weights.
    """

    name: str
    values: ArrayLike
    lines: Sequence[str] = ()
    models: Sequence[str] = ()


def confusion_panels(
    panels: Sequence[Panel], *, title: str = "", lines: Sequence[str] = ()
) -> Figure:
    """Draw confusion matrices side by side, two in a row, as the paper's Figures 7 and 8.

    Rows are true classes, columns predicted ones. A cell has the per cent of its row. A class
    without a clip has an empty row.

    Parameters
    ----------
    panels : one matrix each, of counts in canonical order.
    title, lines : above the sheet.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there is no panel, or one is not (7, 7) counts.

    Examples
    --------
    >>> figure = confusion_panels([Panel("(a) Audio", np.eye(7))])  # doctest: +SKIP
    """
    tables = [_counts(panel) for panel in panels]
    _some(panels)
    names = [in_text(name) for name in EMOTIONS]
    short = [CODES[name] for name in EMOTIONS]
    side, left = _CELL * len(EMOTIONS), 0.45 + width_of(names, 9)
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    text = _LINE * (1.4 + max(len(panel.lines) for panel in panels))
    step = (left + side + 0.3, text + side + 0.55)
    paper = Sheet(0.1 + step[0] * across + 0.65, step[1] * down, title or "Confusion matrices",
                  lines)  # fmt: skip
    image: Any = None
    for number, (panel, counts) in enumerate(zip(panels, tables, strict=True)):
        row, column = divmod(number, across)
        x, y = 0.1 + column * step[0], row * step[1]
        _heading(paper, panel, x + left, y)
        axes = paper.axes(x + left, y + text, side, side)
        support = counts.sum(axis=1)
        share = np.full(counts.shape, np.nan)
        share[support > 0] = counts[support > 0] / support[support > 0, None]
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for i, j in np.argwhere(np.isfinite(share)):
            ink = ink_on(image.cmap(image.norm(share[i, j])))
            weight = "bold" if i == j else "normal"
            axes.text(j, i, f"{100 * share[i, j]:.0f}", ha="center", va="center", fontsize=8.5,
                      color=ink, fontweight=weight)  # fmt: skip
        tick_names(axes.xaxis, short)
        tick_names(axes.yaxis, names)
        table_axes(axes, len(EMOTIONS), len(EMOTIONS))
        axes.tick_params(labelsize=9)
        for i in np.flatnonzero(support == 0).tolist():
            axes.text(3, i, "no clip", ha="center", va="center", fontsize=8, color=PALE)
        if row == down - 1 or number + across >= len(panels):
            axes.set_xlabel("predicted", fontsize=9, color=PALE)
        if column == 0:
            axes.set_ylabel("true", fontsize=9, color=PALE)
    bar = paper.axes(0.1 + step[0] * across - 0.15, text, 0.12, side)
    colour_bar(bar, image, "share of the row", per_cent=True)
    return paper.figure


def weight_panels(panels: Sequence[Panel], *, title: str = "", lines: Sequence[str] = ()) -> Figure:
    """Draw the weights of searches below each other, as the paper's Figure 9.

    Parameters
    ----------
    panels : (m, 7) weights each, with the names of m models.
    title, lines : above the sheet.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there is no panel, or one is not (m, 7) finite weights.

    Examples
    --------
    >>> one = Panel("(a)", [[0.7] * 7, [0.3] * 7], models=["face", "audio"])
    >>> figure = weight_panels([one])  # doctest: +SKIP
    """
    tables = [_weights(panel) for panel in panels]
    _some(panels)
    rows = [[readable(name) for name in panel.models] for panel in panels]
    columns = [in_text(name) for name in EMOTIONS]
    left = 0.35 + max(width_of(names, 9) for names in rows)
    wide, cell = max(0.75, width_of(columns, 9) + 0.15) * len(EMOTIONS), 0.38
    heads = [_LINE * (1.4 + len(panel.lines)) for panel in panels]
    talls = [cell * len(panel.models) for panel in panels]
    body = sum(heads) + sum(talls) + 0.45 * len(panels)
    paper = Sheet(left + wide + 0.9, body, title or "Weights", lines)
    top, most = 0.0, max(float(w.max()) for w in tables)
    for panel, w, names, head, tall in zip(panels, tables, rows, heads, talls, strict=True):
        _heading(paper, panel, left, top)
        axes = paper.axes(left, top + head, wide, tall)
        image = axes.imshow(w, cmap="Blues", vmin=0, vmax=max(most, 1e-9), aspect="auto")
        for i, j in np.ndindex(w.shape):
            ink = ink_on(image.cmap(image.norm(w[i, j])))
            axes.text(j, i, f"{w[i, j]:.2f}", ha="center", va="center", fontsize=9, color=ink)
        tick_names(axes.xaxis, columns)
        tick_names(axes.yaxis, names)
        table_axes(axes, w.shape[1], w.shape[0])
        axes.tick_params(labelsize=9)
        colour_bar(paper.axes(left + wide + 0.12, top + head, 0.1, tall), image, "weight")
        top += head + tall + 0.45
    return paper.figure


def face_pairs(
    raw: Sequence[ArrayLike] | NDArray[Any],
    smoothed: Sequence[ArrayLike] | NDArray[Any],
    captions: Sequence[str],
    *,
    title: str = "",
    lines: Sequence[str] = (),
) -> Figure:
    """Draw faces above, and the same after smoothing below, as the paper's Figure 2.

    Parameters
    ----------
    raw, smoothed : as many grey pictures (height, width) of 0..255 in each.
    captions : one a face, below it.
    title, lines : above the sheet.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there is no face, or not as many of each.

    Examples
    --------
    >>> figure = face_pairs([face], [even], ["happy"])  # doctest: +SKIP
    """
    n = len(raw)
    if not n or n > _MOST or not n == len(smoothed) == len(captions):
        raise DataError(
            f"expected 1 to {_MOST} faces, as many smoothed ones and captions; got {n}, "
            f"{len(smoothed)} and {len(captions)}"
        )
    left, step = 0.95, _FACE + 0.08
    paper = Sheet(max(5.0, left + step * n + 0.15), 2 * step + 0.35, title or "Faces", lines)
    for row, (name, pictures) in enumerate((("raw", raw), ("smoothed", smoothed))):
        paper.text(0.2, row * step + _FACE / 2, name, fontsize=9.5, color=INK, va="center")
        for k, picture in enumerate(pictures):
            grey = np.asarray(picture, dtype=np.float64)
            if grey.ndim != 2 or not np.isfinite(grey).all():
                raise DataError(f"face {k}: expected a grey picture, got shape {grey.shape}")
            axes = paper.axes(left + k * step, row * step, _FACE, _FACE)
            axes.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_axis_off()
    for k, caption in enumerate(captions):
        paper.text(left + k * step + _FACE / 2, 2 * step + 0.06, plain(caption), fontsize=8.5,
                   color=PALE, ha="center", va="center")  # fmt: skip
    return paper.figure


def _heading(paper: Sheet, panel: Panel, left: float, top: float) -> None:
    paper.text(left, top + 0.1, plain(panel.name), fontsize=10, color=INK, fontweight="bold",
               va="center")  # fmt: skip
    for k, line in enumerate(panel.lines):
        paper.text(left, top + 0.1 + _LINE * (k + 1), plain(line), fontsize=8, color=PALE,
                   va="center")  # fmt: skip


def _some(panels: Sequence[Panel]) -> None:
    if not panels:
        raise DataError("there is no panel to draw; give at least one")


def _counts(panel: Panel) -> NDArray[np.float64]:
    counts = np.asarray(panel.values, dtype=np.float64)
    side = len(EMOTIONS)
    if counts.shape != (side, side) or not np.isfinite(counts).all() or (counts < 0).any():
        raise DataError(f"{panel.name}: expected counts ({side}, {side}), got {counts.shape}")
    return counts


def _weights(panel: Panel) -> NDArray[np.float64]:
    w = np.asarray(panel.values, dtype=np.float64)
    if w.shape != (len(panel.models), len(EMOTIONS)) or not w.size or not np.isfinite(w).all():
        expected = (len(panel.models), len(EMOTIONS))
        raise DataError(f"{panel.name}: expected finite weights {expected}, got {w.shape}")
    return w
