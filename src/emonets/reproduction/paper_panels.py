"""The panels of the paper's Figures 7 to 9, from predictions of labelled clips."""

from __future__ import annotations

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.figures import Panel, readable
from emonets.fusion.common import Ints
from emonets.reproduction.paper_data import PaperData, Source
from emonets.reproduction.recipes import (
    ACTIVITY,
    AUDIO,
    FACE,
    MOUTH,
    PAIR,
    Outcome,
    find_submission,
    run_submission,
)

ALONE = {"7a": FACE, "7b": AUDIO, "7c": ACTIVITY, "7d": MOUTH}
"""Panel → single model, in the order of section 3."""
FUSED = {"8a": "2013-3", "8b": "2013-7"}
"""Panel → recipe whose predictions are drawn."""
WEIGHTS = {"9a": "2013-7", "9b": "2014-9"}
"""Panel → recipe whose weights are drawn."""
PANELS = (*ALONE, *FUSED, *WEIGHTS)

PAPER_ALONE = {
    FACE: {"AFEW2": 38.13}, AUDIO: {"AFEW2": 29.29, "AFEW4": 34.20},
    MOUTH: {"AFEW2": 30.05, "AFEW4": 27.42},
}  # fmt: skip
"""Per cent of the validation clips that single models got right (Table 1, section 4)."""


def panel(name: str, data: PaperData, seed: int = 0) -> Panel:
    """One panel, from the first of the data that have what it requires.

    Parameters
    ----------
    name : of :data:`PANELS`. data : what ``sort_data`` returned. seed : of the searches.

    Raises
    ------
    DataError : none of the data have the models or trainings; the message has the first reason.

    Examples
    --------
    >>> panel("7b", sort_data(["afew2/"])).name  # doctest: +SKIP
    '(b) Audio, 29.29 %'
    """
    if name in ALONE:
        required, make = [ALONE[name]], _single
    else:
        models = find_submission({**FUSED, **WEIGHTS}[name]).models
        required = [model for model in models if model != PAIR]
        make = _fused if name in FUSED else _weights
    sources = data.sources(required, alone=name in ALONE, every_pair=name == "9b")
    reasons = []
    for source in sources:
        try:
            return make(name, source, seed)
        except DataError as error:
            reasons.append(f"{source.data.name}: {error}")
    if reasons:
        raise DataError(reasons[0])
    if data.labelled:
        raise DataError(
            f"Figure {name} requires {' or '.join(required)}, which --models leaves out"
        )
    raise DataError(
        f"Figure {name} is drawn from predictions of labelled clips; give --data: the authors' "
        "folder of AFEW2, stored predictions, or labelled clips"
    )


def _single(name: str, source: Source, seed: int) -> Panel:
    data, model = source.data, ALONE[name]
    if model not in data.models:
        raise DataError(f"there are no predictions of {model}")
    rows, predicted = [], []
    for split in data.splits:
        turns = source.turns > 1
        train, test = (split.both, split.test) if turns else (split.train, split.valid)
        rows.append(test)
        predicted.append(np.asarray(data.models[model](train, test)).argmax(axis=1))
    counts = _counts(source, np.concatenate(rows), np.concatenate(predicted))
    edition = "AFEW2" if source.authors else "AFEW4"
    paper = PAPER_ALONE.get(model, {}).get(edition)
    lines = [_where(source, counts)]
    if paper is not None:
        lines.append(f"the paper, on {edition} validation: {paper:.2f} %")
    called = "ConvNet 1" if source.authors and model == FACE else readable(model)
    return Panel(f"({name[-1]}) {called}, {_right(counts)}", counts, lines)


def _outcomes(recipe: str, source: Source, seed: int, turns: int | None = None) -> list[Outcome]:
    """Of the first turns; None: of all."""
    data = source.data
    return [
        run_submission(
            find_submission(recipe), data.models, data.y, split, data.groups, seed=seed,
            protocols=data.protocols,
        )
        for split in data.splits[:turns]
    ]  # fmt: skip


def _fused(name: str, source: Source, seed: int) -> Panel:
    outcomes = _outcomes(FUSED[name], source, seed)
    part = "test" if source.turns > 1 else "valid"
    splits = source.data.splits
    rows = np.concatenate([split.test if part == "test" else split.valid for split in splits])
    predicted = np.concatenate([outcome.predicted[part] for outcome in outcomes])
    counts = _counts(source, rows, predicted)
    submission = outcomes[0].submission
    how = "Mean" if submission.number == 3 else "Local random search"
    lines = [_where(source, counts), f"models: {', '.join(_called(source, outcomes[0]))}"]
    if part == "valid":
        fitted = submission.number != 3
        lines.append("fitted on these clips, as in the paper" if fitted else "nothing is fitted")
    paper = submission.valid
    if paper is not None:
        lines.append(f"the paper, five models, on AFEW2 validation: {paper:.2f} %")
    return Panel(f"({name[-1]}) {how} ({submission.name}), {_right(counts)}", counts, lines)


def _weights(name: str, source: Source, seed: int) -> Panel:
    first = _outcomes(WEIGHTS[name], source, seed, turns=1)[0]
    if first.weights is None:
        raise DataError(f"the fusion of {first.submission.name} has no weights")
    split = source.data.splits[0]
    n = len(split.both if first.submission.protocol == "swapped" else split.valid)
    lines = [source.about(n)]
    if source.turns > 1:
        lines.append(f"the first of {source.turns} turns")
    if first.missing:
        lines.append(f"without {', '.join(first.missing)}")
    called = f"({name[-1]}) Submission {first.submission.name}"
    return Panel(called, first.weights, lines, _called(source, first))


def _called(source: Source, outcome: Outcome) -> list[str]:
    """The names of the models; of the authors' those of the paper."""
    own = {FACE: "ConvNet 1", PAIR: "SVM on both"} if source.authors else {}
    return [own.get(name, readable(name)) for name in outcome.models]


def _counts(source: Source, rows: Ints, predicted: Ints) -> Ints:
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), dtype=np.intp)
    np.add.at(counts, (source.data.y[rows], predicted), 1)
    return counts


def _where(source: Source, counts: Ints) -> str:
    return source.about(int(counts.sum()))


def _right(counts: Ints) -> str:
    return f"{100 * np.trace(counts) / counts.sum():.2f} %"
