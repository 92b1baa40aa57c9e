"""What training requires of a specialist, and what a specialist may require of training.

A `Trainer` is one specialist of a system that learns from labelled clips. It reads what was taken
out of the clips through `Material`, works as a `Run` says, and predicts.
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
    names : extractor → name in the store of what it took out of each clip.
    corpora : (n,) name of the data set each clip is of.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`. words : (n,) the data's own.
    groups : (n,) ``corpus/group``. splits : (n,) train, valid, test or nothing.
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
        """What an extractor took out of a clip."""

    def file(self, extractor: Extractor, i: int, cache: Path) -> Path:
        """The same as a file; of a store that is elsewhere it is fetched into a folder."""


@dataclass(frozen=True)
class Run:
    """How a trainer is to work.

    Attributes
    ----------
    work : folder for what is made on the way; an interrupted run goes on from there.
    seed : of everything random. workers : processes.
    choosing : (k,) positions, of the clips to train on, that are the validation part of the data;
        None: there is none, or the training is part of a cross-validation. A trainer that holds
        clips out, to stop by or to choose by, holds out these.
    next_fold : (k,) the same, of the fold that follows the one that is tested; None: folds are
        of one group each, or there are none. A trainer that stops by clips may hold out these.
    """

    work: Path
    seed: int = 0
    workers: int = 1
    choosing: Indices | None = None
    next_fold: Indices | None = None

    def within(self, rows: Indices) -> Run:
        """The same, where of the validation part these clips alone are used."""
        if self.choosing is None:
            return self
        return replace(self, choosing=self.choosing[np.isin(self.choosing, rows)])


class Trainer(Protocol):
    """One specialist of a system that is trained on labelled clips.

    Attributes
    ----------
    name : of the specialist, and of its table in a preset.
    settings : all that decides what it learns, beside clips and seed; plain, for JSON.

    A trainer may have ``base``, the bundle whose network it takes. What that network was trained
    on is then known of the new bundle, too.

    A trainer may have ``fine_classes``, names of more classes than the seven emotions, which come
    first. It then has ``predict_fine(specialist, data, rows, p)``, (n, classes) probabilities of
    clips of which ``predict`` returned ``p``.
    """

    name: str

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def extractors(self) -> list[Extractor]:
        """What has to be taken out of the clips."""

    def found(self, data: Material, rows: Indices) -> Bools:
        """(n,) whether a clip, of some by position, holds anything to predict from."""

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        """A specialist that has learned from some clips, and what its card tells of it."""

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        """(n, 7) of some clips; 1/7 each where nothing is found."""


@dataclass(frozen=True)
class TrainerRequest:
    """From what a trainer is made.

    Attributes
    ----------
    table : the specialist's table of the preset, checked.
    base : the bundle whose network is taken; None: as the table or the preset tells.
    open_base : returns, of the bundle's name that a table gives, the name that counts, the
        bundle's specialist of this name, and which of the data its network was trained on.
    notes : what is to be told of a choice is added there.
    """

    table: Mapping[str, Any]
    open_base: Callable[[str | None], tuple[str, Any, str]]
    base: str | None = None
    notes: list[str] = field(default_factory=list)


def check_rows(trainer: Trainer, data: Material, rows: Indices) -> Indices:
    """Of some clips those that hold anything for a trainer.

    Raises
    ------
    DataError : none does, or they are of one emotion or one group only.
    """
    use = rows[trainer.found(data, rows)]
    if not len(use):
        raise DataError(
            f"{data.name}: none of {len(rows)} clips holds anything for the {trainer.name}"
        )
    for what, values in (("emotion", data.labels[use]), ("group", data.groups[use])):
        if len(np.unique(values)) < 2:
            raise DataError(
                f"{data.name}: all {len(use)} clips that the {trainer.name} can learn from are of "
                f"one {what}; give more, or leave it out (--models)"
            )
    return use


def check_run(seed: int, workers: int = 1) -> None:
    """Raise ParameterError unless a run can have such a seed and so many workers."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**32:
        raise ParameterError(f"seed must be 0 to {2**32 - 1}, got {seed!r}")
    if workers < 1:
        raise ParameterError(f"workers must be 1 or more, got {workers}")
