"""What the speakers' network is given: shapes of a mouth at 25 steps a second, bands of the audio.

A clip of any frame rate comes onto one grid of times, step `k` at ``k / 25`` seconds. A shape
between two frames is interpolated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from emonets.media.clip import SOUND_RATE
from emonets.tubes.registration import FER_LANDMARK_MEAN, apply, similarity

GRID_RATE = 25
"""Steps of the grid a second."""
LONGEST_STEP = 0.135
"""Seconds between two frames, at most, to interpolate between them: 7.5 frames a second."""
SHAPE = 8
"""Numbers that describe a mouth."""

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

_RATE = 16_000
_WINDOW = 400  # samples, 25 ms
_HOP = _RATE // BAND_RATE
_LOWEST, _HIGHEST = 100.0, 7000.0  # Hz
_BLOCK = 512  # spectra computed together

Floats = NDArray[np.float32]
Steps = NDArray[np.int64]

_STEADY = slice(0, 31)  # of the 51 inner points: brows, nose and eyes


def mouth_shapes(points: ArrayLike) -> Floats:
    """The shape of each mouth, whatever the size, place and turn of the face.

    Parameters
    ----------
    points : (n, 68, 2) landmarks in iBUG order, in any units.

    Returns
    -------
    (n, 8) in pixels of a FER2013 face: the gap between the lips, the height and the width of the
    mouth, the width of its opening; then how far the upper lip, the lower lip, the chin and the
    corners of the mouth lie below the nose.

    Raises
    ------
    DataError : another shape, or points that coincide.
    """
    p = np.asarray(points, np.float64)
    if not len(p):
        return np.zeros((0, SHAPE), np.float32)
    # brows, nose and eyes alone fix the frame: the mouth's movement must not turn or scale it
    q = apply(similarity(p[:, 17:][:, _STEADY], FER_LANDMARK_MEAN[_STEADY]), p)

    def between(a: int, b: int) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(q[:, a] - q[:, b], axis=1))

    def below(k: int) -> NDArray[np.float64]:
        return np.asarray(q[:, k, 1] - q[:, 33, 1])

    gap = (between(61, 67) + between(62, 66) + between(63, 65)) / 3
    corners = (below(48) + below(54)) / 2
    columns = [gap, between(51, 57), between(48, 54), between(60, 64),
               below(51), below(57), below(8), corners]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)


class GridSampler:
    """Brings the shapes of one track onto the grid, piece by piece. Each step comes once."""

    def __init__(self) -> None:
        self._time = np.zeros(0)  # of the last frame
        self._shape = np.zeros((0, SHAPE), np.float32)
        self._step = -1  # the last one

    def push(self, times: NDArray[np.float64], shapes: Floats) -> tuple[Steps, Floats]:
        """Take the next frames of the track.

        Parameters
        ----------
        times : (n,) seconds, rising. shapes : (n, 8).

        Returns
        -------
        steps (m,) of the grid, and the shapes there (m, 8). There are none where frames lie
        further apart than `LONGEST_STEP`.
        """
        times, shapes = np.append(self._time, times), np.concatenate([self._shape, shapes])
        self._time, self._shape = times[-1:], shapes[-1:]
        steps, values = on_grid(times, shapes)
        new = steps > self._step  # one at the time of the last frame came with the piece before
        if new.any():
            self._step = int(steps[-1])
        return steps[new], values[new]


def on_grid(times: NDArray[np.float64], shapes: Floats) -> tuple[Steps, Floats]:
    """Steps between frames that lie close enough, (m,), and the shapes there, (m, 8).

    Parameters
    ----------
    times : (n,) seconds, rising. shapes : (n, 8), or other arrays.
    """
    if len(times) < 2:
        return np.zeros(0, np.int64), shapes[:0]
    first, last = np.ceil(times[0] * GRID_RATE - 1e-6), np.floor(times[-1] * GRID_RATE + 1e-6)
    steps = np.arange(int(first), int(last) + 1, dtype=np.int64)
    at = steps / GRID_RATE
    right = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    gap = times[right] - times[right - 1]
    good = gap <= LONGEST_STEP
    steps, at, right, gap = steps[good], at[good], right[good], gap[good]
    share = np.clip((at - times[right - 1]) / gap, 0.0, 1.0)
    share = share.reshape(-1, *[1] * (shapes.ndim - 1))
    mixed = shapes[right - 1] * (1 - share) + shapes[right] * share
    return steps, mixed.astype(np.float32)


def thinned(times: NDArray[np.float64], last: float) -> NDArray[np.intp]:
    """Which frames, (m,), suffice for the grid: those that lie a step of it apart, nearly.

    Parameters
    ----------
    times : (n,) seconds, rising. last : of the frame that was used before them; -inf: none.
    """
    chosen = []
    for k, time in enumerate(times):
        if time - last >= 0.75 / GRID_RATE:  # 30 a second stay, of 60 every other one
            chosen.append(k)
            last = time
    return np.array(chosen, np.intp)


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

    def at(self, first: int, count: int) -> Floats:
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
    if not frames.any():  # as in a gap of hours, which takes no time so
        return np.zeros((len(frames), BANDS), np.uint8)
    spectrum = np.fft.rfft(frames * _TAPER, 512, axis=1)
    power = (np.abs(spectrum) ** 2).astype(np.float32) @ _FILTERS
    decibel = 10 * np.log10(power + 1e-12)
    steps = np.clip((decibel - _DECIBEL_FLOOR) / _DECIBEL_STEP, 0, 255)
    return np.asarray(np.rint(steps), np.uint8)


def _decibel(levels: NDArray[Any]) -> Floats:
    return levels.astype(np.float32) * np.float32(_DECIBEL_STEP) + np.float32(_DECIBEL_FLOOR)


def _filters() -> Floats:
    """(257, 24) triangles, evenly spaced in mel, each with the sum of one."""
    low_mel, high_mel = 2595 * np.log10(1 + np.array([_LOWEST, _HIGHEST]) / 700)
    mel = np.linspace(low_mel, high_mel, BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(257)[:, None] * _RATE / 512
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles / triangles.sum(axis=0), np.float32)


_TAPER = (np.hanning(_WINDOW) / np.hanning(_WINDOW).sum() * 2).astype(np.float32)
_FILTERS = _filters()
