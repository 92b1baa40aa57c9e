"""Persons, speech and speakers that tests make up, and specialists that predict what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emonets.contracts import SOUND, TUBES, BaseReader, Features, Predictions, Spans, of_spans
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.specialists.per_face import predict_faces

Span = tuple[float, float]


def overlap(spans: Sequence[Span], start: float, end: float) -> float:
    """Seconds of a span that others cover."""
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in spans)


@dataclass(frozen=True)
class FakeSpeech:
    """Somebody speaks in these spans."""

    spans: Sequence[Span]

    def share(self, start: float, end: float) -> float:
        return overlap(self.spans, start, end) / (end - start) if end > start else 0.0


@dataclass(frozen=True)
class FakeSpeakers:
    """The first track of a person decides when that person speaks; None: it is not known."""

    spans: dict[int, Sequence[Span] | None]

    def speaks(self, tracks: Sequence[int], start: float, end: float) -> bool | None:
        own = self.spans.get(tracks[0], ())
        return None if own is None else overlap(own, start, end) > 0

    def share(self, tracks: Sequence[int], start: float, end: float) -> float | None:
        own = self.spans.get(tracks[0], ())
        return None if own is None else overlap(own, start, end) / max(end - start, 1e-9)


def sharp(emotion: str, p: float = 0.7) -> np.ndarray:
    """(7,) with ``p`` on one emotion, the rest even."""
    out = np.full(7, (1 - p) / 6)
    out[EMOTIONS.index(emotion)] = p
    return out


def faces(*tracks: tuple[str, float, Span], rate: float = 10.0, end: float = 0.0) -> Features:
    """Features of faces: for each track its emotion, its side in pixels and when it is seen."""
    parts: list[Features] = []
    for number, (emotion, side, (start, stop)) in enumerate(tracks):
        index = np.arange(round(start * rate), round(stop * rate))
        parts.append(
            {
                "track": np.full(len(index), number), "index": index, "time": index / rate,
                "boxes": np.tile([0.0, 0.0, side, side], (len(index), 1)),
                "probabilities": np.tile(sharp(emotion), (len(index), 1)),
            }
        )  # fmt: skip
    whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.lexsort([whole["track"], whole["index"]])
    stop = max([end, *(span[1] for _, _, span in tracks)])
    return {
        **{key: value[order] for key, value in whole.items()},
        "span": np.array([0.0, stop]), "step": np.array(1 / rate),
    }  # fmt: skip


@dataclass
class FakeFace:
    """Predicts the mean over a face's pictures."""

    name: str = "face"
    finds: str = "face"
    per_face: bool = True
    needs: frozenset[str] = frozenset({TUBES})
    known_classes: tuple[int, ...] = tuple(range(7))
    decision: str = "mean"

    def open(self, *, device: str = "cpu") -> BaseReader:
        raise NotImplementedError

    def predict_proba(self, features: Features | Sequence[Features]) -> np.ndarray:
        assert isinstance(features, dict)
        if not len(features["track"]):
            return np.full((1, 7), UNIFORM)
        return features["probabilities"].mean(axis=0)[None]

    def predict(self, features: Features, spans: Spans) -> Predictions:
        return predict_faces(features, spans, self.predict_proba)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {}


@dataclass
class FakeAudio(FakeFace):
    """Predicts one emotion of every span; or of the whole picture, as ``activity``."""

    name: str = "audio"
    finds: str = "sound"
    per_face: bool = False
    needs: frozenset[str] = frozenset({SOUND})
    p: np.ndarray = field(default_factory=lambda: sharp("angry", 0.9))

    def predict_proba(self, features: Features | Sequence[Features]) -> np.ndarray:
        """By what is left of the speech: angry in its first half, fear in its second; or 1/7."""
        assert isinstance(features, dict)
        first, second = (half.sum() for half in np.array_split(features["speech"], 2))
        if not first + second:
            return np.full((1, 7), UNIFORM)
        return ((first * sharp("angry") + second * sharp("fear")) / (first + second))[None]

    def predict(self, features: Features, spans: Spans) -> Predictions:
        n = len(spans)
        whole = tuple(features["span"].tolist())
        return of_spans(spans, np.ones(n, bool), np.tile(self.p, (n, 1)), whole, True, self.p)
