"""Silero's speech detector: sound at 16 kHz → probability of speech, every 32 ms.

A short-time Fourier transform, four convolutions and a recurrent layer; 0.3 M weights. The file
comes from a third party (see NOTICE) by ``tools/import_speech_weights.py``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.runtime.weights import verified_weights

WEIGHTS = "speech_silero.onnx"
SHA256 = "01754fac6733bda9d7e47e26d71404b2b3584f1f8379ad749df5360564aaa291"
RATE = 16_000
"""Samples a second."""
FRAME = 512
"""Samples of a frame: 32 ms."""
STEP = FRAME / RATE
"""Seconds from one frame to the next."""
_BEFORE = 64  # samples of the frame before, which the network takes as well
_STATE = (1, 1, 128)


@lru_cache(maxsize=1)
def _session() -> Any:
    from emonets.runtime.onnx import inference_session

    # one thread: the recurrent layer gains nothing from more
    return inference_session(verified_weights(WEIGHTS, SHA256, "speech network"), threads=1)


class SpeechNetwork:
    """The network on sound that comes in pieces. What came before is its state."""

    def __init__(self) -> None:
        self._before = np.zeros(_BEFORE, np.float32)
        self._hidden = self._cell = np.zeros(_STATE, np.float32)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (n,) of the next frames.

        Parameters
        ----------
        samples : (n * `FRAME`,) mono at `RATE`, full scale 1.
        """
        if not samples.size:
            return np.empty(0, np.float32)
        whole = np.concatenate([self._before, samples])
        self._before = whole[-_BEFORE:]
        frames = np.lib.stride_tricks.sliding_window_view(whole, _BEFORE + FRAME)[::FRAME]
        p, self._hidden, self._cell = _session().run(
            ["p", "next_hidden", "next_cell"],
            {"frames": np.ascontiguousarray(frames), "hidden": self._hidden, "cell": self._cell},
        )
        found: NDArray[np.float32] = p
        return found
