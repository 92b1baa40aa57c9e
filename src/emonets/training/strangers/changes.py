"""Changing a face at random, so that nothing tells from which corpus it is.

Each change is drawn for each picture. A corpus of faces that were cut out on black shows them on
other backgrounds, and faces of other corpora are cut out as well.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.training.strangers.frames import SIDE, SIZE, UP, ZOOM
from emonets.tubes.registration import FER_SIZE

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[Any]
Rng = np.random.Generator

LOWER = (1.1375, 0.75)
"""Scale, and pixels downwards, for outlined faces.

The detector sees no hair and no neck there, so its frames are too narrow and too low: by their
landmarks, 299 faces of the AffectNet subset are 0.91 times the scale from FER2013's mean face, and
3.8 pixels.
"""

_ROWS, _COLUMNS = np.mgrid[:SIZE, :SIZE]
_SHAPE = (SIZE, SIZE)


def changed(image: Grey, shown: Mask, other: Grey, rng: Rng, *, outlined: bool = False) -> Grey:
    """A changed face, (96, 96).

    Parameters
    ----------
    image, shown : of a `FramedFace`. other : the image of another face, for backgrounds.
    rng : draws the changes; the same state gives the same picture.
    outlined : the face was cut out along its outline. It is then always shown on a background, and
        half of the time smaller and lower than other faces (`LOWER`).
    """
    larger, lower = LOWER if outlined and rng.random() < 0.5 else (ZOOM, -UP * SIZE / FER_SIZE)
    affine = _movement(rng, larger, lower)
    if rng.random() < 0.55:
        image = _coarser(image, rng)
    x = _warped(image, affine, cv2.BORDER_REPLICATE).astype(np.float32)
    mask = _mask(shown, outlined, rng)
    if mask is not None:
        inside = _warped(mask.astype(np.uint8) * 255, affine, cv2.BORDER_CONSTANT)
        if rng.random() < 0.6:
            blurred = cv2.GaussianBlur(inside, (0, 0), rng.uniform(0.7, 3))
            inside = np.asarray(blurred, np.uint8)
        share = inside.astype(np.float32) / 255
        x = np.asarray(x * share + _background(other, rng) * (1 - share), np.float32)
    x = _erased(_noisy(_lit(x / 255, rng), rng), rng)
    out = np.clip(x * 255, 0, 255).astype(np.uint8)
    return _compressed(out, rng, 90) if rng.random() < 0.15 else out


def _movement(rng: Rng, larger: float, lower: float) -> NDArray[np.float32]:
    """(2, 3) from the kept picture to the frame: turned, scaled, stretched, moved, mirrored."""
    turn = np.deg2rad(rng.normal(0, 7))
    scale, aspect = np.exp(rng.normal(0, 0.13)) * larger, np.exp(rng.normal(0, 0.04))
    moved = rng.normal(0, 3.6, 2)
    moved[1] += lower
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    affine = np.array(
        [[cos * mirror * aspect, -sin, 0], [sin * mirror * aspect, cos, 0]], np.float32
    )
    middle = np.array([SIDE / 2 - 0.5, SIDE / 2 - 0.5])
    affine[:, 2] = np.array([SIZE / 2 - 0.5, SIZE / 2 - 0.5]) + moved - affine[:, :2] @ middle
    return affine


def _warped(image: Grey, affine: NDArray[np.float32], border: int) -> Grey:
    out = cv2.warpAffine(
        image, affine, _SHAPE, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=0
    )
    return np.asarray(out, np.uint8)


def _coarser(image: Grey, rng: Rng) -> Grey:
    """A picture of fewer pixels, some of them compressed, enlarged again."""
    side = int(np.exp(rng.uniform(np.log(30), np.log(100)))) * SIDE // SIZE
    small = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.4:
        small = _compressed(small, rng, 95)
    how = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=how), np.uint8)


def _compressed(image: Grey, rng: Rng, best: int) -> Grey:
    """A picture after JPEG of a quality from 25 to below ``best``."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, best))]
    _, data = cv2.imencode(".jpg", image, quality)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _mask(shown: Mask, outlined: bool, rng: Rng) -> Mask | None:
    """Where the kept picture stays, outside of which there is a background; None: everywhere."""
    if outlined or rng.random() < 0.3:
        if outlined and rng.random() >= 0.5:
            return shown
        oval = np.zeros((SIDE, SIDE), np.uint8)
        centre = int(64 + rng.normal(0, 2)), int(66 + rng.normal(0, 3))
        axes = int(rng.uniform(33, 50)), int(rng.uniform(42, 60))
        cv2.ellipse(oval, centre, axes, rng.normal(0, 6), 0, 360, 255, -1)
        return np.asarray((oval > 0) & shown if outlined else oval > 0)
    if not shown.all() and rng.random() < 0.7:
        return shown
    return None


def _background(other: Grey, rng: Rng) -> Floats:
    """(96, 96) noise, one grey, a ramp, another face blurred, black or white."""
    kind = rng.integers(0, 5)
    if kind == 0:
        return rng.integers(0, 256, _SHAPE).astype(np.float32)
    if kind == 1:
        return np.full(_SHAPE, rng.uniform(0, 255), np.float32)
    if kind == 2:
        level = rng.uniform(0, 255)
        across, down = rng.uniform(-1.5, 1.5, 2)
        ramp = level + across * (_COLUMNS - SIZE / 2) + down * (_ROWS - SIZE / 2)
        return np.asarray(ramp.clip(0, 255), np.float32)
    if kind == 3:
        small = cv2.resize(other, _SHAPE).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), rng.uniform(2, 12)), np.float32)
    return np.full(_SHAPE, rng.choice([0.0, 0.0, 255.0]), np.float32)


def _lit(x: Floats, rng: Rng) -> Floats:
    """Other light: gamma, a ramp from one side, contrast and brightness. Values are 0..1."""
    if rng.random() < 0.5:
        x = np.clip(x, 0, 1) ** np.exp(rng.normal(0, 0.35))
    if rng.random() < 0.35:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.8)
        along = (_COLUMNS - SIZE / 2) * np.cos(angle) + (_ROWS - SIZE / 2) * np.sin(angle)
        x = x * np.clip(1 + strength * along / (SIZE / 2), 0.1, 2)
    if rng.random() < 0.5:
        x = (x - 0.5) * np.exp(rng.normal(0, 0.3)) + 0.5 + rng.normal(0, 0.1)
    return x


def _noisy(x: Floats, rng: Rng) -> Floats:
    """Blurred, and with noise."""
    if rng.random() < 0.2:
        x = np.asarray(
            cv2.GaussianBlur(x.astype(np.float32), (0, 0), rng.uniform(0.5, 2.5)), np.float32
        )
    if rng.random() < 0.25:
        x = x + rng.normal(0, rng.uniform(0.01, 0.08), x.shape)
    return x


def _erased(x: Floats, rng: Rng) -> Floats:
    """A rectangle of one grey or of noise in its place."""
    if rng.random() < 0.3:
        height, width = rng.integers(8, 45, 2)
        top, left = rng.integers(0, SIZE - height), rng.integers(0, SIZE - width)
        area = x[top : top + height, left : left + width]
        area[:] = rng.uniform(0, 1) if rng.random() < 0.5 else rng.random((height, width))
    return x
