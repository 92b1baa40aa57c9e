"""How far a comparison of fusions is: a line for each strategy, and the time left.

The costs of strategies differ by a factor of a thousand. So the time left is not a share of their
number: each has an expected time, and those that are done show how fast this machine is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from emonets.evaluation.compare_fusion import Compared
from emonets.fusion.strategies import MAX_CLIPS
from emonets.runtime.progress import duration

log = logging.getLogger(__name__)

_SECONDS: dict[str, tuple[float, float]] = {
    "calibrated product": (0.05, 0.2), "logistic": (0.3, 1.2), "logistic by class": (0.3, 1.3),
    "logistic full": (0.6, 2.6), "bagging": (12.0, 3.0), "bagging, log": (12.0, 3.0),
    "search, uniform": (0.3, 1.2), "search": (0.3, 1.2), "search, dirichlet": (0.4, 1.2),
    "search, log": (0.3, 1.2), "svm": (12.0, 4.0), "scaled svm": (20.0, 6.0), "mlp": (12.0, 7.0),
}  # fmt: skip
"""Of one fit of four models on one core: of 2,000 clips, and of 8,000."""
_LEAST = 0.02
_EVERY = 10.0  # seconds between two lines while a strategy is fitted


def expected_seconds(strategy: str, clips: int) -> float:
    """About how long one fit of a strategy takes, on one core."""
    small, large = _SECONDS.get(strategy, (_LEAST, _LEAST))
    if clips <= MAX_CLIPS:
        return small * clips / MAX_CLIPS
    return large * clips / 8_000


class ComparisonProgress:
    """Logs each strategy's scores, how many are done, and the time left.

    Parameters
    ----------
    strategies : that are to be fitted. clips : training clips of a fold. folds : how many.
    workers : processes.
    """

    def __init__(
        self, strategies: Iterable[str], clips: int, folds: int, *, workers: int = 1
    ) -> None:
        self._expected = {name: expected_seconds(name, clips) for name in strategies}
        self._left = dict.fromkeys(self._expected, folds)
        self._folds, self._workers = folds, workers
        self._spent = self._planned = 0.0
        self._strategies = 0
        self._line = time.monotonic()

    @property
    def seconds(self) -> float:
        """About how long the rest takes."""
        rest = sum(self._expected[name] * left for name, left in self._left.items())
        # a few short fits show little about this machine
        pace = self._spent / self._planned if self._planned > 1 else 1.0
        return rest * pace / self._workers

    def begin(self, models: int, clips: int) -> None:
        """Log what is to be done, and about how long it takes."""
        total = len(self._expected)
        log.info(
            f"{clips:,} clips, {models} models, {total} strategies, {self._folds} folds: "
            f"{total * self._folds} fits, about {duration(self.seconds)}"
        )

    def on_fit(self, strategy: str, seconds: float) -> None:
        """Count a fit; log a line if there was none for a while."""
        self._left[strategy] -= 1
        self._spent += seconds
        self._planned += self._expected[strategy]
        if time.monotonic() - self._line > _EVERY:
            done = len(self._left) * self._folds - sum(self._left.values())
            self._log(f"{strategy}: {done} of {len(self._left) * self._folds} fits")

    def on_result(self, result: Compared) -> None:
        """Log the scores of a single model or a strategy."""
        text = f"{result.name}: {result.fitted:.1%} where fitted, {result.accuracy:.1%} out of fold"
        if result.name not in self._left:
            log.info(text)
            return
        self._left[result.name] = 0  # also if it is one of an earlier run
        self._strategies += 1
        self._log(f"{text}; {self._strategies} of {len(self._left)} strategies")

    def _log(self, text: str) -> None:
        self._line = time.monotonic()
        left = f", about {duration(self.seconds)} left" if any(self._left.values()) else ""
        log.info(text + left)
