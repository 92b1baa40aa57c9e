"""Training the mouth specialist on labelled clips and still faces (paper 3.4)."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import DataError, ParameterError
from emonets.learners.folds import Indices, shuffled_folds
from emonets.runtime.files import try_folder, write_whole
from emonets.runtime.settings import to_table
from emonets.specialists.mouth.settings import build_mouth, mouth_from_table
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.training.mouth_data import Echo, Mouths, load_mouths
from emonets.training.preset import load_section

_MOST_FOLDS = 10


@dataclass(frozen=True, eq=False)
class TrainedMouth:
    """A mouth specialist, and its card for the bundle."""

    specialist: MouthSpecialist
    card: dict[str, Any]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What models that knew neither a clip nor its subject said of it.

    Attributes
    ----------
    probabilities : (c, 7); 1/7 each where no mouth was found.
    folds : (c,) number of the fold that tested each clip.
    inner : of each fold, the penalty that was chosen, and the mean -log p and the accuracy of
        clips in the inner folds with it.
    split : in words, how the folds divide the subjects.
    """

    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]
    inner: tuple[tuple[float, float, float], ...]
    split: str


def mouth_settings(preset: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """A preset's ``mouth`` table, or one that is given.

    Raises
    ------
    ParameterError : as :func:`emonets.training.preset.load_section`.
    """
    table = load_section(preset, "mouth") if isinstance(preset, str | Path) else preset
    return to_table(mouth_from_table(table))


def unfitted(settings: Mapping[str, Any], *, seed: int = 0) -> MouthSpecialist:
    """The specialist that a preset's ``mouth`` table describes, before it has learned."""
    return build_mouth(mouth_from_table(settings), seed=seed)


def fit_mouth(
    data: Mouths,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path | None = None,
    echo: Echo = print,
) -> MouthSpecialist:
    """Learn from all clips that are not for testing.

    The penalty is chosen on the clips of the data's validation part, which are then not learned
    from, as the paper did; where there is none, in three folds of subjects.

    Raises
    ------
    DataError : no clips are left, of one emotion only, or of one subject.
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
    return unfitted(settings, seed=seed).fit_pictures(
        part.mouths, labels, part.clip, part.groups[part.clip],
        choosing=choosing, work=work, echo=echo,
    )  # fmt: skip


def train_mouth(
    data: Sequence[Path],
    *,
    preset: str | Path | Mapping[str, Any] = "paper",
    region: str | None = None,
    colour: str | None = None,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    echo: Echo = print,
) -> TrainedMouth:
    """Train the mouth specialist on labelled clips, on still faces, or on both together.

    Parameters
    ----------
    data : each anything :func:`emonets.training.mouth_data.load_mouths` reads.
    preset : its name, its file, or a ``mouth`` table itself.
    region, colour : in place of the preset's.
    work : folder for mouth crops and features; the same command goes on from what it finds there.
    workers : processes that look for faces.

    Raises
    ------
    DataError, ParameterError : as the parts say.
    """
    check_seed(seed)
    settings = mouth_settings(preset)
    settings |= {k: v for k, v in (("region", region), ("colour", colour)) if v is not None}
    view = unfitted(settings).view
    began = time.monotonic()
    mouths = load_mouths(
        data, view, work, every=settings.get("every", 1), workers=workers, echo=echo
    )
    used = mouths.splits != "test"
    echo(
        f"{len(mouths.mouths):,} mouths in {len(mouths.labels):,} clips of "
        f"{len(np.unique(mouths.groups)):,} subjects; {(~used).sum():,} clips are for testing"
    )
    specialist = fit_mouth(mouths, settings, seed=seed, work=work, echo=echo)
    best = float(specialist.classifier.l2)
    card = {
        "trained_on": mouths.name,
        "clips": int(used.sum()),
        "pictures": int(used[mouths.clip].sum()),
        "dropped": len(mouths.dropped),
        "chosen_by": "mean -log p of clips that were not learned from",
        "chosen_penalty": best,
        "chosen_loss": round(specialist.losses_[best], 4),
        "chosen_accuracy": round(specialist.scores_[best], 4),
        "seed": seed,
        "settings": settings,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "machine": platform.machine(),
    }
    return TrainedMouth(specialist, card)


def cross_validate_mouth(
    data: Mouths,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    work: Path,
    echo: Echo = print,
) -> OutOfFold:
    """Probabilities of every clip by models that knew neither it nor its subject.

    One subject is left out at a time, or a tenth of them where there are more than ten. Nothing of
    a tested subject enters dictionaries, whitening, classifier or the choice of its penalty. The
    data's own split plays no part.

    Parameters
    ----------
    work : each fold's answers are kept there; a run that was interrupted goes on.
    """
    folder = work / "folds"
    try_folder(folder)
    names, subject = np.unique(data.groups, return_inverse=True)
    folds = clip_folds(subject)
    key = _key(data, settings, seed)
    p = np.full((len(data.labels), len(EMOTIONS)), UNIFORM)
    inner = []
    for number in range(folds.max() + 1):
        file = folder / f"mouth-{key}-{number}.npz"
        test = folds == number
        if not file.exists():
            answers, chosen = _one_fold(data, test, settings, seed, work, number, echo)
            buffer = io.BytesIO()
            np.savez(buffer, probabilities=answers, chosen=np.array(chosen))
            write_whole(file, buffer.getvalue())
        with np.load(file, allow_pickle=False) as kept:
            p[test] = kept["probabilities"]
            penalty, loss, accuracy = kept["chosen"].tolist()
            inner.append((penalty, loss, accuracy))
    count = len(inner)
    split = f"leave one of {count} subjects out"
    if count < len(names):
        split = f"{count} subject-independent folds"
    return OutOfFold(p, folds, tuple(inner), split)


def _one_fold(
    data: Mouths,
    test: NDArray[np.bool_],
    settings: Mapping[str, Any],
    seed: int,
    work: Path,
    number: int,
    echo: Echo,
) -> tuple[NDArray[np.float64], tuple[float, float, float]]:
    train = data.take(~test)
    specialist = unfitted(settings, seed=seed).fit_pictures(
        train.mouths, train.labels[train.clip], train.clip, train.groups[train.clip], work=work
    )
    tested = data.take(test)
    p = clip_probabilities(specialist, tested)
    best = float(specialist.classifier.l2)
    right = p.argmax(axis=1) == tested.labels
    echo(
        f"{data.name}, fold {number}: {right.mean():.1%} of {len(right)} clips; penalty {best:g}, "
        f"{specialist.scores_[best]:.1%} in the inner folds"
    )
    return p, (best, specialist.losses_[best], specialist.scores_[best])


def clip_probabilities(specialist: MouthSpecialist, data: Mouths) -> NDArray[np.float64]:
    """(c, 7): the mean over each clip's mouths; 1/7 each where there is none."""
    frames = specialist.picture_probabilities(data.mouths)
    count = np.bincount(data.clip, minlength=len(data.labels))[:, None]
    total = np.zeros((len(data.labels), len(EMOTIONS)))
    np.add.at(total, data.clip, frames)
    return np.where(count, total / np.maximum(count, 1), UNIFORM)


def clip_folds(subject: Indices) -> NDArray[np.int64]:
    """(c,) the fold that tests each clip: its subject's, or one of ten.

    Raises
    ------
    DataError : fewer than three subjects: one to test, and two to choose the penalty with.
    """
    count = len(np.unique(subject))
    if count < 3:
        raise DataError(
            f"there are {count} subjects; leaving one out needs two more, to choose the penalty"
        )
    if count <= _MOST_FOLDS:
        return np.asarray(subject, np.int64)
    folds = np.empty(len(subject), np.int64)
    random = np.random.RandomState(0)
    for i, (_, test) in enumerate(shuffled_folds(len(subject), _MOST_FOLDS, random, subject)):
        folds[test] = i
    return folds


def check_seed(seed: int) -> None:
    """Raise ParameterError unless numpy takes the seed."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ParameterError(f"seed must be 0 to {2**32 - 1}, got {seed!r}")


def _key(data: Mouths, settings: Mapping[str, Any], seed: int) -> str:
    """A short name of whatever decides the answers of a fold."""
    digest = hashlib.sha256(json.dumps([dict(settings), seed], sort_keys=True).encode())
    for array in (data.mouths, data.clip, data.labels):
        digest.update(np.ascontiguousarray(array).data)
    digest.update(" ".join(data.groups).encode())
    return digest.hexdigest()[:12]
