"""Mouths out of face tubes (paper 3.4): always at the same place, or around the mouth's landmarks.

The paper cut rows 55 to 84 and columns 30 to 69 of every 96 × 96 tube, "where the mouth usually
lies", and named mouth keypoints as the more precise way. Both are here, in crops of one size, in
grey or in colour. Still faces are first brought into the tube's frame, so that a model of tubes
can be trained on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError
from emonets.tubes.registration import (
    FER_LANDMARK_MEAN,
    FER_SIZE,
    MAX_RESIDUAL,
    TUBE_SIZE,
    TUBE_TO_FER,
    apply,
    face_transforms,
    invert,
    shape_residuals,
    to_grey,
)

ROWS = slice(55, 85)
"""Rows of the fixed region (the authors' code)."""
COLUMNS = slice(30, 70)
"""Columns of the fixed region."""
HEIGHT, WIDTH = ROWS.stop - ROWS.start, COLUMNS.stop - COLUMNS.start
"""Size of a mouth crop in pixels."""
REGIONS = ("fixed", "landmarks")
COLOURS = ("grey", "rgb")
WINDOW = 11
"""Frames of a tube over which landmarks' regions are averaged, as boxes are (3.1.3)."""

_TO_TUBE = invert(TUBE_TO_FER)
_MOUTH = slice(-20, None)  # of the 68 points, and of the 51 inner ones
_CENTRE = apply(_TO_TUBE, FER_LANDMARK_MEAN[_MOUTH]).mean(axis=0)  # of a mean face's mouth
_COLOURLESS = 2  # grey levels that the channels of a black and white clip may differ by


@dataclass(frozen=True)
class MouthView:
    """What is cut out of a tube.

    Attributes
    ----------
    region : ``fixed``, rows 55 to 84 and columns 30 to 69 (paper 3.4), or ``landmarks``, around
        the mouth's own points, upright and at the size of a mean face.
    colour : ``grey`` or ``rgb``.

    Raises
    ------
    ParameterError : another word.
    """

    region: str = "fixed"
    colour: str = "grey"

    def __post_init__(self) -> None:
        for name, known in (("region", REGIONS), ("colour", COLOURS)):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one crop: (30, 40), or (30, 40, 3)."""
        return (HEIGHT, WIDTH) if self.colour == "grey" else (HEIGHT, WIDTH, 3)

    def cut(
        self, crops: ArrayLike, points: ArrayLike | None = None, *, window: int = WINDOW
    ) -> NDArray[np.uint8]:
        """The mouths of one tube's pictures.

        Parameters
        ----------
        crops : (n, 96, 96, 3) RGB or, for a view in grey, also (n, 96, 96); uint8.
        points : (n, 68, 2) landmarks of ``FaceLandmarker`` in pixels of the crops, in the order
            of time; only the region ``landmarks`` needs them.
        window : odd number of successive pictures over which that region is averaged; 1 for
            pictures that do not follow each other.

        Returns
        -------
        (n, 30, 40) or (n, 30, 40, 3) uint8.

        Raises
        ------
        DataError : tubes of another size, type or colour, or points that do not fit them.
        """
        x = np.asarray(crops)
        self._check(x)
        if self.region == "fixed":
            mouths = np.ascontiguousarray(x[:, ROWS, COLUMNS])
        elif points is None:
            raise DataError("the region 'landmarks' needs the landmarks of the tube; none is given")
        else:
            p = np.asarray(points)
            if len(p) != len(x):
                raise DataError(f"expected landmarks of {len(x)} pictures, got {p.shape}")
            mouths = warped(x, mouth_transforms(p, window=window))
        # only now: mouths that were stored in colour then give the very same grey ones
        return to_grey(mouths) if self.colour == "grey" else mouths

    def known(self, mouths: ArrayLike) -> NDArray[np.bool_]:
        """Which mouth crops show something that a model of this view can use.

        False for crops without any texture (all pixels alike), and, for a view in colour, for
        those of black and white clips: a model of colours fails on them.

        Parameters
        ----------
        mouths : (n, 30, 40[, 3]).

        Returns
        -------
        (n,) bool
        """
        x = np.asarray(mouths)
        channels = 1 if self.colour == "grey" else 3
        flat = x.reshape(len(x), HEIGHT * WIDTH, channels).astype(np.int16)
        textured = (np.ptp(flat, axis=1) > 0).any(axis=1)
        if self.colour == "rgb":
            textured &= np.ptp(flat, axis=2).max(axis=1) > _COLOURLESS
        return np.asarray(textured, np.bool_)

    def _check(self, x: NDArray[np.generic]) -> None:
        size = f"{TUBE_SIZE} × {TUBE_SIZE} in {'grey or RGB' if self.colour == 'grey' else 'RGB'}"
        found = f"{x.dtype} {x.shape}"
        if x.dtype == np.uint8 and x.ndim in (3, 4) and (x.ndim == 3 or x.shape[3] == 3):
            found = f"{x.shape[1]} × {x.shape[2]} in {'grey' if x.ndim == 3 else 'RGB'}"
            if x.shape[1:3] == (TUBE_SIZE, TUBE_SIZE) and (x.ndim == 4 or self.colour == "grey"):
                return
        raise DataError(
            f"expected uint8 face tubes of {size}, got {found}: this model of mouths requires "
            f"{self.colour} tubes of that size"
        )


def mouth_transforms(points: ArrayLike, *, window: int = WINDOW) -> NDArray[np.float64]:
    """From a tube's coordinates to those of a mouth crop, by each face's landmarks.

    The face is turned upright and brought to a mean face's size by all of its inner points; the
    middle of the mouth's twenty points comes to the crop's centre. Both are averaged over
    the window, so that the crop does not follow the lips. Where no face in the window has a
    face's shape the region is that of a mean face.

    Parameters
    ----------
    points : (n, 68, 2) or (n, 51, 2) landmarks in pixels of the tube's crops, in order of time.
    window : odd number of frames.

    Returns
    -------
    (n, 2, 3)

    Raises
    ------
    DataError, ParameterError : as ``registration.face_transforms``.
    """
    p = np.asarray(points, np.float64)
    to_fer = face_transforms(p, window=window)
    upright = np.empty_like(to_fer)  # onto a mean face in a tube
    upright[:, :, :2] = _TO_TUBE[:, :2] @ to_fer[:, :, :2]
    upright[:, :, 2] = to_fer[:, :, 2] @ _TO_TUBE[:, :2].T + _TO_TUBE[:, 2]
    good = shape_residuals(p) <= MAX_RESIDUAL
    middle = apply(upright, np.where(good[:, None, None], p, 0.0)[:, _MOUTH]).mean(axis=1)
    upright[:, :, 2] += np.array([WIDTH / 2, HEIGHT / 2]) - _averaged(middle, good, window)
    return upright


def _averaged(
    middle: NDArray[np.float64], good: NDArray[np.bool_], window: int
) -> NDArray[np.float64]:
    """Moving average of the good ones; a mean face's where there is none."""
    half, n = window // 2, len(middle)
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(middle * good[:, None], axis=0)])
    count = np.concatenate([[0], np.cumsum(good)])
    first, last = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    some = (count[last] - count[first])[:, None]
    mean = (total[last] - total[first]) / np.maximum(some, 1)
    return np.asarray(np.where(some > 0, mean, _CENTRE))


def warped(crops: NDArray[np.uint8], transforms: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Mouth crops (n, 30, 40[, 3]) through (n, 2, 3) transforms, bilinear, edges repeated."""
    # OpenCV counts from pixel centres: shift both sides by half a pixel
    m = np.array(transforms)
    m[:, :, 2] += m[:, :, :2] @ np.array([0.5, 0.5]) - 0.5
    out = np.empty((len(crops), HEIGHT, WIDTH, *crops.shape[3:]), np.uint8)
    for k, crop in enumerate(crops):
        cv2.warpAffine(
            np.ascontiguousarray(crop), m[k], (WIDTH, HEIGHT), dst=out[k],
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return out


def stills_as_tubes(images: ArrayLike) -> NDArray[np.uint8]:
    """Still faces framed as FER2013's are, brought into the frame of a tube.

    The inverse of ``registration.register`` with its fixed transform: a mouth comes to lie where
    the mouth of a tube lies. What the tube shows beyond the picture repeats its edge.

    Parameters
    ----------
    images : (n, side, side) grey uint8; FER2013's side is 48.

    Returns
    -------
    (n, 96, 96) grey uint8.

    Raises
    ------
    DataError : another type or shape.
    """
    x = np.asarray(images)
    if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1] != x.shape[2]:
        raise DataError(f"expected grey uint8 faces of shape (n, side, side), got {x.dtype} "
                        f"{x.shape}")  # fmt: skip
    if len(x) and x.shape[1] < 1:
        raise DataError(f"the faces are empty: shape {x.shape}")
    sampling = TUBE_TO_FER * (x.shape[1] / FER_SIZE)
    sampling[:, 2] += sampling[:, :2] @ np.array([0.5, 0.5]) - 0.5
    out = np.empty((len(x), TUBE_SIZE, TUBE_SIZE), np.uint8)
    for k, image in enumerate(x):
        cv2.warpAffine(
            np.ascontiguousarray(image), sampling, (TUBE_SIZE, TUBE_SIZE), dst=out[k],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return out
