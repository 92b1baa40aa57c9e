"""The audio specialist as a part of a system: a network of its own, or a head on a trained one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor, Floats
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import ParameterError
from emonets.learners.folds import Indices
from emonets.learners.logistic.grouped import BY_PERSON, TRANSDUCTIVE, GroupedLogistic
from emonets.learners.logistic.scaled import ScaledLogistic
from emonets.runtime.settings import to_table
from emonets.runtime.store import parameter_digest
from emonets.specialists.audio.extractor import sound_extractor
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.settings import audio_from_table
from emonets.specialists.audio.specialist import AudioSpecialist, frames_used
from emonets.specialists.audio.training import FINE, Labelled, emotions_of, fit_audio
from emonets.training_contract import Bools, Material, Run, Trainer, TrainerRequest

_NEUTRAL = EMOTIONS.index("neutral")
NO_BASE = "none"
"""In place of a bundle's name: no trained network is used."""


class _Frames(Sequence[NDArray[np.float32]]):
    """The feature frames of some clips that are used, each read when it is used."""

    def __init__(self, data: Material, extractor: Extractor, rows: Sequence[int]) -> None:
        self._data, self._extractor, self._rows = data, extractor, tuple(rows)
        self._front = front(str(extractor.settings["features"]))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, which: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, which: slice) -> _Frames: ...
    def __getitem__(self, which: int | slice) -> NDArray[np.float32] | _Frames:
        """One clip's frames, or the clips of a slice."""
        if isinstance(which, slice):
            return _Frames(self._data, self._extractor, self._rows[which])
        features = self._data.read(self._extractor, self._rows[which])
        return frames_used(features)


class AudioTrainer:
    """A network that is trained from nothing on the clips' sound (3.2).

    Where the data have calm apart from neutral, it is an eighth class of the network. As one of
    the seven emotions it counts as neutral.

    Parameters
    ----------
    table : a preset's ``audio`` table. To predict only, ``features`` and ``on`` are enough.
    """

    name = "audio"
    fine_classes = FINE

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = {key: value for key, value in table.items() if key != "clips"}
        self._on = str(table.get("on", "sound"))
        self._extractor = sound_extractor(str(table["features"]), speech=self._on == "speech")

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._table

    def extractors(self) -> list[Extractor]:
        return [self._extractor]

    def found(self, data: Material, rows: Indices) -> Bools:
        return _with_sound(self._extractor, data, rows)

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        labelled = self._labelled(data, rows)
        stop = run.next_fold if run.choosing is None else run.choosing
        made = fit_audio(
            labelled, np.arange(len(rows)), self._table,
            stop=None if stop is None else np.flatnonzero(np.isin(rows, stop)),
            seed=run.seed, work=run.work,
        )  # fmt: skip
        specialist = AudioSpecialist(
            made.network, made.whitening, features=str(self._table["features"]),
            emotions=[emotions_of(len(labelled.classes))[c] for c in made.classes], on=self._on,
        )  # fmt: skip
        return specialist, made.stages

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        return _predicted(specialist, self._extractor, data, rows)

    def predict_fine(self, specialist: Any, data: Material, rows: Indices, seven: Floats) -> Floats:
        """(n, 8) over `fine_classes`; ``seven`` is what `predict` returned of these clips.

        Of a network without calm its column is 0.
        """
        p = np.concatenate([seven, np.zeros((len(rows), 1))], axis=1)
        if specialist.head is None and list(specialist.emotions[-2:]) == [_NEUTRAL, _NEUTRAL]:
            # neutral and calm count as one; this copy predicts calm, in column 1
            calm = [*[0] * (len(specialist.emotions) - 1), 1]
            apart = AudioSpecialist(
                specialist.network, specialist.whitening, features=specialist.front.name,
                emotions=calm, on=specialist.on,
            )  # fmt: skip
            p[:, len(EMOTIONS)] = _predicted(apart, self._extractor, data, rows)[:, 1]
            p[:, _NEUTRAL] = np.maximum(p[:, _NEUTRAL] - p[:, len(EMOTIONS)], 0.0)
        return p

    def _labelled(self, data: Material, rows: Indices) -> Labelled:
        names, corpus = np.unique(data.corpora[rows], return_inverse=True)
        return Labelled(
            tuple(names.tolist()), corpus.astype(np.int64),
            _Frames(data, self._extractor, rows.tolist()), data.labels[rows], data.words[rows],
            data.groups[rows],
        )  # fmt: skip


class AudioHeadTrainer:
    """Logistic regression on the embedding of a trained sound network, as the SVM is for faces.

    Parameters
    ----------
    base : the bundle whose network is used; it is not trained further.
    specialist : the audio specialist of that bundle, with a sound network.
    head : ``logistic``; ``logistic by person``, which learns from embeddings normalised by the
        group, and predicts from such where groups are known; or ``none``: the network predicts as
        it is, nothing is trained.
    """

    name = "audio"

    def __init__(self, base: str, specialist: AudioSpecialist, *, head: str = "logistic") -> None:
        self._base, self._specialist, self._head = base, specialist, head
        self._extractor = sound_extractor(specialist.front.name, speech=specialist.on == "speech")
        settings, parts = specialist.to_arrays()
        arrays = [array for _, array in sorted(parts["audio"].items())]
        self._digest = parameter_digest(settings["network"], *arrays)
        self._kept: dict[str, NDArray[Any] | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}  # the store has it

    @property
    def base(self) -> str:
        """The bundle whose network it uses."""
        return self._base

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"head": self._head, "network": self._digest, "on": self._specialist.on}

    def extractors(self) -> list[Extractor]:
        return [self._extractor]

    def found(self, data: Material, rows: Indices) -> Bools:
        return _with_sound(self._extractor, data, rows)

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Any, dict[str, Any]]:
        if self._head == "none":
            return self._specialist, {"network_of": self._base, "clips": len(rows)}
        embeddings = [self._embedded(data, i) for i in rows.tolist()]
        which = rows[[x is not None for x in embeddings]]
        X = np.stack([x for x in embeddings if x is not None]).astype(np.float64)
        by_person = self._head == BY_PERSON
        head = (GroupedLogistic if by_person else ScaledLogistic)()
        head.fit(X, data.labels[which], groups=data.groups[which])
        specialist = AudioSpecialist(
            self._specialist.network, features=self._specialist.front.name,
            emotions=self._specialist.emotions, head=head, on=self._specialist.on,
        )  # fmt: skip
        note = {"normalised": TRANSDUCTIVE} if by_person else {}
        return specialist, {"network_of": self._base, "clips": len(which), **note, "C": head.C_}

    def predict(self, specialist: Any, data: Material, rows: Indices, run: Run) -> Floats:
        if isinstance(specialist.head, GroupedLogistic):  # just trained; a bundle has none
            embeddings = [self._embedded(data, i) for i in rows.tolist()]
            there = np.array([x is not None for x in embeddings], bool)
            p = np.full((len(rows), len(EMOTIONS)), UNIFORM)
            if there.any():
                X = np.stack([x for x in embeddings if x is not None]).astype(np.float64)
                p[there] = specialist.head.seven(X, data.groups[rows[there]], len(EMOTIONS))
            return p
        return _predicted(specialist, self._extractor, data, rows)

    def _embedded(self, data: Material, i: int) -> NDArray[Any] | None:
        """The embedding of a clip, out of the store: every fold reads it again."""
        sound = data.names[self._extractor][i]
        if sound in self._kept:
            return self._kept[sound]
        name = f"heard/{sound.removeprefix('sound/').removesuffix('.safetensors')}-{self._digest}"
        name += ".safetensors"
        if not data.store.has(name):
            embedding = self._specialist.embed(data.read(self._extractor, i))
            kept = {} if embedding is None else {"heard": embedding.astype(np.float32)}
            data.store.write(name, kept, {"network": self._digest, "of": sound})
        self._kept[sound] = data.store.read(name).get("heard")
        return self._kept[sound]


def _with_sound(extractor: Extractor, data: Material, rows: Indices) -> Bools:
    return np.array([bool(data.read(extractor, i)["found"]) for i in rows.tolist()], bool)


def _predicted(specialist: Any, extractor: Extractor, data: Material, rows: Indices) -> Floats:
    # one at a time: the frames of an hour are many
    p: Floats = np.concatenate(
        [specialist.predict_proba(data.read(extractor, i)) for i in rows.tolist()]
    )
    return p


def make_trainer(request: TrainerRequest) -> Trainer:
    """The trainer that an ``audio`` table describes: a head on a bundle's network, or a network.

    A network that was trained on the data gets no head: one is trained from nothing then.

    Raises
    ------
    ParameterError : the table is wrong; a bundle without a sound network.
    """
    settings = audio_from_table(request.table)
    head = settings.clips.head
    if not head or request.base == NO_BASE:
        return AudioTrainer(to_table(settings))
    base, specialist, trained_on = request.open_base(settings.clips.base)
    if specialist is None or not isinstance(specialist.network, SoundNetClassifier):
        raise ParameterError(f"{base}: has no sound network; name another with --base")
    if not trained_on:
        return AudioHeadTrainer(base, specialist.used_on(settings.on), head=head)
    request.notes.append(
        f"the sound network of {base} was trained on {trained_on}, and is therefore trained anew "
        "from nothing; --base BUNDLE names another"
    )
    return AudioTrainer(to_table(settings))


def make_scorer(specialist: AudioSpecialist, bundle: str) -> Trainer:
    """What extracts and predicts for a trained specialist; it cannot learn."""
    return AudioTrainer({"features": specialist.front.name, "on": specialist.on})
