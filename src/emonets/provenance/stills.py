"""A fingerprint of a still face: 96 bits.

A bit is the sign of one of the 96 lowest coefficients of the picture's cosine transform. Codecs,
scaling and light change few of them. To recognise other crops and mirror images, a query
picture is also compared shifted, scaled and mirrored. The comparison of pixels in
`emonets.evaluation.near_duplicates` finds more copies, but requires the pictures of both sides.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 48
"""Width and height of the pictures, pixels."""
WORDS = 3
"""uint32 of a fingerprint."""

_FARTHEST = 11  # bits of 96 in which two copies differ at most
_SHIFTS = (-2.0, 0.0, 2.0)  # pixels
_SCALES = (0.93, 1.0, 1.07)
_BLOCK = 64  # pictures compared together
_ZIGZAG = sorted((i + j, i, j) for i in range(24) for j in range(24))[1 : 32 * WORDS + 1]
_ROWS, _COLUMNS = [i for _, i, _ in _ZIGZAG], [j for _, _, j in _ZIGZAG]


def as_face(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(48, 48) grey: the largest centred square of a picture, grey or RGB."""
    grey = image
    if image.ndim == 3:
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    side = min(grey.shape)
    top, left = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
    square = np.ascontiguousarray(grey[top : top + side, left : left + side])
    if side == SIDE:
        return square
    how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=how), np.uint8)


def still_words(images: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(n, 3) fingerprints of pictures (n, 48, 48); 0 for a picture without contrast."""
    if not len(images):
        return np.zeros((0, WORDS), np.uint32)
    found = np.array([cv2.dct(x.astype(np.float32))[_ROWS, _COLUMNS] for x in images])
    words = np.packbits(found > 0, axis=1).view(">u4").astype(np.uint32)
    words[np.ptp(images.reshape(len(images), -1), axis=1) == 0] = 0
    return words


def find_stills(images: NDArray[np.uint8], kept: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """(n,) whether a picture is a copy of a kept one.

    Parameters
    ----------
    images : (n, 48, 48) uint8. kept : (m, 3) fingerprints.
    """
    found = np.zeros(len(images), bool)
    columns = np.ascontiguousarray(kept[kept.any(axis=1)].T)
    if not columns.size:
        return found
    for view in _views():
        left = np.flatnonzero(~found)
        for k in range(0, len(left), _BLOCK):
            block = left[k : k + _BLOCK]
            words = still_words(np.stack([_warped(image, view) for image in images[block]]))
            apart = np.bitwise_count(words[:, :1] ^ columns[0])
            for word in range(1, WORDS):
                apart += np.bitwise_count(words[:, word : word + 1] ^ columns[word])
            found[block] = (apart.min(axis=1) <= _FARTHEST) & words.any(axis=1)
    return found


_View = tuple[bool, NDArray[np.float64]]


def _views() -> Iterator[_View]:
    """Mirrored or not, and an affine map; the picture as it is comes first."""
    middle = (SIDE - 1) / 2
    for scale in sorted(_SCALES, key=lambda s: abs(s - 1)):
        for mirrored in (False, True):
            for x in sorted(_SHIFTS, key=abs):
                for y in sorted(_SHIFTS, key=abs):
                    rest = middle * (1 - scale)
                    yield mirrored, np.array([[scale, 0, rest + x], [0, scale, rest + y]])


def _warped(image: NDArray[np.uint8], view: _View) -> NDArray[np.uint8]:
    mirrored, affine = view
    turned = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
    if np.array_equal(affine, np.eye(2, 3)):
        return turned
    warped = cv2.warpAffine(turned, affine, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)
