"""Training and scoring the specialists of motion and mouths on labelled films."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import check_place
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, MediaError, MissingExtraError, ParameterError
from emonets.evaluation.figures import confusion_figure
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.learners.checks import check_choice
from emonets.media.clip import open_clip
from emonets.model import EmoNets
from emonets.result import check_writable
from emonets.runtime.files import write_whole
from emonets.specialists.activity.specialist import SEEN_ON
from emonets.training.activity import check_settings, cross_validate_activity, train_activity
from emonets.training.audio_report import present_only
from emonets.training.films import load_films
from emonets.training.joined import joined
from emonets.training.mouth import (
    cross_validate_mouth,
    mouth_settings,
    train_mouth,
    unfitted,
)
from emonets.training.mouth_data import load_mouths
from emonets.training.preset import load_section
from emonets.training.sound_data import check_run

Echo = Callable[[str], Any]


@dataclass(frozen=True)
class FilmScore:
    """How labelled films were told apart.

    Attributes
    ----------
    data, split : in words, what was tested, and what was trained on.
    scores : intervals are over subjects.
    masked : emotions that the data do not have, and that were therefore no answer.
    dropped : files that were left out, and why.
    """

    data: str
    split: str
    scores: Evaluation
    masked: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]


def film_settings(kind: str, preset: str | Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A preset's ``activity`` or ``mouth`` table, with what was asked for in place of some of it.

    Raises
    ------
    ParameterError : as :func:`emonets.training.preset.load_section`, or it is incomplete.
    """
    settings = load_section(preset, kind) if kind == "activity" else mouth_settings(preset)
    settings |= {key: value for key, value in changes.items() if value is not None}
    if kind == "activity":
        check_settings(settings)
        check_choice("on", settings.get("on", "frames"), SEEN_ON)
    else:
        unfitted(settings)
    return settings


def train_film_model(
    kind: str,
    data: Sequence[Path],
    out: Path,
    *,
    preset: str = "paper",
    changes: Mapping[str, Any] | None = None,
    add_to: str | None = None,
    seed: int = 0,
    work: Path | None = None,
    workers: int = 1,
    echo: Echo = print,
) -> EmoNets:
    """Train one specialist on labelled films and write a bundle.

    Parameters
    ----------
    kind : ``activity`` or ``mouth``.
    data : data sets of films (for mouths of still faces, too), as ``load_recordings`` reads them.
    out : folder of the bundle.
    changes : settings in place of the preset's.
    add_to : a bundle whose other specialists are taken over.
    work : folder for what is made on the way, default ``OUT.work``; the same command goes on from
        what it finds there.

    Raises
    ------
    DataError, ParameterError : as the parts say.
    """
    check_run(seed, workers)
    check_place(out)
    settings = film_settings(kind, preset, changes or {})
    base = None if add_to is None else EmoNets.load(add_to)
    work = work or out.with_name(out.name + ".work")
    made: Any
    if kind == "activity":
        made, card = train_activity(
            data, settings, work=work, seed=seed, workers=workers, echo=echo
        )
    else:
        trained = train_mouth(
            data, preset=settings, seed=seed, work=work, workers=workers, echo=echo
        )
        made, card = trained.specialist, trained.card
    model = joined(base, kind, made, card, preset)
    model.save(out)
    echo(f"bundle: {out}")
    return model


def score_film_model(
    kind: str,
    data: Sequence[Path],
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    echo: Echo = print,
) -> FilmScore:
    """Score a bundle's specialist on films, or a preset by leaving subjects out.

    Where the data's own split keeps films for testing, a bundle is scored on these.

    Raises
    ------
    DataError, ParameterError : as the parts say; both or neither of bundle and preset.
    """
    check_run(seed, workers)
    if (bundle is None) == (preset is None):
        raise ParameterError(
            "give a bundle to score or a preset to cross-validate: one of the two, not both"
        )
    if preset is not None and kind == "mouth":
        settings = film_settings(kind, preset, changes or {})
        mouths = load_mouths(
            data, unfitted(settings).view, work, every=settings.get("every", 1), workers=workers,
            echo=echo,
        )  # fmt: skip
        found = cross_validate_mouth(mouths, settings, seed=seed, work=work, echo=echo)
        return _scored(
            mouths.name, found.split, mouths.labels, found.probabilities, mouths.groups,
            mouths.dropped, seed,
        )  # fmt: skip
    films = load_films(data)
    dropped = films.dropped
    if preset is not None:
        settings = film_settings(kind, preset, changes or {})
        count = len(films.folds())
        p = cross_validate_activity(
            films, settings, work=work, seed=seed, workers=workers, echo=echo
        )
        split = f"{count} subject-independent folds"
        if count == len(np.unique(films.groups)):
            split = f"leave one of {count} subjects out"
    else:
        assert bundle is not None
        split = "all films"
        if (films.splits == "test").any():
            films = films.part(np.flatnonzero(films.splits == "test"))
            split = "what the split keeps for testing"
        p, failed = _answers(kind, bundle, films.paths, echo)
        dropped = (*dropped, *failed.values())
        films = films.part([i for i in range(len(films.paths)) if i not in failed])
        p = p[[i for i in range(len(p)) if i not in failed]]
    return _scored(films.name, split, films.labels, p, films.groups, dropped, seed)


def _answers(
    kind: str, bundle: str | Path, paths: Sequence[Path], echo: Echo
) -> tuple[NDArray[np.float64], dict[int, tuple[str, str]]]:
    specialist: Any = EmoNets.load(bundle).specialists.get(kind)
    if specialist is None:
        raise DataError(f"{bundle}: has no {kind} specialist")
    p, failed = np.full((len(paths), len(EMOTIONS)), np.nan), {}
    for i, path in enumerate(paths):
        try:
            p[i] = specialist.predict_proba(specialist.extract(open_clip(path)))[0]
        except MediaError as error:
            failed[i] = (str(path), error.reason)
        if (i + 1) % 20 == 0:
            echo(f"{i + 1} of {len(paths)} films")
    if len(failed) == len(paths):
        raise DataError(
            f"none of the {len(paths)} films can be read: {next(iter(failed.values()))}"
        )
    return p, failed


def _scored(
    name: str, split: str, labels: NDArray[np.int64], p: NDArray[np.float64],
    groups: NDArray[Any], dropped: Sequence[tuple[str, str]], seed: int,
) -> FilmScore:  # fmt: skip
    answers, masked = present_only(p, labels)
    several = groups if len(np.unique(groups)) > 1 else None
    scores = evaluate(labels, answers, groups=several, seed=seed)
    return FilmScore(name, split, scores, masked, tuple(dropped))


def report_film_model(
    kind: str,
    data: Sequence[Path],
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    json_path: Path | None = None,
    figure_path: Path | None = None,
    echo: Echo = print,
) -> str:
    """:func:`score_film_model` as a readable text and, if asked for, as JSON and a picture."""
    for path in (json_path, figure_path):
        if path is not None:
            check_writable(path)
    if figure_path is not None and importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("drawing figures", "plot")
    one = score_film_model(
        kind, data, bundle=bundle, preset=preset, changes=changes, seed=seed, work=work,
        workers=workers, echo=echo,
    )  # fmt: skip
    model = f"{kind}, {bundle or preset}"
    if figure_path is not None:
        confusion_figure(one.scores, figure_path, title=f"{one.data}, {one.split}, {model}")
    if json_path is not None:
        content = {
            "model": model, "data": one.data, "split": one.split, "group": "subject",
            "seed": seed, "masked": one.masked, "dropped": one.dropped, **one.scores.to_dict(),
        }  # fmt: skip
        write_whole(json_path, (json.dumps(content, indent=1) + "\n").encode())
    without = f", without {', '.join(one.masked)}" if one.masked else ""
    classes = len(EMOTIONS) - len(one.masked)
    lines = [f"{one.data}, {classes} classes{without}, {one.split}, {model}", "", str(one.scores)]
    if one.dropped:
        file, why = one.dropped[0]
        lines.append(f"\nleft out: {len(one.dropped)} files, such as {file}: {why}")
    return "\n".join(lines)
