"""Scores on several corpora as one table, with the mean of each system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emonets.evaluation.corpora import CorpusScore
from emonets.evaluation.metrics import Score
from emonets.evaluation.strangers import StrangerScore, mean_score

_HEAD = (
    "corpus", "system", "n", "classes", "UAR among present", "UAR as predicted", "disgust", "fear",
    "calibration error", "note",
)  # fmt: skip
_NUMBERS = range(2, 9)
MEAN = "mean"
_WATCHED = ("disgust", "fear")


def table(scores: Sequence[CorpusScore], *, markdown: bool = False) -> str:
    """One line for each corpus and system, in per cent; the mean of each system follows.

    Corpora that a system was trained on are not in its mean.
    """
    lines = [_HEAD, *map(_line, scores), *_means(scores)]
    if markdown:
        ruler = ["---:" if k in _NUMBERS else "---" for k in range(len(_HEAD))]
        cells = [lines[0], ruler, *lines[1:]]
        return "\n".join("| " + " | ".join(line) + " |" for line in cells) + "\n"
    widths = [max(len(line[k]) for line in lines) for k in range(len(_HEAD) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[-1]])
        .rstrip()
        for line in lines
    )  # fmt: skip


def plain(scores: Sequence[CorpusScore]) -> list[dict[str, Any]]:
    """The same for JSON, 0..1; null where there is no score."""
    return [
        {
            "corpus": one.corpus, "system": one.system, "problem": one.problem,
            "trained_on": one.mark is not None and one.mark.trained_on,
            "dropped": 0 if one.mark is None else one.mark.dropped,
            "note": "" if one.mark is None else one.mark.note, "group": one.group,
            "among_present": _plain(one.among), "as_predicted": _plain(one.seven),
        }
        for one in scores
    ]  # fmt: skip


def _plain(score: StrangerScore | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "n": score.n, "groups": score.n_groups, "classes": score.classes,
        "unanswered": score.unanswered, "uar": _ends(score.uar),
        "accuracy": _ends(score.accuracy),
        "recall": {name: _ends(one) for name, one in score.recall.items()},
        "calibration_error": score.calibration_error,
    }  # fmt: skip


def _ends(score: Score) -> dict[str, float]:
    return {"value": score.value, "low": score.low, "high": score.high}


def _line(one: CorpusScore) -> tuple[str, ...]:
    if one.among is None or one.seven is None:
        return (one.corpus, one.system, *[""] * len(_NUMBERS), f"no score: {one.problem}")
    notes = [] if one.mark is None else [one.mark.note]
    if one.mark is not None and one.mark.trained_on:
        notes.append("not in the mean")
    if one.among.unanswered:
        notes.append(f"{one.among.unanswered} without an answer, counted as wrong")
    recall = [f"{one.seven.recall[k]:.1%}" if k in one.seven.recall else "–" for k in _WATCHED]
    error = one.seven.calibration_error
    return (
        one.corpus, one.system, str(one.among.n), str(one.among.classes),
        str(one.among.uar), str(one.seven.uar), *recall,
        "–" if error is None else f"{error:.1%}", "; ".join(filter(None, notes)),
    )  # fmt: skip


def _means(scores: Sequence[CorpusScore]) -> list[tuple[str, ...]]:
    lines = []
    for system in dict.fromkeys(one.system for one in scores if one.counts):
        mine = [one for one in scores if one.counts and one.system == system]
        among = [one.among for one in mine if one.among is not None]
        seven = [one.seven for one in mine if one.seven is not None]
        recalls = [[s.recall[k] for s in seven if k in s.recall] for k in _WATCHED]
        errors = [s.calibration_error for s in seven if s.calibration_error is not None]
        lines.append(
            (
                MEAN, system, str(sum(s.n for s in among)), "",
                str(mean_score([s.uar for s in among])), str(mean_score([s.uar for s in seven])),
                *(str(mean_score(r)) if r else "–" for r in recalls),
                f"{sum(errors) / len(errors):.1%}" if errors else "–",
                f"of {', '.join(one.corpus for one in mine)}",
            )
        )  # fmt: skip
    return lines
