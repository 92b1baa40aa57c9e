"""How long all fusion strategies take on 10,000 clips, and against one search after the other.

    OMP_NUM_THREADS=1 python benchmarks/compare_fusion.py

Made-up predictions of four models, groups of 40 clips, five folds; what `emonets compare-fusion`
does with such a table. Minutes are of the clock, with two processes, and of the processor: on a
machine with other work the first are longer.

The ratios are measured in the same process, on the training clips of one fold. Bagging: one search
of its own on its own resample, times the 350 of a bag (by the code that is still used for up to
2,000 clips), against 350 searches over shared weightings. Search: a loop that scores one weighting
at a time, against the search. The minutes of the loop are what the strategies would take with it.
"""

from __future__ import annotations

import resource
import time

import numpy as np
from joblib.externals.loky import get_reusable_executor
from numpy.typing import NDArray

from emonets.evaluation.compare_fusion import Compared, compare
from emonets.evaluation.records import Evidence, write_results
from emonets.fusion.bagging import BaggedFusion
from emonets.fusion.search import RandomSearch, uniform_weights
from emonets.fusion.strategies import STRATEGIES, make_fusion

Floats = NDArray[np.float64]
CLIPS, MODELS, CLASSES, FOLDS, SEARCHES = 10_000, 4, 7, 5, 350
DATA = "made-up predictions, 10,000 clips × 4 models × 7 classes"
COMMAND = "OMP_NUM_THREADS=1 python benchmarks/compare_fusion.py"


def made_up(seed: int = 0) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Probabilities, labels, and groups of 40 clips; each model is best at other classes."""
    random = np.random.default_rng(seed)
    y = random.integers(0, CLASSES, CLIPS)
    z = random.normal(size=(CLIPS, MODELS, CLASSES))
    skill = 0.6 + (np.arange(CLASSES) % MODELS == np.arange(MODELS)[:, None])
    z[np.arange(CLIPS), :, y] += skill[:, y].T
    p = np.exp(z)
    return p / p.sum(axis=2, keepdims=True), y.astype(np.intp), np.arange(CLIPS) // 40


def processor() -> float:
    """Seconds of the processor of this process and of those that ended."""
    own, ended = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def whole() -> tuple[float, float]:
    """Minutes of the clock and of the processor for all strategies."""
    p, y, groups = made_up()
    clock, spent = time.monotonic(), processor()

    def show(r: Compared) -> None:
        print(f"{time.monotonic() - clock:6.1f} s  {r.name}: {r.fitted:.1%}, {r.accuracy:.1%} "
              f"({r.seconds:.1f} s a fit) {r.note}", flush=True)  # fmt: skip

    compare(p, y, groups, folds=FOLDS, workers=2, progress=show)
    minutes = (time.monotonic() - clock) / 60
    get_reusable_executor().shutdown(wait=True)  # only the time of ended processes is counted
    return minutes, (processor() - spent) / 60


def seconds_of(fusion: BaggedFusion | RandomSearch, p: Floats, y: NDArray[np.intp]) -> float:
    start = time.process_time()
    fusion.fit(p, y)
    return time.process_time() - start


def main() -> None:
    p, y, _ = made_up()
    train = np.arange(CLIPS) % FOLDS != 0
    p, y = p[train], y[train]
    weights = uniform_weights(np.random.default_rng(1), 100, MODELS, CLASSES)
    start = time.process_time()
    for w in weights:
        float(((w * p).sum(axis=1).argmax(axis=1) == y).mean())
    loop = (time.process_time() - start) / len(weights)
    search = seconds_of(make_fusion("search", seed=0), p, y)  # type: ignore[arg-type]
    bag = make_fusion("bagging", seed=0)
    assert isinstance(bag, BaggedFusion)
    few = BaggedFusion(bag.estimator, n_estimators=2, random_state=0)
    alone = seconds_of(few, p, y) / 2 * SEARCHES
    shared = seconds_of(bag, p, y)
    print(f"loop {40_000 * loop:.0f} s, search {search:.1f} s; "
          f"350 searches alone {alone:.0f} s, shared {shared:.1f} s")  # fmt: skip
    minutes, busy = whole()
    # searches of 40,000 weightings, and two bags of 350 searches of 10,000
    weightings = FOLDS * (4 * 40_000 + 2 * SEARCHES * 10_000)
    print(f"all strategies: {minutes:.2f} min, {busy:.2f} min of the processor")

    def row(what: str, metric: str, value: float, note: str = "") -> Evidence:
        return Evidence(
            what=what, data=DATA, metric=metric, value=value, command=COMMAND, note=note, seed=0,
            split="5 folds of groups", n=CLIPS,
        )  # fmt: skip

    every = f"all {len(STRATEGIES)} strategies"
    write_results(
        "compare_fusion",
        [
            row(f"{every}, two processes", "minutes", minutes,
                "of the clock, on a machine with other work"),
            row(f"{every}, of the processor", "minutes", busy),
            row("search, 40,000 weightings, against a loop over weightings", "ratio",
                40_000 * loop / search, "one fold's training clips; the loop without its draws"),
            row("bagging, 350 searches over shared weightings, against each by itself", "ratio",
                alone / shared, "one fold's training clips; two of the 350 were measured"),
            row("the searches and bags of all folds by a loop over weightings", "minutes",
                weightings * loop / 60, "from 100 weightings, of the processor"),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
