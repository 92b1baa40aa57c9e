"""How often weighted pools are right, for hundreds of thousands of weightings a second.

One weighting of n clips, m models and k classes costs n·m·k products and a search for the largest
of k sums. Done for many weightings at once, each class is one matrix product (weightings × models)
· (models × clips) in single precision, whose result stays in the processor's cache. Its rounding
could put a clip on the wrong side of a tie: so what is counted there is the clips that are right,
*or that near a tie that rounding might decide*. That is never less than the true number; only
weightings that could beat the best by it are scored again, one by one in double precision. The best
weighting and its score are therefore those of a plain loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from emonets.fusion.common import Floats, Ints, evidence
from emonets.learners.checks import check_choice

Singles = NDArray[np.float32]

SCORINGS = ("accuracy", "uar")
"""Share of clips that are right; mean over the classes that occur of the share of each."""

_AT_ONCE = 65_536  # sums of one class kept at a time: a quarter of a megabyte
_ROUNDING = 2.0**-23


def check_scoring(scoring: str) -> None:
    """Raise ParameterError unless it is one of :data:`SCORINGS`."""
    check_choice("scoring", scoring, SCORINGS)


def clip_worths(target: Ints, scoring: str) -> Floats:
    """What each clip adds to the score if it is right, (n,), summing to one."""
    if scoring == "accuracy":
        return np.full(len(target), 1 / len(target))
    count = np.bincount(target)
    return np.asarray(1 / (count[target] * (count > 0).sum()))


class Scorer:
    """Scores of weightings on fixed clips.

    Parameters
    ----------
    p : (n, m, k) checked probabilities. target : (n,) positions 0..k-1.
    domain, scoring : see ``common.DOMAINS`` and :data:`SCORINGS`.
    times : (n,) how often each clip counts; None: once.

    Attributes
    ----------
    order : (n,) positions in p of the clips in the order that is used here, by class.
    """

    def __init__(
        self, p: Floats, target: Ints, *, domain: str = "probability", scoring: str = "accuracy",
        times: Ints | None = None,
    ) -> None:  # fmt: skip
        check_scoring(scoring)
        order = np.argsort(target, kind="stable")
        self.order = order
        self.target = target[order]
        self.evidence = evidence(p, domain)[order]
        count = np.ones(len(p), dtype=np.intp) if times is None else times[order]
        self.worth = clip_worths(np.repeat(self.target, count), scoring)[np.cumsum(count) - 1]
        n, m, k = p.shape
        edges = np.searchsorted(self.target, np.arange(k + 1))
        self._of = [slice(int(a), int(b)) for a, b in pairwise(edges)]
        self._table = np.ascontiguousarray(self.evidence.transpose(2, 1, 0), dtype=np.float32)
        largest = float(np.abs(self.evidence).max())
        self._slack = (m + 2) * _ROUNDING * largest
        columns = np.unique(self.worth)
        # scores are sums of a few values: counted apart, so that they are exact in single precision
        self._values = columns
        self._member = ((self.worth[:, None] == columns) * count[:, None]).astype(np.float32)
        self._step = max(16, _AT_ONCE // n)

    def exact(self, weights: Floats) -> Floats:
        """Scores (t,) of weights (t, m, k) in double precision, one after the other."""
        return np.array([self.exact_one(w) for w in weights])

    def exact_one(self, weights: Floats) -> float:
        """Score of weights (m, k); of equal sums the first class counts."""
        predicted = (weights * self.evidence).sum(axis=1).argmax(axis=1)
        return float((predicted == self.target) @ self._member @ self._values)

    def bounds(self, weights: Floats) -> Floats:
        """For each of weights (t, m, k) a number its score cannot exceed, and mostly is: (t,)."""
        slack = self._slack * np.abs(weights.astype(np.float32)).sum(axis=1).max(axis=1)
        counts = np.empty((len(weights), len(self._values)), dtype=np.float32)
        for part, own, top in self._sums(weights):
            np.add(own, slack[part, None], out=own)
            np.greater_equal(own, top, out=own, casting="unsafe")
            counts[part] = own @ self._member
        return np.asarray(counts.astype(np.float64) @ self._values)

    def right(self, weights: Floats) -> Singles:
        """1 where a clip is right under weights (t, m, k), else 0: (t, n), clips in ``order``.

        In single precision: a clip whose largest sums nearly tie may be on the wrong side.
        """
        out = np.empty((len(weights), len(self.target)), dtype=np.float32)
        for part, own, top in self._sums(weights):
            np.greater_equal(own, top, out=out[part], casting="unsafe")
        return out

    def _sums(self, weights: Floats) -> Iterator[tuple[slice, Singles, Singles]]:
        """For some weightings at a time: the sum of each clip's own class, and the largest sum.

        Both are (weightings, n). They are buffers: the next step overwrites them.
        """
        t, _, k = weights.shape
        n = len(self.target)
        w = np.ascontiguousarray(weights.transpose(2, 0, 1), dtype=np.float32)
        size = min(self._step, t)
        sums, top, own = (np.empty((size, n), dtype=np.float32) for _ in range(3))
        for start in range(0, t, size):
            stop = min(start + size, t)
            s, best, mine = sums[: stop - start], top[: stop - start], own[: stop - start]
            for c in range(k):
                into = s if c else best
                np.matmul(w[c, start:stop], self._table[c], out=into)
                mine[:, self._of[c]] = into[:, self._of[c]]
                if c:
                    np.maximum(best, s, out=best)
            yield slice(start, stop), mine, best

    def best(self, weights: Floats, floor: float = -1.0) -> tuple[int, float] | None:
        """The first of the best of weights (t, m, k) and its score; None if none is above floor."""
        bounds = self.bounds(weights)
        place, score = -1, floor
        for i in np.argsort(-bounds, kind="stable"):
            if bounds[i] < score - 1e-12 or (bounds[i] <= score + 1e-12 and place < 0):
                break
            value = self.exact_one(weights[i])
            better = value > score + 1e-12
            if better or (place >= 0 and value > score - 1e-12 and i < place):
                place, score = int(i), value if better else score
        return None if place < 0 else (place, score)
