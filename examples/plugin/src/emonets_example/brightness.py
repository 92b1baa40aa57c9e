"""A specialist, complete: the brightness of the picture. Reader, specialist, settings, trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonets.contracts import (
    FRAMES,
    BaseReader,
    Extractor,
    Features,
    Floats,
    Predictions,
    Spans,
    of_spans,
)
from emonets.emotions import UNIFORM
from emonets.errors import BundleError
from emonets.learners.folds import Indices
from emonets.media.clip import Frame
from emonets.runtime.settings import setting
from emonets.training_contract import Bools, Material, Run, Trainer, TrainerRequest


class BrightnessReader(BaseReader):
    """The mean of each frame, 0..1."""

    needs = frozenset({FRAMES})

    def __init__(self) -> None:
        self._means: list[float] = []
        self._times: list[float] = []

    def push_frame(self, frame: Frame) -> None:
        self._means.append(float(frame.image.mean()) / 255)
        self._times.append(frame.time)

    def finish(self) -> Features:
        return {"mean": np.array(self._means), "time": np.array(self._times)}


class Brightness:
    """Bright clips are happy, dark ones sad: nearest of seven means."""

    name = "brightness"
    needs = frozenset({FRAMES})
    finds = "other"
    per_face = False
    decision = "nearest mean brightness"

    def __init__(self, centres: Floats, sharpness: float = 20.0) -> None:
        self.centres = np.asarray(centres, float)
        self.sharpness = sharpness

    @property
    def known_classes(self) -> tuple[int, ...]:
        return tuple(np.flatnonzero(np.isfinite(self.centres)).tolist())

    def open(self, *, device: str = "cpu") -> BrightnessReader:
        return BrightnessReader()

    def predict(self, features: Features, spans: Spans) -> Predictions:
        inside = [(features["time"] >= a) & (features["time"] < b) for a, b in spans]
        p = [self._of(features["mean"][some]) for some in inside]
        span = (float(features["span"][0]), float(features["span"][1]))
        whole = features["mean"]
        return of_spans(
            spans, np.array([some.any() for some in inside], bool),
            np.array(p).reshape(-1, 7), span, len(whole) > 0, self._of(whole),
        )  # fmt: skip

    def predict_proba(self, features: Features | Sequence[Features]) -> Floats:
        clips = [features] if isinstance(features, Mapping) else features
        return np.stack([self._of(clip["mean"]) for clip in clips])

    def _of(self, means: Floats) -> Floats:
        if not len(means):
            return np.full(7, UNIFORM)
        centres = np.where(np.isfinite(self.centres), self.centres, 9)  # 9: far from every mean
        near = np.exp(-self.sharpness * np.abs(centres - means.mean()))
        return near / near.sum()

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        return {"sharpness": self.sharpness}, {"brightness": {"centres": self.centres}}


def from_arrays(settings: Mapping[str, Any], parts: Mapping[str, Any]) -> Brightness:
    if "brightness" not in parts:
        raise BundleError("the brightness specialist lacks its centres")
    return Brightness(parts["brightness"]["centres"], settings["sharpness"])


@dataclass(frozen=True)
class BrightnessSettings:
    """The table ``[brightness]`` of a preset."""

    sharpness: float = setting(20.0, low=0.0)


class BrightnessTrainer:
    """Learns the mean brightness of the clips of each emotion."""

    name = "brightness"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        self._extractor = Extractor("brightness", open=BrightnessReader)

    def extractors(self) -> list[Extractor]:
        return [self._extractor]

    def found(self, data: Material, rows: Indices) -> Bools:
        return np.array([len(data.read(self._extractor, i)["mean"]) > 0 for i in rows], bool)

    def fit(self, data: Material, rows: Indices, run: Run) -> tuple[Brightness, dict[str, Any]]:
        means = np.array([data.read(self._extractor, i)["mean"].mean() for i in rows])
        centres = np.full(7, np.nan)
        for label in np.unique(data.labels[rows]):
            centres[label] = means[data.labels[rows] == label].mean()
        return Brightness(centres, self.settings["sharpness"]), {"clips": len(rows)}

    def predict(self, specialist: Brightness, data: Material, rows: Indices, run: Run) -> Floats:
        return specialist.predict_proba([data.read(self._extractor, i) for i in rows])


def make_trainer(request: TrainerRequest) -> Trainer:
    return BrightnessTrainer(request.table)


def make_scorer(specialist: Brightness, bundle: str) -> Trainer:
    return BrightnessTrainer({})
