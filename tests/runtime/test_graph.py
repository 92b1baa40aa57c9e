"""What a stored graph may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from emonets.errors import BundleError
from emonets.runtime.graph import LARGEST, weight_shapes
from emonets.runtime.onnx import inference_session, run

onnx = pytest.importorskip("onnx")
from emonets.runtime.graph_builder import GraphBuilder  # noqa: E402

FLOAT = onnx.TensorProto.FLOAT


def affine() -> bytes:
    """y = Relu(x W + b), b a part of the graph."""
    graph = GraphBuilder("affine")
    graph.weight("W", (3, 2))
    bias = graph.constant("b", [1, -100], np.float32)
    product = graph.add("Gemm", ["x", "W", bias], alpha=2.0, transB=0)
    graph.add("Relu", [product], output="y")
    return graph.finish({"x": ["n", 3]}, {"y": ["n", 2]})


def changed(change: Callable[[Any], Any]) -> bytes:
    model = onnx.load_from_string(affine())
    change(model)
    return bytes(model.SerializeToString())


def test_weights_are_given_when_it_is_opened() -> None:
    graph = affine()
    assert weight_shapes(graph) == {"W": (3, 2)}
    for scale in (1.0, 3.0):
        weights = {"W": np.full((3, 2), scale, np.float32)}
        session = inference_session(graph, weights=weights)
        weights.clear()
        (y,) = run(session, {"x": np.ones((1, 3), np.float32)}, {"y": (1, 2)})
        np.testing.assert_array_equal(y, [[6 * scale + 1, 0]])


def test_a_builder_gives_the_same_bytes_each_time() -> None:
    assert affine() == affine()


def names_a_file(model: Any) -> None:
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../secret"


def holds_a_function(model: Any) -> None:
    model.functions.append(
        onnx.helper.make_function("", "F", ["x"], ["y"], [], [onnx.helper.make_opsetid("", 17)])
    )


def holds_a_graph(model: Any) -> None:
    attribute = onnx.helper.make_attribute("body", model.graph)
    model.graph.node[0].attribute.append(attribute)


def holds_a_constant_elsewhere(model: Any) -> None:
    tensor = onnx.TensorProto(name="t", data_type=FLOAT, dims=[1], data_location=1)
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("value", tensor))


def sparse(model: Any) -> None:
    model.graph.sparse_initializer.add().dims.append(3)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (names_a_file, "field 13 of a constant"),
        (holds_a_function, "field 25 of a model"),
        (holds_a_graph, "field 6 of an attribute"),
        (holds_a_constant_elsewhere, "field 5 of an attribute"),
        (sparse, "field 15 of a graph"),
        (lambda m: setattr(m.graph.node[0], "domain", "com.microsoft"), "ONNX's own"),
        (lambda m: m.opset_import.append(onnx.helper.make_opsetid("mine", 1)), "ONNX's own"),
        (lambda m: setattr(m.graph.node[0], "op_type", "Loop"), "operator 'Loop'"),
        (lambda m: m.ClearField("graph"), "not an ONNX graph"),
    ],
)
def test_foreign_graphs(change: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(BundleError, match=text):
        weight_shapes(changed(change))


def test_what_is_no_graph() -> None:
    graph = affine()
    whole = weight_shapes(graph)
    for end in range(len(graph)):
        try:  # what is cut at the end of a field is a smaller graph
            assert weight_shapes(graph[:end]).keys() <= whole.keys()
        except BundleError:
            continue
    for data in (b"", b"PK\x03\x04 a zip", b"\xff" * 40, b"x" * 100):
        with pytest.raises(BundleError, match=r"not an ONNX graph|not allowed"):
            weight_shapes(data)
    with pytest.raises(BundleError, match="bytes; at most"):
        weight_shapes(b"\0" * (LARGEST + 1))


def test_any_changed_byte_gives_a_graph_or_one_error() -> None:
    """Reading never fails otherwise, nor does opening: the checksum is not what protects."""
    graph, rng = affine(), np.random.default_rng(0)
    weights = {"W": np.ones((3, 2), np.float32)}
    for at in range(len(graph)):
        data = graph[:at] + bytes([rng.integers(256)]) + graph[at + 1 :]
        try:
            weight_shapes(data)
            session = inference_session(data, weights=weights)
            run(session, {"x": np.ones((1, 3), np.float32)}, {"y": (1, 2)})
        except BundleError:
            continue


def test_weights_and_outputs_that_do_not_fit() -> None:
    graph = affine()
    for weights in ({}, {"W": np.ones((2, 3), np.float32)}, {"V": np.ones((3, 2), np.float32)}):
        with pytest.raises(BundleError, match="damaged or foreign"):
            inference_session(graph, weights=weights)
    session = inference_session(graph, weights={"W": np.ones((3, 2), np.float32)})
    with pytest.raises(BundleError, match="cannot be run"):
        run(session, {"z": np.ones((1, 3), np.float32)}, {"y": (1, 2)})
    with pytest.raises(BundleError, match="cannot be run"):
        run(session, {"x": np.ones((1, 4), np.float32)}, {"y": (1, 2)})
    with pytest.raises(BundleError, match=r"y of shape \(1, 2\), expected \(1, 7\)"):
        run(session, {"x": np.ones((1, 3), np.float32)}, {"y": (1, 7)})
