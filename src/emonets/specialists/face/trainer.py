"""The face specialist as a part of a system that is trained on labelled clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from emonets.contracts import Extractor, Floats
from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.learners.folds import Indices
from emonets.learners.logistic.grouped import BY_PERSON, TRANSDUCTIVE, GroupedLogistic
from emonets.runtime.settings import to_table
from emonets.specialists.face.extractor import face_extractor
from emonets.specialists.face.settings import Search, face_from_table
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.training_contract import Bools, Material, Run, Trainer, TrainerRequest


class FaceTrainer:
    """The face network of a bundle, as it is, and a small classifier on it (3.1.4).

    Parameters
    ----------
    base : the bundle whose network is used; it is not trained further.
    specialist : the face specialist of that bundle.
    slots : segments of a descriptor.
    head : ``svm``, the paper's, on descriptors of the frame probabilities; ``logistic``, on the
        embedding of the network's last layer; ``logistic by person``, which learns from embeddings
        normalised by the group, and predicts from such where groups are known; or ``none``: the
        mean over frames, nothing is learned.
    search : where the SVM's numbers are searched for.
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
        self._extractor = face_extractor(base, pooled=head in ("logistic", BY_PERSON))

    @property
    def base(self) -> str:
        """The bundle whose network it uses."""
        return self._base

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
        if self._head == BY_PERSON:
            X = np.stack([specialist.summary(clip) for clip in features])
            head = GroupedLogistic().fit(X, data.labels[rows], groups=data.groups[rows])
            specialist.head, specialist.keep = head, True
            return specialist, {**card, "normalised": TRANSDUCTIVE, "C": float(head.C_)}
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

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        if isinstance(specialist.head, GroupedLogistic):  # just trained; a bundle has none
            clips = [data.read(self._extractor, i) for i in rows.tolist()]
            X = np.stack([specialist.summary(clip) for clip in clips])
            return specialist.head.seven(X, data.groups[rows], len(EMOTIONS))
        p: Floats = specialist.predict_proba([data.read(self._extractor, i) for i in rows.tolist()])
        return p


def make_trainer(request: TrainerRequest) -> Trainer:
    """The trainer that a ``face`` table describes, on the network of a bundle.

    Raises
    ------
    ParameterError : the table is wrong; a bundle without a face network, or whose network was
        trained on the data.
    """
    settings = face_from_table(request.table)
    base, specialist, trained_on = request.open_base(settings.clips.base)
    if specialist is None:
        raise ParameterError(f"{base}: has no face network; name another with --base")
    if trained_on:
        raise ParameterError(
            f"the face network of {base} was trained on {trained_on}, which is to be learned from: "
            "no honest score could come of it; name another with --base"
        )
    clips = settings.clips
    return FaceTrainer(base, specialist, slots=clips.slots, head=clips.head, search=settings.svm)


def make_scorer(specialist: FaceSpecialist, bundle: str) -> Trainer:
    """What extracts and predicts for a trained specialist of a bundle."""
    head = "svm" if specialist.head is None else "logistic"
    return FaceTrainer(bundle, specialist, slots=specialist.slots, head=head)
