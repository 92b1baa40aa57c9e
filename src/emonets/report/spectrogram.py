"""A picture of the sound: time from left to right, low tones below, loud ones bright."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emonets.errors import ParameterError
from emonets.media.clip import Frame, SoundChunk, open_clip
from emonets.media.convert import SOUND_RATE
from emonets.report.film_writer import play

MOST_COLUMNS = 4000
_WINDOW = 2048
"""Samples of a spectrum, 43 ms."""
_HOP = 960
"""Samples from one spectrum to the next, 20 ms."""
_LOW, _HIGH = 60.0, 8000.0
"""Hz of the lowest and the highest row."""
_FLOOR, _RANGE = -90.0, 65.0
"""dB of full scale below which there is nothing, and shown dB below the loudest."""
_BLOCK = 64
"""Spectra that are computed at once."""
_COLOURS = np.array([
    (13, 17, 33), (38, 36, 92), (95, 44, 124), (160, 62, 116), (220, 97, 88), (247, 160, 78),
    (252, 226, 140),
], np.float64)  # fmt: skip
"""From silence to loud: dark blue, violet, orange, pale yellow; brightness rises all the way."""


@dataclass(frozen=True)
class Spectrogram:
    """A picture of a clip's sound.

    Attributes
    ----------
    png : the picture; empty where there is no sound.
    start, end : seconds of the clip at its left and right edge.
    low, high : Hz of its lowest and its highest row; rows are equal steps of the mel scale.
    width, height : pixels.
    silent : whether nothing in it is louder than -90 dB of full scale.
    """

    png: bytes
    start: float
    end: float
    low: float
    high: float
    width: int
    height: int
    silent: bool


class SpectrogramSink:
    """Makes the picture while the sound is read. Memory does not grow with the clip's length.

    Columns are the mean power of 20 ms steps. Where there are more than twice the width, pairs of
    them are averaged and the step doubles.

    Parameters
    ----------
    width : columns at most, 16..4000. height : rows, 16..512.
    """

    def __init__(self, *, width: int = 2000, height: int = 96) -> None:
        for name, value, low, high in (
            ("width", width, 16, MOST_COLUMNS), ("height", height, 16, 512),
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ParameterError(f"{name}={value!r}: must be a whole number, {low}..{high}")
        self._width, self._height = width, height
        self._columns = np.zeros((2 * width, height), np.float32)
        self._filled = 0
        self._each = 1  # spectra a column
        self._sum, self._summed = np.zeros(height), 0
        self._rest = np.zeros(0, np.float32)
        self._start: float | None = None
        self._samples = 0

    def push_frame(self, frame: Frame) -> None:
        """Nothing."""

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take the next sound; it follows the one before without a gap."""
        if self._start is None:
            self._start = chunk.time
            # the first spectrum is centred on the first sample
            self._rest = np.zeros(_WINDOW // 2, np.float32)
        self._samples += chunk.samples.size
        self._rest = np.concatenate([self._rest, chunk.samples])
        if self._rest.size >= _WINDOW + _BLOCK * _HOP:
            self._use()

    def _use(self) -> None:
        count = (self._rest.size - _WINDOW) // _HOP + 1
        if count <= 0:
            return
        views = np.lib.stride_tricks.sliding_window_view(self._rest, _WINDOW)[: count * _HOP : _HOP]
        for first in range(0, count, _BLOCK):
            spectra = np.fft.rfft(views[first : first + _BLOCK] * _hann())
            power = (spectra.real**2 + spectra.imag**2) @ _mel(self._height)
            self._add(power)
        self._rest = self._rest[count * _HOP :]

    def _add(self, powers: NDArray[np.float64]) -> None:
        for power in powers:
            self._sum += power
            self._summed += 1
            if self._summed == self._each:
                self._close()

    def _close(self) -> None:
        self._columns[self._filled] = self._sum / self._summed
        self._filled += 1
        self._sum, self._summed = np.zeros(self._height), 0
        if self._filled == len(self._columns):
            half = self._columns.reshape(self._width, 2, self._height).mean(axis=1)
            self._columns[: self._width] = half
            self._filled = self._width
            self._each *= 2

    def finish(self) -> Spectrogram:
        """The picture of the sound so far."""
        if self._start is None or not self._samples:
            return Spectrogram(b"", 0.0, 0.0, _LOW, _HIGH, 0, 0, True)
        self._rest = np.concatenate([self._rest, np.zeros(_WINDOW // 2, np.float32)])
        self._use()
        start = self._start
        seconds = self._samples / SOUND_RATE
        step = self._each * _HOP / SOUND_RATE
        if self._summed:
            self._close()
        count = max(1, min(self._filled, math.ceil(seconds / step - 1e-9)))
        db = 10 * np.log10(np.maximum(self._columns[:count], 1e-12))
        loudest = float(db.max())
        silent = loudest <= _FLOOR
        low = max(_FLOOR, loudest - _RANGE)
        shade = np.zeros_like(db) if silent else np.clip((db - low) / max(loudest - low, 1.0), 0, 1)
        if count > self._width:
            shade = _narrowed(shade, self._width)
        png = _png(shade.T[::-1])
        end = start + (seconds if count == 1 else max(seconds, count * step))
        return Spectrogram(png, start, end, _LOW, _HIGH, len(shade), self._height, silent)


def _narrowed(shade: NDArray[Any], width: int) -> NDArray[Any]:
    """Fewer columns, each the mean of those that it covers; (n, rows) → (width, rows)."""
    edges = np.linspace(0, len(shade), width + 1)
    whole = np.concatenate([np.zeros((1, shade.shape[1])), np.cumsum(shade, axis=0, dtype=float)])
    at = np.stack([np.interp(edges, np.arange(len(whole)), row) for row in whole.T], axis=1)
    return np.asarray(np.diff(at, axis=0) / (len(shade) / width), np.float32)


def _png(shade: NDArray[Any]) -> bytes:
    """Shades 0..1, (rows, columns), as a PNG with 32 colours of the map."""
    levels = 32
    picture = Image.fromarray(np.round(shade * (levels - 1)).astype(np.uint8), "P")
    at = np.linspace(0, len(_COLOURS) - 1, levels)
    colours = [np.interp(at, np.arange(len(_COLOURS)), channel) for channel in _COLOURS.T]
    picture.putpalette(np.round(np.stack(colours, axis=1)).astype(np.uint8).tobytes())
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


@cache
def _hann() -> NDArray[np.float32]:
    # a full-scale sine has 0 dB
    window = np.hanning(_WINDOW)
    return np.asarray(window * 2 / window.sum(), np.float32)


@cache
def _mel(rows: int) -> NDArray[np.float64]:
    """(bins, rows): triangles of equal width on the mel scale, 2595 log10(1 + f / 700).

    Each has its largest weight 1, and one bin at least.
    """
    low, high = (2595 * np.log10(1 + f / 700) for f in (_LOW, _HIGH))
    centres = 700 * (10 ** (np.linspace(low, high, rows + 2) / 2595) - 1)
    bins = np.arange(_WINDOW // 2 + 1) * SOUND_RATE / _WINDOW
    step = SOUND_RATE / _WINDOW
    rising = (bins[:, None] - centres[:-2]) / np.maximum(np.diff(centres)[:-1], step)
    falling = (centres[2:] - bins[:, None]) / np.maximum(np.diff(centres)[1:], step)
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None))


def spectrogram(
    path: str | os.PathLike[str],
    *,
    width: int = 2000,
    height: int = 96,
    audio_stream: int | None = None,
) -> Spectrogram:
    """A picture of a clip's sound.

    Parameters
    ----------
    path : the clip. width, height : of the picture at most, pixels.
    audio_stream : as for `emonets.media.clip.open_clip`.

    Raises
    ------
    MediaError : the clip cannot be read.
    ParameterError : a size is out of range.

    Examples
    --------
    >>> made = spectrogram("talk.mp4")  # doctest: +SKIP
    >>> Path("talk.png").write_bytes(made.png)  # doctest: +SKIP
    """
    sink = SpectrogramSink(width=width, height=height)
    clip = open_clip(Path(path), audio_stream=audio_stream)
    if clip.info.has_sound:
        play(clip, sink, frames=False)
    return sink.finish()
