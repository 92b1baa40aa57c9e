"""Where networks run: onnxruntime's devices, and one way of opening a session."""

from __future__ import annotations

import onnxruntime as ort

from emonets.errors import ParameterError

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""Names a user can give as a device, and onnxruntime's names for them."""


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
    model: bytes, *, device: str = "cpu", threads: int = 0
) -> ort.InferenceSession:
    """An onnxruntime session.

    Parameters
    ----------
    model : a serialised graph.
    device : one of :data:`PROVIDERS`.
    threads : processor threads for one run; 0 leaves the choice to onnxruntime.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # threads that wait by spinning would take the cores that decode the film
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = [PROVIDERS[check_device(device)]]
    if device != "cpu":
        providers.append(PROVIDERS["cpu"])
    return ort.InferenceSession(model, options, providers=providers)
