"""Bagging of hundreds of independent searches (section 4.4.2, submission 10).

The weights of one search vary a lot from run to run, for many weightings are right equally often.
Each of many searches uses another resample of the clips; the weights that they find are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from emonets.errors import BundleError, ParameterError
from emonets.fusion.average import PooledFusion
from emonets.fusion.base import Fusion
from emonets.fusion.common import (
    DOMAINS,
    Arrays,
    Floats,
    FusionDataError,
    Ints,
    check_max_clips,
    pool,
)
from emonets.fusion.search import RandomSearch
from emonets.fusion.shared_search import can_share, search_together
from emonets.learners.checks import check_choice, check_number
from emonets.learners.stored import check_stored

RESAMPLES = ("bootstrap", "half")
COMBINATIONS = ("weights", "probabilities")
_TRIES = 100  # resamples drawn until one holds two classes


def resample(
    random: np.random.RandomState,
    target: Ints,
    groups: NDArray[Any] | None = None,
    how: str = "bootstrap",
) -> Ints:
    """Clips of one resample, with two classes at least among them.

    "bootstrap": as many clips, or groups, as there are, with replacement. "half": half of them,
    without. With groups a clip comes only with all of its group.

    Raises
    ------
    FusionDataError : no resample with two classes is found.
    """
    names = np.arange(len(target)) if groups is None else groups
    _, of = np.unique(names, return_inverse=True)
    members = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
    count = len(members)
    for _ in range(_TRIES):
        if how == "bootstrap":
            drawn = random.randint(count, size=count)
        else:
            drawn = random.permutation(count)[: max(1, count // 2)]
        rows = np.concatenate([members[g] for g in drawn])
        if (target[rows] != target[rows[0]]).any():
            return np.asarray(rows, dtype=np.intp)
    raise FusionDataError(
        f"{_TRIES} resamples of the {count} {'clips' if groups is None else 'groups'} held one "
        "class only; there are too few to bag"
    )


class BaggedFusion(MetaEstimatorMixin, Fusion):  # type: ignore[misc]
    """Mean of many pooled fusions, each fitted on a resample of the clips.

    Parameters
    ----------
    estimator : what is fitted, a :class:`PooledFusion`; None: a :class:`RandomSearch` of 20,000
        uniform and 20,000 local trials.
    n_estimators : how many (the paper: 350).
    resampling : "bootstrap" or "half", of whole groups where ``fit`` is given groups.
    combine : "weights": one pool with the mean of the weights. "probabilities": the mean of the
        pools' probabilities.
    max_clips : of more clips than this the searches share one set of weightings, which makes the
        time grow with the clips only (``shared_search``); None: never. Other estimators than
        searches are fitted one by one all the same.
    n_jobs : processes (joblib); does not change the result.
    random_state : of the resamples and of each search.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    weights_ : (m, k), the mean of ``all_weights_``.
    all_weights_ : (n_estimators, m, k).
    scores_ : (n_estimators,) of each search on its own resample; NaN without searches.
    limited_ : in a few words, what was done differently because of ``max_clips``; or empty.
    """

    kind = "bagged"

    def __init__(
        self,
        estimator: PooledFusion | None = None,
        *,
        n_estimators: int = 350,
        resampling: str = "bootstrap",
        combine: str = "weights",
        max_clips: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.resampling = resampling
        self.combine = combine
        self.max_clips = max_clips
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        inner = RandomSearch() if self.estimator is None else self.estimator
        if not isinstance(inner, PooledFusion):
            raise ParameterError(
                f"only fusions with weights can be bagged; {type(inner).__name__} has none"
            )
        random = check_random_state(self.random_state)
        seeds = random.randint(2**31, size=self.n_estimators)
        self.limited_ = ""
        if self.max_clips is not None and len(p) > self.max_clips and can_share(inner):
            return self._fit_together(inner, seeds, p, target, groups)
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_one)(inner, int(seed), p, target, groups, self.resampling)
            for seed in seeds
        )
        self.all_weights_ = np.stack([w for w, _, _ in fitted])
        self.scores_ = np.array([score for _, score, _ in fitted])
        self.domain_ = str(fitted[0][2])
        self.weights_ = self.all_weights_.mean(axis=0)

    def _fit_together(
        self, inner: RandomSearch, seeds: Ints, p: Floats, target: Ints,
        groups: NDArray[Any] | None,
    ) -> None:  # fmt: skip
        inner._check_parameters()
        drawn = [
            resample(np.random.RandomState(seed), target, groups, self.resampling) for seed in seeds
        ]
        found = search_together(inner, p, target, drawn, int(seeds[0]))
        self.all_weights_, self.scores_ = found.weights, found.scores
        self.domain_ = inner.domain
        if self.domain_ == "log":
            self.all_weights_ = self.all_weights_ * p.shape[1]
        self.weights_ = self.all_weights_.mean(axis=0)
        self.limited_ = f"all {len(seeds)} searches share their weightings"

    def _fuse(self, p: Floats) -> Floats:
        if self.combine == "weights":
            return pool(p, self.weights_, self.domain_)
        total = np.zeros((len(p), p.shape[2]))
        for weights in self.all_weights_:
            total += pool(p, weights, self.domain_)
        return total / len(self.all_weights_)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("n_estimators", self.n_estimators, 1, np.inf, high_in=False)
        check_choice("resampling", self.resampling, RESAMPLES)
        check_max_clips(self.max_clips)
        check_choice("combine", self.combine, COMBINATIONS)

    def _settings(self) -> dict[str, Any]:
        return {"domain": self.domain_, "combine": self.combine}

    def _arrays(self) -> Arrays:
        if self.combine == "weights":
            return {"weights": self.weights_[None]}
        return {"weights": self.all_weights_}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        check_stored(
            "the bagged fusion", arrays, {"weights": (None, self.n_models_, len(self.classes_))}
        )
        if settings["domain"] not in DOMAINS or settings["combine"] not in COMBINATIONS:
            raise BundleError("the bagged fusion's domain or combination is unknown")
        self.all_weights_ = np.array(arrays["weights"], dtype=np.float64)
        if not len(self.all_weights_):
            raise BundleError("the bagged fusion holds no weights")
        self.domain_, self.combine = str(settings["domain"]), str(settings["combine"])
        self.weights_ = self.all_weights_.mean(axis=0)
        self.scores_ = np.full(len(self.all_weights_), np.nan)


def _fit_one(
    estimator: PooledFusion, seed: int, p: Floats, target: Ints, groups: NDArray[Any] | None,
    how: str,
) -> tuple[Floats, float, str]:  # fmt: skip
    """Weights, score and domain of one estimator on one resample."""
    random = np.random.RandomState(seed)
    rows = resample(random, target, groups, how)
    one = clone(estimator)
    if "random_state" in one.get_params(deep=False):
        one.set_params(random_state=int(random.randint(2**31)))
    one.fit(p[rows], target[rows], groups=None if groups is None else groups[rows])
    return one.weights_, float(getattr(one, "score_", np.nan)), one.domain_
