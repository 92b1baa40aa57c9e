"""Training the activity specialist on labelled clips (paper 3.3).

Blocks, whitening, autoencoder, PCA and words are learned without labels, and from the clips to
train on alone, as all the rest is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Features
from emonets.runtime.settings import to_table
from emonets.specialists.activity.clips import MotionClip, describe_clips, digest
from emonets.specialists.activity.code import MotionCode
from emonets.specialists.activity.motion_code import fit_code
from emonets.specialists.activity.pictures import Affine
from emonets.specialists.activity.settings import activity_from_table, build_activity
from emonets.specialists.activity.specialist import ActivitySpecialist


def fit_specialist(
    clips: Sequence[MotionClip],
    labels: NDArray[np.int64],
    groups: NDArray[np.str_],
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
    workers: int = 1,
) -> tuple[ActivitySpecialist, dict[str, Any]]:
    """Train the specialist: motion code, motion words of all clips and changed copies, SVM.

    Parameters
    ----------
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`. groups : (n,) who is seen.
    settings : a preset's ``activity`` table.
    work : folder for blocks, checkpoints and motion words; the same call goes on from what it
        finds there, the autoencoder after its last whole epoch.
    workers : clips described side by side.

    Returns
    -------
    The specialist, and what each stage came to, for a card.

    Raises
    ------
    DataError : a clip, which is named, in which no motion can be described.
    """
    code, stages = fit_code(clips, settings, work=work, seed=seed)
    specialist = new_specialist(code, settings)
    features, rows = training_features(
        specialist, clips, settings, work=work, seed=seed, workers=workers
    )
    svm = to_table(activity_from_table(settings).svm)
    specialist.fit(features, labels[rows], groups[rows], seed=seed, **svm)
    assert specialist.svm is not None
    return specialist, {**stages, "C": float(specialist.svm.C)}


def new_specialist(code: MotionCode, settings: Mapping[str, Any]) -> ActivitySpecialist:
    """A specialist as a preset has it, not yet fitted to labels."""
    return build_activity(code, activity_from_table(settings))


def training_features(
    specialist: ActivitySpecialist,
    clips: Sequence[MotionClip],
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
    workers: int = 1,
) -> tuple[list[Features], NDArray[np.intp]]:
    """Motion words of clips and of ``copies`` of each that are turned, scaled and moved.

    Returns
    -------
    The features, and which clip each belongs to.
    """
    shown, rows = list(clips), list(range(len(clips)))
    changed: list[Affine | None] = [None] * len(clips)
    for copy in range(activity_from_table(settings).augmentation.copies):
        for i, clip in enumerate(clips):
            shown.append(clip)
            # by the file, so that a clip has the same copies whatever it is trained with
            name = int(digest(str(clip.path.name), seed, copy), 16)
            changed.append(Affine.draw(np.random.default_rng(name)))
            rows.append(i)
    features = describe_clips(shown, specialist, work, affines=changed, workers=workers)
    return features, np.array(rows, np.intp)
