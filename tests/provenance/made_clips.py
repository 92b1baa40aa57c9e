"""Made-up clips for the tests of fingerprints: sound like speech, and pictures that move."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from media_files import write_media

RATE = 48_000
SIZE = (96, 72)


def speech(seed: int, seconds: float = 3.0) -> NDArray[np.float32]:
    """(n,) noise whose bands rise and fall a few times a second, as those of speech do."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    sound = np.zeros(n)
    for low in range(200, 3600, 200):
        band = np.fft.irfft(np.where((hertz >= low) & (hertz < low + 200), spectrum, 0), n)
        points = rng.uniform(0, 1, int(seconds * 8) + 2) ** 3
        sound += band * np.interp(np.arange(n) / RATE * 8, np.arange(len(points)), points)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def dance(seed: int, seconds: float = 3.0) -> list[NDArray[np.uint8]]:
    """Frames, 25 a second: blobs on one and the same background, which wander."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    places = rng.uniform(0, 1, (6, int(seconds * 3) + 3, 2)) * (width, height)
    frames = []
    for k in range(int(seconds * 25)):
        t = k / 25 * 3
        picture = 90 + 40 * np.sin(x / 9) * np.cos(y / 7)  # the studio
        for path in places:
            px, py = (np.interp(t, np.arange(len(path)), path[:, axis]) for axis in (0, 1))
            picture = picture + 110 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 90)
        frames.append(np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2))
    return frames


def write_clip(
    path: Path, seed: int, *, sound: bool = True, pictures: bool = True, start: float = 0.0,
    end: float | None = None, scale: float = 1.0, gain: float = 1.0, rate: int = RATE,
    audio: str = "aac",
) -> Path:  # fmt: skip
    """A made-up clip, or a copy of it: a part, smaller, quieter, by another codec."""
    samples, frames = speech(seed), dance(seed)
    last = len(frames) / 25 if end is None else end
    samples = gain * samples[int(start * RATE) : int(last * RATE)]
    frames = frames[round(start * 25) : round(last * 25)]
    size = int(SIZE[0] * scale) // 2 * 2, int(SIZE[1] * scale) // 2 * 2
    if rate != RATE:
        samples = samples[:: RATE // rate]  # nothing is there above 4 kHz
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    return write_media(
        path, video="libx264" if pictures else None, size=size, paint=lambda i: small[i],
        stamps=range(0, 40 * len(frames), 40), audio=audio if sound else None, sound=samples,
        sound_rate=rate, options={"preset": "ultrafast", "crf": "30"},
    )  # fmt: skip


def face(seed: int) -> NDArray[np.uint8]:
    """(48, 48) grey, smooth and with contrast."""
    noise = np.random.default_rng(seed).standard_normal((48, 48)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.clip(127 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)
