"""The four specialists as parts of a system that is trained on labelled clips.

Each part knows what has to be taken out of the clips, learns from some of them, and answers others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import DataError
from emonets.learners.folds import Indices
from emonets.runtime.settings import to_table
from emonets.specialists.activity.blocks import SUPERBLOCK
from emonets.specialists.activity.extractor import tubes_extractor
from emonets.specialists.activity.settings import activity_from_table
from emonets.specialists.face.extractor import face_extractor
from emonets.specialists.face.settings import Search
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.extractor import mouths_extractor
from emonets.training.activity import fit_specialist
from emonets.training.films import Film, Films, describe_films
from emonets.training.material import Material
from emonets.training.mouth import clip_probabilities, fit_mouth, unfitted
from emonets.training.mouth_data import Mouths

Echo = Callable[[str], Any]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """How a part is to work: where, with what random numbers, on how many processors."""

    work: Path
    seed: int = 0
    workers: int = 1
    echo: Echo = print


class Part(Protocol):
    """One specialist of a system.

    Attributes
    ----------
    name : ``face``, ``audio``, ``activity`` or ``mouth``.
    settings : all that decides what it learns, beside clips and seed; plain, for JSON.
    """

    name: str

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def extractors(self) -> list[Extractor]:
        """What has to be taken out of the clips."""

    def found(self, data: Material, rows: Indices) -> Bools:
        """(n,) whether a clip shows it anything, of some clips by position."""

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        """A specialist that has learned from some clips, and what to say of it on a card."""

    def answers(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        """(n, 7) what it says of some clips; 1/7 each where it finds nothing."""


class FacePart:
    """What a bundle's face network says or sees, and a small classifier on it (3.1.4).

    Parameters
    ----------
    base : the bundle whose network looks at the faces; it is not trained further.
    specialist : the face specialist of that bundle.
    slots : segments of a descriptor.
    search : where the SVM's numbers are searched for.
    head : ``svm``, the paper's, on descriptors of the frame probabilities; ``logistic``, on what
        the network's last layer looks at; or ``none``: the mean over frames, nothing is learned.
    """

    name = "face"

    def __init__(
        self,
        base: str,
        specialist: FaceSpecialist,
        *,
        slots: int = 10,
        head: str = "svm",
        search: Search = Search(),  # noqa: B008 - frozen
    ) -> None:
        self._search = search
        self._base, self._specialist, self._slots, self._head = base, specialist, slots, head
        self._extractor = face_extractor(base, pooled=head == "logistic")

    @property
    def settings(self) -> Mapping[str, Any]:
        if self._head != "svm":
            return {"head": self._head, **self._extractor.settings}
        about = {"slots": self._slots, "chosen_by": "votes", **self._extractor.settings}
        if self._search != Search():
            about["search"] = to_table(self._search)
        return about

    def extractors(self) -> list[Extractor]:
        return [self._extractor]

    def found(self, data: Material, rows: Indices) -> Bools:
        seen = (len(data.read(self._extractor, i)["probabilities"]) for i in rows.tolist())
        return np.array([count > 0 for count in seen], bool)

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        specialist = FaceSpecialist(
            self._specialist.network, self._specialist.preprocessing, slots=self._slots
        )
        features = [data.read(self._extractor, i) for i in rows.tolist()]
        card = {"network_of": self._base, "clips": sum(len(f["index"]) > 0 for f in features)}
        if self._head == "none":
            return specialist, card
        if self._head == "logistic":
            specialist.fit_head(features, data.labels[rows], data.groups[rows])
            assert specialist.head is not None
            return specialist, {**card, "C": float(specialist.head.C_)}
        specialist.fit(
            features, data.labels[rows], data.groups[rows],
            coarse={"C": self._search.C, "gamma": self._search.gamma},
            exponents=self._search.exponents, folds=self._search.folds,
        )  # fmt: skip
        assert specialist.svm is not None
        svm = specialist.svm
        return specialist, {**card, "C": float(svm.C), "gamma": float(svm.gamma)}

    def answers(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        p: Floats = specialist.predict_proba([data.read(self._extractor, i) for i in rows.tolist()])
        return p


class ActivityPart:
    """Motion words and the chi-square SVM (3.3); the words, too, are learned from the clips.

    Parameters
    ----------
    table : a preset's ``activity`` table; of one that only answers, ``on`` and ``longest`` do.
    trains : whether it is to learn.
    least : frames in a row that a face must be followed for: those of a super block.
    """

    name = "activity"

    def __init__(
        self, table: Mapping[str, Any], *, trains: bool = True, least: int = SUPERBLOCK[0]
    ) -> None:
        self._least = least
        if trains:
            self._least = activity_from_table(table).superblocks.size[0]
        self._table = dict(table)
        self._tubes = tubes_extractor()
        self._on_tubes = table.get("on", "frames") == "tubes"

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._table

    def extractors(self) -> list[Extractor]:
        return [self._tubes]

    def found(self, data: Material, rows: Indices) -> Bools:
        if not self._on_tubes:
            return np.array([data.items[i].kind == "clip" for i in rows.tolist()], bool)
        return np.array(
            [_moves(data.read(self._tubes, i), self._least) for i in rows.tolist()], bool
        )

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        films = Films(
            data.name, tuple(data.items[i].path for i in rows.tolist()), data.labels[rows],
            data.groups[rows], data.splits[rows],
        )  # fmt: skip
        specialist, stages = fit_specialist(
            films, self._films(data, rows, run), self._table, work=run.work, seed=run.seed,
            workers=run.workers, echo=run.echo,
        )  # fmt: skip
        return specialist, {"films": len(rows), **stages}

    def answers(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        features = describe_films(
            self._films(data, rows, run), specialist, run.work, workers=run.workers,
            echo=run.echo, strict=False,
        )  # fmt: skip
        p: Floats = specialist.predict_proba(features)
        return p

    def _films(self, data: Material, rows: Indices, run: Run) -> list[Film]:
        longest = self._table.get("longest") or None
        films = []
        for i in rows.tolist():
            item = data.items[i]
            if self._on_tubes:
                tubes = data.file(self._tubes, i, run.work / "fetched")
                films.append(Film(item.path, None, tubes, item.start, item.end))
            else:
                films.append(Film(item.path, longest, None, item.start, item.end))
        return films


def _moves(tubes: Mapping[str, NDArray[Any]], least: int) -> bool:
    """Whether a face is followed for so many frames in a row."""
    index, track = tubes["index"], tubes["track"]
    breaks = np.flatnonzero((np.diff(index) != 1) | (np.diff(track) != 0)) + 1
    runs = np.diff(np.concatenate([[0], breaks, [len(index)]]))
    return bool(len(index) and runs.max() >= least)


class MouthPart:
    """The bag of mouths (3.4).

    Parameters
    ----------
    table : a preset's ``mouth`` table; ``every`` N: of a clip's mouths each N-th is learned from.
    """

    name = "mouth"

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = {key: value for key, value in table.items() if key != "every"}
        self._every = int(table.get("every", 1))
        self._view: MouthView = unfitted(self._table).view
        self._extractor = mouths_extractor(self._view)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self._table, "every": self._every}

    def extractors(self) -> list[Extractor]:
        return [self._extractor]

    def found(self, data: Material, rows: Indices) -> Bools:
        return np.array([data.read(self._extractor, i)["known"].any() for i in rows.tolist()], bool)

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        mouths = self._mouths(data, rows, self._every)
        specialist = fit_mouth(mouths, self._table, seed=run.seed, work=run.work, echo=run.echo)
        best = float(specialist.classifier.l2)
        return specialist, {
            "clips": len(rows), "pictures": len(mouths.mouths), "chosen_penalty": best,
            "chosen_accuracy": round(specialist.scores_[best], 4),
        }  # fmt: skip

    def answers(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        p = np.full((len(rows), len(EMOTIONS)), UNIFORM)
        for k, i in enumerate(rows.tolist()):  # one at a time: a clip's mouths are in memory
            one = self._mouths(data, np.array([i]), 1)
            if len(one.mouths):
                p[k] = clip_probabilities(specialist, one)[0]
        return p

    def _mouths(self, data: Material, rows: Indices, every: int) -> Mouths:
        mouths = [np.empty((0, *self._view.shape), np.uint8)]
        clip = [np.empty(0, np.int64)]
        for number, i in enumerate(rows.tolist()):
            kept = data.read(self._extractor, i)
            part = kept["mouths"][kept["known"]][::every]
            mouths.append(part)
            clip.append(np.full(len(part), number))
        return Mouths(
            data.name, self._view, np.concatenate(mouths), np.concatenate(clip),
            data.labels[rows], data.groups[rows],
            np.full(len(rows), ""),  # whom to learn from has been said by the rows
        )  # fmt: skip


def check_rows(part: Part, data: Material, rows: Indices) -> Indices:
    """Of some clips those that show the part anything.

    Raises
    ------
    DataError : none does, or they are of one emotion or one group only.
    """
    use = rows[part.found(data, rows)]
    if not len(use):
        raise DataError(f"{data.name}: not one of {len(rows)} clips shows the {part.name} anything")
    for what, values in (("emotion", data.labels[use]), ("group", data.groups[use])):
        if len(np.unique(values)) < 2:
            raise DataError(
                f"{data.name}: all {len(use)} clips that the {part.name} can learn from are of one "
                f"{what}; give more, or leave it out (--models)"
            )
    return use


def extractors_of(parts: Mapping[str, Part]) -> list[Extractor]:
    """What has to be taken out of the clips for all of them, each once."""
    return list(dict.fromkeys(e for part in parts.values() for e in part.extractors()))


def named(parts: Sequence[Part]) -> dict[str, Part]:
    """By name, in the order in which specialists speak."""
    order = ("face", "audio", "activity", "mouth")
    return {part.name: part for name in order for part in parts if part.name == name}
