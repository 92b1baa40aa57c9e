"""Filters of networks, as small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError
from emonets.evaluation.figures.base import Sheet
from emonets.specialists.activity.filters import MotionFilters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMN = 2.5  # inches of a filter with several frames
_SIDE = 0.62  # inches of a filter with one


def filters(
    network: ArrayLike | Any,
    *,
    most: int = 36,
    frames: int = 5,
    title: str = "",
    lines: Sequence[str] = (),
) -> Figure:
    """Draw the filters of a network whose norm is largest, in grey around zero.

    Parameters
    ----------
    network : filters as an array: (n, height, width) of one picture, or (n, t, height, width) of t
        frames. Or what has such: a specialist of a model (face, audio, activity), a convolutional
        network (its first layer), motion filters. Those of a stored activity specialist include
        the whitening.
    most : filters to draw at most.
    frames : of each filter of motion to draw at most, evenly spaced (the paper's Figure 6 has 5).
    title, lines : above the figure.

    Returns
    -------
    matplotlib's figure. The text below the title states how many filters there are.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : it has no filters that are pictures, or they are not finite.
    ParameterError : most or frames is less than 1.

    Examples
    --------
    >>> figure = filters(load("modern").activity, title="Motion filters")  # doctest: +SKIP
    """
    for name, count in (("most", most), ("frames", frames)):
        if count < 1:
            raise ParameterError(f"{name} must be at least 1, got {count}")
    x = filters_of(network)
    order = np.argsort(-np.linalg.norm(x.reshape(len(x), -1), axis=1), kind="stable")[:most]
    steps = np.arange(0, x.shape[1], max(1, x.shape[1] // frames))[:frames]
    line = f"{len(order)} of {len(x)} filters, those of the largest norm; {x.shape[2]} × "
    line += f"{x.shape[3]} pixels; grey is zero, each in its own scale"
    if len(steps) > 1:
        line += f"; frames {', '.join(str(k + 1) for k in steps)}"
    wide = _COLUMN if len(steps) > 1 else _SIDE
    across = min(3 if len(steps) > 1 else 9, len(order))
    tall = wide / len(steps) * x.shape[2] / x.shape[3]
    down = -(-len(order) // across)
    width = max(5.0, 0.4 + (wide + 0.1) * across)
    paper = Sheet(width, (tall + 0.06) * down + 0.15, title or "Filters", [*lines, line])
    for place, number in enumerate(order):
        row, column = divmod(place, across)
        axes = paper.axes(0.2 + (wide + 0.1) * column, (tall + 0.06) * row, wide, tall)
        reach = max(float(np.abs(x[number, steps]).max()), 1e-12)
        axes.imshow(_strip(x[number, steps]), cmap="gray", vmin=-reach, vmax=reach, aspect="auto",
                    interpolation="nearest")  # fmt: skip
        axes.set_axis_off()
    return paper.figure


def filters_of(network: Any) -> NDArray[np.float64]:
    """The filters of a network, (n, t, height, width); a filter of one picture has t = 1.

    Raises
    ------
    DataError : it has none that are pictures, or they are not finite.
    """
    given = network
    for inner in ("network", "code"):  # of specialists
        given = getattr(given, inner, given)
    motion = given if isinstance(given, MotionFilters) else getattr(given, "filters", None)
    if callable(getattr(given, "pictures", None)) and isinstance(motion, MotionFilters):
        given = given.pictures().reshape(-1, *motion.geometry.block)
    elif isinstance(motion, MotionFilters):
        given = _of_motion(motion)
    elif isinstance(getattr(given, "arrays_", None), dict | list):
        given = _first_layer(given.arrays_)
    try:
        x = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{type(network).__name__} has no filters that are pictures; give an array "
            "(n, height, width) or (n, frames, height, width)"
        ) from None
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or not x.size:
        raise DataError(
            f"expected filters (n, height, width) or (n, frames, height, width), found {x.shape}"
        )
    if not np.isfinite(x).all():
        raise DataError("the filters hold NaN or infinite values")
    return x


def _of_motion(motion: MotionFilters) -> NDArray[np.float64]:
    """What the filters multiply a block's pixels with: whitening included, (F, t, y, x)."""
    matrix = motion.matrix.astype(np.float64)
    if motion.basis is not None:
        matrix = motion.basis.astype(np.float64) @ matrix
    return np.moveaxis(matrix, 2, 0).reshape(-1, *motion.geometry.block)


def _first_layer(arrays: Any) -> Any:
    """The weights of the first layer of a convolutional network, (n, height, width).

    Of several networks, such as an ensemble's, those of the first.
    """
    members = arrays if isinstance(arrays, list) else [arrays]
    layers = [np.asarray(x) for x in members[0].values() if np.ndim(x) == 4] if members else []
    first = [x for x in layers if x.shape[1] == 1]  # of one channel: grey, or a spectrogram
    return first[0][:, 0] if first else None


def _strip(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frames side by side with a column of nothing between them."""
    gap = np.full((frames.shape[1], 1), np.nan)
    return np.concatenate([part for frame in frames for part in (frame, gap)][:-1], axis=1)
