"""A labelled folder scored: what the page ``/evaluate`` shows, as numbers.

Clips without a label or without an answer are named first and are not in the scores. The scores
are those of `emonets.evaluation.metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emonets.app.finished import Clip
from emonets.emotions import EMOTIONS, WORDS
from emonets.evaluation.metrics import evaluate, wilson
from emonets.provenance.corpus import Provenance
from emonets.provenance.prints import Prints
from emonets.provenance.seen import seen_by, together
from emonets.result import Row
from emonets.result_tables import clip_row
from emonets.runtime.store import content_digest

ALL = "all together"
"""The source of what a clip's page shows as the label of the clip."""


def evaluation(clips: Sequence[Clip], *, provenance: Provenance | None = None) -> dict[str, Any]:
    """Scores of the clips of one labelled folder.

    Parameters
    ----------
    clips : of one upload, with and without labels, done and not done.
    provenance : what the model was trained on (`emonets.app.facts.facts_of`). The content of the
        clips' files is compared with that of the training clips. Nothing is decoded, so that copies
        in another encoding are not recognised. None: it is not checked.

    Returns
    -------
    ``batch``, ``emotions``, ``n`` (clips), ``scored``, ``unfinished``, ``missing`` (id, name,
    label, why), ``clips`` (id, name, page, label, answer, certainty 0..1, right), ``sources`` and
    ``trained_on``. The first source is `ALL`, then each specialist. A source has ``n``,
    ``accuracy`` with the ends of its 95 % Wilson interval, ``accuracy_of_all`` (a labelled clip
    without an answer counts as wrong), ``uar`` with a bootstrap interval, ``classes`` (``n``,
    ``recall``) and ``confusion``, rows true and columns predicted, in the order of ``emotions``.
    """
    missing = [{**_named(clip), "why": why} for clip in clips if (why := _why_missing(clip))]
    gone = {one["id"] for one in missing}
    scored = [clip for clip in clips if clip.id not in gone]
    labelled = sum(_index(clip.label) is not None for clip in clips)
    return {
        "batch": clips[0].batch if clips else None,
        "emotions": list(EMOTIONS),
        "n": len(clips),
        "scored": len(scored),
        "unfinished": sum(clip.state in ("waiting", "running") for clip in clips),
        "missing": missing,
        "clips": [_clip(clip) for clip in scored],
        "sources": _sources(scored, labelled),
        "trained_on": _trained_on(scored, provenance),
    }


def _index(label: str | None) -> int | None:
    word = WORDS.get((label or "").strip().lower())
    return None if word is None else EMOTIONS.index(word)


def _named(clip: Clip) -> dict[str, Any]:
    label = _index(clip.label)
    return {
        "id": clip.id,
        "name": clip.name,
        "page": clip.page,
        "label": None if label is None else EMOTIONS[label],
    }


def _why_missing(clip: Clip) -> str:
    """Why a clip is not in the scores; empty: it is."""
    if _index(clip.label) is None:
        return f"its label {clip.label!r} is no emotion" if clip.label else "has no label"
    if clip.without or clip.result is None:
        return clip.without
    row = clip_row(clip.result.rows)
    if row is None or not row.found:
        return clip.result.files[0].message or "nothing was found to predict from"
    return ""


def _answer(clip: Clip) -> Row:
    """The row of a clip that is scored."""
    row = None if clip.result is None else clip_row(clip.result.rows)
    assert row is not None
    return row


def _clip(clip: Clip) -> dict[str, Any]:
    row = _answer(clip)
    answer = int(np.argmax(row.probabilities))
    return {
        **_named(clip), "answer": EMOTIONS[answer],
        "certainty": round(float(max(row.probabilities)), 4), "right": answer == _index(clip.label),
    }  # fmt: skip


def _sources(scored: Sequence[Clip], labelled: int) -> list[dict[str, Any]]:
    """Scores of what the clips' pages show, and of each specialist by itself."""
    found: dict[str, dict[str, Row]] = {ALL: {clip.id: _answer(clip) for clip in scored}}
    for clip in scored:
        assert clip.result is not None
        for row in clip.result.rows:
            if row.level == "clip" and row.found and "+" not in row.model:
                found.setdefault(row.model, {})[clip.id] = row
    single = [name for name in found if name != ALL]
    if len(single) == 1 and found[single[0]] == found[ALL]:
        del found[single[0]]
    labels = {clip.id: _index(clip.label) for clip in scored}
    return [_score(name, rows, labels, labelled) for name, rows in found.items() if rows]


def _score(
    name: str, rows: Mapping[str, Row], labels: Mapping[str, int | None], labelled: int
) -> dict[str, Any]:
    y = [label for key in rows if (label := labels[key]) is not None]
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


def _trained_on(clips: Sequence[Clip], provenance: Provenance | None) -> dict[str, Any]:
    """Which clips the model was trained on, by the content of their files."""
    here = [(clip, clip.upload) for clip in clips if clip.upload and clip.upload.is_file()]
    if provenance is None or not here:
        return {"checked": 0, "clips": [], "corpora": {}, "unchecked": []}
    models = {row.model for clip, _ in here if clip.result for row in clip.result.rows}
    used = {name for model in models for name in model.split("/")[0].split("+")}
    own = provenance.only([name for name in provenance.corpora if name in used])
    n = len(here)
    content = [int(content_digest(file)[:16], 16) for _, file in here]
    prints = Prints(
        np.array(content, np.uint64), np.tile([0.0, np.inf], (n, 1)),
        (np.zeros(0, np.uint16),) * n, (np.zeros(0, np.uint64),) * n,
        np.zeros((0, 48, 48), np.uint8), np.zeros(0, np.int64),
    )  # fmt: skip
    seen = together(seen_by(own, prints, [clip.id for clip, _ in here]))
    known = [] if seen is None else np.flatnonzero(seen.any).tolist()
    compared = any(len(corpus) for corpora in own.corpora.values() for corpus in corpora)
    return {
        "checked": n if compared else 0,
        "clips": [here[i][0].id for i in known],
        "corpora": {name: list(words) for name, words in own.names().items()},
        "unchecked": [] if seen is None else list(seen.unchecked),
    }
