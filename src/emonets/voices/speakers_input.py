"""What the speakers' network is given: mouths at 25 pictures a second, and bands of the audio.

A clip of any frame rate comes onto one grid of times, step `k` at ``k / 25`` seconds. Pictures
between two frames are mixed from both.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from emonets.media.clip import SOUND_RATE
from emonets.tubes.registration import TUBE_SIZE, to_grey

GRID_RATE = 25
"""Steps of the grid a second."""
MOUTH_SIZE = 32
"""Side of a mouth's picture in pixels."""
LONGEST_STEP = 0.135
"""Seconds between two frames, at most, to mix pictures between them: 7.5 frames a second."""

BANDS = 24
"""Bands of the audio."""
BAND_RATE = 100
"""Spectra a second."""
PER_STEP = BAND_RATE // GRID_RATE
"""Spectra of the audio to a step."""

# levels are kept as whole numbers of this many decibels above the floor
_DECIBEL_STEP, _DECIBEL_FLOOR = 0.5, -110.0
_LEVEL_SPAN = 4.0  # seconds on each side over which the level of the audio is taken to be one
_LOUD = 90  # percentile of the spectra's mean levels that counts as that level
_QUIETEST, _LOUDEST, _RANGE = -3.0, 1.5, 20.0  # of what the network is given, in units of 20 dB

# of a tube's crop, as parts of its side: from under the eyes to under the chin
_LEFT, _TOP, _SIDE = 26 / TUBE_SIZE, 52 / TUBE_SIZE, 44 / TUBE_SIZE
_RATE = 16_000
_WINDOW = 400  # samples, 25 ms
_HOP = _RATE // BAND_RATE
_LOWEST, _HIGHEST = 100.0, 7000.0  # Hz
_BLOCK = 512  # spectra computed together

Pictures = NDArray[np.uint8]
Steps = NDArray[np.int64]


def mouth_pictures(crops: ArrayLike) -> Pictures:
    """The lower half of each face of a tube, in grey.

    Parameters
    ----------
    crops : (n, S, S, 3) RGB or (n, S, S) grey, uint8, framed as a face tube is.

    Returns
    -------
    (n, 32, 32) uint8

    Raises
    ------
    DataError : another type or shape.
    """
    grey = to_grey(crops)
    side = grey.shape[1]
    top, left = round(_TOP * side), round(_LEFT * side)
    bottom, right = top + max(1, round(_SIDE * side)), left + max(1, round(_SIDE * side))
    out = np.empty((len(grey), MOUTH_SIZE, MOUTH_SIZE), np.uint8)
    for k, picture in enumerate(grey):
        out[k] = cv2.resize(
            picture[top:bottom, left:right], (MOUTH_SIZE, MOUTH_SIZE), interpolation=cv2.INTER_AREA
        )
    return out


class GridSampler:
    """Brings the mouths of one track onto the grid, piece by piece. Each step comes once."""

    def __init__(self) -> None:
        self._time = -np.inf  # of the last frame
        self._picture = np.zeros((MOUTH_SIZE, MOUTH_SIZE), np.uint8)
        self._step = -1  # the last one

    def push(self, times: NDArray[np.float64], mouths: Pictures) -> tuple[Steps, Pictures]:
        """Take the next frames of the track.

        Parameters
        ----------
        times : (n,) seconds, rising. mouths : (n, 32, 32).

        Returns
        -------
        steps (m,) of the grid, and their pictures (m, 32, 32). There are none where frames lie
        further apart than `LONGEST_STEP`.
        """
        if np.isfinite(self._time):
            times = np.concatenate([[self._time], times])
            mouths = np.concatenate([self._picture[None], mouths])
        if len(times):
            self._time, self._picture = float(times[-1]), mouths[-1]
        steps, pictures = on_grid(times, mouths)
        new = steps > self._step  # one at the time of the last frame came with the piece before
        if new.any():
            self._step = int(steps[-1])
        return steps[new], pictures[new]


def on_grid(times: NDArray[np.float64], mouths: Pictures) -> tuple[NDArray[np.int64], Pictures]:
    """Steps between frames that lie close enough, (m,), and the pictures there, (m, 32, 32).

    Parameters
    ----------
    times : (n,) seconds, rising. mouths : (n, 32, 32), or of another size.
    """
    if len(times) < 2:
        return np.zeros(0, np.int64), mouths[:0]
    steps = np.arange(
        int(np.ceil(times[0] * GRID_RATE - 1e-6)), int(np.floor(times[-1] * GRID_RATE + 1e-6)) + 1
    )
    at = steps / GRID_RATE
    right = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    gap = times[right] - times[right - 1]
    good = gap <= LONGEST_STEP
    steps, at, right, gap = steps[good], at[good], right[good], gap[good]
    share = np.clip((at - times[right - 1]) / gap, 0.0, 1.0).astype(np.float32)[:, None, None]
    mixed = mouths[right - 1] * (1 - share) + mouths[right] * share
    return steps.astype(np.int64), np.rint(mixed).astype(np.uint8)


class Bands:
    """The audio of a clip in bands, relative to its level around.

    Parameters
    ----------
    levels : (m, 24) uint8, from `BandReader`. start : seconds, where they begin.
    """

    def __init__(self, levels: NDArray[np.uint8], start: float) -> None:
        self.levels, self.start = levels, start
        half = round(_LEVEL_SPAN * BAND_RATE)
        self._centres = np.arange(0, len(levels), BAND_RATE)
        mean = _decibel(levels.mean(axis=1))
        around = [np.percentile(mean[max(0, c - half) : c + half], _LOUD) for c in self._centres]
        self._around = np.array(around, np.float32)

    def at(self, first: int, count: int) -> NDArray[np.float32]:
        """(4 count, 24), -3 to 1.5, at ``count`` steps of the grid from ``first``.

        Beyond the audio's ends there is silence.
        """
        # the middle of a step's four spectra is the step
        a = round((first / GRID_RATE - self.start) * BAND_RATE) - 1
        out = np.full((PER_STEP * count, BANDS), _QUIETEST, np.float32)
        low, high = max(0, a), min(len(self.levels), a + PER_STEP * count)
        if low < high:
            around = np.interp(np.arange(low, high), self._centres, self._around)
            relative = (_decibel(self.levels[low:high]) - around[:, None]) / _RANGE
            out[low - a : high - a] = np.clip(relative, _QUIETEST, _LOUDEST)
        return out


class BandReader:
    """Levels of the audio's bands, 100 times a second, from sound that comes piece by piece."""

    def __init__(self) -> None:
        self.start = 0.0
        """Seconds, where the sound begins."""
        self._stream = soxr.ResampleStream(SOUND_RATE, _RATE, 1, dtype="float32")
        self._rest = np.zeros(_WINDOW // 2, np.float32)  # spectrum k is centred at k / 100 s
        self._parts: list[NDArray[np.uint8]] = []
        self._any = False

    def push(self, time: float, samples: NDArray[np.float32]) -> None:
        """Take (n,) samples at 48 kHz that follow those before; the first begin at ``time``."""
        if not self._any:
            self.start, self._any = time, True
        self._add(self._stream.resample_chunk(np.ascontiguousarray(samples, np.float32)))

    def finish(self) -> NDArray[np.uint8]:
        """(m, 24) levels of the whole sound, in steps of 0.5 dB above -110 dB."""
        if self._any:
            end = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
            self._add(np.concatenate([end, np.zeros(_WINDOW // 2, np.float32)]))
        self._any = False
        return np.concatenate([np.zeros((0, BANDS), np.uint8), *self._parts])

    def _add(self, samples: NDArray[np.float32]) -> None:
        x = np.concatenate([self._rest, samples])
        count = max(0, (len(x) - _WINDOW) // _HOP + 1)
        self._rest = x[count * _HOP :].copy()
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(x, _WINDOW)[::_HOP][:count]
        for k in range(0, count, _BLOCK):
            self._parts.append(_levels(frames[k : k + _BLOCK]))


def _levels(frames: NDArray[np.float32]) -> NDArray[np.uint8]:
    spectrum = np.fft.rfft(frames * _TAPER, 512, axis=1)
    power = (np.abs(spectrum) ** 2).astype(np.float32) @ _FILTERS
    decibel = 10 * np.log10(power + 1e-12)
    return np.rint(np.clip((decibel - _DECIBEL_FLOOR) / _DECIBEL_STEP, 0, 255)).astype(np.uint8)


def _decibel(levels: NDArray[Any]) -> NDArray[np.float32]:
    return levels.astype(np.float32) * np.float32(_DECIBEL_STEP) + np.float32(_DECIBEL_FLOOR)


def _filters() -> NDArray[np.float32]:
    """(257, 24) triangles, evenly spaced in mel, each with the sum of one."""
    mel = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (_LOWEST, _HIGHEST)), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(257)[:, None] * _RATE / 512
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles / triangles.sum(axis=0), np.float32)


_TAPER = (np.hanning(_WINDOW) / np.hanning(_WINDOW).sum() * 2).astype(np.float32)
_FILTERS = _filters()
