"""A model that predicts in no time, for tests of what is around it: shades of faces, loud sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets import EmoNets
from emonets.contracts import SOUND, TUBES, BaseReader, Features, Predictions, Spans, of_spans
from emonets.emotions import UNIFORM
from emonets.media.clip import SOUND_RATE, SoundChunk
from emonets.one_pass import TubeReader, about_pictures, no_pictures
from emonets.specialists.per_face import predict_faces
from emonets.tubes.tube import FaceTube

LEFT, RIGHT = (8.0, 8.0, 40.0, 40.0), (56.0, 8.0, 88.0, 40.0)
"""Boxes of the faces that `two_faces` finds, x1, y1, x2, y2."""


def scene(shade: int = 120, size: tuple[int, int] = (48, 96)) -> NDArray[np.uint8]:
    """A picture of noise around a shade; the same each time."""
    noise = np.random.default_rng(0).integers(-20, 20, (*size, 3))
    return np.clip(shade + noise, 0, 255).astype(np.uint8)


def one_face(image: NDArray[np.uint8]) -> list[tuple[float, ...]]:
    return [LEFT]


def two_faces(image: NDArray[np.uint8]) -> list[tuple[float, ...]]:
    return [LEFT, RIGHT]


def no_face(image: NDArray[np.uint8]) -> list[tuple[float, ...]]:
    return []


class ShadeOfFaces:
    """Happy the more, the brighter a face; else sad."""

    name, finds, per_face, decision = "face", "face", True, "shade"
    needs = frozenset({TUBES})
    known_classes = tuple(range(7))

    def open(self, *, device: str = "cpu") -> TubeReader:
        return TubeReader(self)

    def describe(self, tube: FaceTube) -> Features:
        bright = tube.crops.mean(axis=(1, 2, 3)) / 255
        p = np.full((len(tube), 7), 0.02)
        p[:, 3], p[:, 4] = 0.9 * bright, 0.9 * (1 - bright)
        return {"probabilities": p, **about_pictures(tube)}

    def empty(self) -> Features:
        return {"probabilities": np.empty((0, 7)), **no_pictures()}

    def predict(self, features: Features, spans: Spans) -> Predictions:
        return predict_faces(features, spans, self.predict_proba)

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        clips = [features] if isinstance(features, Mapping) else features
        each = [c["probabilities"] for c in clips]
        return np.stack([p.mean(axis=0) if len(p) else np.full(7, UNIFORM) for p in each])

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {}


class LoudReader(BaseReader):
    """The level of the sound, and where it lies."""

    needs = frozenset({SOUND})

    def __init__(self) -> None:
        self.chunks: list[SoundChunk] = []

    def push_sound(self, chunk: SoundChunk) -> None:
        self.chunks.append(chunk)

    def finish(self) -> Features:
        start = self.chunks[0].time if self.chunks else 0.0
        samples = np.concatenate([np.zeros(0, np.float32), *(c.samples for c in self.chunks)])
        span = np.array([start, start + len(samples) / SOUND_RATE])
        return {"samples": samples, "span": span, "found": np.array(bool(samples.any()))}


class Loud:
    """Angry the more, the louder the sound."""

    name, finds, per_face, decision = "audio", "sound", False, "level"
    needs = frozenset({SOUND})
    known_classes = tuple(range(7))

    def open(self, *, device: str = "cpu") -> LoudReader:
        return LoudReader()

    def predict(self, features: Features, spans: Spans) -> Predictions:
        start, end = map(float, features["span"])
        parts = [features["samples"][self._at(a, start) : self._at(b, start)] for a, b in spans]
        found = np.array([bool(part.any()) for part in parts], bool)
        p = np.array([self._of(part) for part in parts]).reshape(-1, 7)
        whole = self._of(features["samples"])
        return of_spans(spans, found, p, (start, end), bool(features["found"]), whole)

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        clips = [features] if isinstance(features, Mapping) else features
        return np.stack([self._of(clip["samples"]) for clip in clips])

    @staticmethod
    def _at(time: float, start: float) -> int:
        return max(0, round((time - start) * SOUND_RATE))

    @staticmethod
    def _of(samples: NDArray[np.float32]) -> NDArray[np.float64]:
        level = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
        if not level:
            return np.full(7, UNIFORM)
        p = np.full(7, 0.1)
        p[0] = 0.1 + level
        return np.asarray(p / p.sum())

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {}


def quick_model(*, audio: bool = True) -> EmoNets:
    """Faces by their shade and, if wanted, sound by its level."""
    return EmoNets(ShadeOfFaces(), audio=Loud() if audio else None)
