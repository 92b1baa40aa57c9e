"""Random search over per-class, per-model weights, the paper's best combination (section 4.3).

Weights W (m, k) are drawn at random, the pool they make is scored, and they are kept if it is
strictly better than the best so far. First come draws without knowledge: uniform numbers, each
class' column divided by its sum over the models. Then Gaussian steps around the best, rounded to
two decimals. The authors added probabilities up; the same search over log-linear pools stands
beside it (``domain="log"``), and draws from a Dirichlet prior that keeps near to equal weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from emonets.errors import ParameterError
from emonets.fusion.average import PooledFusion
from emonets.fusion.common import DOMAINS, Floats, Ints
from emonets.fusion.scoring import Scorer, check_scoring
from emonets.learners.checks import check_choice, check_number

DRAWS = ("uniform", "dirichlet")
CENTRES = ("current", "initial")


def uniform_weights(random: np.random.Generator, count: int, m: int, k: int) -> Floats:
    """Uniform numbers, each column over the models divided by its sum: (count, m, k).

    That is a little biased towards equal weights (section 4.3).
    """
    w = random.random((count, m, k))
    return np.asarray(w / w.sum(axis=1, keepdims=True))


def dirichlet_weights(
    random: np.random.Generator, count: int, m: int, k: int, concentration: float = 1.0
) -> Floats:
    """Each column from a symmetric Dirichlet distribution: (count, m, k).

    With concentration 1 uniformly from the simplex; the larger, the nearer to equal weights.
    """
    w = np.maximum(random.gamma(concentration, size=(count, m, k)), 1e-300)
    return np.asarray(w / w.sum(axis=1, keepdims=True))


def local_weights(
    random: np.random.Generator,
    centre: Floats,
    count: int,
    *,
    scale: float = 0.1,
    decimals: int | None = 2,
) -> Floats:
    """Steps around weights (m, k), or around (count, m, k), one each: (count, m, k).

    Noise from N(0, scale) is added, but none where it is 1 or more; negative weights become 0;
    each column is divided by its sum; and last all are rounded, after which columns need not sum
    to one exactly (the authors' code). A column of nothing but zeros stays the centre's.
    """
    noise = random.standard_normal((count, *centre.shape[-2:])) * scale
    noise[np.abs(noise) >= 1] = 0
    w = np.maximum(centre + noise, 0.0)
    total = w.sum(axis=1, keepdims=True)
    w = np.where(total > 0, w / np.where(total > 0, total, 1.0), centre)
    if decimals is None:
        return w
    rounded = np.round(w, decimals)
    # of very many models each may round to nothing
    return np.where(rounded.any(axis=1, keepdims=True), rounded, w)


@dataclass(frozen=True)
class Progress:
    """How far a search is: its restart and stage, weightings tried, best score, seconds."""

    restart: int
    stage: str
    trials: int
    score: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Found:
    """The best weights (m, k) of a search, their score, and how often it was improved upon."""

    weights: Floats
    score: float
    trials: int
    history: tuple[tuple[int, float], ...]


Draw = Callable[[str, int, Floats | None], Floats]
"""Of a stage's name, a number of weightings and the best so far: weights (t, m, k)."""


def climb(
    scorer: Scorer,
    rounds: Iterable[tuple[str, int]],
    draw: Draw,
    on_round: Callable[[str, int, float], None] | None = None,
    *,
    start: Floats | None = None,
) -> Found:
    """Score round after round of weightings; keep one that is strictly better than the best so far.

    Parameters
    ----------
    scorer : of the clips.
    rounds : a stage's name and how many weightings, a round.
    draw : makes them.
    on_round : called with the stage, the trials so far and the best score after every round.
    start : weights (m, k) to begin with.
    """
    best, score, trials = start, -1.0, 0
    history: list[tuple[int, float]] = []
    if start is not None:
        score, trials = scorer.exact_one(start), 1
        history.append((1, score))
    for stage, count in rounds:
        weights = draw(stage, count, best)
        found = scorer.best(weights, score)
        if found is not None:
            best, score = weights[found[0]], found[1]
            history.append((trials + found[0] + 1, score))
        trials += len(weights)
        if on_round is not None:
            on_round(stage, trials, score)
    assert best is not None
    return Found(best, score, trials, tuple(history))


def distinct(p: Floats, target: Ints) -> tuple[Ints, Ints]:
    """Positions of clips that differ, in their order, and how often each occurs: (d,), (d,).

    A bootstrap draws 63 % of the clips, many of them several times. Each is scored once.
    """
    table = np.ascontiguousarray(np.column_stack([p.reshape(len(p), -1), target]))
    whole = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()
    _, first, times = np.unique(whole, return_index=True, return_counts=True)
    order = np.argsort(first)
    return first[order], times[order]


class RandomSearch(PooledFusion):
    """Weighted pool whose weights a random search found (section 4.3).

    Parameters
    ----------
    n_uniform : weightings drawn without knowledge.
    n_local : then, drawn around the best; None: until ``seconds`` are over.
    n_restarts : whole searches, each with draws of its own; the best weights of all are kept.
    seconds : after which no further round begins, whatever is left; over all restarts.
    batch : weightings a round; the best is updated after every round (the authors': 2,000 to
        4,000).
    centre : steps go out from the "current" best, or from the "initial" one, the best of the first
        stage.
    scale, decimals : of a step's noise, and what its weights are rounded to (None: not rounded).
    draws : of the first stage, "uniform" or "dirichlet" with ``concentration``.
    domain : "probability" for a weighted mean, "log" for a weighted product.
    scoring : "accuracy", or "uar" for the unweighted average recall.
    start : weights (m, k) to begin with; None: none.
    progress : called with a :class:`Progress` after every round.
    random_state : of the draws.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    weights_ : (m, k); in the log domain times m, so that equal weights are the plain product.
    score_ : on the training data; it is higher than the score on new data.
    n_trials_ : weightings scored.
    history_ : (trial, score) of each round that brought something better, of the best restart.
    """

    kind = "search"

    def __init__(
        self,
        *,
        n_uniform: int = 20_000,
        n_local: int | None = 20_000,
        n_restarts: int = 1,
        seconds: float | None = None,
        batch: int = 2_000,
        centre: str = "current",
        scale: float = 0.1,
        decimals: int | None = 2,
        draws: str = "uniform",
        concentration: float = 1.0,
        domain: str = "probability",
        scoring: str = "accuracy",
        start: ArrayLike | None = None,
        progress: Callable[[Progress], None] | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.n_uniform = n_uniform
        self.n_local = n_local
        self.n_restarts = n_restarts
        self.seconds = seconds
        self.batch = batch
        self.centre = centre
        self.scale = scale
        self.decimals = decimals
        self.draws = draws
        self.concentration = concentration
        self.domain = domain
        self.scoring = scoring
        self.start = start
        self.progress = progress
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        m, k = p.shape[1:]
        random = check_random_state(self.random_state)
        rows, times = distinct(p, target)
        scorer = Scorer(
            p[rows], target[rows], domain=self.domain, scoring=self.scoring, times=times
        )
        start = self._start((m, k))
        began = time.monotonic()
        found: list[Found] = []
        for restart in range(self.n_restarts):
            if found and self._over(began):
                break
            generator = np.random.default_rng(random.randint(2**31, size=4))
            before = sum(f.trials for f in found)

            def report(
                stage: str, trials: int, score: float, restart: int = restart, before: int = before
            ) -> None:
                if self.progress is not None:
                    spent = time.monotonic() - began
                    self.progress(Progress(restart, stage, before + trials, score, spent))

            draw = self._draw(generator, m, k)
            found.append(climb(scorer, self._rounds(began), draw, report, start=start))
        best = max(found, key=lambda f: f.score)
        self.domain_ = self.domain
        self.weights_ = best.weights * (m if self.domain == "log" else 1)
        self.score_, self.history_ = best.score, best.history
        self.n_trials_ = sum(f.trials for f in found)

    def _draw(self, random: np.random.Generator, m: int, k: int) -> Draw:
        initial: list[Floats] = []

        def draw(stage: str, count: int, best: Floats | None) -> Floats:
            if stage == "local":
                initial.append(np.full((m, k), 1 / m) if best is None else best)
                centre = initial[-1] if self.centre == "current" else initial[0]
                return local_weights(
                    random, centre, count, scale=self.scale, decimals=self.decimals
                )
            if self.draws == "uniform":
                return uniform_weights(random, count, m, k)
            return dirichlet_weights(random, count, m, k, self.concentration)

        return draw

    def _rounds(self, began: float) -> Iterator[tuple[str, int]]:
        first = self.start is None  # one round at least, however little time there is
        for stage, total in (("uniform", self.n_uniform), ("local", self.n_local)):
            done = 0
            while (total is None or done < total) and (first or not self._over(began)):
                count = self.batch if total is None else min(self.batch, total - done)
                yield stage, count
                done, first = done + count, False

    def _over(self, began: float) -> bool:
        return self.seconds is not None and time.monotonic() - began >= self.seconds

    def _start(self, shape: tuple[int, ...]) -> Floats | None:
        if self.start is None:
            return None
        try:
            start = np.array(self.start, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"start must be an array of weights: {error}") from None
        if start.shape != shape or not np.isfinite(start).all() or (start < 0).any():
            raise ParameterError(f"start must be weights from 0 of shape {shape}")
        return start

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("centre", self.centre, CENTRES)
        check_choice("draws", self.draws, DRAWS)
        check_choice("domain", self.domain, DOMAINS)
        check_scoring(self.scoring)
        check_number("scale", self.scale, 0, np.inf, low_in=False, high_in=False)
        check_number("concentration", self.concentration, 0, np.inf, low_in=False, high_in=False)
        for name, low in (("n_restarts", 1), ("batch", 1), ("n_uniform", 0), ("n_local", 0),
                          ("decimals", 1)):  # fmt: skip
            value = getattr(self, name)
            if value is None and name in ("n_local", "decimals"):
                continue
            check_number(name, value, low, np.inf, high_in=False)
            if int(value) != value:
                raise ParameterError(f"{name} must be a whole number, not {value!r}")
        if self.seconds is not None:
            check_number("seconds", self.seconds, 0, np.inf, low_in=False, high_in=False)
        elif self.n_local is None:
            raise ParameterError("a search without an end: give n_local or seconds")
        if self.n_uniform == 0 and self.n_local == 0 and self.start is None:
            raise ParameterError("a search of no trials: give n_uniform, n_local or start")
