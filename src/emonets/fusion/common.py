"""Checks of P[clip, model, class], and how weights pool it.

``P`` is (n, m, k): n clips, m models, k classes, each row P[i, j] summing to one. A model that
found nothing in a clip (no face, no sound) counts as 1/k of every class there: give ``found``
(n, m). Rows of P at its false entries are ignored, NaN included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils.multiclass import check_classification_targets

from emonets.errors import DataError, ParameterError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Arrays = dict[str, NDArray[Any]]

SUM_TOLERANCE = 1e-3
"""How far from one a row may sum: probabilities are often kept with three or more decimals."""
FLOOR = 1e-6
"""The least probability of a logarithm: so no single model can exclude a class."""
DOMAINS = ("probability", "log")
"""Where models are added up: their probabilities (a linear pool) or the logarithms (a product)."""


class FusionDataError(DataError, ValueError):
    """A DataError about P or its labels; for scikit-learn's tools it is a ValueError."""


def check_probabilities(P: ArrayLike, *, found: ArrayLike | None = None) -> Floats:
    """P as floats, with 1/k wherever a model found nothing.

    Parameters
    ----------
    P : (n, m, k), rows summing to one.
    found : (n, m) bool, false where P[i, j] is to be 1/k; None: true everywhere.

    Returns
    -------
    (n, m, k), an array of its own.

    Raises
    ------
    FusionDataError : a wrong shape, nothing in it, NaN, negative values, or rows that do not sum
        to one; the message names the first such clip and model.
    """
    try:
        p = np.array(P, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FusionDataError(f"P must be an array of numbers: {error}") from None
    if p.ndim != 3 or 0 in p.shape or p.shape[2] < 2:
        raise FusionDataError(
            f"P must be (clips, models, classes), with at least one clip, one model and two "
            f"classes, not {p.shape}"
        )
    n, m, k = p.shape
    if found is not None:
        p[~check_found(found, n, m)] = 1 / k
    for wrong, what in (
        (~np.isfinite(p).all(axis=2), "holds NaN or infinite values; if the model found nothing "
         "there, mark it in found"),
        ((p < -SUM_TOLERANCE).any(axis=2), "has negative values; give probabilities"),
        (np.abs(p.sum(axis=2) - 1) > SUM_TOLERANCE, "does not sum to one; give probabilities"),
    ):  # fmt: skip
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            row = ", ".join(f"{x:.4g}" for x in p[i, j])
            raise FusionDataError(
                f"P[{i}, {j}], model {j} on clip {i}, {what}: {row} ({wrong.sum()} such rows)"
            )
    return np.maximum(p, 0.0)


def neutral_for_unknown(p: ArrayLike, known: ArrayLike, among: ArrayLike | None = None) -> Floats:
    """Probabilities of a model that was trained on some classes only, neutral on the others.

    Such a model predicts 0 for a class that it was not trained on. In a product that 0 would
    exclude the class, whatever the other models predict. So of u classes to choose from, each that
    the model was not trained on gets 1/u; the others share the rest in their old proportions. If
    the model was trained on all u classes, its probabilities stay as they are.

    Parameters
    ----------
    p : (..., k), rows summing to one.
    known : the classes that it was trained on: their positions, or truth values (k,) or of any
        shape that broadcasts with p's.
    among : the classes to choose from, likewise, in addition to ``known``; None: all k. Others get
        0: no model was trained on them.

    Returns
    -------
    (..., k), rows summing to one; the classes of ``known`` are uniform if they were all 0.

    Raises
    ------
    ParameterError : invalid positions.
    """
    given = np.asarray(p, dtype=np.float64)
    have = _classes("known", known, given.shape[-1])
    every = have | (True if among is None else _classes("among", among, given.shape[-1]))
    lacking = every & ~have
    each = 1 / np.maximum(every.sum(axis=-1, keepdims=True), 1)
    number = have.sum(axis=-1, keepdims=True)
    kept = np.where(have, given, 0.0)
    total = kept.sum(axis=-1, keepdims=True)
    # not "> 0": NaN stays NaN
    shares = np.where(total == 0, have / np.maximum(number, 1), kept / np.where(total, total, 1))
    levelled = np.where(lacking, each, shares * number * each)
    return np.where(lacking.any(axis=-1, keepdims=True), levelled, given)


def neutral_where_unknown(
    P: ArrayLike, known: Sequence[ArrayLike], found: ArrayLike | None = None
) -> Floats:
    """P as a fusion needs it, for fitting and for prediction: :func:`neutral_for_unknown`.

    The classes to choose from in a clip are those of the models that found something there. So P
    stays as it is where these models have the same classes, or where there is one such model.

    Parameters
    ----------
    P : (n, m, k). found : (n, m), as for a fusion.
    known : for each of the m models the classes that it was trained on, positions or truth values
        (k,).

    Returns
    -------
    (n, m, k), 1/k where a model found nothing.

    Raises
    ------
    FusionDataError : as :func:`check_probabilities`.
    ParameterError : invalid classes, or not of m models.
    """
    p = check_probabilities(P, found=found)
    n, m, k = p.shape
    if len(known) != m:
        raise ParameterError(f"known must name the classes of {m} models, not of {len(known)}")
    have = np.stack([_classes("known", classes, k) for classes in known])
    used = np.ones((n, m), dtype=bool) if found is None else check_found(found, n, m)
    among = (used[:, :, None] & have).any(axis=1, keepdims=True)
    return np.where(used[:, :, None], neutral_for_unknown(p, have, among), p)


def _classes(name: str, classes: ArrayLike, k: int) -> NDArray[np.bool_]:
    """Truth values (..., k) of positions (any number of them) or of truth values."""
    given = np.asarray(classes)
    if given.dtype.kind == "b" and given.shape[-1:] == (k,):
        return given
    if given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= k):
        raise ParameterError(f"{name} must be classes 0..{k - 1}, or {k} truth values: {classes!r}")
    mask = np.zeros(k, dtype=bool)
    mask[given.astype(np.intp)] = True
    return mask


def check_found(found: ArrayLike, n: int, m: int) -> NDArray[np.bool_]:
    """``found`` as an array (n, m) of truth values."""
    mask = np.asarray(found)
    if mask.shape != (n, m) or mask.dtype.kind not in "bui":
        raise FusionDataError(
            f"found must be ({n}, {m}) truth values, one for each clip and model, not "
            f"{mask.shape} of {mask.dtype}"
        )
    return mask.astype(bool)


def check_models(name: str, models: Sequence[int], m: int) -> list[int]:
    """Positions of models, each once and within 0..m-1, in rising order."""
    try:
        chosen = sorted({int(j) for j in models})
        same = len(chosen) == len(list(models)) and all(int(j) == j for j in models)
    except (TypeError, ValueError):
        same, chosen = False, []
    if not same or (chosen and not 0 <= chosen[0] <= chosen[-1] < m):
        raise ParameterError(f"{name} must name models by 0..{m - 1}, each once, not {models!r}")
    return chosen


def check_labels(y: ArrayLike, k: int, n: int) -> tuple[NDArray[Any], Ints]:
    """The k classes, and the position of each label in them.

    Whole numbers from 0 to k - 1 are positions as they are, and not every one has to occur; any
    other labels must be of exactly k kinds, whose sorted order is that of P's columns.
    """
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise FusionDataError(f"y must be ({n},), one label a clip, not {labels.shape}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise FusionDataError("y holds NaN or infinite values; every clip needs a label")
    check_classification_targets(labels)
    if labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < k:
        return np.arange(k), labels.astype(np.intp)
    classes, position = np.unique(labels, return_inverse=True)
    if len(classes) != k:
        raise FusionDataError(
            f"P has {k} classes and y {len(classes)}: {', '.join(map(str, classes[:9]))}; give "
            f"labels 0..{k - 1}, or as many kinds of labels as P has columns"
        )
    return classes, position.astype(np.intp)


def check_learnable(target: Ints) -> None:
    """Raise unless there is something to learn from: two clips, two classes."""
    if len(target) < 2:
        raise FusionDataError("1 sample (one clip) is too little to learn weights; give more")
    if (target == target[0]).all():
        raise FusionDataError(
            f"all {len(target)} labels are of one class, which cannot rank the models; give more"
        )


def check_groups(groups: ArrayLike | None, n: int) -> NDArray[Any] | None:
    """Groups (n,) of anything, or None."""
    if groups is None:
        return None
    g = np.asarray(groups)
    if g.shape != (n,):
        raise FusionDataError(f"groups must be ({n},), one a clip, not {g.shape}")
    if g.dtype.kind == "f" and np.isnan(g).any():
        raise FusionDataError("groups hold NaN: every clip must belong to a group")
    return g


def check_max_clips(value: int | None) -> None:
    """Raise ParameterError unless it is None or a whole number of at least 14 clips."""
    if value is not None and (not isinstance(value, int | np.integer) or value < 14):
        raise ParameterError(f"max_clips must be a whole number from 14, or None, not {value!r}")


def drawn_clips(target: Ints, most: int | None, seed: int) -> Ints:
    """Positions of at most so many clips, drawn at random, each class in its proportion.

    Parameters
    ----------
    target : (n,) positions of classes. most : None, or n and more: all clips in their order.

    Examples
    --------
    >>> target = np.arange(90) % 3
    >>> np.bincount(target[drawn_clips(target, 30, seed=0)]).tolist()
    [10, 10, 10]
    """
    n = len(target)
    if most is None or n <= most:
        return np.arange(n)
    shuffled = np.random.RandomState(seed).permutation(n)
    by_class = shuffled[np.argsort(target[shuffled], kind="stable")]
    return np.sort(by_class[np.arange(most) * n // most])


def evidence(p: Floats, domain: str) -> Floats:
    """What is added up over models: p itself, or log(k p), which is 0 for 1/k.

    So a model that found nothing adds nothing to a product, whatever its weights.
    """
    if domain == "probability":
        return p
    return np.asarray(np.log(p.shape[-1] * np.maximum(p, FLOOR)))


def pool(p: Floats, weights: Floats, domain: str = "probability") -> Floats:
    """Weighted pool of the models: (n, m, k) → (n, k), rows summing to one.

    "probability": p[c] ∝ Σ_j w[j, c] P[j, c]; 1/k where that is zero everywhere.
    "log": p[c] ∝ Π_j (k P[j, c]) ^ w[j, c], P being at least :data:`FLOOR`.

    Parameters
    ----------
    p : (n, m, k). weights : (m, k).
    """
    total = np.einsum("ijc,jc->ic", evidence(p, domain), weights)
    if domain == "log":
        return np.asarray(softmax(total, axis=1))
    norm = total.sum(axis=1, keepdims=True)
    shares = np.where(norm > 0, total / np.where(norm > 0, norm, 1.0), 1.0 / p.shape[2])
    return np.asarray(shares)
