"""The paper's search for hyperparameters: coarse, then fine (section 4.2).

First every combination of whole powers of ten; then every combination of the best of them times
non-integer powers of two. The winner is trained on all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import StratifiedGroupKFold, check_cv
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from emonets.errors import ParameterError
from emonets.learners.folds import Fold

Point = dict[str, float]

COARSE: dict[str, tuple[float, ...]] = {
    "C": (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0),
    "gamma": (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0),
}
"""Powers of ten for the two numbers of an RBF machine."""

EXPONENTS: tuple[float, ...] = (-1.6, -1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2, 1.6)
"""Powers of two around the best power of ten: 1.66 is half the way to the next one."""


def grid_points(values: Mapping[str, Sequence[float]]) -> list[Point]:
    """Every combination, the last parameter changing fastest."""
    return [
        dict(zip(values, combination, strict=True)) for combination in product(*values.values())
    ]


def grid_scores(
    estimator: Any,
    points: Sequence[Point],
    X: NDArray[Any],
    y: NDArray[Any],
    folds: Sequence[Fold],
    *,
    scoring: str | Callable[..., float] = "accuracy",
    groups: NDArray[Any] | None = None,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Score of every point on every fold, higher being better: (points, folds).

    A clone of ``estimator`` is trained for each, on the fold's training part; ``groups`` reach it
    if its ``fit`` takes them. The result does not depend on ``n_jobs`` (processes, joblib's).
    """
    pairwise = bool(get_tags(estimator).input_tags.pairwise)
    scorer = check_scoring(estimator, scoring=scoring)
    passed = groups if has_fit_parameter(estimator, "groups") else None
    scores = Parallel(n_jobs=n_jobs)(
        delayed(_score)(estimator, point, X, y, fold, scorer, passed, pairwise)
        for point in points
        for fold in folds
    )
    return np.asarray(scores, dtype=np.float64).reshape(len(points), len(folds))


def best_point(points: Sequence[Point], scores: NDArray[np.float64]) -> int:
    """Position of the winner: the highest mean over folds; of equals, the smallest values.

    Means nearer than 1e-12 are equal. Among equals the first parameter decides, then the second:
    of two machines that do as well, the one with the smaller C is the smoother.
    """
    means = np.round(scores.mean(axis=1), 12)
    ranked = [(-means[i], *points[i].values(), i) for i in range(len(points))]
    return int(min(ranked)[-1])


def _score(
    estimator: Any, point: Point, X: NDArray[Any], y: NDArray[Any], fold: Fold,
    scorer: Callable[..., float], groups: NDArray[Any] | None, pairwise: bool,
) -> float:  # fmt: skip
    train, test = fold
    machine = clone(estimator).set_params(**point)
    extra = {} if groups is None else {"groups": groups[train]}
    machine.fit(X[np.ix_(train, train)] if pairwise else X[train], y[train], **extra)
    return float(scorer(machine, X[np.ix_(test, train)] if pairwise else X[test], y[test]))


def _estimator_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        return hasattr(getattr(self, "best_estimator_", self.estimator), method)

    return check


class TwoStageGridSearch(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Grid search over powers of ten, then of two, around any classifier.

    Parameters
    ----------
    estimator : the classifier to tune.
    coarse : parameter → values of the first stage, all above 0; None for :data:`COARSE`.
    exponents : the second stage tries the best value of each parameter times 2 to each of these.
        ``(0.0,)`` leaves it out.
    cv : number of folds (stratified, and of whole groups where ``fit`` is given groups), a
        splitter of scikit-learn's kind, or a list of (train, test). Not used where ``fit`` is
        given a validation set, which is how the paper chose.
    scoring : as for scikit-learn; "balanced_accuracy" is the unweighted average recall.
    n_jobs : processes (joblib); does not change the result.

    Attributes
    ----------
    best_estimator_ : trained on all of X with ``best_params_``.
    best_params_, best_score_ : the winner's; see :func:`best_point` for ties.
    results_ : one dict a point: stage (1 or 2), params, score (mean), scores (one a fold).
    classes_, n_features_in_
    """

    def __init__(
        self,
        estimator: Any,
        *,
        coarse: Mapping[str, Sequence[float]] | None = None,
        exponents: Sequence[float] = EXPONENTS,
        cv: Any = 5,
        scoring: str | Callable[..., float] = "accuracy",
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.coarse = coarse
        self.exponents = exponents
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = get_tags(self.estimator).input_tags.pairwise
        return tags

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        X_valid: ArrayLike | None = None,
        y_valid: ArrayLike | None = None,
    ) -> Self:
        """Search, then train the winner on X and y.

        Parameters
        ----------
        X : (n, d); y : (n,).
        groups : (n,) of samples that must share a fold; also passed on to the estimator.
        X_valid, y_valid : score on these instead of on folds, as the paper did; for a
            precomputed kernel, validation samples × training samples. The winner is trained on X
            alone.

        Raises
        ------
        ParameterError : an unknown parameter, values that are not above 0, folds or validation
            data that do not fit.
        """
        x, labels = validate_data(self, X, y)
        check_classification_targets(labels)
        coarse = self._coarse()
        if np.ndim(self.exponents) != 1 or not np.isfinite(self.exponents).all():
            raise ParameterError(f"exponents must be a list of numbers, not {self.exponents!r}")
        group = None if groups is None else np.asarray(groups)
        if group is not None and group.shape != labels.shape:
            raise ParameterError(f"groups {group.shape} must have one entry a sample")
        if (X_valid is None) != (y_valid is None):
            raise ParameterError("X_valid and y_valid go together; give both or neither")
        table, target, folds = x, labels, self._folds(x, labels, group, X_valid is None)
        if X_valid is not None:
            table, target, folds = self._with_validation(x, labels, X_valid, y_valid)

        results: list[dict[str, Any]] = []
        scored: dict[tuple[float, ...], NDArray[np.float64]] = {}
        points = grid_points(coarse)
        for stage in (1, 2):
            fresh = [p for p in points if tuple(p.values()) not in scored]
            scores = grid_scores(
                self.estimator, fresh, table, target, folds,
                scoring=self.scoring, groups=group, n_jobs=self.n_jobs,
            )  # fmt: skip
            for point, row in zip(fresh, scores, strict=True):
                scored[tuple(point.values())] = row
                results.append(
                    {"stage": stage, "params": point, "score": float(row.mean()),
                     "scores": row.tolist()}
                )  # fmt: skip
            every = [r["params"] for r in results]
            best = best_point(every, np.array([r["scores"] for r in results]))
            points = grid_points(
                {
                    k: [v * 2.0**e if e else v for e in self.exponents]
                    for k, v in every[best].items()
                }
            )
        self.results_ = results
        self.best_params_ = dict(results[best]["params"])
        self.best_score_ = results[best]["score"]
        extra = {}
        if group is not None and has_fit_parameter(self.estimator, "groups"):
            extra["groups"] = group
        self.best_estimator_ = clone(self.estimator).set_params(**self.best_params_)
        self.best_estimator_.fit(x, labels, **extra)
        self.classes_ = self.best_estimator_.classes_
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The winner's classes, (n,)."""
        return np.asarray(self._best("predict", X))

    @available_if(_estimator_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The winner's probabilities, (n, k)."""
        return np.asarray(self._best("predict_proba", X))

    @available_if(_estimator_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """The winner's decision values."""
        return np.asarray(self._best("decision_function", X))

    def _best(self, method: str, X: ArrayLike) -> Any:
        check_is_fitted(self, "best_estimator_")
        return getattr(self.best_estimator_, method)(validate_data(self, X, reset=False))

    def _coarse(self) -> dict[str, list[float]]:
        coarse = COARSE if self.coarse is None else self.coarse
        valid = self.estimator.get_params()
        for name, values in coarse.items():
            if name not in valid:
                raise ParameterError(
                    f"{type(self.estimator).__name__} has no parameter {name!r}; "
                    f"it has {', '.join(sorted(valid))}"
                )
            v = np.asarray(values)
            if v.ndim != 1 or not v.size or v.dtype.kind not in "iuf" or not (v > 0).all():
                raise ParameterError(f"coarse[{name!r}] must be numbers above 0, not {values!r}")
        if not coarse:
            raise ParameterError("coarse is empty; name at least one parameter and its values")
        return {name: [float(v) for v in values] for name, values in coarse.items()}

    def _folds(
        self, x: NDArray[Any], y: NDArray[Any], groups: NDArray[Any] | None, enabled: bool
    ) -> list[Fold]:
        if not enabled:
            return []
        cv = self.cv
        if groups is not None and isinstance(cv, int | np.integer):
            cv = StratifiedGroupKFold(n_splits=int(cv))
        return list(check_cv(cv, y, classifier=True).split(x, y, groups))

    def _with_validation(
        self, x: NDArray[Any], y: NDArray[Any], X_valid: ArrayLike, y_valid: ArrayLike | None
    ) -> tuple[NDArray[Any], NDArray[Any], list[Fold]]:
        """Training and validation data as one table and one fold of it."""
        valid = validate_data(self, X_valid, reset=False)
        target = np.asarray(y_valid)
        if target.shape != (len(valid),):
            raise ParameterError(f"y_valid {target.shape} must have one entry a row of X_valid")
        if get_tags(self.estimator).input_tags.pairwise:
            # Columns stay the training samples'; the missing ones are never read
            padding = np.zeros((len(x) + len(valid), len(valid)))
            table = np.hstack([np.vstack([x, valid]), padding])
        else:
            table = np.vstack([x, valid])
        n = len(x)
        fold = np.arange(n), np.arange(n, n + len(valid))
        return table, np.concatenate([y, target]), [fold]
