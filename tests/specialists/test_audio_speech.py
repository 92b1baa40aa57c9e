"""The audio specialist where it uses speech only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_audio_specialist import specialist, write_sound

import emonets
from emonets import EmoNets
from emonets.bundle import read_bundle
from emonets.errors import BundleError, ParameterError
from emonets.media.clip import SOUND_RATE, open_clip
from emonets.specialists.audio.extractor import sound_extractor
from emonets.specialists.audio.reader import SoundSpan
from emonets.specialists.audio.specialist import (
    MARGIN,
    NO_SPEECH,
    AudioSpecialist,
    frames_used,
)
from emonets.specialists.audio.trainer import AudioTrainer, make_scorer

__all__ = ["specialist"]  # the fixture


def hum(seconds: float, level: float = 0.01) -> np.ndarray:
    t = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    rng = np.random.default_rng(0)
    return level * (np.sin(2 * np.pi * 50 * t) + 0.3 * np.sin(2 * np.pi * 150 * t)) + (
        0.02 * level * rng.normal(size=len(t))
    )


@pytest.fixture(scope="module")
def long(happy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s of hum; somebody speaks from 13.4 to 14.4."""
    sound = hum(24)
    voice = open_clip(happy).read_sound().samples
    sound[13 * SOUND_RATE : 13 * SOUND_RATE + len(voice)] += voice / np.abs(voice).max() * 0.5
    return write_sound(tmp_path_factory.mktemp("long") / "long.wav", sound)


@pytest.fixture(scope="module")
def audio() -> AudioSpecialist:
    found = emonets.load("modern").audio
    assert found.on == "speech"
    return found


def test_spans_without_speech_have_nothing(audio: AudioSpecialist, long: Path) -> None:
    features = audio.extract(open_clip(long))
    made = audio.predict(features, [(0, 5), (5, 10), (10, 15), (15, 20), (20, 24)])
    assert made.found.tolist() == [False, False, True, False, False, True]
    assert made.reason == ""
    for p in made.p[[0, 1, 3, 4]]:
        np.testing.assert_allclose(p, 1 / 7)
    # the whole clip is the piece with speech, and of that the frames around it
    np.testing.assert_allclose(made.p[-1], audio.predict_proba(features)[0])
    kept = frames_used(features)
    assert len(kept) * audio.front.step == pytest.approx(1.05 + 2 * MARGIN, abs=0.3)
    whole = audio.used_on("sound")
    everything = whole.predict(whole.extract(open_clip(long)), [(0, 5), (10, 15)])
    assert everything.found.all()
    assert np.abs(everything.p[0] - 1 / 7).max() > 0.01
    assert np.abs(everything.p[1] - made.p[2]).max() > 0.01


def test_speech_across_two_pieces(audio: AudioSpecialist, long: Path) -> None:
    features = dict(audio.extract(open_clip(long)))
    steps = features["speech_step"]
    at = np.arange(len(features["speech"])) * steps
    # pieces of 24 s end at 4.8 s: 0.2 s on either side
    features["speech"] = ((at > 4.55) & (at < 5.05)).astype(np.float32)
    made = audio.predict(features, [(0.0, 24.0)])
    assert made.found.all()
    assert np.ptp(made.p[0]) > 0.01


def test_no_speech_at_all(audio: AudioSpecialist, tmp_path: Path) -> None:
    file = write_sound(tmp_path / "hum.wav", hum(3))
    features = audio.extract(open_clip(file))
    assert features["loud"].any()
    assert not features["found"]
    assert len(features["frames"]) == 0
    assert audio.predict(features, [(0, 3)]).reason == NO_SPEECH
    assert audio.embed(features) is None
    np.testing.assert_allclose(audio.predict_proba(features), 1 / 7)
    silent = audio.extract(open_clip(write_sound(tmp_path / "silent.wav", np.zeros(SOUND_RATE))))
    assert audio.predict(silent, []).reason == ""


def test_short_clips_stay_as_they_were(audio: AudioSpecialist, happy: Path) -> None:
    """Half a second around speech goes to the network: an acted sentence as a whole."""
    whole = audio.used_on("sound")
    one, other = (s.predict_proba(s.extract(open_clip(happy))) for s in (audio, whole))
    np.testing.assert_allclose(one, other, atol=0.02)


def test_status_of_a_file_without_speech(tmp_path: Path) -> None:
    model = emonets.load("modern")
    file = write_sound(tmp_path / "hum.wav", hum(3))
    result = model.predict(file)
    assert result.files[0].status == "no speech"
    assert result.files[0].message.startswith(NO_SPEECH)
    assert not any(row.sound_found for row in result.rows)
    paper = emonets.load("paper").predict(file, models=["audio"])
    assert paper.files[0].status == "ok"
    assert "whole sound track" in paper.about["decision"]
    silent = model.predict(write_sound(tmp_path / "silent.wav", np.zeros(SOUND_RATE)))
    assert silent.files[0].status == "no sound"


@pytest.mark.parametrize("name", ["happy_hum.mkv", "happy_fan.mkv"])
def test_where_nobody_speaks_the_face_decides(name: str, shared: Path) -> None:
    file = shared / "cases" / name
    if not file.exists():
        pytest.skip("the cases are not there")
    result = emonets.load("open").with_fusion("product").predict(file)
    face, audio, both = result.clip_rows("face")[0], result.clip_rows("audio")[0], result.rows[-1]
    assert audio.sound_found is False
    assert both.label == "happy"
    np.testing.assert_allclose(both.probabilities, face.probabilities, atol=1e-6)
    assert both.probabilities[3] == pytest.approx(0.51, abs=0.01)
    assert NO_SPEECH in result.files[0].message


def test_bundles_keep_the_setting(specialist: AudioSpecialist, tmp_path: Path) -> None:
    for on in ("sound", "speech"):
        folder = EmoNets(audio=specialist.used_on(on)).save(tmp_path / on)
        assert EmoNets.load(folder).audio.on == on
        # bundles from before the setting use the whole sound track
        assert ("on" in read_bundle(folder).manifest["specialists"]["audio"]) == (on == "speech")
    with pytest.raises(ParameterError, match="on must be one of sound, speech, got 'voice'"):
        specialist.used_on("voice")
    settings, parts = specialist.to_arrays()
    with pytest.raises(BundleError, match="voice"):
        AudioSpecialist.from_arrays({**settings, "on": "voice"}, parts)
    assert emonets.load("paper").audio.on == "sound"


def test_training_extracts_speech(audio: AudioSpecialist, long: Path) -> None:
    assert sound_extractor("logmel", speech=True) != sound_extractor("logmel")
    assert sound_extractor("yaafe").settings == {"features": "yaafe"}
    for trainer in (AudioTrainer({"features": "logmel", "on": "speech"}), make_scorer(audio, "m")):
        (extractor,) = trainer.extractors()
        assert extractor == sound_extractor("logmel", speech=True)
    reader = sound_extractor("logmel", speech=True).open()
    for chunk in open_clip(long).sound():
        reader.push_sound(chunk)
    speech = SoundSpan.of(reader.finish()).speech
    assert speech is not None
    assert len(speech.intervals()) == 1
