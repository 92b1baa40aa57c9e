"""The penalty of the mouth specialist's classifier, chosen on clips that were not trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.learners.folds import Fold, shuffled_folds
from emonets.learners.logistic.frames import FrameLogistic, strength_path

log = logging.getLogger(__name__)

_LEAST = 1e-6  # a smaller probability counts as this: no single clip decides
_ROWS = 256  # pictures whose features are in memory together
_WORSE = 2  # penalties in a row that are worse than the best: weaker ones are not tried
_CHOOSING_FOLDS = 3  # in which the penalty is chosen, where no validation data are named


def choosing_folds(groups: NDArray[Any]) -> list[Fold]:
    """Three folds of whole groups, or two where there are only two groups.

    Parameters
    ----------
    groups : (n,) the group of each picture.

    Raises
    ------
    DataError : all pictures are of one group.
    """
    count = min(_CHOOSING_FOLDS, len(np.unique(groups)))
    if count < 2:
        raise DataError(
            "the strength of the penalty is chosen on groups that were not trained on, but "
            "all pictures are of one group; give more groups, or pictures for choosing"
        )
    return shuffled_folds(len(groups), count, np.random.RandomState(0), groups)


def penalty_scores(
    classifier: FrameLogistic,
    strengths: Sequence[float],
    steps: NDArray[np.uint8],
    unit: NDArray[np.float64],
    labels: NDArray[np.int64],
    clips: NDArray[Any],
    folds: Sequence[Fold],
) -> tuple[dict[float, float], dict[float, float]]:
    """Loss (mean -log p) and accuracy of each penalty, on clips that were not trained on.

    Parameters
    ----------
    classifier : its parameters; ``l2`` is replaced by each of ``strengths``, strongest first.
    steps, unit : (n, d) features in whole steps, and (d,) the size of a step.
    labels, clips : (n,) canonical classes, and the clip of each picture.
    folds : indices of pictures, to train on and to test.

    Returns
    -------
    Two dicts by penalty. Penalties are left out once weaker ones only get worse.
    """
    names, clip = np.unique(clips, return_inverse=True)
    tested = np.unique(np.concatenate([clip[test] for _, test in folds]))
    truth = np.zeros(len(names), np.int64)
    truth[clip] = labels
    paths = []
    for train, _ in folds:
        weight = np.zeros(len(labels))
        weight[train] = 1
        paths.append(strength_path(classifier, strengths, steps, labels, weight, unit=unit))
    losses: dict[float, float] = {}
    scores: dict[float, float] = {}
    for models in zip(*paths, strict=True):  # of one penalty, the strongest first
        p = np.zeros((len(names), len(EMOTIONS)))
        for model, (_, test) in zip(models, folds, strict=True):
            columns = np.asarray(model.classes_, np.int64)
            for start in range(0, len(test), _ROWS):
                rows = test[start : start + _ROWS]
                frames = np.zeros((len(rows), len(EMOTIONS)))
                frames[:, columns] = model.predict_proba(steps[rows] * unit)
                np.add.at(p, clip[rows], frames)
        q = p[tested] / p[tested].sum(axis=1, keepdims=True)
        right = q[np.arange(len(tested)), truth[tested]]
        strength = float(models[0].l2)
        losses[strength] = float(-np.log(np.maximum(right, _LEAST)).mean())
        scores[strength] = float((q.argmax(axis=1) == truth[tested]).mean())
        log.info(f"penalty {strength:g}: loss {losses[strength]:.4f}, {scores[strength]:.1%} right")
        if list(losses.values()).index(min(losses.values())) < len(losses) - _WORSE:
            break  # the weaker the penalty the longer it takes, and this leads nowhere
    return losses, scores
