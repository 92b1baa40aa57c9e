"""Support vector machines on the models' concatenated probabilities (section 4.2).

Flexible combiners, which overfitted on the paper's data: an RBF machine on the m·k probabilities,
and the same with a scale for each of them out of 0, 1, 2, 3 (28 further numbers for four models),
found by random search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from emonets.errors import BundleError, ParameterError
from emonets.fusion.base import Fusion
from emonets.fusion.common import (
    DOMAINS,
    Arrays,
    Floats,
    FusionDataError,
    Ints,
    check_max_clips,
    drawn_clips,
    evidence,
)
from emonets.fusion.kernel_votes import two_stage_grid, vote_scores
from emonets.fusion.protocols import inner_folds
from emonets.learners.checks import check_choice, check_number
from emonets.learners.folds import Fold
from emonets.learners.grid_search import EXPONENTS
from emonets.learners.stored import check_stored
from emonets.learners.svm.coupled import CoupledSVC

SCALES: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0)


def rows_of(p: Floats, domain: str) -> Floats:
    """The models' probabilities of a clip, concatenated: (n, m, k) → (n, m·k)."""
    return evidence(p, domain).reshape(len(p), -1)


def columns_of(p: Floats, known: Ints, k: int) -> Floats:
    """Probabilities of those classes that were trained on, as columns of all k."""
    out = np.zeros((len(p), k))
    out[:, known] = p
    return out


class SvmFusion(Fusion):
    """The coupled RBF machine on concatenated probabilities.

    Parameters
    ----------
    C, gamma : of the machine; None for either: both by a two-stage grid (powers of ten, then of
        two), on folds of whole groups or on the validation data that ``fit`` is given. The grid
        counts the votes of plain machines; only the winner gets sigmoids.
    coarse, exponents : of the grid, see ``kernel_votes.two_stage_grid``.
    cv : folds of the grid and of the winner's sigmoids.
    scoring : of the grid, as for scikit-learn.
    domain : "probability", or "log" for logarithms of the probabilities.
    max_clips : of more clips than this only so many are used, drawn at random, and half of them to
        choose C, gamma and scales; None: all. The time of a machine grows faster than the square
        of the clips.
    n_jobs : processes (joblib); does not change the result.
    random_state : of the folds.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    machine_ : the fitted ``CoupledSVC``. C_, gamma_ : its numbers.
    score_ : the grid's best; NaN without one.
    scales_ : (m·k,) what each number is multiplied by; ones here.
    limited_ : in a few words, what was done differently because of ``max_clips``; or empty.
    """

    kind = "svm"

    def __init__(
        self,
        *,
        C: float | None = None,
        gamma: float | None = None,
        coarse: Mapping[str, Sequence[float]] | None = None,
        exponents: Sequence[float] = EXPONENTS,
        cv: int = 5,
        scoring: str = "accuracy",
        domain: str = "probability",
        max_clips: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.coarse = coarse
        self.exponents = exponents
        self.cv = cv
        self.scoring = scoring
        self.domain = domain
        self.max_clips = max_clips
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        found: ArrayLike | None = None,
        X_valid: ArrayLike | None = None,
        y_valid: ArrayLike | None = None,
        found_valid: ArrayLike | None = None,
    ) -> Self:
        """See :meth:`Fusion.fit`; with ``X_valid`` and ``y_valid`` numbers are chosen on these.

        The paper trained on predictions of the training clips and chose on those of validation.
        """
        self._valid: tuple[Any, ...] | None = None
        if X_valid is not None:
            if y_valid is None:
                raise ParameterError("X_valid and y_valid go together; give both or neither")
            self._valid = X_valid, y_valid, found_valid
        try:
            super().fit(X, y, groups=groups, found=found)
        finally:
            del self._valid
        return self

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        x = rows_of(p, self.domain)
        random = check_random_state(self.random_state)
        seed, folds_seed, trials_seed = (int(s) for s in random.randint(2**31, size=3))
        self.limited_ = ""
        if self.max_clips is not None and len(x) > self.max_clips:
            rows = drawn_clips(target, self.max_clips, folds_seed)
            x, target = x[rows], target[rows]
            groups = None if groups is None else groups[rows]
            few = drawn_clips(target, self.max_clips // 2, trials_seed)
            self.limited_ = (
                f"fitted on {len(rows):,} of {len(p):,} clips, its numbers chosen on {len(few):,}"
            )
        else:
            few = np.arange(len(x))
        among = None if groups is None else groups[few]
        scored = self._scored_on(x[few], target[few], among, folds_seed)
        self.scales_ = np.ones(x.shape[1])
        self.C_, self.gamma_, self.score_ = self._numbers(*scored)
        self._choose_scales(*scored, np.random.RandomState(trials_seed))
        machine = CoupledSVC(C=self.C_, gamma=self.gamma_, cv=self.cv, random_state=seed)
        self.machine_ = machine.fit(x * self.scales_, target, groups=groups)

    def _scored_on(
        self, x: Floats, target: Ints, groups: NDArray[Any] | None, seed: int
    ) -> tuple[Floats, Ints, list[Fold]]:
        """A table, its labels, and which of it to train on and to score on."""
        if self._valid is None:
            return x, target, inner_folds(target, groups, self.cv, seed)
        X, y, found = self._valid
        valid = rows_of(self._read(X, found), self.domain)
        labels = np.asarray(y)
        if labels.shape != (len(valid),) or not np.isin(labels, self.classes_).all():
            raise FusionDataError("y_valid must be one known label for each clip of X_valid")
        position = np.searchsorted(self.classes_, labels)
        fold = np.arange(len(x)), np.arange(len(x), len(x) + len(valid))
        return np.vstack([x, valid]), np.concatenate([target, position]), [fold]

    def _numbers(self, x: Floats, target: Ints, folds: list[Fold]) -> tuple[float, float, float]:
        if self.C is not None and self.gamma is not None:
            return float(self.C), float(self.gamma), float("nan")
        best, score = two_stage_grid(
            x, target, folds, coarse=self.coarse, exponents=self.exponents,
            scoring=self.scoring, n_jobs=self.n_jobs,
        )  # fmt: skip
        return (
            float(best.get("C", 1.0) if self.C is None else self.C),
            float(best.get("gamma", 1.0) if self.gamma is None else self.gamma),
            score,
        )

    def _choose_scales(
        self, x: Floats, target: Ints, folds: list[Fold], random: np.random.RandomState
    ) -> None:
        """Does nothing; a subclass chooses."""

    def _fuse(self, p: Floats) -> Floats:
        predicted = self.machine_.predict_proba(rows_of(p, self.domain) * self.scales_)
        return columns_of(predicted, self.machine_.classes_.astype(np.intp), len(self.classes_))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("domain", self.domain, DOMAINS)
        check_max_clips(self.max_clips)
        for name, values in (self.coarse or {}).items():
            if name not in ("C", "gamma") or not len(values):
                raise ParameterError(f"coarse takes values of C and gamma, not {name!r}: {values}")
            for value in values:
                check_number(f"each of coarse[{name!r}]", value, 0, np.inf, low_in=False)
        check_number("cv", self.cv, 2, np.inf, high_in=False)
        for name in ("C", "gamma"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0, np.inf, low_in=False, high_in=False)

    def _settings(self) -> dict[str, Any]:
        return {"domain": self.domain}

    def _arrays(self) -> Arrays:
        machine = {f"machine.{k}": v for k, v in self.machine_.to_arrays().items()}
        return {"scales": self.scales_, **machine}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        d, k = self.n_features_in_, len(self.classes_)
        check_stored("the SVM fusion", arrays, {"scales": (d,)})
        if settings["domain"] not in DOMAINS:
            raise BundleError(f"the SVM fusion's domain is {settings['domain']!r}, an unknown one")
        machine = CoupledSVC.from_arrays(
            {n.removeprefix("machine."): a for n, a in arrays.items() if n.startswith("machine.")}
        )
        if machine.n_features_in_ != d or not np.isin(machine.classes_, np.arange(k)).all():
            raise BundleError("the SVM fusion's machine was made for other models or classes")
        self.domain = str(settings["domain"])
        self.machine_, self.scales_ = machine, np.array(arrays["scales"], dtype=np.float64)
        self.C_, self.gamma_, self.score_ = float(machine.C), float(machine.gamma_), np.nan


class ScaledSvmFusion(SvmFusion):
    """The same, each of its m·k numbers multiplied by 0, 1, 2 or 3 (2013, submission 4).

    Parameters
    ----------
    n_trials : scales drawn at random; all ones come first, and a draw is kept if it is strictly
        better on the folds or the validation data. C and gamma are those of all ones.
    scales : to draw from.
    C, gamma, coarse, exponents, cv, scoring, domain, max_clips, n_jobs, random_state, n_models,
    uniform_models : as for :class:`SvmFusion`.

    Attributes
    ----------
    scales_ : (m·k,).
    score_ : on the folds, accuracy, at the scales chosen. history_ : (trial, score) of each gain.
    """

    kind = "scaled svm"

    def __init__(
        self,
        *,
        n_trials: int = 100,
        scales: Sequence[float] = SCALES,
        C: float | None = None,
        gamma: float | None = None,
        coarse: Mapping[str, Sequence[float]] | None = None,
        exponents: Sequence[float] = EXPONENTS,
        cv: int = 5,
        scoring: str = "accuracy",
        domain: str = "probability",
        max_clips: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        super().__init__(
            C=C, gamma=gamma, coarse=coarse, exponents=exponents, cv=cv, scoring=scoring,
            domain=domain, max_clips=max_clips, n_jobs=n_jobs, random_state=random_state,
            n_models=n_models, uniform_models=uniform_models,
        )  # fmt: skip
        self.n_trials = n_trials
        self.scales = scales

    def _choose_scales(
        self, x: Floats, target: Ints, folds: list[Fold], random: np.random.RandomState
    ) -> None:
        d = x.shape[1]
        drawn = random.choice(np.asarray(self.scales, dtype=np.float64), size=(self.n_trials, d))
        drawn = drawn[drawn.any(axis=1)]
        trials = np.vstack([np.ones((1, d)), drawn])
        scores = Parallel(n_jobs=self.n_jobs)(
            delayed(_votes_right)(x * s, target, folds, self.C_, self.gamma_) for s in trials
        )
        best, self.history_ = 0, [(1, float(scores[0]))]
        for i, score in enumerate(scores):
            if score > scores[best] + 1e-12:
                best = i
                self.history_.append((i + 1, float(score)))
        self.scales_, self.score_ = trials[best], float(scores[best])

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("n_trials", self.n_trials, 0, np.inf, high_in=False)
        if not len(self.scales):
            raise ParameterError("scales is empty; name one at least")
        for scale in self.scales:
            check_number("each of scales", scale, 0, np.inf, high_in=False)


def _votes_right(x: Floats, target: Ints, folds: list[Fold], C: float, gamma: float) -> float:
    """Mean over folds of the share of clips that a machine's votes get right."""
    return float(vote_scores(x, target, folds, gamma, [C]).mean())
