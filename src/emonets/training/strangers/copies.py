"""Which training faces are near copies of test faces.

It is coarser and faster than `emonets.evaluation.near_duplicates`: thumbnails of 24 × 24 pixels,
without their low frequencies and with even contrast, are compared as they are, mirrored, and moved
or scaled a little.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.training.strangers.frames import SIDE

THRESHOLD = 0.85
"""Correlation of thumbnails from which a training face is dropped as a near copy."""

_THUMB = 24
_EDGE = 24
"""Pixels of a kept face at each side that are not compared."""
_MOVED = ((0, 0, 0), (3, 0, 0), (-3, 0, 0), (0, 3, 0), (0, -3, 0), (0, 0, 4), (0, 0, -4))
"""Across, down, and growth to each side, pixels."""
_BLOCK = 4096

Grey = NDArray[np.uint8]


def thumbnails(images: Grey) -> NDArray[np.float32]:
    """(n, 576) of pictures (n, side, side): of mean 0 and length 1, the middle weighs more."""
    out = np.empty((len(images), _THUMB * _THUMB), np.float32)
    line = cv2.getGaussianKernel(_THUMB, 7)
    window = np.sqrt(line @ line.T)
    for i, image in enumerate(images):
        x = cv2.resize(image, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)
        x = x - cv2.GaussianBlur(x, (0, 0), 4)
        contrast = np.sqrt(cv2.GaussianBlur(x * x, (0, 0), 4)) + 3
        x = x / contrast * window
        x -= x.mean()
        out[i] = (x / (np.linalg.norm(x) + 1e-6)).ravel()
    return out


def likeness(train: Grey, test: Grey) -> NDArray[np.float32]:
    """The correlation of each training face with the test face that is most like it.

    Parameters
    ----------
    train, test : (n, 128, 128) and (m, 128, 128) kept faces.

    Returns
    -------
    (n,) -1..1; -1 without test faces.
    """
    own = thumbnails(train[:, _EDGE : SIDE - _EDGE, _EDGE : SIDE - _EDGE])
    best = np.full(len(own), -1, np.float32)
    if not len(test):
        return best
    for across, down, more in _MOVED:
        low, high = _EDGE - more, SIDE - _EDGE + more
        theirs = thumbnails(test[:, low + down : high + down, low + across : high + across])
        mirrored = theirs.reshape(-1, _THUMB, _THUMB)[:, :, ::-1].reshape(len(theirs), -1)
        for words in (theirs, mirrored):
            for i in range(0, len(own), _BLOCK):
                here = slice(i, i + _BLOCK)
                best[here] = np.maximum(best[here], (own[here] @ words.T).max(axis=1))
    return best
