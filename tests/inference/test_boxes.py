"""Boxes of faces and the share of usable frames, from features that are made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emonets.inference.boxes import Faces
from emonets.inference.persons import Scene
from emonets.result import Row

FRAMES = np.arange(100) / 25


def features(track: int = 0, index: Any = range(100), side: float = 40, every: int = 1) -> Any:
    places = np.array(index)
    left = 10.0 + places
    return {
        "track": np.full(len(places), track), "index": places, "time": places / 25,
        "boxes": np.stack([left, left + 5, left + side, left + 5 + side], axis=1),
        "detected": places % every == 0, "span": np.array([0.0, 4.0]), "step": np.array(0.04),
    }  # fmt: skip


def joined(*parts: Any) -> Any:
    return {
        key: parts[0][key] if key in ("span", "step") else np.concatenate([p[key] for p in parts])
        for key in parts[0]
    }


def test_median_box_and_all_usable() -> None:
    faces = Faces.of([features()], FRAMES)
    assert faces.within(0, 0.0, 1.0) == ((22.0, 27.0, 40.0, 40.0), 1.0)
    assert faces.within(0, 2.0, 2.04) == ((60.0, 65.0, 40.0, 40.0), 1.0)
    assert faces.within(0, 2.0, 2.0)[0] == (60.0, 65.0, 40.0, 40.0)  # a still
    assert faces.within(1, 0.0, 1.0) == (None, None)
    assert faces.within(0, 5.0, 6.0) == (None, None)
    assert faces.share([0]) == 1.0


def test_missed_frames_count_against_it() -> None:
    faces = Faces.of([features(index=[*range(10), *range(20, 30)])], FRAMES)
    assert faces.within(0, 0.0, 4.0)[1] == pytest.approx(20 / 30, abs=1e-4)
    assert faces.share([0]) == 0.2
    assert faces.share([3]) == 0.0


def test_small_and_interpolated_faces_are_not_usable() -> None:
    assert Faces.of([features(side=20)], FRAMES).share([0]) == 0.0
    own = features()
    own["detected"][50:] = False
    assert Faces.of([own], FRAMES).share([0]) == 0.5


@pytest.mark.parametrize(("every", "stride"), [(4, 4), (5, 1)])
def test_frames_between_examined_ones_count(every: int, stride: int) -> None:
    """With a stride, and with the sensitive detector, that examines five frames a second."""
    assert Faces.of([features(every=every)], FRAMES, stride).share([0]) == 1.0


def test_a_long_stretch_without_detection_does_not_count() -> None:
    assert Faces.of([features(every=30)], FRAMES).share([0]) < 0.5


def test_tracks_in_any_order_and_unknown_pictures() -> None:
    own = joined(features(1, range(50, 100), side=50), features(0, range(50)))
    own["known"] = np.ones(100, bool)
    own["known"][:25] = False
    faces = Faces.of([own], FRAMES)
    assert faces.share([0]) == 0.5
    assert faces.share([0, 1]) == 0.75
    box, usable = faces.within(1, 2.0, 4.0)
    assert box is not None
    assert box[2] == 50.0
    assert usable == 1.0


def test_without_boxes_nothing_is_known() -> None:
    bare = {"track": np.zeros(3, int), "time": np.arange(3.0)}
    faces = Faces.of([bare], FRAMES)
    assert faces.within(0, 0, 1) == (None, None)
    assert faces.share([0]) is None
    assert Faces.of([], FRAMES).share([0]) is None


def test_a_scene_completes_rows_of_faces_only() -> None:
    scene = Scene.of([features()], faces=Faces.of([features()], FRAMES))
    p = (1 / 7,) * 7
    face = scene.complete(Row("a", 0, 0.0, 1.0, True, "face", p, level="face"))
    assert (face.box, face.usable) == ((22.0, 27.0, 40.0, 40.0), 1.0)
    clip = scene.complete(Row("a", None, 0.0, 4.0, True, "face", p))
    voice = scene.complete(Row("a", 0, 0.0, 4.0, None, "audio", p, level="window"))
    assert (clip.box, clip.usable, voice.box, voice.usable) == (None,) * 4
