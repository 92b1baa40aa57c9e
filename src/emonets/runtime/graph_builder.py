"""Building ONNX graphs. Needs the ``onnx`` package, so it is imported only where one builds.

A graph is built when a network is trained or saved. A bundle stores it, and loading needs
onnxruntime alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from emonets.errors import MissingExtraError

try:
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise MissingExtraError("building the graph of a network", "train") from error

_OPSET, _IR_VERSION = 17, 9
Dimensions = Sequence[int | str]


class GraphBuilder:
    """A graph of float32 tensors, node by node.

    Examples
    --------
    >>> graph = GraphBuilder("twice")
    >>> x = graph.add("Mul", ["x", graph.constant("two", 2, "float32")])
    >>> data = graph.finish({"x": ["n"]}, {x: ["n"]})
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []

    def add(
        self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add an operator of ONNX's own domain; return the name of its output."""
        name = f"v{len(self._nodes)}" if output is None else output
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, name: str, value: ArrayLike, dtype: DTypeLike) -> str:
        """Add a tensor that is part of the graph; return its name."""
        self._tensors.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def weight(self, name: str, shape: Sequence[int]) -> str:
        """Add a float32 tensor whose numbers are given when the graph is opened.

        ONNX calls it external data. As it names no file, onnxruntime reads none.
        """
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        self._tensors.append(tensor)
        return name

    def finish(self, inputs: dict[str, Dimensions], outputs: dict[str, Dimensions]) -> bytes:
        """The serialised graph, whose inputs and outputs have these names and shapes.

        A word in a shape stands for any length.
        """
        graph = helper.make_graph(
            self._nodes, self._name, _values(inputs), _values(outputs), self._tensors
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        return bytes(model.SerializeToString(deterministic=True))


def _values(shapes: dict[str, Dimensions]) -> list[Any]:
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
        for name, shape in shapes.items()
    ]
