"""From the probabilities of a clip's frames to one vector a clip (paper 3.1.4, Figures 4 and 5).

A clip has many frames with a face, or few; a classifier requires one length. The descriptor has a
fixed number of segments, ten in the paper: long clips are averaged into them, short ones are
expanded by repeating frames. Three simpler summaries stand beside it: the mean, the share of
frames that each class wins, and one class for the clip.

All functions are pure, and none of them ever returns NaN: a clip without a face has no
descriptor, :func:`describe_tubes` then returns None, and the specialist
chooses what to predict instead (the uniform).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import DataError, ParameterError

Floats = NDArray[np.float64]

SLOTS = 10
"""Segments of the paper's descriptor: 10 × 7 = 70 numbers."""


def _checked(probabilities: ArrayLike) -> Floats:
    try:
        p = np.asarray(probabilities, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"frame probabilities must be an array of numbers: {error}") from None
    if p.ndim != 2 or 0 in p.shape:
        raise DataError(
            f"frame probabilities must be (frames, classes) with at least one frame, not {p.shape};"
            " a clip without a face has no descriptor"
        )
    if not np.isfinite(p).all():
        raise DataError("frame probabilities hold NaN or infinite values; drop those frames first")
    return p


def allocate(items: int, slots: int) -> NDArray[np.intp]:
    """Share ``items`` out over ``slots`` in order, as evenly as whole numbers allow.

    Slot *j* gets what remains divided by the slots that remain, halves rounded up: 77 items over
    10 slots are 8 8 8 8 8 7 8 7 8 7.

    Returns
    -------
    (slots,) integers ≥ 0 that sum to ``items``; none is 0 if there are at least as many items.
    """
    sizes = np.empty(slots, dtype=np.intp)
    remaining = items
    for j in range(slots):
        left = slots - j
        sizes[j] = (2 * remaining + left) // (2 * left)
        remaining -= int(sizes[j])
    return sizes


def segments(probabilities: ArrayLike, *, slots: int = SLOTS) -> Floats:
    """The descriptor of 3.1.4: ``slots`` vectors that span the clip, one after the other.

    With at least ``slots`` frames each segment is the mean of a run of successive frames
    (Figure 4); with fewer, frames are repeated (Figure 5). In both cases :func:`allocate` gives
    the number: frames to a segment, or segments to a frame.

    Parameters
    ----------
    probabilities : (n, k), n ≥ 1, in order of time.
    slots : ≥ 1.

    Returns
    -------
    (slots * k,) float64, segment after segment. Each segment sums to one if the frames do.

    Raises
    ------
    DataError : no frame, or values that are not finite.
    ParameterError : slots < 1.
    """
    if isinstance(slots, bool) or not isinstance(slots, int | np.integer) or slots < 1:
        raise ParameterError(f"slots must be a whole number of at least 1, not {slots!r}")
    p = _checked(probabilities)
    if len(p) < slots:
        return np.repeat(p, allocate(int(slots), len(p)), axis=0).ravel()
    sizes = allocate(len(p), int(slots))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = np.add.reduceat(p, starts, axis=0)
    return np.asarray(sums / sizes[:, None], dtype=np.float64).ravel()


def mean(probabilities: ArrayLike) -> Floats:
    """The mean over frames: (n, k) → (k,). Raises DataError as :func:`segments` does."""
    return np.asarray(_checked(probabilities).mean(axis=0), dtype=np.float64)


def count(probabilities: ArrayLike) -> Floats:
    """The share of frames that each class wins: (n, k) → (k,), summing to one.

    A frame whose best classes tie goes to the first of them.
    Raises DataError as :func:`segments` does.
    """
    p = _checked(probabilities)
    return np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)


def classification(probabilities: ArrayLike) -> int:
    """One class for the clip, by its confident frames: (n, k) → 0..k-1.

    Each frame gives its best class the probability it has there; the class with the largest sum
    wins, the first of them on a tie. Raises DataError as :func:`segments` does.
    """
    p = _checked(probabilities)
    weights = np.bincount(p.argmax(axis=1), weights=p.max(axis=1), minlength=p.shape[1])
    return int(weights.argmax())


def merge_frames(frames: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """One vector a frame, in order of time: faces that share a frame are averaged.

    Parameters
    ----------
    frames : (n,) frame numbers, whole, in any order, with repeats.
    probabilities : (n, k).

    Returns
    -------
    frames : (m,) rising; probabilities : (m, k).

    Raises
    ------
    DataError : lengths differ, frame numbers that are not whole, and as :func:`segments` does.
    """
    p = _checked(probabilities)
    number = np.asarray(frames)
    if number.shape != (len(p),):
        raise DataError(f"{number.shape} frame numbers do not fit {len(p)} frame probabilities")
    if number.dtype.kind not in "iu":
        raise DataError(f"frame numbers must be whole numbers, not of type {number.dtype}")
    unique, inverse, faces = np.unique(number, return_inverse=True, return_counts=True)
    merged = np.zeros((len(unique), p.shape[1]))
    np.add.at(merged, inverse, p)
    return unique.astype(np.int64), merged / faces[:, None]


def describe_tubes(
    tubes: Iterable[tuple[ArrayLike, ArrayLike]], *, slots: int = SLOTS
) -> Floats | None:
    """The descriptor of a clip from all its face tubes together.

    Parameters
    ----------
    tubes : for each tube its frame numbers (n,) and its frames' probabilities (n, k); only frames
        where the face was really detected belong here (3.1.4). Tubes without frames are skipped;
        the order of the tubes does not matter.
    slots : see :func:`segments`.

    Returns
    -------
    (slots * k,), or None where no tube has a frame: such a clip has no descriptor.

    Raises
    ------
    DataError : see :func:`merge_frames`, or tubes with different numbers of classes.
    """
    numbers: list[NDArray[np.int64]] = []
    values: list[Floats] = []
    for frames, probabilities in tubes:
        if np.size(probabilities) or np.size(frames):
            number, p = np.asarray(frames), _checked(probabilities)
            if number.shape != (len(p),):
                raise DataError(f"a tube has {number.shape} frame numbers for {len(p)} frames")
            numbers.append(number)
            values.append(p)
    if not values:
        return None
    if len({p.shape[1] for p in values}) > 1:
        raise DataError("tubes of one clip have different numbers of classes")
    # Sorted by value within a frame too: a sum of floats would else depend on the tubes' order
    number, p = np.concatenate(numbers), np.concatenate(values)
    order = np.lexsort((*p.T, number))
    return segments(merge_frames(number[order], p[order])[1], slots=slots)
