"""Where networks run: onnxruntime's devices, and one way of opening and running a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from emonets.errors import BundleError, ParameterError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""Names of devices, and onnxruntime's names for them."""


def check_device(device: str) -> str:
    """Return a device's name as it is, or raise if it cannot be used on this machine.

    Raises
    ------
    ParameterError : unknown, or its provider is not part of the installed onnxruntime.
    """
    there = ort.get_available_providers()
    available = [name for name, provider in PROVIDERS.items() if provider in there]
    if device not in available:
        raise ParameterError(
            f"device {device!r} is not available here; available: {', '.join(available)}"
        )
    return device


def inference_session(
    model: bytes,
    *,
    weights: Mapping[str, NDArray[np.float32]] | None = None,
    device: str = "cpu",
    threads: int = 0,
) -> ort.InferenceSession:
    """An onnxruntime session.

    Parameters
    ----------
    model : a serialised graph.
    weights : by name, what the graph leaves out (``runtime.graph``). None: it is complete.
    device : one of :data:`PROVIDERS`.
    threads : processor threads for one run; 0 leaves the choice to onnxruntime.

    Raises
    ------
    ParameterError : the device is not available.
    BundleError : onnxruntime refuses the graph with these weights.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # threads that wait by spinning would take the cores that decode the clip
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = [PROVIDERS[check_device(device)]]
    if device != "cpu":
        providers.append(PROVIDERS["cpu"])
    if weights is None:
        return ort.InferenceSession(model, options, providers=providers)
    values = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(w)) for w in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        session = ort.InferenceSession(model, options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no other class
        raise BundleError(f"the graph of a network is damaged or foreign ({error})") from None
    session.emonets_weights = values  # onnxruntime may use their memory as long as it runs
    return session


def run(
    session: ort.InferenceSession,
    inputs: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, tuple[int, ...]],
) -> list[NDArray[np.float32]]:
    """Outputs of a graph that came from a bundle, in the order of their names.

    Parameters
    ----------
    outputs : the shape that each must have, by name.

    Raises
    ------
    BundleError : the graph has other inputs or outputs, or they have other shapes.
    """
    try:
        found: list[NDArray[np.float32]] = session.run(list(outputs), dict(inputs))
    except Exception as error:  # onnxruntime's errors share no other class
        raise BundleError(f"the graph of a network cannot be run ({error})") from None
    for (name, shape), values in zip(outputs.items(), found, strict=True):
        if values.shape != shape:
            raise BundleError(
                f"the graph of a network gives {name} of shape {values.shape}, expected {shape}; "
                "it is foreign"
            )
    return found
