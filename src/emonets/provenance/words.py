"""Fingerprints as words over time, and the search for the clip that a fingerprint agrees with.

A kept clip has a word every ``HOP`` steps, a query clip has one every step. A trimmed clip may
begin anywhere between two kept words, so the query is finer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.unsignedinteger[Any]]

HOP = 8
"""Steps between two kept words."""

_CANDIDATES = 32  # alignments with the most votes, which are compared fully
_BIN = 4  # steps that count as one alignment
_AROUND = np.arange(-3, 4)  # steps that are tried around it
_BLOCK = 1 << 22  # pairs of words compared together
_EXACT = 16  # bits up to which equal words vote; of longer words, near ones vote


@dataclass(frozen=True)
class Rule:
    """When two clips are copies of one.

    The share of bits that differ may reach ``limit - slack / sqrt(n)`` if n words are compared. Few
    words are similar by chance more often than many.

    Attributes
    ----------
    least : words that two clips must share.
    near : differing bits up to which a pair of words votes for an alignment; not for 16 bits.
    """

    limit: float
    slack: float
    least: int
    near: int = 0


@dataclass(frozen=True)
class Match:
    """The best agreement of a clip with the kept ones.

    Attributes
    ----------
    clip : number of the kept clip, or -1.
    share : of the bits that differ, 0..1. words : how many were compared.
    copy : whether they are copies of one clip, by the rule.
    """

    clip: int = -1
    share: float = 1.0
    words: int = 0
    copy: bool = False


class WordIndex:
    """The words of many clips. A word 0 has no information and is not compared.

    Parameters
    ----------
    words : those of all clips, one after the other; uint16 or uint64.
    lengths : (n,) words of each clip. Their sum is ``len(words)``.
    rule : when clips are copies.
    """

    def __init__(self, words: Words, lengths: NDArray[Any], rule: Rule) -> None:
        self._words, self._rule = words, rule
        self._bits = words.dtype.itemsize * 8
        self._ends = np.cumsum(lengths, dtype=np.int64)
        self._begins = self._ends - np.asarray(lengths, np.int64)
        if self._bits <= _EXACT:
            self._order = np.argsort(words, kind="stable")
            self._first = np.searchsorted(words[self._order], np.arange(2**self._bits + 1))

    def find(self, query: Words) -> Match:
        """The kept clip that agrees best with a query.

        Parameters
        ----------
        query : (m,) a word every step.
        """
        best, least = Match(), np.inf
        if not len(self._words) or not len(query):
            return best
        for clip, first in self._candidates(query):
            kept = self._words[self._begins[clip] : self._ends[clip]]
            place = np.arange(len(kept)) * HOP - (first + _AROUND)[:, None]
            theirs = query[np.clip(place, 0, len(query) - 1)]
            compared = (place >= 0) & (place < len(query)) & (kept != 0) & (theirs != 0)
            n = compared.sum(axis=1)
            wrong = (np.bitwise_count(kept ^ theirs) * compared).sum(axis=1)
            share = np.where(n >= self._rule.least, wrong / np.maximum(n * self._bits, 1), np.inf)
            score = share + self._rule.slack / np.sqrt(np.maximum(n, 1))
            k = int(score.argmin())
            if score[k] < least:
                least = float(score[k])
                copy = least <= self._rule.limit
                best = Match(int(clip), float(share[k]), int(n[k]), copy)
        return best

    def _candidates(self, query: Words) -> Sequence[tuple[int, int]]:
        """(kept clip, step of it at which the query would begin), those with most votes."""
        step, kept = self._equal(query) if self._bits <= _EXACT else self._near(query)
        if not len(step):
            return []
        clip = np.searchsorted(self._ends, kept, side="right")
        first = (kept - self._begins[clip]) * HOP - step
        low = int(first.min()) // _BIN
        bins = first // _BIN - low
        key = clip * (int(bins.max()) + 1) + bins
        _, place, votes = np.unique(key, return_index=True, return_counts=True)
        top = place[np.argsort(-votes, kind="stable")[:_CANDIDATES]]
        return list(
            zip(
                clip[top].tolist(),
                ((bins[top] + low) * _BIN + _BIN // 2).tolist(),
                strict=True,
            )
        )

    def _equal(self, query: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Steps of the query and positions of kept words, for each pair of equal words."""
        step = np.flatnonzero(query)
        low = self._first[query[step]]
        count = self._first[query[step].astype(np.int64) + 1] - low
        offset = np.cumsum(count) - count
        at = np.repeat(low - offset, count) + np.arange(int(count.sum()))
        return np.repeat(step, count), self._order[at]

    def _near(self, query: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same for words that differ in few bits."""
        step = np.flatnonzero(query)
        kept = np.flatnonzero(self._words)
        found = []
        size = max(1, _BLOCK // max(1, len(step)))
        for k in range(0, len(kept), size):
            part = kept[k : k + size]
            near = np.bitwise_count(query[step][:, None] ^ self._words[part]) <= self._rule.near
            rows, columns = np.nonzero(near)
            found.append(np.stack([step[rows], part[columns]]))
        pairs = np.concatenate(found, axis=1) if found else np.zeros((2, 0), np.int64)
        return pairs[0], pairs[1]
