"""Bad sound: a right answer or one clear error, never a silent wrong number."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from test_audio_specialist import specialist, speech_like, write_sound

import emonets
from emonets import EmoNets, MediaError
from emonets.errors import ParameterError
from emonets.media.clip import SOUND_RATE, open_clip
from emonets.one_pass import read_clip
from emonets.specialists.audio.features import YAAFE_NAMES, yaafe_features
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader
from emonets.specialists.audio.specialist import AudioSpecialist

__all__ = ["specialist"]  # the fixture


@pytest.fixture(scope="module")
def model(specialist: AudioSpecialist) -> EmoNets:
    return EmoNets(audio=specialist)


def write(path: Path, samples: np.ndarray, codec: str, layout: str, rate: int) -> Path:
    """Samples (channels, n), of the type that the codec takes, in one frame."""
    kind = {"pcm_f32le": "flt", "pcm_s16le": "s16"}[codec]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, kind, layout)
        frame.sample_rate, frame.pts = rate, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("layout", ["stereo", "7.1"])
def test_many_channels_are_mixed_to_one(tmp_path: Path, layout: str) -> None:
    mono = speech_like(1.0)
    channels = 2 if layout == "stereo" else 8
    pcm = (np.repeat(mono[None], channels, axis=0) * 32767).astype(np.int16)
    file = write(tmp_path / "a.wav", pcm, "pcm_s16le", layout, SOUND_RATE)
    alone, mixed = (
        read_clip(open_clip(f), {"sound": SoundReader(front("yaafe"))}).features["sound"]["frames"]
        for f in (write_sound(tmp_path / "b.wav", mono), file)
    )
    assert mixed.shape == alone.shape
    energy = YAAFE_NAMES.index("Energy")
    np.testing.assert_allclose(mixed[:, energy], alone[:, energy], rtol=1e-3)


def test_eight_kilohertz(model: EmoNets, tmp_path: Path) -> None:
    file = write_sound(tmp_path / "a.wav", speech_like(1.0)[::6], rate=8000)
    (row,) = model.predict(file).rows
    assert row.end == pytest.approx(1.0, abs=0.02)
    assert row.sound_found


def test_samples_that_are_no_numbers_give_a_warning(model: EmoNets, tmp_path: Path) -> None:
    samples = speech_like(1.0).astype(np.float32)
    samples[20_000:20_100] = np.nan
    samples[30_000] = np.inf
    file = write(tmp_path / "a.wav", samples[None], "pcm_f32le", "mono", SOUND_RATE)
    result = model.predict(file)
    assert np.isfinite(result.rows[0].probabilities).all()
    assert "no numbers" in result.files[0].message


def test_a_file_of_integers_stored_as_floating_point(model: EmoNets, tmp_path: Path) -> None:
    pcm = np.round(speech_like(1.0) * 32768).astype(np.float32)
    file = write(tmp_path / "a.wav", pcm[None], "pcm_f32le", "mono", SOUND_RATE)
    with pytest.raises(MediaError, match="full scale"):
        model.predict(file)
    # what overshoots, or bursts in one place, is kept
    overshoot = write(
        tmp_path / "b.wav", (speech_like(1.0) * 9)[None].astype("f4"), "pcm_f32le", "mono", 48_000
    )
    assert model.predict(overshoot).rows[0].sound_found
    burst = (speech_like(1.0)).astype(np.float32)
    burst[1000:1200] = 30_000
    file = write(tmp_path / "c.wav", burst[None], "pcm_f32le", "mono", SOUND_RATE)
    assert model.predict(file).rows[0].sound_found


def test_a_clip_whose_sound_is_implausible(
    specialist: AudioSpecialist, happy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emonets.specialists.audio.reader._BEYOND", 0.0)
    both = EmoNets(emonets.load("paper").face, audio=specialist)
    result = both.predict(happy)
    answer = {row.model: row for row in result.rows if row.level == "clip"}
    assert not answer["audio"].sound_found
    assert answer["face+audio"].probabilities == answer["face"].probabilities
    assert result.files[0].status == "damaged"
    assert "no usable sound" in result.files[0].message
    assert "full scale" in result.files[0].message


@pytest.mark.parametrize("samples", [1, 2, 300, 1247, 1248, 1249])
def test_shorter_than_a_frame(model: EmoNets, tmp_path: Path, samples: int) -> None:
    tone = np.where(np.arange(samples) % 2, 0.3, -0.2)
    (row,) = model.predict(write_sound(tmp_path / "a.wav", tone)).rows
    assert sum(row.probabilities) == pytest.approx(1)
    assert row.sound_found == (samples > 1)  # one sample alone does not swing


def test_sound_files_that_are_none(model: EmoNets, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    text = tmp_path / "text.wav"
    text.write_text("this is not sound")
    header = write_sound(tmp_path / "header.wav", speech_like(0.1))
    header.write_bytes(header.read_bytes()[:44])
    for file in (empty, text, header):
        with pytest.raises(MediaError) as caught:
            model.predict(file)
        assert file.name in str(caught.value)
    result = model.predict([empty, write_sound(tmp_path / "good.wav", speech_like(0.5)), text])
    assert [status.status for status in result.files] == ["error", "ok", "error"]
    assert len(result.rows) == 1


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.array([0.0, np.nan, 0.1]), 48_000, "NaN"),
        (np.array([0.0, np.inf]), 48_000, "inf"),
        (np.round(speech_like(0.1) * 32767), 48_000, "32768"),
        (np.zeros((2, 4800)), 48_000, "transpose"),
        (np.zeros(0), 48_000, "empty"),
        (np.zeros(4800), 0, "rate"),
        (np.zeros(4800), -8000, "rate"),
        (np.zeros(4800), float("nan"), "rate"),
        (np.array(["a", "b"]), 48_000, "numbers"),
    ],
)
def test_arrays_that_are_no_sound(samples: np.ndarray, rate: float, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        yaafe_features(samples, rate)


def test_all_zeros_have_no_features() -> None:
    frames = yaafe_features(np.zeros(4800), 48_000)
    assert frames.shape == (8, 909)
    assert np.isnan(frames).all()
