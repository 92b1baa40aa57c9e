"""The face networks that ship with the package: found, verified, opened by onnxruntime.

The files come from third parties (see NOTICE) by ``tools/import_face_weights.py``.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from emonets.runtime.parallel import asked_threads
from emonets.runtime.weights import verified_weights

WEIGHTS: dict[str, str] = {
    "centerface.onnx": "2ae7fa5c58debe1b2013a3159e3b1b2252f9dfdd97ca20347abb50d434741a47",
    "face_landmark_68.onnx": "7caded8fe269efbd0adebd8f212b900639e20a885807c953f1779aa0a17320b9",
    "face_recognition.onnx": "d14e315b841280b6461daeea156506f746028484a5f9e81b33a935c4f11958d1",
    "face_recognition.safetensors": (
        "61d487c337ceb3f0e1f428ddc0d304bd4a1839d6e2f65d4fe87411c39fda0bbd"
    ),
}
"""SHA-256 of each file in ``emonets/weights`` that this module opens."""


def read_weights(name: str, *, folder: Path | None = None) -> bytes:
    """The verified bytes of one of the files in ``WEIGHTS``.

    Parameters
    ----------
    name : a key of ``WEIGHTS``.
    folder : where the file lies; the package's own folder by default.

    Raises
    ------
    BundleError : the file is missing, cannot be read, or has another SHA-256.
    """
    return verified_weights(name, WEIGHTS[name], "face network", folder=folder)


@lru_cache(maxsize=8)
def open_network(name: str, *, threads: int | None = None, folder: Path | None = None) -> Any:
    """An onnxruntime session, on the CPU, over one of the files in ``WEIGHTS``.

    It is kept and shared: reading, verifying and building it would cost every clip 25 ms, and it
    has no state of its own.

    Parameters
    ----------
    threads : how many it may use; by default as many as this process may run on, at most 4
        (these networks are too small to gain from more).
    folder : as for ``read_weights``.

    Raises
    ------
    BundleError : see ``read_weights``.
    """
    from emonets.runtime.onnx import inference_session

    data = read_weights(name, folder=folder)
    return inference_session(data, threads=threads or default_threads())


def default_threads() -> int:
    """How many threads a network of this module uses by default.

    No more than ``OMP_NUM_THREADS``.
    """
    most = asked_threads() or 4
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        available = os.cpu_count() or 1
    return max(1, min(4, most, available))
