"""Labelled recordings with their feature frames, and who of their subjects is left out when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.speech import Recording, Recordings, load_recordings
from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.learners.folds import Indices, shuffled_folds
from emonets.training.sound_frames import sound_frames

Frames = NDArray[np.float32]
Echo = Callable[[str], Any]
_FEWEST = 3  # subjects
_MOST_FOLDS = 10
_HELD_OUT = 0.2  # of the subjects, to stop the training by


@dataclass(frozen=True)
class Labelled:
    """Recordings with their feature frames.

    Attributes
    ----------
    name : of the corpus.
    frames : one (t, width) float32 array a recording.
    labels : (n,) positions in ``classes``.
    groups : (n,) subjects.
    classes : names of the classes.
    folds : (n,) number of the fold that tests each recording.
    dropped : recordings that were left out, and why.
    splits : (n,) ``train``, ``valid``, ``test`` or, where the corpus is not divided, nothing.
    """

    name: str
    frames: list[Frames]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    classes: tuple[str, ...]
    folds: NDArray[np.int64]
    dropped: tuple[tuple[str, str], ...]
    splits: NDArray[np.str_]

    @property
    def split(self) -> str:
        """In words, how the folds divide the subjects."""
        count, subjects = len(np.unique(self.folds)), len(np.unique(self.groups))
        if count == subjects:
            return f"leave one of {subjects} subjects out"
        return f"{count} subject-independent folds"


def load_labelled(
    data: Path,
    features: str,
    work: Path,
    *,
    fine: bool = False,
    workers: int = 1,
    echo: Echo = print,
) -> Labelled:
    """Read recordings and compute their features, or take those that lie in ``work`` already.

    Parameters
    ----------
    data : anything `emonets.datasets.speech.load_recordings` reads.
    features : see `emonets.specialists.audio.AudioSpecialist`.
    fine : the corpus' own classes (RAVDESS: eight) in place of the seven.

    Raises
    ------
    DataError : no recording can be used, or all come from a single subject.
    """
    recordings = load_recordings(data)
    frames = sound_frames(
        [item.path for item in recordings.items], features, work, workers=workers, echo=echo
    )
    if not recordings.grouped:
        echo(
            f"{data}: nothing says who speaks in it, so every recording counts as a speaker of "
            "its own, and scores by cross-validation will be too good"
        )
    use = [i for i, part in enumerate(frames) if part is not None]
    silent = [str(recordings.items[i].path) for i, part in enumerate(frames) if part is None]
    items = [recordings.items[i] for i in use]
    if not items:
        raise DataError(f"{data}: none of {len(frames)} recordings has any sound")
    groups = np.array([item.group for item in items])
    if len(np.unique(groups)) < _FEWEST:
        raise DataError(
            f"{data}: {len(np.unique(groups))} subjects; three at least are needed to train on "
            "one, stop by another and test on a third"
        )
    classes: tuple[str, ...] = EMOTIONS
    labels = np.array([item.label for item in items], np.int64)
    if fine:
        classes, labels = _fine(items)
    return Labelled(
        recordings.name, [part for part in frames if part is not None], labels, groups, classes,
        _folds(recordings, groups),
        (*recordings.dropped, *((path, "silent or unreadable") for path in silent)),
        np.array([_split_name(item.split) for item in items]),
    )  # fmt: skip


def _split_name(split: str | None) -> str:
    """``train``, ``valid`` or ``test`` for a corpus' own word."""
    word = (split or "").strip().lower()
    kinds = {"train": "train", "dev": "valid", "val": "valid", "test": "test"}
    name = next((kind for start, kind in kinds.items() if word.startswith(start)), "")
    if word and not name:
        raise DataError(f"split {split!r}: must be train, valid or test")
    return name


def _fine(items: Sequence[Recording]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The corpus' own classes, those of the seven first and in their order."""
    found = {item.fine for item in items}
    order = {name: i for i, name in enumerate(EMOTIONS)}
    classes = tuple(sorted(found, key=lambda name: (order.get(name, len(order)), name)))
    return classes, np.array([classes.index(item.fine) for item in items], np.int64)


def _folds(recordings: Recordings, groups: NDArray[np.str_]) -> NDArray[np.int64]:
    """The field's folds where there are any, else one fold a subject, but ten at most."""
    names, subject = np.unique(groups, return_inverse=True)
    if recordings.folds is not None:
        return np.array([recordings.folds[group] for group in groups], np.int64)
    if len(names) <= _MOST_FOLDS:
        return subject.astype(np.int64)
    folds = np.empty(len(groups), np.int64)
    random = np.random.RandomState(0)
    for i, (_, test) in enumerate(shuffled_folds(len(groups), _MOST_FOLDS, random, groups)):
        folds[test] = i
    return folds


def held_out(
    data: Labelled, train: Indices, fold: int | None, seed: int
) -> tuple[Indices, Indices]:
    """Recordings to train on, and those, of other subjects, that say when to stop.

    In a cross-validation over agreed folds the latter are the next fold; else the corpus' own
    validation part, or a fifth of the subjects.
    """
    if fold is None and (data.splits[train] == "valid").any():
        return train[data.splits[train] != "valid"], train[data.splits[train] == "valid"]
    numbers = np.unique(data.folds)
    if fold is not None and len(numbers) < len(np.unique(data.groups)):
        after = numbers[(np.searchsorted(numbers, fold) + 1) % len(numbers)]
        stop = data.folds[train] == after
    else:
        names = np.unique(data.groups[train])
        chosen = np.random.default_rng(seed).permutation(names)
        count = max(1, round(_HELD_OUT * len(names)))
        stop = np.isin(data.groups[train], chosen[:count])
    return train[~stop], train[stop]


def join(parts: Sequence[Labelled]) -> Labelled:
    """Several corpora as one; subjects of different corpora are different."""
    if len(parts) == 1:
        return parts[0]
    groups = [np.char.add(f"{part.name}/", part.groups) for part in parts]
    return Labelled(
        " + ".join(part.name for part in parts),
        [frames for part in parts for frames in part.frames],
        np.concatenate([part.labels for part in parts]),
        np.concatenate(groups),
        parts[0].classes,
        np.concatenate([part.folds for part in parts]),
        tuple(pair for part in parts for pair in part.dropped),
        np.concatenate([part.splits for part in parts]),
    )
