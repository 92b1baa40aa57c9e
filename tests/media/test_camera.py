"""Sources of pictures and sound: nothing waits, nothing is lost in silence."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from emonets.errors import ParameterError
from emonets.media import camera as module
from emonets.media.camera import Arrival, Newest, arrivals, camera, given


def picture(at: float) -> Arrival:
    return Arrival(at, image=np.zeros((2, 2, 3), np.uint8))


def sound(at: float, seconds: float = 0.1) -> Arrival:
    return Arrival(at, samples=np.zeros(round(1000 * seconds), np.float32), rate=1000)


def test_the_newest_picture_and_all_sound() -> None:
    ready = threading.Event()

    def source() -> Iterator[Arrival]:
        yield picture(0.0)
        ready.wait(5)
        yield sound(0.0)
        yield picture(0.1)
        yield sound(0.1)
        yield picture(0.2)

    newest = Newest(source())
    parts = iter(newest)
    assert next(parts).time == 0.0
    ready.set()
    time.sleep(0.3)
    rest = [(part.time, part.image is None) for part in parts]
    assert rest == [(0.0, True), (0.1, True), (0.2, False)]
    assert newest.dropped == 1


def test_sound_that_waits_too_long_is_dropped_with_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOUND_WAITING", 0.25)
    ready = threading.Event()

    def source() -> Iterator[Arrival]:
        yield picture(0.0)
        ready.wait(5)
        for i in range(5):
            yield sound(i / 10)

    parts = iter(Newest(source()))
    next(parts)
    with caplog.at_level(logging.WARNING, "emonets"):
        ready.set()
        time.sleep(0.3)
        assert [part.time for part in parts] == [0.3, 0.4]
    assert "sound at 0.0 s was dropped: its reader is too slow" in caplog.text


def test_a_camera_is_released() -> None:
    class Device:
        released = False

        def isOpened(self) -> bool:  # noqa: N802
            return True

        def read(self) -> tuple[bool, np.ndarray]:
            return True, np.zeros((2, 2, 3), np.uint8)

        def release(self) -> None:
            self.released = True

    device = Device()
    parts = camera(3, open_device=lambda number: device)
    first, second = next(parts), next(parts)
    assert (first.time, first.bgr) == (0.0, True)
    assert second.time > 0
    parts.close()  # type: ignore[attr-defined]
    assert device.released


def test_times_of_what_is_given() -> None:
    image, samples = np.zeros((2, 2, 3), np.uint8), np.zeros(100)
    parts = given([image, samples, image, (samples, 5.0), samples, (image, 9.0)], fps=4, rate=1000)
    assert [part.time for part in parts] == [0.0, 0.0, 0.25, 5.0, 5.1, 9.0]


@pytest.mark.parametrize("source", [None, 1.5, True, b"0", {"a": 1}])
def test_what_is_no_source(source: object) -> None:
    with pytest.raises(ParameterError, match="a camera's number, a file, or an iterable"):
        arrivals(source)
