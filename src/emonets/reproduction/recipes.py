"""The paper's submissions as recipes (Tables 1 and 2): models, their fusion, and the protocol.

A recipe runs on any data. Models are callables ``(train, test) → probabilities``
(``protocols.FitPredict``), with the names of the specialists. A model that the data do not have is
left out and listed in the outcome. Where the paper is not explicit, ``reading`` is our
interpretation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from emonets.errors import DataError, ParameterError
from emonets.fusion.average import MeanFusion
from emonets.fusion.bagging import BaggedFusion
from emonets.fusion.base import Fusion
from emonets.fusion.common import Floats, Ints
from emonets.fusion.nested import NestedFusion
from emonets.fusion.protocols import (
    PROTOCOLS,
    FitPredict,
    Models,
    Protocol,
    Split,
    Views,
    all_models,
    retrained,
)
from emonets.fusion.search import RandomSearch
from emonets.fusion.stacked import ScaledSvmFusion, SvmFusion
from emonets.reproduction.stored_models import NotStoredError

FACE, FACE_2, AUDIO, ACTIVITY, MOUTH = "face", "face 2", "audio", "activity", "mouth"
"""ConvNet 1, ConvNet 2, and the other models of section 3."""
PAIR = "face+audio"
"""The SVM on the predictions of ConvNet 1 and audio for their training clips: the second
submission, and a separate model in later ones."""

FOUR = (ACTIVITY, AUDIO, MOUTH, FACE)
FIVE = (*FOUR, PAIR)
BAGGED = 350
"""Searches of submission 10, section 4.4.2."""
SCALE_TRIALS = 100
"""Scales that submission 4 tries; the paper does not give their number."""
_GRID: dict[str, Any] = {"exponents": (-1.0, 0.0, 1.0), "cv": 4}

Maker = Callable[[int, Sequence[str]], Fusion]
"""From a seed and the names of the available models: the fusion."""


def _mean(seed: int, models: Sequence[str]) -> Fusion:
    return MeanFusion()


def _svm(seed: int, models: Sequence[str]) -> Fusion:
    return SvmFusion(random_state=seed, **_GRID)


def _scaled(seed: int, models: Sequence[str]) -> Fusion:
    return ScaledSvmFusion(n_trials=SCALE_TRIALS, random_state=seed, **_GRID)


def _search(**settings: Any) -> Maker:
    return lambda seed, models: RandomSearch(random_state=seed, **settings)


def _bag(seed: int, models: Sequence[str]) -> Fusion:
    return BaggedFusion(RandomSearch(), n_estimators=BAGGED, random_state=seed)


def _overfitters_first(seed: int, models: Sequence[str]) -> Fusion:
    """A search over ConvNet 1, mouth and activity, then one over their pool and the pair."""
    chosen = [j for j, name in enumerate(models) if name in (FACE, MOUTH, ACTIVITY)]
    left = [j for j, name in enumerate(models) if name == PAIR]
    if len(chosen) < 2 or not left:
        return RandomSearch(random_state=seed)
    stage = RandomSearch(random_state=seed)
    last = RandomSearch(random_state=seed + 1)
    return NestedFusion([(chosen, stage)], last, keep=False)


@dataclass(frozen=True)
class Submission:
    """One row of Table 1 (2013, AFEW2) or Table 2 (2014, AFEW4).

    Attributes
    ----------
    year, number : which.
    models : names. make : makes the fusion. protocol : of ``protocols.PROTOCOLS``.
    train, valid, test : the paper's accuracies in per cent; None if it gives none.
    method : the paper's words. reading : our interpretation.
    uniform : models that count as 1/7 on the test clips. retrain : models that are trained again on
        train and valid; None: as the protocol does.
    """

    year: int
    number: int
    models: tuple[str, ...]
    make: Maker
    protocol: str
    method: str
    train: float | None = None
    valid: float | None = None
    test: float | None = None
    reading: str = ""
    uniform: tuple[str, ...] = ()
    retrain: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return f"{self.year}-{self.number}"


SUBMISSIONS: tuple[Submission, ...] = (
    Submission(
        2013, 1, (FACE,), _mean, "on valid",
        "Google data & TFD used to train ConvNet 1, SVM trained on aggregated frame scores",
        45.79, 38.13, 35.58,
    ),
    Submission(
        2013, 2, (FACE, AUDIO), _svm, "on train",
        "ConvNet 1 (from submission 1) combined with Audio model using another SVM",
        71.84, 42.17, 38.46, reading="C and gamma chosen on valid",
    ),
    Submission(
        2013, 3, (ACTIVITY, AUDIO, MOUTH, FACE, FACE_2), _mean, "on valid",
        "Mean prediction from: Activity, Audio, Bag of mouth, ConvNet 1, ConvNet 2",
        97.11, 40.15, 37.17,
    ),
    Submission(
        2013, 4, FOUR, _scaled, "on train",
        "SVM with detailed hyperparameter search: Activity, Audio, Bag of mouth, ConvNet 1",
        98.68, 43.69, 32.69, reading="C, gamma and scales chosen on valid",
    ),
    Submission(
        2013, 5, FIVE, _search(n_uniform=400_000, n_local=0), "on valid",
        "Short uniform random search: Activity, Audio, Bag of mouth, CN1, CN1 + Audio",
        94.74, 47.98, 39.42, reading="400,000 draws, as the authors' code",
    ),
    Submission(
        2013, 6, FIVE, _search(n_uniform=100_000, n_local=20_000), "on valid",
        "Short local random search: Activity, Audio, Bag of mouth, CN1, CN1 + Audio",
        94.74, 48.48, 40.06, reading="100,000 uniform and 20,000 local draws",
    ),
    Submission(
        2013, 7, FIVE, _search(n_uniform=100_000, n_local=200_000), "on valid",
        "Moderate local random search: Activity, Audio, Bag of mouth, CN1, CN1 + Audio",
        92.37, 49.49, 41.03, reading="100,000 uniform and 200,000 local draws",
    ),
    Submission(
        2014, 1, FIVE, _search(n_uniform=100_000, n_local=200_000), "on valid",
        "Trained model on 2013 data, BoM failed due to different data format and replaced by "
        "uniform", test=39.80, uniform=(MOUTH,),
        reading="on one data set: the mouth model counts as 1/7 on the test clips only",
    ),
    Submission(
        2014, 2, (ACTIVITY, AUDIO, FACE, PAIR),
        _search(n_restarts=100, n_uniform=4_000, n_local=6_000), "on valid",
        "Trained model on 2013 data, re-learning random search without failed BofM", test=37.84,
        reading="100 searches, the best weights of all",
    ),
    Submission(
        2014, 3, (FACE, AUDIO), _svm, "on both",
        "ConvNet 1 + Audio model combined with SVM, all trained on train+valid", test=44.71,
        reading="the SVM learns from the models of train on both parts; then they are "
        "trained on both",
    ),
    Submission(
        2014, 4, (FACE, AUDIO), _svm, "swapped",
        "ConvNet 1 + Audio model combined with SVM trained on swapped predictions", test=41.52,
    ),
    Submission(
        2014, 5, (FACE,), _mean, "retrained",
        "Google data & TFD used to train ConvNet 1, frame scores aggregated with SVM",
        test=37.35,
    ),
    Submission(
        2014, 6, FIVE, _svm, "retrained",
        "All models combined with SVM trained on validation predictions", test=42.26,
    ),
    Submission(
        2014, 7, FIVE, _search(n_uniform=100_000, n_local=200_000), "retrained",
        "All models combined with random search optimized on validation predictions", test=44.72,
    ),
    Submission(
        2014, 8, (ACTIVITY, MOUTH, FACE, PAIR), _overfitters_first, "retrained",
        "Only two models were trained on train+validation in combination, others used train set "
        "only", test=42.51, retrain=(PAIR,),
        reading="a search over ConvNet 1, mouth and activity, then one over their pool and the "
        "SVM on ConvNet 1 and audio, whose two models are trained on both",
    ),
    Submission(
        2014, 9, FIVE, _search(n_uniform=100_000, n_local=200_000), "swapped",
        "All models combined with random search optimized on full swapped predictions",
        test=47.67,
    ),
    Submission(
        2014, 10, FIVE, _bag, "swapped",
        "Bagging of 350 models similar to submission 9", test=45.45,
    ),
)  # fmt: skip
"""Table 1's seven and Table 2's ten."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """The scores of a recipe.

    Attributes
    ----------
    submission : the recipe. models : that were used. missing : models that the data do not have.
    train, valid, test : accuracies 0..1 of the fusion. train: of models trained on train, on their
        training clips; NaN if these predictions are not stored. valid: of the same models; the
        fusion may have been fitted on these clips. test: NaN without test clips.
    p : (t, k) fused probabilities of the test clips. weights : (m, k) if the fusion has any.
    predicted : part → predicted classes of its clips, 0..k-1, for valid and test.
    """

    submission: Submission
    models: tuple[str, ...]
    missing: tuple[str, ...]
    train: float
    valid: float
    test: float
    p: Floats
    weights: Floats | None
    predicted: Mapping[str, Ints] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, with those of the paper."""
        s = self.submission
        return {
            "submission": s.name, "method": s.method, "protocol": s.protocol,
            "models": list(self.models), "missing": list(self.missing), "reading": s.reading,
            "train": self.train, "valid": self.valid, "test": self.test,
            "paper": {"train": s.train, "valid": s.valid, "test": s.test},
        }  # fmt: skip


def remembered(model: FitPredict, n: int) -> FitPredict:
    """A model trained once for each set of training clips; it then predicts all n clips."""
    known: dict[bytes, Floats] = {}

    def call(train: Ints, test: Ints) -> Floats:
        key = np.sort(train).tobytes()
        if key not in known:
            known[key] = np.asarray(model(train, np.arange(n)), dtype=np.float64)
        return known[key][test]

    return call


def in_sample_pair(models: Models, fusion: Fusion, y: ArrayLike) -> FitPredict:
    """A fusion as a model: it learns from the models' predictions for their training clips.

    The paper trained its SVM on ConvNet 1 and audio in this way (submission 2).
    """
    labels = np.asarray(y)

    def call(train: Ints, test: Ints) -> Floats:
        p = np.stack([np.asarray(m(train, train)) for m in models.values()], axis=1)
        fitted = clone(fusion).fit(p, labels[train])
        q = np.stack([np.asarray(m(train, test)) for m in models.values()], axis=1)
        return np.asarray(fitted.predict_proba(q))

    return call


def run_submission(
    submission: Submission,
    models: Models,
    y: ArrayLike,
    split: Split,
    groups: ArrayLike | None = None,
    *,
    seed: int = 0,
    protocols: Mapping[str, Protocol] = PROTOCOLS,
) -> Outcome:
    """Run a recipe on data.

    Parameters
    ----------
    models : of the data, by the names of this module. Give :func:`remembered` ones, as a recipe
        calls the same training several times. :data:`PAIR` is made of face and audio unless it is
        given.
    y : (n,) labels 0..k-1. split, groups : of all n clips. Without test clips, the trainings for
        them are left out. If a fusion learns from clips of one group only, its folds are of clips.
    protocols : by name, to replace those of the paper.

    Raises
    ------
    NotStoredError : predictions are required and not stored (``stored_models``).
    DataError : the data have none of the recipe's models; a clip or group is on two sides of the
        split.
    """
    labels = np.asarray(y)
    known = dict(models)
    if PAIR not in known and FACE in known and AUDIO in known:
        machine = SvmFusion(random_state=seed, **_GRID)
        pair = in_sample_pair({n: known[n] for n in (FACE, AUDIO)}, machine, labels)
        known[PAIR] = remembered(pair, len(labels))
    here = tuple(name for name in submission.models if name in known)
    missing = tuple(name for name in submission.models if name not in known)
    if not here:
        raise DataError(
            f"submission {submission.name} requires {', '.join(submission.models)}; the data have "
            f"{', '.join(models) or 'none'}"
        )
    chosen = {name: known[name] for name in here}
    views = _views(submission, chosen, split, groups, protocols)
    fusion = submission.make(seed, here)
    among = None if groups is None else np.asarray(groups)
    valid = all_models(chosen, split.train, split.valid, groups)
    extra: dict[str, Any] = {}
    if isinstance(fusion, SvmFusion) and submission.protocol == "on train":
        extra = {"X_valid": valid, "y_valid": labels[split.valid]}
    fit_groups = None if among is None else among[views.fit_rows]
    if fit_groups is not None and len(np.unique(fit_groups)) < 2:
        fit_groups = None  # the validation clips are all of one group
    fusion.fit(views.fit, labels[views.fit_rows], groups=fit_groups, **extra)
    predicted = {"valid": np.asarray(fusion.predict(valid))}
    right = float((predicted["valid"] == labels[split.valid]).mean())
    scores = {"train": np.nan, "valid": right, "test": np.nan}
    with suppress(NotStoredError):
        train = np.stack([np.asarray(m(split.train, split.train)) for m in chosen.values()], axis=1)
        scores["train"] = _right(fusion, train, labels[split.train])
    weights = getattr(fusion, "weights_", None)
    if not len(split.test):
        p = np.empty((0, valid.shape[2]))
        return Outcome(
            submission, here, missing, p=p, weights=weights, predicted=predicted, **scores
        )
    test = views.test.copy()
    test[:, [here.index(name) for name in submission.uniform if name in here]] = 1 / test.shape[2]
    p = fusion.predict_proba(test)
    predicted["test"] = fusion.classes_[p.argmax(axis=1)]
    scores["test"] = float((predicted["test"] == labels[split.test]).mean())
    return Outcome(submission, here, missing, p=p, weights=weights, predicted=predicted, **scores)


def find_submission(name: str) -> Submission:
    """A recipe by its name, such as "2014-9".

    Raises
    ------
    ParameterError : there is none.
    """
    for submission in SUBMISSIONS:
        if submission.name == name:
            return submission
    raise ParameterError(
        f"no submission has the name {name!r}; known: {', '.join(s.name for s in SUBMISSIONS)}"
    )


def _views(
    submission: Submission, models: Mapping[str, FitPredict], split: Split,
    groups: ArrayLike | None, protocols: Mapping[str, Protocol],
) -> Views:  # fmt: skip
    if submission.retrain is not None:
        only = [name for name in submission.retrain if name in models]
        return retrained(models, split, groups, only=only)
    return protocols[submission.protocol](models, split, groups)


def _right(fusion: Fusion, p: Floats, y: Ints) -> float:
    return float((fusion.predict(p) == y).mean())
