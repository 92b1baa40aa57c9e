"""Frames of sound as Yaafe cuts them: 26 ms every 13 ms, each centred on its own time.

Frames are handed on in blocks of a fixed number, counted from the start of the sound. Whatever
is computed from a block then cannot depend on how the sound arrived: a whole file and a stream
of single samples go through the same arithmetic, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from emonets.specialists.audio.features.waveform import SOUND_RATE

Floats = NDArray[np.float64]

FRAME = 1248
"""Samples of a frame: 26 ms at 48 kHz."""
STEP = 624
"""Samples from one frame to the next: 13 ms."""
BINS = FRAME // 2 + 1
"""Frequencies of a frame's spectrum, 0 to 24 kHz."""
BIN_WIDTH = SOUND_RATE / FRAME
"""Hz from one frequency of the spectrum to the next."""
BLOCK = 32
"""Frames computed together: few enough for the processor's cache, many enough for numpy."""

_LEFT = FRAME // 2  # zeros before the first sample
_RIGHT = (FRAME - 1) // 2  # and after the last
_SPAN = (BLOCK - 1) * STEP + FRAME  # samples that a full block covers


def frame_count(samples: int) -> int:
    """Number of frames of a sound of so many samples: one for every 624 begun."""
    return -(-samples // STEP)


def frame_times(frames: int) -> Floats:
    """When each of the first ``frames`` frames is, s: the time of its centre, (frames,).

    Frame t is centred on sample 624 t, so that the first is at 0; half of it is silence.
    """
    return np.arange(frames, dtype=np.float64) * (STEP / SOUND_RATE)


def cut_frames(samples: Floats) -> Floats:
    """All frames of a sound, (frames, 1248), without a window: a read-only view of a padded copy.

    Parameters
    ----------
    samples : (n,) float64 at 48 kHz. 624 zeros go before it and 623 after.
    """
    padded = np.pad(samples, (_LEFT, _RIGHT))
    return _windows(padded) if len(padded) >= FRAME else np.empty((0, FRAME))


class FrameBlocks:
    """The frames of a sound that comes piece by piece, in blocks of `BLOCK` frames.

    Holds less than one block of samples (0.4 s) whatever is pushed.
    """

    def __init__(self) -> None:
        self._buffer = np.zeros(_SPAN)
        self._filled = _LEFT

    def push(self, samples: Floats) -> Iterator[Floats]:
        """Take the next samples, (n,), n ≥ 0; yield each block that is full, (32, 1248)."""
        taken = 0
        while taken < len(samples):
            piece = samples[taken : taken + _SPAN - self._filled]
            self._buffer[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            taken += len(piece)
            if self._filled == _SPAN:
                full = self._buffer
                self._buffer = np.zeros(_SPAN)
                self._filled = _SPAN - BLOCK * STEP
                self._buffer[: self._filled] = full[-self._filled :]
                yield _windows(full)

    def finish(self) -> Floats:
        """The frames that are left, (0 to 32, 1248); the last ones end in zeros."""
        last = self._buffer[: self._filled + _RIGHT]
        if len(last) < self._filled + _RIGHT:
            last = np.append(last, np.zeros(self._filled + _RIGHT - len(last)))
        return _windows(last) if len(last) >= FRAME else np.empty((0, FRAME))


def _windows(samples: Floats) -> Floats:
    return sliding_window_view(samples, FRAME)[::STEP]
