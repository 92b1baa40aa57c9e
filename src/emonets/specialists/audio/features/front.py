"""The two front ends: what turns sound, piece by piece, into the frames that a network takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.specialists.audio.features import logmel
from emonets.specialists.audio.features.framing import STEP
from emonets.specialists.audio.features.plan import YAAFE_NAMES
from emonets.specialists.audio.features.waveform import SOUND_RATE
from emonets.specialists.audio.features.yaafe import Level, YaafeStream


class FrontStream(Protocol):
    """Takes the samples of one sound, mono at 48 kHz, and gives its frames as they get ready."""

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.floating]:
        """(n,) samples → (t, width) frames that are complete now."""

    def finish(self) -> NDArray[np.floating]:
        """(t, width): the frames that only the end completes."""


@dataclass(frozen=True)
class Front:
    """A front end.

    Attributes
    ----------
    name : as bundles and presets call it.
    what : in words.
    step : seconds from one frame to the next.
    first : seconds from the first sample to the middle of the first frame.
    width : numbers a frame.
    open : makes a stream, of the level of the whole sound.
    levelled : whether the stream depends on that level, so that it can begin only at the end.
    """

    name: str
    what: str
    step: float
    first: float
    width: int
    open: Callable[[Level], FrontStream]
    levelled: bool = False


class LogMelStream:
    """`log_mel` of a sound that comes in pieces: the same rows."""

    def __init__(self) -> None:
        self._rest = np.empty(0, np.float32)
        self._any = False

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) samples → (t, bands) rows that are complete now."""
        self._rest = np.concatenate([self._rest, np.asarray(samples, np.float32)])
        if len(self._rest) < logmel.WINDOW:
            return np.empty((0, logmel.BANDS), np.float32)
        rows = logmel.log_mel(self._rest)
        self._rest = self._rest[len(rows) * logmel.HOP :]
        self._any = True
        return rows

    def finish(self) -> NDArray[np.float32]:
        """(t, bands): one row of what there is, if all of it is shorter than a frame."""
        rest = self._rest[:0] if self._any else self._rest
        return logmel.log_mel(rest)


FRONTS = {
    "yaafe": Front(
        name="yaafe",
        what=f"{len(YAAFE_NAMES)} features a frame",
        step=STEP / SOUND_RATE,
        first=0.0,
        width=len(YAAFE_NAMES),
        open=lambda level: YaafeStream(level=level),
        levelled=True,
    ),
    "logmel": Front(
        name="logmel",
        what="log-mel spectrograms",
        step=logmel.HOP / SOUND_RATE,
        first=logmel.WINDOW / 2 / SOUND_RATE,
        width=logmel.BANDS,
        open=lambda level: LogMelStream(),
    ),
}
"""The 909 features of the paper, and log-mel spectrograms."""


def front(name: str) -> Front:
    """A front end by name.

    Raises
    ------
    ParameterError : there is none of that name.
    """
    if name not in FRONTS:
        raise ParameterError(f"features must be one of {', '.join(FRONTS)}, got {name!r}")
    return FRONTS[name]
