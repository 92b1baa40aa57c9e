"""A pool of calibrated models, chosen on several corpora that none of them was trained on.

Each model has a temperature T, offsets b of its classes and a weight w: p[c] ∝ Π_j (p_j[c] ^ (1 /
T_j) exp b_j[c]) ^ w_j. Temperatures and offsets are fitted on all corpora that judge a model, a
corpus counting as much as another. The weights are those with which the pool is never worse than
the better model on any corpus, as far as there are such (:func:`choose_pool`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from emonets.emotions import EMOTIONS
from emonets.errors import BundleError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import COLDEST, HOTTEST
from emonets.fusion.common import (
    Arrays,
    Floats,
    FusionDataError,
    Ints,
    check_found,
    check_labels,
    check_probabilities,
    evidence,
)
from emonets.learners.stored import check_stored

STEPS = 20
"""Shares of two models are tried in steps of 1 over this."""
MANY = 6
"""Of more models than this, subsets are not tried."""
SHRINKAGE = 0.02
"""Loss for each squared offset, beside the mean log loss of a corpus."""
MOST_LOST = 0.02
"""UAR that a corpus may lose by offsets of the others."""
LEAST = 50
"""Clips below which a corpus calibrates nothing, if another has as many."""
_UNIFORM = 1e-9  # probabilities that differ by less are those of a model that found nothing
_EQUAL = 1e-9


@dataclass(frozen=True, eq=False)
class ChoosingSet:
    """Predictions for a corpus of people whom the models were not trained on.

    Attributes
    ----------
    name : of the corpus.
    p : (n, m, k) probabilities. y : (n,) labels 0..k-1.
    found : (n, m); a model that is not judged by this corpus found nothing in all of it.
    calibrated : positions of models whose predictions here are another network's, and calibrated
        already. They take part in pools, and nothing is learned about the model.

    Raises
    ------
    FusionDataError : as :meth:`emonets.fusion.base.Fusion.fit`.
    """

    name: str
    p: Floats
    y: Ints
    found: NDArray[np.bool_]
    calibrated: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        p = check_probabilities(self.p, found=self.found)
        n, m, k = p.shape
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "y", check_labels(self.y, k, n)[1])
        object.__setattr__(self, "found", check_found(self.found, n, m))

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(m,) whether a model found anything here."""
        return np.asarray(self.found.any(axis=0))

    def own(self, model: int) -> tuple[Floats, Ints] | None:
        """Probabilities (r, k) and labels of what a model itself found; None if nothing."""
        rows = self.found[:, model]
        if model in self.calibrated or not rows.any():
            return None
        return self.p[rows, model], self.y[rows]


class CalibratedPool(Fusion):
    """Weighted product of the models at temperatures and offsets of their own.

    A model that found nothing, 1/k for each class, has no part in it. Where one model alone found
    something, its calibrated probabilities are the result, whatever its weight. Where no model with
    a weight above 0 found anything, the others are multiplied.

    Parameters
    ----------
    n_models, uniform_models : see ``base``; of every fusion.

    Attributes
    ----------
    temperatures_ : (m,), above 0.
    weights_ : (m,), from 0. Their ratios decide the label, their sum the confidence.
    offsets_ : (m, k), added to the logarithms; 0 where a model leans to no class.

    Examples
    --------
    >>> pool = CalibratedPool.of([2.0, 1.0], [0.5, 0.5], n_classes=2)
    >>> one = [[0.9, 0.1], [0.5, 0.5]]  # the second found nothing
    >>> pool.predict_proba([one]).round(2)
    array([[0.75, 0.25]])
    """

    kind = "calibrated pool"
    calibrates_alone = True
    temperatures_: Floats
    weights_: Floats
    offsets_: Floats

    def __init__(self, *, n_models: int | None = None, uniform_models: Sequence[int] = ()) -> None:
        self.n_models = n_models
        self.uniform_models = uniform_models

    @classmethod
    def of(
        cls,
        temperatures: ArrayLike,
        weights: ArrayLike,
        offsets: ArrayLike | None = None,
        *,
        n_classes: int = len(EMOTIONS),
    ) -> Self:
        """A fitted pool of given numbers.

        Parameters
        ----------
        temperatures : (m,), above 0. weights : (m,), from 0. offsets : (m, k); None: all 0.

        Raises
        ------
        ParameterError : other shapes or ranges, or no weight above 0.
        """
        t, w = (np.asarray(x, dtype=np.float64) for x in (temperatures, weights))
        if t.ndim != 1 or t.shape != w.shape or not len(t):
            raise ParameterError(
                f"temperatures {t.shape} and weights {w.shape} must be one a model each"
            )
        b = np.zeros((len(t), n_classes)) if offsets is None else np.asarray(offsets, np.float64)
        if b.shape != (len(t), n_classes):
            raise ParameterError(f"offsets must be ({len(t)}, {n_classes}), not {b.shape}")
        if wrong := _wrong_numbers(t, w, b):
            raise ParameterError(wrong)
        made = cls()
        made._be_fitted(len(t), np.arange(n_classes))
        made.temperatures_, made.weights_, made.offsets_ = t, w, b
        return made

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        found = np.ptp(p, axis=2) > _UNIFORM
        chosen = choose_pool([ChoosingSet("the training data", p, target, found)])
        self.temperatures_, self.weights_ = chosen.temperatures_, chosen.weights_
        self.offsets_ = chosen.offsets_

    def _fuse(self, p: Floats) -> Floats:
        logs = evidence(p, "log") / self.temperatures_[:, None] + self.offsets_
        return _pooled(logs, np.ptp(p, axis=2) > _UNIFORM, self.weights_)

    def fuse_set(self, one: ChoosingSet) -> Floats:
        """Fused probabilities (n, k) of a corpus; its ``calibrated`` models stay as they are."""
        t, b = self.temperatures_.copy(), self.offsets_.copy()
        t[list(one.calibrated)], b[list(one.calibrated)] = 1.0, 0.0
        return _pooled(evidence(one.p, "log") / t[:, None] + b, one.found, self.weights_)

    def _arrays(self) -> Arrays:
        return {
            "temperatures": self.temperatures_, "weights": self.weights_, "offsets": self.offsets_,
        }  # fmt: skip

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        m = self.n_models_
        shapes = {"temperatures": (m,), "weights": (m,), "offsets": (m, len(self.classes_))}
        check_stored("the pool", arrays, shapes)
        self.temperatures_ = np.array(arrays["temperatures"], dtype=np.float64)
        self.weights_ = np.array(arrays["weights"], dtype=np.float64)
        self.offsets_ = np.array(arrays["offsets"], dtype=np.float64)
        if wrong := _wrong_numbers(self.temperatures_, self.weights_, self.offsets_):
            raise BundleError(f"the pool is damaged: {wrong}")


def _pooled(logs: Floats, found: NDArray[np.bool_], weights: Floats) -> Floats:
    """(n, k) of calibrated logarithms (n, m, k), those that were found (n, m), weights (m,)."""
    used = found & (weights > 0)
    used = np.where(used.any(axis=1, keepdims=True), used, found)
    weight = np.where(used, np.where(weights > 0, weights, 1.0), 0.0)
    weight[used.sum(axis=1) == 1] = 1.0
    return np.asarray(softmax(np.einsum("ij,ijc->ic", weight * used, logs), axis=1))


def _wrong_numbers(temperatures: Floats, weights: Floats, offsets: Floats) -> str:
    if not (np.isfinite(temperatures) & (temperatures > 0)).all():
        return "its temperatures must be above 0"
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        return "its weights must be 0 or more, and one of them above 0"
    if not np.isfinite(offsets).all():
        return "its offsets must be finite numbers"
    return ""


def choose_pool(sets: Sequence[ChoosingSet]) -> CalibratedPool:
    """Temperatures and weights by corpora that the models were not trained on.

    1. The temperature of a model: that under which the labels of all corpora which judge it are
       likeliest; a corpus counts as much as another. 1 for a model that none judges. Its offsets
       likewise (:func:`shared_offsets`), if they help on corpora that they were not fitted on.
       Corpora of fewer than :data:`LEAST` clips have no part in either.
    2. The shares of the weights, by the corpora that judge two models or more: those with the best
       mean UAR, of all with which the pool is not worse than the best single model on any corpus,
       calibrated or not. A corpus of fewer than :data:`LEAST` clips may lose one clip, which is
       chance, and has no part in the mean if another has as many.
       Where there are none such, those with the smallest loss on any corpus. Of two models, shares
       in steps of 1 / :data:`STEPS` are tried, of more equal shares of each subset. Without such a
       corpus, shares are equal. A model that no corpus judges beside another has the weight 0.
    3. The sum of the weights: that under which the labels of these corpora are likeliest. Without
       one of :data:`LEAST` clips, the largest weight is 1.

    Raises
    ------
    ParameterError : no corpus, or of different numbers of models or classes.
    FusionDataError : no model found anything.
    """
    if not sets or len({one.p.shape[1:] for one in sets}) != 1:
        raise ParameterError("give one corpus at least, all of the same models and classes")
    m, k = sets[0].p.shape[1:]
    judged = np.array([one.judged for one in sets])
    if not judged.any():
        raise FusionDataError("no model found anything in these clips")
    temperatures, offsets = np.ones(m), np.zeros((m, k))
    for j in range(m):
        seen = _large([own for one in sets if (own := one.own(j)) is not None])
        offsets[j] = _offsets_that_help(seen, k)
        temperatures[j], offsets[j] = _calibration(seen, offsets[j])
    pairs = [one for one in sets if one.judged.sum() > 1]
    if not pairs:
        return CalibratedPool.of(temperatures, judged.any(axis=0), offsets, n_classes=k)
    able: NDArray[np.bool_] = np.asarray(np.array([one.judged for one in pairs]).any(axis=0))
    goals = [_best_single(one, temperatures, offsets) - _chance(one) for one in pairs]
    best, weights = (-np.inf, -np.inf, -np.inf), able / able.sum()
    for shares in _shares(able):
        pool = CalibratedPool.of(temperatures, shares, offsets, n_classes=k)
        scores = [uar_of(pool.fuse_set(one), one.y) for one in pairs]
        worst = min(*(score - goal for score, goal in zip(scores, goals, strict=True)), 0.0)
        judges = [score for score, one in zip(scores, pairs, strict=True) if _is_large(one)]
        # of equal ones the nearest to equal shares
        rank = (
            _rounded(worst), _rounded(float(np.mean(judges or scores))),
            -float(np.abs(shares - able / able.sum()).sum()),
        )  # fmt: skip
        if rank > best:
            best, weights = rank, shares
    scale = 1.0
    if (weights > 0).sum() > 1:
        pool = CalibratedPool.of(temperatures, weights, offsets, n_classes=k)
        several = [(one, (one.found & (weights > 0)).sum(axis=1) > 1) for one in pairs]
        fused = [(pool.fuse_set(s)[rows], s.y[rows]) for s, rows in several]
        large = [own for own in fused if len(own[1]) >= LEAST]
        scale = 1 / shared_temperature(large) if large else 1 / weights.max()
    return CalibratedPool.of(temperatures, weights * scale, offsets, n_classes=k)


def _large(seen: Sequence[tuple[Floats, Ints]]) -> list[tuple[Floats, Ints]]:
    """Those of :data:`LEAST` clips and more; all, if none has as many."""
    return [own for own in seen if len(own[1]) >= LEAST] or list(seen)


def _calibration(seen: Sequence[tuple[Floats, Ints]], offsets: Floats) -> tuple[float, Floats]:
    """Temperature and offsets of a model, whose confidence is right with both."""
    if not seen:
        return 1.0, offsets
    if not offsets.any():
        return shared_temperature(seen), offsets
    leant = [(softmax(evidence(p, "log") + offsets, axis=1), y) for p, y in seen]
    temperature = shared_temperature(leant)
    return temperature, offsets / temperature


def _offsets_that_help(seen: Sequence[tuple[Floats, Ints]], k: int) -> Floats:
    """Offsets (k,) to logarithms as they are; 0 unless each corpus gains by those of the others.

    They are used if the mean UAR of the corpora is higher with offsets fitted on the others, and
    none loses more than :data:`MOST_LOST` by it.
    """
    if len(seen) < 2:
        return np.zeros(k)
    gains = []
    for i, (p, y) in enumerate(seen):
        others = shared_offsets([own for n, own in enumerate(seen) if n != i])
        gains.append(uar_of(evidence(p, "log") + others, y) - uar_of(p, y))
    if np.mean(gains) <= 0 or min(gains) < -MOST_LOST:
        return np.zeros(k)
    return shared_offsets(seen)


def shared_offsets(seen: Sequence[tuple[Floats, Ints]]) -> Floats:
    """What to add to the logarithms of a model that leans to some classes on every corpus.

    Fitted by log loss together with a temperature, shrunk to 0 by :data:`SHRINKAGE`. Corpora count
    as much as one another, and so do the classes of a corpus; classes that it lacks have no part.

    Parameters
    ----------
    seen : of each corpus probabilities (n, k) and labels (n,).

    Returns
    -------
    (k,) with the mean 0, for logarithms at the temperature 1.
    """
    k = seen[0][0].shape[1]
    parts = []
    for p, y in seen:
        counts = np.bincount(y, minlength=k)
        lacking = np.where(counts > 0, 0.0, -np.inf)
        worth = 1 / (counts[y] * (counts > 0).sum())
        parts.append((evidence(p, "log"), y, worth, lacking))

    def loss(x: Floats) -> tuple[float, Floats]:
        slope, b = x[0], x[1:]
        total, gradient = SHRINKAGE * float(b @ b), np.concatenate([[0.0], 2 * SHRINKAGE * b])
        for log, y, worth, lacking in parts:
            z = log_softmax(slope * log + b + lacking, axis=1)
            away = np.exp(z)
            away[np.arange(len(y)), y] -= 1
            away *= worth[:, None] / len(parts)
            total -= float((worth * z[np.arange(len(y)), y]).sum()) / len(parts)
            gradient[0] += float((away * log).sum())
            gradient[1:] += away.sum(axis=0)
        return total, gradient

    start = np.concatenate([[1.0], np.zeros(k)])
    bounds = [(1 / HOTTEST, 1 / COLDEST), *([(None, None)] * k)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    offsets = np.asarray(found.x[1:] / found.x[0])
    centred: NDArray[np.float64] = offsets - offsets.mean()
    return centred


def shared_temperature(seen: Sequence[tuple[Floats, Ints]]) -> float:
    """The temperature under which the labels of several corpora are likeliest.

    Parameters
    ----------
    seen : of each corpus probabilities (n, k) and labels (n,); a corpus counts as much as another.

    Returns
    -------
    ``calibration.COLDEST`` .. ``calibration.HOTTEST``.
    """
    logs = [(evidence(p, "log"), y) for p, y in seen if len(y)]
    if not logs or max(np.ptp(log, axis=1).max() for log, _ in logs) < _UNIFORM:
        return 1.0

    def loss(log_t: float) -> float:
        each = (
            -log_softmax(log / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()
            for log, y in logs
        )
        return float(np.mean(list(each)))

    ends = float(np.log(COLDEST)), float(np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def uar_of(p: Floats, y: Ints) -> float:
    """Mean over the classes that occur of the share that is right; 0..1."""
    right = p.argmax(axis=1) == y
    return float(np.mean([right[y == c].mean() for c in np.unique(y)]))


def _best_single(one: ChoosingSet, temperatures: Floats, offsets: Floats) -> float:
    """UAR of the best single model of a corpus, calibrated or not."""
    scores = []
    for j in np.flatnonzero(one.judged):
        logs = evidence(one.p[:, j], "log")
        if j not in one.calibrated:
            scores.append(uar_of(logs / temperatures[j] + offsets[j] * one.found[:, [j]], one.y))
        scores.append(uar_of(logs, one.y))
    return max(scores)


def _is_large(one: ChoosingSet) -> bool:
    return len(one.y) >= LEAST


def _chance(one: ChoosingSet) -> float:
    """UAR that a corpus may lose: of a small one, a single clip of its rarest class."""
    counts = np.unique(one.y, return_counts=True)[1]
    return 0.0 if _is_large(one) else 1 / (counts.min() * len(counts))


def _rounded(value: float) -> float:
    return round(value / _EQUAL) * _EQUAL


def _shares(able: NDArray[np.bool_]) -> Iterator[Floats]:
    """Weights (m,) that sum to one, of the models that may have one."""
    places = np.flatnonzero(able)
    shares = np.zeros(len(able))
    if len(places) == 2:
        for step in range(STEPS + 1):
            shares[places] = step / STEPS, 1 - step / STEPS
            yield shares.copy()
        return
    sizes = range(1, len(places) + 1) if len(places) <= MANY else [len(places)]
    for size in sizes:
        for some in combinations(places.tolist(), size):
            shares[:] = 0.0
            shares[list(some)] = 1 / size
            yield shares.copy()
