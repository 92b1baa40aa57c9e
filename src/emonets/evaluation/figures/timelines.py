"""A timeline: who shows what when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import COLOURS, EMOTIONS, UNIFORM
from emonets.evaluation.figures.bands import Band, Story, story
from emonets.evaluation.figures.base import (
    INK,
    PALE,
    RULE,
    Sheet,
    ink_on,
    quiet,
    tick_names,
    width_of,
)
from emonets.evaluation.figures.names import CODES, DASHES, MARKS, in_text
from emonets.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 10.0  # inches
_ROW, _CURVES = 0.34, 1.5  # inches of a ribbon, and of a panel of curves
_PALEST = 0.18  # strength of a colour where all emotions have the same probability
_CODE = 0.2  # inches that an emotion's two letters need
_STEPS = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600)  # seconds between ticks
_MOST = 240  # points of a curve
_FEW = 60  # predictions that each get a marker


def timeline(
    result: Result,
    file: str | None = None,
    *,
    persons: Sequence[int] | None = None,
    most: int = 6,
    title: str | None = None,
) -> Figure:
    """Draw what was predicted over a clip: a ribbon a person and source, and seven curves a person.

    A ribbon has the colour and two letters of the label. Its colour is paler where the probability
    is lower, and it is hatched where no face, or no speech, was found. Below are the probabilities
    of the seven emotions: of each person, combined where several specialists were used; without a
    person, of the clip. Of more than 240 windows the curves are means of neighbours, and the
    panel's title states of how many.

    Parameters
    ----------
    result : of ``predict``; the rows of single pictures are not used.
    file : the clip, as it was given or without its folder; None: the only one of the result.
    persons : numbers of the persons to draw; None: the ``most`` that are seen longest.
    most : at least 1. The text below the title states how many persons are left out.
    title : None: the name of the file.

    Returns
    -------
    matplotlib's figure. The first axes are the ribbons; one for each panel of curves follows. x is
    seconds of the clip, or minutes and seconds from two minutes on.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    ParameterError : the file or a person is not in the result, several files are and none is named,
        or there are no predictions of the file.

    Examples
    --------
    >>> figure = timeline(load().predict("talk.mp4", window=1.0))  # doctest: +SKIP
    """
    shown = story(result, file, persons, most)
    curves = _panels(shown)
    names = [band.name for band in shown.bands]
    left = max(0.75, 0.3 + width_of(names, 9))
    tall = _ROW * len(names)
    body = 0.62 + tall + (0.45 + _CURVES) * len(curves) + 0.5
    paper = Sheet(_WIDTH, body, title or Path(shown.file).name, _words(result, shown))
    paper.legend(0.2, 0.03, _handles(shown), 5)
    wide = _WIDTH - left - 0.25
    ribbons = paper.axes(left, 0.62, wide, tall)
    for i, band in enumerate(shown.bands):
        _ribbon(ribbons, band, i, wide / (shown.end - shown.start))
    tick_names(ribbons.yaxis, names)
    ribbons.set_ylim(len(names) - 0.5, -0.5)
    quiet(ribbons, ("bottom",))
    ribbons.tick_params(axis="y", length=0, labelsize=9)
    every = [ribbons]
    for i, band in enumerate(curves):
        axes = paper.axes(left, 0.62 + tall + 0.45 + (0.45 + _CURVES) * i, wide, _CURVES)
        _curves(axes, band, None if band.person is None else shown.usable.get(band.person))
        every.append(axes)
    for axes in every:
        axes.set_xlim(shown.start, shown.end)
        _clock(axes, shown.end - shown.start, labels=axes is every[-1])
    return paper.figure


def _panels(shown: Story) -> list[Band]:
    """The band of each person whose curves are drawn; without persons, one of the clip."""
    out = []
    for who in shown.persons:
        own = [band for band in shown.bands if band.person == who and len(band.start)]
        out += sorted(own, key=lambda band: not band.fused)[:1]
    if not out:
        rest = [band for band in shown.bands if len(band.start)]
        out = sorted(rest, key=lambda band: not band.fused)[:1]
    return out


def _words(result: Result, shown: Story) -> list[str]:
    """The lines below the title."""
    parts = []
    if result.about.get("bundle"):
        parts.append(f"model: {Path(str(result.about['bundle'])).name}")
    combined = sorted({band.model for band in shown.bands if band.fused})
    if combined:
        parts.append("combined: " + ", ".join(in_text(name) for name in combined))
    if shown.left_out:
        were = "person who is" if shown.left_out == 1 else "persons who are"
        parts.append(f"not drawn: {shown.left_out} {were} seen for less time")
    lines = ["; ".join(parts)] if parts else []
    if shown.status is not None and shown.status.status != "ok":
        lines.append(f"{shown.status.status}: {shown.status.message}".rstrip(": "))
    return lines


def _strength(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """How strong a colour is, by the largest probability: 1/7 the palest, 1 the full colour."""
    sure = (p.max(axis=1) - UNIFORM) / (1 - UNIFORM)
    return np.asarray(_PALEST + (1 - _PALEST) * np.clip(sure, 0, 1))


def _ribbon(axes: Axes, band: Band, row: int, scale: float) -> None:
    """The cells of a band; ``scale`` is inches a second."""
    from matplotlib.colors import to_rgb

    for a, b in band.gaps:
        axes.broken_barh([(a, b - a)], (row - 0.4, 0.8), facecolors="#fafafa", hatch="////",
                         edgecolors="#9a9a9a", linewidth=0, zorder=3)  # fmt: skip
    if not len(band.start):
        return
    best = band.p.argmax(axis=1)
    full = np.array([to_rgb(COLOURS[EMOTIONS[k]]) for k in best])
    colours = 1 - _strength(band.p)[:, None] * (1 - full)
    spans = list(zip(band.start, band.end - band.start, strict=True))
    axes.broken_barh(spans, (row - 0.4, 0.8), facecolors=colours, linewidth=0, zorder=2)
    for first, last in _runs(band, best):
        width = (band.end[last] - band.start[first]) * scale
        if width < _CODE:
            continue
        middle = (band.start[first] + band.end[last]) / 2
        under = int(np.clip(np.searchsorted(band.end, middle), first, last))
        text = CODES[EMOTIONS[best[first]]] + ("?" if band.uncertain[first] else "")
        axes.text(middle, row, text, ha="center", va="center", fontsize=8, zorder=4,
                  color=ink_on(colours[under]))  # fmt: skip


def _runs(band: Band, best: NDArray[Any]) -> list[tuple[int, int]]:
    """First and last of neighbours with one label."""
    new = (np.diff(best) != 0) | (np.diff(band.uncertain.astype(int)) != 0)
    new |= band.start[1:] - band.end[:-1] > 1e-6
    at = [0, *(np.flatnonzero(new) + 1), len(best)]
    return [(int(a), int(b) - 1) for a, b in pairwise(at)]


def _curves(axes: Axes, band: Band, usable: float | None) -> None:
    """The seven probabilities over time, broken where nothing was found."""
    new = band.start[1:] - band.end[:-1] > np.median(band.end - band.start)
    middle, p, piece, many = _means((band.start + band.end) / 2, band.p, np.cumsum([0, *new]))
    breaks = np.flatnonzero(np.diff(piece)) + 1
    x = np.insert(middle, breaks, np.nan)
    y = np.insert(p, breaks, np.nan, axis=0)
    every = max(1, len(middle) // _FEW)
    for a, b in band.gaps:
        axes.axvspan(a, b, facecolor="#fafafa", hatch="////", edgecolor="#dddddd", linewidth=0,
                     zorder=0)  # fmt: skip
    axes.axhline(UNIFORM, color=RULE, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    for k, name in enumerate(EMOTIONS):
        axes.plot(
            x, y[:, k], color=COLOURS[name], linestyle=DASHES[name], linewidth=1.3,
            marker=MARKS[name], markersize=3.4, markevery=every, zorder=2, clip_on=False,
        )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("probability", fontsize=8.5, color=PALE)
    text = band.name + ("" if usable is None else f"; face usable in {usable:.0%} of the frames")
    text += f"; curves: means of {many} windows" if many > 1 else ""
    axes.set_title(text, fontsize=9, color=INK, loc="left", pad=4)
    quiet(axes)


def _means(
    x: NDArray[np.float64], p: NDArray[np.float64], piece: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any], int]:
    """Means of so many neighbours of one piece that curves can be read, and how many these are."""
    many = -(-len(x) // _MOST)
    if many == 1:
        return x, p, piece, 1
    first = np.searchsorted(piece, piece)  # of each one's piece
    group = np.stack([piece, (np.arange(len(x)) - first) // many], axis=1)
    found, at, n = np.unique(group, axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(found), 1 + p.shape[1]))
    np.add.at(sums, at.ravel(), np.concatenate([x[:, None], p], axis=1))
    mean = sums / n[:, None]
    return mean[:, 0], mean[:, 1:], found[:, 0], many


def _clock(axes: Axes, length: float, *, labels: bool) -> None:
    """An x axis in seconds, or in minutes and seconds for clips from two minutes on."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator, NullFormatter

    if length >= 120:
        step = next((s for s in _STEPS if length / s <= 12), _STEPS[-1] * (1 + length // 259200))
        axes.xaxis.set_major_locator(MultipleLocator(step))

    def shown(seconds: float, _: Any) -> str:
        minutes, rest = divmod(round(seconds), 60)
        if length < 3600:
            return f"{minutes}:{rest:02d}"
        return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"

    if not labels:
        axes.xaxis.set_major_formatter(NullFormatter())
        return
    if length >= 120:
        axes.xaxis.set_major_formatter(FuncFormatter(shown))
    unit = "minutes and seconds" if length < 3600 else "hours, minutes and seconds"
    axes.set_xlabel("seconds" if length < 120 else unit, fontsize=8.5, color=PALE)


def _handles(shown: Story) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=COLOURS[name], linestyle=DASHES[name], marker=MARKS[name],
               markersize=4, linewidth=1.6, label=f"{CODES[name]}  {name}")
        for name in EMOTIONS
    ]  # fmt: skip
    handles.append(Patch(facecolor="#d9d9d9", label="paler: less certain"))
    nothing = sorted({band.nothing for band in shown.bands if len(band.gaps)})
    if nothing:
        handles.append(Patch(facecolor="#fafafa", hatch="////", edgecolor="#9a9a9a", linewidth=0,
                             label=" or ".join(nothing)))  # fmt: skip
    if any(band.uncertain.any() for band in shown.bands):
        handles.append(Line2D([], [], linestyle="", marker="$?$", color=INK, label="uncertain"))
    return handles
