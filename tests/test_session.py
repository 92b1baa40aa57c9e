"""A session gives the numbers of a clip, answers at once, and refuses what is wrong by name."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emonets
from emonets import EmoNets, MediaError, Result, Session
from emonets.errors import ParameterError
from emonets.media.clip import Frame, open_clip
from media_files import tone
from quick_model import LEFT, no_face, one_face, quick_model, scene, two_faces


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return quick_model()


def session(model: EmoNets, **options: Any) -> Session:
    return Session(model, **{"detector": one_face, "window": 1.0, **options})


def fill(made: Session, seconds: float, *, rate: float = 10.0, begin: float = 0.0) -> None:
    """Frames of a face, and sound, of some seconds."""
    for i in range(round(seconds * rate)):
        made.push_sound(tone(1 / rate), begin + i / rate, rate=48_000)
        made.push_frame(scene(), begin + i / rate)


def test_the_numbers_of_a_file(happy: Path) -> None:
    """Bit by bit: rows, persons and status are those of `predict`, whatever the pieces were."""
    model = emonets.load()
    expected = model.predict(happy, window=0.5)
    with Session(model, window=0.5, origin=0.0, name=str(happy)) as made:
        for part in open_clip(happy).decode():
            if isinstance(part, Frame):
                made.push_frame(part.image, part.time)
            else:
                made.push_sound(part.samples, part.time, rate=48_000)
        now = made.now(wait=True)
        got = made.finish()
    assert got.rows == expected.rows
    assert got.persons == expected.persons
    assert got.files == expected.files
    assert got.about == expected.about
    # what is known at once has boxes smoothed by the past alone: the same within a few hundredths
    (person,) = now.persons
    last = [row for row in expected.rows if (row.model, row.level) == ("face", "face")][-1]
    assert np.abs(np.subtract(person.rows[0].probabilities, last.probabilities)).max() < 0.1
    assert person.label == last.label


def test_arrays_have_the_same_numbers(model: EmoNets) -> None:
    images = np.stack([scene(100 + i) for i in range(30)])
    sound = np.concatenate([tone(1.0, 16_000), tone(2.0, 16_000, level=0.1)])
    expected = model.predict(
        frames=images, fps=10, sound=sound, rate=16_000, window=1.0, detector=two_faces
    )
    with session(model, detector=two_faces, name=expected.rows[0].file) as made:
        made.push_sound(sound[:16_000], 0.0, rate=16_000)
        for i, image in enumerate(images):
            made.push_frame(image, i / 10)
        made.push_sound(sound[16_000:])
        got = made.finish()
    # an array's frames state how long each is shown, so that times differ in their last digit
    for row, other in zip(got.rows, expected.rows, strict=True):
        assert (row.start, row.end) == pytest.approx((other.start, other.end), abs=1e-9)
        assert replace(row, start=0, end=0) == replace(other, start=0, end=0)
    assert len({row.track for row in got.rows}) == 3  # two, and none


def test_now_is_about_the_window(model: EmoNets) -> None:
    with session(model) as made:
        assert np.isnan(made.now().time)
        fill(made, 2.0)
        now = made.now(wait=True)
        assert (now.time, now.frames, now.dropped) == (1.9, 20, 0)
        assert 0 <= now.age < 60
        (person,) = now.persons
        assert person.box == pytest.approx(LEFT, abs=8)
        (face,) = person.rows
        assert (face.model, person.combined.model) == ("face", "face+audio")
        assert (face.start, face.end) == (pytest.approx(1.0, abs=0.11), 2.0)
        assert now.voice is not None
        assert now.voice.label == "angry"
        product = np.multiply(face.probabilities, now.voice.probabilities)
        assert person.probabilities == pytest.approx((product / product.sum()).tolist())
        made.push_frame(scene(), 60.0)
        later = made.now()
        assert later.voice is None  # it is older than the window
        assert [p.combined.model for p in later.persons] in ([], ["face"])


def test_a_face_that_left_is_not_shown(model: EmoNets) -> None:
    gone = threading.Event()
    with session(model, detector=lambda image: no_face(image) if gone.is_set() else [LEFT]) as made:
        fill(made, 1.0)
        assert len(made.now().persons) == 1
        gone.set()
        made.push_frame(scene(), 1.0)
        assert made.now().persons == ()


def test_two_faces_are_two_persons(model: EmoNets) -> None:
    with session(model, detector=two_faces) as made:
        fill(made, 1.0)
        assert [person.track for person in made.now().persons] == [0, 1]
        assert [own.person for own in made.finish().persons] == [0, 1]


def test_any_clock(model: EmoNets) -> None:
    """Times of the clock on the wall: answers have them, the result counts from the first push."""
    begin = 1.7e9
    with session(model) as made:
        fill(made, 1.0, begin=begin)
        now = made.now(wait=True)
        assert now.time == pytest.approx(begin + 0.9)
        assert now.persons[0].combined.end == pytest.approx(begin + 1.0, abs=0.2)
        rows = made.finish().clip_rows()
    assert (rows[0].start, rows[0].end) == (pytest.approx(0.0), pytest.approx(1.0, abs=1e-6))


def test_sizes_may_change(model: EmoNets) -> None:
    with session(model) as made:
        for i in range(10):
            made.push_frame(scene(size=(48, 96) if i < 5 else (72, 144)), i / 10)
        assert made.finish().clip_rows()[0].face_found


def test_only_sound_and_only_frames(model: EmoNets) -> None:
    with session(model) as made:
        made.push_sound(tone(1.0), rate=48_000)
        made.push_sound(tone(1.0))
        now = made.now(wait=True)
        assert now.voice is not None
        assert (now.persons, now.time) == ((), pytest.approx(2.0))
        rows = made.finish().rows
    assert {row.model for row in rows} == {"audio"}
    with session(model) as made:
        for i in range(5):
            made.push_frame(scene(), i / 10)
        result = made.finish()
    assert [row.sound_found for row in result.clip_rows("audio")] == [False]


def test_finish_ends_it(model: EmoNets) -> None:
    made = session(model)
    fill(made, 0.5)
    result = made.finish()
    assert isinstance(result, Result)
    assert made.finish() is result
    for push in (lambda: made.push_frame(scene(), 9.0), lambda: made.push_sound(tone(0.1), 9.0)):
        with pytest.raises(ParameterError, match="has ended; open another"):
            push()
    assert [t.name for t in threading.enumerate() if t.name.startswith("emonets-")] == []


def test_nothing_was_pushed(model: EmoNets) -> None:
    with session(model) as made, pytest.raises(MediaError, match="nothing was pushed"):
        made.finish()
    with session(quick_model(audio=False)) as made:
        made.push_sound(tone(0.1), 0.0, rate=48_000)
        with pytest.raises(MediaError, match="the face model requires pictures"):
            made.finish()


def test_without_keep_there_is_no_result(model: EmoNets) -> None:
    with session(model, keep=False) as made:
        fill(made, 0.5)
        assert len(made.now().persons) == 1
        with pytest.raises(ParameterError, match="open it with keep=True"):
            made.finish()


def test_memory_does_not_grow(model: EmoNets) -> None:
    """What is kept for `now` is what lies in the window."""
    with session(model, keep=False) as made:
        kept = []
        for i in range(4):
            fill(made, 2.0, begin=2.0 * i)
            kept.append((len(made._faces._kept), len(made._faces._times), len(made._voice._chunks)))
        assert max(kept[-1]) <= 12
        assert kept[1:] == kept[:1] * 3 or max(max(k) for k in kept) <= 12


BAD_FRAMES = [
    ((scene(), 0.4), "its time 0.4 s is not after that of the frame before, 0.4 s"),
    ((scene(), 0.1), "push frames in the order of time"),
    ((scene(), float("nan")), "its time must be a number of seconds, got nan"),
    ((scene(), None), "its time must be a number of seconds, got None"),
    ((scene(), "1"), "its time must be a number of seconds, got '1'"),
    (("face.png", 1.0), "frame: is no picture but str"),
    ((np.zeros((0, 4, 3)), 1.0), "holds no pixel"),
    ((scene().astype(float), 1.0), "a float picture has 0..1"),
]
BAD_SOUND: list[tuple[dict[str, Any], str]] = [
    ({"samples": tone(0.1), "time": 0.1}, "its time 0.1 s is before that of the sound before"),
    ({"samples": tone(0.1), "time": float("inf")}, "must be a number of seconds, got inf"),
    ({"samples": tone(0.1), "rate": 0}, "samples a second"),
    ({"samples": tone(0.1), "rate": "48k"}, "samples a second"),
    ({"samples": np.array([0.0, np.nan])}, "holds NaN or infinity"),
    ({"samples": np.zeros((2, 2, 2))}, "has shape (2, 2, 2)"),
    ({"samples": 100 * tone(0.1)}, "1 is full scale"),
    ({"samples": None}, "sound must be an array"),
]


@pytest.fixture(scope="module")
def half_a_second(model: EmoNets) -> Session:
    made = session(model)
    fill(made, 0.5)
    return made


@pytest.mark.parametrize(("frame", "text"), BAD_FRAMES)
def test_a_wrong_frame(half_a_second: Session, frame: tuple[Any, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(text)) as error:
        half_a_second.push_frame(*frame)
    assert "\n" not in str(error.value)
    assert half_a_second.frames == 5


@pytest.mark.parametrize(("sound", "text"), BAD_SOUND)
def test_wrong_sound(half_a_second: Session, sound: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(text)):
        half_a_second.push_sound(**sound)
    assert len(half_a_second.now().persons) == 1  # it goes on


def test_sound_without_a_rate(model: EmoNets) -> None:
    with session(model) as made, pytest.raises(ParameterError, match="it has no rate; give rate"):
        made.push_sound(tone(0.1), 0.0)


def test_sound_that_overlaps(model: EmoNets) -> None:
    with session(model) as made:
        made.push_sound(tone(5.0), 0.0, rate=48_000)
        with pytest.raises(ParameterError, match="begins 4 s before the sound before ends"):
            made.push_sound(tone(1.0), 1.0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"window": -1.0}, "window and hop"), ({"stride": 0}, "stride must be"),
        ({"every": 0}, "every must be"), ({"origin": "now"}, "origin: its time must be"),
        ({"models": "mouth"}, "no specialist 'mouth'"),
        ({"detector": "best"}, "no face detector"),
    ],
)  # fmt: skip
def test_wrong_options(model: EmoNets, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        session(model, **options)


def test_frames_and_sound_from_two_threads(model: EmoNets) -> None:
    with session(model) as made:
        made.push_sound(tone(0.1), 0.0, rate=48_000)
        thread = threading.Thread(target=lambda: [made.push_sound(tone(0.1)) for _ in range(29)])
        thread.start()
        for i in range(30):
            made.push_frame(scene(), i / 10)
            made.now()
        thread.join()
        threaded = made.finish()
    with session(model) as made:
        fill(made, 3.0)
        assert threaded.rows == made.finish().rows
