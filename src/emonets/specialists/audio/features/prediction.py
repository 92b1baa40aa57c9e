"""Linear prediction: coefficients, and the line spectral frequencies that stand for them.

The frequencies are not sought as roots of polynomials. By the split Levinson recursion (Delsarte
and Genin 1986), the two symmetric polynomials whose roots they are follow three-term recursions
in y = 2 cos(w/2) with coefficients that the reflection coefficients give at once; their roots are
the eigenvalues of symmetric tridiagonal matrices, here of y² since the roots come in pairs ±y.
Symmetric eigenvalues cannot be badly conditioned, come in order, and all frames go in one call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LPC_ORDER = 2
LSF_ORDER = 10


def linear_prediction(correlation: Floats, order: int = LPC_ORDER) -> Floats:
    """Coefficients a₁ … of the predictor A(z) = 1 + Σ a_j z⁻ʲ of each frame, (t, order).

    Parameters
    ----------
    correlation : (t, order + 1 or more) autocorrelation from lag 0 on.
    order : number of coefficients.

    Returns
    -------
    (t, order); NaN for a silent frame.
    """
    return levinson(correlation, order)[0]


def line_spectral_frequencies(correlation: Floats, order: int = LSF_ORDER) -> Floats:
    """Line spectral frequencies of each frame, ascending, radians in 0..π.

    Parameters
    ----------
    correlation : (t, order + 1 or more) autocorrelation from lag 0 on.
    order : number of frequencies, even.

    Returns
    -------
    (t, order); NaN for a silent frame.
    """
    coefficients, reflection = levinson(correlation, order)
    out = np.full((len(correlation), order), np.nan)
    sound = np.isfinite(coefficients).all(axis=1)
    # rounding may put the reflection of a frame that is all but predictable at 1 or beyond
    stable = sound & (np.abs(reflection) < 1).all(axis=1)
    out[stable] = _by_eigenvalues(reflection[stable])
    for row in np.flatnonzero(sound & ~stable):
        out[row] = _by_roots(coefficients[row])
    return out


def levinson(correlation: Floats, order: int) -> tuple[Floats, Floats]:
    """The Levinson-Durbin recursion on all frames at once.

    Returns
    -------
    Predictor coefficients and reflection coefficients, both (t, order), NaN for a silent frame.
    Sign: the last predictor coefficient of each order is its reflection coefficient.
    """
    # extended precision where the machine has it: the recursion magnifies its own rounding
    r = correlation[:, : order + 1].T.astype(np.longdouble)
    a = np.zeros((order, r.shape[1]), np.longdouble)
    reflection = np.zeros_like(a)
    error = r[0].copy()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for i in range(order):
            k = -(r[i + 1] + (a[:i] * r[i:0:-1]).sum(axis=0)) / error
            a[:i] += k * a[:i][::-1]
            a[i] = reflection[i] = k
            error *= 1 - k * k
    return np.asarray(a.T, np.float64), np.asarray(reflection.T, np.float64)


def _by_eigenvalues(reflection: Floats) -> Floats:
    """The frequencies from reflection coefficients within -1..1, (t, order)."""
    t, order = reflection.shape
    # as if there had been a reflection coefficient of 1 (and one of -1) before the first
    before = np.column_stack([np.ones(t), reflection[:, :-1]])
    symmetric = (1 - reflection) * (1 + before)
    antisymmetric = (1 + reflection) * (1 - before)
    links = np.zeros((2, t, order + 1))
    links[0, :, :-1] = symmetric
    links[1, :, :-2] = antisymmetric[:, 1:]
    half = order // 2
    squares = np.zeros((2, t, half, half))
    i = np.arange(half)
    squares[..., i, i] = links[..., 0:-1:2] + links[..., 1::2]
    # the lower triangle is all that is read
    squares[..., i[1:], i[:-1]] = np.sqrt(links[..., 1:-2:2] * links[..., 2:-1:2])
    cosines = np.linalg.eigvalsh(squares) / 2 - 1
    return np.sort(np.arccos(np.clip(np.concatenate([*cosines], axis=1), -1, 1)), axis=1)


def _by_roots(coefficients: Floats) -> Floats:
    """The frequencies of one frame as the angles of roots, (order,)."""
    c = np.concatenate([[1.0], coefficients, [0.0]])
    symmetric, _ = np.polydiv(c + c[::-1], [1, 1])
    antisymmetric, _ = np.polydiv(c - c[::-1], [1, -1])
    angles = np.angle(np.concatenate([np.roots(symmetric), np.roots(antisymmetric)]))
    # of each pair the upper one; a pair of real roots has 0 or π twice
    return np.asarray(np.sort(np.abs(angles))[::2])
