"""Grey pictures side by side, such as mean faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError
from emonets.evaluation.figures.base import INK, Sheet, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def mean_faces(
    panels: Sequence[tuple[str, ArrayLike]],
    *,
    landmarks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    title: str = "",
) -> Figure:
    """Draw grey pictures side by side, such as the mean faces of two sources.

    Parameters
    ----------
    panels : (caption, image) pairs; each image (height, width), any real type, scaled from its
        own darkest to its own lightest value.
    landmarks : (k, 2) points drawn onto every panel, or one such array (or None) for each panel.
        x and y are in pixels of the image, 0 at its left and upper edges. The centre of the first
        pixel is (0.5, 0.5).
    title : above the panels.

    Returns
    -------
    matplotlib's figure.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there is no panel, an image is not two-dimensional or not finite, points are not
        (k, 2), or there are not as many sets as panels.

    Examples
    --------
    >>> figure = mean_faces([("all", images.mean(axis=0))])  # doctest: +SKIP
    """
    if not panels:
        raise DataError("no panels: give at least one (caption, image) pair")
    images = [_image(caption, image) for caption, image in panels]
    points = _points(landmarks, len(panels))
    paper = Sheet(0.15 + 2.9 * len(images), 3.2, title)
    for k, ((caption, _), image, marks) in enumerate(zip(panels, images, points, strict=True)):
        axes = paper.axes(0.15 + 2.9 * k, 0.3, 2.75, 2.75)
        rows, columns = image.shape
        axes.imshow(image, cmap="gray", extent=(0, columns, rows, 0), interpolation="nearest")
        axes.set_title(plain(caption), fontsize=10, color=INK, pad=6, parse_math=False)
        if marks is not None:
            axes.scatter(
                marks[:, 0], marks[:, 1], s=12, c="#ff4d4d", linewidths=0.5, edgecolors="white"
            )
            # points outside the image are drawn outside it: they show a bad crop
            axes.set_xlim(min(0.0, *marks[:, 0]), max(columns, *marks[:, 0]))
            axes.set_ylim(max(rows, *marks[:, 1]), min(0.0, *marks[:, 1]))
        axes.set_axis_off()
    return paper.figure


def _image(caption: str, image: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(image, dtype=np.float64)
    if x.ndim != 2 or not x.size:
        raise DataError(f"panel {caption!r}: expected a grey image (height, width), got {x.shape}")
    if not np.isfinite(x).all():
        raise DataError(f"panel {caption!r}: the image holds NaN or infinite values")
    return x


def _points(landmarks: Any, n: int) -> list[NDArray[np.float64] | None]:
    if landmarks is None:
        return [None] * n
    if isinstance(landmarks, np.ndarray) and landmarks.ndim == 2:
        landmarks = [landmarks] * n
    sets = [None if p is None else np.asarray(p, dtype=np.float64) for p in landmarks]
    if len(sets) != n:
        raise DataError(f"{len(sets)} sets of landmarks for {n} panels")
    for p in sets:
        if p is not None and (p.ndim != 2 or p.shape[1] != 2 or not np.isfinite(p).all()):
            raise DataError(f"expected landmarks as finite (k, 2) points, got shape {p.shape}")
    return sets
