"""The activity specialist as a part of a system that is trained on labelled clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor, Floats
from emonets.learners.folds import Indices
from emonets.runtime.settings import to_table
from emonets.specialists.activity.blocks import SUPERBLOCK
from emonets.specialists.activity.clips import MotionClip, describe_clips
from emonets.specialists.activity.extractor import tubes_extractor
from emonets.specialists.activity.settings import activity_from_table
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.activity.training import fit_specialist
from emonets.training_contract import Bools, Material, Run, Trainer, TrainerRequest


class ActivityTrainer:
    """Motion words and the chi-square SVM (3.3); the words, too, are learned from the clips.

    Parameters
    ----------
    table : a preset's ``activity`` table. To predict only, ``on`` and ``longest`` are enough.
    trains : whether it is to learn.
    least : frames in a row that a face must be followed for: those of a super block.

    Raises
    ------
    ParameterError : it is to learn, and the table is wrong.
    """

    name = "activity"

    def __init__(
        self, table: Mapping[str, Any], *, trains: bool = True, least: int = SUPERBLOCK[0]
    ) -> None:
        self._least = least
        if trains:
            self._least = activity_from_table(table).superblocks.size[0]
        self._table = dict(table)
        self._tubes = tubes_extractor()
        self._on_tubes = table.get("on", "frames") == "tubes"

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._table

    def extractors(self) -> list[Extractor]:
        return [self._tubes]

    def found(self, data: Material, rows: Indices) -> Bools:
        if not self._on_tubes:
            return np.array([data.items[i].kind == "clip" for i in rows.tolist()], bool)
        return np.array(
            [_moves(data.read(self._tubes, i), self._least) for i in rows.tolist()], bool
        )

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        specialist, stages = fit_specialist(
            self._clips(data, rows, run), data.labels[rows], data.groups[rows], self._table,
            work=run.work, seed=run.seed, workers=run.workers,
        )  # fmt: skip
        return specialist, {"clips": len(rows), **stages}

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        features = describe_clips(
            self._clips(data, rows, run), specialist, run.work, workers=run.workers,
            strict=False,
        )  # fmt: skip
        p: Floats = specialist.predict_proba(features)
        return p

    def _clips(self, data: Material, rows: Indices, run: Run) -> list[MotionClip]:
        longest = self._table.get("longest") or None
        clips = []
        for i in rows.tolist():
            item = data.items[i]
            if self._on_tubes:
                tubes = data.file(self._tubes, i, run.work / "fetched")
                clips.append(MotionClip(item.path, None, tubes, item.start, item.end))
            else:
                clips.append(MotionClip(item.path, longest, None, item.start, item.end))
        return clips


def _moves(tubes: Mapping[str, NDArray[Any]], least: int) -> bool:
    """Whether a face is followed for so many frames in a row."""
    index, track = tubes["index"], tubes["track"]
    breaks = np.flatnonzero((np.diff(index) != 1) | (np.diff(track) != 0)) + 1
    runs = np.diff(np.concatenate([[0], breaks, [len(index)]]))
    return bool(len(index) and runs.max() >= least)


def make_trainer(request: TrainerRequest) -> Trainer:
    """The trainer that an ``activity`` table describes.

    Raises
    ------
    ParameterError : the table is wrong.
    """
    return ActivityTrainer(to_table(activity_from_table(request.table)))


def make_scorer(specialist: ActivitySpecialist, bundle: str) -> Trainer:
    """What extracts and predicts for a trained specialist; it cannot learn."""
    table = {"on": specialist.on, "longest": specialist.longest}
    least = specialist.code.filters.geometry.superblock[0]
    return ActivityTrainer(table, trains=False, least=least)
