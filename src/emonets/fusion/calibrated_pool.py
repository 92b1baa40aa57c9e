"""A pool of calibrated models, chosen on several corpora that none of them was trained on.

Each model has a temperature, and the pool a weight for each: p[c] ∝ Π_j p_j[c] ^ (w_j / T_j). A
temperature is fitted on all corpora that judge its model, a corpus counting as much as another. The
weights are those with which the pool is never worse than the better model on any corpus, as far as
there are such (:func:`choose_pool`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
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

    Raises
    ------
    FusionDataError : as :meth:`emonets.fusion.base.Fusion.fit`.
    """

    name: str
    p: Floats
    y: Ints
    found: NDArray[np.bool_]

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


class CalibratedPool(Fusion):
    """Weighted product of the models at temperatures of their own.

    A model that found nothing, 1/k for each class, has no part in it. Where one model alone found
    something, its probabilities at its temperature are the result, whatever its weight. Where no
    model with a weight above 0 found anything, the others are multiplied.

    Parameters
    ----------
    n_models, uniform_models : see ``base``; of every fusion.

    Attributes
    ----------
    temperatures_ : (m,), above 0.
    weights_ : (m,), from 0. Their ratios decide the label, their sum the confidence.

    Examples
    --------
    >>> pool = CalibratedPool.of([2.0, 1.0], [0.5, 0.5], n_classes=2)
    >>> one = [[0.9, 0.1], [0.5, 0.5]]  # the second found nothing
    >>> pool.predict_proba([one]).round(2)
    array([[0.75, 0.25]])
    """

    kind = "calibrated pool"
    calibrates_alone = True

    def __init__(self, *, n_models: int | None = None, uniform_models: Sequence[int] = ()) -> None:
        self.n_models = n_models
        self.uniform_models = uniform_models

    @classmethod
    def of(
        cls, temperatures: ArrayLike, weights: ArrayLike, *, n_classes: int = len(EMOTIONS)
    ) -> Self:
        """A fitted pool of given numbers: temperatures (m,), above 0, and weights (m,), from 0.

        Raises
        ------
        ParameterError : other shapes or ranges, or no weight above 0.
        """
        t, w = (np.asarray(x, dtype=np.float64) for x in (temperatures, weights))
        if t.ndim != 1 or t.shape != w.shape or not len(t):
            raise ParameterError(
                f"temperatures {t.shape} and weights {w.shape} must be one a model each"
            )
        if wrong := _wrong_numbers(t, w):
            raise ParameterError(wrong)
        made = cls()
        made._be_fitted(len(t), np.arange(n_classes))
        made.temperatures_, made.weights_ = t, w
        return made

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        found = np.ptp(p, axis=2) > _UNIFORM
        chosen = choose_pool([ChoosingSet("the training data", p, target, found)])
        self.temperatures_, self.weights_ = chosen.temperatures_, chosen.weights_

    def _fuse(self, p: Floats) -> Floats:
        found = np.ptp(p, axis=2) > _UNIFORM
        used = found & (self.weights_ > 0)
        used = np.where(used.any(axis=1, keepdims=True), used, found)
        weight = np.where(used, np.where(self.weights_ > 0, self.weights_, 1.0), 0.0)
        weight[used.sum(axis=1) == 1] = 1.0
        weight *= used
        logs = evidence(p, "log") / self.temperatures_[:, None]
        return np.asarray(softmax(np.einsum("ij,ijc->ic", weight, logs), axis=1))

    def _arrays(self) -> Arrays:
        return {"temperatures": self.temperatures_, "weights": self.weights_}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        m = self.n_models_
        check_stored("the pool", arrays, {"temperatures": (m,), "weights": (m,)})
        self.temperatures_ = np.array(arrays["temperatures"], dtype=np.float64)
        self.weights_ = np.array(arrays["weights"], dtype=np.float64)
        if wrong := _wrong_numbers(self.temperatures_, self.weights_):
            raise BundleError(f"the pool is damaged: {wrong}")


def _wrong_numbers(temperatures: Floats, weights: Floats) -> str:
    if not (np.isfinite(temperatures) & (temperatures > 0)).all():
        return "its temperatures must be above 0"
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        return "its weights must be 0 or more, and one of them above 0"
    return ""


def choose_pool(sets: Sequence[ChoosingSet]) -> CalibratedPool:
    """Temperatures and weights by corpora that the models were not trained on.

    1. The temperature of a model: that under which the labels of all corpora which judge it are
       likeliest; a corpus counts as much as another. 1 for a model that none judges.
    2. The shares of the weights, by the corpora that judge two models or more: those with the best
       mean UAR, of all with which the pool is not worse than the best single model on any corpus.
       Where there are none such, those with the smallest loss on any corpus. Of two models, shares
       in steps of 1 / :data:`STEPS` are tried, of more equal shares of each subset. Without such a
       corpus, shares are equal. A model that no corpus judges beside another has the weight 0.
    3. The sum of the weights: that under which the labels of these corpora are likeliest.

    Raises
    ------
    ParameterError : no corpus, or of different numbers of models or classes.
    FusionDataError : no model found anything.
    """
    if not sets or len({one.p.shape[1:] for one in sets}) != 1:
        raise ParameterError("give one corpus at least, all of the same models and classes")
    m = sets[0].p.shape[1]
    judged = np.array([one.judged for one in sets])
    if not judged.any():
        raise FusionDataError("no model found anything in these clips")
    temperatures = np.ones(m)
    for j in range(m):
        own = [s for s in sets if s.judged[j]]
        if own:
            seen = [(s.p[s.found[:, j], j], s.y[s.found[:, j]]) for s in own]
            temperatures[j] = shared_temperature(seen)
    pairs = [one for one in sets if one.judged.sum() > 1]
    if not pairs:
        return CalibratedPool.of(temperatures, judged.any(axis=0), n_classes=sets[0].p.shape[2])
    able = np.array([one.judged for one in pairs]).any(axis=0)
    best, weights = (-np.inf, -np.inf, -np.inf), able / able.sum()
    for shares in _shares(able):
        losses, scores = zip(*(_compared(one, shares, temperatures) for one in pairs), strict=True)
        worst, mean = min(*losses, 0.0), float(np.mean(scores))
        # of equal ones the nearest to equal shares
        rank = (_rounded(worst), _rounded(mean), -float(np.abs(shares - able / able.sum()).sum()))
        if rank > best:
            best, weights = rank, shares
    k = sets[0].p.shape[2]
    scale = 1.0
    if (weights > 0).sum() > 1:
        pool = CalibratedPool.of(temperatures, weights, n_classes=k)
        several = [(s, (s.found & (weights > 0)).sum(axis=1) > 1) for s in pairs]
        fused = [(pool._fuse(s.p[rows]), s.y[rows]) for s, rows in several if rows.any()]
        if fused:
            scale = 1 / shared_temperature(fused)
    return CalibratedPool.of(temperatures, weights * scale, n_classes=k)


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


def _compared(one: ChoosingSet, shares: Floats, temperatures: Floats) -> tuple[float, float]:
    """UAR of a pool less that of the best single model of a corpus, and its own."""
    pool = CalibratedPool.of(temperatures, shares, n_classes=one.p.shape[2])
    own = uar_of(pool._fuse(one.p), one.y)
    return own - max(uar_of(one.p[:, j], one.y) for j in np.flatnonzero(one.judged)), own


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
