"""Training the mouth specialist on labelled mouths (paper 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import DataError
from emonets.runtime.files import try_folder
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.settings import build_mouth, mouth_from_table
from emonets.specialists.mouth.specialist import MouthSpecialist


@dataclass(frozen=True, eq=False)
class Mouths:
    """Mouth crops of labelled clips; a still face is a clip of one picture.

    Attributes
    ----------
    name : of the data.
    view : how they were cut.
    mouths : (n, 30, 40[, 3]) uint8, those that show something (`MouthView.known`).
    clip : (n,) number of the clip that each is of.
    labels : (c,) 0..6 of the clips, in the order of `emonets.EMOTIONS`.
    groups : (c,) groups, ``corpus/person``.
    splits : (c,) ``train``, ``valid``, ``test`` or, where the data are not divided, nothing.
    dropped : (file, why) of clips that were left out.
    blind : clips in which no mouth was found; they are among the clips, without a picture.
    """

    name: str
    view: MouthView
    mouths: NDArray[np.uint8]
    clip: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]
    dropped: tuple[tuple[str, str], ...] = ()

    @property
    def blind(self) -> int:
        return len(self.labels) - len(np.unique(self.clip))

    def take(self, clips: NDArray[np.bool_]) -> Mouths:
        """Some of the clips, by a mask (c,)."""
        number = np.cumsum(clips) - 1
        pictures = clips[self.clip]
        return Mouths(
            self.name, self.view, self.mouths[pictures], number[self.clip[pictures]],
            self.labels[clips], self.groups[clips], self.splits[clips], self.dropped,
        )  # fmt: skip


def fit_mouth(
    data: Mouths,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
) -> MouthSpecialist:
    """Train on all clips that are not for testing.

    The penalty is chosen on the clips of the data's validation part, which are then not trained
    on, as in the paper; where there is none, in three folds of groups.

    Raises
    ------
    DataError : no clips are left, of one emotion only, or of one group.
    """
    part = data.take(data.splits != "test")
    if not len(part.mouths):
        raise DataError(f"{data.name}: no mouth is left to train on, beside those for testing")
    choosing = (part.splits == "valid")[part.clip] if (part.splits == "valid").any() else None
    if choosing is not None and (choosing.all() or not choosing.any()):
        raise DataError(f"{data.name}: its training or its validation part holds no mouths")
    labels = part.labels[part.clip]
    learned = labels if choosing is None else labels[~choosing]
    if len(np.unique(learned)) < 2:
        raise DataError(f"{data.name}: the clips to train on have one emotion only")
    if work is not None:
        try_folder(work)
    return build_mouth(mouth_from_table(settings), seed=seed).fit_pictures(
        part.mouths, labels, part.clip, part.groups[part.clip],
        choosing=choosing, work=work,
    )  # fmt: skip


def clip_probabilities(specialist: MouthSpecialist, data: Mouths) -> NDArray[np.float64]:
    """(c, 7): the mean over each clip's mouths; 1/7 each where there is none."""
    frames = specialist.picture_probabilities(data.mouths)
    count = np.bincount(data.clip, minlength=len(data.labels))[:, None]
    total = np.zeros((len(data.labels), len(EMOTIONS)))
    np.add.at(total, data.clip, frames)
    return np.where(count, total / np.maximum(count, 1), UNIFORM)
