"""The paper's submissions (Tables 1 and 2) on data, beside the paper's numbers."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.figures import (
    FORMATS,
    SubmissionScores,
    check_format,
    readable,
    save,
    submissions,
)
from emonets.evaluation.figures.paper import NAMES, PARTS
from emonets.evaluation.metrics import Score, evaluate
from emonets.evaluation.records import Evidence, write_results
from emonets.reproduction.recipes import (
    PAIR,
    SUBMISSIONS,
    Outcome,
    Submission,
    find_submission,
    run_submission,
)
from emonets.reproduction.stored_models import NotStoredError
from emonets.reproduction.submission_data import SubmissionData, read_submission_data
from emonets.result import check_writable
from emonets.runtime.files import try_folder, write_whole

log = logging.getLogger(__name__)

PAPER_DATA = {2013: "AFEW2", 2014: "AFEW4"}


@dataclass(frozen=True, eq=False)
class Rerun:
    """The result of a recipe on data.

    Attributes
    ----------
    submission : the recipe. models : that were used. missing : models that the data do not have.
    scores : part → accuracy 0..1, of the parts of the data. For folds that take turns, train and
        valid are means over the turns. test is of all clips, with a 95 % interval; models and
        fusion were not trained on a clip's fold.
    n : part → clips. why_not : why the recipe could not be run; empty if it was.
    reading : our interpretation.
    """

    submission: Submission
    models: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    scores: dict[str, Score] | None = None
    n: dict[str, int] | None = None
    why_not: str = ""
    reading: str = ""

    @property
    def paper(self) -> dict[str, float]:
        """Part → the paper's accuracy, 0..1, if it gives one."""
        s = self.submission
        given = zip(PARTS, (s.train, s.valid, s.test), strict=True)
        return {part: x / 100 for part, x in given if x is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        scores = self.scores or {}
        return {
            "submission": self.submission.name, "method": self.submission.method,
            "protocol": self.submission.protocol, "models": list(self.models),
            "missing": list(self.missing), "reading": self.reading, "why_not": self.why_not,
            "accuracy": {
                part: {"value": s.value, "low": _plain(s.low), "high": _plain(s.high)}
                for part, s in scores.items()
            },
            "n": self.n or {}, "paper": self.paper,
        }  # fmt: skip


def rerun(data: SubmissionData, submission: Submission, *, seed: int = 0) -> Rerun:
    """Run one recipe on all splits of the data.

    If required predictions are not stored, ``why_not`` names them. If only the SVM on face and
    audio cannot be made, it is left out like a model that the data do not have.
    """
    reading = "; ".join(
        text for text in (submission.reading, data.readings.get(submission.protocol, "")) if text
    )
    try:
        outcomes = _outcomes(data, submission, seed)
    except NotStoredError as error:
        return Rerun(submission, reading=reading, why_not=str(error))
    except DataError as error:
        if not any(name in data.models for name in submission.models):
            return Rerun(submission, reading=reading, why_not=str(error))
        raise DataError(f"{data.name}, submission {submission.name}: {error}") from None
    nan = float("nan")
    scores: dict[str, Score] = {}
    for part in ("train", "valid"):
        value = float(np.mean([getattr(o, part) for o in outcomes]))
        if not np.isnan(value):
            scores[part] = Score(value, nan, nan)
    rows = np.concatenate([split.test for split in data.splits])
    if len(rows):
        p = np.concatenate([outcome.p for outcome in outcomes])
        groups = None if data.groups is None else data.groups[rows]
        scores["test"] = evaluate(data.y[rows], p, groups=groups, seed=seed).accuracy
    first = data.splits[0]
    n = {"train": len(first.train), "valid": len(first.valid), "test": len(rows)}
    return Rerun(
        submission, outcomes[0].models, outcomes[0].missing, scores,
        {part: n[part] for part in scores}, reading=reading,
    )  # fmt: skip


def _outcomes(data: SubmissionData, submission: Submission, seed: int) -> list[Outcome]:
    def run(recipe: Submission) -> list[Outcome]:
        return [
            run_submission(
                recipe, data.models, data.y, split, data.groups, seed=seed,
                protocols=data.protocols,
            )
            for split in data.splits
        ]  # fmt: skip

    try:
        return run(submission)
    except NotStoredError:
        rest = tuple(name for name in submission.models if name != PAIR)
        if PAIR in data.models or len(rest) in (0, len(submission.models)):
            raise
        # this SVM requires predictions of face and audio for their training clips
        outcomes = run(replace(submission, models=rest))
        return [replace(o, submission=submission, missing=(*o.missing, PAIR)) for o in outcomes]


def report_submissions(
    paths: Sequence[str],
    *,
    name: str | None = None,
    recipes: str | None = None,
    out: Path | None = None,
    json_path: Path | None = None,
    results: Path | None = None,
    seed: int = 0,
    clips: Callable[[bool], SubmissionData] | None = None,
    figures: str = "png",
) -> str:
    """Run the recipes; returns the table as text, and writes the requested files.

    Parameters
    ----------
    paths, name : see ``submission_data.read_submission_data``.
    clips : returns data of specialists trained on clips, in place of stored predictions. Its
        argument is whether a recipe learns from swapped predictions
        (``submission_training.train_for_submissions``).
    recipes : names separated by commas; None: all.
    out : folder of ``submissions.md``, ``.csv`` and the figure. json_path : file of all numbers.
    results : a table of measured rows, such as ``docs/results/submissions``.
    figures : format of the figure: png, svg or pdf.

    Raises
    ------
    DataError : the data are wrong; the message names the file.
    ParameterError : a recipe is unknown, or a file cannot be written.
    """
    figures = check_format(figures)
    chosen = list(SUBMISSIONS)
    if recipes is not None:
        chosen = [find_submission(text.strip()) for text in recipes.split(",") if text.strip()]
    if not chosen:
        raise ParameterError(f"no recipe is named; known: {_names(SUBMISSIONS)}")
    _check_places(out, json_path, results)
    swapped = any(recipe.protocol == "swapped" for recipe in chosen)
    data = read_submission_data(paths, name) if clips is None else clips(swapped)
    done = []
    for submission in chosen:
        done.append(rerun(data, submission, seed=seed))
        log.info(_log_line(done[-1]))
    if json_path is not None:
        content = {"data": data.name, "note": data.note, "rows": [r.to_dict() for r in done]}
        write_whole(json_path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    if out is not None:
        for written in write_report(data, done, out, figures):
            log.info(f"written: {written}")
    if results is not None:
        rows = result_rows(data, done, seed)
        if not rows:
            raise DataError(
                f"{data.name}: no recipe could be run, so there are no rows for --results; give "
                "data with more models"
            )
        write_results(results.name, rows, results.parent)
    return text_table(data, done)


def _check_places(out: Path | None, json_path: Path | None, results: Path | None) -> None:
    for path in (json_path, None if results is None else results.with_suffix(".json")):
        if path is not None:
            check_writable(path)
    if out is not None:
        try:
            try_folder(out)
        except OSError as error:
            raise ParameterError(f"{out}: cannot be written ({error.strerror or error})") from None


def result_rows(data: SubmissionData, done: Sequence[Rerun], seed: int) -> list[Evidence]:
    """Rows for ``records.write_results``: one for each recipe and part."""
    made = []
    for r in done:
        for part, score in (r.scores or {}).items():
            paper = r.paper.get(part)
            where = PAPER_DATA[r.submission.year]
            notes = [f"the paper, on {where}: {100 * paper:.2f} %" if paper is not None else ""]
            notes += [f"without {', '.join(r.missing)}" if r.missing else "", r.reading]
            learns = r.submission.make(seed, r.models).needs_labels
            fitted = learns and part == "valid" and r.submission.protocol != "on train"
            notes += ["the fusion was fitted on these clips" if fitted else ""]
            bounded = not np.isnan(score.low)
            turns = len(data.splits) > 1
            made.append(
                Evidence(
                    what=f"submission {r.submission.name}: {', '.join(r.models)}", data=data.name,
                    metric="accuracy", value=score.value, low=score.low if bounded else None,
                    high=score.high if bounded else None, classes=len(np.unique(data.y)),
                    split=NAMES[part] + (f", {len(data.splits)} folds in turn" if turns else ""),
                    group=data.group if part == "test" else "", n=(r.n or {})[part], seed=seed,
                    command=f"emonets reproduce submissions --data DATA --name '{data.name}' "
                    "--results docs/results/submissions",
                    note="; ".join(text for text in notes if text),
                )
            )  # fmt: skip
    return made


def text_table(data: SubmissionData, done: Sequence[Rerun]) -> str:
    """The table for the terminal: a line for each recipe, with our and the paper's scores."""
    head = f"{'':7} {'':30}" + "".join(f"  {NAMES[part]:>14}" for part in PARTS)
    under = f"{'recipe':7} {'models':30}" + f"  {'here':>6}  {'paper':>6}" * len(PARTS)
    lines = [f"{data.name}; accuracy in per cent", head, under]
    for r in done:
        cells = "".join(f"  {_here(r, part):>6}  {_paper(r, part):>6}" for part in PARTS)
        lines.append(f"{r.submission.name:7} {', '.join(r.models) or '-':30}{cells}")
    notes = [line for r in done for line in _notes(r)]
    return "\n".join([*lines, "", *notes, *([f"Note: {data.note}."] if data.note else [])])


def write_report(
    data: SubmissionData, done: Sequence[Rerun], folder: Path, figures: str = "png"
) -> list[Path]:
    """Write ``submissions.md``, ``.csv`` and, with matplotlib, a figure in one of ``FORMATS``."""
    drawn = [
        SubmissionScores(
            r.submission.name, r.models, {part: s.value for part, s in r.scores.items()}, r.paper,
            {part: (s.low, s.high) for part, s in r.scores.items() if not np.isnan(s.low)},
        )
        for r in done if r.scores
    ]  # fmt: skip
    pictures: list[Path] = []
    for kind in FORMATS:
        (folder / f"submissions.{kind}").unlink(missing_ok=True)
    if drawn:
        try:
            figure = submissions(
                drawn, classes=max(2, len(np.unique(data.y))),
                title=f"The paper's submissions on {readable(data.name)}",
                legend="the paper's scores are of all of its models",
            )  # fmt: skip
            pictures.append(save(figure, folder / f"submissions.{figures}"))
        except MissingExtraError as error:
            log.info(f"no picture: {error}")
    columns = [f"{NAMES[part]}{end}" for part in PARTS for end in ("", ", paper")]
    cells = [
        [
            r.submission.name, ", ".join(r.models), r.submission.protocol,
            *(f(r, part) for part in PARTS for f in (_here, _paper)),
        ]
        for r in done
    ]  # fmt: skip
    head = ["recipe", "models", "protocol", *columns]
    lines = ["| " + " | ".join(row) + " |" for row in (head, *cells)]
    lines.insert(1, "|" + " --- |" * 3 + " ---: |" * len(columns))
    notes = [f"- {line}" for r in done for line in _notes(r)]
    parts = [f"# The paper's submissions on {data.name}", "Accuracy in per cent."]
    parts += ["\n".join(lines), "\n".join(notes), data.note and f"{data.note}."]
    parts += [f"![submissions]({p.name})" for p in pictures]
    text = "\n\n".join(part for part in parts if part) + "\n"
    write_whole(folder / "submissions.md", text.encode())
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([head, *cells])
    write_whole(folder / "submissions.csv", file.getvalue().encode())
    return [folder / "submissions.md", folder / "submissions.csv", *pictures]


def _notes(r: Rerun) -> list[str]:
    if r.why_not:
        return [f"{r.submission.name} was left out: {r.why_not}."]
    notes = [f"without {', '.join(r.missing)}" if r.missing else "", r.reading]
    text = "; ".join(part for part in notes if part)
    return [f"{r.submission.name}: {text}."] if text else []


def _log_line(r: Rerun) -> str:
    if r.why_not:
        return f"{r.submission.name} left out: {r.why_not}"
    parts = [f"{NAMES[part]} {score.value:.2%}" for part, score in (r.scores or {}).items()]
    return f"{r.submission.name}: {', '.join(parts)}"


def _here(r: Rerun, part: str) -> str:
    score = (r.scores or {}).get(part)
    return "-" if score is None else f"{100 * score.value:.2f}"


def _paper(r: Rerun, part: str) -> str:
    return f"{100 * r.paper[part]:.2f}" if part in r.paper else "-"


def _names(submissions: Sequence[Submission]) -> str:
    return ", ".join(s.name for s in submissions)


def _plain(x: float) -> float | None:
    return None if np.isnan(x) else x
