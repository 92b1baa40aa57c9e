"""Scores on strangers: data of which a model was trained on nothing. Pure functions of arrays.

A corpus often lacks some of the seven emotions. Its scores are then given twice: among the classes
present, where a prediction of an absent class is not possible, and as predicted, where it counts as
wrong. An item without an answer, such as a picture without a face, counts as wrong both times.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.checks import checked_labels
from emonets.evaluation.metrics import Score, evaluate, expected_calibration_error
from emonets.provenance.seen import Seen

MOST_SEEN = 0.5
"""A corpus of which more was trained on is no stranger: it is marked, and left out of means."""
NONE = len(EMOTIONS)
"""The predicted class of an item without an answer; it is never the true one."""

_CLASSES = (*EMOTIONS, "no answer")
_WATCHED = ("disgust", "fear")


@dataclass(frozen=True, eq=False)
class Answers:
    """What one system predicts for the items of one corpus.

    Attributes
    ----------
    labels : (n,) int64, 0..6, the truth.
    p : (n, 7) probabilities, each row summing to one.
    found : (n,) bool, whether there is an answer; ``p`` counts only there.
    groups : (n,) who each item is of, or None where that is not known.

    Raises
    ------
    DataError : lengths that do not fit; the message names the array.
    """

    labels: NDArray[np.int64]
    p: NDArray[np.float64]
    found: NDArray[np.bool_]
    groups: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        for name, shape in (("p", (n, len(EMOTIONS))), ("found", (n,)), ("groups", (n,))):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise DataError(f"{name}: expected shape {shape}, found {array.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer[Any]]) -> Answers:
        """The items at these positions."""
        groups = None if self.groups is None else self.groups[rows]
        return Answers(self.labels[rows], self.p[rows], self.found[rows], groups)

    def without(self, emotion: str) -> Answers:
        """The items of the other emotions."""
        return self.take(self.labels != EMOTIONS.index(emotion))


@dataclass(frozen=True)
class StrangerScore:
    """The scores of one system on one corpus, 0..1.

    Attributes
    ----------
    uar : mean recall over the classes present. accuracy : share of right answers.
    recall : of disgust and of fear, by name, where the corpus has them.
    calibration_error : expected, of the items with an answer; None where there are none.
    n : items. n_groups : people, or None where intervals are over items.
    unanswered : items without an answer. classes : how many are present.
    """

    uar: Score
    accuracy: Score
    recall: Mapping[str, Score]
    calibration_error: float | None
    n: int
    n_groups: int | None
    unanswered: int
    classes: int


def present_only(
    p: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Probabilities (n, 7) among the emotions that occur in the labels, and names of the others.

    A row whose probability lies on the others only becomes uniform.
    """
    present = np.isin(np.arange(len(EMOTIONS)), labels)
    part = np.where(present, p, 0.0)
    total = part.sum(axis=1, keepdims=True)
    part = np.where(total > 0, part / np.maximum(total, 1e-300), present / present.sum())
    return part, tuple(e for e, there in zip(EMOTIONS, present, strict=True) if not there)


def score_answers(answers: Answers, *, masked: bool, seed: int = 0) -> StrangerScore:
    """The scores of answers, with 95 % intervals over groups where these are known.

    Parameters
    ----------
    masked : whether only the classes present can be predicted; else all seven can.
    seed : of the resampling.

    Raises
    ------
    DataError : there are no items, or a label is outside 0..6.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.1, 0.5, 0, 0.4, 0, 0, 0], [0.6, 0, 0, 0.4, 0, 0, 0]])
    >>> answers = Answers(np.array([3, 0]), p, np.array([True, True]))
    >>> score_answers(answers, masked=True).uar.value
    1.0
    >>> score_answers(answers, masked=False).uar.value
    0.5
    """
    y = checked_labels(answers.labels, "labels")
    p = present_only(answers.p, y)[0] if masked else answers.p
    predicted = np.where(answers.found, p.argmax(axis=1), NONE)
    groups = answers.groups
    if groups is not None and not 1 < len(np.unique(groups)) < len(groups):
        groups = None
    made = evaluate(y, predicted, groups=groups, seed=seed, classes=_CLASSES)
    error = None
    if answers.found.any():
        error = expected_calibration_error(y[answers.found], p[answers.found])
    here = set(np.unique(y).tolist())
    recall = {
        name: made.recall[EMOTIONS.index(name)] for name in _WATCHED
        if EMOTIONS.index(name) in here
    }  # fmt: skip
    return StrangerScore(
        made.uar, made.accuracy, recall, error, made.n, made.n_groups,
        int((~answers.found).sum()), len(here),
    )  # fmt: skip


def mean_score(scores: Sequence[Score]) -> Score:
    """The mean of scores on several corpora, each counting once.

    The corpora are drawn apart, so the variances of their scores add. Half an interval of the
    mean is the root of the summed squares of the halves, divided by their number.

    Raises
    ------
    DataError : there is no score.

    Examples
    --------
    >>> mean_score([Score(0.5, 0.4, 0.6), Score(0.7, 0.7, 0.7)])
    Score(value=0.6, low=0.55, high=0.65)
    """
    if not scores:
        raise DataError("no score to take a mean of")
    k = len(scores)
    value = sum(s.value for s in scores) / k
    below = math.sqrt(sum((s.value - s.low) ** 2 for s in scores)) / k
    above = math.sqrt(sum((s.high - s.value) ** 2 for s in scores)) / k
    return Score(round(value, 12), round(max(0.0, value - below), 12), round(value + above, 12))


@dataclass(frozen=True, eq=False)
class Mark:
    """What a system's training data have to do with a corpus.

    Attributes
    ----------
    trained_on : whether most of the corpus, or its people, were trained on: it is no stranger.
    use : (n,) bool, the items that are scored: all of a corpus that was trained on, else those
        that were not trained on.
    note : a text for the table; empty if nothing of it was trained on.
    """

    trained_on: bool
    use: NDArray[np.bool_]
    note: str = ""

    @property
    def dropped(self) -> int:
        """How many items are not scored."""
        return int((~self.use).sum())


def mark(name: str, n: int, seen: Seen | None, *, most: float = MOST_SEEN) -> Mark:
    """Whether a corpus of n items was trained on, and which of its items are scored.

    Parameters
    ----------
    name : of the corpus. It is compared only with corpora of which a bundle keeps no fingerprints.
    seen : which items were trained on; None: nothing is known, as of a packaged network.
    most : share of items above which the whole corpus counts as trained on.
    """
    everything = np.ones(n, bool)
    if seen is None:
        return Mark(False, everything)
    if name in seen.unchecked:
        return Mark(True, everything, f"trained on {name}, by its name alone")
    known = seen.any
    if n and known.mean() > most:
        return Mark(True, everything, f"trained on {known.sum()} of these {n}, or on their people")
    notes = []
    if known.any():
        notes.append(f"{known.sum()} that were trained on are left out")
    if seen.unchecked:
        notes.append(f"not checked against {', '.join(seen.unchecked)}")
    return Mark(False, ~known, "; ".join(notes))
