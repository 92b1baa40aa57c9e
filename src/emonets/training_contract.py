"""What training requires of a specialist, and what a specialist may require of training.

A `Trainer` is one specialist of a system that learns from labelled clips. It reads the features of
the clips through `Material`, is configured by a `Run`, and predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor, Floats
from emonets.datasets.items import Item
from emonets.errors import DataError, ParameterError
from emonets.learners.folds import Indices
from emonets.runtime.store import Arrays, FeatureStore

Bools = NDArray[np.bool_]


class Material(Protocol):
    """Labelled clips whose features are in a store, as trainers read them.

    Attributes
    ----------
    name : of the data sets. items : the clips, n of them.
    names : extractor → name in the store of its features of each clip.
    corpora : (n,) name of the data set each clip is of.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`. words : (n,) the labels
        as the data name them.
    groups : (n,) ``corpus/group``. splits : (n,) train, valid, test or empty.
    """

    @property
    def name(self) -> str: ...
    @property
    def store(self) -> FeatureStore: ...
    @property
    def items(self) -> Sequence[Item]: ...
    @property
    def names(self) -> Mapping[Extractor, Sequence[str]]: ...
    @property
    def corpora(self) -> NDArray[np.str_]: ...
    @property
    def labels(self) -> NDArray[np.int64]: ...
    @property
    def words(self) -> NDArray[np.str_]: ...
    @property
    def groups(self) -> NDArray[np.str_]: ...
    @property
    def splits(self) -> NDArray[np.str_]: ...

    def read(self, extractor: Extractor, i: int) -> Arrays:
        """The features of a clip, as an extractor made them."""

    def file(self, extractor: Extractor, i: int, cache: Path) -> Path:
        """The same as a file. From a store that is elsewhere it is copied into ``cache``."""


@dataclass(frozen=True)
class Run:
    """How a trainer works.

    Attributes
    ----------
    work : folder of intermediate files. An interrupted run continues from there.
    seed : of everything random. workers : processes.
    choosing : (k,) positions of those training clips that are the validation part of the data.
        None: there is none, or the training is part of a cross-validation. A trainer that holds
        clips out, to stop early or to select, holds out these.
    next_fold : (k,) the training clips of the fold that follows the tested one. None: folds are
        of one group each, or there are none. A trainer that stops early may hold out these.
    """

    work: Path
    seed: int = 0
    workers: int = 1
    choosing: Indices | None = None
    next_fold: Indices | None = None

    def within(self, rows: Indices) -> Run:
        """The same run, with the validation part limited to these clips."""
        if self.choosing is None:
            return self
        return replace(self, choosing=self.choosing[np.isin(self.choosing, rows)])


class Trainer(Protocol):
    """One specialist of a system that is trained on labelled clips.

    Attributes
    ----------
    name : of the specialist, and of its table in a preset.
    settings : all that affects what it learns, beside clips and seed; plain, for JSON.

    A trainer may have ``base``, the bundle whose network it takes. The new bundle then also lists
    what that network was trained on.

    A trainer may have ``fine_classes``, names of more classes than the seven emotions, which come
    first. It then has ``predict_fine(specialist, data, rows, p)``. That returns probabilities
    (n, classes) of clips for which ``predict`` returned ``p``.
    """

    name: str

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def extractors(self) -> list[Extractor]:
        """The extractors that make the features it requires."""

    def found(self, data: Material, rows: Indices) -> Bools:
        """(n,) whether a clip holds usable input; ``rows`` are positions of clips."""

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        """A specialist trained on the clips at ``rows``, and its card."""

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        """Probabilities (n, 7) of the clips at ``rows``; 1/7 each where nothing is found."""


@dataclass(frozen=True)
class TrainerRequest:
    """What a trainer is made from.

    Attributes
    ----------
    table : the specialist's table of the preset, checked.
    base : the bundle whose network is taken; None: as the table or the preset names it.
    open_base : takes the bundle's name in a table, or None. Returns the name that is used, the
        bundle's specialist of this name, and in words which clips its network was trained on.
    notes : list to which notes on a choice are added.
    """

    table: Mapping[str, Any]
    open_base: Callable[[str | None], tuple[str, Any, str]]
    base: str | None = None
    notes: list[str] = field(default_factory=list)


def check_rows(trainer: Trainer, data: Material, rows: Indices) -> Indices:
    """Those of the clips at ``rows`` that hold usable input for a trainer.

    Raises
    ------
    DataError : there is none, or they are of one emotion or one group only.
    """
    use = rows[trainer.found(data, rows)]
    if not len(use):
        raise DataError(
            f"{data.name}: none of {len(rows)} clips has usable input for {trainer.name}; check "
            "the clips, or leave it out (--models)"
        )
    for what, values in (("emotion", data.labels[use]), ("group", data.groups[use])):
        if len(np.unique(values)) < 2:
            raise DataError(
                f"{data.name}: all {len(use)} clips with usable input for {trainer.name} are of "
                f"one {what}; give more, or leave it out (--models)"
            )
    return use


def check_run(seed: int, workers: int = 1) -> None:
    """Raise ParameterError if the seed or the number of workers is out of range."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**32:
        raise ParameterError(f"seed must be 0 to {2**32 - 1}, got {seed!r}")
    if workers < 1:
        raise ParameterError(f"workers must be 1 or more, got {workers}")
