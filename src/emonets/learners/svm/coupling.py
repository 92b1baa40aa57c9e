"""From the decision values of pairs of classes to one probability a class.

A machine that separates classes two by two gives one decision value a pair. A sigmoid turns
each into the probability of one class against the other (Platt 1999, with the targets and the
Newton method of Lin, Lin and Weng 2007), and pairwise coupling finds the class probabilities
that agree best with all of them (Wu, Lin and Weng 2004, their second method, eq. 17-21 and
algorithm 2). Stopping rules and limits are libsvm's, so that the numbers are libsvm's too: its
coupling stops early, at a tolerance of 0.005 / classes, and what it then holds is its result.

Pairs are ordered (0, 1), (0, 2), ..., (0, k - 1), (1, 2), ...; a positive decision value favours
the first class of its pair.
"""

from __future__ import annotations

from math import isqrt, log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from emonets.errors import ParameterError

Floats = NDArray[np.float64]

SURE = 1e-7
"""A pairwise probability is kept within SURE .. 1 - SURE, as in libsvm."""

_BLOCK = 512  # samples coupled at a time: k² numbers for each stay in the processor's cache


def pairs_of(classes: int) -> NDArray[np.intp]:
    """The pairs of ``classes`` classes in their order: (pairs, 2), first < second."""
    return np.stack(np.triu_indices(classes, 1), axis=1)


def classes_of(pairs: int) -> int:
    """How many classes have ``pairs`` pairs.

    Raises
    ------
    ParameterError : no number of classes has that many.
    """
    classes = (1 + isqrt(1 + 8 * max(pairs, 0))) // 2
    if pairs < 1 or classes * (classes - 1) // 2 != pairs:
        raise ParameterError(
            f"{pairs} columns are not one for each pair of classes; "
            "two classes have 1 pair, three 3, seven 21"
        )
    return classes


def fit_sigmoid(decisions: ArrayLike, positive: ArrayLike) -> tuple[float, float]:
    """Fit P(positive | f) = 1 / (1 + exp(A f + B)) by regularised maximum likelihood.

    Newton's method with backtracking on the likelihood of the smoothed targets
    (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2) (Lin, Lin and Weng 2007, section 2.2 and appendix A).
    Decisions should come from samples that the machine has not been fitted to.

    Parameters
    ----------
    decisions : (n,) decision values, finite; n may be 0, which gives the prior of no samples.
    positive : (n,) true where the sample is of the first class of the pair.

    Returns
    -------
    A, B : A is negative where larger decisions favour the first class.

    Raises
    ------
    ParameterError : lengths differ, or decisions that are not finite.
    """
    f = np.asarray(decisions, dtype=np.float64)
    is_positive = np.asarray(positive, dtype=bool)
    if f.ndim != 1 or f.shape != is_positive.shape:
        raise ParameterError(
            f"decisions {f.shape} and positive {is_positive.shape} must be vectors of one length"
        )
    if not np.isfinite(f).all():
        raise ParameterError("decisions hold values that are not finite; check the features")
    n_positive = int(is_positive.sum())
    n_negative = f.size - n_positive
    target = np.where(is_positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss(a: float, b: float) -> float:
        z = a * f + b
        return float(np.sum(target * z + np.logaddexp(0.0, -z)))

    a, b = 0.0, log((n_negative + 1) / (n_positive + 1))
    value = loss(a, b)
    for _ in range(100):
        p = expit(-(a * f + b))
        slack = target - p
        gradient_a, gradient_b = float(f @ slack), float(slack.sum())
        if abs(gradient_a) < 1e-5 and abs(gradient_b) < 1e-5:
            break
        # The ridge keeps the Hessian invertible when all decisions are equal
        curvature = p * (1.0 - p)
        weighted = f * curvature
        h_aa, h_bb = float(f @ weighted) + 1e-12, float(curvature.sum()) + 1e-12
        h_ab = float(weighted.sum())
        determinant = h_aa * h_bb - h_ab * h_ab
        step_a = (h_ab * gradient_b - h_bb * gradient_a) / determinant
        step_b = (h_ab * gradient_a - h_aa * gradient_b) / determinant
        slope = gradient_a * step_a + gradient_b * step_b
        size = 1.0
        while size >= 1e-10:
            candidate = a + size * step_a, b + size * step_b
            candidate_value = loss(*candidate)
            if candidate_value < value + 1e-4 * size * slope:
                (a, b), value = candidate, candidate_value
                break
            size /= 2.0
        else:
            break  # no step lowers the loss any more: this is the minimum to working precision
    return a, b


def pairwise_probabilities(decisions: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """The probability of the first class of each pair, within SURE .. 1 - SURE.

    Parameters
    ----------
    decisions : (n, pairs).
    a, b : (pairs,) of :func:`fit_sigmoid`.
    """
    f = np.asarray(decisions, dtype=np.float64)
    return np.asarray(np.clip(expit(-(f * np.asarray(a) + np.asarray(b))), SURE, 1.0 - SURE))


def couple(pairwise: ArrayLike) -> Floats:
    """Class probabilities from those of the pairs, all samples at once.

    For each sample, p minimises Σ over pairs (r_ji p_i - r_ij p_j)² on the simplex (Wu, Lin and
    Weng 2004, eq. 18), where r_ij is the probability of *i* against *j*; Gauss-Seidel sweeps
    from the uniform, at most 100 (or k), stopped per sample when no element of Qp is further
    than 0.005 / k from pᵀQp. A sample's result does not depend on its neighbours in the batch.

    Parameters
    ----------
    pairwise : (n, pairs) probabilities of each pair's first class, 0..1; values nearer than
        SURE to 0 or 1 are moved to that distance.

    Returns
    -------
    (n, k) probabilities, each row summing to one. For two classes they are the pair's own.

    Raises
    ------
    ParameterError : not two dimensions, not one column a pair, or values outside 0..1.
    """
    r = np.asarray(pairwise, dtype=np.float64)
    if r.ndim != 2:
        raise ParameterError(f"pairwise must be (samples, pairs), not {r.shape}")
    k = classes_of(r.shape[1])
    if not ((r >= 0.0) & (r <= 1.0)).all():
        raise ParameterError("pairwise holds values outside 0..1 or NaN; give probabilities")
    r = np.clip(r, SURE, 1.0 - SURE)
    if k == 2:
        return np.hstack([r, 1.0 - r])
    found = np.empty((len(r), k))
    for start in range(0, len(r), _BLOCK):
        found[start : start + _BLOCK] = _couple_block(r[start : start + _BLOCK].T, k).T
    return found


def _couple_block(r: Floats, k: int) -> Floats:
    """Couple a block: (pairs, n) → (k, n). Samples lie along the last axis throughout."""
    n = r.shape[1]
    q = np.zeros((k, k, n))
    for pair, (i, j) in enumerate(pairs_of(k)):
        against = 1.0 - r[pair]
        q[i, j] = q[j, i] = -r[pair] * against
        q[i, i] += against**2
        q[j, j] += r[pair] ** 2
    found = np.empty((k, n))
    active = np.arange(n)
    p = np.full((k, n), 1.0 / k)
    tolerance = 0.005 / k
    for _ in range(max(100, k)):
        # Sums over classes are written out: their order, hence their rounding, is then the same
        # for one sample as for many
        qp = q[:, 0] * p[0]
        for j in range(1, k):
            qp += q[:, j] * p[j]
        pqp = p[0] * qp[0]
        for j in range(1, k):
            pqp += p[j] * qp[j]
        moving = np.abs(qp - pqp).max(axis=0) >= tolerance
        if not moving.all():
            found[:, active[~moving]] = p[:, ~moving]
            active, p, qp, pqp, q = (
                active[moving], p[:, moving], qp[:, moving], pqp[moving], q[:, :, moving]
            )  # fmt: skip
            if not active.size:
                break
        for t in range(k):
            step = (pqp - qp[t]) / q[t, t]
            grown = 1.0 + step
            pqp = (pqp + step * (step * q[t, t] + 2.0 * qp[t])) / grown / grown
            qp = (qp + step * q[t]) / grown
            p[t] += step
            p /= grown
    found[:, active] = p
    return found
