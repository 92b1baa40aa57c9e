"""Registration: faces from a tube onto the frame of the FER2013 pictures (paper 3.1.1).

Coordinates are (x right, y down) with a picture covering 0..width and 0..height, so that pixel *k*
has its centre at *k* + 0.5. Shapes are the 51 inner points of the iBUG markup (points 17..67:
brows, nose, eyes, mouth).
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError

TUBE_SIZE = 96
"""Side, in pixels, of the crops of a face tube."""

FER_SIZE = 48
"""Side, in pixels, of the pictures of FER2013."""

NOISE_BORDER = 32
"""Pixels of noise around a 96-pixel crop before it is transformed (paper 3.1.1)."""

# The authors' means are over 1-based pixel centres of crops 96 wide and of FER2013 pictures
# enlarged five times. Centre c there lies at c - 0.5 here, and (c - 0.5) / 5 in the small picture.
# They divided c itself by 5, so their printed transform differs by 0.4 pixels both ways: that is
# not repeated here. Their transform: scale 0.59743, angle -0.402 degrees, (-24.178, -27.769),
# the border of 32 pixels included.
TUBE_TO_FER: NDArray[np.float64] = np.array(
    [
        [0.5974166652861792, -0.004188956344706, -4.998401377431730],
        [0.0041889563447060, 0.597416665286179, -8.317257226647044],
    ]
)
"""(2, 3): from 96-pixel tube coordinates to 48-pixel FER2013 coordinates.

The least-squares similarity between the mean shapes of the authors' tubes (AFEW2, test part, which
they used for all clips) and of FER2013. It *defines* our tube frame: every detector's framing is
calibrated so that a mean face lands, through it, on the mean face of FER2013.
"""

# The mean of 51 points of frontal FER2013 faces, found by the authors' landmark detector (Zhu and
# Ramanan's), its parts brought into iBUG order by their place in the face.
FER_MEAN_SHAPE: NDArray[np.float64] = np.array(
    [
        [7.770, 13.870], [9.919, 12.032], [12.601, 11.323], [15.831, 11.343], [18.709, 12.263],
        [28.268, 12.476], [31.260, 11.513], [34.438, 11.196], [37.212, 11.978], [39.392, 13.987],
        [23.552, 17.376], [23.585, 20.500], [23.501, 23.541], [23.430, 26.610], [20.071, 29.257],
        [21.706, 29.536], [23.540, 29.493], [25.058, 29.472], [26.906, 29.044], [12.119, 17.959],
        [13.984, 17.104], [16.079, 17.184], [17.957, 18.063], [16.077, 18.632], [14.064, 18.753],
        [29.167, 18.007], [30.975, 17.014], [33.145, 16.993], [35.016, 18.036], [32.983, 18.588],
        [30.956, 18.573], [16.467, 36.051], [18.503, 34.155], [20.781, 33.299], [23.566, 33.335],
        [26.290, 33.309], [29.098, 33.862], [30.964, 35.266], [28.965, 36.836], [26.351, 37.131],
        [23.326, 36.826], [20.779, 37.232], [18.352, 36.819], [18.192, 35.542], [20.952, 35.054],
        [23.426, 35.096], [26.398, 35.044], [29.145, 35.291], [26.143, 35.156], [23.237, 34.969],
        [20.919, 35.255],
    ]
)  # fmt: skip
"""(51, 2): the published mean shape of FER2013, in pixels of its 48-pixel pictures."""

# From tools/calibrate_detectors.py: 2,149 frontal faces of 4,000 from the Training
# part of FER2013, and their mirror images.
FER_LANDMARK_MEAN: NDArray[np.float64] = np.array(
    [
        [7.819, 13.255], [10.213, 11.595], [13.439, 11.226], [16.361, 11.666], [18.973, 12.638],
        [29.027, 12.638], [31.639, 11.666], [34.561, 11.226], [37.787, 11.595], [40.181, 13.255],
        [24.000, 18.434], [24.000, 22.068], [24.000, 25.453], [24.000, 28.598], [20.567, 30.396],
        [22.103, 30.904], [24.000, 31.338], [25.897, 30.904], [27.433, 30.396], [11.737, 17.621],
        [13.579, 16.822], [16.231, 16.818], [18.574, 18.121], [16.427, 18.789], [13.684, 18.752],
        [29.426, 18.121], [31.769, 16.818], [34.421, 16.822], [36.263, 17.621], [34.316, 18.752],
        [31.573, 18.789], [16.684, 36.832], [19.210, 35.649], [22.368, 34.724], [24.000, 35.091],
        [25.632, 34.724], [28.790, 35.649], [31.316, 36.832], [28.789, 39.381], [26.399, 40.611],
        [24.000, 40.987], [21.601, 40.611], [19.211, 39.381], [17.272, 36.858], [21.739, 36.433],
        [24.000, 36.412], [26.261, 36.433], [30.728, 36.858], [26.214, 38.374], [24.000, 38.587],
        [21.786, 38.374],
    ]
)  # fmt: skip
"""(51, 2): the mean shape of FER2013 as ``FaceLandmarker`` finds it, in pixels of its pictures.

Landmark detectors disagree by more than faces move (this one puts the mouth lower than
Zhu and Ramanan's), so its points are registered onto its own mean, which cancels what it adds.
"""

MAX_RESIDUAL = 3.0
"""Largest root-mean-square distance, in FER2013 pixels, of a face's points to the mean shape.

On one frame in each of 82 clips, tubes moved by 4 %: 1.4 in the median, 2.3 at 99 %. On patches of
their backgrounds: 10.6 in the median, 1.9 at 5 %, so this alone does not identify a face.
"""

for _constant in (TUBE_TO_FER, FER_MEAN_SHAPE, FER_LANDMARK_MEAN):
    _constant.setflags(write=False)


def similarity(source: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """The rotation, scale and shift that bring points closest to others, in least squares.

    Umeyama (1991) in the plane, reflections left out: with complex coordinates the best
    ``target ≈ z source + w`` is linear in *z* and *w*.

    Parameters
    ----------
    source : (k, 2) or (n, k, 2), k ≥ 2.
    target : (k, 2).

    Returns
    -------
    (2, 3), or (n, 2, 3): ``target ≈ source @ m[:, :2].T + m[:, 2]``.

    Raises
    ------
    DataError : shapes that do not fit, values that are not finite, or source points that coincide.
    """
    p, q = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if p.ndim not in (2, 3) or p.shape[-2:] != q.shape or q.ndim != 2 or q.shape[1] != 2:
        raise DataError(
            f"expected source points (k, 2) or (n, k, 2) and target points (k, 2), got {p.shape} "
            f"and {q.shape}"
        )
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise DataError("the points to register hold NaN or infinite values")
    result = _similarities(np.atleast_3d(p) if p.ndim == 3 else p[None], q)
    if not np.isfinite(result).all():
        raise DataError("the source points coincide, so no similarity can be found; give others")
    return result if p.ndim == 3 else result[0]


def _similarities(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    centre_p, centre_q = p.mean(axis=1), q.mean(axis=0)
    a, b = p - centre_p[:, None], q - centre_q
    power = (a * a).sum(axis=(1, 2))
    power = np.where(power > 1e-12 * (1.0 + (centre_p**2).sum(axis=1)), power, np.nan)
    real = (a * b).sum(axis=(1, 2)) / power
    imaginary = (a[..., 0] * b[:, 1] - a[..., 1] * b[:, 0]).sum(axis=1) / power
    result = np.empty((len(p), 2, 3))
    result[:, 0, 0] = result[:, 1, 1] = real
    result[:, 1, 0] = imaginary
    result[:, 0, 1] = -imaginary
    result[:, :, 2] = centre_q - np.einsum("nij,nj->ni", result[:, :, :2], centre_p)
    return result


def apply(transform: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 2) carried by a (2, 3) transform, or (n, k, 2) by its (n, 2, 3)."""
    m, p = np.asarray(transform, np.float64), np.asarray(points, np.float64)
    shift = m[..., None, :, 2] if m.ndim == 3 else m[:, 2]
    return np.asarray(p @ np.swapaxes(m[..., :2], -1, -2) + shift)


def invert(transform: ArrayLike) -> NDArray[np.float64]:
    """The inverse (2, 3) of an affine transform (2, 3)."""
    m = np.asarray(transform, np.float64)
    inverse = np.linalg.inv(m[:, :2])
    return np.column_stack([inverse, -inverse @ m[:, 2]])


def shape_residuals(points: ArrayLike) -> NDArray[np.float64]:
    """How far each face's points are from a face's shape, once placed as well as possible.

    Parameters
    ----------
    points : (n, 68, 2) in iBUG order, or its 51 inner points (n, 51, 2); any units.

    Returns
    -------
    (n,) : root-mean-square distance to ``FER_LANDMARK_MEAN`` in FER2013 pixels; infinite where
        the points are not finite or coincide.
    """
    p = _inner(points)
    with np.errstate(invalid="ignore"):
        placed = apply(_similarities(p, FER_LANDMARK_MEAN), p)
        error = np.sqrt(((placed - FER_LANDMARK_MEAN) ** 2).sum(axis=2).mean(axis=1))
    return np.where(np.isfinite(error), error, np.inf)


def face_transforms(
    points: ArrayLike,
    *,
    window: int = 1,
    max_residual: float = MAX_RESIDUAL,
    target: ArrayLike = FER_LANDMARK_MEAN,
    fallback: ArrayLike = TUBE_TO_FER,
) -> NDArray[np.float64]:
    """One transform a face onto the FER2013 frame, from the face's own landmarks.

    Parameters
    ----------
    points : (n, 68, 2) landmarks in pixels of the tube's crops (or the 51 inner ones), in the
        order of time.
    window : odd number of frames of the tube over which transforms are averaged; 1 is none.
    max_residual : a face whose points are further than this from a face's shape (see
        ``shape_residuals``) takes the mean of its neighbours in the window, or else ``fallback``.
    target : (51, 2), the shape to register onto.
    fallback : (2, 3), the fixed transform.

    Returns
    -------
    (n, 2, 3)

    Raises
    ------
    DataError : points of another shape.
    ParameterError : an even or negative window.
    """
    if window < 1 or window % 2 == 0:
        raise ParameterError(f"window must be a positive odd number of frames, got {window}")
    p = _inner(points)
    good = shape_residuals(p) <= max_residual
    fits = _similarities(np.where(good[:, None, None], p, 0.0), np.asarray(target, np.float64))
    fits[~good] = 0.0
    if window > 1:
        # cumulative sums of the good transforms and of their number
        half = window // 2
        total = np.concatenate([np.zeros((1, 2, 3)), np.cumsum(fits, axis=0)])
        count = np.concatenate([[0], np.cumsum(good)])
        first = np.maximum(np.arange(len(p)) - half, 0)
        last = np.minimum(np.arange(len(p)) + half + 1, len(p))
        n = (count[last] - count[first])[:, None, None]
        fits = (total[last] - total[first]) / np.maximum(n, 1)
        good = n[:, 0, 0] > 0
    result = np.where(good[:, None, None], fits, np.asarray(fallback, np.float64))
    return np.asarray(result)


def _inner(points: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(points, np.float64)
    if p.ndim != 3 or p.shape[1] not in (51, 68) or p.shape[2] != 2:
        raise DataError(f"expected landmarks of shape (n, 68, 2) or (n, 51, 2), got {p.shape}")
    return p[:, -51:]


def to_grey(crops: ArrayLike) -> NDArray[np.uint8]:
    """RGB pictures (n, height, width, 3) uint8 as grey (n, height, width), by ITU-R BT.601.

    Grey ones pass unchanged.

    Raises
    ------
    DataError : another type or shape.
    """
    x = np.asarray(crops)
    if x.dtype != np.uint8 or not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)):
        raise DataError(
            "expected uint8 pictures of shape (n, height, width, 3) or (n, height, width), got "
            f"{x.dtype} {x.shape}"
        )
    if x.ndim == 3 or x.size == 0:
        return x if x.ndim == 3 else np.zeros(x.shape[:3], np.uint8)
    n, height, width = x.shape[:3]
    tall = np.ascontiguousarray(x).reshape(n * height, width, 3)
    grey: NDArray[np.uint8] = np.asarray(cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY))
    return grey.reshape(n, height, width)


def register(
    crops: ArrayLike,
    transform: ArrayLike = TUBE_TO_FER,
    *,
    size: int = FER_SIZE,
    border: Literal["noise", "edge"] = "noise",
    seed: int = 0,
    indices: ArrayLike | None = None,
) -> NDArray[np.uint8]:
    """Carry tube crops onto the FER2013 frame, in grey.

    Bilinear, as the authors did. At the tubes' scale, 0.6, that samples every 1.7 pixels with a
    kernel two pixels wide, so no pixel is skipped. Averaging 16 samples a pixel instead changes
    faces by 1.6 grey levels (root mean square), away from FER2013: of its pictures' power 6.4 %
    lies beyond a quarter cycle a pixel, of these 4.1 %, of the averaged 2.9 %.

    Parameters
    ----------
    crops : (n, 96, 96, 3) RGB or (n, 96, 96) grey, uint8; other sizes with their own transforms.
    transform : (2, 3), or (n, 2, 3): from coordinates of the crops to those of the result.
    size : side of the results in pixels.
    border : ``"noise"`` surrounds each crop with uniform noise 0..255 (paper 3.1.1), ``"edge"``
        repeats its outermost pixels.
    seed : of the noise.
    indices : (n,) whole numbers ≥ 0 that name the crops, 0..n-1 by default. A crop's noise depends
        on its own index and the seed alone, not on the other crops of the batch.

    Returns
    -------
    (n, size, size) uint8

    Raises
    ------
    DataError : crops, transforms or indices of the wrong type or shape.
    ParameterError : an unknown border, a size below 1, or a negative seed.
    """
    if border not in ("noise", "edge"):
        raise ParameterError(f'border must be "noise" or "edge", got {border!r}')
    if size < 1 or seed < 0:
        raise ParameterError(f"size must be at least 1 and seed at least 0, got {size} and {seed}")
    grey = to_grey(crops)
    n, height, width = grey.shape
    if n and min(height, width) < 1:
        raise DataError(f"the crops are empty: shape {np.shape(crops)}")
    m = np.asarray(transform, np.float64)
    if m.shape not in ((2, 3), (n, 2, 3)) or not np.isfinite(m).all():
        raise DataError(f"expected a finite transform (2, 3) or ({n}, 2, 3), got {m.shape}")
    names = np.arange(n) if indices is None else np.asarray(indices)
    if names.shape != (n,) or names.dtype.kind not in "iu" or (names < 0).any():
        raise DataError(f"expected {n} indices, whole and not negative, got {indices!r}")
    pad = NOISE_BORDER if border == "noise" else 0
    # OpenCV counts from pixel centres: shift both sides by half a pixel
    m = np.broadcast_to(m, (n, 2, 3)).copy()
    m[:, :, 2] += m[:, :, :2] @ np.array([0.5 - pad, 0.5 - pad]) - 0.5
    out = np.empty((n, size, size), np.uint8)
    for k in range(n):
        picture = grey[k]
        if pad:
            noise = np.random.default_rng((seed, int(names[k])))
            canvas = noise.integers(0, 256, (height + 2 * pad, width + 2 * pad), np.uint8)
            canvas[pad:-pad, pad:-pad] = picture
            picture = canvas
        cv2.warpAffine(
            picture,
            m[k],
            (size, size),
            dst=out[k],
            flags=cv2.INTER_LINEAR,
            # beyond the noise there is only more noise: its mirror image serves
            borderMode=cv2.BORDER_REFLECT_101 if pad else cv2.BORDER_REPLICATE,
        )
    return out
