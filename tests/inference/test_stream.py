"""What is known now: of each face its own, the voice of the person who speaks, the last seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from people import FakeSpeakers, FakeSpeech

from emonets.inference.stream import Heard, LiveFaces, LiveVoice, answer, speaker_features
from emonets.media.clip import SoundChunk
from emonets.result import Row
from emonets.tubes.tube import FaceTube
from emonets.voices.speakers import SpeakersReader
from emonets.voices.speakers_network import load_network
from media_files import tone
from quick_model import Loud, ShadeOfFaces

KNOWN = {"face": tuple(range(7)), "audio": tuple(range(7))}
SHARP = (0.94, *[0.01] * 6)


def picture(track: int, time: float, shade: int = 200) -> FaceTube:
    """One picture of a face."""
    crop = np.random.default_rng(round(1000 * time) + track).integers(0, 40, (1, 96, 96, 3))
    return FaceTube(
        track=track, index=np.array([round(time * 25)]), times=np.array([time]),
        boxes=np.array([[10.0 * track, 0, 10.0 * track + 30, 30]]),
        raw_boxes=np.zeros((1, 4)), detected=np.ones(1, bool), scores=np.ones(1),
        crops=(shade + crop).astype(np.uint8),
    )  # fmt: skip


def faces_of(tracks: dict[int, int], seconds: float = 1.0) -> LiveFaces:
    """A second of faces by track and shade, ten pictures a second."""
    live = LiveFaces({"face": ShadeOfFaces(), "audio": Loud()}, seconds)
    for i in range(10):
        live.push(i / 10, [picture(track, i / 10, shade) for track, shade in tracks.items()])
    return live


def voice_of(speaker: int | None) -> Heard:
    """An angry voice of one track all the time; None: it is not known whose."""
    row = Row("", None, 0.0, 1.0, None, "audio", SHARP, sound_found=True)
    speakers = None if speaker is None else FakeSpeakers({speaker: [(0.0, 1.0)], 1 - speaker: []})
    return Heard((row,), FakeSpeech([(0.0, 1.0)]), speakers)


def known(faces: LiveFaces, voice: Heard, time: float = 0.9) -> Any:
    return answer(faces, voice, None, KNOWN, time=time, window=1.0)


def test_each_face_has_its_own() -> None:
    persons, _ = known(faces_of({0: 200, 1: 10}), voice_of(None))
    assert [person.rows[0].label for person in persons] == ["happy", "sad"]
    assert [person.box for person in persons] == [(0, 0, 30, 30), (10, 0, 40, 30)]


def test_the_voice_is_of_the_person_who_speaks() -> None:
    persons, voice = known(faces_of({0: 200, 1: 10}), voice_of(0))
    assert voice is not None
    assert voice.label == "angry"
    assert [person.combined.speaks for person in persons] == [True, False]
    assert persons[0].probabilities != pytest.approx(persons[0].rows[0].probabilities)
    assert persons[1].probabilities == pytest.approx(persons[1].rows[0].probabilities)


def test_a_voice_of_before_the_window_does_not_count() -> None:
    faces = faces_of({0: 200})
    faces.push(2.1, [picture(0, 2.1)])
    persons, voice = known(faces, voice_of(0), time=2.1)
    assert voice is None
    assert [person.combined.model for person in persons] == ["face"]


def test_old_faces_are_forgotten() -> None:
    faces = faces_of({0: 200}, seconds=0.45)
    assert len(faces.features()["face"]["track"]) == 5
    faces.push(5.0, [])
    assert faces.features() == {}
    assert known(faces, voice_of(None), time=5.0) == ((), None)


def test_a_step_without_a_face_keeps_the_others() -> None:
    faces = faces_of({0: 200})
    faces.push(1.0, [picture(1, 1.0, 10)])
    persons, _ = known(faces, Heard(), time=1.0)
    assert [(person.track, person.label) for person in persons] == [(1, "sad")]


def test_who_speaks_is_found_as_in_a_clip() -> None:
    sound = SoundChunk(0.0, tone(1.2))
    tubes = [picture(track, i / 25) for i in range(30) for track in (0, 1)]
    reader = SpeakersReader()
    reader.push_sound(sound)
    live = LiveVoice({"audio": SpokenLoud()}, 5.0)
    live.push(sound)
    for tube in tubes:
        reader.push_tube(tube)
        live.push_faces([tube])
    assert live._mouths is not None
    made = speaker_features(live._mouths.taken(), sound, load_network())
    for key, expected in reader.finish().items():
        np.testing.assert_allclose(made[key], expected, atol=1e-5, err_msg=key)
    live.close()


class SpokenLoud(Loud):
    """One whose sound is speech, so that it matters who speaks."""

    on = "speech"


def test_an_error_of_the_voice_is_raised() -> None:
    class Broken(Loud):
        def open(self, *, device: str = "cpu") -> Any:
            raise RuntimeError("no voice")

    live = LiveVoice({"audio": Broken()}, 5.0, every=0.5)
    live.push(SoundChunk(0.0, tone(1.0)))
    with pytest.raises(RuntimeError, match="no voice"):
        live.settle()
    live.close()


def test_the_sound_that_is_kept_is_that_of_the_window() -> None:
    live = LiveVoice({"audio": Loud()}, 0.5, every=0.2)
    for i in range(20):
        live.push(SoundChunk(i / 10, tone(0.1)))
    live.settle(latest=True)
    assert (live.heard.rows[0].start, live.heard.rows[0].end) == (
        pytest.approx(1.5, abs=0.11), pytest.approx(2.0, abs=0.21),
    )  # fmt: skip
    assert live.answers > 1
    assert replace(live.heard.rows[0], probabilities=SHARP).sound_found
    live.close()
