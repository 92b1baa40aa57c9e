"""What the specialists say, taken together (paper 4), and where that is too unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.fusion.named import Known, NamedFusion, Said, fuse_unfitted
from emonets.fusion.strategies import DEFAULT, STRATEGIES
from emonets.learners.checks import check_number
from emonets.result import Row

TOGETHER = "+"
"""Between the names of models that speak together."""


def together(
    answers: Sequence[Row], fusion: NamedFusion | None = None, known: Known | None = None
) -> Row:
    """The answer of a clip: what its specialists' answers are when fused.

    Parameters
    ----------
    answers : a row a specialist.
    fusion : fitted on labelled clips; None: the product of those that found something.
    known : the classes that each was ever shown, by name: it has no opinion on the others. None:
        all know all. The rows themselves stay as they are.
    """
    (p,) = _fused([answers], fusion, known)
    return replace(
        _joined(answers, TOGETHER.join(row.model for row in answers)),
        probabilities=p,
        track=None,
        level="clip",
    )


def together_over_time(
    pieces: Sequence[Sequence[Row]],
    names: Sequence[str],
    fusion: NamedFusion | None = None,
    known: Known | None = None,
    *,
    faces: bool = True,
) -> list[Row]:
    """A row for each face and window, of the face, the sound and the motion there.

    Where no face is seen in a window, one row of what else there is.

    Parameters
    ----------
    pieces : for each window the rows of single specialists: of faces (with a track) and of all
        else.
    names : of the specialists that speak in the clip, whether they found anything there or not.
    fusion, known : as for :func:`together`.
    faces : whether any of the specialists is of single faces.
    """
    groups: list[list[Row]] = []
    for piece in pieces:
        tracks = sorted({row.track for row in piece if row.track is not None})
        rest = [row for row in piece if row.track is None]
        each = [[row for row in piece if row.track == track] for track in tracks]
        groups += [face + rest for face in each] or ([rest] if rest else [])
    rows = []
    for group, p in zip(groups, _fused(groups, fusion, known), strict=True):
        face = [row for row in group if row.track is not None]
        joined = _joined(face or group, TOGETHER.join(names))
        rows.append(
            replace(
                joined,
                probabilities=p,
                face_found=bool(face) if faces else None,
                sound_found=_first(group, "sound_found"),
                motion_found=_first(group, "motion_found"),
                other_found=_first(group, "other_found"),
            )
        )
    return rows


def _fused(
    groups: Sequence[Sequence[Row]], fusion: NamedFusion | None, known: Known | None
) -> list[tuple[float, ...]]:
    said: list[Said] = [{r.model: r.probabilities for r in rows if r.found} for rows in groups]
    p = fuse_unfitted(said, known) if fusion is None else fusion.fuse(said, known)
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


def how_together(names: Sequence[str], fusion: NamedFusion | None) -> str:
    """In words, how the answers of these specialists become one."""
    text = f"{TOGETHER.join(names)}: "
    if fusion is None:
        return text + f"{STRATEGIES[DEFAULT].about}, of those that found something"
    text += f"{fusion.strategy}, fitted on {', '.join(fusion.models)}"
    out = [name for name in fusion.models if name not in names]
    if out:
        text += f"; {', '.join(out)} left out and counted as 1/7"
    return text


def about_unknown(known: Known) -> str:
    """In words, which classes were never shown to whom; empty where all know all."""
    lacking = {
        name: [word for c, word in enumerate(EMOTIONS) if c not in classes]
        for name, classes in known.items()
    }
    return "; ".join(
        f"{name} knows no {', '.join(words)}" for name, words in lacking.items() if words
    )


def check_uncertain(below: float | None, abstain: bool, fusion: NamedFusion | None) -> None:
    """Raise :class:`ParameterError` unless a threshold makes sense, or there is one to use."""
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
    """What a result says about its threshold: ``uncertain_below`` and ``uncertain`` in words."""
    if below is not None:
        text = f"labels with a probability below {below:g} are uncertain"
        return {"uncertain_below": below, "uncertain": text}
    if not abstain or fusion is None or fusion.abstainer is None:
        return {}
    rule = fusion.abstainer
    text = (
        f"answers with a probability below {rule.threshold:.3g} are uncertain; of the {rule.n} "
        f"clips it was chosen on {rule.coverage:.0%} were answered, {rule.accuracy:.1%} of them "
        f"rightly (of all {rule.accuracy_of_all:.1%})"
    )
    return {"uncertain_below": rule.threshold, "uncertain": text}


def mark_uncertain(
    rows: Sequence[Row], below: float | None, abstain: bool, fusion: NamedFusion | None
) -> list[Row]:
    """Rows with ``uncertain`` set where their largest probability is below the threshold.

    ``below`` holds for every row, the fusion's own threshold for those that all who spoke answer
    together, of which the last row is one.
    """
    who = None if below is not None else rows[-1].model
    if below is None and abstain and fusion is not None and fusion.abstainer is not None:
        below = fusion.abstainer.threshold
    if below is None:
        return list(rows)
    return [
        replace(row, uncertain=max(row.probabilities) < below) if who in (None, row.model) else row
        for row in rows
    ]
