"""The registry, and a fifth specialist that no file of the package knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emonets
from emonets.contracts import (
    FRAMES,
    BaseReader,
    Features,
    Floats,
    Predictions,
    Spans,
    SpecialistKind,
    of_spans,
    register,
    registered,
    specialist_kind,
    specialist_kinds,
    unregister,
)
from emonets.emotions import UNIFORM
from emonets.errors import BundleError, ParameterError
from emonets.media.clip import Frame
from emonets.model import EmoNets


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

    def __init__(self, centres: Floats) -> None:
        self.centres = np.asarray(centres, float)

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
        near = np.exp(
            -20 * np.abs(np.where(np.isfinite(self.centres), self.centres, 9) - means.mean())
        )
        return near / near.sum()

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        return {}, {"brightness": {"centres": self.centres}}


def from_arrays(settings: Mapping[str, Any], parts: Mapping[str, Any]) -> Brightness:
    if "brightness" not in parts:
        raise BundleError("the brightness specialist lacks its centres")
    return Brightness(parts["brightness"]["centres"])


KIND = SpecialistKind("brightness", load=from_arrays, order=50)


@pytest.fixture
def kind() -> Iterator[SpecialistKind]:
    with registered(KIND) as kind:
        yield kind


def test_the_shipped_ones_are_found_in_order() -> None:
    assert list(specialist_kinds()) == ["face", "audio", "activity", "mouth"]
    with pytest.raises(ParameterError, match=r"'gait': face, audio, activity, mouth"):
        specialist_kind("gait")


def test_a_name_is_given_once(kind: SpecialistKind) -> None:
    assert list(specialist_kinds())[-1] == "brightness"
    with pytest.raises(ParameterError, match=r"'brightness' is registered already"):
        register(SpecialistKind("brightness", load="elsewhere:load"))
    with pytest.raises(ParameterError, match=r"'face' is registered already .*FaceSpecialist"):
        register(SpecialistKind("face", load="elsewhere:load"))
    with pytest.raises(ParameterError, match="one word"):
        SpecialistKind("two words", load="x:y")


def test_a_kind_without_a_trainer_is_no_error_till_it_is_asked(kind: SpecialistKind) -> None:
    with pytest.raises(ParameterError, match="'brightness' has no trainer"):
        kind.call("trainer")


def test_a_fifth_specialist_predicts_with_the_others(
    kind: SpecialistKind, happy: Path, tmp_path: Path
) -> None:
    shipped = emonets.load()
    model = EmoNets(shipped.specialists["face"], brightness=Brightness(np.linspace(0.1, 0.9, 7)))
    assert list(model.specialists) == ["face", "brightness"]
    assert model.brightness.finds == "other"
    result = model.predict(happy, window=0.7)
    models = [row.model for row in result.clip_rows()]
    assert models == ["face+brightness"]
    own = [row for row in result.rows if row.model == "brightness"]
    assert [row.level for row in own].count("window") == 3
    assert own[-1].other_found
    assert own[-1].label is not None
    assert emonets.Result.from_json(result.to_json()).rows == result.rows
    alone = model.predict(happy, models=["face"]).clip_rows()[0]
    expected = emonets.load().predict(happy, models=["face"]).clip_rows()[0]
    assert alone.probabilities == expected.probabilities

    again = EmoNets.load(model.save(tmp_path / "five"))
    assert again.predict(happy, window=0.7).rows == result.rows
    unregister("brightness")
    with pytest.raises(BundleError, match="'brightness' that is not registered"):
        EmoNets.load(tmp_path / "five")
    register(KIND)


def test_a_model_takes_registered_specialists_only() -> None:
    with pytest.raises(ParameterError, match="no specialist 'brightness'"):
        EmoNets(brightness=Brightness(np.zeros(7)))
    with pytest.raises(AttributeError, match="'gait'"):
        _ = emonets.load().gait
    assert EmoNets(emonets.load().face).audio is None


def test_readers_name_what_they_cannot_take() -> None:
    with pytest.raises(TypeError, match="takes no sound"):
        BrightnessReader().push_sound(None)  # type: ignore[arg-type]


def test_predictions_have_one_entry_of_the_whole() -> None:
    one = np.zeros(1)
    with pytest.raises(ParameterError, match="exactly one"):
        Predictions(np.array([0]), np.array([-1]), one, one, np.array([True]), np.ones((1, 7)))
    with pytest.raises(ParameterError, match="2 track"):
        Predictions(np.array([-1]), np.array([-1, 0]), one, one, np.array([True]), np.ones((1, 7)))
