"""Figures of a mouth model: its dictionary, and the evidence of each region."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.figures.base import INK, PALE, Sheet, colour_bar, ink_on
from emonets.learners.patches.bag import BagOfPatches, Region

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 6  # words shown of a region, in each direction
_GAP = 1  # pixels between two words


def region_evidence(
    coefficients: ArrayLike, features: ArrayLike, labels: ArrayLike, regions: int
) -> NDArray[np.float64]:
    """The evidence of each region for an emotion, in pictures of that emotion.

    This is what a region's features add to the emotion's logit, less what they add to the mean
    logit of all emotions. The same over all pictures is subtracted.

    Parameters
    ----------
    coefficients : (k, d) of a linear classifier of k classes.
    features : (n, d) of pictures, region by region, all of one size.
    labels : (n,) 0..k-1.
    regions : number of regions.

    Returns
    -------
    (k, regions) logits; NaN for a class without a picture.

    Raises
    ------
    DataError : the shapes do not match.
    """
    w, x, y = np.asarray(coefficients, np.float64), np.asarray(features), np.asarray(labels)
    if x.ndim != 2 or w.shape[1:] != x.shape[1:] or y.shape != x.shape[:1] or x.shape[1] % regions:
        raise DataError(
            f"coefficients {w.shape}, features {x.shape}, labels {y.shape} and {regions} regions "
            "do not match"
        )
    w = w - w.mean(axis=0)
    everyone = x.mean(axis=0)
    out = np.full((len(w), regions), np.nan)
    for k in np.unique(y):
        out[k] = (w[k] * (x[y == k].mean(axis=0) - everyone)).reshape(regions, -1).sum(axis=1)
    return out


def dictionary(bag: BagOfPatches, *, title: str = "") -> Figure:
    """Draw the words nearest to most patches, region by region.

    Parameters
    ----------
    bag : fitted.
    title : above the figure.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.

    Examples
    --------
    >>> figure = dictionary(load("modern").mouth.bag)  # doctest: +SKIP
    """
    down, across = bag.grid
    words = len(bag.dictionaries_[0].centres_)
    legend = (
        f"of each region's {words} words, the {min(words, _SIDE * _SIDE)} nearest to most patches, "
        "at the region's place"
    )
    paper = Sheet(1.75 * across + 0.3, 1.9 * down + 0.1, title or "Dictionary", [legend])
    for r, (region, learned) in enumerate(zip(bag.regions_, bag.dictionaries_, strict=True)):
        axes = paper.axes(0.2 + 1.75 * (r % across), 0.2 + 1.9 * (r // across), 1.6, 1.6)
        most = np.argsort(-learned.counts_, kind="stable")[: _SIDE * _SIDE]
        axes.imshow(_sheet(learned.patches()[most], bag), cmap="gray", vmin=0, vmax=1)
        rows = f"{region.top}–{region.bottom + bag.patch_size - 2}"
        columns = f"{region.left}–{region.right + bag.patch_size - 2}"
        axes.set_title(f"rows {rows}, columns {columns}", fontsize=7, color=PALE, pad=2)
        axes.set_axis_off()
    return paper.figure


def _sheet(patches: NDArray[Any], bag: BagOfPatches) -> NDArray[np.float64]:
    """Patches side by side, each around its own mean grey."""
    size = bag.patch_size
    step = size + _GAP
    channels = bag.picture_shape_[2:]
    sheet = np.ones((_SIDE * step - _GAP, _SIDE * step - _GAP, *channels))
    for k, patch in enumerate(patches):
        shaped = patch.reshape(*channels, size, size)
        shaped = np.moveaxis(shaped, 0, 2) if channels else shaped
        scale = 2.2 * max(float(np.abs(shaped).max()), 1e-12)
        i, j = divmod(k, _SIDE)
        sheet[i * step : i * step + size, j * step : j * step + size] = 0.5 + shaped / scale
    return np.clip(sheet, 0, 1)


def regions(
    evidence: ArrayLike,
    mean_mouths: Sequence[ArrayLike | None],
    places: Sequence[Region],
    *,
    title: str = "",
    patch_size: int = 8,
    legend: str = "",
) -> Figure:
    """Draw the evidence of each region for each emotion, over the mean mouth of each.

    Parameters
    ----------
    evidence : (7, regions) logits, from :func:`region_evidence`.
    mean_mouths : seven pictures (height, width), None for an absent emotion.
    places : the regions of the bag (``regions_``), row by row.
    title, legend : above the figure.
    patch_size : pixels of the side of a patch.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : all emotions are absent.

    Examples
    --------
    >>> figure = regions(evidence, means, bag.regions_)  # doctest: +SKIP
    """
    values = np.asarray(evidence, np.float64)
    shown = [(k, np.asarray(m, np.float64)) for k, m in enumerate(mean_mouths) if m is not None]
    if not shown:
        raise DataError("there is no mean mouth to draw; give at least one")
    limit = float(np.nanmax(np.abs(values[[k for k, _ in shown]])))
    panel, gap = 1.6, 0.12
    tallest = max(panel * mouth.shape[0] / mouth.shape[1] for _, mouth in shown)
    width, tall = 0.3 + (panel + gap) * len(shown) + 0.7, 2 * tallest + 0.55
    paper = Sheet(width, tall, title or "Evidence by region", [legend] if legend else [])
    edges = _cells(places, patch_size)
    image: Any = None
    for place, (k, mouth) in enumerate(shown):
        own = panel * mouth.shape[0] / mouth.shape[1]
        for row in range(2):
            top = 0.3 + row * (tallest + 0.1)
            axes = paper.axes(0.2 + (panel + gap) * place, top, panel, own)
            axes.imshow(
                mouth, cmap="gray", extent=(0, mouth.shape[1], mouth.shape[0], 0),
                interpolation="bicubic",
            )  # fmt: skip
            if row == 0:
                axes.set_title(EMOTIONS[k], fontsize=10, color=INK, pad=4)
            else:
                image = _over(axes, edges, values[k], limit)
            axes.set_axis_off()
    bar = paper.axes(width - 0.75, 0.4 + tallest, 0.1, tallest)
    colour_bar(bar, image, "evidence")
    return paper.figure


def _over(axes: Any, edges: Any, values: NDArray[np.float64], limit: float) -> Any:
    """The evidence of an emotion's regions over a picture."""
    grid = values.reshape(len(edges[0]) - 1, len(edges[1]) - 1)
    image = axes.pcolormesh(
        edges[1], edges[0], grid, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.72,
        edgecolors="white", linewidth=0.6,
    )  # fmt: skip
    for i, j in np.ndindex(grid.shape):
        axes.text(
            (edges[1][j] + edges[1][j + 1]) / 2, (edges[0][i] + edges[0][i + 1]) / 2,
            f"{grid[i, j]:+.2f}", ha="center", va="center", fontsize=6,
            color=ink_on(image.cmap(image.norm(grid[i, j]))),
        )  # fmt: skip
    return image


def _cells(places: Sequence[Region], patch_size: int) -> tuple[list[float], list[float]]:
    """Edges of the cells, down and across, from the centres of a region's patches."""
    half = patch_size / 2 - 0.5
    spans = (
        sorted({(r.top, r.bottom) for r in places}),
        sorted({(r.left, r.right) for r in places}),
    )
    edges = [
        [first[0][0], *((a[1] + b[0]) / 2 for a, b in pairwise(first)), first[-1][1]]
        for first in spans
    ]
    return [half + x for x in edges[0]], [half + x for x in edges[1]]
