"""Scores of classes normalised by the group, which is a person, whose they are.

A face that always looks angry, or a voice that is always quiet, moves all of a person's scores
the same way. What a person's own scores average to is that person's baseline. It is taken out, and
the scores are matched to the mean and spread of other people. With little material a person's own
mean and spread are not known well: both are shrunk towards those of other people.

This is transductive: the scores of a clip depend on the other clips of the group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from emonets.errors import BundleError, ParameterError
from emonets.learners.stored import check_stored

Floats = NDArray[np.float64]

WEIGHT = 20.0
"""Other people count as much as this many clips of the group's own."""
STRENGTH = 0.5
"""The share of a baseline that is taken out: docs/results/person_baseline.md."""
LEAST = 1e-4
"""A probability below this counts as this much, so that no single clip decides a mean."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Scores of other people, to which a group is shrunk and matched.

    Attributes
    ----------
    mean : (k,) mean over people of each one's mean.
    spread : (k,) standard deviation of a person's scores around that person's mean, ≥ 0.
    rest : (k,) mean over people of each one's scores at rest (neutral); None: not known.
    """

    mean: Floats
    spread: Floats
    rest: Floats | None = None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays for :meth:`from_arrays`."""
        arrays = {"mean": self.mean, "spread": self.spread}
        return arrays if self.rest is None else {**arrays, "rest": self.rest}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], k: int) -> Self:
        """The inverse of :meth:`to_arrays`; ``k``: number of classes.

        Raises
        ------
        BundleError : arrays missing, of another shape, not finite, or a spread below 0.
        """
        names = ["mean", "spread", *(["rest"] if "rest" in arrays else [])]
        check_stored("the reference of persons", arrays, dict.fromkeys(names, (k,)))
        found = {name: np.asarray(arrays[name], np.float64) for name in names}
        if (found["spread"] < 0).any():
            raise BundleError("the reference of persons has a spread below 0; store it again")
        return cls(**found)


def log_scores(probabilities: ArrayLike) -> Floats:
    """(n, k) logarithms of probabilities, those below `LEAST` counted as `LEAST`."""
    return np.asarray(np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST)))


def probabilities_of(scores: Floats, before: ArrayLike) -> Floats:
    """(n, k) probabilities of scores; those that were exactly 0 before stay 0.

    A class of probability 0 is one that a model was not trained on.
    """
    p = softmax(scores, axis=1) * (np.asarray(before) > 0)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def reference_of(
    scores: Floats, groups: ArrayLike, at_rest: NDArray[np.bool_] | None = None
) -> Reference:
    """The mean and spread of people.

    Parameters
    ----------
    scores : (n, k), n ≥ 1. groups : (n,) whose each clip is.
    at_rest : (n,) bool, the neutral clips; None: not known.

    Examples
    --------
    >>> made = reference_of(np.array([[0.0, 2.0], [2.0, 2.0], [5.0, 4.0]]), ["a", "a", "b"])
    >>> made.mean.tolist(), made.spread.round(3).tolist()
    ([3.0, 3.0], [1.414, 0.0])
    """
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    moments = moments_of(scores, place, len(names))
    rest = None
    if at_rest is not None and at_rest.any():
        calm, of = np.unique(place[at_rest], return_inverse=True)
        rest = moments_of(scores[at_rest], of, len(calm)).mean.mean(axis=0)
    variance = moments.squares.sum(axis=0) / max(moments.freedom.sum(), 1.0)
    return Reference(moments.mean.mean(axis=0), np.sqrt(variance), rest)


@dataclass(frozen=True, eq=False)
class Moments:
    """Of g groups: ``n`` (g,), ``mean`` (g, k), and ``squares`` (g, k) around the mean, summed."""

    n: Floats
    mean: Floats
    squares: Floats

    @property
    def freedom(self) -> Floats:
        """(g,) n - 1, at least 0."""
        return np.maximum(self.n - 1, 0)


def moments_of(scores: Floats, place: NDArray[np.intp], g: int) -> Moments:
    """Of (n, k) scores; ``place`` (n,) holds the number, 0..g-1, of each one's group."""
    n = np.bincount(place, minlength=g).astype(np.float64)
    total = np.zeros((g, scores.shape[1]))
    np.add.at(total, place, scores)
    mean = total / n[:, None]
    squares = np.zeros_like(total)
    np.add.at(squares, place, (scores - mean[place]) ** 2)
    return Moments(n, mean, squares)


def others_of(own: Moments) -> Reference:
    """For each of g ≥ 2 groups all the others; (g, k) each."""
    g = len(own.n)
    mean = (own.mean.sum(axis=0) - own.mean) / (g - 1)
    freedom = np.maximum(own.freedom.sum() - own.freedom, 1.0)[:, None]
    squares = np.maximum(own.squares.sum(axis=0) - own.squares, 0.0)
    return Reference(mean, np.sqrt(squares / freedom))


def scale_groups(
    scores: Floats,
    place: NDArray[np.intp],
    own: Moments,
    reference: Reference,
    weight: float = WEIGHT,
) -> Floats:
    """Scores, each normalised by its group's material.

    Parameters
    ----------
    scores : (m, k) to be normalised. place : (m,) number, 0..g-1, of each one's group.
    own : of the g groups' material.
    reference : other people, (k,) for all groups or (g, k).
    weight : of the reference, in clips.

    Returns
    -------
    (m, k) less the group's mean, by its spread, times the reference's spread, plus its mean. The
    group's mean and spread are shrunk towards the reference with ``weight``.
    """
    if not weight > 0:
        raise ParameterError(f"weight must be above 0, got {weight!r}")
    n, freedom = own.n[:, None], own.freedom[:, None]
    mean = (n * own.mean + weight * reference.mean) / (n + weight)
    variance = (own.squares + weight * reference.spread**2) / (freedom + weight)
    spread = np.broadcast_to(reference.spread, variance.shape)
    # a class whose scores never change among other people has no spread to be matched to
    ratio = np.divide(spread, np.sqrt(variance), out=np.ones_like(variance), where=spread > 0)
    target = np.broadcast_to(reference.mean, mean.shape)
    return np.asarray((scores - mean[place]) * ratio[place] + target[place])


def shift_by_baseline(
    scores: Floats, baseline: Floats, rest: Floats, strength: float = STRENGTH
) -> Floats:
    """Scores of one group, moved by how its rest differs from other people's.

    Parameters
    ----------
    scores : (m, k). baseline : (n, k) scores of the same group at rest, n ≥ 1.
    rest : (k,) other people's mean at rest.
    strength : 0..1, the share that is taken out.

    Examples
    --------
    >>> shift_by_baseline(np.zeros((1, 2)), np.array([[1.0, 0.0]]), np.zeros(2)).tolist()
    [[-0.5, 0.0]]
    """
    if not 0 <= strength <= 1:
        raise ParameterError(f"strength must be a number from 0 to 1, not {strength!r}")
    return np.asarray(scores - strength * (baseline.mean(axis=0) - rest))


def normalise_by_person(
    probabilities: ArrayLike,
    persons: ArrayLike,
    reference: Reference | None = None,
    weight: float = WEIGHT,
) -> Floats:
    """Probabilities of clips, each normalised by all clips of the same person.

    Parameters
    ----------
    probabilities : (n, k) rows that sum to one. persons : (n,) whose each clip is.
    reference : other people; None: for each person all other persons among these.
    weight : of the reference, in clips.

    Returns
    -------
    (n, k) rows that sum to one. Those of a person with one clip stay as they are; and all, where
    there is one person only and no reference.

    Raises
    ------
    ParameterError : not a person for each row, or no probabilities.

    Examples
    --------
    >>> p = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    >>> normalise_by_person(p, ["a", "a", "b", "b"]).round(2).tolist()
    [[0.74, 0.26], [0.53, 0.47], [0.38, 0.62], [0.17, 0.83]]
    """
    p = np.asarray(probabilities, np.float64)
    names, place = np.unique(np.asarray(persons), return_inverse=True)
    if p.ndim != 2 or len(place) != len(p):
        raise ParameterError(
            f"probabilities must be (n, classes) with a person each, got {p.shape} and "
            f"{np.shape(persons)}"
        )
    if not (np.isfinite(p).all() and (p >= 0).all() and (p.sum(axis=1) > 0).all()):
        raise ParameterError("probabilities must be finite, 0 or above, and not all 0 in a row")
    g = len(names)
    if not len(p) or (reference is None and g < 2):
        return p.copy()
    scores = log_scores(p)
    own = moments_of(scores, place, g)
    others = others_of(own) if reference is None else reference
    made = probabilities_of(scale_groups(scores, place, own, others, weight), p)
    return np.where((own.n > 1)[place, None], made, p)
