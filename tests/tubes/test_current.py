"""The faces of the latest frame, before their tubes are finished."""

from __future__ import annotations

import numpy as np
import pytest

from emonets.media.clip import Frame
from emonets.tubes.boxes import Detections
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.tube import FaceTube
from quick_model import LEFT, RIGHT, scene


def found(*boxes: tuple[float, ...]) -> Detections:
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9))


def push(builder: TubeBuilder, i: int, *boxes: tuple[float, ...]) -> list[FaceTube]:
    builder.add(Frame(i, i / 10, scene()), found(*boxes))
    return builder.current()


def test_a_face_is_current_from_its_third_frame_on() -> None:
    builder = TubeBuilder()
    assert [len(push(builder, i, LEFT)) for i in range(5)] == [0, 0, 1, 1, 1]
    (now,) = builder.current()
    assert (now.track, now.index.tolist(), now.times.tolist()) == (0, [4], [0.4])
    assert now.crops.shape == (1, 96, 96, 3)


def test_its_picture_is_that_of_the_finished_tube() -> None:
    """A face that stands still: the past suffices to smooth its box."""
    builder = TubeBuilder()
    pictures = [push(builder, i, LEFT) for i in range(8)]
    (tube,) = builder.finish()
    for i, now in enumerate(pictures):
        for face in now:
            assert face.boxes[0] == pytest.approx(tube.boxes[i], abs=1e-6)
            np.testing.assert_array_equal(face.crops[0], tube.crops[i])


def test_a_face_that_is_missed_is_not_current() -> None:
    builder = TubeBuilder()
    for i in range(5):
        push(builder, i, LEFT, RIGHT)
    assert [face.track for face in builder.current()] == [0, 1]
    assert [face.track for face in push(builder, 5, RIGHT)] == [1]
    assert push(builder, 6) == []
    assert len(builder.finish()) == 2  # to look at them changed nothing
