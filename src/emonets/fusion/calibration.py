"""Calibrated probabilities: temperatures, and when to abstain.

A temperature T makes p into p^(1/T), normalised (Guo et al. 2017): above 1 less confident, below 1
more. It changes no model's label. It does change a pool of several models, in which an
overconfident one outvotes the others. The error of probabilities is measured by
``evaluation.metrics.expected_calibration_error``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import check_random_state

from emonets.errors import BundleError, ParameterError
from emonets.fusion.average import ProductFusion
from emonets.fusion.base import Fusion, inner_fusion
from emonets.fusion.common import (
    FLOOR,
    Arrays,
    Floats,
    FusionDataError,
    Ints,
    check_labels,
    check_probabilities,
)
from emonets.fusion.protocols import inner_folds
from emonets.learners.checks import check_number
from emonets.learners.stored import check_stored

COLDEST, HOTTEST = 0.05, 20.0
"""Ends of the temperatures that are tried."""
_LEAST = 10  # an accuracy over fewer clips is not used


def with_temperature(p: ArrayLike, temperature: ArrayLike) -> Floats:
    """p^(1/T), normalised along the last axis; ``temperature`` broadcasts against p[..., 0]."""
    t = np.asarray(temperature, dtype=np.float64)[..., None]
    return np.asarray(softmax(np.log(np.maximum(p, FLOOR)) / t, axis=-1))


def fit_temperature(p: ArrayLike, target: ArrayLike) -> float:
    """The temperature under which the labels are likeliest.

    Parameters
    ----------
    p : (n, k) probabilities of clips that their model was not trained on. target : (n,) 0..k-1.

    Returns
    -------
    :data:`COLDEST` .. :data:`HOTTEST`; 1 where all rows of p are uniform.
    """
    log = np.log(np.maximum(np.asarray(p, dtype=np.float64), FLOOR))
    y = np.asarray(target)
    rows = np.arange(len(y))
    if np.ptp(log, axis=1).max(initial=0.0) < 1e-9:
        return 1.0

    def loss(log_t: float) -> float:
        return -float(log_softmax(log / np.exp(log_t), axis=1)[rows, y].mean())

    ends = float(np.log(COLDEST)), float(np.log(HOTTEST))
    best = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))


class CalibratedFusion(MetaEstimatorMixin, Fusion):  # type: ignore[misc]
    """Any fusion, with temperatures before and after it.

    Parameters
    ----------
    estimator : the fusion; None: the product of all models.
    before : give each model a temperature of its own before they are fused.
    after : give the fused probabilities one. It is fitted to probabilities of clips that the fusion
        was not fitted on, by folds of whole groups, for a fusion is more confident on its own
        training clips.
    cv : folds for that.
    random_state : of the folds.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    temperatures_ : (m,), 1 without ``before``. temperature_ : 1 without ``after``.
    estimator_ : the fusion, fitted on the models at their temperatures.
    """

    kind = "calibrated"

    def __init__(
        self,
        estimator: Fusion | None = None,
        *,
        before: bool = True,
        after: bool = True,
        cv: int = 5,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.estimator = estimator
        self.before = before
        self.after = after
        self.cv = cv
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        fusion = ProductFusion() if self.estimator is None else self.estimator
        m, k = p.shape[1:]
        self.temperatures_ = np.ones(m)
        if self.before:
            self.temperatures_ = np.array([fit_temperature(p[:, j], target) for j in range(m)])
        x = with_temperature(p, self.temperatures_)
        self.temperature_ = 1.0
        if self.after:
            seed = int(check_random_state(self.random_state).randint(2**31))
            fused = np.full((len(p), k), 1 / k)
            for train, test in inner_folds(target, groups, self.cv, seed):
                among = None if groups is None else groups[train]
                one = clone(fusion).fit(x[train], target[train], groups=among)
                fused[test] = one.predict_proba(x[test])
            self.temperature_ = fit_temperature(fused, target)
        self.estimator_ = clone(fusion).fit(x, target, groups=groups)

    def _fuse(self, p: Floats) -> Floats:
        fused = self.estimator_.predict_proba(with_temperature(p, self.temperatures_))
        return with_temperature(fused, self.temperature_)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("cv", self.cv, 2, np.inf, high_in=False)
        if self.estimator is not None and not isinstance(self.estimator, Fusion):
            raise ParameterError(f"estimator must be a fusion, not {self.estimator!r}")

    def _settings(self) -> dict[str, Any]:
        return {"inner": self.estimator_.to_arrays()[0]}

    def _arrays(self) -> Arrays:
        inner = {f"inner.{k}": v for k, v in self.estimator_.to_arrays()[1].items()}
        return {
            "temperatures": self.temperatures_,
            "temperature": np.array([self.temperature_]),
            **inner,
        }

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        check_stored(
            "the calibrated fusion", arrays,
            {"temperatures": (self.n_models_,), "temperature": (1,)},
        )  # fmt: skip
        self.temperatures_ = np.array(arrays["temperatures"], dtype=np.float64)
        self.temperature_ = float(arrays["temperature"][0])
        if not (self.temperatures_ > 0).all() or self.temperature_ <= 0:
            raise BundleError("the calibrated fusion's temperatures are not above 0")
        self.estimator_ = inner_fusion(settings["inner"], arrays, "inner.")
        if self.estimator_.n_models_ != self.n_models_:
            raise BundleError("the calibrated fusion and its inner fusion do not fit each other")


def risk_coverage(p: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Share of clips that keep a label, and their accuracy, the most confident clips first.

    Parameters
    ----------
    p : (n, k) probabilities. y : (n,) labels as ``common.check_labels`` takes them.

    Returns
    -------
    coverage, accuracy : (n,) each; entry i is of the i + 1 most confident clips. Equally confident
    clips have no order, so each counts as their mean.
    """
    right, confidence = _rated(p, y)
    order = np.argsort(-confidence, kind="stable")
    _, tied = np.unique(-confidence[order], return_inverse=True)
    mean = np.bincount(tied, weights=right[order]) / np.bincount(tied)
    kept = np.arange(1, len(right) + 1)
    return kept / len(right), np.cumsum(mean[tied]) / kept


def _rated(p: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    x = check_probabilities(np.asarray(p)[:, None] if np.ndim(p) == 2 else p)
    if x.shape[1] != 1:
        raise FusionDataError(f"expected fused probabilities (clips, classes), got {np.shape(p)}")
    _, target = check_labels(y, x.shape[2], len(x))
    return (x[:, 0].argmax(axis=1) == target).astype(np.float64), x[:, 0].max(axis=1)


@dataclass(frozen=True)
class Abstainer:
    """Labels clips "uncertain" whose largest probability is below a threshold.

    Attributes
    ----------
    threshold : 0..1.
    coverage : the share of clips that kept a label, of those the threshold was chosen on.
    accuracy : of these clips. accuracy_of_all : of all clips, with no threshold.
    n : clips it was chosen on.
    """

    threshold: float
    coverage: float
    accuracy: float
    accuracy_of_all: float
    n: int

    @classmethod
    def for_coverage(cls, p: ArrayLike, y: ArrayLike, coverage: float) -> Self:
        """The highest threshold with which at least this share of the clips keeps a label.

        Parameters
        ----------
        p : (n, k) fused probabilities of clips that the fusion was not fitted on. y : (n,) labels.
        coverage : above 0, to 1.
        """
        check_number("coverage", coverage, 0, 1, low_in=False)
        right, confidence = _rated(p, y)
        count = int(np.ceil(coverage * len(right) - 1e-9))
        return cls._at(float(np.sort(confidence)[::-1][max(count, 1) - 1]), right, confidence)

    @classmethod
    def for_accuracy(cls, p: ArrayLike, y: ArrayLike, accuracy: float) -> Self:
        """The lowest threshold above which at least this share is right.

        Raises
        ------
        DataError : there is none that leaves ten clips or more with a label.
        """
        check_number("accuracy", accuracy, 0, 1, low_in=False)
        right, confidence = _rated(p, y)
        for threshold in np.unique(confidence):
            kept = confidence >= threshold
            if kept.sum() < min(_LEAST, len(right)):
                break
            if right[kept].mean() >= accuracy - 1e-12:
                return cls._at(float(threshold), right, confidence)
        raise FusionDataError(
            f"no threshold makes {accuracy:.1%} of {_LEAST} clips or more right; of all clips "
            f"{right.mean():.1%} are. Give a lower accuracy"
        )

    @classmethod
    def _at(cls, threshold: float, right: Floats, confidence: Floats) -> Self:
        kept = confidence >= threshold
        return cls(
            threshold, float(kept.mean()), float(right[kept].mean()), float(right.mean()),
            len(right),
        )  # fmt: skip

    def sure(self, p: ArrayLike) -> NDArray[np.bool_]:
        """Whether each row of probabilities (n, k) keeps its label: (n,)."""
        return np.asarray(np.asarray(p).max(axis=-1) >= self.threshold)

    def to_settings(self) -> dict[str, float | int]:
        """Plain numbers for a bundle."""
        return {
            "threshold": self.threshold, "coverage": self.coverage, "accuracy": self.accuracy,
            "accuracy_of_all": self.accuracy_of_all, "n": self.n,
        }  # fmt: skip

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_settings`; raises BundleError for anything else."""
        try:
            numbers = {k: float(settings[k]) for k in cls.__dataclass_fields__}
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the abstainer's settings are incomplete: {error!r}") from None
        if not all(0 <= numbers[k] <= 1 for k in numbers if k != "n"):
            raise BundleError("the abstainer's settings are not shares between 0 and 1")
        return cls(
            numbers["threshold"], numbers["coverage"], numbers["accuracy"],
            numbers["accuracy_of_all"], int(numbers["n"]),
        )  # fmt: skip
