"""From the frames of a clip to its descriptor, as the paper's Figures 4 and 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.evaluation.figures.base import (
    PALE,
    RULE,
    Sheet,
    colour_bar,
    ink_on,
    tick_names,
    width_of,
)
from emonets.evaluation.figures.names import in_text
from emonets.specialists.descriptor import SLOTS, allocate, segments

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDE = 8.0  # inches of either table
_ROW = 0.24
_BETWEEN = 0.75
_SHADES = ("#dbe7f2", "#f3e7d3")  # neighbours are told apart


def aggregation(
    probabilities: ArrayLike,
    *,
    slots: int = SLOTS,
    title: str = "",
    lines: Sequence[str] = (),
) -> Figure:
    """Draw how a clip's frames become the vectors of its descriptor (paper 3.1.4).

    Above are the frames, below the vectors, with a band from each group of frames to its vector.
    A clip of many frames is averaged (Figure 4); one of few is expanded by repeating (Figure 5).

    Parameters
    ----------
    probabilities : (n, 7), of the n frames with a face, in order of time.
    slots : vectors of the descriptor, at least 1.
    title, lines : above the figure.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : no frame, not seven numbers a frame, or values that are not finite.
    ParameterError : slots is less than 1.

    Examples
    --------
    >>> figure = aggregation(np.full((4, 7), 1 / 7))  # doctest: +SKIP
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != len(EMOTIONS) or not len(p) or not np.isfinite(p).all():
        raise DataError(f"expected finite probabilities (frames, 7) of a clip, got {p.shape}")
    if slots < 1:
        raise ParameterError(f"slots must be at least 1, got {slots}")
    below = segments(p, slots=slots).reshape(slots, -1)
    n, names = len(p), [in_text(name) for name in EMOTIONS]
    left = 0.4 + width_of(names, 8.5)
    tall = _ROW * len(EMOTIONS)
    sizes = allocate(n, slots) if n >= slots else allocate(slots, n)
    how = "averaged into" if n >= slots else "repeated to"
    counts = " ".join(map(str, sizes))
    what = "frames a vector" if n >= slots else "vectors a frame"
    note = f"{n} frames with a face, {how} {slots} vectors; {what}: {counts}"
    paper = Sheet(left + _WIDE + 1.0, 2 * tall + _BETWEEN + 0.75, title or "Aggregation of frames",
                  [*lines, note])  # fmt: skip
    top = paper.axes(left, 0.2, _WIDE, tall)
    image = _table(top, p, names)
    top.set_title("frames, in order of time", fontsize=8.5, color=PALE, pad=3)
    bottom = paper.axes(left, 0.2 + tall + _BETWEEN, _WIDE, tall)
    _table(bottom, below, names)
    if n < slots:
        _numbers(top, p, image)
    _numbers(bottom, below, image)
    bottom.set_xticks(range(slots), [str(j + 1) for j in range(slots)], fontsize=8, color=PALE)
    bottom.set_xlabel("vectors of the descriptor", fontsize=8.5, color=PALE, labelpad=2)
    _bands(paper.axes(left, 0.2 + tall, _WIDE, _BETWEEN), sizes, n, slots)
    bar = paper.axes(left + _WIDE + 0.12, 0.2, 0.12, 2 * tall + _BETWEEN)
    colour_bar(bar, image, "probability", per_cent=True)
    return paper.figure


def _table(axes: Any, p: NDArray[np.float64], names: Sequence[str]) -> Any:
    image = axes.imshow(p.T, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    tick_names(axes.yaxis, names)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=8.5)
    for spine in axes.spines.values():
        spine.set_color(RULE)
    return image


def _numbers(axes: Any, p: NDArray[np.float64], image: Any) -> None:
    for j, k in np.ndindex(p.shape):
        ink = ink_on(image.cmap(image.norm(p[j, k])))
        axes.text(j, k, f"{p[j, k]:.0%}", ha="center", va="center", fontsize=7, color=ink)


def _bands(axes: Any, sizes: NDArray[np.intp], n: int, slots: int) -> None:
    """A band from each group of frames down to its vectors, in shares of the width."""
    from matplotlib.patches import Polygon

    ends = np.concatenate([[0], np.cumsum(sizes)])
    upper = ends / n if n >= slots else np.arange(n + 1) / n
    lower = np.arange(slots + 1) / slots if n >= slots else ends / slots
    for j in range(len(sizes)):
        corners = [(upper[j], 1), (upper[j + 1], 1), (lower[j + 1], 0), (lower[j], 0)]
        axes.add_patch(Polygon(corners, facecolor=_SHADES[j % 2], edgecolor="white", linewidth=1.2))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
