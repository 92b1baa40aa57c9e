"""Where in its frame a face crop was cut from (paper 3.1.3).

Some face detectors export crops without coordinates, as Picasa did for the paper's authors. Such
crops can still be used for face tubes: a crop is compared with every position of its frame, by
Haar-like features from integral images. The authors use the best position whatever it is. Here its
pixels must agree, too, so that a crop from elsewhere is not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError

if TYPE_CHECKING:
    from emonets.media.clip import Frame

MIN_CORRELATION = 0.9
"""Of the pixels of a crop with those of its place. JPEG at quality 50 leaves about 0.99."""
CANDIDATES = 48
"""Best places by Haar-like features of which the pixels are compared."""
MAX_DIFFERENCE = 12.0
"""Root mean square of what may remain between the pixels, of 255, their channels' means removed.

JPEG at quality 50 leaves about 5; a picture of the same person before the same wall, about 16.
"""
BLOCK = 16_384
"""Positions that are computed at a time, so that the intermediate sums stay in the cache."""

Planes = list[NDArray[Any]]


class _Place(NamedTuple):
    correlation: float
    difference: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class LocatedFaces:
    """Crops found in a frame, as detections for a :class:`TubeBuilder`."""

    boxes: NDArray[np.float32]
    """(n, 4) pixels of the frame."""
    scores: NDArray[np.float32]
    """(n,) correlations of the pixels, up to 1."""
    points: None = None


def locate_crop(
    image: NDArray[np.uint8],
    crop: NDArray[np.uint8],
    *,
    scales: Sequence[float] = (1.0,),
    min_correlation: float = MIN_CORRELATION,
    max_difference: float = MAX_DIFFERENCE,
) -> NDArray[np.float32] | None:
    """Find the place that a crop was cut from.

    For each colour channel the crop is described by three sums of its pixels: the upper half less
    the lower, the left half less the right, and two opposite quarters less the other two. The
    places whose nine sums are nearest in least squares are compared pixel by pixel.

    Parameters
    ----------
    image : (height, width, 3) uint8 RGB frame.
    crop : (h, w, 3) uint8 RGB, at least 2 x 2, of its size in the frame times one of ``scales``.
    scales : sizes that a crop may have had in the frame, as factors of its own: for a crop that was
        enlarged to twice its size give 0.5. The best of all wins.
    min_correlation : places that correlate less are not the crop's.
    max_difference : nor are places whose pixels differ more, as root mean square of 255 after the
        channels' means were removed.

    Returns
    -------
    (4,) the box (x1, y1, x2, y2) in pixels of the frame, or None if the crop is not in it. An even
    crop has nothing to be recognised by and is never found.

    Raises
    ------
    DataError : pictures of another shape or type.
    ParameterError : a scale that is not positive.
    """
    found = locate(
        image,
        [crop],
        scales=scales,
        min_correlation=min_correlation,
        max_difference=max_difference,
    )
    return found.boxes[0] if len(found.boxes) else None


def locate(
    image: NDArray[np.uint8],
    crops: Sequence[NDArray[np.uint8]],
    *,
    scales: Sequence[float] = (1.0,),
    min_correlation: float = MIN_CORRELATION,
    max_difference: float = MAX_DIFFERENCE,
) -> LocatedFaces:
    """Find several crops in one frame; see :func:`locate_crop`. Those not in it are left out."""
    _check_picture(image, "the frame", 1)
    if len(scales) == 0 or not all(np.isfinite(s) and s > 0 for s in scales):
        raise ParameterError(f"scales must be positive factors, got {list(scales)}")
    boxes, scores = [], []
    planes = _integrals(image)
    for number, crop in enumerate(crops):
        _check_picture(crop, f"crop {number}", 2)
        best: _Place | None = None
        for scale in scales:
            template = _resized(crop, scale)
            if min(template.shape[:2]) < 2 or not _fits(template, image):
                continue
            found = _best_place(image, planes, template)
            if found is not None and (best is None or found.correlation > best.correlation):
                best = found
        if best is None or best.correlation < min_correlation:
            continue
        if best.difference <= max_difference:
            scores.append(best.correlation)
            boxes.append(best.box)
    return LocatedFaces(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
    )


def locate_crops(
    frames: Iterable[Frame],
    crops_by_frame: Mapping[int, Sequence[NDArray[np.uint8]]],
    *,
    scales: Sequence[float] = (1.0,),
    min_correlation: float = MIN_CORRELATION,
    max_difference: float = MAX_DIFFERENCE,
) -> Iterator[tuple[Frame, LocatedFaces]]:
    """Turn crops of a video's frames into detections, frame by frame.

    Parameters
    ----------
    frames : of the clip, in order.
    crops_by_frame : frame number → its crops. A frame without crops is one in which the detector
        missed the face, and has no boxes.
    scales, min_correlation, max_difference : see :func:`locate_crop`.

    Yields
    ------
    Each frame with its boxes, ready for ``TubeBuilder.add(frame, located)``.
    """
    for frame in frames:
        crops = crops_by_frame.get(frame.index, ())
        yield (
            frame,
            locate(
                frame.image,
                crops,
                scales=scales,
                min_correlation=min_correlation,
                max_difference=max_difference,
            ),
        )


def haar_values(crop: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The nine sums (3 kinds, 3 channels) that describe a crop (h, w, 3).

    Top less bottom, left less right, and top left with bottom right less the other two quarters;
    of an odd number of rows or columns the middle one belongs to the second half.
    """
    height, width = crop.shape[:2]
    maps = [_haar_maps(plane, height, width, 0, 1) for plane in _integrals(crop)]
    return np.array([[kind[0, 0] for kind in channel] for channel in maps], dtype=np.float64).T


def haar_errors(image: NDArray[np.uint8], crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Summed squared differences of the nine sums, for every position of a crop in an image.

    Parameters
    ----------
    image : (height, width, 3) uint8.
    crop : (h, w, 3) uint8, no larger.

    Returns
    -------
    (height - h + 1, width - w + 1), by the row and column of the crop's top left pixel.
    """
    return _errors(_integrals(image), crop)


def _errors(planes: Planes, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = crop.shape[:2]
    rows, columns = planes[0].shape[0] - height, planes[0].shape[1] - width
    target = haar_values(crop).astype(np.float32)
    errors = np.zeros((rows, columns), dtype=np.float32)
    step = max(1, BLOCK // columns)
    for first in range(0, rows, step):
        last = min(first + step, rows)
        for channel, plane in enumerate(planes):
            for kind, sums in enumerate(_haar_maps(plane, height, width, first, last)):
                difference = sums.astype(np.float32)
                difference -= target[kind, channel]
                difference *= difference
                errors[first:last] += difference
    return errors


def _best_place(image: NDArray[np.uint8], planes: Planes, crop: NDArray[np.uint8]) -> _Place | None:
    """The best place of a crop at its own size, if it has any contrast."""
    height, width = crop.shape[:2]
    errors = _errors(planes, crop)
    flat = errors.ravel()
    count = min(CANDIDATES, flat.size)
    nearest = np.argpartition(flat, count - 1)[:count]
    pixels, own_norm = _standard(crop)
    if own_norm <= 0:
        return None
    best: _Place | None = None
    # in order of their errors, so that of equal places the better match by features wins
    for place in nearest[np.argsort(flat[nearest], kind="stable")].tolist():
        y, x = divmod(place, errors.shape[1])
        there, norm = _standard(image[y : y + height, x : x + width])
        if norm <= 0:
            continue
        product = float((pixels * there).sum(dtype=np.float64))
        correlation = product / (own_norm * norm)
        if best is None or correlation > best.correlation + 1e-9:
            power = max(own_norm**2 + norm**2 - 2.0 * product, 0.0)
            difference = float(np.sqrt(power / crop.size))
            best = _Place(correlation, difference, (x, y, x + width, y + height))
    return best


def _haar_maps(
    total: NDArray[Any], height: int, width: int, first: int, last: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Haar-like sums of all boxes whose top is in first..last - 1, from an integral image."""
    columns = total.shape[1] - width

    def corner(y: int, x: int) -> NDArray[Any]:
        return total[first + y : last + y, x : x + columns]

    half_y, half_x = height // 2, width // 2
    # sums to the left of each of the three columns of corners, and their steps across;
    # wrap-around of 32-bit sums cancels in these differences
    upper = [corner(half_y, x) - corner(0, x) for x in (0, half_x, width)]
    whole = [corner(height, x) - corner(0, x) for x in (0, half_x, width)]
    top = upper[2] - upper[0]
    left = whole[1] - whole[0]
    top_left = upper[1] - upper[0]
    everything = whole[2] - whole[0]
    # quarters q: (q11 + q22) - (q12 + q21) = all - 2 top - 2 left + 4 q11
    diagonal = 4 * top_left
    diagonal += everything
    top *= 2
    left *= 2
    diagonal -= top
    diagonal -= left
    top -= everything
    left -= everything
    return top, left, diagonal


def _integrals(image: NDArray[np.uint8]) -> Planes:
    # sums of up to 8 million pixels fit into 32 bits
    depth = cv2.CV_32S if image.shape[0] * image.shape[1] < 2**31 // 255 else cv2.CV_64F
    return [np.asarray(cv2.integral(plane, sdepth=depth)) for plane in cv2.split(image)]


def _standard(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Pixels less the mean of their channel, and the root of their sum of squares."""
    values = pixels.astype(np.float32)
    values -= values.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return values, float(np.sqrt((values * values).sum(dtype=np.float64)))


def _resized(crop: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    size = round(crop.shape[1] * scale), round(crop.shape[0] * scale)
    if size == (crop.shape[1], crop.shape[0]) or min(size) < 1:
        return crop if min(size) >= 1 else crop[:1, :1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, size, interpolation=how), dtype=np.uint8)


def _fits(crop: NDArray[np.uint8], image: NDArray[np.uint8]) -> bool:
    return bool(crop.shape[0] <= image.shape[0] and crop.shape[1] <= image.shape[1])


def _check_picture(picture: NDArray[np.uint8], name: str, least: int) -> None:
    p = np.asarray(picture)
    if p.ndim != 3 or p.shape[2] != 3 or p.dtype != np.uint8 or min(p.shape[:2]) < least:
        raise DataError(
            f"{name}: expected an RGB picture of at least {least} x {least} pixels, shape "
            f"(height, width, 3), type uint8; got {p.shape} {p.dtype}"
        )
