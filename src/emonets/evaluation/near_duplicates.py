"""The same photograph in two sets of face pictures, though cropped, scaled, lit or mirrored anew.

A test picture that was trained on is no test. FER2013 was gathered from a web search, and the
same photograph often came back several times, from several stock agencies, each with its own
crop, contrast and watermark: these pairs are no pixel copies, yet they leak just as well.

A pair is looked for in three steps: byte-equal pictures; then the few nearest neighbours by the
correlation of 12 x 12 thumbnails, tried at three scales and mirrored; then each of those is
aligned to sub-pixels (an affine map found by enhanced correlation, Evangelidis & Psarakis 2008)
and the fine structure of the two pictures, which different photographs do not share, compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError

THRESHOLD = 0.9
"""Correlation of fine structure from which two pictures count as one photograph. Chosen by eye
on FER2013: every pair looked at above it was one photograph; below 0.85 most were two people."""

_SIDE = 48
_THUMB = 12
_SCALES = (0.88, 1.0, 1.13)
_NEIGHBOURS = 6  # thumbnails kept a scale and orientation
_COARSE = 0.7  # thumbnails less alike than this are not looked at again
_MEDIUM = 0.8  # … nor pictures less alike than this once shifted onto each other
_BLOCK = 2048
_MARGIN = 8  # how far a picture may be shifted, pixels

_LEAST_OVERLAP = 900  # of the 48 x 48 pixels, that the aligned pictures must share
_EVERYWHERE = np.ones((_SIDE, _SIDE), dtype=np.uint8)
_INNER = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
_INNER[2:-2, 2:-2] = 1  # the outermost pixels are blurred with what is not there
_INTO_A = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_INTO_A_NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP

F32 = NDArray[np.float32]
Grey = TypeVar("Grey", NDArray[np.uint8], NDArray[np.float32])


@dataclass(frozen=True, eq=False, slots=True)
class Duplicates:
    """For every picture of the first set, whether the second holds the same photograph.

    Attributes
    ----------
    found : (n,) bool.
    exact : (n,) bool, the copy is equal to the last bit; never True where ``found`` is not.
    index : (n,) int64, where in the second set one copy lies; -1 where there is none.
    score : (n,) float64, the correlation of fine structure of that pair, 1 for an exact copy; the
        best seen where nothing was found, and -1 where nothing was alike enough to compare.
    mirrored : (n,) bool, the copy is a mirror image.
    """

    found: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    index: NDArray[np.int64]
    score: NDArray[np.float64]
    mirrored: NDArray[np.bool_]


def near_duplicates(
    images_a: ArrayLike, images_b: ArrayLike, *, threshold: float = THRESHOLD
) -> Duplicates:
    """Find the pictures of one set that show the same photograph as some picture of another.

    Small shifts (to 8 pixels), other crops (scales to about 1.2), other brightness and contrast,
    JPEG, watermarks and mirroring are seen through; another photograph of the same person is no
    copy. The answer depends on nothing but the pictures, and on how a processor rounds: a pair at
    the threshold may fall on either side (945 and 946 copies were seen of the same set). 3,589
    pictures against 28,709 take some tens of seconds on two cores.

    Parameters
    ----------
    images_a : (n, 48, 48) uint8, the pictures asked about, such as a test set.
    images_b : (m, 48, 48) uint8, the pictures that may hold copies, such as a training set.
    threshold : 0 < threshold <= 1, see `THRESHOLD`; 1 finds exact copies alone.

    Raises
    ------
    DataError : not grey 48 x 48 uint8 pictures.
    ParameterError : the threshold is out of range.
    """
    a, b = _pictures(images_a, "images_a"), _pictures(images_b, "images_b")
    if not 0 < threshold <= 1:
        raise ParameterError(f"threshold must lie in (0, 1], got {threshold}")
    n = len(a)
    index = exact_copies(a, b)
    exact = index >= 0
    score = np.where(exact, 1.0, -1.0)
    mirrored = np.zeros(n, dtype=bool)
    rest = np.flatnonzero(~exact)
    if threshold < 1 and len(rest) and len(b):
        for i, candidates in zip(rest, _candidates(a[rest], b), strict=True):
            for j, scale, flip in candidates:
                value = _fine_correlation(a[i][:, ::-1] if flip else a[i], b[j], scale)
                if value > score[i]:
                    score[i], mirrored[i] = value, flip
                    index[i] = j
                if value >= threshold:  # candidates come nearest first, one copy is enough
                    break
    found = exact | (score >= threshold)
    return Duplicates(found, exact, np.where(found, index, -1), score, mirrored & found)


def exact_copies(images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Index of the first byte-equal picture of the second set for each of the first, else -1."""
    first: dict[bytes, int] = {}
    for j, image in enumerate(images_b):
        first.setdefault(image.tobytes(), j)
    return np.array([first.get(image.tobytes(), -1) for image in images_a], dtype=np.int64)


def _pictures(images: ArrayLike, name: str) -> NDArray[np.uint8]:
    x = np.asarray(images)
    if x.dtype != np.uint8 or x.shape[1:] != (_SIDE, _SIDE):
        raise DataError(f"{name}: expected uint8 of shape (n, 48, 48), got {x.dtype} {x.shape}")
    return np.ascontiguousarray(x)


def _candidates(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> list[list[tuple[int, float, bool]]]:
    """For each picture of a: (index in b, scale, mirrored) of the nearest, nearest first."""
    thumbs = _thumbnails(b)
    queries = [
        (scale, flip, _thumbnails(_scaled(a[:, :, ::-1] if flip else a, scale)))
        for flip in (False, True)
        for scale in _SCALES
    ]
    k = min(_NEIGHBOURS, len(b))
    result: list[list[tuple[int, float, bool]]] = []
    for start in range(0, len(a), _BLOCK):
        block: list[dict[tuple[int, bool], tuple[float, float]]] = [
            {} for _ in range(min(_BLOCK, len(a) - start))
        ]
        for scale, flip, query in queries:
            likeness = query[start : start + _BLOCK] @ thumbs.T
            near = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
            values = np.take_along_axis(likeness, near, axis=1)
            for row, column in np.argwhere(values >= _COARSE):
                key = (int(near[row, column]), flip)
                value = float(values[row, column])
                if value > block[row].get(key, (-1.0, 0.0))[0]:
                    block[row][key] = (value, scale)
        for found in block:
            order = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
            result.append([(j, scale, flip) for (j, flip), (_, scale) in order])
    return result


def _thumbnails(images: NDArray[np.uint8]) -> F32:
    """12 x 12 means of a picture without its mean, as unit vectors; (n, 144)."""
    step = _SIDE // _THUMB
    x = images.reshape(-1, _THUMB, step, _THUMB, step).mean(axis=(2, 4), dtype=np.float32)
    x = x.reshape(len(images), -1)
    x -= x.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    # an even picture is like nothing, rather than like everything
    unit: F32 = np.divide(x, norm, out=np.zeros_like(x), where=norm > 1)
    return unit


def _scaled(images: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return images
    middle = (_SIDE - 1) / 2 * (1 - scale)
    zoom = np.array([[scale, 0, middle], [0, scale, middle]])
    return np.stack([_warp(np.ascontiguousarray(x), zoom, cv2.INTER_LINEAR) for x in images])


def _warp(image: Grey, matrix: NDArray[Any], flags: int) -> Grey:
    warped = cv2.warpAffine(
        image, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return cast(Grey, warped)  # OpenCV keeps the type, but does not say so


def _alignments(a: NDArray[np.uint8], b: NDArray[np.uint8], scale: float) -> list[F32]:
    """Maps (2, 3) from pixels of a to pixels of b: a scaled shift, and an affine map from there.

    The refined map may have left its basin, so both are to be tried; none if nothing fits.
    """
    smooth_a, smooth_b = (_blur(x.astype(np.float32), 1.0) for x in (a, b))
    middle = (_SIDE - 1) / 2 * (1 - scale)
    shift = np.array([[scale, 0, middle], [0, scale, middle]], dtype=np.float32)
    inner = smooth_a[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    if inner.std() < 1:
        return []
    scores = cv2.matchTemplate(_warp(smooth_b, shift, _INTO_A), inner, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(np.argmax(scores)), scores.shape)
    if not _MEDIUM <= scores[row, column] <= 1.001:  # OpenCV gives nonsense for even areas
        return []
    shift[:, 2] += scale * (np.array([column, row]) - _MARGIN)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, affine = cv2.findTransformECC(
            smooth_a, smooth_b, shift.copy(), cv2.MOTION_AFFINE, stop, _EVERYWHERE, 1
        )
    except cv2.error:  # it did not converge
        return [shift]
    return [shift, cast(F32, affine)]


def _fine_correlation(a: NDArray[np.uint8], b: NDArray[np.uint8], scale: float) -> float:
    """Correlation of the fine structure of a and b once aligned, -1..1; -1 if they do not fit."""
    detail = _detail(a)
    best = -1.0
    for matrix in _alignments(a, b, scale):
        shared = cv2.warpAffine(_INNER, matrix, (_SIDE, _SIDE), flags=_INTO_A_NEAREST)
        inside = (shared > 0) & (_INNER > 0)
        if inside.sum() < _LEAST_OVERLAP:
            continue
        x, y = detail[inside], _detail(_warp(b, matrix, _INTO_A))[inside]
        x, y = x - x.mean(), y - y.mean()
        energy = float(np.sqrt((x * x).sum() * (y * y).sum()))
        if energy > 0:
            best = max(best, float((x * y).sum()) / energy)
    return best


def _blur(image: F32, sigma: float) -> F32:
    return cast(F32, cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def _detail(image: NDArray[np.uint8]) -> F32:
    """What lies between the finest grain (JPEG) and the lighting: a band of blurs 0.7 to 5."""
    x = image.astype(np.float32)
    return _blur(x - _blur(x, 5.0), 0.7)
