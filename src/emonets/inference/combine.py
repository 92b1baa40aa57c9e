"""Predictions of the specialists, fused (paper 4), and where these are too uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emonets.contracts import Specialist
from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.fusion.calibrated_pool import CalibratedPool
from emonets.fusion.named import ByModel, Known, NamedFusion, fuse_unfitted
from emonets.fusion.strategies import DEFAULT, STRATEGIES
from emonets.learners.checks import check_number
from emonets.result import Row

JOINER = "+"
"""Between the names of models whose predictions are fused."""


def combine_clip(
    clip_rows: Sequence[Row],
    fusion: NamedFusion | None = None,
    known: Known | None = None,
    *,
    alone: str | None = None,
) -> Row:
    """The fused row of a clip.

    Parameters
    ----------
    clip_rows : a row a specialist.
    fusion : fitted on labelled clips; None: the product of those that found something.
    known : the classes that each specialist was trained on, by name; on the others it does not
        count. None: all were trained on all. The rows themselves stay as they are.
    alone : the specialist whose prediction is taken alone, where the voice is of nobody who is
        seen; None: all are fused.
    """
    single = [row for row in clip_rows if row.model == alone and row.found]
    (p,) = [_alone(single[0], fusion)] if single else _fused([clip_rows], fusion, known)
    return replace(
        _joined(clip_rows, JOINER.join(row.model for row in clip_rows)),
        probabilities=p,
        normalised=any(row.normalised for row in single or clip_rows),
        track=None,
        level="clip",
    )


def combine_windows(
    windows: Sequence[Sequence[Row]],
    names: Sequence[str],
    fusion: NamedFusion | None = None,
    known: Known | None = None,
    *,
    faces: bool = True,
) -> list[Row]:
    """A fused row for each face and window.

    Where a window holds no face, one row of all else in it. The row of a person who `listens` is
    the first specialist's of this face alone: the voice is not this person's, motion of the whole
    picture is not either, and a fusion was fitted on people who speak.

    Parameters
    ----------
    windows : for each window the rows of single specialists: of faces (with a track; a face's
        own first), and of all else.
    names : of the specialists that are used in the clip, also of those that found nothing.
    fusion, known : as for :func:`combine_clip`.
    faces : whether any of the specialists is of single faces.
    """
    sets: list[list[Row]] = []
    for window in windows:
        tracks = sorted({row.track for row in window if row.track is not None})
        rest = [row for row in window if row.track is None]
        each = [[row for row in window if row.track == track] for track in tracks]
        sets += [_own_first(face, rest) for face in each] or ([rest] if rest else [])
    rows = []
    for parts, fused in zip(sets, _fused(sets, fusion, known), strict=True):
        face = [row for row in parts if row.track is not None]
        alone = bool(face) and listens(face[0], parts)
        p = _alone(face[0], fusion) if alone else fused
        pictures = [row for row in face if row.level == "face"]
        joined = _joined(pictures or face or parts, JOINER.join(names))
        rows.append(
            replace(
                joined,
                probabilities=p,
                normalised=any(row.normalised for row in (face[:1] if alone else parts)),
                face_found=bool(face) if faces else None,
                sound_found=_first(parts, "sound_found"),
                motion_found=_first(parts, "motion_found"),
                other_found=_first(parts, "other_found"),
            )
        )
    return rows


def calibrated(rows: Sequence[Row], fusion: NamedFusion | None) -> list[Row]:
    """Rows of the only specialist that is used, as the fusion calibrates it.

    Rows of single pictures, and those where nothing was found, stay as they are. Where several
    specialists are used, the fused rows are calibrated. The others are what a fusion is fitted on
    (``emonets compare-fusion``), so they stay as they are.
    """
    if fusion is None or not fusion.fusion.calibrates_alone:
        return list(rows)
    return [
        replace(row, probabilities=_alone(row, fusion))
        if row.found and row.model in fusion.models
        else row
        for row in rows
    ]


def _alone(row: Row, fusion: NamedFusion | None) -> tuple[float, ...]:
    if fusion is None:
        return row.probabilities
    return tuple(map(float, fusion.alone(row.model, row.probabilities)))


def _own_first(face: list[Row], rest: list[Row]) -> list[Row]:
    """The rows of a face, and of all else those that it has none of its own of."""
    own = {row.model for row in face}
    return face + [row for row in rest if row.model not in own]


def listens(face: Row, rest: Sequence[Row]) -> bool:
    """Whether somebody speaks in a window, and not the person of this face.

    Parameters
    ----------
    face : a face's row in the window. rest : those of all else in it.
    """
    return face.speaks is False and (bool(face.speech) or any(row.sound_found for row in rest))


def _fused(
    sets: Sequence[Sequence[Row]], fusion: NamedFusion | None, known: Known | None
) -> list[tuple[float, ...]]:
    predictions: list[ByModel] = [
        {row.model: row.probabilities for row in rows if row.found} for rows in sets
    ]
    p = fuse_unfitted(predictions, known) if fusion is None else fusion.fuse(predictions, known)
    return [tuple(map(float, row)) for row in p]


def _joined(rows: Sequence[Row], model: str) -> Row:
    return replace(
        rows[0],
        model=model,
        start=min(row.start for row in rows),
        end=max(row.end for row in rows),
        face_found=_first(rows, "face_found"),
        sound_found=_first(rows, "sound_found"),
        motion_found=_first(rows, "motion_found"),
        other_found=_first(rows, "other_found"),
    )


def _first(rows: Sequence[Row], name: str) -> bool | None:
    return next((getattr(r, name) for r in rows if getattr(r, name) is not None), None)


def describe_combination(names: Sequence[str], fusion: NamedFusion | None) -> str:
    """A short text: how the predictions of these specialists are fused."""
    text = f"{JOINER.join(names)}: "
    if fusion is None:
        return text + f"{STRATEGIES[DEFAULT].about}, of those that found something"
    if isinstance(fusion.fusion, CalibratedPool):
        return text + f"{fusion.strategy} ({_about_pool(names, fusion)})"
    text += f"{fusion.strategy}, fitted on {', '.join(fusion.models)}"
    out = [name for name in fusion.models if name not in names]
    if out:
        text += f"; {', '.join(out)} left out and counted as 1/7"
    return text


def describe_model(
    specialists: Mapping[str, Specialist], fusion: NamedFusion | None, known: Known
) -> dict[str, str]:
    """What a result holds about how its rows are made: ``model`` and ``decision``."""
    decisions = {name: part.decision for name, part in specialists.items()}
    decision = "".join(decisions.values())
    if len(decisions) > 1:
        decision = "; ".join(f"{name}: {text}" for name, text in decisions.items())
        decision += f"; {describe_combination(list(decisions), fusion)}"
    elif alone := describe_alone(next(iter(decisions)), fusion):
        decision += f"; {alone}"
    if lacking := about_unknown(known):
        decision += f"; {lacking}"
    return {"model": JOINER.join(decisions), "decision": decision}


def describe_alone(name: str, fusion: NamedFusion | None) -> str:
    """A short text: how the fusion calibrates the only specialist that is used, if it does."""
    if fusion is None or not isinstance(fusion.fusion, CalibratedPool):
        return ""
    return f"{fusion.strategy} ({_about_pool([name], fusion)})"


def _about_pool(names: Sequence[str], fusion: NamedFusion) -> str:
    pool = fusion.fusion
    assert isinstance(pool, CalibratedPool)
    numbers = dict(
        zip(fusion.models, zip(pool.temperatures_, pool.weights_, strict=True), strict=True)
    )
    if len(names) == 1:
        return f"{names[0]} at the temperature {numbers[names[0]][0]:.3g}"
    return ", ".join(
        f"{name} at the temperature {numbers[name][0]:.3g} with the weight {numbers[name][1]:.2g}"
        for name in names
    )


def about_unknown(known: Known) -> str:
    """A short text: which specialist was not trained on which classes; empty if on all."""
    lacking = {
        name: [word for c, word in enumerate(EMOTIONS) if c not in classes]
        for name, classes in known.items()
    }
    return "; ".join(
        f"{name} was not trained on {', '.join(words)}" for name, words in lacking.items() if words
    )


def check_uncertain(below: float | None, abstain: bool, fusion: NamedFusion | None) -> None:
    """Raise :class:`ParameterError` unless a threshold is in 0..1, or the fusion has one."""
    if below is not None:
        check_number("uncertain_below", below, 0, 1)
        if abstain:
            raise ParameterError("give uncertain_below or abstain, not both")
    if abstain and (fusion is None or fusion.abstainer is None):
        raise ParameterError(
            "this model's fusion has no threshold to abstain by; choose one with emonets "
            "compare-fusion --coverage, or give uncertain_below"
        )


def about_uncertain(
    below: float | None, abstain: bool, fusion: NamedFusion | None
) -> dict[str, Any]:
    """What a result holds about its threshold: ``uncertain_below``, and ``uncertain``, a text."""
    if below is not None:
        text = f"labels with a probability below {below:g} are uncertain"
        return {"uncertain_below": below, "uncertain": text}
    if not abstain or fusion is None or fusion.abstainer is None:
        return {}
    rule = fusion.abstainer
    text = (
        f"labels with a probability below {rule.threshold:.3g} are uncertain; of the {rule.n} "
        f"clips it was chosen on {rule.coverage:.0%} kept a label, {rule.accuracy:.1%} of these "
        f"were right (of all {rule.accuracy_of_all:.1%})"
    )
    return {"uncertain_below": rule.threshold, "uncertain": text}


def mark_uncertain(
    rows: Sequence[Row], below: float | None, abstain: bool, fusion: NamedFusion | None
) -> list[Row]:
    """Rows with ``uncertain`` set where their largest probability is below the threshold.

    ``below`` holds for every row, the fusion's own threshold for the fused rows. The last row is
    one of these.
    """
    model = None if below is not None else rows[-1].model
    if below is None and abstain and fusion is not None and fusion.abstainer is not None:
        below = fusion.abstainer.threshold
    if below is None:
        return list(rows)
    return [
        replace(row, uncertain=max(row.probabilities) < below)
        if model in (None, row.model)
        else row
        for row in rows
    ]
