"""A live source: answers come for the newest frame, threads end, faults are named."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets import EmoNets, MediaError, Session, stream
from emonets.errors import ParameterError
from emonets.live import Update
from media_files import tone, write_media
from quick_model import one_face, quick_model, scene


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return quick_model()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    names = [t.name for t in threading.enumerate() if t.name.startswith("emonets-")]
    assert names == []


def pictures(count: int) -> Iterator[tuple[np.ndarray, float]]:
    for i in range(count):
        yield scene(), i / 10


def test_a_generator_of_pictures_and_times(model: EmoNets) -> None:
    updates = list(stream(pictures(8), model=model, live=False, detector=one_face))
    assert [update.time for update in updates] == pytest.approx([i / 10 for i in range(8)])
    assert [len(update.persons) for update in updates] == [0, 0, *[1] * 6]
    assert {update.dropped for update in updates} == {0}


def test_pictures_at_a_rate_and_sound_between(model: EmoNets) -> None:
    def source() -> Iterator[np.ndarray]:
        for _ in range(20):
            yield tone(0.1, 16_000)
            yield scene()

    with Session(model, window=1.0, detector=one_face) as session:
        *_, last = stream(source(), fps=10, rate=16_000, live=False, session=session)
        assert (last.time, last.frames) == (pytest.approx(1.9), 20)
        assert last.voice is not None
        assert last.persons[0].combined.model == "face+audio"
        rows = session.finish().clip_rows()
    assert (rows[0].model, rows[0].face_found, rows[0].sound_found) == ("face+audio", True, True)


def test_frames_are_dropped_and_counted(model: EmoNets) -> None:
    """A reader that is slow gets the newest frame; none is late."""
    made = []

    def source() -> Iterator[tuple[np.ndarray, float]]:
        for i in range(60):
            time.sleep(0.01)
            made.append(i)
            yield scene(), i / 100

    with Session(model, detector=one_face) as session:
        updates = []
        for update in stream(source(), session=session):
            updates.append(update)
            # the newest frame, or the one that came since
            assert made[-1] - round(100 * update.time) <= made[-1] / 2
            time.sleep(0.1)
        last = updates[-1]
        assert last.dropped > 0
        assert last.frames + last.dropped == 60
        assert last.time == pytest.approx(0.59)
        assert (session.frames, session.dropped) == (last.frames, last.dropped)
        status = session.finish().files[0]
    assert f"{last.dropped} frames were dropped to keep up" in status.message


def test_the_age_counts_from_the_arrival(model: EmoNets) -> None:
    def source() -> Iterator[tuple[np.ndarray, float]]:
        for i in itertools.count():
            time.sleep(0.005)
            yield scene(), i / 100

    for update in itertools.islice(stream(source(), model=model, detector=one_face), 3):
        assert 0 < update.age < 30


def test_a_break_ends_the_source(model: EmoNets) -> None:
    closed = threading.Event()

    def source() -> Iterator[tuple[np.ndarray, float]]:
        try:
            for i in itertools.count():
                time.sleep(0.001)
                yield scene(), float(i)
        finally:
            closed.set()

    for _ in stream(source(), model=model, detector=one_face):
        break
    updates = stream(source(), model=model, detector=one_face)
    next(updates)
    with pytest.raises(KeyboardInterrupt):
        updates.throw(KeyboardInterrupt)
    assert closed.wait(5)


@pytest.mark.parametrize("live", [True, False])
def test_an_error_of_the_source_comes_last(model: EmoNets, live: bool) -> None:
    def source() -> Iterator[tuple[np.ndarray, float]]:
        yield from pictures(3)
        raise MediaError("camera 0", "gives no more pictures", "check that it is connected")

    updates = stream(source(), model=model, detector=one_face, live=live)
    seen: list[Update] = []
    with pytest.raises(MediaError, match="camera 0: gives no more pictures; check"):
        seen.extend(updates)
    assert seen[-1].time == pytest.approx(0.2)


def test_a_file_is_played(model: EmoNets, tmp_path: Path) -> None:
    file = write_media(tmp_path / "a.mp4", stamps=range(0, 600, 40), audio="aac", sound=tone(0.6))
    began = time.perf_counter()
    *_, last = stream(file, model=model, detector=one_face)
    assert time.perf_counter() - began > 0.5
    assert last.time == pytest.approx(0.56, abs=0.03)
    assert last.frames + last.dropped == 15
    *_, last = stream(str(file), model=model, detector=one_face, live=False)
    assert (last.frames, last.dropped) == (15, 0)


def test_an_answer_that_is_made_between_two_pieces_is_given(model: EmoNets) -> None:
    def source() -> Iterator[tuple[np.ndarray, float]]:
        for i in range(4):
            yield tone(1.0), float(i)
            time.sleep(0.15)  # an answer takes less

    updates = list(stream(source(), rate=48_000, model=model))
    assert updates
    assert all(own.voice is not None for own in updates)


def test_only_sound(model: EmoNets, tmp_path: Path) -> None:
    file = write_media(tmp_path / "a.wav", video=None, audio="pcm_s16le", sound=tone(3.0))
    updates = list(stream(file, model=model, live=False))
    assert len(updates) >= 2
    assert updates[-1].voice is not None
    assert updates[-1].voice.label == "angry"


class FakeDevice:
    """In place of OpenCV's `VideoCapture`: a few pictures, then none."""

    def __init__(self, number: int, count: int = 3) -> None:
        self.number, self.left, self.released = number, count, False

    def isOpened(self) -> bool:  # noqa: N802
        return self.number == 0

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        return (True, scene()[..., ::-1]) if self.left >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


def test_a_camera(model: EmoNets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.VideoCapture", FakeDevice)
    updates = stream(0, model=model, detector=one_face, live=False)
    seen: list[Update] = []
    with pytest.raises(MediaError, match="camera 0: gives no more pictures; check that it is"):
        seen.extend(updates)
    assert len(seen) == 3
    with pytest.raises(MediaError, match="camera 7: cannot be opened; check that it is connected"):
        next(stream(7, model=model))


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        (None, {}, "source must be a camera's number"),
        (-1, {}, "a camera's number is 0 or more"),
        (True, {}, "source must be a camera's number"),
        ("rtsp://10.0.0.1/door", {}, "is an address, which is not opened here; give a generator"),
        ([], {"fps": 0}, "fps must be a number above 0"),
        ([], {"rate": "48k"}, "rate must be a number above 0"),
        ([scene()], {}, "item 0 is a picture without a time; give fps"),
        ([np.zeros(99, np.float32)], {"fps": 5}, "item 0 is sound, and has no rate"),
        ([(scene(), 1.0), (scene(), 0.5)], {}, "is not after that of the frame before"),
        ([(scene(), None)], {}, "without a time"),
        ([(scene(), float("nan"))], {}, "must be a number of seconds, got nan"),
        ([("face.png", 1.0)], {}, "frame: is no picture but str"),
    ],
)
def test_wrong_sources(model: EmoNets, source: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        list(stream(source, model=model, live=False, detector=one_face, **options))


def test_a_file_that_is_not_there(model: EmoNets, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.mp4"):
        list(stream(tmp_path / "none.mp4", model=model))


def test_a_session_or_a_model(model: EmoNets) -> None:
    with Session(model) as session, pytest.raises(ParameterError, match="not both"):
        stream(0, session=session, model=model)
