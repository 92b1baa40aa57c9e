"""How often RBF machines are right on folds, for many penalties and scales of the numbers.

libsvm computes the kernel of each pair of classes anew for each machine, which takes most of its
time. Here it is computed once for all machines of one gamma: for every penalty and every fold. The
votes are those of plain machines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC
from sklearn.utils.parallel import Parallel, delayed

from emonets.fusion.common import Floats, Ints
from emonets.learners.folds import Fold
from emonets.learners.grid_search import COARSE, Point, best_point, grid_points

Scoring = str | Callable[..., float]

_LAST: dict[bytes, tuple[Point, float]] = {}
_LARGEST = 5_000  # clips whose kernel is kept: 200 MB


def vote_scores(
    x: Floats,
    target: Ints,
    folds: Sequence[Fold],
    gamma: float,
    penalties: Sequence[float],
    scoring: Scoring = "accuracy",
) -> Floats:
    """Scores of the votes of machines, one a penalty and fold: (penalties, folds).

    Parameters
    ----------
    x : (n, d). target : (n,). folds : positions to train on and to score on.
    scoring : as for scikit-learn.
    """
    shared = len(x) <= _LARGEST
    kernel = rbf_kernel(x, gamma=gamma) if shared else None
    scores = np.empty((len(penalties), len(folds)))
    for f, (train, test) in enumerate(folds):
        inside = x[train] if kernel is None else kernel[np.ix_(train, train)]
        across = x[test] if kernel is None else kernel[np.ix_(test, train)]
        for c, penalty in enumerate(penalties):
            machine = SVC(C=penalty, gamma=gamma, kernel="precomputed" if shared else "rbf",
                          decision_function_shape="ovo")  # fmt: skip
            scorer = check_scoring(machine, scoring=scoring)
            scores[c, f] = scorer(machine.fit(inside, target[train]), across, target[test])
    return scores


def two_stage_grid(
    x: Floats,
    target: Ints,
    folds: Sequence[Fold],
    *,
    coarse: Mapping[str, Sequence[float]] | None = None,
    exponents: Sequence[float],
    scoring: Scoring = "accuracy",
    n_jobs: int | None = None,
) -> tuple[Point, float]:
    """C and gamma as ``learners.grid_search.TwoStageGridSearch`` chooses them, and their score.

    Parameters
    ----------
    coarse : values of C and gamma; a number that it does not name is 1. None: powers of ten.
    exponents : of the factors 2^e of the second stage.

    The last result is kept: ``svm`` and ``scaled svm`` make the same search.
    """
    key = hashlib.sha256()
    for array in (x, target, *(part for fold in folds for part in fold)):
        key.update(np.ascontiguousarray(array).tobytes())
    key.update(repr((x.shape, coarse, tuple(exponents), scoring)).encode())
    if key.digest() in _LAST:
        return _LAST[key.digest()]
    values = {name: tuple(map(float, given)) for name, given in (coarse or COARSE).items()}
    scored: dict[tuple[float, ...], NDArray[np.float64]] = {}
    best: Point = {}
    points = grid_points(values)
    for _ in (1, 2):
        fresh = [p for p in points if tuple(p.values()) not in scored]
        by_gamma: dict[float, list[Point]] = {}
        for point in fresh:
            by_gamma.setdefault(point.get("gamma", 1.0), []).append(point)
        found = Parallel(n_jobs=n_jobs)(
            delayed(vote_scores)(x, target, folds, gamma, [p.get("C", 1.0) for p in some], scoring)
            for gamma, some in by_gamma.items()
        )
        for some, rows in zip(by_gamma.values(), found, strict=True):
            scored |= {tuple(p.values()): row for p, row in zip(some, rows, strict=True)}
        every = [dict(zip(values, key, strict=True)) for key in scored]
        best = every[best_point(every, np.array(list(scored.values())))]
        points = grid_points(
            {k: [v * 2.0**e if e else v for e in exponents] for k, v in best.items()}
        )
    _LAST.clear()
    _LAST[key.digest()] = best, float(scored[tuple(best.values())].mean())
    return _LAST[key.digest()]
