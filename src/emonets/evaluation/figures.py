"""Figures of results: confusion matrices, and faces side by side.

matplotlib is optional (``pip install 'emonets[plot]'``). It is imported only to draw a figure. Its
global state and its windows are not used. A file is written whole or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.metrics import Evaluation
from emonets.runtime.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
_DPI = 150
_INK = "#1a1a1a"
_PALE = "#6b6b6b"
_LEFT = 0.15  # left edge of a confusion matrix and its title, of the width
_TITLE_FITS = 46  # characters of the title at full size


def confusion_figure(evaluation: Evaluation, path: str | Path, *, title: str) -> Path:
    """Draw a confusion matrix: counts, per cent of each row, recall of each class as its shade.

    Parameters
    ----------
    evaluation : what `emonets.evaluation.metrics.evaluate` returned.
    path : the picture to write, ``.png``, ``.svg`` or ``.pdf``.
    title : the measured system and the data, such as "ConvNet 1 on FER2013 PrivateTest".

    Returns
    -------
    The path written.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    figure = _figure(7.2, 7.95)
    axes = figure.add_axes((_LEFT, 0.08, 0.98 - _LEFT, 0.76))
    counts, names = evaluation.confusion, evaluation.classes
    support = counts.sum(axis=1)
    share = counts / np.maximum(support, 1)[:, None]
    axes.imshow(share, cmap="Blues", vmin=0, vmax=0.85)
    for i, j in np.ndindex(counts.shape):
        if not support[i]:
            continue
        ink = "white" if share[i, j] > 0.42 else _INK
        weight = "bold" if i == j else "normal"
        axes.text(
            j, i - 0.1, f"{share[i, j]:.0%}", ha="center", va="center", color=ink,
            fontsize=12, fontweight=weight,
        )  # fmt: skip
        axes.text(
            j, i + 0.22, f"{counts[i, j]:,}", ha="center", va="center", color=ink,
            fontsize=8.5,
        )  # fmt: skip
    ticks = range(len(names))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, [f"{e}\n{n:,}" for e, n in zip(names, support, strict=True)])
    axes.set_xticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0, labelsize=10, labelcolor=_INK)
    axes.set_xlabel("predicted", color=_PALE, fontsize=10)
    axes.set_ylabel("true", color=_PALE, fontsize=10)
    for spine in axes.spines.values():
        spine.set_visible(False)
    over = "items" if evaluation.n_groups is None else f"{evaluation.n_groups:,} groups"
    scores = f"accuracy {evaluation.accuracy}    UAR {evaluation.uar}"
    legend = f"n = {evaluation.n:,}; per cent of each row, and counts; [95 % bootstrap over {over}]"
    size = min(14.0, 14.0 * _TITLE_FITS / max(len(title), 1))
    figure.text(_LEFT, 0.955, title, va="center", color=_INK, fontsize=size, fontweight="bold")
    figure.text(_LEFT, 0.905, scores, va="center", color=_INK, fontsize=11)
    figure.text(_LEFT, 0.868, legend, va="center", color=_PALE, fontsize=9)
    return _save(figure, path)


def mean_faces(
    panels: Sequence[tuple[str, ArrayLike]],
    path: str | Path,
    *,
    landmarks: ArrayLike | Sequence[ArrayLike | None] | None = None,
    title: str = "",
) -> Path:
    """Draw grey pictures side by side, such as the mean faces of two sources.

    Parameters
    ----------
    panels : (caption, image) pairs; each image (height, width), any real type, scaled from its
        own darkest to its own lightest value.
    path : the picture to write, ``.png``, ``.svg`` or ``.pdf``.
    landmarks : (k, 2) points drawn onto every panel, or one such array (or None) for each panel.
        x and y are in pixels of the image, 0 at its left and upper edges. The centre of the first
        pixel is (0.5, 0.5).
    title : above the panels.

    Returns
    -------
    The path written.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : there is no panel, an image is not two-dimensional or not finite, points are not
        (k, 2), or there are not as many sets as panels.
    ParameterError : the file is of another kind.
    """
    path = _checked(path)
    if not panels:
        raise DataError("no panels: give at least one (caption, image) pair")
    images = [_image(caption, image) for caption, image in panels]
    points = _points(landmarks, len(panels))
    top = 0.4 if title else 0.0
    figure = _figure(0.15 + 2.9 * len(images), 3.45 + top)
    width, height = (float(x) for x in figure.get_size_inches())
    for k, ((caption, _), image, marks) in enumerate(zip(panels, images, points, strict=True)):
        axes = figure.add_axes(
            ((0.15 + 2.9 * k) / width, 0.15 / height, 2.75 / width, 2.75 / height)
        )
        rows, columns = image.shape
        axes.imshow(image, cmap="gray", extent=(0, columns, rows, 0), interpolation="nearest")
        axes.set_title(caption, fontsize=10, color=_INK, pad=6)
        if marks is not None:
            axes.scatter(
                marks[:, 0], marks[:, 1], s=12, c="#ff4d4d", linewidths=0.5, edgecolors="white"
            )
            # points outside the image are drawn outside it: they show a bad crop
            axes.set_xlim(min(0.0, *marks[:, 0]), max(columns, *marks[:, 0]))
            axes.set_ylim(max(rows, *marks[:, 1]), min(0.0, *marks[:, 1]))
        axes.set_axis_off()
    if title:
        figure.text(
            0.15 / width, 1 - 0.25 / height, title, fontsize=12, fontweight="bold", color=_INK,
            va="center",
        )  # fmt: skip
    return _save(figure, path)


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


def _checked(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ParameterError(
            f"{path}: a figure's name ends in one of {', '.join(FORMATS)}, "
            f"not in {path.suffix or 'nothing'!r}"
        )
    return path


def _figure(width: float, height: float) -> Figure:
    """An empty figure, in inches; not of pyplot, which would never free it."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing figures", "plot") from error
    return Figure(figsize=(width, height), dpi=_DPI, facecolor="white")


def _accuracy_axes(axes: Axes, figure: Figure, title: str) -> None:
    """Style of figures whose rows are systems and whose x is accuracy in per cent."""
    width, height = figure.get_size_inches()
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=_INK)
    axes.set_xlabel("accuracy, per cent", color=_PALE, fontsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color("#bbbbbb")
    figure.text(0.2 / width, 1 - 0.3 / height, title, va="center", color=_INK, fontsize=12,
                fontweight="bold")  # fmt: skip


def _save(figure: Figure, path: Path) -> Path:
    from matplotlib import rc_context

    kind = path.suffix.lower()
    # no dates and no version: equal figures give equal files
    metadata: dict[str, Any] = {
        ".png": {"Software": None},
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }[kind]
    picture = io.BytesIO()
    with rc_context({"svg.hashsalt": "emonets"}):  # ids in an SVG are random otherwise
        figure.savefig(picture, format=kind[1:], dpi=_DPI, metadata=metadata)
    write_whole(path, picture.getvalue())
    return path
