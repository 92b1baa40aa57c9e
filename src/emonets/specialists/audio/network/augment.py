"""Random changes to spectrograms, for training: other voices, other rooms, other microphones.

A spectrogram is (frames, bands) in dB. Everything here is a function of such an array and of a
numpy generator; the changes stand in for what new clips would bring:

- *warp*: all frequencies times a factor, as a shorter or longer vocal tract and a higher or
  lower voice would have them (Jaitly and Hinton 2013);
- *tempo*: slower or faster speech, at the same pitch;
- *tilt*: another microphone or room, a random smooth curve over the bands;
- *room*: the tail of a random reverberation behind each sound;
- *noise*: a random steady noise behind the speech;
- *band*: the low and high ends cut off, as telephones and codecs do;
- *hollow*: what lies far below the loudest band of a frame left out, as codecs of few bits do;
- *squeeze*: differences of level made smaller or larger, as automatic gain does;
- *masks*: bands and frames left out (Park et al. 2019, SpecAugment).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from emonets.errors import ParameterError

Floats = NDArray[np.float32]

_RANGES = ("snr", "decay")
_PROBABILITIES = ("noise", "room", "band", "hollow")
_FRAMES_A_SECOND = 80.0
_LOUD = 10.0**-3.5
"""Share of the loudest frame's power below which a frame is silence."""
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
    room: float = 0.0
    """Probability of reverberation."""
    decay: tuple[float, float] = (0.15, 0.9)
    """Range of the seconds in which reverberation falls by 60 dB."""
    band: float = 0.0
    """Probability that both ends of the bands are cut off."""
    hollow: float = 0.0
    """Probability that the quiet bands of each frame are left out."""
    squeeze: float = 0.0
    """Standard deviation of the logarithm of the factor on level differences of frames."""
    masks: int = 2
    """Masks along either axis."""
    mask_bands: int = 8
    """Bands of a mask at most."""
    mask_frames: int = 20
    """Frames of a mask at most."""

    def __post_init__(self) -> None:
        if len(self.snr) != 2 or not self.snr[0] <= self.snr[1]:
            raise ParameterError(f"snr: expected the ends of a range in dB, got {self.snr}")
        if len(self.decay) != 2 or not 0 < self.decay[0] <= self.decay[1]:
            raise ParameterError(f"decay: expected the ends of a range in s, got {self.decay}")
        rest = {name: value for name, value in vars(self).items() if name not in _RANGES}
        wrong = [name for name, value in rest.items() if not value >= 0]
        wrong += [name for name in _PROBABILITIES if rest[name] > 1]
        if wrong:
            raise ParameterError(f"{wrong[0]}: out of its range, got {rest[wrong[0]]}")


def power_of(levels: NDArray[np.floating]) -> NDArray[np.float64]:
    """dB → power, of any shape."""
    power: NDArray[np.float64] = np.exp(np.asarray(levels, np.float64) * (math.log(10.0) / 10.0))
    return power


def joined(levels: NDArray[np.floating], every: int) -> NDArray[np.floating]:
    """The mean power of so many neighbouring frames: (t, bands) dB → (ceil(t / every), bands) dB.

    What is missing in the last group is its last frame again.
    """
    if every == 1:
        return levels
    missing = -len(levels) % every
    power = power_of(np.concatenate([levels, np.repeat(levels[-1:], missing, axis=0)]))
    mean = power.reshape(-1, every, levels.shape[1]).mean(axis=1)
    means: NDArray[np.floating] = 10.0 * np.log10(np.maximum(mean, 1e-20))
    return means


def normalise_level(levels: NDArray[np.floating]) -> Floats:
    """The network's input of a spectrogram, whatever the gain it was recorded with.

    Powers are divided by their mean over all frames and bands; what lies 60 dB below it and
    deeper is levelled out, so that the depth of a clip's silence does not count. Then dB
    are shifted and scaled to about -1.8 to 2: (frames, bands) → (frames, bands).
    """
    power = power_of(levels)
    relative = power / power.mean() + 10.0 ** (-_DYNAMIC_RANGE / 10.0)
    seen: Floats = ((10.0 * np.log10(relative) + 25.0) / 20.0).astype(np.float32)
    return seen


def network_input(levels: NDArray[np.floating], equalise: float = 0.0, every: int = 1) -> Floats:
    """The network's input of a spectrogram: its level, and a share of its bands' means, taken out.

    A microphone, a room and a voice add the same dB to a band in all frames. They are therefore in
    the band's mean. The mean is over the frames that are no silence.

    Parameters
    ----------
    levels : (frames, bands) dB, frames at least 1.
    equalise : share of each band's mean that is taken away, 0 to 1.
    every : frames that become one (`joined`), before anything else.

    Returns
    -------
    (ceil(frames / every), bands) float32: `normalise_level`, less ``equalise`` times the means'
    deviation from the mean of all bands.

    Examples
    --------
    >>> x = np.array([[0.0, -20.0], [-6.0, -26.0]])
    >>> bool(np.allclose(*network_input(x, 1.0).T))
    True
    """
    levels = joined(levels, every)
    seen = normalise_level(levels)
    if not equalise:
        return seen
    power = power_of(levels).mean(axis=1)
    means = seen[power >= power.max() * _LOUD].mean(axis=0)
    equal: Floats = seen - np.float32(equalise) * (means - means.mean())
    return equal


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
    equalise: float = 0.0,
    every: int = 1,
) -> Floats:
    """A random stretch of a clip, randomly changed and normalised.

    Returns (ceil(frames / every), bands) float32. ``equalise`` and ``every`` are those of
    `network_input`. A clip too short for it stands at a
    random place amid frames of its lowest value.
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
    if how.squeeze:
        x = _squeezed(x, math.exp(rng.normal(0.0, how.squeeze)))
    if how.room and rng.random() < how.room:
        x = reverberated(x, rng.uniform(*how.decay), rng.uniform(-8.0, 4.0))
    if how.tilt:
        x = x + _curve(bands, 6, how.tilt, rng)
    if rng.random() < how.noise:
        x = _with_noise(x, how, rng)
    if how.band and rng.random() < how.band:
        low, high = rng.uniform(50.0, 400.0), math.exp(rng.uniform(math.log(2500), math.log(7600)))
        x = band_limited(x, low, high, centres)
    if how.hollow and rng.random() < how.hollow:
        x = np.maximum(x, x.max(axis=1, keepdims=True) - rng.uniform(25.0, 45.0))
    z = network_input(x, equalise, every)
    frames, longest = -(-frames // every), how.mask_frames // every
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
        width = int(rng.integers(0, min(longest, frames - 1) + 1))
        first = int(rng.integers(0, frames - width))
        z[first : first + width] = mean
    return z


def reverberated(levels: NDArray[np.floating], decay: float, ratio: float) -> NDArray[np.floating]:
    """Add the tail of a room: (frames, bands) dB → (frames, bands) dB.

    The power of each band falls off exponentially behind every frame.

    Parameters
    ----------
    decay : seconds in which the tail falls by 60 dB.
    ratio : of the whole tail's power to the frame's, dB.

    Examples
    --------
    >>> x = np.full((3, 1), -100.0)
    >>> x[0] = 0.0
    >>> y = reverberated(x, decay=0.5, ratio=0.0)
    >>> [round(float(v), 1) for v in y[:, 0]]
    [0.0, -8.4, -9.9]
    """
    keep = 10.0 ** (-6.0 / (decay * _FRAMES_A_SECOND))
    power = power_of(levels)
    size = 10.0 ** (ratio / 10.0) * (1.0 - keep)
    tail = lfilter([0.0, size], [1.0, -keep], power, axis=0)
    wet: NDArray[np.floating] = 10.0 * np.log10(power + tail)
    return wet


def band_limited(
    levels: NDArray[np.floating], low: float, high: float, centres: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Bands below ``low`` and above ``high`` Hz fall by 48 dB an octave: (frames, bands) dB."""
    octaves = np.maximum(np.log2(low / centres), np.log2(centres / high))
    limited: NDArray[np.floating] = levels - 48.0 * np.maximum(octaves, 0.0)
    return limited


def _squeezed(levels: NDArray[np.floating], factor: float) -> NDArray[np.floating]:
    """Differences of the frames' levels times a factor; the shape of each frame stays."""
    power = power_of(levels).mean(axis=1, keepdims=True)
    loudness = 10.0 * np.log10(power + 1e-14)
    squeezed: NDArray[np.floating] = levels + (factor - 1.0) * (loudness - loudness.max())
    return squeezed


def _curve(bands: int, points: int, size: float, rng: np.random.Generator) -> Floats:
    """A random curve over the bands in dB, straight between its points: (bands,)."""
    at = np.linspace(0, bands - 1, points)
    return np.interp(np.arange(bands), at, rng.normal(0.0, size, points)).astype(np.float32)


def _with_noise(
    levels: NDArray[np.floating], how: Augmentation, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Add the power of a steady noise; its bands fluctuate as those of a real one do."""
    power = power_of(levels)
    spectrum = np.power(10.0, _curve(levels.shape[1], 5, 5.0, rng) / 10.0)
    size = power.mean() * 10.0 ** (-rng.uniform(*how.snr) / 10.0)
    noise = size * spectrum / spectrum.mean() * rng.gamma(2.0, 0.5, power.shape)
    noisy: NDArray[np.floating] = 10.0 * np.log10(power + noise)
    return noisy
