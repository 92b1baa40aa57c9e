"""The audio specialist: sound → features a frame → network → seven probabilities (paper 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import graph_part, stored_graph
from emonets.contracts import SOUND, Features, Predictions, Spans, of_spans
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import BundleError, ParameterError
from emonets.learners.logistic.scaled import ScaledLogistic
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.media.clip import Clip
from emonets.one_pass import read_clip
from emonets.specialists.audio.features.front import Front, front
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.reader import SoundReader, SoundSpan
from emonets.specialists.audio.settings import ON
from emonets.voices.speech import Speech

PIECE = 5.0
"""Seconds: longer sounds than twice this are predicted in pieces of about this, then averaged."""
MARGIN = 0.5
"""Seconds before and after speech that go to the network too."""
NO_SPEECH = "no speech was found in the sound: the audio specialist is not used"
_BATCH = 32  # spans that go to the network together


class Network(Protocol):
    """What turns the frames of sounds into probabilities: a fitted classifier of sequences."""

    classes_: NDArray[Any]

    def predict_proba(self, X: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """(t, width) frames of n sounds → (n, classes)."""

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Settings (JSON) and arrays."""


class AudioSpecialist:
    """Seven probabilities for a clip by its sound.

    Parameters
    ----------
    network : fitted on whitened frames.
    whitening : the fitted whitening; None where the network takes the frames as they are.
    features : the front end, ``yaafe`` (the paper's 909 numbers a frame) or ``logmel``.
    emotions : which of the seven, 0..6, each column of the network's output counts as; several
        may count as one (calm and neutral); None: the network's classes are the seven.
    head : a fitted classifier of the sound network's embedding, whose classes are
        emotions 0..6; the network's own output and ``emotions`` are then not used.
    on : of `settings.ON`. ``speech``: sound without speech is not used, and counts as not found.
    """

    name = "audio"
    finds = "sound"
    per_face = False

    def __init__(
        self,
        network: Network,
        whitening: Whitening | None = None,
        *,
        features: str = "yaafe",
        emotions: Sequence[int] | None = None,
        head: ScaledLogistic | None = None,
        on: str = "sound",
    ) -> None:
        if on not in ON:
            raise ParameterError(f"on must be one of {', '.join(ON)}, got {on!r}")
        self.on = on
        self.network = network
        self.whitening = whitening
        self.head = head
        if head is not None and not isinstance(network, SoundNetClassifier):
            raise ParameterError("a head requires a sound network")
        self.front = front(features)
        self.emotions = tuple(map(int, network.classes_ if emotions is None else emotions))
        if len(self.emotions) != len(network.classes_):
            raise ParameterError(
                f"emotions has {len(self.emotions)} entries for {len(network.classes_)} classes"
            )
        if not set(self.emotions) <= set(range(len(EMOTIONS))):
            raise ParameterError(f"emotions must be 0..{len(EMOTIONS) - 1}, got {self.emotions}")

    def used_on(self, on: str) -> AudioSpecialist:
        """The same specialist with another ``on``."""
        return type(self)(
            self.network, self.whitening, features=self.front.name, emotions=self.emotions,
            head=self.head, on=on,
        )  # fmt: skip

    @property
    def known_classes(self) -> tuple[int, ...]:
        """The emotions, 0..6, that it can predict: those it was trained on."""
        classes = self.emotions if self.head is None else self.head.classes_
        return tuple(sorted({int(c) for c in classes}))

    @property
    def decision(self) -> str:
        """In words, how a clip's frames become one prediction."""
        what = (
            self.kind
            if self.head is None
            else f"logistic regression on the embedding of the {self.kind}"
        )
        used = "the whole sound track, speech or not" if self.on == "sound" else "speech"
        return f"{what} on {self.front.what} of {used}, at most {2 * PIECE:g} s at a time"

    @property
    def kind(self) -> str:
        """What the network is, as bundles and presets call it."""
        return next(name for name, made in _NETWORKS.items() if isinstance(self.network, made))

    @property
    def needs(self) -> frozenset[str]:
        """Sound."""
        return frozenset({SOUND})

    def extract(self, clip: Clip) -> Features:
        """The features of a clip; see `SoundReader.finish`.

        Raises
        ------
        MediaError : the sound cannot be decoded or believed, of a clip without pictures.
        """
        return read_clip(clip, {self.name: self.open()}).features[self.name]

    def open(self, *, device: str = "cpu") -> SoundReader:
        """A reader of one clip's sound."""
        if isinstance(self.network, SoundNetClassifier):
            self.network.use(device=device, threads=1)  # clips, not threads, run side by side
        return SoundReader(self.front, speech=self.on == "speech")

    def predict(self, features: Features, spans: Spans) -> Predictions:
        """Of every span, and of the clip; see `emonets.contracts.Specialist`.

        A long span is predicted in :func:`pieces`: by the mean of those that are not silent. With
        ``on="speech"`` a span without speech has nothing found; of the others, pieces with speech
        count, and of these the frames that lie within `MARGIN` of speech.
        """
        sound = SoundSpan.of(features)
        *p, whole = self._of_spans(features, [*spans, (sound.start, sound.end)])
        found = np.array([sound.counts_in(a, b) for a, b in spans], bool)
        made = of_spans(
            spans, found, np.array(p).reshape(-1, len(EMOTIONS)), (sound.start, sound.end),
            bool(features["found"]), whole,
        )  # fmt: skip
        speechless = not features["found"] and bool(features["loud"].any())
        return replace(made, reason=NO_SPEECH if speechless else "")

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        """(n, 7) for the features of one clip or of several; no sound or silence: 1/7 each."""
        clips = [features] if isinstance(features, Mapping) else list(features)
        out = np.full((len(clips), len(EMOTIONS)), UNIFORM)
        for i, clip in enumerate(clips):
            if clip["found"]:
                out[i] = self._of_spans(clip, [(float(clip["span"][0]), float(clip["span"][1]))])[0]
        return out

    def _of_spans(self, features: Features, spans: Spans) -> NDArray[np.float64]:
        """(n, 7) of spans in seconds; 1/7 each where nothing was found."""
        sound = SoundSpan.of(features)
        parts = [
            (n, part)
            for n, (start, end) in enumerate(spans)
            if features["found"]
            for part in _used(sound, start, end)
        ]
        rows = _rows(features["time"], self.front, sound.start, [p for _, p in parts])
        total, count = np.zeros((len(spans), len(EMOTIONS))), np.zeros((len(spans), 1))
        for first in range(0, len(parts), _BATCH):
            sounds = [frames_used(features, i, j) for i, j in rows[first : first + _BATCH]]
            belong = [n for n, _ in parts[first : first + _BATCH]]
            np.add.at(total, belong, self._predict(sounds))
            np.add.at(count, belong, 1.0)
        return np.where(count, total / np.maximum(count, 1), UNIFORM)

    def _predict(self, sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        if self.head is not None and isinstance(self.network, SoundNetClassifier):
            full = np.zeros((len(sounds), len(EMOTIONS)))
            p = self.head.predict_proba(self.network.embed(sounds))
            full[:, np.asarray(self.head.classes_, np.int64)] = p
            return full
        if self.whitening is not None:
            sounds = [self.whitening.transform(rows) for rows in sounds]
        full = np.zeros((len(sounds), len(EMOTIONS)))
        for emotion, column in zip(
            self.emotions, self.network.predict_proba(sounds).T, strict=True
        ):
            full[:, emotion] += column
        return full

    def embed(self, features: Features) -> NDArray[np.float64] | None:
        """The embedding (d,) of a clip, which a head is trained on; None where there is no sound.

        Of long clips the mean of those :func:`pieces` that are used.

        Raises
        ------
        ParameterError : the network is no sound network.
        """
        if not isinstance(self.network, SoundNetClassifier):
            raise ParameterError("only a sound network has an embedding")
        if not features["found"]:
            return None
        self.network.use(threads=1)
        start, end = map(float, features["span"])
        parts = pieces(start, end)
        if self.on == "speech":
            parts = _used(SoundSpan.of(features), start, end)
        rows = _rows(features["time"], self.front, start, parts)
        sounds = [frames_used(features, i, j) for i, j in rows if i < j]
        embedding: NDArray[np.float64] = self.network.embed(sounds)
        mean: NDArray[np.float64] = embedding.mean(axis=0)
        return mean

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, NDArray[Any]]]]:
        """Settings (JSON) and arrays by part, for a bundle."""
        network, arrays = self.network.to_arrays()
        parts = {"audio": arrays}
        if isinstance(self.network, SoundNetClassifier):
            parts["audio_network"] = graph_part(self.network.graph())
        if self.head is not None:
            parts["audio_head"] = self.head.to_arrays()
        if self.whitening is not None:
            parts["audio_whitening"] = self.whitening.to_arrays()
        settings = {
            "features": self.front.name,
            "kind": self.kind,
            "network": network,
            "emotions": list(self.emotions),
        }
        if self.on != "sound":  # a bundle without it is one of the whole sound track
            settings["on"] = self.on
        return settings, parts

    @classmethod
    def from_arrays(
        cls, settings: Mapping[str, Any], parts: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> Self:
        """The inverse of :meth:`to_arrays`; raises :class:`BundleError` where it does not fit."""
        try:
            kind, graph = _NETWORKS[settings["kind"]], {}
            if kind is SoundNetClassifier:
                graph = {"graph": stored_graph(parts, "audio_network")}
            network = kind.from_arrays(settings["network"], parts["audio"], **graph)
            whitening = None
            if "audio_whitening" in parts:
                whitening = Whitening.from_arrays(parts["audio_whitening"])
            head = (
                ScaledLogistic.from_arrays(parts["audio_head"]) if "audio_head" in parts else None
            )
            if head is not None and not set(head.classes_.tolist()) <= set(range(len(EMOTIONS))):
                raise BundleError("the classes of the audio head are not among the seven emotions")
            return cls(
                network,
                whitening,
                features=settings["features"],
                emotions=settings["emotions"],
                head=head,
                on=settings.get("on", "sound"),
            )
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError, ParameterError) as error:
            raise BundleError(f"the audio specialist is incomplete: {error!r}") from None


_NETWORKS: dict[str, Any] = {
    "pooled perceptron": PooledPerceptron,
    "sound network": SoundNetClassifier,
}
"""By the names that bundles and presets give them."""


def pieces(start: float, end: float) -> list[tuple[float, float]]:
    """The spans whose mean prediction is the whole's: one up to 10 s, else of about 5 s each."""
    length = end - start
    count = 1 if length <= 2 * PIECE else int(np.ceil(length / PIECE))
    return list(pairwise(np.linspace(start, end, count + 1).tolist()))


def _used(sound: SoundSpan, start: float, end: float) -> list[tuple[float, float]]:
    """Those `pieces` of a span that are used; seconds."""
    parts = pieces(max(start, sound.start), min(end, sound.end))
    used = [part for part in parts if sound.counts_in(*part)]
    if not used and sound.speech is not None and sound.counts_in(start, end):
        # the speech lies across the edge of two pieces
        used = [part for part in parts if sound.speech.seconds(*part) > 0]
    return used


def frames_used(features: Features, first: int = 0, last: int | None = None) -> NDArray[np.float32]:
    """Feature frames ``first`` to ``last`` (excluded) of a clip that go to the network.

    Where the features have speech: those within `MARGIN` of it; all, if none is.
    """
    frames: NDArray[np.float32] = features["frames"][first:last]
    speech = Speech.of(features)
    if speech is None:
        return frames
    near = speech.near(features["time"][first:last], MARGIN)
    return frames[near] if near.any() else frames


def _rows(
    times: NDArray[np.float64], kind: Front, start: float, spans: Spans
) -> list[tuple[int, int]]:
    """First and last frame (excluded) of spans, of a sound that begins at start.

    A span that only touches the end is given the last frame. ``times`` of the frames leave out
    what lies in long gaps.
    """
    numbers = np.rint((times - start - kind.first) / kind.step).astype(int)
    count = int(numbers[-1]) + 1 if len(numbers) else 0
    edges = np.ceil((np.asarray(spans) - start - kind.first) / kind.step - 1e-6).astype(int)
    out = []
    for i, j in edges.reshape(-1, 2).tolist():
        last = min(max(j, i + 1, 1), count)
        out.append((min(max(i, 0), last - 1), last))
    found = np.searchsorted(numbers, np.array(out, int).reshape(-1, 2))
    return [(int(i), int(j)) for i, j in found]
