"""The audio specialist: reader, frames in spans, predictions, silence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import BundleError, ParameterError
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.media.clip import SOUND_RATE, Clip, SoundChunk, open_clip
from emonets.one_pass import read_clip
from emonets.specialists.audio.features.front import FRONTS, LogMelStream, front
from emonets.specialists.audio.features.logmel import log_mel
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.features.yaafe import yaafe_features
from emonets.specialists.audio.reader import SILENCE, SoundReader, SoundSpan
from emonets.specialists.audio.specialist import AudioSpecialist, pieces


def extract(clip: Clip, name: str) -> dict[str, np.ndarray]:
    return read_clip(clip, {"sound": SoundReader(front(name))}).features["sound"]


def of_spans(
    specialist: AudioSpecialist, clip: Clip, spans: list[tuple[float, float]]
) -> np.ndarray:
    return specialist.predict(specialist.extract(clip), spans).p[:-1]


def write_sound(path: Path, samples: np.ndarray, rate: int = SOUND_RATE) -> Path:
    """A WAV file of int16 mono samples given as floats."""
    pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=rate, layout="mono")
        for start in range(0, len(pcm), 4096):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + 4096], "s16", "mono")
            frame.sample_rate = rate
            frame.pts = start
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 9))
    return 0.1 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t)) + 0.003 * rng.normal(size=len(t))


@pytest.fixture(scope="module")
def specialist() -> AudioSpecialist:
    """A tiny one, trained on noise: its predictions mean nothing, but they depend on the sound."""
    rng = np.random.default_rng(0)
    clips = [yaafe_features(speech_like(0.7, seed) * rng.random()) for seed in range(7)]
    whitening = Whitening(dtype="float32").fit(np.concatenate(clips))
    network = PooledPerceptron(hidden_layer_sizes=(8, 8), n_epochs=3, random_state=0)
    network.fit([whitening.transform(clip) for clip in clips], np.arange(7))
    return AudioSpecialist(network, whitening)


def test_frames_are_the_features_of_the_whole(happy: Path) -> None:
    clip = open_clip(happy)
    sound = clip.read_sound()
    found = extract(clip, "yaafe")
    expected = yaafe_features(sound.samples)
    np.testing.assert_allclose(found["frames"], expected, rtol=2e-6, atol=1e-7)
    assert found["span"] == pytest.approx([sound.time, sound.time + len(sound.samples) / 48_000])
    assert found["time"][1] - found["time"][0] == pytest.approx(0.013)
    assert bool(found["found"])
    mel = extract(clip, "logmel")
    np.testing.assert_allclose(mel["frames"], log_mel(sound.samples), atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=6), st.integers(0, 1200))
def test_log_mel_in_pieces(cuts: list[int], extra: int) -> None:
    samples = speech_like(0.3)[: 9000 + extra].astype(np.float32)
    stream = LogMelStream()
    edges = [0, *np.minimum(np.cumsum(cuts), len(samples)).tolist(), len(samples)]
    rows = [stream.push(samples[a:b]) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate([*rows, stream.finish()]), log_mel(samples))


def test_a_sound_shorter_than_a_frame_has_one(tmp_path: Path) -> None:
    clip = open_clip(write_sound(tmp_path / "short.wav", speech_like(0.02)))
    for name in FRONTS:
        frames = extract(clip, name)["frames"]
        assert frames.shape[1] == front(name).width
        assert 1 <= len(frames) <= 2


def test_unknown_front_end() -> None:
    with pytest.raises(ParameterError, match="yaafe, logmel"):
        front("mfcc")


def test_survey_finds_where_it_is_silent(tmp_path: Path) -> None:
    quiet = np.full(SOUND_RATE, SILENCE / 3)
    clip = open_clip(write_sound(tmp_path / "a.wav", np.concatenate([speech_like(1), quiet])))
    sound = SoundSpan.of(extract(clip, "logmel"))
    assert sound.loud.any()
    assert (sound.start, sound.end) == (0.0, pytest.approx(2.0))
    assert sound.loud_in(0.0, 0.5)
    assert not sound.loud_in(1.05, 2.0)
    assert not sound.loud_in(7.0, 9.0)
    assert sound.loud_in(0.0, 9.0)


def test_a_constant_is_silence(specialist: AudioSpecialist, tmp_path: Path) -> None:
    for name, level in (("zero", 0.0), ("offset", 0.3)):
        clip = open_clip(write_sound(tmp_path / f"{name}.wav", np.full(24_000, level)))
        sound = SoundSpan.of(extract(clip, "logmel"))
        assert not sound.loud.any()
        assert len(extract(clip, "yaafe")["frames"]) == 0
        np.testing.assert_allclose(of_spans(specialist, clip, [(0.0, 0.5)]), 1 / 7)
        np.testing.assert_allclose(specialist.predict_proba(specialist.extract(clip)), 1 / 7)


def test_pieces() -> None:
    assert pieces(1.0, 11.0) == [(1.0, 11.0)]
    long = pieces(0.0, 23.0)
    assert len(long) == 5
    assert all(b - a == pytest.approx(4.6) for a, b in long)
    assert long[-1][1] == pytest.approx(23.0)


def test_streaming_answers_as_the_whole(specialist: AudioSpecialist, tmp_path: Path) -> None:
    clip = open_clip(write_sound(tmp_path / "a.wav", speech_like(12.0)))
    sound = SoundSpan.of(extract(clip, "logmel"))
    features = specialist.extract(clip)
    parts = pieces(sound.start, sound.end)
    p = of_spans(specialist, clip, parts)
    assert p.shape == (3, 7)
    assert np.ptp(p, axis=0).max() > 1e-9  # the pieces differ
    whole = specialist.predict_proba(features)[0]
    np.testing.assert_allclose(p.mean(axis=0), whole, atol=1e-9)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_a_long_span_is_answered_in_pieces(specialist: AudioSpecialist, tmp_path: Path) -> None:
    quiet = np.zeros(5 * SOUND_RATE)
    samples = np.concatenate([speech_like(11.0), quiet, speech_like(5.0, 1), quiet])
    clip = open_clip(write_sound(tmp_path / "a.wav", samples))
    sound = SoundSpan.of(extract(clip, "logmel"))
    longest = 0
    predict_proba = specialist.network.predict_proba

    def watched(frames: list[np.ndarray]) -> np.ndarray:
        nonlocal longest
        longest = max(longest, *map(len, frames))
        return predict_proba(frames)

    network = SimpleNamespace(classes_=specialist.network.classes_, predict_proba=watched)
    listener = AudioSpecialist(network, specialist.whitening)
    whole, first, last = of_spans(listener, clip, [(0.0, 26.0), (0.0, 12.0), (16.0, 90.0)])
    assert longest <= 10.0 / 0.013 + 1
    parts = of_spans(specialist, clip, pieces(0.0, 26.0))
    loud = [sound.loud_in(*part) for part in pieces(0.0, 26.0)]
    assert 0 < sum(loud) < len(loud)
    np.testing.assert_allclose(whole, parts[loud].mean(axis=0), atol=1e-7)
    np.testing.assert_allclose(
        first, of_spans(specialist, clip, pieces(0.0, 12.0)).mean(axis=0), atol=1e-7
    )
    np.testing.assert_allclose(last, of_spans(specialist, clip, [(16.0, 26.0)])[0], atol=1e-7)


def test_spans_in_any_order_and_overlapping(specialist: AudioSpecialist, tmp_path: Path) -> None:
    clip = open_clip(write_sound(tmp_path / "a.wav", speech_like(3.0)))
    spans = [(a, a + 1.0) for a in np.arange(0, 2.4, 0.2)]
    together = of_spans(specialist, clip, spans)
    shuffled = of_spans(specialist, clip, spans[::-1])[::-1]
    alone = np.concatenate([of_spans(specialist, clip, [span]) for span in spans])
    np.testing.assert_allclose(together, shuffled, atol=1e-7)
    np.testing.assert_allclose(together, alone, atol=1e-7)
    nothing = of_spans(specialist, clip, [(0.0, 1.0), (50.0, 60.0), (0.5, 0.5001)])
    np.testing.assert_allclose(nothing[1], 1 / 7)
    assert np.isfinite(nothing).all()


def test_arrays_there_and_back(specialist: AudioSpecialist, happy: Path) -> None:
    clip = open_clip(happy)
    again = AudioSpecialist.from_arrays(*specialist.to_arrays())
    features = specialist.extract(clip)
    np.testing.assert_array_equal(again.predict_proba(features), specialist.predict_proba(features))
    settings_, parts = specialist.to_arrays()
    for wrong in ({**settings_, "kind": "oracle"}, {**settings_, "emotions": [0, 1, 2]}, {}):
        with pytest.raises(BundleError):
            AudioSpecialist.from_arrays(wrong, parts)
    with pytest.raises(BundleError):
        AudioSpecialist.from_arrays(settings_, {})


def test_columns_may_count_as_one_emotion(specialist: AudioSpecialist, happy: Path) -> None:
    merged = AudioSpecialist(
        specialist.network, specialist.whitening, emotions=(0, 1, 2, 3, 4, 6, 6)
    )
    features = specialist.extract(open_clip(happy))
    p, q = specialist.predict_proba(features)[0], merged.predict_proba(features)[0]
    assert q[5] == 0
    assert specialist.known_classes == tuple(range(7))
    assert merged.known_classes == (0, 1, 2, 3, 4, 6)
    assert q[6] == pytest.approx(p[5] + p[6])
    with pytest.raises(ParameterError, match="7 classes"):
        AudioSpecialist(specialist.network, specialist.whitening, emotions=(0, 1))
    with pytest.raises(ParameterError, match=r"0\.\.6"):
        AudioSpecialist(specialist.network, specialist.whitening, emotions=(*range(6), 9))


def test_gaps_are_silence(happy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = open_clip(happy)
    chunk = speech_like(1.0).astype(np.float32)

    def decode(**_: bool) -> Iterator[SoundChunk]:
        yield from (SoundChunk(time, chunk) for time in (2.0, 5.5, 6.5 + 1 / SOUND_RATE))

    monkeypatch.setattr(clip, "decode", decode)
    parts = list(clip.sound())
    ends = [part.time + len(part.samples) / SOUND_RATE for part in parts]
    assert [part.time for part in parts[1:]] == pytest.approx(ends[:-1])
    assert max(len(part.samples) for part in parts) <= SOUND_RATE
    sound = SoundSpan.of(extract(clip, "logmel"))
    assert (sound.start, sound.end) == (2.0, pytest.approx(7.5))
    assert sound.loud_in(2.0, 2.1)
    assert not sound.loud_in(3.0, 5.49)
    assert sound.loud_in(5.4, 5.6)
    whole = clip.read_sound()
    assert whole.time == 2.0
    assert len(whole.samples) == round(5.5 * SOUND_RATE)
