"""Labelled recordings with their feature frames, and who of their subjects is left out when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets._legacy import Recordings, load_recordings
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.learners.folds import Indices, shuffled_folds
from emonets.training.sound_frames import StoredFrames, sound_frames

Frames = NDArray[np.float32]
Echo = Callable[[str], Any]
CALM = "calm"
_NEUTRAL = EMOTIONS.index("neutral")
_FEWEST = 2  # subjects: one to train on, one to stop by
_MOST_FOLDS = 10
_SHARED_FOLDS = 5  # where several corpora are taken together and none brings folds
_HELD_OUT = 0.2  # of the subjects, to stop the training by


@dataclass(frozen=True)
class Labelled:
    """Recordings with their feature frames.

    Attributes
    ----------
    names : of the corpora.
    corpus : (n,) number of the corpus each recording comes from.
    frames : one (t, width) float32 array a recording; those of files are read as they are used.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`.
    words : (n,) the corpus' own word for the emotion.
    groups : (n,) subjects, ``corpus/subject``.
    folds : (n,) number of the fold that tests each recording.
    splits : (n,) ``train``, ``valid``, ``test`` or, where the corpus is not divided, nothing.
    dropped : recordings that were left out, and why.
    """

    names: tuple[str, ...]
    corpus: NDArray[np.int64]
    frames: Sequence[Frames]
    labels: NDArray[np.int64]
    words: NDArray[np.str_]
    groups: NDArray[np.str_]
    folds: NDArray[np.int64]
    splits: NDArray[np.str_]
    dropped: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Of all corpora together."""
        return " + ".join(self.names)

    def part(self, which: Indices) -> Labelled:
        """Some of the recordings, by their positions."""
        return Labelled(
            self.names, self.corpus[which], [self.frames[i] for i in which.tolist()],
            self.labels[which], self.words[which], self.groups[which], self.folds[which],
            self.splits[which], self.dropped,
        )  # fmt: skip

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are trained: the seven and, where a corpus parts them, calm."""
        return (*EMOTIONS, CALM) if (self.words == CALM).any() else EMOTIONS

    @property
    def fine_labels(self) -> NDArray[np.int64]:
        """(n,) positions in :attr:`classes`."""
        return np.where(self.words == CALM, len(EMOTIONS), self.labels)

    def targets(self) -> NDArray[np.float32]:
        """(n, classes) probabilities to learn.

        A neutral recording of a corpus that knows no calm, beside one that does, counts half as
        each.
        """
        targets = np.eye(len(self.classes), dtype=np.float32)[self.fine_labels]
        for number in range(len(self.names)):
            mine = self.corpus == number
            if len(self.classes) > len(EMOTIONS) and not (self.words[mine] == CALM).any():
                targets[mine & (self.labels == _NEUTRAL), _NEUTRAL:] = 0.5
        return targets

    @property
    def split(self) -> str:
        """In words, how the folds divide the subjects."""
        count, subjects = len(np.unique(self.folds)), len(np.unique(self.groups))
        if count == subjects:
            return f"leave one of {subjects} subjects out"
        return f"{count} subject-independent folds"


def emotions_of(classes: int) -> tuple[int, ...]:
    """Which of the seven emotions each trained class counts as in an answer."""
    return (*range(len(EMOTIONS)), _NEUTRAL)[:classes]


def check_run(seed: int, workers: int) -> None:
    """Raise ParameterError unless a run can have such a seed and so many workers."""
    if not 0 <= seed < 2**32:
        raise ParameterError(f"seed must be 0 to {2**32 - 1}, got {seed}")
    if workers < 1:
        raise ParameterError(f"workers must be 1 or more, got {workers}")


def load_labelled(
    data: Sequence[Path],
    features: str,
    work: Path,
    *,
    workers: int = 1,
    echo: Echo = print,
) -> Labelled:
    """Read recordings and compute their features, or take those that lie in ``work`` already.

    Parameters
    ----------
    data : corpora, each anything `emonets.datasets.open_dataset` reads.
    features : see `emonets.specialists.audio.specialist.AudioSpecialist`.

    Raises
    ------
    DataError : no recording of a corpus can be used; or as the readers say.
    """
    corpora = [load_recordings(path) for path in data]
    agreed = [len(set(c.folds.values())) for c in corpora if c.folds is not None]
    count = None if len(corpora) == 1 else max([*agreed, _SHARED_FOLDS])
    parts: list[Labelled] = []
    used: list[Path] = []
    for number, (path, recordings) in enumerate(zip(data, corpora, strict=True)):
        if not recordings.grouped:
            echo(
                f"{path}: nothing says who speaks in it, so every recording counts as a speaker "
                "of its own, and scores by cross-validation will be too good"
            )
        files = sound_frames(
            [item.path for item in recordings.items], features, work, workers=workers, echo=echo
        )
        parts.append(_labelled(path, recordings, number, files, count))
        used += [file for file in files if file is not None]
    groups = np.concatenate([part.groups for part in parts])
    folds = np.concatenate([part.folds for part in parts])
    # two corpora of one name may have the same people in them: nobody is in two folds
    _, first, subject = np.unique(groups, return_index=True, return_inverse=True)
    return Labelled(
        tuple(name for part in parts for name in part.names),
        np.concatenate([part.corpus for part in parts]),
        StoredFrames(used),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.words for part in parts]),
        groups,
        folds[first[subject]],
        np.concatenate([part.splits for part in parts]),
        tuple(pair for part in parts for pair in part.dropped),
    )


def _labelled(
    path: Path,
    recordings: Recordings,
    number: int,
    files: Sequence[Path | None],
    folds: int | None,
) -> Labelled:
    heard = list(zip(recordings.items, files, strict=True))
    used = [item for item, file in heard if file is not None]
    silent = [str(item.path) for item, file in heard if file is None]
    if not used:
        raise DataError(f"{path}: none of {len(heard)} recordings has any sound")
    subjects = np.array([item.group for item in used])
    return Labelled(
        (recordings.name,),
        np.full(len(used), number),
        StoredFrames([file for file in files if file is not None]),
        np.array([item.label for item in used], np.int64),
        np.array([item.word for item in used]),
        np.char.add(f"{recordings.name}/", subjects),
        _folds(recordings, subjects, folds),
        np.array([item.split or "" for item in used]),
        (*recordings.dropped, *((name, "silent or unreadable") for name in silent)),
    )


def shared_subjects(data: Labelled) -> list[str]:
    """Subjects of whom recordings lie in more than one part (train, valid, test) of a corpus."""
    pairs = {(group, split) for group, split in zip(data.groups, data.splits, strict=True)}
    groups = [str(group) for group, _ in pairs]
    return sorted({group for group in groups if groups.count(group) > 1})


def _folds(
    recordings: Recordings, subjects: NDArray[np.str_], count: int | None
) -> NDArray[np.int64]:
    """The field's folds where there are any; else ``count``, or one a subject, ten at most."""
    names, subject = np.unique(subjects, return_inverse=True)
    if recordings.folds is not None:
        return np.array([recordings.folds[name] for name in subjects], np.int64)
    if count is not None:
        return np.asarray(subject % count, np.int64)
    if len(names) <= _MOST_FOLDS:
        return subject.astype(np.int64)
    folds = np.empty(len(subjects), np.int64)
    random = np.random.RandomState(0)
    for i, (_, test) in enumerate(shuffled_folds(len(subjects), _MOST_FOLDS, random, subjects)):
        folds[test] = i
    return folds


def held_out(
    data: Labelled, train: Indices, fold: int | None, seed: int
) -> tuple[Indices, Indices]:
    """Recordings to train on, and those, of other subjects, that say when to stop.

    In a cross-validation over folds of several subjects the latter are the next fold; else the
    corpus' own validation part, or a fifth of the subjects.

    Raises
    ------
    DataError : fewer than two subjects, or all recordings are in the validation part.
    """
    if fold is None and (data.splits[train] == "valid").any():
        stop = data.splits[train] == "valid"
        if stop.all():
            raise DataError(
                f"{data.name}: all recordings are in the validation part, none is left to train on"
            )
        return train[~stop], train[stop]
    names = np.unique(data.groups[train])
    if len(names) < _FEWEST:
        raise DataError(
            f"{data.name}: there are {len(names)} subjects to train on; {_FEWEST} at least are "
            "needed, one to train on and another to stop by"
            + ("" if fold is None else ", beside those that are tested")
        )
    numbers = np.unique(data.folds)
    if fold is not None and 2 < len(numbers) < len(np.unique(data.groups)):
        after = numbers[(np.searchsorted(numbers, fold) + 1) % len(numbers)]
        stop = data.folds[train] == after
    else:
        chosen = np.random.default_rng(seed).permutation(names)
        stop = np.isin(data.groups[train], chosen[: max(1, round(_HELD_OUT * len(names)))])
    return train[~stop], train[stop]
