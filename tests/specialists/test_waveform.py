"""Sound arrays: channels, integer PCM, rates, and everything that only resembles sound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emonets.errors import ParameterError
from emonets.specialists.audio.features.waveform import SOUND_RATE, Resampler, mono, resample


def noise(n: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (n, *shape))


def streamed(x: np.ndarray, rate: float, cuts: list[int]) -> np.ndarray:
    stream = Resampler(rate)
    pieces = [stream.push(piece) for piece in np.split(x, cuts)]
    return np.concatenate([*pieces, stream.finish()])


# mono


@given(arrays(np.int16, st.integers(1, 50)))
def test_int16_is_scaled_by_32768_exactly(pcm: np.ndarray) -> None:
    x = mono(pcm)
    assert x.dtype == np.float64
    assert np.array_equal(x * 32768, pcm)


@pytest.mark.parametrize(
    ("pcm", "expected"),
    [
        (np.array([0, 128, 255], np.uint8), [-1, 0, 127 / 128]),
        (np.array([-128, 0, 127], np.int8), [-1, 0, 127 / 128]),
        (np.array([-(2**31), 0, 2**30], np.int32), [-1, 0, 0.5]),
        (np.array([-0.5, 0.25], np.float16), [-0.5, 0.25]),
        (np.array([-0.5, 0.25], np.float32), [-0.5, 0.25]),
        ([0.5, -0.25], [0.5, -0.25]),
    ],
)
def test_every_sample_type_has_full_scale_one(pcm: np.ndarray, expected: list[float]) -> None:
    x = mono(pcm)
    assert x.dtype == np.float64
    assert x.tolist() == expected


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_channels_are_averaged(channels: int) -> None:
    x = noise(100, channels)
    np.testing.assert_allclose(mono(x), x.sum(axis=1) / channels, rtol=0, atol=1e-15)


def test_stereo_pcm_is_the_mean_of_its_channels() -> None:
    pcm = np.array([[32767, -32768], [1000, 3000], [-5, -6]], np.int16)
    assert mono(pcm).tolist() == [-0.5 / 32768, 2000 / 32768, -5.5 / 32768]


def test_one_channel_of_float64_is_not_copied() -> None:
    x = noise(10)
    assert mono(x) is x


def test_silence_and_overshoot_are_sound() -> None:
    assert not mono(np.zeros(10)).any()
    assert not mono(np.full(10, 128, np.uint8)).any()
    assert mono(np.array([1.4, -1.2])).tolist() == [1.4, -1.2]
    assert mono(np.array([1.0, -1.0, 0.0])).tolist() == [1, -1, 0]


def test_very_quiet_24_bit_pcm_is_sound() -> None:
    pcm = np.array([256, -512, 0], np.int32)
    assert mono(pcm).tolist() == [2.0**-23, -(2.0**-22), 0]


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ([], "empty"),
        (np.empty((0, 2)), "empty"),
        (np.empty((5, 0)), "empty"),
        (0.5, "samples,"),
        (np.zeros((5, 2, 2)), "samples,"),
        ([0.1, np.nan], "NaN or infinite"),
        ([0.1, -np.inf], "NaN or infinite"),
        (np.array([0.1, np.inf], np.float16), "NaN or infinite"),
        (np.array([100.0, -2000.0]), "32768"),
        (np.array([100.0, -2000.0], np.float32), "integers themselves"),
        (np.array([2.0, -3.0]), "32768"),
        (np.array([150.5, -0.25]), "32768"),
        (np.array([5, -700, 20000], np.int32), "convert it to int16"),
        (np.array([5, -700]), "int64"),
        (np.array([5, 700], np.uint16), "uint16"),
        (np.array([True, False]), "bool"),
        (np.array([0.1 + 1j]), "complex"),
        (np.array([0.1, None]), "object"),
        ([Fraction(1, 2)], "object"),
        (["0.1"], "no samples"),
        (b"RIFF", "no samples"),
        (None, "no samples"),
        ([[0.1, 0.2], [0.3]], "no array"),
        (np.zeros((2, 4800)), "transpose"),
        (np.zeros((1, 4800)), "transpose"),
        (np.zeros((2, 2)), "transpose"),
        (np.zeros((4800, 9)), "9 channels"),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused(waveform: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        mono(waveform)  # type: ignore[arg-type]


# resample


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 30_000),
    rate=st.sampled_from([1000, 8000, 11_025, 16_000, 22_050, 44_100, 47_999, 96_000, 768_000])
    | st.floats(1000, 768_000),
    data=st.data(),
)
def test_streaming_gives_the_whole_bit_for_bit(n: int, rate: float, data: st.DataObject) -> None:
    x = noise(n)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=12)))
    assert np.array_equal(streamed(x, rate, cuts), resample(x, rate))


def test_streaming_sample_by_sample() -> None:
    x = noise(9000)
    assert np.array_equal(streamed(x, 44_100, list(range(1, 9000))), resample(x, 44_100))


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 20_000),
    rate=st.sampled_from([8000, 11_025, 16_000, 22_050, 32_000, 44_100, 96_000, 192_000, 768_000]),
)
def test_length_is_rounded_and_halves_go_up(n: int, rate: int) -> None:
    expected = (2 * n * SOUND_RATE + rate) // (2 * rate)
    assert len(resample(np.zeros(n), rate)) == expected


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 96_000])
def test_an_impulse_stays_where_it_is(rate: int) -> None:
    x = np.zeros(rate)
    x[rate // 2] = 0.5
    y = resample(x, rate)
    assert np.abs(y).argmax() == SOUND_RATE // 2
    # linear phase: symmetric about the impulse
    np.testing.assert_allclose(y[24_001:24_500], y[23_501:24_000][::-1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 12_345.5, 96_000, 192_000])
def test_a_tone_stays_the_same_tone(rate: float) -> None:
    n = int(rate)
    x = 0.5 * np.sin(2 * np.pi * 1000 / rate * np.arange(n))
    y = resample(x, rate)
    expected = 0.5 * np.sin(2 * np.pi * 1000 / SOUND_RATE * np.arange(len(y)))
    # away from the ends, where the tone is cut off
    np.testing.assert_allclose(y[4800:-4800], expected[4800:-4800], rtol=0, atol=1e-6)


def test_what_48_khz_cannot_hold_does_not_come_back_as_something_else() -> None:
    x = np.sin(2 * np.pi * 30_000 / 96_000 * np.arange(96_000))
    assert np.abs(resample(x, 96_000)[4800:-4800]).max() < 1e-7


def test_48_khz_passes_untouched() -> None:
    x = noise(1000)
    assert resample(x, 48_000) is x
    assert np.array_equal(streamed(x, 48_000.0, [3, 700]), x)


def test_pcm_and_stereo_are_resampled_too() -> None:
    pcm = (noise(2000, 2) * 32767).astype(np.int16)
    assert np.array_equal(resample(pcm, 8000), resample(pcm.mean(axis=1) / 32768, 8000))
    mono_pcm = pcm[:, 0].copy()
    assert np.array_equal(streamed(mono_pcm, 8000, [1, 50]), resample(mono_pcm, 8000))


@pytest.mark.parametrize(
    "rate",
    [0, -48_000, np.nan, np.inf, 999, 768_001, 16, True, "48000", None, 48_000 + 1j, [48_000]],
)
def test_absurd_rates_are_refused(rate: object) -> None:
    with pytest.raises(ParameterError, match="rate="):
        resample(np.zeros(10), rate)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="rate="):
        Resampler(rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [48_000, np.int64(48_000), np.float32(48_000)])
def test_rates_of_any_number_type(rate: float) -> None:
    assert len(resample(np.zeros(10), rate)) == 10


def test_bad_pieces_are_refused() -> None:
    stream = Resampler(8000)
    for piece in ([np.nan], [1e4], [[0.1, 0.2]], ["a"], 0.5, np.array([1], np.int64)):
        with pytest.raises(ParameterError):
            stream.push(piece)
    # what was refused left no trace
    x = noise(500)
    y = np.concatenate([stream.push(x), stream.push(np.empty(0)), stream.finish()])
    assert np.array_equal(y, resample(x, 8000))


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_a_finished_stream_takes_nothing_more(rate: int) -> None:
    stream = Resampler(rate)
    stream.push(noise(10))
    stream.finish()
    assert stream.finish().size == 0
    with pytest.raises(ParameterError, match="finished"):
        stream.push(noise(10))


def test_a_stream_of_nothing_is_nothing() -> None:
    assert Resampler(8000).finish().size == 0
