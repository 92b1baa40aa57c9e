"""Reports of a system's scores: text, Markdown, CSV, JSON and figures."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.evaluation.compare_fusion import table
from emonets.evaluation.figures import FORMATS, confusion_of, readable, save
from emonets.evaluation.figures.names import in_text
from emonets.evaluation.metrics import Evaluation
from emonets.provenance.seen import together
from emonets.runtime.files import try_folder, write_whole
from emonets.training.scores import FUSED, Scored

_AS_PREDICTED = "Among all seven emotions, as predict returns them:"
_MOST_DROPPED = 10  # files that a report names; the JSON has all


def summary(scored: Scored) -> str:
    """A few lines: the scores of each specialist."""
    data = scored.data
    lines = [_heading(scored), "", *_warning(scored)]
    if scored.masked:
        lines.append(f"Among the {len(_present(scored))} emotions of the data:")
    for name, scores in scored.scores.items():
        missing = "" if name == FUSED else _not_found(scored, name)
        lines.append(_line(_label(scored, name), scores) + missing)
    if scored.masked:
        lines += ["", _AS_PREDICTED]
        lines += [_line(_label(scored, n), scores) for n, scores in scored.as_predicted.items()]
    for corpus, by_model in scored.corpora.items():
        lines += ["", f"{corpus} alone, among its emotions:"]
        lines += [_line(_label(scored, name), scores) for name, scores in by_model.items()]
        lines += ["", f"{corpus} alone, among all seven emotions, as predict returns them:"]
        seven = scored.corpora_as_predicted[corpus]
        lines += [_line(_label(scored, name), scores) for name, scores in seven.items()]
    for corpus, by_model in scored.fine.items():
        for name, scores in by_model.items():
            more = ", ".join(scores.classes[len(EMOTIONS) :])
            lines += ["", f"{corpus}, {len(scores.classes)} classes, including {more}:"]
            lines.append(_line(name, scores))
    lines += ["", _intervals(scored), *_provenance(scored)]
    if not data.grouped:
        lines.append(
            "Some clips have no group. Each of them counts as a group of its own, so the scores "
            "may be too high."
        )
    if scored.masked:
        lines.append(
            f"The data have no {', '.join(scored.masked)}. The scores among the emotions of the "
            "data leave these out; as predict returns them, they count as wrong."
        )
    if data.dropped:
        lines.append(f"Left out: {len(data.dropped)} files, such as {data.dropped[0][0]}: "
                     f"{data.dropped[0][1]}")  # fmt: skip
    return "\n".join(lines)


def _intervals(scored: Scored) -> str:
    """What the intervals are over, and a warning where that is too little."""
    over = next(iter(scored.scores.values()))
    what = "clips" if over.n_groups is None else "groups"
    text = f"In brackets: 95 % bootstrap intervals over {what}."
    return f"{text} {_few(scored)}".strip()


def _few(scored: Scored) -> str:
    """A warning where the scored clips are of fewer than six groups, else ""."""
    if len(np.unique(scored.groups)) == 1:
        return (
            "Warning: all clips are of one group. The intervals are about other clips of this "
            "group, not about other people."
        )
    return next(iter(scored.scores.values())).warning


def _warning(scored: Scored) -> list[str]:
    """A warning where no clip is left to score the model on unseen groups."""
    one = together(scored.seen)
    if one is None or not one.everything:
        return []
    return [
        f"No score of unseen groups: the model was trained on all {len(one)} clips or on their "
        "groups.",
        "",
    ]


def _provenance(scored: Scored) -> list[str]:
    """What the specialists were trained on, and the scores of the other clips."""
    lines = []
    for name, corpora in scored.trained_on.items():
        text = f"{name} was trained on {', '.join(corpora)}" if corpora else ""
        if name in scored.seen and len(corpora) > len(scored.seen[name].unchecked):
            unseen = "none of these clips or their groups was trained on"
            text += f": {scored.seen[name].in_words() or unseen}"
        lines += [text + "."] if text else []
    if scored.unseen:
        lines += ["", "Without clips and groups seen in training:"]
        lines += [
            f"{_line(_label(scored, name), scores)}  ({scores.n} clips)"
            for name, scores in scored.unseen.items()
        ]
    return lines


def _line(label: str, scores: Evaluation) -> str:
    return f"{label:<28} accuracy {scores.accuracy:.1%}  UAR {scores.uar:.1%}"


def _label(scored: Scored, name: str) -> str:
    return f"fused ({scored.strategy})" if name == FUSED else name


def _heading(scored: Scored) -> str:
    rows = scored.predictions.rows
    groups = len(np.unique(scored.groups))
    classes = len(EMOTIONS) - len(scored.masked)
    return (
        f"{scored.data.name}: {len(rows)} clips of {groups} group{'' if groups == 1 else 's'}, "
        f"{classes} classes, "
        f"{scored.predictions.split}"
    )


def _not_found(scored: Scored, name: str) -> str:
    found = scored.predictions.found[:, scored.predictions.models.index(name)]
    return f"  (no usable input in {np.count_nonzero(~found)} clips)" if not found.all() else ""


def markdown(scored: Scored, *, title: str, seed: int, pictures: Sequence[Path] = ()) -> str:
    """The whole report."""
    parts = [f"# {title}", _heading(scored) + f", seed {seed}.", *_warning(scored)]
    head = "| model | accuracy | UAR | " + " | ".join(f"F1 {e}" for e in _present(scored)) + " |"
    lines = [head, "| --- | ---: | ---: |" + " ---: |" * len(_present(scored))]
    for name, scores in scored.scores.items():
        label = f"**fused** ({scored.strategy})" if name == FUSED else name
        f1 = [f"{scores.f1[k]:.1%}" for k in _indices(scored)]
        lines.append(f"| {label} | {scores.accuracy:.1%} | {scores.uar:.1%} | {' | '.join(f1)} |")
    if scored.masked:
        parts.append(f"Among the {len(_present(scored))} emotions of the data:")
    parts.append("\n".join(lines))
    if scored.masked:
        lines = ["| model | accuracy | UAR |", "| --- | ---: | ---: |"]
        for name, scores in scored.as_predicted.items():
            label = f"**fused** ({scored.strategy})" if name == FUSED else name
            lines.append(f"| {label} | {scores.accuracy:.1%} | {scores.uar:.1%} |")
        parts += [_AS_PREDICTED, "\n".join(lines)]
    parts.append(_intervals(scored))
    parts.append(summary(scored).partition("In brackets")[2].partition("\n")[2].strip())
    if scored.compared:
        parts += ["## Fusions", table(scored.compared).strip()]
    for name, scores in scored.scores.items():
        parts += [f"## {name}", scores.to_markdown().strip()]
    for corpus, by_model in scored.corpora.items():
        for name, scores in by_model.items():
            parts += [f"## {corpus} alone: {name}", scores.to_markdown().strip()]
    for corpus, by_model in scored.fine.items():
        for name, scores in by_model.items():
            title = f"## {corpus}, {len(scores.classes)} classes: {name}"
            parts += [title, scores.to_markdown().strip()]
    parts += [f"![{p.stem}]({p.name})" for p in pictures]
    if scored.data.dropped:
        listed = [f"- {file}: {why}" for file, why in scored.data.dropped[:_MOST_DROPPED]]
        more = len(scored.data.dropped) - _MOST_DROPPED
        listed += [f"- and {more} more (scores.json names all)"] if more > 0 else []
        parts += ["## Left out", "\n".join(listed)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _indices(scored: Scored) -> list[int]:
    return [k for k, name in enumerate(EMOTIONS) if name not in scored.masked]


def _present(scored: Scored) -> list[str]:
    return [EMOTIONS[k] for k in _indices(scored)]


def plain(scored: Scored, *, title: str, seed: int) -> dict[str, Any]:
    """All figures for JSON."""
    data = scored.data
    return {
        "title": title, "data": data.name, "split": scored.predictions.split, "group": "group",
        "n": len(scored.predictions.rows), "groups": len(np.unique(scored.groups)),
        "grouped": data.grouped, "masked": scored.masked, "strategy": scored.strategy,
        "warning": _few(scored), "seed": seed, "minutes": round(scored.minutes, 2),
        "models": {name: scores.to_dict() for name, scores in scored.scores.items()},
        "models_as_predicted": {
            name: scores.to_dict() for name, scores in scored.as_predicted.items()
        },
        "found_nothing": {
            name: int(np.count_nonzero(~scored.predictions.found[:, j]))
            for j, name in enumerate(scored.predictions.models)
        },
        "corpora": {
            corpus: {name: scores.to_dict() for name, scores in by_model.items()}
            for corpus, by_model in scored.corpora.items()
        },
        "corpora_as_predicted": {
            corpus: {name: scores.to_dict() for name, scores in by_model.items()}
            for corpus, by_model in scored.corpora_as_predicted.items()
        },
        "fine": {
            corpus: {name: scores.to_dict() for name, scores in by_model.items()}
            for corpus, by_model in scored.fine.items()
        },
        "trained_on": {name: list(corpora) for name, corpora in scored.trained_on.items()},
        "seen": {name: one.to_dict() for name, one in scored.seen.items()},
        "unseen": {name: scores.to_dict() for name, scores in scored.unseen.items()},
        "fusions": [one.to_dict() for one in scored.compared],
        "dropped": [{"file": file, "why": why} for file, why in data.dropped],
    }  # fmt: skip


def predictions_csv(scored: Scored) -> str:
    """One line for each clip and model: file, label, group, fold, found, seven probabilities."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["file", "start", "end", "label", "group", "fold", "model", "found", *EMOTIONS])
    data, predictions = scored.data, scored.predictions
    for k, row in enumerate(predictions.rows.tolist()):
        item = data.items[row]
        columns = [item.path, *("" if t is None else f"{t:g}" for t in (item.start, item.end))]
        columns += [EMOTIONS[data.labels[row]], data.groups[row], int(predictions.fold[k])]
        for j, name in enumerate(predictions.models):
            p = predictions.P[k, j]
            writer.writerow(
                [*columns, name, bool(predictions.found[k, j]), *(f"{x:.6g}" for x in p)]
            )
        if len(predictions.models) > 1:
            fused = scored.fused[k]
            writer.writerow([*columns, FUSED, True, *(f"{x:.6g}" for x in fused)])
    return file.getvalue()


def scores_csv(scored: Scored) -> str:
    """One line for each model and metric, with its interval; also by corpus and fine classes.

    ``among``: ``data``, the emotions of the data; ``all``, those that predict returns.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ["model", "metric", "value", "low", "high", "n", "split", "data", "classes", "among"]
    writer.writerow(head)
    everything = {scored.data.name: scored.scores}
    seven = {scored.data.name: scored.as_predicted}
    tables: list[tuple[str, Mapping[str, Mapping[str, Evaluation]]]] = [
        ("data", everything), ("all", seven), ("data", scored.corpora),
        ("all", scored.corpora_as_predicted), ("data", scored.fine),
    ]  # fmt: skip
    for among, of in tables:
        for data, by_model in of.items():
            for name, scores in by_model.items():
                here = np.flatnonzero(scores.confusion.sum(axis=1)).tolist()
                rows = [("accuracy", scores.accuracy), ("uar", scores.uar)]
                for k in here:
                    rows.append((f"recall {scores.classes[k]}", scores.recall[k]))
                    rows.append((f"f1 {scores.classes[k]}", scores.f1[k]))
                for metric, score in rows:
                    numbers = [f"{x:.6g}" for x in (score.value, score.low, score.high)]
                    about = [scores.n, scored.predictions.split, data, len(scores.classes), among]
                    writer.writerow([name, metric, *numbers, *about])
    return file.getvalue()


def write_scores(
    scored: Scored, folder: Path, *, title: str, seed: int, figures: str = "png"
) -> list[Path]:
    """Write ``report.md``, ``scores.csv``, ``scores.json``, ``answers.csv`` and, with matplotlib,
    a confusion matrix of each specialist and of their fusion (the paper's Figures 7 and 8).

    Parameters
    ----------
    figures : format of the matrices: png, svg or pdf.

    Raises
    ------
    ParameterError : the folder cannot be written.
    """
    pictures: list[Path] = []
    try:
        if importlib.util.find_spec("matplotlib") is not None:
            for name, scores in scored.scores.items():
                for kind in FORMATS:  # of an earlier run
                    (folder / f"confusion_{name}.{kind}").unlink(missing_ok=True)
                shown = f"{readable(scored.data.name)}: {in_text(name)}"
                figure = confusion_of(scores, title=shown)
                pictures.append(save(figure, folder / f"confusion_{name}.{figures}"))
        text = markdown(scored, title=title, seed=seed, pictures=pictures)
        content = json.dumps(plain(scored, title=title, seed=seed), indent=1, ensure_ascii=False)
        files = {
            "report.md": text, "scores.json": content + "\n", "scores.csv": scores_csv(scored),
            "answers.csv": predictions_csv(scored),
        }  # fmt: skip
        for name, text in files.items():
            write_whole(folder / name, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise _cannot(folder, error) from None
    return [*(folder / name for name in files), *pictures]


def check_folder(folder: Path) -> None:
    """Raise ParameterError unless the folder can be written; to be called before a training."""
    try:
        try_folder(folder)
    except OSError as error:
        raise _cannot(folder, error) from None


def _cannot(folder: Path, error: OSError) -> ParameterError:
    return ParameterError(
        f"{folder}: cannot be written ({error.strerror or error}); choose another place"
    )
