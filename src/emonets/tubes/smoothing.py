"""Smoothing of a face tube's boxes, so that position and size vary gradually (paper 3.1.3).

Opposite corners are smoothed by a two-sided moving average over 11 frames; the largest centred
square that fits becomes the box; its centres are smoothed alike; its side lengths are replaced by a
constant, or by a line where the face grows or shrinks.

Two sentences of the paper can be read in several ways. *"If the slope of the linear polynomial is
above a scale threshold (slope · facetube length) … a threshold of 1.5"*: taken in pixels, nearly
every tube would exceed it; taken relative to the mean side, no tube can for long (a line that stays
positive changes by at most twice its mean). Here the line is used where its values at the two ends
of the tube differ by a factor of more than 1.5, that is where the camera or the face came that much
nearer. The authors' code decides per frame instead (side / mean > 1.5), and averages adaptively;
both are kept as ``method="authors"``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError

Floats = NDArray[np.float64]
Method = Literal["paper", "authors"]

WINDOW = 11
"""Frames in the moving average: five on each side and the frame itself."""
SCALE_THRESHOLD = 1.5
"""Factor in size over the tube from which on the side lengths follow a line."""


def smooth_boxes(
    boxes: ArrayLike,
    times: ArrayLike | None = None,
    *,
    window: int = WINDOW,
    threshold: float = SCALE_THRESHOLD,
    method: Method = "paper",
) -> Floats:
    """The smoothed square boxes of one face tube.

    Parameters
    ----------
    boxes : (n, 4) as (x1, y1, x2, y2) in pixels, in the order of the frames.
    times : (n,) seconds, against which the side lengths' line is fitted; the moving averages count
        frames whatever their times. By default the frames are taken as evenly spaced.
    window : frames in the moving averages, odd; at the tube's ends it is cut off.
    threshold : see :func:`smooth_sides`.
    method : "paper", or "authors" for the adaptive average, the rounding and the rule per frame of
        the authors' code.

    Returns
    -------
    (n, 4) squares, pixels.

    Raises
    ------
    DataError : wrong shapes, or values that are not finite.
    ParameterError : window not odd and positive, threshold below 1, unknown method.
    """
    b = np.asarray(boxes, dtype=np.float64)
    if b.ndim != 2 or b.shape[1] != 4 or not np.isfinite(b).all():
        raise DataError(f"expected finite boxes of shape (n, 4), got {b.shape}")
    x = np.arange(len(b), dtype=np.float64) if times is None else np.asarray(times, dtype=float)
    if x.shape != (len(b),) or not np.isfinite(x).all():
        raise DataError(f"expected {len(b)} finite times, one a box, got {x.shape}")
    if method not in ("paper", "authors"):
        raise ParameterError(f"method must be 'paper' or 'authors', got {method!r}")
    if len(b) == 0:
        return b.copy()
    if method == "paper":
        centres, sides = centred_squares(moving_average(b, window))
        centres = moving_average(centres, window)
        sides = smooth_sides(sides, x, threshold=threshold)
    else:
        corners = np.rint(adaptive_average(b, window))
        centres, sides = centred_squares(corners)
        centres, sides = np.trunc(centres), np.trunc(sides)
        centres = np.rint(adaptive_average(centres, window))
        sides = np.rint(smooth_sides(sides, x, threshold=threshold, per_frame=True))
    half = sides[:, None] / 2.0
    return np.concatenate([centres - half, centres + half], axis=1)


def moving_average(values: ArrayLike, window: int = WINDOW) -> Floats:
    """Two-sided moving average down the first axis, of what there is of the window at the ends.

    Parameters
    ----------
    values : (n, ...) numbers.
    window : odd, at least 1.
    """
    v = np.asarray(values, dtype=np.float64)
    first, last = _windows(len(v), window)
    # offsets keep the running sum small, and constant values exactly constant
    base = v[:1]
    total = np.concatenate([np.zeros_like(base), np.cumsum(v - base, axis=0)])
    count = (last - first).reshape((-1,) + (1,) * (v.ndim - 1))
    return np.asarray((total[last] - total[first]) / count + base)


def adaptive_average(values: ArrayLike, window: int = WINDOW) -> Floats:
    """The authors' moving average: it leaves out the side that the value differs from.

    A value more than 10 % off the mean of the frames before it, but not of those after it, is
    averaged with the latter only, and the reverse; where the average would move a value by more
    than 9 % it is left as it is.

    Parameters
    ----------
    values : (n, k) coordinates; the percentages are of the coordinates themselves.
    window : odd, at least 1.
    """
    v = np.asarray(values, dtype=np.float64)
    first, last = _windows(len(v), window)
    total = np.concatenate([np.zeros_like(v[:1]), np.cumsum(v, axis=0)])
    here = np.arange(len(v))
    before, after = (here - first)[:, None], (last - here - 1)[:, None]
    left, right = total[here] - total[first], total[last] - total[here + 1]

    def relative(difference: Floats, to: Floats) -> Floats:
        return np.abs(difference) / np.maximum(np.abs(to), 1e-12)

    left_mean = np.where(before > 0, left / np.maximum(before, 1), v)
    right_mean = np.where(after > 0, right / np.maximum(after, 1), v)
    far_left = relative(v - left_mean, left_mean) > 0.10
    far_right = relative(v - right_mean, right_mean) > 0.10
    average = (left + v + right) / (before + 1 + after)
    average = np.where(far_left & ~far_right, (v + right) / (after + 1), average)
    average = np.where(far_right & ~far_left, (left + v) / (before + 1), average)
    return np.where(relative(average - v, average) > 0.09, v, average)


def centred_squares(boxes: ArrayLike) -> tuple[Floats, Floats]:
    """Centres (n, 2) and sides (n,) of the largest squares centred in boxes (n, 4)."""
    b = np.asarray(boxes, dtype=np.float64)
    return (b[:, :2] + b[:, 2:]) / 2.0, np.min(b[:, 2:] - b[:, :2], axis=1)


def smooth_sides(
    sides: ArrayLike,
    times: ArrayLike,
    *,
    threshold: float = SCALE_THRESHOLD,
    per_frame: bool = False,
) -> Floats:
    """Side lengths replaced by their mean, or by a line if the size changes enough.

    Parameters
    ----------
    sides : (n,) positive lengths, pixels.
    times : (n,) what the line is fitted against; if all are equal, the mean is used.
    threshold : at least 1. The line is used if its larger end is more than this many times its
        smaller end; the line is held within the range of the measured sides.
    per_frame : the authors' rule instead: the line in those frames whose side is more than
        ``threshold`` times the mean, the mean in all others.
    """
    y, x = np.asarray(sides, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if not threshold >= 1.0:
        raise ParameterError(f"threshold must be a factor of at least 1, got {threshold}")
    if len(y) == 0:
        return y.copy()
    mean = np.full_like(y, y.mean())
    spread = x - x.mean()
    power = float(spread @ spread)
    if power <= 0.0:
        return mean
    line = y.mean() + spread * float(spread @ y) / power
    if per_frame:
        return np.where(y > threshold * mean, line, mean)
    ends = float(line.min()), float(line.max())
    # a line that reaches zero changes by more than any factor
    if ends[0] > 0.0 and ends[1] <= threshold * ends[0]:
        return mean
    return np.asarray(np.clip(line, y.min(), y.max()))


def _windows(n: int, window: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if window < 1 or window % 2 == 0:
        raise ParameterError(f"window must be an odd number of frames, got {window}")
    here = np.arange(n)
    return np.maximum(here - window // 2, 0), np.minimum(here + window // 2 + 1, n)
