"""A fingerprint of a clip's pictures: 64 bits every quarter of a second.

Clips of one studio have similar pictures, so a word describes how the picture changes. The grey
picture of a quarter of a second before is subtracted. A bit is the sign of one of the 64 lowest
coefficients of the difference's cosine transform. Without movement a word has no information, so
still pictures are not recognised by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.provenance.words import HOP, Rule

STEP = 1 / 32
"""Seconds between two words of a clip that is looked up."""
RULE = Rule(limit=0.27, slack=0.19, least=3, near=13)

_SIDE = 16  # pixels of the grey picture
_FINE = 64  # … which is the mean of these, so it has finer steps than 1 of 256
_MOVES = 0.5  # of 255, root mean square: below this a picture counts as still
_BLOCK = 2048  # steps computed together
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue (ITU-R BT.601)
_ZIGZAG = sorted((i + j, i, j) for i in range(12) for j in range(12))[1:65]  # without the mean
_ROWS, _COLUMNS = [i for _, i, _ in _ZIGZAG], [j for _, _, j in _ZIGZAG]


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(16, 16) grey, 0..255, of a picture (height, width, 3) uint8 RGB."""
    small = cv2.resize(image, (_FINE, _FINE), interpolation=cv2.INTER_AREA)
    grey = small.astype(np.float32) @ _WEIGHTS
    step = _FINE // _SIDE
    means: NDArray[np.float32] = grey.reshape(_SIDE, step, _SIDE, step).mean(axis=(1, 3))
    return means


def picture_words(
    thumbnails: Sequence[NDArray[np.float32]], times: Sequence[float]
) -> NDArray[np.uint64]:
    """The words of a clip's pictures, one every 1/32 s.

    Parameters
    ----------
    thumbnails : of all frames, as `thumbnail` returns. times : of them, increasing, seconds.

    Returns
    -------
    (m,) uint64, 0 without movement; empty for less than a quarter of a second.
    """
    if len(times) < 2:
        return np.zeros(0, np.uint64)
    shown, when = np.stack(thumbnails), np.asarray(times, np.float64)
    count = int((when[-1] - when[0]) / STEP + 1e-6) + 1 - HOP
    parts = [np.zeros(0, np.uint64)]
    for k in range(0, max(count, 0), _BLOCK):
        steps = np.arange(k, min(k + _BLOCK, count) + HOP)
        pictures = _at(shown, when, when[0] + steps * STEP)
        parts.append(_words(pictures[HOP:] - pictures[:-HOP]))
    return np.concatenate(parts)


def _at(
    shown: NDArray[np.float32], when: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The pictures at these times, interpolated linearly between two frames."""
    before = np.clip(np.searchsorted(when, times, side="right") - 1, 0, len(when) - 2)
    share = np.clip((times - when[before]) / (when[before + 1] - when[before]), 0, 1)
    weight = share.astype(np.float32)[:, None, None]
    between: NDArray[np.float32] = shown[before] * (1 - weight) + shown[before + 1] * weight
    return between


def _words(changes: NDArray[np.float32]) -> NDArray[np.uint64]:
    changes = changes - changes.mean(axis=(1, 2), keepdims=True)  # removes changes of brightness
    moves = np.sqrt((changes**2).mean(axis=(1, 2))) >= _MOVES
    signs = np.array([cv2.dct(change)[_ROWS, _COLUMNS] > 0 for change in changes])
    words = np.maximum(np.packbits(signs, axis=1).view(">u8")[:, 0].astype(np.uint64), 1)
    return np.where(moves, words, 0).astype(np.uint64)
