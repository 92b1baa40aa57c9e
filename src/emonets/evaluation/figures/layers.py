"""The layers of a convolutional network, as the paper's Figure 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emonets.errors import DataError
from emonets.evaluation.figures.base import INK, OTHER, OURS, PALE, Sheet
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import Conv, Dense, Pool, ReLU, ResponseNorm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEP, _WIDE, _TALL = 1.05, 0.5, 1.7  # inches
_THIN = {ReLU: "ReLU", ResponseNorm: "normalised"}


@dataclass
class _Box:
    """A layer that changes the size of the maps. after: layers that do not."""

    name: str
    maps: int
    side: int
    after: list[str]


def network_layers(
    network: ConvNetClassifier, *, title: str = "", lines: Sequence[str] = ()
) -> Figure:
    """Draw the layers of a network in order, with the number and the size of their maps.

    Parameters
    ----------
    network : of plain layers, such as the face network of the bundle ``paper``.
    title, lines : above the figure.

    Returns
    -------
    matplotlib's figure. The height of a box is the side of its maps.

    Raises
    ------
    MissingExtraError : matplotlib is not installed.
    DataError : it has layers of other kinds.

    Examples
    --------
    >>> figure = network_layers(load("paper").specialists["face"].network)  # doctest: +SKIP
    """
    boxes = _boxes(network)
    paper = Sheet(0.5 + _STEP * len(boxes), _TALL + 1.6, title or "Layers", lines)
    from matplotlib.patches import Rectangle

    widest = max(box.side for box in boxes)
    axes = paper.axes(0, 0, paper.width, _TALL + 1.6)
    axes.set_xlim(0, paper.width)
    axes.set_ylim(_TALL + 1.6, 0)
    axes.set_axis_off()
    middle = 0.45 + _TALL / 2
    for k, box in enumerate(boxes):
        left = 0.3 + _STEP * k
        tall = max(_TALL * box.side / widest, 0.12)
        colour = OTHER if "pool" in box.name else OURS
        colour = PALE if box.name in ("input", "softmax") else colour
        axes.add_patch(
            Rectangle((left, middle - tall / 2), _WIDE, tall, facecolor=colour, alpha=0.75)
        )
        if k:
            axes.annotate(
                "", (left - 0.04, middle), (left - _STEP + _WIDE + 0.04, middle),
                arrowprops={"arrowstyle": "->", "color": PALE},
            )  # fmt: skip
        x = left + _WIDE / 2
        style: dict[str, Any] = {"ha": "center", "va": "center", "parse_math": False}
        axes.text(x, 0.2, box.name, fontsize=9, color=INK, fontweight="bold", **style)
        size = f"{box.maps} × {box.side} × {box.side}" if box.side > 1 else f"{box.maps} units"
        below = [size, *box.after]
        for j, text in enumerate(below):
            axes.text(x, 0.45 + _TALL + 0.2 + 0.19 * j, text, fontsize=8, color=PALE, **style)
    return paper.figure


def _boxes(network: ConvNetClassifier) -> list[_Box]:
    side = network.crop
    boxes = [_Box("input", 1, side, [])]
    for layer in network.network_:
        last = boxes[-1]
        if isinstance(layer, Conv):
            side = layer.out(side)
            boxes.append(_Box(f"conv {layer.size} × {layer.size}", layer.filters, side, []))
        elif isinstance(layer, Pool):
            side = -(-(side - layer.size) // layer.stride) + 1
            boxes.append(_Box(f"{layer.how} pool", last.maps, side, []))
        elif isinstance(layer, Dense):
            side = 1
            boxes.append(_Box("softmax", layer.units, side, []))
        elif type(layer) in _THIN:
            last.after.append(_THIN[type(layer)])
        else:
            raise DataError(
                f"a layer of kind {layer.kind!r} is not drawn; give a network of convolutions, "
                "pooling and one dense layer, such as that of the bundle paper"
            )
    return boxes
