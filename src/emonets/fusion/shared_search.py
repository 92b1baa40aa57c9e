"""Hundreds of searches over one set of weightings: bagging of many clips (section 4.4.2).

Each of the 350 searches of a bag scores 10,000 weightings of its own on its own resample. That
costs clips × weightings × searches. Beyond a few thousand clips the searches share the weightings
here. Whether a clip is right under a weighting then does not depend on the search. So one table,
weightings × clips, serves all searches, and their scores are one matrix product: that table times
how often each search drew each clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emonets.fusion.common import Floats, Ints
from emonets.fusion.scoring import Scorer, Singles, clip_worths
from emonets.fusion.search import RandomSearch, local_weights

_AT_ONCE = 512  # weightings in one table: 16 MB for 8,000 clips


@dataclass(frozen=True, eq=False)
class SharedSearches:
    """What B searches found: weights (B, m, k), and each one's score on its resample (B,)."""

    weights: Floats
    scores: Floats


def can_share(search: object) -> bool:
    """Whether searches with these parameters can use one set of weightings.

    Those that end after a time, or that start anew, go on by themselves.
    """
    return (
        isinstance(search, RandomSearch)
        and search.seconds is None
        and search.n_restarts == 1
        and search.n_local is not None
    )


def search_together(
    search: RandomSearch,
    p: Floats,
    target: Ints,
    resamples: Sequence[Ints],
    seed: int,
    *,
    on_round: Callable[[int, int], None] | None = None,
) -> SharedSearches:
    """Run one search for each resample, all over the same weightings.

    The first stage is that of ``search``. In the second, each round's steps go out from the best
    weights of all searches so far; a weighting that several searches prefer gets as many steps
    more. Each search keeps the best of all weightings.

    Parameters
    ----------
    search : its parameters; see :func:`can_share`.
    p : (n, m, k). target : (n,) positions 0..k-1.
    resamples : for each search the clips that it drew, (r,) positions, with repetitions.
    seed : of the draws.
    on_round : called with the weightings scored and their number.
    """
    n, m, k = p.shape
    scorer = Scorer(p, target, domain=search.domain, scoring=search.scoring)
    worth = _worths(resamples, target, search.scoring, n)[:, scorer.order].T.copy()
    random = np.random.default_rng(seed)
    draw = search._draw(random, m, k)
    best = np.full(worth.shape[1], -1.0)
    weights = np.full((worth.shape[1], m, k), 1 / m)
    start = search._start((m, k))
    if start is not None:
        _keep_better(scorer, start[None], worth, best, weights)
    total = search.n_uniform + int(search.n_local or 0)
    initial: Floats | None = None
    done = 0
    for stage, count in search._rounds(0.0):
        if stage == "local":
            initial = weights.copy() if initial is None else initial
            drawn = _steps(random, initial if search.centre == "initial" else weights, count,
                           search)  # fmt: skip
        else:
            drawn = draw(stage, count, None)
        _keep_better(scorer, drawn, worth, best, weights)
        done += count
        if on_round is not None:
            on_round(done, total)
    return SharedSearches(weights, best)


def _worths(resamples: Sequence[Ints], target: Ints, scoring: str, n: int) -> Singles:
    """What each clip adds to a search's score if it is right: (B, n), rows summing to one."""
    worth = np.zeros((len(resamples), n), dtype=np.float32)
    for row, drawn in zip(worth, resamples, strict=True):
        row[:] = np.bincount(drawn, weights=clip_worths(target[drawn], scoring), minlength=n)
    return worth


def _keep_better(
    scorer: Scorer, drawn: Floats, worth: Singles, best: Floats, weights: Floats
) -> None:
    """Score weightings for every search; where one is strictly better, it replaces the best."""
    for begin in range(0, len(drawn), _AT_ONCE):
        part = drawn[begin : begin + _AT_ONCE]
        scores = scorer.right(part) @ worth
        place = scores.argmax(axis=0)
        top = scores[place, np.arange(len(best))].astype(np.float64)
        better = top > best + 1e-6  # single precision
        best[better], weights[better] = top[better], part[place[better]]


def _steps(
    random: np.random.Generator, centres: Floats, count: int, search: RandomSearch
) -> Floats:
    """``count`` steps around the searches' weights, distributed over them in turn."""
    of = random.permutation(len(centres))[np.arange(count) % len(centres)]
    drawn = local_weights(random, centres[of], count, scale=search.scale, decimals=search.decimals)
    return np.asarray(drawn)
