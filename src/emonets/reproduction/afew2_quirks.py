"""Behaviour of the authors' programs of 2013 that the paper does not describe, for the replay only.

Nothing here is used for predictions. Each entry of :data:`QUIRKS` names one deviation. The
functions below repeat it, so the authors' stored results are reproduced to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.learners.folds import Fold

QUIRKS: dict[str, str] = {
    "last face of a frame": "faces that share a frame number are not averaged: the last one in "
    "the file of frames counts for the segments",
    "python 2 dict order": "the frames of a clip enter its segments in the order of a Python 2 "
    "dictionary, which is not quite that of time",
    "ties before printing": "a frame was counted before its probabilities were rounded to six "
    "digits, so that a tie in print may go to either class",
    "two characters lost": "file names are stripped of two characters for their label, which test "
    "names do not have: test clips lose two digits of their name",
    "first appearance": "libsvm numbers the classes in the order in which the training file "
    "first names them, and its sigmoids depend on that order",
    "microsoft rand": "the sigmoids' folds come from the Microsoft C library's rand(), seeded 1 "
    "at every training",
    "no face is angry": "in the second SVM a clip without a face has seven zeros, not a uniform; "
    "on its own it counts as angry, the first class",
    "own class order": "the second SVM uses the first one's probabilities in the first one's class "
    "order",
    "five digits": "the grid's values of C and gamma were rounded to five digits",
    "matched by substring": "ConvNet results joined a test clip whose name contains theirs, the "
    "first such in the file: 010939560 got those of 010039560",
}
"""Name → behaviour of the authors' programs."""


def parse_names(names: Iterable[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Clip and frame number of ``LABEL_CLIP-TUBE-FRAME.png``, less the first two characters.

    Names of the test part are ``CLIP-TUBE-FRAME_.png``.
    """
    clips, frames = [], []
    for name in names:
        clip, _, frame = name[2:].rsplit(".", 1)[0].split("-")
        clips.append(clip)
        frames.append(int(frame.rstrip("_")))
    return clips, np.array(frames, dtype=np.int64)


def python2_dict_order(keys: Iterable[int]) -> list[int]:
    """The order in which CPython 2.7 iterates over a dictionary of whole numbers ≥ 0.

    It is an open hash table of 8 slots, and a number is its own hash. Once two thirds full, it
    grows to the first power of two above four times its entries. Old entries move in table order.
    """
    table: list[int | None] = [None] * 8
    for entries, key in enumerate(dict.fromkeys(keys), start=1):
        _insert(table, key)
        if 3 * entries >= 2 * len(table):
            size = 8
            while size <= 4 * entries:
                size *= 2
            old, table = table, [None] * size
            for moved in old:
                if moved is not None:
                    _insert(table, moved)
    return [key for key in table if key is not None]


def _insert(table: list[int | None], key: int) -> None:
    mask = len(table) - 1
    probe, perturb = key, key
    while table[probe & mask] is not None:
        probe = 5 * probe + perturb + 1
        perturb >>= 5
    table[probe & mask] = key


def segment_rows(frames: ArrayLike) -> list[int]:
    """Rows of a clip that the authors' segments use, in their order.

    Of rows with one frame number the last is used. The order is that of the dictionary.
    """
    last = {int(frame): row for row, frame in enumerate(np.asarray(frames))}
    return [last[frame] for frame in python2_dict_order(last)]


def tied_counts(probabilities: NDArray[np.float64], stored: NDArray[np.float64]) -> bool:
    """Whether the shares ``stored`` of frames won fit, if ties in print count for either class."""
    won = np.rint(stored * len(probabilities))
    sure = np.zeros(probabilities.shape[1])
    open_to: list[NDArray[np.intp]] = []
    for row in probabilities:
        best = np.flatnonzero(row == row.max())
        if len(best) == 1:
            sure[best[0]] += 1
        else:
            open_to.append(best)
    left = won - sure
    if left.min() < 0 or left.sum() != len(open_to):
        return False
    return _assign(left, open_to)


def _assign(left: NDArray[np.float64], open_to: Sequence[NDArray[np.intp]]) -> bool:
    if not open_to:
        return True
    for choice in open_to[0]:
        if left[choice] > 0:
            rest = left.copy()
            rest[choice] -= 1
            if _assign(rest, open_to[1:]):
                return True
    return False


def first_appearance(labels: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Classes in the order of their first appearance, and each label's place in it."""
    y = np.asarray(labels)
    classes, first, inverse = np.unique(y, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return classes[order].astype(np.intp), np.argsort(order)[inverse]


class MicrosoftFolds:
    """libsvm's folds as its Windows build draws them; a scikit-learn splitter.

    The generator continues from one pair of classes to the next. A learner that uses a copy of its
    splitter, such as CoupledSVC, starts every training from the seed.
    """

    def __init__(self, *, n_splits: int = 5, seed: int = 1) -> None:
        self.n_splits = n_splits
        self.state = seed

    def rand(self) -> int:
        """The next number, 0..32767."""
        self.state = (self.state * 214013 + 2531011) % 2**32
        return self.state >> 16 & 0x7FFF

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Shuffle the samples of one pair, then cut."""
        n = len(X)
        order = np.arange(n)
        for i in range(n):
            j = i + self.rand() % (n - i)
            order[i], order[j] = order[j], order[i]
        cuts = [f * n // self.n_splits for f in range(self.n_splits + 1)]
        for start, end in pairwise(cuts):
            yield np.concatenate([order[:start], order[end:]]), order[start:end]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds."""
        return self.n_splits


def five_digits(value: float) -> float:
    """The value rounded to five significant digits."""
    return float(f"{value:.5g}")


def substring_match(name: str, known: Iterable[str]) -> str | None:
    """The first of the numbers ``known`` that occurs in ``name``, leading zeros dropped.

    Parameters
    ----------
    known : in the order of the authors' file.
    """
    bare = ((clip, clip.lstrip("0")) for clip in known)
    return next((clip for clip, number in bare if number and number in name), None)
