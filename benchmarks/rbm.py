"""An epoch of a restricted Boltzmann machine of the paper's size: ours against scikit-learn's.

    OMP_NUM_THREADS=1 python benchmarks/rbm.py

909 inputs, 350 hidden units, batches of 60, float32, persistent chains. The ratio is of the same
machine, Bernoulli visible and sigmoid hidden units, in both; scikit-learn has no other. The first
two layers of the paper are timed beside it, and the bare matrix products that an epoch of the
first cannot do without. Rounds alternate, so that a busy machine hits all. The free energies
that ours tracks each epoch cost the same for any number of frames, so that scaling a short epoch
up to the paper's overstates ours a little.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.neural_network import BernoulliRBM

from emonets.learners.boltzmann.dbn import PAPER_LAYERS
from emonets.learners.boltzmann.rbm import RBM

FEATURES, UNITS, BATCH, ROUNDS = 909, 350, 60, 3
FRAMES = 60_000
PAPER_FRAMES = 330_000  # about as many as AFEW4's training clips have


def seconds(fit: Callable[[], object]) -> float:
    start = time.perf_counter()
    fit()
    return time.perf_counter() - start


def products(v: np.ndarray, w: np.ndarray) -> None:
    """Hidden inputs of data and chain, the chain's visible units, and the statistics."""
    h = np.zeros((BATCH, UNITS), dtype=np.float32)
    for start in range(0, len(v), BATCH):
        batch = v[start : start + BATCH]
        batch @ w
        chain = h @ w.T
        chain @ w
        batch.T @ h
        chain.T @ h


def main() -> None:
    random = np.random.default_rng(0)
    real = random.standard_normal((FRAMES, FEATURES), dtype=np.float32)
    unit = (real > 0).astype(np.float32)
    activation = random.random((FRAMES, UNITS), dtype=np.float32)
    same = RBM(UNITS, visible="bernoulli", hidden="sigmoid", batch_size=BATCH, n_epochs=1)
    first, second = (RBM(**{**layer, "n_epochs": 1}) for layer in PAPER_LAYERS[:2])
    theirs = BernoulliRBM(UNITS, learning_rate=6e-4, batch_size=BATCH, n_iter=1, random_state=0)
    w = random.standard_normal((FEATURES, UNITS), dtype=np.float32)
    runs: dict[str, Callable[[], object]] = {
        "scikit-learn's BernoulliRBM": lambda: theirs.fit(unit),
        "ours, the same machine": lambda: same.fit(unit),
        "the paper's first layer, 909 to 350 rectified": lambda: first.fit(real),
        "the paper's second layer, 350 to 350 sigmoid": lambda: second.fit(activation),
        "the bare products of 909 to 350": lambda: products(real, w),
    }
    same.fit(unit[:BATCH])
    times = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(seconds(run))
    for name, of in times.items():
        epoch = np.median(of) * PAPER_FRAMES / FRAMES
        print(f"{epoch:6.1f} s an epoch of {PAPER_FRAMES:,} frames: {name}")
    their_time, our_time, paper_time, _, bare = (np.median(of) for of in times.values())
    print(f"ratio, the same machine: {their_time / our_time:.2f}")
    print(f"ratio, the paper's first layer: {their_time / paper_time:.2f}")
    print(f"the paper's first layer takes {paper_time / bare:.2f} times the bare products")


if __name__ == "__main__":
    main()
