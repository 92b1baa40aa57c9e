"""Scoring the face network on still faces."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import bundle_names
from emonets.datasets import open_dataset
from emonets.datasets.readers.fer2013 import vote_majority
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, MissingExtraError
from emonets.evaluation.figures import confusion_of, format_of, readable, save
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.evaluation.near_duplicates import near_duplicates
from emonets.evaluation.records import score_rows, write_results
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance, in_words
from emonets.provenance.prints import prints_of_stills
from emonets.provenance.seen import Seen, seen_by
from emonets.result import check_writable
from emonets.runtime.files import write_whole
from emonets.tubes.registration import FER_SIZE

BY_VOTES = "by the majority of FER+ voters"
"""Of a score in the report: by the votes of people in place of the label."""


BY_COPIES = "all copies only, by the labels of what they copy"
"""Of a score in the report: of the training labels of copies, not of a network."""


UNSEEN = "without stills that were trained on"
"""Of a score in the report, if copies are not searched by comparing pixels."""


def part(data: FaceImages, name: str) -> FaceImages | None:
    """A part under any of its names (`FaceImages.take`), or None if there is none."""
    try:
        return data.take(name)
    except DataError:
        return None


def evaluate_face(
    data: Path,
    bundle: str | Path,
    *,
    split: str = "PrivateTest",
    mirror: bool = False,
    duplicates: bool = True,
    seed: int = 0,
    json_path: Path | None = None,
    figure_path: Path | None = None,
    results: Path | None = None,
    what: str = "",
) -> str:
    """Score a bundle's face network on one split of still faces; returns a readable report.

    ``split`` is a name, or ``all`` for all faces.

    The scores are written to ``results`` (such as ``docs/results/face_paper``) as rows of evidence,
    under the name ``what``.

    The report names the network's training data, and how many of the stills are in them. With
    ``duplicates``, it also has scores without copies, exact or near, of the training stills
    (`learned_from`), and the accuracy of the training labels on the copies. If there are FER+
    votes, it also has scores by their majority.
    """
    for path in (json_path, figure_path):
        if path is not None:
            check_writable(path)
    if results is not None:
        check_writable(results.with_suffix(".json"))
    if figure_path is not None:
        format_of(figure_path)
    if figure_path is not None and importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("drawing figures", "plot")
    model = EmoNets.load(bundle)
    if model.face is None:
        raise DataError(f"{bundle}: has no face specialist")
    faces = open_dataset(data).still_faces()
    chosen = faces if split == "all" else faces.take(split)
    network = model.face.network
    network.set_params(mirror=mirror or network.mirror)
    shown = chosen
    if model.face.preprocessing.size > FER_SIZE:  # files may have more pixels
        larger = open_dataset(data).still_faces(model.face.preprocessing.size)
        shown = larger if split == "all" else larger.take(split)
    p = network.predict_proba(model.face.preprocessing.normalise(shown.images))
    corpora = model.provenance.of("face")
    learned = learned_from(faces, corpora)
    shared = sorted(set(chosen.splits) & set(learned.splits)) if learned is not None else []
    others = learned if duplicates and not shared else None
    scores = _scores(chosen, p, others, seed)
    # comparing pixels finds more copies than fingerprints
    seen = _seen(chosen, corpora, by_content=others is not None or not duplicates)
    if seen.clips.any() and not seen.clips.all() and others is None:
        rest = ~seen.clips
        scores[UNSEEN] = evaluate(chosen.labels[rest], p[rest], seed=seed)
    title = f"{readable(faces.name)} {split}, {Path(bundle).name}" + (
        ", mirror averaged" if network.mirror else ""
    )
    if figure_path is not None:
        save(confusion_of(scores["all"], title=title), figure_path)
    if json_path is not None:
        content = {
            "data": faces.name,
            "split": split,
            "n": len(chosen.labels),
            "bundle": str(bundle),
            "bundle_digest": model.about["bundle_digest"],
            "mirror": network.mirror,
            "seed": seed,
            "accuracy": scores["all"].accuracy.value,
            "uar": scores["all"].uar.value,
            "trained_on": [in_words(corpus) for corpus in corpora],
            "seen": seen.to_dict(),
            "scores": {name: score.to_dict() for name, score in scores.items()},
        }
        write_whole(json_path, (json.dumps(content, indent=1) + "\n").encode())
    if results is not None:
        rows = []
        for name, score in scores.items():
            part_name = split if name == "all" else f"{split}, {name}"
            rows += score_rows(
                score,
                what=what or f"face {bundle}" + (", mirror averaged" if network.mirror else ""),
                data=faces.name,
                split=part_name,
                dropped=len(chosen.labels) - score.n,
                command=f"emonets evaluate face --data {data.name} --split {split} "
                f"--{'preset' if str(bundle) in bundle_names() else 'bundle'} {bundle}"
                + (" --mirror" if mirror else ""),
            )
        write_results(results.name, rows, results.parent)
    return _report(title, scores, _notes(corpora, seen, shared))


def _scores(
    chosen: FaceImages, p: NDArray[np.float64], learned: FaceImages | None, seed: int
) -> dict[str, Evaluation]:
    """Scores of all faces, by the votes, of copies of training stills, and of the rest."""
    scores = {"all": evaluate(chosen.labels, p, seed=seed)}
    majority = vote_majority(chosen.ferplus_votes, len(chosen))
    voted = majority >= 0
    if voted.any():
        scores[BY_VOTES] = evaluate(majority[voted], p[voted], seed=seed)
    if learned is None:
        return scores
    trained = ", ".join(learned.splits)
    copies = near_duplicates(chosen.images, learned.images)
    for name, mask in (("exact copies", copies.exact), ("all copies", copies.found)):
        if mask.any() and not mask.all():
            rest = evaluate(chosen.labels[~mask], p[~mask], seed=seed)
            scores[f"without {name} of {trained}"] = rest
            scores[f"{name} only"] = evaluate(chosen.labels[mask], p[mask], seed=seed)
    if copies.found.any():  # the score of the training labels of these copies
        known = np.eye(len(EMOTIONS))[learned.labels[copies.index[copies.found]]]
        scores[BY_COPIES] = evaluate(chosen.labels[copies.found], known, seed=seed)
    return scores


def learned_from(faces: FaceImages, corpora: Sequence[Corpus]) -> FaceImages | None:
    """The parts of the data that a network was trained on.

    These are the parts of which it was trained on more than half of the stills, by their content.
    Of an older bundle, which has names only, these are the parts that it names. If there are none,
    the part for training is returned. None: the data are not divided.
    """
    if faces.split is None:
        return None
    names = [corpus.name for corpus in corpora if not len(corpus)]
    if names:
        words = set(re.split(r"[\s+,]+", " ".join(names).lower()))
        found = [name for name in faces.splits if {name.lower(), faces.name.lower()} <= words]
    else:
        known = _seen(faces, corpora, by_content=True).content
        found = [name for name in faces.splits if known[faces.split == name].mean() > 0.5]
    return faces.select(np.isin(faces.split, found)) if found else part(faces, "Training")


def _seen(faces: FaceImages, corpora: Sequence[Corpus], *, by_content: bool) -> Seen:
    """Which stills a network was trained on; with ``by_content``, equal pixels only."""
    if by_content:
        corpora = [replace(corpus, stills=corpus.stills[:0]) for corpus in corpora]
    alone = [str(k) for k in range(len(faces))]
    provenance = Provenance({"face": tuple(corpora)})
    no = np.zeros(len(faces), bool)
    unseen = Seen(no, no, no)
    return seen_by(provenance, prints_of_stills(faces.images), alone).get("face", unseen)


def _notes(corpora: Sequence[Corpus], seen: Seen, shared: Sequence[str]) -> list[str]:
    """The network's training data, and what follows for the scores."""
    known = ", ".join(in_words(corpus) for corpus in corpora)
    lines = [f"the network was trained on {known or 'faces that its bundle does not name'}"]
    if seen.unchecked or not corpora:
        lines.append(
            "whether it was trained on these stills cannot be checked: its bundle has no "
            "fingerprints"
        )
    if seen.clips.any():
        lines.append(seen.in_words().replace("clips", "stills"))
    if shared:
        lines.append(f"the network was trained on {', '.join(shared)}: these are no test scores")
    elif seen.everything:
        lines.append("no score of unseen stills: the network was trained on all of these")
    return lines


def _report(title: str, scores: dict[str, Evaluation], notes: Sequence[str]) -> str:
    lines = [title, *notes, ""]
    for name, score in scores.items():
        a, u = score.accuracy, score.uar
        lines.append(
            f"{name:48s} n {score.n:5d}  accuracy {a.value:.4f} [{a.low:.4f}, {a.high:.4f}]  "
            f"UAR {u.value:.4f} [{u.low:.4f}, {u.high:.4f}]"
        )
    return "\n".join([*lines, "", str(scores["all"])])
