"""Light-ASD as a yardstick for `who_speaks.py`: its network on the same scenes.

Liao, Duan, Feng, Zhao, Yang, Chen: A Light Weight Model for Active Speaker Detection, CVPR 2023,
github.com/Junhua-Liao/Light-ASD @ ed38c23, MIT. Its code and weights are read from a copy; nothing
of it is part of this project. Its input is made here: grey pictures of 112 x 112 that show the
lower part of the face, 25 a second, and 13 cepstral coefficients, 100 a second.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from scipy.fft import dct

RATE = 16_000
WEIGHTS = "weight/pretrain_AVA_CVPR.model"
_REGION = (24.0, 45.5, 49.0)  # left, top and side in a tube's crop of 96 pixels


class LightAsd:
    """Scores of its network: above 0, the face speaks."""

    def __init__(self, copy: Path) -> None:
        sys.path.insert(0, str(copy))
        state = torch.load(copy / WEIGHTS, weights_only=True, map_location="cpu")
        torch.set_num_threads(1)
        self.network: Any = importlib.import_module("model.Model").ASD_Model()
        self.network.load_state_dict({k[6:]: v for k, v in state.items() if k.startswith("model.")})
        self.network.eval()
        self.weight = state["lossAV.FC.weight"].numpy()
        self.bias = state["lossAV.FC.bias"].numpy()
        self._videos: dict[bytes, Any] = {}

    @torch.no_grad()
    def score(self, pictures: NDArray[Any], samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) of pictures (n, 112, 112) at 25 a second and samples at 16 kHz of the same time."""
        key = pictures.tobytes()[::4999]
        if key not in self._videos:
            x = torch.from_numpy(pictures[None].astype(np.float32))
            self._videos[key] = self.network.forward_visual_frontend(x)
        count = 4 * len(pictures)
        cepstra = mfcc(samples)[:count]
        cepstra = np.pad(cepstra, ((0, count - len(cepstra)), (0, 0)), mode="edge")
        audio = self.network.forward_audio_frontend(torch.from_numpy(cepstra[None]))
        joined = self.network.forward_audio_visual_backend(audio, self._videos[key]).numpy()
        out = joined @ self.weight.T + self.bias
        return np.asarray(out[:, 1] - out[:, 0], np.float32)


def pictures_of(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 112, 112) of a tube's grey crops (n, 96, 96)."""
    left, top, side = _REGION
    scale = side / 112
    m = np.array([[scale, 0, left + scale / 2 - 0.5], [0, scale, top + scale / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([
        cv2.warpAffine(crop, m, (112, 112), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        for crop in crops
    ])  # fmt: skip


def at_16k(samples: NDArray[np.float32], rate: int, first: float) -> NDArray[np.float32]:
    """Samples at 16 kHz, from ``first`` seconds on."""
    whole = np.asarray(soxr.resample(samples, rate, RATE), np.float32)
    begin = round(first * RATE)
    return whole[begin:] if begin >= 0 else np.pad(whole, (-begin, 0))


def mfcc(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 13) as python_speech_features makes them by default, of which the network learned."""
    x = samples.astype(np.float64) * 32768
    x = np.append(x[0], x[1:] - 0.97 * x[:-1])
    count = 1 + max(0, -(-(len(x) - 400) // 160))
    x = np.append(x, np.zeros(max(0, (count - 1) * 160 + 400 - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, 400)[::160][:count]
    power = np.abs(np.fft.rfft(frames, 512)) ** 2 / 512
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    bins = np.floor(513 * 700 * (10 ** (mel / 2595) - 1) / RATE)
    at = np.arange(257)[:, None]
    low, middle, high = bins[:-2], bins[1:-1], bins[2:]
    rising, falling = (at - low) / (middle - low), (high - at) / (high - middle)
    filters = np.where(at < middle, rising, falling) * ((at >= low) & (at < high))
    tiny = np.finfo(float).eps
    cepstra = dct(np.log(np.maximum(power @ filters, tiny)), axis=1, norm="ortho")[:, :13]
    cepstra *= 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
    cepstra[:, 0] = np.log(np.maximum(power.sum(axis=1), tiny))
    return np.asarray(cepstra, np.float32)
