"""The network that compares a mouth's movement with the audio; it ships with the package.

Convolutions over time turn the shapes of a mouth, and the bands of the audio, into two embeddings.
Their products at seven shifts, and both themselves, go through three more convolutions, to one
number a step. Above 0 the mouth rather fits the audio, below 0 it rather does not. Some networks of
this kind are averaged. They are small enough for matrix products of numpy.

Trained by ``tools/train_speakers.py``; see ``docs/models/speakers.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from emonets.errors import BundleError
from emonets.voices.speakers_input import BANDS, PER_STEP, SHAPE, Bands

Floats = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]

EMBEDDING = 24
"""Length of the embeddings of mouth and audio, at each step."""
HIDDEN = 32
SHIFTS = 7
"""Steps by which the audio is moved against the mouth: -3..3, 120 ms either way."""
DILATIONS = (1, 2, 3)
OFFSETS = (-2, 0, 2)
"""Steps by which the audio of a whole clip may lie before or behind its pictures: 80 ms. The
networks take another 60 ms either way."""
AROUND = 25
"""Steps on each side over which a shape's mean is taken, and subtracted."""
CONTEXT = AROUND + 32
"""Steps on each side on which the output of a step may depend; in truth fewer."""
BLOCK = 1500
"""Steps computed at once: bounds the memory."""

# what a mouth's numbers differ by, pixels of a FER2013 face
_SPREAD = np.array([1.2, 1.5, 1.2, 1.2, 0.6, 1.2, 1.2, 0.8], np.float32)


class SpeakersNetwork:
    """Scores how well mouths fit the audio.

    Parameters
    ----------
    weights : arrays by name, float: of each network those of `shapes`, behind its number.

    Raises
    ------
    BundleError : an array is missing, has another shape, or is not finite.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        count = 1 + max(
            (int(name.split(".")[0]) for name in weights if name[0].isdigit()), default=0
        )
        self._networks = []
        for k in range(count):
            for name, shape in shapes().items():
                array = weights.get(f"{k}.{name}")
                if array is None or array.shape != shape or not np.isfinite(array).all():
                    raise BundleError(
                        f"the weights of the speakers' network are damaged or foreign "
                        f"({k}.{name}); install emonets again"
                    )
            self._networks.append(
                _Network({name: weights[f"{k}.{name}"].astype(np.float32) for name in shapes()})
            )

    def score(self, mouths: NDArray[Any], first: int, bands: Bands) -> Floats:
        """How well a mouth fits the audio, at each step and for each of `OFFSETS`; (n, 3).

        Parameters
        ----------
        mouths : (n, 8) from `mouth_shapes`, of steps that follow each other.
        first : step of the grid at which they begin.
        bands : of the clip.
        """
        n = len(mouths)
        out = np.empty((n, len(OFFSETS)), np.float32)
        for start in range(0, n, BLOCK):
            a, b = max(0, start - CONTEXT), min(n, start + BLOCK + CONTEXT)
            end, moved = min(n, start + BLOCK), movement(mouths[a:b]).T
            for k, offset in enumerate(OFFSETS):
                audio = bands.at(first + a + offset, b - a).T
                part = np.mean([network.score(moved, audio) for network in self._networks], axis=0)
                out[start:end, k] = part[start - a : end - a]
        return out


class _Network:
    """One of the networks: arrays by name, as `shapes` describes them."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        self._w = weights

    def score(self, mouth: Floats, audio: Floats) -> Floats:
        """(9, n) and (24, 4 n) → (n,)."""
        return self._joined(self._mouth(mouth), self._audio(audio))

    def _mouth(self, x: Floats) -> Floats:
        return self._conv("mouth.1", _relu(self._conv("mouth.0", x)))

    def _audio(self, x: Floats) -> Floats:
        h = _relu(self._conv("audio.0", x))
        w = self._w["audio.1.weight"]
        steps = h.reshape(len(h), -1, PER_STEP)  # a stride as long as the kernel
        h = np.einsum("oik,ink->on", w, steps, optimize=True) + self._w["audio.1.bias"][:, None]
        return self._conv("audio.2", _relu(h))

    def _joined(self, mouth: Floats, audio: Floats) -> Floats:
        n, half = mouth.shape[1], SHIFTS // 2
        a, b = _unit(mouth), np.pad(_unit(audio), ((0, 0), (half, half)))
        products = np.stack([(a * b[:, k : k + n]).sum(axis=0) for k in range(SHIFTS)])
        h = _relu(self._conv("joined", np.concatenate([_relu(mouth), _relu(audio), 3 * products])))
        for k, dilation in enumerate(DILATIONS):
            step = _relu(self._conv(f"block.{k}", h, dilation))
            h = h + self._conv(f"back.{k}", step)
        out: Floats = self._conv("score", _relu(h))[0]
        return out

    def _conv(self, name: str, x: Floats, dilation: int = 1) -> Floats:
        """A convolution over the last axis that keeps its length; zeros beyond the ends."""
        w = self._w[f"{name}.weight"]
        k, n = w.shape[2], x.shape[1]
        padded = np.pad(x, ((0, 0), (dilation * (k // 2),) * 2))
        columns = np.concatenate([padded[:, dilation * i : dilation * i + n] for i in range(k)])
        out: Floats = w.transpose(0, 2, 1).reshape(len(w), -1) @ columns
        return out + self._w[f"{name}.bias"][:, None]


def shapes() -> Shapes:
    """The shape of each array of one network, by name."""
    layers = {
        "mouth.0": (HIDDEN, SHAPE + 1, 5), "mouth.1": (EMBEDDING, HIDDEN, 5),
        "audio.0": (HIDDEN, BANDS, 5), "audio.1": (HIDDEN, HIDDEN, PER_STEP),
        "audio.2": (EMBEDDING, HIDDEN, 5),
        "joined": (HIDDEN, 2 * EMBEDDING + SHIFTS, 1),
        **{f"block.{k}": (HIDDEN, HIDDEN, 5) for k in range(len(DILATIONS))},
        **{f"back.{k}": (HIDDEN, HIDDEN, 1) for k in range(len(DILATIONS))},
        "score": (1, HIDDEN, 1),
    }  # fmt: skip
    out: Shapes = {}
    for name, shape in layers.items():
        out[f"{name}.weight"], out[f"{name}.bias"] = shape, shape[:1]
    return out


@lru_cache(maxsize=1)
def load_network(path: Path | None = None) -> SpeakersNetwork:
    """The network that ships with the package, or the one in a safetensors file.

    Raises
    ------
    BundleError : the file is missing, cannot be read, or holds another network.
    """
    path = path or Path(str(files("emonets") / "weights" / "speakers.safetensors"))
    try:
        weights = load(path.read_bytes())
    except OSError as error:
        raise BundleError(
            f"{path}: the speakers' network cannot be read ({error.strerror}); install emonets "
            "again"
        ) from error
    except Exception as error:  # safetensors' errors share no other class
        raise BundleError(f"{path}: this is no safetensors file ({error})") from error
    return SpeakersNetwork(weights)


def movement(mouths: NDArray[Any]) -> Floats:
    """(n, 9) of shapes (n, 8): without their mean of 1 s on each side, and the gap of the lips.

    What is left does not depend on whose mouth it is.
    """
    x = np.asarray(mouths, np.float32)
    n, kernel = len(x), np.ones(2 * AROUND + 1)

    def around(column: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.convolve(column, kernel)[AROUND : AROUND + n])

    mean = np.stack([around(column) for column in x.T], axis=1) / around(np.ones(n))[:, None]
    return np.concatenate([(x - mean) / _SPREAD, x[:, :1] / 3 - 0.5], axis=1).astype(np.float32)


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0)


def _unit(x: Floats) -> Floats:
    """Columns shortened to a length below 1."""
    out: Floats = x / np.sqrt((x * x).sum(axis=0, keepdims=True) + 1)
    return out
