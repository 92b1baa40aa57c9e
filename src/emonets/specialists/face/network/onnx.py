"""Running a convolutional network without torch: its arrays as an ONNX graph in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from emonets.learners.stored import check_stored
from emonets.runtime.onnx import inference_session
from emonets.specialists.face.network.layers import (
    Conv,
    Dense,
    Excite,
    GlobalPool,
    Network,
    Pool,
    ReLU,
    ResponseNorm,
    Standardise,
    parameter_shapes,
)

_BATCH = 64
"""Pictures a run; large enough for speed, small enough for the processor's cache."""


def onnx_graph(network: Network, arrays: Mapping[str, NDArray[np.float32]], side: int) -> bytes:
    """The serialised graph: input ``pictures`` (n, 1, side, side) float32, output
    ``probabilities`` (n, classes) float32.

    Raises
    ------
    BundleError : an array is missing or of the wrong shape.
    """
    shapes = parameter_shapes(network, side)
    check_stored("the network", arrays, shapes)
    constants: dict[str, NDArray[Any]] = {
        name: np.asarray(arrays[name], np.float32) for name in shapes
    }
    nodes: list[onnx.NodeProto] = []
    x, channels_side = "pictures", side

    def add(kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    for i, layer in enumerate(network):
        weights = [f"{i}.weight", f"{i}.bias"]
        if isinstance(layer, Conv):
            x = add("Conv", [x, *weights], pads=[layer.pad] * 4, kernel_shape=[layer.size] * 2)
            channels_side += 2 * layer.pad - layer.size + 1
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
            for name, value in (("scale", layer.scale), ("one", 1.0), ("power", layer.power)):
                constants[f"{i}.{name}"] = np.array(value, np.float32)
            square = add("Mul", [x, x])
            mean = add(
                "AveragePool",
                [square],
                kernel_shape=[layer.size] * 2,
                pads=[layer.size // 2] * 4,
                count_include_pad=1,
            )
            base = add("Add", [add("Mul", [mean, f"{i}.scale"]), f"{i}.one"])
            x = add("Div", [x, add("Pow", [base, f"{i}.power"])])
        elif isinstance(layer, Standardise):
            constants[f"{i}.floor"] = np.array(layer.floor**2, np.float32)
            x = add("Sub", [x, add("ReduceMean", [x], axes=[1, 2, 3])])
            variance = add("ReduceMean", [add("Mul", [x, x])], axes=[1, 2, 3])
            x = add("Div", [x, add("Sqrt", [add("Add", [variance, f"{i}.floor"])])])
        elif isinstance(layer, Excite):
            means = add("Flatten", [add("GlobalAveragePool", [x])])
            inner = add("Gemm", [means, f"{i}.squeeze.weight", f"{i}.squeeze.bias"], transB=1)
            inner = add("Relu", [inner])
            inner = add("Gemm", [inner, f"{i}.expand.weight", f"{i}.expand.bias"], transB=1)
            constants[f"{i}.maps"] = np.array([0, -1, 1, 1], np.int64)
            x = add("Mul", [x, add("Reshape", [add("Sigmoid", [inner]), f"{i}.maps"])])
        elif isinstance(layer, GlobalPool):
            x = add("GlobalAveragePool", [x])
            channels_side = 1
        elif isinstance(layer, Dense):
            x = pooled = add("Flatten", [x])
            x = add("Gemm", [x, *weights], transB=1)
    nodes.append(helper.make_node("Identity", [pooled], ["pooled"]))  # what the last layer sees
    nodes.append(helper.make_node("Softmax", [x], ["probabilities"], axis=-1))
    classes = [layer for layer in network if isinstance(layer, Dense)][-1].units
    graph = helper.make_graph(
        nodes,
        "convnet",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 1, side, side])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", classes]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["n", "width"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


class ConvNetRunner:
    """A trained network ready to answer.

    Parameters
    ----------
    network, arrays, side : as for :func:`onnx_graph`.
    device, threads : as for ``emonets.runtime.onnx.inference_session``.
    """

    def __init__(
        self,
        network: Network,
        arrays: Mapping[str, NDArray[np.float32]],
        side: int,
        *,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        self.runs_on = device, threads
        self._session = inference_session(
            onnx_graph(network, arrays, side), device=device, threads=threads
        )
        self._classes = self._session.get_outputs()[0].shape[1]

    def probabilities(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1, side, side) float32 → (n, classes) float32; rows sum to one."""
        if len(pictures) == 0:
            return np.empty((0, self._classes), np.float32)
        return np.concatenate([parts[0] for parts in self._run(pictures, ["probabilities"])])

    def looked(
        self, pictures: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The same, and what the last layer looks at: (n, width) float32; n is 1 at least."""
        found = list(self._run(pictures, ["probabilities", "pooled"]))
        p, pooled = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return p, pooled

    def _run(self, pictures: NDArray[np.float32], names: list[str]) -> Iterator[list[Any]]:
        for i in range(0, len(pictures), _BATCH):
            some = np.ascontiguousarray(pictures[i : i + _BATCH])
            yield self._session.run(names, {"pictures": some})
