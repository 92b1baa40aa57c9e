"""Random changes to spectrograms, for training: other voices, other rooms, other microphones.

A spectrogram is (frames, bands) in dB. Everything here is a function of such an array and of a
numpy generator; the changes stand in for what new clips would bring:

- *warp*: all frequencies times a factor, as a shorter or longer vocal tract and a higher or
  lower voice would have them (Jaitly and Hinton 2013);
- *tempo*: slower or faster speech, at the same pitch;
- *tilt*: another microphone or room, a random smooth curve over the bands;
- *noise*: a random steady noise behind the speech;
- *masks*: bands and frames left out (Park et al. 2019, SpecAugment).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError

Floats = NDArray[np.float32]

_DYNAMIC_RANGE = 60.0
"""dB below a clip's mean power under which levels are not distinguished."""


@dataclass(frozen=True)
class Augmentation:
    """How far spectrograms are changed; zeros everywhere change nothing."""

    warp: float = 0.15
    """Largest change of frequencies, as a natural logarithm: 0.15 is -14 to +16 %."""
    tempo: float = 0.15
    """Largest change of tempo, likewise."""
    tilt: float = 3.0
    """Standard deviation of the random curve over the bands at its six points, dB."""
    noise: float = 0.5
    """Probability of noise."""
    snr: tuple[float, float] = (8.0, 45.0)
    """Range of the signal-to-noise ratio where there is noise, dB."""
    level: float = 2.0
    """Standard deviation of an offset of the whole normalised spectrogram, dB."""
    masks: int = 2
    """Masks along either axis."""
    mask_bands: int = 8
    """Bands of a mask at most."""
    mask_frames: int = 20
    """Frames of a mask at most."""

    def __post_init__(self) -> None:
        if len(self.snr) != 2 or not self.snr[0] <= self.snr[1]:
            raise ParameterError(f"snr: expected the ends of a range in dB, got {self.snr}")
        rest = {name: value for name, value in vars(self).items() if name != "snr"}
        below = [name for name, value in rest.items() if not value >= 0]
        if below or self.noise > 1:
            name = (below or ["noise"])[0]
            raise ParameterError(f"{name}: out of its range, got {rest[name]}")


def normalise_level(levels: NDArray[np.floating]) -> Floats:
    """The network's input of a spectrogram, whatever the gain it was recorded with.

    Powers are divided by their mean over all frames and bands; what lies 60 dB below it and
    deeper is levelled out, so that the depth of a clip's silence does not count. Then dB
    are shifted and scaled to about -1.8 to 2: (frames, bands) → (frames, bands).
    """
    power = np.power(10.0, np.asarray(levels, np.float64) / 10.0)
    relative = power / power.mean() + 10.0 ** (-_DYNAMIC_RANGE / 10.0)
    seen: Floats = ((10.0 * np.log10(relative) + 25.0) / 20.0).astype(np.float32)
    return seen


def at_rows(x: NDArray[np.floating], position: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rows at fractional positions, linear between neighbours, constant beyond the ends."""
    position = np.clip(position, 0.0, len(x) - 1.0)
    below = np.minimum(position.astype(np.int64), max(len(x) - 2, 0))
    above = np.minimum(below + 1, len(x) - 1)
    part = (position - below).astype(x.dtype)[:, None]
    mixed: NDArray[np.floating] = x[below] * (1 - part) + x[above] * part
    return mixed


def warp_bands(
    levels: NDArray[np.floating], factor: float, centres: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Multiply all frequencies by ``factor``; ``centres`` are the bands' in Hz, ascending."""
    source = np.interp(centres / factor, centres, np.arange(len(centres)))
    return at_rows(levels.T, source).T


def random_crop(
    levels: NDArray[np.floating],
    frames: int,
    how: Augmentation,
    centres: NDArray[np.float64],
    rng: np.random.Generator,
) -> Floats:
    """A random stretch of a clip, randomly changed and normalised: (frames, bands) float32.

    A clip too short for it stands at a random place amid frames of its lowest value.
    """
    bands = levels.shape[1]
    warp = math.exp(rng.uniform(-how.warp, how.warp))
    tempo = math.exp(rng.uniform(-how.tempo, how.tempo))
    spare = len(levels) - ((frames - 1) * tempo + 1)
    if spare >= 0:
        position = rng.uniform(0.0, spare) + np.arange(frames) * tempo
    else:
        position = np.arange(0.0, len(levels) - 1 + 1e-6, tempo)
    x = warp_bands(at_rows(levels, position), warp, centres)
    if how.tilt:
        x = x + _curve(bands, 6, how.tilt, rng)
    if rng.random() < how.noise:
        x = _with_noise(x, how, rng)
    z = normalise_level(x)
    if how.level:
        z += np.float32(rng.normal(0.0, how.level / 20.0))
    if len(z) < frames:
        wide = np.full((frames, bands), z.min(), np.float32)
        before = rng.integers(0, frames - len(z) + 1)
        wide[before : before + len(z)] = z
        z = wide
    mean = z.mean()
    for _ in range(how.masks):
        width = int(rng.integers(0, min(how.mask_bands, bands - 1) + 1))
        first = int(rng.integers(0, bands - width))
        z[:, first : first + width] = mean
    for _ in range(how.masks):
        width = int(rng.integers(0, min(how.mask_frames, frames - 1) + 1))
        first = int(rng.integers(0, frames - width))
        z[first : first + width] = mean
    return z


def _curve(bands: int, points: int, size: float, rng: np.random.Generator) -> Floats:
    """A random curve over the bands in dB, straight between its points: (bands,)."""
    at = np.linspace(0, bands - 1, points)
    return np.interp(np.arange(bands), at, rng.normal(0.0, size, points)).astype(np.float32)


def _with_noise(
    levels: NDArray[np.floating], how: Augmentation, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Add the power of a steady noise; its bands fluctuate as those of a real one do."""
    power = np.power(10.0, levels / 10.0)
    spectrum = np.power(10.0, _curve(levels.shape[1], 5, 5.0, rng) / 10.0)
    size = power.mean() * 10.0 ** (-rng.uniform(*how.snr) / 10.0)
    noise = size * spectrum / spectrum.mean() * rng.gamma(2.0, 0.5, power.shape)
    noisy: NDArray[np.floating] = 10.0 * np.log10(power + noise)
    return noisy
