"""The mouth specialist as a part of a system that is trained on labelled clips or still faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor, Floats
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.learners.folds import Indices
from emonets.runtime.settings import to_table
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.extractor import mouths_extractor
from emonets.specialists.mouth.settings import mouth_from_table
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.specialists.mouth.training import (
    Mouths,
    clip_probabilities,
    fit_mouth,
)
from emonets.training_contract import Bools, Material, Run, Trainer, TrainerRequest

_TOGETHER = 512  # clips of few pictures, and pictures, that are predicted together


class MouthTrainer:
    """The bag of mouths (3.4).

    Parameters
    ----------
    table : a preset's ``mouth`` table; ``every`` N: of a clip's mouths each N-th is learned from.
    """

    name = "mouth"

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = {key: value for key, value in table.items() if key != "every"}
        self._every = int(table.get("every", 1))
        options = mouth_from_table(table)
        self._view = MouthView(options.region, options.colour)
        self._extractor = mouths_extractor(self._view)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self._table, "every": self._every}

    def extractors(self) -> list[Extractor]:
        return [self._extractor]

    def found(self, data: Material, rows: Indices) -> Bools:
        return np.array([data.read(self._extractor, i)["known"].any() for i in rows.tolist()], bool)

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        # the validation part chooses the penalty and is not learned from, as in the paper
        splits = np.full(len(rows), "", "<U5")
        if run.choosing is not None:
            splits[np.isin(rows, run.choosing)] = "valid"
        mouths = self.mouths(data, rows, self._every, splits)
        specialist = fit_mouth(mouths, self._table, seed=run.seed, work=run.work)
        best = float(specialist.classifier.l2)
        return specialist, {
            "clips": len(rows), "pictures": len(mouths.mouths),
            "chosen_by": "mean -log p of clips that were not learned from",
            "chosen_penalty": best, "chosen_accuracy": round(specialist.scores_[best], 4),
        }  # fmt: skip

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        p = np.full((len(rows), len(EMOTIONS)), UNIFORM)
        for here in self._batches(data, rows):  # a few at a time: their mouths are in memory
            p[here] = clip_probabilities(specialist, self.mouths(data, rows[here], 1))
        return p

    def _batches(self, data: Material, rows: Indices) -> Iterator[slice]:
        start, pictures = 0, 0
        for k, i in enumerate(rows.tolist()):
            count = len(data.read(self._extractor, i)["known"])
            if k > start and pictures + count > _TOGETHER:
                yield slice(start, k)
                start, pictures = k, 0
            pictures += count
        if start < len(rows):
            yield slice(start, len(rows))

    def mouths(
        self,
        data: Material,
        rows: Indices,
        every: int = 1,
        splits: NDArray[np.str_] | None = None,
    ) -> Mouths:
        """The mouths of some clips.

        Parameters
        ----------
        every : of each clip's pictures every so-many-th is taken: neighbours are nearly the same.
        splits : (n,) train, valid or nothing for each clip; None: nothing.
        """
        mouths = [np.empty((0, *self._view.shape), np.uint8)]
        clip = [np.empty(0, np.int64)]
        for number, i in enumerate(rows.tolist()):
            kept = data.read(self._extractor, i)
            part = kept["mouths"][kept["known"]][::every]
            mouths.append(part)
            clip.append(np.full(len(part), number))
        return Mouths(
            data.name, self._view, np.concatenate(mouths), np.concatenate(clip),
            data.labels[rows], data.groups[rows],
            np.full(len(rows), "") if splits is None else splits,
        )  # fmt: skip


def make_trainer(request: TrainerRequest) -> Trainer:
    """The trainer that a ``mouth`` table describes.

    Raises
    ------
    ParameterError : a key that the specialist does not have, or a value out of range.
    """
    return MouthTrainer(to_table(mouth_from_table(request.table)))


def make_scorer(specialist: MouthSpecialist, bundle: str) -> Trainer:
    """What extracts and predicts for a trained specialist."""
    view = specialist.view
    return MouthTrainer({"region": view.region, "colour": view.colour})
