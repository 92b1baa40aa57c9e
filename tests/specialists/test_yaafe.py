"""The audio features together: the plan, whole against pieces, level, odd sounds, bad input."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import ParameterError
from emonets.media.clip import open_clip
from emonets.specialists.audio.features import (
    FEATURES,
    YAAFE_NAMES,
    Level,
    YaafeStream,
    column_names,
    envelope,
    frame_times,
    spectral,
    temporal,
    yaafe_features,
)
from emonets.specialists.audio.features.framing import BLOCK, STEP, cut_frames, frame_count

EPS = np.finfo(float).eps
MAY_BE_NAN = [name.startswith(("LPC", "LSF")) for name in YAAFE_NAMES]


@pytest.fixture(scope="module")
def speech(angry: Path) -> np.ndarray:
    """Two seconds of a real voice, with half a second of digital silence before it."""
    voice = open_clip(angry).read_sound().samples.astype(float)
    return np.concatenate([np.zeros(24_000), voice[: 2 * 48_000]])


def stream_all(chunks: Sequence[np.ndarray], **options: object) -> np.ndarray:
    stream = YaafeStream(**options)  # type: ignore[arg-type]
    return np.concatenate([*[stream.push(chunk) for chunk in chunks], stream.finish()])


# --- the plan -----------------------------------------------------------------------------------


def test_there_are_909_columns_in_ascii_order() -> None:
    assert len(FEATURES) == 29
    assert list(FEATURES) == sorted(FEATURES)
    assert len(YAAFE_NAMES) == len(set(YAAFE_NAMES)) == 909
    assert YAAFE_NAMES[:2] == ("AmplitudeModulation[0]", "AmplitudeModulation[1]")
    assert YAAFE_NAMES[-1] == "ZCR"
    assert column_names(["ZCR", "LPC"]) == ("LPC[0]", "LPC[1]", "ZCR")


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_alone_is_its_columns_of_all(name: str, speech: np.ndarray) -> None:
    piece = speech[20_000:60_000]
    columns = [i for i, column in enumerate(YAAFE_NAMES) if column.split("[")[0] == name]
    alone = yaafe_features(piece, features=[name])
    np.testing.assert_array_equal(alone, yaafe_features(piece)[:, columns])


def test_what_is_not_asked_for_is_not_computed(
    speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> np.ndarray:
        raise AssertionError("computed, though it was not requested")

    for module, name in [
        (spectral, "spectrum"), (temporal, "autocorrelation"), (envelope, "envelope"),
    ]:  # fmt: skip
        monkeypatch.setattr(module, name, never)
    assert yaafe_features(speech, features=["ZCR", "Energy"]).shape[1] == 2
    with pytest.raises(AssertionError):
        yaafe_features(speech, features=["MFCC"])


def test_shared_results_are_computed_once(
    speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = spectral.spectrum
    monkeypatch.setattr(spectral, "spectrum", lambda f: seen.append(len(f)) or real(f))
    rows = yaafe_features(speech)
    assert sum(seen) == len(rows)


# --- framing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 623, 624, 625, 1247, 1248, 1249, 1872, 20_000, 50_001])
def test_frames_are_centred_and_padded_with_zeros(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n)
    got = cut_frames(x)
    assert len(got) == frame_count(n) == math.ceil(n / 624)
    for t, frame in enumerate(got):
        expected = [x[i] if 0 <= i < n else 0 for i in range(624 * t - 624, 624 * t + 624)]
        np.testing.assert_array_equal(frame, expected)


def test_times_are_those_of_the_centres() -> None:
    np.testing.assert_allclose(frame_times(3), [0, 0.013, 0.026], rtol=1e-15)
    assert frame_times(0).shape == (0,)
    # a click makes the frame loudest on which it is centred
    click = np.zeros(48_000)
    click[24_336] = 0.5
    loudness = yaafe_features(click, features=["MelSpectrum"], normalize=None).sum(axis=1)
    assert frame_times(len(loudness))[loudness.argmax()] == pytest.approx(24_336 / 48_000)


# --- whole and pieces ---------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 90_000), max_size=30), end=st.integers(1, 90_000))
def test_pieces_give_the_same_numbers_to_the_last_bit(
    speech: np.ndarray, cuts: list[int], end: int
) -> None:
    sound = speech[20_000 : 20_000 + end]
    chunks = np.split(sound, sorted(min(c, len(sound)) for c in cuts))
    whole = yaafe_features(sound)
    level = Level.measure(chunks)
    assert level == Level.measure([sound])
    np.testing.assert_array_equal(stream_all(chunks, level=level), whole)


def test_single_samples_and_empty_chunks(speech: np.ndarray) -> None:
    sound = speech[30_000 : 30_000 + (BLOCK + 6) * STEP + 5]
    chunks = np.split(sound, np.arange(1, len(sound)))
    chunks[100:100] = [np.empty(0)] * 3
    names = ["MFCC_d2", "SpectralFlux", "ComplexDomainOnsetDetection", "ZCR"]
    whole = yaafe_features(sound, normalize=None, features=names)
    np.testing.assert_array_equal(stream_all(chunks, features=names), whole)


@pytest.mark.parametrize("rate", [8_000, 44_100.0])
def test_pieces_of_other_rates(speech: np.ndarray, rate: float) -> None:
    sound = speech[20_000:60_000]
    chunks = np.array_split(sound, 7)
    level = Level.measure(chunks, rate=rate)
    whole = yaafe_features(sound, rate)
    assert len(whole) == math.ceil(math.floor(len(sound) * 48_000 / rate + 0.5) / 624)
    np.testing.assert_array_equal(stream_all(chunks, rate=rate, level=level), whole)


def test_rows_come_while_the_sound_goes_on() -> None:
    stream = YaafeStream()
    sound = np.random.default_rng(0).normal(0, 0.1, 48_000)
    early = len(stream.push(sound))
    late = len(stream.finish())
    assert early + late == 77
    assert late <= BLOCK + 6
    assert stream.finish().shape == (0, 909)


def test_memory_does_not_grow_with_the_sound() -> None:
    def peak(seconds: int) -> int:
        stream = YaafeStream()
        second = np.random.default_rng(0).normal(0, 0.1, 48_000)
        tracemalloc.start()
        for _ in range(seconds):
            stream.push(second)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1)  # tables that are made once
    assert peak(12) < 1.1 * peak(3)


# --- level --------------------------------------------------------------------------------------


def test_the_level_is_that_of_the_whole() -> None:
    x = np.array([0.1, -0.3, 0.5, 0.1])
    level = Level.measure([x[:1], x[1:1], x[1:]])
    assert level.mean == pytest.approx(0.1)
    assert level.gain == pytest.approx(0.99 / 0.4)
    assert np.abs(level.apply(x)).max() == pytest.approx(0.99)
    # extremes are sought from 0 on: sound all above 0 is not blown up
    assert Level.measure([np.array([0.5, 0.6])]).gain == pytest.approx(0.99 / 0.55)


def test_level_does_not_matter_when_normalised_and_does_when_not(speech: np.ndarray) -> None:
    sound = speech[30_000:60_000]
    np.testing.assert_array_equal(yaafe_features(sound / 4), yaafe_features(sound))
    louder = yaafe_features(sound, normalize=1.98, features=["Energy"])
    np.testing.assert_allclose(louder, 2 * yaafe_features(sound, features=["Energy"]), rtol=1e-14)
    raw = yaafe_features(sound, normalize=None, features=["Energy"])
    half = yaafe_features(sound / 2, normalize=None, features=["Energy"])
    np.testing.assert_allclose(half, raw / 2, rtol=1e-14)


# --- sounds at the edge -------------------------------------------------------------------------


def test_silence() -> None:
    zeros = np.zeros(5_000)
    assert np.isnan(yaafe_features(zeros)).all()
    assert Level.measure([zeros]).silent
    assert np.isnan(stream_all([zeros[:7], zeros[7:]], level=Level.measure([zeros]))).all()
    raw = yaafe_features(zeros, normalize=None)
    np.testing.assert_array_equal(np.isnan(raw), np.tile(MAY_BE_NAN, (9, 1)))


def test_silent_frames_in_a_sound_have_no_prediction(speech: np.ndarray) -> None:
    rows = yaafe_features(speech, normalize=None)
    silent = ~cut_frames(speech).any(axis=1)
    assert 30 < silent.sum() < 45
    np.testing.assert_array_equal(np.isnan(rows), silent[:, None] & MAY_BE_NAN)


def sounds() -> dict[str, np.ndarray]:
    n = np.arange(30_000)
    click = np.zeros(30_000)
    click[10_000] = 0.7
    return {
        "click": click,
        "constant": np.full(30_000, 0.3),
        "step": np.where(n < 9_999, 0.0, 0.5),
        "square": np.sign(np.sin(n / 40)) * 0.9,
        "tone": np.sin(n * 0.3),
        "very low": np.sin(n * 1e-4),
        "ramp": n / 30_000,
        "one bit": (n % 1000 < 3) / 32_768.0,
        "faint": np.sin(n) * 1e-100,
        "one sample": np.array([0.5]),
        "two samples": np.array([0.5, -0.1]),
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("normalize", [None, 0.99])
@pytest.mark.parametrize("name", sounds())
def test_odd_sounds_have_finite_features(name: str, normalize: float | None) -> None:
    sound = sounds()[name]
    rows = yaafe_features(sound, normalize=normalize)
    assert rows.shape == (frame_count(len(sound)), 909)
    assert (np.isfinite(rows) | MAY_BE_NAN).all()
    lsf = rows[:, [column.startswith("LSF") for column in YAAFE_NAMES]]
    finite = np.isfinite(lsf).all(axis=1)
    assert (np.isfinite(lsf).any(axis=1) == finite).all()
    assert (np.diff(lsf[finite], axis=1) >= 0).all()
    assert ((lsf[finite] >= 0) & (lsf[finite] <= np.pi)).all()


def test_a_single_frame() -> None:
    rows = yaafe_features(np.random.default_rng(0).normal(0, 0.1, 624))
    assert rows.shape == (1, 909)
    for name in ("SpectralVariation", "SpectralFlux"):
        assert rows[0, YAAFE_NAMES.index(name)] == 0


def test_kinds_of_waveform(speech: np.ndarray) -> None:
    pcm = np.round(speech * 32_767).astype(np.int16)
    whole = yaafe_features(pcm)
    np.testing.assert_array_equal(yaafe_features(pcm / 32_768), whole)
    np.testing.assert_array_equal(yaafe_features(np.stack([pcm, pcm], axis=1)), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "rate=0"),
        ({"rate": math.nan}, "rate=nan"),
        ({"normalize": 0}, "normalize=0"),
        ({"normalize": "loud"}, "normalize=.loud"),
        ({"normalize": True}, "normalize=True"),
        ({"normalize": -1.0}, "normalize=-1"),
        ({"normalize": math.inf}, "normalize=inf"),
        ({"features": []}, "no feature is named"),
        ({"features": ["Chroma"]}, "'Chroma'; there are AmplitudeModulation, "),
        ({"waveform": []}, "empty"),
        ({"waveform": [0.1, math.nan]}, "NaN"),
        ({"waveform": [[0.1] * 9] * 20}, "channels"),
        ({"waveform": [300.0, 20_000.0]}, "integers handed as float"),
    ],
)
def test_bad_input_is_named(options: dict[str, object], message: str) -> None:
    options = {"waveform": np.ones(700) * 0.1, **options}
    with pytest.raises(ParameterError, match=message):
        yaafe_features(**options)  # type: ignore[arg-type]


def test_bad_use_of_a_stream() -> None:
    stream = YaafeStream()
    with pytest.raises(ParameterError, match="one channel"):
        stream.push(np.zeros((5, 2)))
    stream.finish()
    with pytest.raises(ParameterError, match="finished"):
        stream.push(np.zeros(5))
    with pytest.raises(ParameterError, match="NaN"):
        Level.measure([np.array([math.nan])])
    with pytest.raises(ParameterError, match="rate=3"):
        YaafeStream(3)
