"""What a convolutional network is made of, as data.

A network is a tuple of layers; a bundle stores it as JSON and this module's names rebuild it, so
that loading a network never runs code from a file. ``convnet_torch`` trains one,
``convnet_onnx`` runs one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from emonets.errors import BundleError


@dataclass(frozen=True)
class Conv:
    """A convolution with shared biases, stride 1, zero padding on every side."""

    kind: ClassVar[str] = "conv"
    filters: int
    size: int
    pad: int
    initial_std: float = 0.01
    decay: float = 0.004


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
class Dense:
    """All features to ``units`` outputs; the softmax follows the last one."""

    kind: ClassVar[str] = "dense"
    units: int
    initial_std: float = 0.01
    decay: float = 1.0


Layer = Conv | Pool | ReLU | ResponseNorm | Dense
Network = tuple[Layer, ...]

_KINDS: dict[str, type[Layer]] = {c.kind: c for c in (Conv, Pool, ReLU, ResponseNorm, Dense)}

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
}  # fmt: skip
"""The paper's two face networks; the input is one grey channel, the output seven classes."""


def network_to_json(network: Network) -> list[dict[str, Any]]:
    """A network as plain JSON: one object a layer, ``kind`` and its numbers."""
    return [{"kind": layer.kind, **asdict(layer)} for layer in network]


def network_from_json(layers: Sequence[Mapping[str, Any]]) -> Network:
    """The inverse of :func:`network_to_json`.

    Raises
    ------
    BundleError : a layer of a kind that this version does not know, or with wrong fields.
    """
    network: list[Layer] = []
    for position, fields in enumerate(layers):
        rest = dict(fields)
        kind = rest.pop("kind", None)
        if kind not in _KINDS:
            raise BundleError(
                f"layer {position} of the network is of kind {kind!r}; "
                f"this version knows {', '.join(_KINDS)}"
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
    channel-row-column order.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 1
    for i, layer in enumerate(network):
        if isinstance(layer, Conv):
            shapes[f"{i}.weight"] = (layer.filters, channels, layer.size, layer.size)
            shapes[f"{i}.bias"] = (layer.filters,)
            channels, side = layer.filters, side + 2 * layer.pad - layer.size + 1
        elif isinstance(layer, Pool):
            side = -(-(side - layer.size) // layer.stride) + 1
        elif isinstance(layer, Dense):
            shapes[f"{i}.weight"] = (layer.units, channels * side * side)
            shapes[f"{i}.bias"] = (layer.units,)
            channels, side = layer.units, 1
    return shapes
