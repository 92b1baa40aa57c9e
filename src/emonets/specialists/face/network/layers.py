"""What a convolutional network is made of, as data.

A network is a tuple of layers; a bundle stores it as JSON and this module's names rebuild it, so
that loading a network never runs code from a file. ``convnet_torch`` trains one,
``convnet_onnx`` runs one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from emonets.errors import BundleError, ParameterError


@dataclass(frozen=True)
class Conv:
    """A convolution with shared biases, zero padding on every side."""

    kind: ClassVar[str] = "conv"
    filters: int
    size: int
    pad: int
    initial_std: float = 0.01
    decay: float = 0.004
    norm: bool = False
    """Batch normalisation behind it, in training only: afterwards it is part of the filters."""
    stride: int = 1
    """Pixels from one window to the next."""

    def out(self, side: int) -> int:
        """Side of its maps, for pictures of a side; pixels."""
        return (side + 2 * self.pad - self.size) // self.stride + 1


@dataclass(frozen=True)
class Pool:
    """Max or average pooling. Windows hang over the lower and right edge, as in cuda-convnet;
    an average divides by the number of pixels inside the picture."""

    kind: ClassVar[str] = "pool"
    how: str
    size: int = 3
    stride: int = 2


@dataclass(frozen=True)
class ReLU:
    """max(0, x)."""

    kind: ClassVar[str] = "relu"


@dataclass(frozen=True)
class ResponseNorm:
    """Local response normalisation within a map (cuda-convnet's ``rnorm``):
    ``x / (1 + scale / size**2 * sum of squares over a size × size window) ** power``."""

    kind: ClassVar[str] = "response_norm"
    size: int = 3
    scale: float = 5e-5
    power: float = 0.75


@dataclass(frozen=True)
class Standardise:
    """Each picture minus its mean, over its standard deviation (at least about ``floor``):
    neither brightness nor contrast change the output."""

    kind: ClassVar[str] = "standardise"
    floor: float = 5.0


@dataclass(frozen=True)
class OvalStandardise:
    """`Standardise` with weights: what lies outside a soft oval about the face counts less.

    A pixel at the distance ``r`` from the oval's middle, in half axes of the oval, has the weight
    ``1 / (1 + exp(edge (r - 1)))``. The output is cut at ``±most``.
    """

    kind: ClassVar[str] = "oval_standardise"
    floor: float = 4.0
    most: float = 4.0
    axes: tuple[float, float] = (0.36, 0.45)
    """Half the oval's width and height, in sides of the picture."""
    lower: float = 0.06
    """How far its middle lies below the picture's, in halves of the side."""
    edge: float = 12.0

    def weights(self, side: int) -> NDArray[np.float32]:
        """(side, side) weights of the pixels; their mean is 1."""
        rows, columns = np.mgrid[:side, :side]
        middle = (side - 1) / 2
        across = (columns - middle) / (self.axes[0] * side)
        down = (rows - middle * (1 + self.lower)) / (self.axes[1] * side)
        weights = 1 / (1 + np.exp(self.edge * (np.hypot(across, down) - 1)))
        return np.asarray(weights / weights.mean(), np.float32)


@dataclass(frozen=True)
class Residual:
    """Two convolutions of 3 × 3 whose output is added to their input (He et al. 2016).

    It is a block of dlib's face recognition network. With ``stride`` 2 the input is averaged over
    2 × 2 pixels first. New channels of the input are zeros. The convolutions' maps get zeros below
    and at the right where they are one pixel smaller. A ReLU follows.
    """

    kind: ClassVar[str] = "residual"
    filters: int
    stride: int = 1

    @property
    def pad(self) -> int:
        """Zeros around the input of the first convolution, pixels."""
        return 1 if self.stride == 1 else 0

    def inner(self, side: int) -> int:
        """Side of the convolutions' maps; pixels."""
        return (side + 2 * self.pad - 3) // self.stride + 1

    def out(self, side: int) -> int:
        """Side of its output; pixels."""
        return side // self.stride


@dataclass(frozen=True)
class Excite:
    """Squeeze and excitation (Hu et al. 2018): every map is weighed by a number between 0 and 1
    that a small network makes of the means of all maps."""

    kind: ClassVar[str] = "excite"
    reduction: int = 8


@dataclass(frozen=True)
class Dropout:
    """In training a part of the values is zero; nothing otherwise."""

    kind: ClassVar[str] = "dropout"
    rate: float = 0.5


@dataclass(frozen=True)
class GlobalPool:
    """The mean of each map."""

    kind: ClassVar[str] = "global_pool"


@dataclass(frozen=True)
class Dense:
    """All features to ``units`` outputs; the softmax follows the last one."""

    kind: ClassVar[str] = "dense"
    units: int
    initial_std: float = 0.01
    decay: float = 1.0


Layer = (
    Conv | Pool | ReLU | ResponseNorm | Standardise | OvalStandardise | Residual | Excite
    | Dropout | GlobalPool | Dense
)  # fmt: skip
Network = tuple[Layer, ...]

_KINDS: dict[str, type[Layer]] = {
    c.kind: c
    for c in (
        Conv, Pool, ReLU, ResponseNorm, Standardise, OvalStandardise, Residual, Excite,
        Dropout, GlobalPool, Dense,
    )
}  # fmt: skip


def vgg(
    stem: int, widths: Sequence[int], *, convolutions: int = 2, dropout: float = 0.3
) -> Network:
    """A network of VGG's kind (Simonyan and Zisserman 2015) with today's parts.

    A first convolution of ``stem`` filters of 5 × 5 (0: none), then for each width so many
    convolutions of 3 × 3 with batch normalisation; the picture is halved between stages. The
    last two stages weigh their maps, and the mean of each map goes to the softmax.
    """
    layers: list[Layer] = [Standardise()]
    if stem:
        layers += [Conv(stem, 5, 2, norm=True), ReLU(), Pool("max", 2, 2)]
    for stage, width in enumerate(widths):
        for _ in range(convolutions):
            layers += [Conv(width, 3, 1, norm=True), ReLU()]
        if stage >= len(widths) - 2:
            layers.append(Excite())
        if stage < len(widths) - 1:
            layers.append(Pool("max", 2, 2))
    return (*layers, GlobalPool(), Dropout(dropout), Dense(7))


def residual(blocks: Sequence[tuple[int, int]], *, dropout: float = 0.2) -> Network:
    """A network of dlib's kind: 32 filters of 7 × 7, and blocks of (filters, stride).

    The mean of each map goes to the softmax.
    """
    layers: list[Layer] = [OvalStandardise(), Conv(32, 7, 0, stride=2), ReLU(), Pool("max")]
    layers += [Residual(filters, stride) for filters, stride in blocks]
    return (*layers, GlobalPool(), Dropout(dropout), Dense(7))


NETWORKS: dict[str, Network] = {
    # Paper 3.1.2 and Figure 3; what the text leaves open follows cuda-convnet's "18 %" CIFAR
    # example, whose rates the paper quotes: padding, pooling geometry, the kind of
    # normalisation, pooling before the rectifier in the first stage.
    "convnet1": (
        Conv(64, 5, 2, initial_std=1e-4), Pool("max"), ReLU(), ResponseNorm(),
        Conv(64, 5, 2), ReLU(), Pool("average"), ResponseNorm(),
        Conv(128, 5, 2), ReLU(), Pool("average"),
        Dense(7),
    ),
    # The shallower one of 3.1.2 is not described beyond that: here it is ConvNet 1 without its
    # third convolutional stage, everything else equal.
    "convnet2": (
        Conv(64, 5, 2, initial_std=1e-4), Pool("max"), ReLU(), ResponseNorm(),
        Conv(64, 5, 2), ReLU(), Pool("average"), ResponseNorm(),
        Dense(7),
    ),
    # Beyond the paper: the first trains on a processor in two hours; the second shipped once; the
    # third is as good, larger and slower. These two need a graphics card to train on.
    "vgg small": vgg(32, (64, 128, 256)),
    "vgg deep": vgg(0, (32, 64, 160, 320), convolutions=3, dropout=0.2),
    "vgg": vgg(0, (64, 128, 256, 384), dropout=0.4),
    # dlib's face recognition network without its last block. It begins from that network's
    # weights, and is the one that ships.
    "residual": residual(
        [
            (32, 1), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (128, 2), (128, 1),
            (128, 1), (256, 2), (256, 1), (256, 1),
        ]
    ),
}  # fmt: skip
"""The paper's two face networks and four newer ones; one grey channel in, seven classes out."""


def check_side(network: Network, side: int) -> None:
    """Raise unless a network has pixels left in all of its layers for pictures of a side.

    Raises
    ------
    ParameterError : it has none.
    """
    given = side
    for layer in network:
        if isinstance(layer, Residual) and layer.inner(side) < 1:
            side = 0
        elif isinstance(layer, Conv | Residual):
            side = layer.out(side)
        elif isinstance(layer, Pool):
            side = -(-(side - layer.size) // layer.stride) + 1
        if side < 1:
            raise ParameterError(
                f"pictures of {given} pixels are too small for this network; raise the crop and, "
                "of a preset, images.size"
            )


def network_to_json(network: Network) -> list[dict[str, Any]]:
    """A network as plain JSON: one object a layer, ``kind`` and its numbers.

    A convolution of stride 1 has no stride in it, as in bundles from before strides.
    """
    return [
        {
            name: value
            for name, value in {"kind": layer.kind, **asdict(layer)}.items()
            if not (isinstance(layer, Conv) and (name, value) == ("stride", 1))
        }
        for layer in network
    ]


def network_from_json(layers: Sequence[Mapping[str, Any]]) -> Network:
    """The inverse of :func:`network_to_json`.

    Raises
    ------
    BundleError : a layer of a kind that this version does not have, or with wrong fields.
    """
    network: list[Layer] = []
    for position, fields in enumerate(layers):
        rest: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()
        }
        kind = rest.pop("kind", None)
        if kind not in _KINDS:
            raise BundleError(
                f"layer {position} of the network is of kind {kind!r}; "
                f"this version has {', '.join(_KINDS)}"
            )
        try:
            network.append(_KINDS[kind](**rest))
        except TypeError as error:
            raise BundleError(f"layer {position} of the network ({kind}): {error}") from None
    return tuple(network)


def parameter_shapes(network: Network, side: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of a network whose input is ``(n, 1, side, side)``.

    A convolution at position *i* has ``i.weight`` (out, in, size, size) and ``i.bias`` (out,);
    a dense layer ``i.weight`` (units, inputs) and ``i.bias`` (units,), its inputs in
    channel-row-column order; an ``Excite`` two dense ones, ``i.squeeze`` and ``i.expand``; a
    ``Residual`` two convolutions, ``i.first`` and ``i.second``.
    Batch normalisation has none: it is part of its convolution.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 1
    for i, layer in enumerate(network):
        if isinstance(layer, Conv):
            shapes[f"{i}.weight"] = (layer.filters, channels, layer.size, layer.size)
            shapes[f"{i}.bias"] = (layer.filters,)
            channels, side = layer.filters, layer.out(side)
        elif isinstance(layer, Residual):
            size = 3, 3
            shapes[f"{i}.first.weight"] = (layer.filters, channels, *size)
            shapes[f"{i}.first.bias"] = (layer.filters,)
            shapes[f"{i}.second.weight"] = (layer.filters, layer.filters, *size)
            shapes[f"{i}.second.bias"] = (layer.filters,)
            channels, side = layer.filters, layer.out(side)
        elif isinstance(layer, Pool):
            side = -(-(side - layer.size) // layer.stride) + 1
        elif isinstance(layer, Excite):
            inner = max(1, channels // layer.reduction)
            shapes[f"{i}.squeeze.weight"], shapes[f"{i}.squeeze.bias"] = (inner, channels), (inner,)
            shapes[f"{i}.expand.weight"], shapes[f"{i}.expand.bias"] = (
                (channels, inner),
                (channels,),
            )
        elif isinstance(layer, GlobalPool):
            side = 1
        elif isinstance(layer, Dense):
            shapes[f"{i}.weight"] = (layer.units, channels * side * side)
            shapes[f"{i}.bias"] = (layer.units,)
            channels, side = layer.units, 1
    return shapes
