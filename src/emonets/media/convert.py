"""From FFmpeg's frames to arrays: upright RGB pictures with square pixels, and mono sound."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from emonets.media.timing import MAX_BACK

SOUND_RATE = 48_000
"""Samples a second of all sound, whatever the file has."""

SOUND_TOLERANCE = 0.015
"""Sound whose time stamp is off by no more than this (s) is joined without a gap."""

_LOUDEST = 8.0
"""Samples beyond this (full scale is 1) only come from broken data; they are clipped to it."""

SOUND_RATES = range(1_000, 768_001)
"""Samples a second that a file's sound may have."""

_MAX_ASPECT = 8
"""A pixel more than this many times as wide as high (or the reverse) is a broken header."""


# --- picture ---------------------------------------------------------------------------------


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size of a picture once its pixels are square; the height stays as it is.

    ``aspect`` is a pixel's width over its height; None, 0 or nonsense means square.
    """
    if not aspect or aspect == 1 or not 1 <= aspect * _MAX_ASPECT <= _MAX_ASPECT**2:
        return width, height
    return max(1, round(width * aspect)), height


def orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Return how a frame's display matrix turns it: clockwise quarter turns, then a mirror.

    Other angles than multiples of 90 degrees go to the nearest of them. The mirror, if any, is
    left to right and comes after the turn.
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 0, False
    # rows (a, b, u), (c, d, v), (x, y, w): a point goes to (a x + c y, b x + d y), y down
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32, 5).astype(float)
    if not np.isfinite([a, b, c, d]).all() or a * d - b * c == 0:
        return 0, False
    mirrored = a * d - b * c < 0
    # the picture's x axis lands on (a, b); an undone mirror turns the sign of its x
    turns = round(np.degrees(np.arctan2(b, -a if mirrored else a)) / 90) % 4
    return int(turns), bool(mirrored)


_TURNS = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turn(image: NDArray[np.uint8], turns: int, mirrored: bool) -> NDArray[np.uint8]:
    """Turn a picture clockwise by quarter turns, then mirror it left to right."""
    if turns:
        image = np.asarray(cv2.rotate(image, _TURNS[turns]), np.uint8)
    if mirrored:
        image = np.asarray(cv2.flip(image, 1), np.uint8)
    return image


class RgbConverter:
    """Turns decoded pictures of any pixel format into upright uint8 RGB with square pixels.

    Colour matrix and range are the stream's own (BT.601 and limited where it states none, as
    FFmpeg has it). Alpha is ignored. The scaler is kept between frames, which saves time.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame, aspect: Fraction | None) -> NDArray[np.uint8]:
        """Return the picture, (height, width, 3), as it is to be shown."""
        width, height = square_size(frame.width, frame.height, aspect)
        # one thread: the pool that swscale starts otherwise costs more than it gives
        rgb = self._reformatter.reformat(
            frame, width=width, height=height, format="rgb24", threads=1
        )
        return turn(np.asarray(rgb.to_ndarray(), np.uint8), *orientation(frame))


def shown_size(frame: VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Return (width, height) of a frame as it is to be shown."""
    width, height = square_size(frame.width, frame.height, aspect)
    return (height, width) if orientation(frame)[0] % 2 else (width, height)


# --- sound -----------------------------------------------------------------------------------

_PLANES = 8
"""How many planes FFmpeg's frame has room for in itself."""

_FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


def to_channels(frame: AudioFrame) -> tuple[NDArray[np.float32], int]:
    """Return the channels of a frame, (channels, n) float32 with full scale 1, and the number of
    bad samples.

    Samples that are not finite become 0 and are counted; those beyond any loudness are clipped.
    """
    channels = frame.layout.nb_channels
    if channels >= _PLANES and frame.format.is_planar:
        # PyAV counts the planes of such a frame up to a null that is not there, and reads on
        packing = AudioResampler(
            format=frame.format.packed.name, layout=frame.layout, rate=frame.sample_rate
        )
        frame = packing.resample(frame)[0]
    data = np.asarray(frame.to_ndarray())
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    kind = data.dtype.str[1:]
    if kind in _FULL_SCALE:
        samples = data.astype(np.float32)
        if kind == "u1":
            samples -= 128
        samples *= np.float32(1 / _FULL_SCALE[kind])
        bad = 0
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            samples = data.astype(np.float32)
        fine = np.isfinite(samples)
        bad = int(samples.size - np.count_nonzero(fine))
        if bad:
            samples = np.where(fine, samples, np.float32(0))
        samples = np.clip(samples, -_LOUDEST, _LOUDEST)
    return np.asarray(samples, np.float32), bad


class SoundPipe:
    """Turns decoded sound of any rate and layout into mono 48 kHz runs, each with its time.

    Within a run the samples follow each other without a gap, whatever the small errors of the
    time stamps. A stamp later than the run's end by more than `SOUND_TOLERANCE` starts a new
    run (a gap stays a gap). One earlier by more than that has its overlap cut off. One earlier by
    more than `MAX_BACK` counts from somewhere else: the sound follows what came before.
    """

    def __init__(self) -> None:
        self._rate = 0
        self._resampler: AudioResampler | None = None
        self._start = 0.0  # of the run, seconds
        self._taken = 0  # samples of the run that went in, at the file's rate
        self._given = 0  # samples of the run that came out, at 48 kHz
        self._shift = 0.0
        self._begun = False
        self.back: tuple[float, float] | None = None
        """The first step back that was not followed: from and to, seconds."""

    @property
    def end(self) -> float:
        """Where the sound taken so far ends, in seconds."""
        return self._start + self._taken / self._rate if self._rate else self._start

    def push(
        self, samples: NDArray[np.float32], rate: int, stamp: float | None
    ) -> list[tuple[float, NDArray[np.float32]]]:
        """Take mono samples at ``rate`` Hz; return what is ready as (seconds, samples) pairs.

        Raises
        ------
        ValueError : no sound has such a rate.
        """
        if rate not in SOUND_RATES:
            raise ValueError(f"{rate} samples a second")
        ready: list[tuple[float, NDArray[np.float32]]] = []
        skip = 0
        time = self.end
        if not self._begun:
            if stamp is not None:
                time = max(stamp, 0.0)
                skip = round(max(-stamp, 0.0) * rate)  # the encoder's run-in
        elif stamp is not None:
            ahead = stamp + self._shift - time
            if ahead < -MAX_BACK:
                self.back = self.back or (time, time + ahead)
                self._shift -= ahead
            elif ahead > SOUND_TOLERANCE:
                time += ahead
            elif ahead < -SOUND_TOLERANCE:
                skip = round(-ahead * rate)
        samples = samples[skip:]
        if not samples.size:
            return ready
        if self._resampler is None or rate != self._rate or time != self.end:
            ready += self.flush()
            self._resampler = AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
            self._start, self._taken, self._given = time, 0, 0
            self._rate, self._begun = rate, True
        frame = AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = rate
        frame.pts = self._taken
        frame.time_base = Fraction(1, rate)
        self._taken += samples.size
        return ready + self._resample(frame)

    def flush(self) -> list[tuple[float, NDArray[np.float32]]]:
        """Return what the resampler still holds; the next sound begins a run of its own."""
        if self._resampler is None:
            return []
        ready = self._resample(None)
        self._start, self._taken = self.end, 0
        self._resampler = None
        return ready

    def _resample(self, frame: AudioFrame | None) -> list[tuple[float, NDArray[np.float32]]]:
        assert self._resampler is not None
        ready = []
        # a resampler with nothing to do returns None for a flush
        for part in filter(None, self._resampler.resample(frame)):
            samples = np.asarray(part.to_ndarray(), np.float32).reshape(-1)
            ready.append((self._start + self._given / SOUND_RATE, samples))
            self._given += samples.size
        return ready
