"""What a stored graph may hold: a strict reader of ONNX files, which runs nothing.

A bundle's graph holds structure only. Its weights are named in it, and their numbers lie in the
bundle's safetensors. Whatever else ONNX allows is refused: other files, functions, graphs within
graphs, operators of other domains. The reader decodes protobuf itself, so that reading a bundle
needs no ``onnx`` package.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from emonets.errors import BundleError

LARGEST = 1024 * 1024
"""Bytes of a graph file at most; those of this package have about 3,000."""

OPERATORS = frozenset(
    (
        "Add", "AveragePool", "Clip", "Concat", "Conv", "Div", "Flatten", "Gemm",
        "GlobalAveragePool", "Identity", "Max", "MaxPool", "Mul", "Pad", "Pow", "ReduceMean",
        "ReduceSum", "Relu", "Reshape", "Sigmoid", "Softmax", "Sqrt", "Sub", "Tanh",
    )
)  # fmt: skip
"""All operators of ONNX's own domain that a graph may use."""

Value = int | bytes
Fields = dict[int, list[Value]]

# Numbers of fields, from onnx.proto
_MODEL = {1: "ir_version", 7: "graph", 8: "opset_import"}
_OPSET = {1: "domain", 2: "version"}
_GRAPH = {1: "node", 2: "name", 5: "initializer", 11: "input", 12: "output"}
_NODE = {1: "input", 2: "output", 3: "name", 4: "op_type", 5: "attribute", 7: "domain"}
_ATTRIBUTE = {1: "name", 2: "f", 3: "i", 4: "s", 7: "floats", 8: "ints", 20: "type"}
# external_data (13) is not among them: a graph can name no file
_TENSOR = {1: "dims", 2: "data_type", 8: "name", 9: "raw_data", 14: "data_location"}
_EXTERNAL = 1


def weight_shapes(graph: bytes) -> dict[str, tuple[int, ...]]:
    """Check a serialised graph; return name and shape of each weight that it expects.

    Raises
    ------
    BundleError : it is no ONNX graph, or holds what no graph of a bundle may hold.
    """
    if len(graph) > LARGEST:
        raise BundleError(f"the graph has {len(graph)} bytes; at most {LARGEST} are allowed")
    model = _message(graph, _MODEL, "a model")
    if not model.get(7):
        raise BundleError("this is not an ONNX graph, or it is damaged")
    for opset in model.get(8, []):
        _check_domain(_message(opset, _OPSET, "an operator set").get(1, []))
    weights: dict[str, tuple[int, ...]] = {}
    for part in model[7]:
        fields = _message(part, _GRAPH, "a graph")
        for node in fields.get(1, []):
            _check_node(_message(node, _NODE, "a node"))
        for tensor in fields.get(5, []):
            stored = _message(tensor, _TENSOR, "a constant")
            if _EXTERNAL in stored.get(14, []):
                name = b"".join(_texts(stored.get(8, []))).decode("utf-8", "replace")
                weights[name] = tuple(_whole_numbers(stored.get(1, [])))
    return weights


def _check_node(node: Fields) -> None:
    _check_domain(node.get(7, []))
    for kind in _texts(node.get(4, [])):
        name = kind.decode("utf-8", "replace")
        if name not in OPERATORS:
            raise BundleError(
                f"the graph uses the operator {name!r}, which is not allowed; update emonets if "
                "the bundle is of a newer version"
            )
    for attribute in node.get(5, []):
        _message(attribute, _ATTRIBUTE, "an attribute")


def _check_domain(domains: Collection[Value]) -> None:
    if any(domain not in (b"", b"ai.onnx") for domain in domains):
        raise BundleError("the graph uses operators that are not ONNX's own; it is foreign")


def _message(data: Value, allowed: Collection[int], what: str) -> Fields:
    """The fields of a message, by number; a field that is not allowed is an error."""
    if not isinstance(data, bytes):
        raise BundleError("this is not an ONNX graph, or it is damaged")
    fields: Fields = {}
    for number, value in _fields(data):
        if number not in allowed:
            raise BundleError(
                f"field {number} of {what} is not allowed in the graph of a bundle: it is "
                "damaged or foreign"
            )
        fields.setdefault(number, []).append(value)
    return fields


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field; of fixed 32-bit and 64-bit numbers the bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise BundleError("this is not an ONNX graph, or it is damaged")
        if size > len(data) - at:
            raise BundleError("this is not an ONNX graph, or it is cut short")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise BundleError("this is not an ONNX graph, or it is cut short")


def _texts(values: Collection[Value]) -> list[bytes]:
    if not all(isinstance(value, bytes) for value in values):
        raise BundleError("this is not an ONNX graph, or it is damaged")
    return [value for value in values if isinstance(value, bytes)]


def _whole_numbers(values: Collection[Value]) -> Iterator[int]:
    """Repeated numbers, packed into one field or not."""
    for value in values:
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield number
