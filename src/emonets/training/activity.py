"""Training and cross-validating the activity specialist on labelled films (paper 3.3).

Blocks, whitening, autoencoder, PCA and words are learned without labels, and from the training
films alone, as all the rest is: of a tested subject nothing enters anything.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Features
from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.runtime.files import try_folder
from emonets.runtime.settings import to_table
from emonets.specialists.activity.code import MotionCode
from emonets.specialists.activity.pictures import Affine
from emonets.specialists.activity.settings import activity_from_table, build_activity
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.training.films import (
    Echo,
    Film,
    Films,
    describe_films,
    digest,
    load_films,
    of_file,
    prepare,
)
from emonets.training.motion_code import fit_code, kept_array


def train_activity(
    data: Sequence[Path] | Films,
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
    workers: int = 1,
    echo: Echo = print,
) -> tuple[ActivitySpecialist, dict[str, Any]]:
    """Train the activity specialist on labelled films, but those kept for testing.

    Parameters
    ----------
    data : data sets, each anything `emonets.datasets.open_dataset` reads; or films.
    settings : a preset's ``activity`` table.
    work : a folder for face tubes, checkpoints and motion words; the same call goes on from what
        it finds there.
    workers : films looked at side by side.

    Returns
    -------
    The specialist, and what it was trained on, for a bundle's card.

    Raises
    ------
    DataError : a film, which is named, in which no motion can be described; or as the readers say.
    ParameterError : settings that are incomplete or out of their range.
    """
    check_settings(settings)
    try_folder(work)
    films = data if isinstance(data, Films) else load_films(data)
    films = films.part(np.flatnonzero(films.splits != "test"))
    if not films.paths:
        raise DataError(f"{films.name}: every film is kept for testing, none is left to train on")
    began = time.monotonic()
    pictures = prepare(films, settings, work, workers=workers, echo=echo)
    specialist, stages = fit_specialist(
        films, pictures, settings, work=work, seed=seed, workers=workers, echo=echo
    )
    card = {
        "trained_on": films.name,
        "films": len(films.paths),
        "subjects": len(np.unique(films.groups)),
        **stages,
        "dropped": len(films.dropped),
        "seed": seed,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "machine": platform.machine(),
    }
    return specialist, card


def fit_specialist(
    films: Films,
    pictures: Sequence[Film],
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
    workers: int = 1,
    echo: Echo = print,
) -> tuple[ActivitySpecialist, dict[str, Any]]:
    """Motion code, motion words of all films and of their changed copies, SVM."""
    code, stages = fit_code(pictures, settings, work=work, seed=seed, echo=echo)
    specialist = new_specialist(code, settings)
    features, rows = training_features(
        specialist, pictures, settings, work=work, seed=seed, workers=workers, echo=echo
    )
    svm = to_table(activity_from_table(settings).svm)
    specialist.fit(features, films.labels[rows], films.groups[rows], seed=seed, **svm)
    assert specialist.svm is not None
    return specialist, {**stages, "C": float(specialist.svm.C)}


def new_specialist(code: MotionCode, settings: Mapping[str, Any]) -> ActivitySpecialist:
    """A specialist as a preset has it, not yet fitted to labels."""
    return build_activity(code, activity_from_table(settings))


def training_features(
    specialist: ActivitySpecialist,
    pictures: Sequence[Film],
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
    workers: int = 1,
    echo: Echo = print,
) -> tuple[list[Features], NDArray[np.intp]]:
    """Motion words of films and of ``copies`` of each that are turned, scaled and moved.

    Returns
    -------
    The features, and which film each belongs to.
    """
    films, changes, rows = list(pictures), [None] * len(pictures), list(range(len(pictures)))
    changed: list[Affine | None] = list(changes)
    for copy in range(activity_from_table(settings).augmentation.copies):
        for i, film in enumerate(pictures):
            films.append(film)
            # by the file, so that a film has the same copies whatever it is trained with
            name = int(digest(str(film.path.name), seed, copy), 16)
            changed.append(Affine.draw(np.random.default_rng(name)))
            rows.append(i)
    features = describe_films(films, specialist, work, affines=changed, workers=workers, echo=echo)
    return features, np.array(rows, np.intp)


def cross_validate_activity(
    data: Sequence[Path] | Films,
    settings: Mapping[str, Any],
    *,
    work: Path,
    seed: int = 0,
    workers: int = 1,
    echo: Echo = print,
) -> NDArray[np.float64]:
    """Probabilities of every film by specialists that met neither it nor its subject.

    Each subject, or a tenth of them, is left out in turn, of blocks, words and SVM alike.

    Parameters
    ----------
    work : as in :func:`train_activity`; finished folds are kept there.

    Returns
    -------
    (n, 7); 0 for classes that the training films do not have.

    Raises
    ------
    DataError, ParameterError : as :func:`train_activity`, or all films are of one subject.
    """
    check_settings(settings)
    try_folder(work)
    films = data if isinstance(data, Films) else load_films(data)
    pictures = prepare(films, settings, work, workers=workers, echo=echo)
    p = np.full((len(films.paths), len(EMOTIONS)), np.nan)
    which = [of_file(path) for path in films.paths]
    for number, (train, test) in enumerate(films.folds()):
        place = work / f"fold-{digest(dict(settings), seed, which, test.tolist())}.npy"

        def answers(train: NDArray[np.intp] = train, test: NDArray[np.intp] = test) -> Any:
            specialist, _ = fit_specialist(
                films.part(train), [pictures[i] for i in train.tolist()], settings,
                work=work, seed=seed, workers=workers, echo=echo,
            )  # fmt: skip
            features = describe_films(
                [pictures[i] for i in test.tolist()], specialist, work, workers=workers, echo=echo
            )
            return specialist.predict_proba(features)

        p[test] = kept_array(place, answers)
        echo(f"fold {number + 1}: {len(test)} films of {', '.join(np.unique(films.groups[test]))}")
    return p


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ParameterError unless an ``activity`` table can be trained with."""
    activity_from_table(settings)
