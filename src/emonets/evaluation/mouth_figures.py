"""Figures of a mouth model: its dictionary, and the evidence of each region."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.figures import _INK, _PALE, _checked, _figure, _save
from emonets.learners.patches.bag import BagOfPatches, Region

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


def dictionary_figure(bag: BagOfPatches, path: str | Path, *, title: str) -> Path:
    """Draw the words nearest to most patches, region by region.

    Parameters
    ----------
    bag : fitted.
    path : the picture to write, ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    down, across = bag.grid
    figure = _figure(1.75 * across + 0.3, 1.9 * down + 0.75)
    width, height = (float(x) for x in figure.get_size_inches())
    for r, (region, learned) in enumerate(zip(bag.regions_, bag.dictionaries_, strict=True)):
        left, top = 0.2 + 1.75 * (r % across), 0.7 + 1.9 * (r // across)
        axes = figure.add_axes(
            (left / width, 1 - (top + 1.65) / height, 1.6 / width, 1.6 / height)
        )  # fmt: skip
        most = np.argsort(-learned.counts_, kind="stable")[: _SIDE * _SIDE]
        axes.imshow(_sheet(learned.patches()[most], bag), cmap="gray", vmin=0, vmax=1)
        rows = f"{region.top}–{region.bottom + bag.patch_size - 2}"
        columns = f"{region.left}–{region.right + bag.patch_size - 2}"
        axes.set_title(f"rows {rows}, columns {columns}", fontsize=6.5, color=_PALE, pad=2)
        axes.set_axis_off()
    words = len(bag.dictionaries_[0].centres_)
    legend = (
        f"of each region's {words} words, the {min(words, _SIDE * _SIDE)} nearest to most patches, "
        "at the region's place"
    )
    figure.text(0.2 / width, 1 - 0.2 / height, title, fontsize=11, fontweight="bold", color=_INK,
                va="center")  # fmt: skip
    figure.text(0.2 / width, 1 - 0.42 / height, legend, fontsize=8, color=_PALE, va="center")
    return _save(figure, path)


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


def region_figure(
    evidence: ArrayLike,
    mean_mouths: Sequence[ArrayLike | None],
    regions: Sequence[Region],
    path: str | Path,
    *,
    title: str,
    patch_size: int = 8,
    legend: str = "",
) -> Path:
    """Draw the evidence of each region for each emotion, over the mean mouth of each.

    Parameters
    ----------
    evidence : (7, regions), from :func:`region_evidence`.
    mean_mouths : seven pictures (height, width), None for an absent emotion.
    regions : of the bag (``regions_``), row by row.
    path : the picture to write, ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    values = np.asarray(evidence, np.float64)
    shown = [k for k, mouth in enumerate(mean_mouths) if mouth is not None]
    limit = float(np.nanmax(np.abs(values[shown])))
    panel, gap = 1.6, 0.12
    figure = _figure(0.2 + (panel + gap) * len(shown) + 0.6, 3.5)
    width, height = (float(x) for x in figure.get_size_inches())
    edges = _cells(regions, patch_size)
    image = None
    for place, k in enumerate(shown):
        mouth = np.asarray(mean_mouths[k], np.float64)
        left = (0.2 + (panel + gap) * place) / width
        tall = panel * mouth.shape[0] / mouth.shape[1]
        for row, top in enumerate((0.85, 0.85 + tall + 0.1)):
            axes = figure.add_axes(
                (left, 1 - (top + tall) / height, panel / width, tall / height)
            )  # fmt: skip
            axes.imshow(
                mouth, cmap="gray", extent=(0, mouth.shape[1], mouth.shape[0], 0),
                interpolation="bicubic",
            )  # fmt: skip
            if row == 0:
                axes.set_title(EMOTIONS[k], fontsize=10, color=_INK, pad=4)
            else:
                grid = values[k].reshape(len(edges[0]) - 1, len(edges[1]) - 1)
                image = axes.pcolormesh(
                    edges[1], edges[0], grid, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.72,
                    edgecolors="white", linewidth=0.6,
                )  # fmt: skip
                for i, j in np.ndindex(grid.shape):
                    axes.text(
                        (edges[1][j] + edges[1][j + 1]) / 2, (edges[0][i] + edges[0][i + 1]) / 2,
                        f"{grid[i, j]:+.2f}", ha="center", va="center", fontsize=5.5,
                        color="white" if abs(grid[i, j]) > 0.6 * limit else _INK,
                    )  # fmt: skip
            axes.set_axis_off()
    if image is not None:
        tall = panel * 0.75
        bar = figure.add_axes(
            (1 - 0.55 / width, 1 - (0.95 + 2 * tall) / height, 0.1 / width, tall / height)
        )
        colours = figure.colorbar(image, cax=bar)
        colours.ax.tick_params(labelsize=6.5, length=2, labelcolor=_PALE)
        colours.outline.set_visible(False)
    figure.text(0.2 / width, 1 - 0.22 / height, title, fontsize=11, fontweight="bold", color=_INK,
                va="center")  # fmt: skip
    figure.text(0.2 / width, 1 - 0.46 / height, legend, fontsize=8, color=_PALE, va="center")
    return _save(figure, path)


def _cells(regions: Sequence[Region], patch_size: int) -> tuple[list[float], list[float]]:
    """Edges of the cells, down and across, from the centres of a region's patches."""
    half = patch_size / 2 - 0.5
    spans = (
        sorted({(r.top, r.bottom) for r in regions}),
        sorted({(r.left, r.right) for r in regions}),
    )
    edges = [
        [first[0][0], *((a[1] + b[0]) / 2 for a, b in pairwise(first)), first[-1][1]]
        for first in spans
    ]
    return [half + x for x in edges[0]], [half + x for x in edges[1]]
