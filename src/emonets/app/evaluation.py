"""A labelled folder scored: what the page ``/evaluate`` shows, as numbers.

Clips without a label or without an answer are named first and are not in the scores. The scores
are those of `emonets.evaluation.metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emonets.emotions import EMOTIONS, WORDS
from emonets.evaluation.metrics import evaluate, wilson
from emonets.provenance.corpus import Provenance
from emonets.provenance.prints import Prints
from emonets.provenance.seen import seen_by, together
from emonets.result import Result, Row
from emonets.result_tables import clip_row
from emonets.runtime.store import content_digest

ALL = "all together"
"""The source of what a clip's page shows as the label of the clip."""

Job = Mapping[str, Any]


def evaluation(
    jobs: Sequence[Job],
    results: Mapping[str, Result],
    *,
    batch: str = "",
    provenance: Provenance | None = None,
    uploads: Mapping[str, Path] = {},
) -> dict[str, Any]:
    """Scores of the labelled clips of one folder.

    Parameters
    ----------
    jobs : of the batch, as ``GET /api/jobs/ID`` answers them: ``id``, ``name``, ``label``,
        ``state``, ``page``, ``message``.
    results : id of a job → the result of its one clip.
    batch : its name.
    provenance : what the model was trained on (`emonets.provenance.corpus.provenance_of`). None:
        it is not checked.
    uploads : id → the file, whose content is compared with that of the training clips. Nothing is
        decoded, so that copies in another encoding are not recognised.

    Returns
    -------
    ``batch``, ``emotions``, ``n`` (clips), ``scored``, ``unfinished``, ``missing`` (id, name,
    label, why), ``clips`` (id, name, page, label, answer, certainty 0..1, right), ``sources`` and
    ``trained_on``. The first source is `ALL`, then each specialist. A source has ``n``,
    ``accuracy`` with the ends of its 95 % Wilson interval, ``accuracy_of_all`` (a labelled clip
    without an answer counts as wrong), ``uar`` with a bootstrap interval, ``classes`` (``n``,
    ``recall``) and ``confusion``, rows true and columns predicted, in the order of ``emotions``.
    """
    finished: dict[str, Result] = {}
    labels: dict[str, int] = {}
    missing = []
    for job in jobs:
        result, label = results.get(job["id"]), _index(job.get("label"))
        why = _why_missing(job, result, label)
        if label is not None:
            labels[job["id"]] = label
        if result is not None:
            finished[job["id"]] = result
        if why:
            missing.append({**_named(job, label), "why": why})
    gone = {one["id"] for one in missing}
    scored = [job for job in jobs if job["id"] not in gone]
    answers = {job["id"]: clip_row(finished[job["id"]].rows) for job in scored}
    sources = _sources(jobs, scored, labels, finished, answers)
    return {
        "batch": batch,
        "emotions": list(EMOTIONS),
        "n": len(jobs),
        "scored": len(scored),
        "unfinished": sum(job.get("state") in ("waiting", "running") for job in jobs),
        "missing": missing,
        "clips": [_clip(job, labels[job["id"]], answers[job["id"]]) for job in scored],
        "sources": sources,
        "trained_on": _trained_on(scored, provenance, uploads, finished),
    }


def _index(label: Any) -> int | None:
    word = WORDS.get(str(label or "").strip().lower())
    return None if word is None else EMOTIONS.index(word)


def _named(job: Job, label: int | None) -> dict[str, Any]:
    return {
        "id": job["id"],
        "name": job["name"],
        "page": job.get("page"),
        "label": None if label is None else EMOTIONS[label],
    }


def _why_missing(job: Job, result: Result | None, label: int | None) -> str:
    """Why a clip is not in the scores; empty: it is."""
    if label is None:
        given = job.get("label")
        return f"its label {given!r} is no emotion" if given else "has no label"
    if result is None:
        state = str(job.get("state") or "")
        if state in ("waiting", "running"):
            return "is not done yet"
        return str(job.get("message") or ("is cancelled" if state == "cancelled" else "failed"))
    row = clip_row(result.rows)
    if row is None or not row.found:
        status = result.files[0] if result.files else None
        return (status.message or status.status) if status else "has no answer"
    return ""


def _clip(job: Job, label: int, row: Row | None) -> dict[str, Any]:
    assert row is not None
    answer = int(np.argmax(row.probabilities))
    return {
        **_named(job, label), "answer": EMOTIONS[answer],
        "certainty": round(float(max(row.probabilities)), 4), "right": answer == label,
    }  # fmt: skip


def _sources(
    jobs: Sequence[Job],
    scored: Sequence[Job],
    labels: Mapping[str, int],
    results: Mapping[str, Result],
    answers: Mapping[str, Row | None],
) -> list[dict[str, Any]]:
    """Scores of what the clips' pages show, and of each specialist that has clips of its own."""
    labelled = len([job for job in jobs if job["id"] in labels])
    found: dict[str, dict[str, Row]] = {ALL: {}}
    for job in scored:
        answer = answers[job["id"]]
        assert answer is not None
        found[ALL][job["id"]] = answer
        for row in results[job["id"]].rows:
            if row.level == "clip" and row.found and "+" not in row.model:
                found.setdefault(row.model, {})[job["id"]] = row
    single = [name for name in found if name != ALL]
    if len(single) == 1 and found[single[0]] == found[ALL]:
        del found[single[0]]
    return [_score(name, rows, labels, labelled) for name, rows in found.items() if rows]


def _score(
    name: str, rows: Mapping[str, Row], labels: Mapping[str, int], labelled: int
) -> dict[str, Any]:
    y = [labels[key] for key in rows]
    made = evaluate(y, [int(np.argmax(row.probabilities)) for row in rows.values()])
    hits = int(np.trace(made.confusion))
    uar = made.uar
    support = made.confusion.sum(axis=1)
    classes = {}
    for k, emotion in enumerate(EMOTIONS):
        n = int(support[k])
        classes[emotion] = {"n": n, "recall": _interval(int(made.confusion[k, k]), n)}
    return {
        "source": name,
        "n": made.n,
        "right": hits,
        "accuracy": _interval(hits, made.n),
        "accuracy_of_all": hits / labelled,
        "labelled": labelled,
        "uar": {"value": float(uar.value), "low": float(uar.low), "high": float(uar.high)},
        "classes": classes,
        "confusion": made.confusion.tolist(),
    }


def _interval(hits: int, n: int) -> dict[str, float] | None:
    if not n:
        return None
    low, high = wilson(hits, n)
    return {"value": hits / n, "low": low, "high": high}


def _trained_on(
    jobs: Sequence[Job],
    provenance: Provenance | None,
    uploads: Mapping[str, Path],
    results: Mapping[str, Result],
) -> dict[str, Any]:
    """Which clips the model was trained on, by the content of their files."""
    here = [job for job in jobs if job["id"] in uploads and uploads[job["id"]].is_file()]
    if provenance is None or not here:
        return {"checked": 0, "clips": [], "corpora": {}, "unchecked": []}
    models = {row.model for job in here for row in results[job["id"]].rows}
    used = {name for model in models for name in model.split("/")[0].split("+")}
    own = provenance.only([name for name in provenance.corpora if name in used])
    n = len(here)
    content = [int(content_digest(uploads[job["id"]])[:16], 16) for job in here]
    prints = Prints(
        np.array(content, np.uint64), np.tile([0.0, np.inf], (n, 1)),
        (np.zeros(0, np.uint16),) * n, (np.zeros(0, np.uint64),) * n,
        np.zeros((0, 48, 48), np.uint8), np.zeros(0, np.int64),
    )  # fmt: skip
    seen = together(seen_by(own, prints, [job["id"] for job in here]))
    known = [] if seen is None else np.flatnonzero(seen.any).tolist()
    return {
        "checked": n,
        "clips": [here[i]["id"] for i in known],
        "corpora": {name: list(words) for name, words in own.names().items()},
        "unchecked": [] if seen is None else list(seen.unchecked),
    }
