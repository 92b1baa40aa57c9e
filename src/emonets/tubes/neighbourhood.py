"""What is kept of a frame for a face: its surroundings, from which the crop is cut later.

A tube's boxes are smoothed over frames that are yet to come, so a crop cannot be cut when its face
is detected. Keeping the box enlarged instead of the frame, at no more than the resolution that the
crop needs, bounds the memory of a tube whatever the size of the frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

MARGIN = 1.6
"""Side of what is kept, in sides of the detected box."""
LARGEST = 192
"""Largest side of what is kept, pixels: with the margin above a face has 120 of them."""
BLACK = 1.0
"""Outer rows and columns of at most this mean belong to black bars (the authors' value)."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """The surroundings of a face: ``pixels`` (h, w, 3) show ``region`` of the frame.

    ``region`` is (x1, y1, x2, y2) in pixels of the frame, within the frame.
    """

    pixels: NDArray[np.uint8]
    region: tuple[int, int, int, int]


def content_box(image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """The part (x1, y1, x2, y2) of an RGB frame inside its black bars; all of it if there are none.

    A frame that is black throughout counts as having none.
    """
    height, width = image.shape[:2]
    # most frames have no bars, which four lines show
    outer = (image[0], image[-1], image[:, 0], image[:, -1])
    if min(float(line.mean()) for line in outer) > BLACK:
        return 0, 0, width, height
    rows = np.flatnonzero(image.mean(axis=(1, 2)) > BLACK)
    columns = np.flatnonzero(image.mean(axis=(0, 2)) > BLACK)
    if len(rows) == 0 or len(columns) == 0:
        return 0, 0, width, height
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def neighbourhood(
    image: NDArray[np.uint8],
    box: ArrayLike,
    *,
    within: tuple[int, int, int, int] | None = None,
    margin: float = MARGIN,
    largest: int = LARGEST,
) -> Neighbourhood:
    """Copy the surroundings of a box, made smaller if they are large, never larger.

    Parameters
    ----------
    image : (h, w, 3) RGB frame.
    box : (4,) pixels of the frame, finite; it may reach outside.
    within : the part of the frame that counts, from :func:`content_box`; by default all of it.
    margin : side of the surroundings in sides of the box.
    largest : pixels that the surroundings have at most on a side.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = within or (0, 0, width, height)
    b = np.asarray(box, dtype=np.float64)
    centre, reach = (b[:2] + b[2:]) / 2.0, float(np.max(b[2:] - b[:2])) * margin / 2.0
    # at least one pixel, the nearest, of a box that has left the frame
    x1 = int(np.clip(np.floor(centre[0] - reach), left, right - 1))
    y1 = int(np.clip(np.floor(centre[1] - reach), top, bottom - 1))
    x2 = int(np.clip(np.ceil(centre[0] + reach), x1 + 1, right))
    y2 = int(np.clip(np.ceil(centre[1] + reach), y1 + 1, bottom))
    # means over whole blocks are many times faster than over fractions of pixels, so the size is
    # reduced by a whole number first; what is left of the factor is less than 1.5
    block = max(1, round(max(x2 - x1, y2 - y1) / largest))
    if block > 1 and min(x2 - x1, y2 - y1) >= block:
        x2 -= (x2 - x1) % block
        y2 -= (y2 - y1) % block
    across, down = max(1, (x2 - x1) // block), max(1, (y2 - y1) // block)
    pixels = image[y1:y2, x1:x2]
    if block > 1:
        pixels = _resize(pixels, across, down, cv2.INTER_AREA)
    longer = max(across, down)
    if longer > largest:
        across, down = (max(1, side * largest // longer) for side in (across, down))
        pixels = _resize(pixels, across, down, cv2.INTER_LINEAR)
    elif block == 1:
        pixels = pixels.copy()  # a view would keep the whole frame
    return Neighbourhood(pixels=pixels, region=(x1, y1, x2, y2))


def _resize(pixels: NDArray[np.uint8], width: int, height: int, how: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), dtype=np.uint8)


def cut_crop(kept: Neighbourhood, box: ArrayLike, size: int) -> NDArray[np.uint8]:
    """The crop (size, size, 3) of a square box of the frame; past what was kept, its edge goes on.

    The crop is sampled at twice its size and averaged in 2x2, which for the scales that occur
    (at most about 2 kept pixels to one of the crop) is as good as area means at exact positions.
    The authors clip the box to the picture, and stretch what is then not square; repeating the edge
    keeps the proportions of the face.
    """
    x1, y1, x2, y2 = (float(v) for v in np.asarray(box, dtype=np.float64))
    left, top, right, bottom = kept.region
    height, width = kept.pixels.shape[:2]
    across, down = width / (right - left), height / (bottom - top)
    fine = 2 * size
    step_x, step_y = (x2 - x1) * across / fine, (y2 - y1) * down / fine
    # pixel i covers i..i+1, so its centre, which OpenCV calls i, is at i + 1/2
    back = np.array(
        [
            [step_x, 0.0, (x1 - left) * across + (step_x - 1.0) / 2.0],
            [0.0, step_y, (y1 - top) * down + (step_y - 1.0) / 2.0],
        ]
    )
    sampled = cv2.warpAffine(
        kept.pixels,
        back,
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    crop = cv2.resize(sampled, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, dtype=np.uint8)
