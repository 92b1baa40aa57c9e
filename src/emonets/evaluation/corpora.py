"""Predictions of a model for whole corpora: stills, clips and sounds go the way of `predict`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import SOUND
from emonets.datasets.base import Dataset
from emonets.datasets.items import Item
from emonets.datasets.still_faces import read_face
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import DataError, EmoNetsError, MediaError
from emonets.evaluation.strangers import Answers, Mark, StrangerScore, mark, score_answers
from emonets.inference.clip import needs_pictures, predict_rows, read
from emonets.media.piece import open_piece
from emonets.model import EmoNets
from emonets.one_pass import Pass, read_clip
from emonets.provenance.corpus import Provenance
from emonets.provenance.prints import prints_of
from emonets.provenance.seen import Seen, needed, seen_by, together
from emonets.result import Row
from emonets.runtime.store import FeatureStore
from emonets.tubes.registration import FER_SIZE

log = logging.getLogger(__name__)

FUSED = "+"
"""Between the names of the specialists whose predictions are fused."""
PassOver = Callable[..., Pass]
"""`emonets.one_pass.read_clip`, or what returns the same without decoding again."""


@dataclass(frozen=True)
class CorpusScore:
    """One system on one corpus, or why there is no score.

    Attributes
    ----------
    corpus, system : names. among : the score among the classes present; seven : as predicted.
    mark : what the system's training has to do with the corpus.
    group : the unit of the intervals; empty for items.
    problem : why there is no score; empty if there is one.
    """

    corpus: str
    system: str
    among: StrangerScore | None = None
    seven: StrangerScore | None = None
    mark: Mark | None = None
    group: str = ""
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether the score is of strangers, and counts in a mean."""
        return self.among is not None and self.mark is not None and not self.mark.trained_on


def kind_of_corpus(data: Dataset) -> str:
    """``faces``, ``speech`` or ``films``."""
    kinds = set(data.kinds)
    return "faces" if kinds == {"still"} else "speech" if kinds == {"sound"} else "films"


def usable(model: EmoNets, kind: str) -> EmoNets | None:
    """The model with those of its active specialists that a kind of corpus is predicted by.

    Faces are predicted by those of pictures, speech by those of sound, films by all. None: it has
    none of these.
    """
    parts = {name: model.specialists[name] for name in model.active}
    names = [
        name for name, part in parts.items()
        if kind == "films"
        or (kind == "faces" and needs_pictures(part))
        or (kind == "speech" and SOUND in part.needs)
    ]  # fmt: skip
    return model.with_models(names) if names else None


def answers_of(
    model: EmoNets,
    items: Sequence[Item],
    *,
    groups: NDArray[np.str_] | None = None,
    pass_over: PassOver = read_clip,
    on_item: Callable[[int, int], None] | None = None,
) -> dict[str, Answers]:
    """What a model predicts for items, each by itself and as a whole.

    Faces are found, framed and followed as `EmoNets.predict` does it. An item that cannot be
    decoded has no answer.

    Parameters
    ----------
    model : with the specialists that are used (`usable`).
    items : stills, clips or sounds in files of their own.
    groups : (n,) who each item is of; None: not known.
    pass_over : see `emonets.inference.clip.read`.
    on_item : called with how many items are done, and how many there are.

    Returns
    -------
    Answers by specialist, and of their fusion under their names joined by `FUSED`.

    Raises
    ------
    DataError : no item, or none that can be decoded; the message names the first problem.
    """
    names = list(model.specialists)
    systems = names + [FUSED.join(names)] * (len(names) > 1)
    p = {name: np.full((len(items), len(EMOTIONS)), UNIFORM) for name in systems}
    found = {name: np.zeros(len(items), bool) for name in systems}
    problems: list[str] = []
    for i, item in enumerate(items):
        try:
            for name, row in _rows(model, item, pass_over).items():
                if name in p and row.found:
                    p[name][i], found[name][i] = row.probabilities, True
        except (MediaError, DataError) as error:
            problems.append(str(error))
        if on_item is not None:
            on_item(i + 1, len(items))
    if len(problems) == len(items):
        raise DataError(problems[0] if problems else "no item to predict")
    for problem in problems:
        log.warning(f"no answer: {problem}")
    labels = np.array([item.label for item in items], np.int64)
    return {name: Answers(labels, p[name], found[name], groups) for name in systems}


def _rows(model: EmoNets, item: Item, pass_over: PassOver) -> dict[str, Row]:
    """The rows of the whole item, by model; the fused one under all names."""
    file = str(item.path)
    clip = open_piece(item.path, item.start, item.end)
    reading = read(
        clip, model.specialists, file=file, device=model.device, pass_over=pass_over
    )  # fmt: skip
    rows, _ = predict_rows(reading, model.fusion, file=file, window=None)
    whole = {row.model: row for row in rows if row.level == "clip"}
    names = list(model.specialists)
    if len(names) > 1:
        # the last row; in a clip without pictures it is of the rest alone
        whole[FUSED.join(names)] = rows[-1]
    return whole


def framed_answers(model: EmoNets, data: Dataset, rows: NDArray[np.intp]) -> dict[str, Answers]:
    """What the face network predicts for stills that are framed as FER2013's already.

    Nothing is detected: a picture is scaled to the network's input as it is.

    Parameters
    ----------
    rows : positions among the items, in the order of the result.

    Raises
    ------
    DataError : the model has no face specialist, or a picture cannot be decoded.
    """
    if model.face is None:
        raise DataError(f"{data.root}: still faces require a face specialist")
    if data.faces is not None:
        images = data.faces.images[rows]
    else:
        size = int(getattr(model.face.preprocessing, "size", FER_SIZE))
        read_faces = [read_face(data.items[i].path, size) for i in rows.tolist()]
        for i, face in zip(rows.tolist(), read_faces, strict=True):
            if isinstance(face, str):
                raise DataError(f"{data.items[i].path}: {face}")
        images = np.array(read_faces, np.uint8).reshape(-1, size, size)
    p = model.face.network.predict_proba(model.face.preprocessing.normalise(images))
    found = np.ones(len(rows), bool)
    return {"face": Answers(data.labels[rows], np.asarray(p), found, groups_of(data, rows))}


def groups_of(data: Dataset, rows: NDArray[np.intp]) -> NDArray[np.str_] | None:
    """(n,) the groups of the items at some positions; None where they are not all known."""
    return data.groups[rows] if data.grouped else None


def seen_in_training(
    model: EmoNets,
    data: Dataset,
    rows: NDArray[np.intp],
    *,
    store: FeatureStore | None = None,
) -> dict[str, Seen]:
    """For each specialist of a model, which items it was trained on.

    Content is compared first. Only what is left is decoded for fingerprints.

    Parameters
    ----------
    rows : positions among the items. store : where fingerprints are kept.
    """
    provenance = model.provenance.only(list(model.specialists))
    if not provenance.corpora:
        return {}
    items = [data.items[i] for i in rows.tolist()]
    images = {} if data.faces is None else {data.items[0].path: data.faces.images}
    every = [corpus for corpora in provenance.corpora.values() for corpus in corpora]
    groups = data.groups[rows] if data.grouped else np.arange(len(rows)).astype(np.str_)
    by_content = Provenance(
        {
            name: tuple(replace(corpus, stills=corpus.stills[:0]) for corpus in corpora)
            for name, corpora in provenance.corpora.items()
        }
    )
    plain = prints_of(items, kinds=(), images=images)
    first = seen_by(by_content, plain, groups)
    if all(one.everything for one in first.values()):
        return first
    prints = prints_of(items, kinds=needed(every), images=images, store=store)
    return seen_by(provenance, prints, groups)


def seen_by_system(seen: Mapping[str, Seen], system: str) -> Seen | None:
    """Of a specialist; of a fusion, what one of its specialists was trained on."""
    parts = {name: seen[name] for name in system.split(FUSED) if name in seen}
    return together(parts)


def score_corpus(
    name: str,
    answers: Mapping[str, Answers],
    seen: Mapping[str, Seen],
    *,
    seed: int = 0,
) -> list[CorpusScore]:
    """The scores of all systems on a corpus, without the items that each was trained on."""
    scores = []
    for system, given in answers.items():
        about = mark(name, len(given), seen_by_system(seen, system))
        part = given.take(about.use)
        try:
            among = score_answers(part, masked=True, seed=seed)
            seven = score_answers(part, masked=False, seed=seed)
        except EmoNetsError as error:
            scores.append(CorpusScore(name, system, mark=about, problem=str(error)))
            continue
        group = "" if among.n_groups is None else "person"
        scores.append(CorpusScore(name, system, among, seven, about, group))
    return scores


def score_model(
    model: EmoNets,
    data: Dataset,
    *,
    name: str = "",
    split: str = "",
    framed: bool = False,
    store: FeatureStore | None = None,
    seed: int = 0,
    on_item: Callable[[int, int], None] | None = None,
) -> list[CorpusScore]:
    """The scores of a model on one corpus, by its active specialists and by their fusion.

    Parameters
    ----------
    name : of the corpus in the result; default its own.
    split : the part that is scored; default the test part, or everything where there is none.
    framed : whether stills are framed as FER2013's; those in one file always are.
    store : where fingerprints are kept.
    seed, on_item : see `score_corpus` and `answers_of`.

    Raises
    ------
    DataError : nothing can be scored; the message names the corpus.
    """
    kind = kind_of_corpus(data)
    part = usable(model, kind)
    if part is None:
        raise DataError(f"{data.root}: the model has no specialist for {kind}")
    here = set(data.splits.tolist())
    split = split or ("test" if "test" in here else "all")
    rows = np.flatnonzero(data.splits == split) if split != "all" else np.arange(len(data))
    if not len(rows):
        raise DataError(f"{data.root}: has no part {split!r}; use another, or all")
    seen = seen_in_training(part, data, rows, store=store)
    if kind == "faces" and (framed or data.faces is not None):
        answers = framed_answers(part, data, rows)
    else:
        items = [data.items[i] for i in rows.tolist()]
        answers = answers_of(part, items, groups=groups_of(data, rows), on_item=on_item)
    return score_corpus(name or data.name, answers, seen, seed=seed)
