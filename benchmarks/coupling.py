"""Coupled probabilities: all samples at once against one sample at a time in plain Python.

Both start from the same decision values of 21 pairs, then from the same features; both run in
this process, alternating, and the best of several rounds counts.

    python benchmarks/coupling.py [--samples 2000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from math import exp
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.datasets import make_blobs

from emonets.learners.svm.coupled import CoupledSVC
from emonets.learners.svm.coupling import couple, pairs_of, pairwise_probabilities


def couple_in_a_loop(decisions: Any, a: list[float], b: list[float], k: int) -> list[list[float]]:
    """The same mathematics, sample by sample, as a straightforward program has it."""
    pairs = pairs_of(k).tolist()
    answers = []
    for row in decisions.tolist():
        r = [[0.0] * k for _ in range(k)]
        for (i, j), f, slope, shift in zip(pairs, row, a, b, strict=True):
            p = min(max(1.0 / (1.0 + exp(slope * f + shift)), 1e-7), 1.0 - 1e-7)
            r[i][j], r[j][i] = p, 1.0 - p
        q = [[-r[j][i] * r[i][j] for j in range(k)] for i in range(k)]
        for i in range(k):
            q[i][i] = sum(r[j][i] ** 2 for j in range(k) if j != i)
        p_row = [1.0 / k] * k
        for _ in range(max(100, k)):
            qp = [sum(q[i][j] * p_row[j] for j in range(k)) for i in range(k)]
            pqp = sum(p_row[i] * qp[i] for i in range(k))
            if max(abs(value - pqp) for value in qp) < 0.005 / k:
                break
            for t in range(k):
                step = (pqp - qp[t]) / q[t][t]
                pqp = (pqp + step * (step * q[t][t] + 2.0 * qp[t])) / (1.0 + step) ** 2
                for j in range(k):
                    qp[j] = (qp[j] + step * q[t][j]) / (1.0 + step)
                    p_row[j] = (p_row[j] + (step if j == t else 0.0)) / (1.0 + step)
        answers.append(p_row)
    return answers


def best_of(rounds: int, *functions: Callable[[], Any]) -> list[float]:
    """The shortest time of each, in seconds; they take turns."""
    times = [float("inf")] * len(functions)
    for _ in range(rounds):
        for i, function in enumerate(functions):
            start = perf_counter()
            function()
            times[i] = min(times[i], perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    x, y = make_blobs(options.samples + 400, n_features=70, centers=7, cluster_std=12.0,
                      random_state=0)  # fmt: skip
    machine = CoupledSVC(random_state=0).fit(x[:400], y[:400])
    new = x[400:]
    decisions = machine.pairwise_decisions(new)
    a, b = machine.probA_, machine.probB_

    def vectorised() -> Any:
        return couple(pairwise_probabilities(decisions, a, b))

    def loop() -> Any:
        return couple_in_a_loop(decisions, a.tolist(), b.tolist(), 7)

    def one_by_one() -> Any:
        return [machine.predict_proba(row[None]) for row in new]

    difference = float(np.abs(vectorised() - np.array(loop())).max())
    fast, slow = best_of(options.rounds, vectorised, loop)
    whole, single = best_of(options.rounds, lambda: machine.predict_proba(new), one_by_one)
    rows = [
        ("coupling, all samples at once", fast, "plain Python, one by one", slow),
        ("predict_proba, all samples at once", whole, "predict_proba, one by one", single),
    ]
    for what, ours, baseline, theirs in rows:
        print(f"{what}: {ours * 1e3:.2f} ms; {baseline}: {theirs * 1e3:.1f} ms; "
              f"ratio {theirs / ours:.1f}")  # fmt: skip
    print(f"{options.samples} samples, 7 classes; largest difference {difference:.1e}")
    if options.json:
        found = [
            {"what": f"{what} against {baseline}", "n": options.samples, "metric": "ratio",
             "value": theirs / ours, "seconds": ours, "baseline_seconds": theirs}
            for what, ours, baseline, theirs in rows
        ]  # fmt: skip
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
