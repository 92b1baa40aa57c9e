"""Running a convolutional network without torch: its layers as an ONNX graph, and its arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import BundleError
from emonets.learners.stored import check_stored
from emonets.runtime.graph import weight_shapes
from emonets.runtime.onnx import inference_session, run
from emonets.specialists.face.network.layers import (
    Conv,
    Dense,
    Excite,
    GlobalPool,
    Network,
    OvalStandardise,
    Pool,
    ReLU,
    Residual,
    ResponseNorm,
    Standardise,
    parameter_shapes,
)

if TYPE_CHECKING:
    from emonets.runtime.graph_builder import GraphBuilder

_BATCH = 64
"""Pictures a run; large enough for speed, small enough for the processor's cache."""


def onnx_graph(network: Network, side: int) -> bytes:
    """The serialised graph without weights, which are named as in ``parameter_shapes``.

    Its input is ``pictures`` (n, 1, side, side). Its outputs are ``probabilities`` (n, classes)
    and ``pooled`` (n, width), the penultimate-layer embedding. All are float32.

    Raises
    ------
    MissingExtraError : the ``onnx`` package is not installed.
    """
    from emonets.runtime.graph_builder import GraphBuilder

    graph = GraphBuilder("convnet")
    add = graph.add
    for name, shape in parameter_shapes(network, side).items():
        graph.weight(name, shape)
    x, channels, channels_side = "pictures", 1, side
    for i, layer in enumerate(network):
        weights = [f"{i}.weight", f"{i}.bias"]
        if isinstance(layer, Conv):
            x = add(
                "Conv", [x, *weights], pads=[layer.pad] * 4, kernel_shape=[layer.size] * 2,
                strides=[layer.stride] * 2,
            )  # fmt: skip
            channels, channels_side = layer.filters, layer.out(channels_side)
        elif isinstance(layer, Pool):
            out = -(-(channels_side - layer.size) // layer.stride) + 1
            over = (out - 1) * layer.stride + layer.size - channels_side
            kind = "MaxPool" if layer.how == "max" else "AveragePool"
            x = add(
                kind,
                [x],
                kernel_shape=[layer.size] * 2,
                strides=[layer.stride] * 2,
                pads=[0, 0, over, over],
            )
            channels_side = out
        elif isinstance(layer, ReLU):
            x = add("Relu", [x])
        elif isinstance(layer, ResponseNorm):
            x = _response_normed(graph, x, i, layer)
        elif isinstance(layer, Standardise | OvalStandardise):
            x = _standardised(graph, x, i, layer, channels_side)
        elif isinstance(layer, Residual):
            x = _residual(graph, x, i, layer, channels, channels_side)
            channels, channels_side = layer.filters, layer.out(channels_side)
        elif isinstance(layer, Excite):
            x = _excited(graph, x, i)
        elif isinstance(layer, GlobalPool):
            x = add("GlobalAveragePool", [x])
            channels_side = 1
        elif isinstance(layer, Dense):
            x = pooled = add("Flatten", [x])
            x = add("Gemm", [x, *weights], transB=1)
    add("Identity", [pooled], output="pooled")
    add("Softmax", [x], output="probabilities", axis=-1)
    classes = [layer for layer in network if isinstance(layer, Dense)][-1].units
    return graph.finish(
        {"pictures": ["n", 1, side, side]},
        {"probabilities": ["n", classes], "pooled": ["n", "width"]},
    )


def _response_normed(graph: GraphBuilder, x: str, i: int, layer: ResponseNorm) -> str:
    """Each map over the squares of its neighbourhood."""
    add = graph.add
    for name, value in (("scale", layer.scale), ("one", 1.0), ("power", layer.power)):
        graph.constant(f"{i}.{name}", value, np.float32)
    mean = add(
        "AveragePool", [add("Mul", [x, x])], kernel_shape=[layer.size] * 2,
        pads=[layer.size // 2] * 4, count_include_pad=1,
    )  # fmt: skip
    base = add("Add", [add("Mul", [mean, f"{i}.scale"]), f"{i}.one"])
    return add("Div", [x, add("Pow", [base, f"{i}.power"])])


def _standardised(
    graph: GraphBuilder, x: str, i: int, layer: Standardise | OvalStandardise, side: int
) -> str:
    """Each picture minus its mean, over its deviation."""
    add = graph.add

    def mean(values: str) -> str:
        if isinstance(layer, OvalStandardise):
            values = add("Mul", [values, f"{i}.window"])
        return add("ReduceMean", [values], axes=[1, 2, 3])

    graph.constant(f"{i}.floor", layer.floor**2, np.float32)
    if isinstance(layer, OvalStandardise):
        graph.constant(f"{i}.window", layer.weights(side)[None, None], np.float32)
    x = add("Sub", [x, mean(x)])
    deviation = add("Sqrt", [add("Add", [mean(add("Mul", [x, x])), f"{i}.floor"])])
    x = add("Div", [x, deviation])
    if isinstance(layer, OvalStandardise):
        graph.constant(f"{i}.least", -layer.most, np.float32)
        graph.constant(f"{i}.most", layer.most, np.float32)
        x = add("Clip", [x, f"{i}.least", f"{i}.most"])
    return x


def _excited(graph: GraphBuilder, x: str, i: int) -> str:
    """Maps weighed by a small network of their means."""
    add = graph.add
    means = add("Flatten", [add("GlobalAveragePool", [x])])
    inner = add("Gemm", [means, f"{i}.squeeze.weight", f"{i}.squeeze.bias"], transB=1)
    inner = add("Relu", [inner])
    inner = add("Gemm", [inner, f"{i}.expand.weight", f"{i}.expand.bias"], transB=1)
    graph.constant(f"{i}.maps", [0, -1, 1, 1], np.int64)
    return add("Mul", [x, add("Reshape", [add("Sigmoid", [inner]), f"{i}.maps"])])


def _residual(
    graph: GraphBuilder, x: str, i: int, layer: Residual, channels: int, side: int
) -> str:
    """A block of two convolutions beside its shortcut."""
    add, size = graph.add, [3, 3]
    y = add(
        "Conv", [x, f"{i}.first.weight", f"{i}.first.bias"], pads=[layer.pad] * 4,
        kernel_shape=size, strides=[layer.stride] * 2,
    )  # fmt: skip
    y = add("Relu", [y])
    y = add("Conv", [y, f"{i}.second.weight", f"{i}.second.bias"], pads=[1] * 4, kernel_shape=size)
    missing = layer.out(side) - layer.inner(side)
    if missing:
        graph.constant(f"{i}.below", [0, 0, 0, 0, 0, 0, missing, missing], np.int64)
        y = add("Pad", [y, f"{i}.below"])
    if layer.stride > 1:
        x = add("AveragePool", [x], kernel_shape=[layer.stride] * 2, strides=[layer.stride] * 2)
    if layer.filters > channels:
        graph.constant(f"{i}.new", [0, 0, 0, 0, 0, layer.filters - channels, 0, 0], np.int64)
        x = add("Pad", [x, f"{i}.new"])
    return add("Relu", [add("Add", [y, x])])


def check_graph(graph: bytes, network: Network, side: int) -> None:
    """Raise unless a stored graph holds nothing that is not allowed, and takes these weights.

    Raises
    ------
    BundleError : it does not.
    """
    if weight_shapes(graph) != parameter_shapes(network, side):
        raise BundleError("the graph of the face network belongs to another architecture")


class ConvNetRunner:
    """A trained network, ready to predict.

    Parameters
    ----------
    network, side : as for :func:`onnx_graph`.
    arrays : its parameters (``parameter_shapes``).
    graph : from :func:`onnx_graph`; None: it is built, which needs the ``onnx`` package.
    device, threads : as for ``emonets.runtime.onnx.inference_session``.
    """

    def __init__(
        self,
        network: Network,
        arrays: Mapping[str, NDArray[np.float32]],
        side: int,
        *,
        graph: bytes | None = None,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        self.runs_on = device, threads
        shapes = parameter_shapes(network, side)
        check_stored("the network", arrays, shapes)
        self._session = inference_session(
            onnx_graph(network, side) if graph is None else graph,
            weights={name: np.asarray(arrays[name], np.float32) for name in shapes},
            device=device,
            threads=threads,
        )
        last = max(i for i, layer in enumerate(network) if isinstance(layer, Dense))
        classes, width = shapes[f"{last}.weight"]
        self._width = {"probabilities": classes, "pooled": width}

    def probabilities(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1, side, side) float32 → (n, classes) float32; rows sum to one."""
        if len(pictures) == 0:
            return np.empty((0, self._width["probabilities"]), np.float32)
        return np.concatenate([parts[0] for parts in self._run(pictures, ["probabilities"])])

    def probabilities_with_embedding(
        self, pictures: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The same, and the embedding: (n, width) float32; n is 1 at least."""
        found = list(self._run(pictures, ["probabilities", "pooled"]))
        p, pooled = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return p, pooled

    def _run(self, pictures: NDArray[np.float32], names: list[str]) -> Iterator[list[Any]]:
        for i in range(0, len(pictures), _BATCH):
            some = np.ascontiguousarray(pictures[i : i + _BATCH])
            yield run(
                self._session,
                {"pictures": some},
                {name: (len(some), self._width[name]) for name in names},
            )
