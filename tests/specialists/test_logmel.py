from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import ParameterError
from emonets.specialists.audio.features.logmel import (
    BANDS,
    FLOOR,
    HIGH,
    HOP,
    LOW,
    WINDOW,
    band_centres,
    frame_count,
    frame_times,
    hertz,
    log_mel,
    mel,
)


def slow(x: np.ndarray, bands: int = BANDS) -> np.ndarray:
    """The definition, one frame, frequency and band after the other."""
    edges = [float(hertz(m)) for m in np.linspace(float(mel(LOW)), float(mel(HIGH)), bands + 2)]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    rows = []
    for begin in range(0, len(x) - WINDOW + 1, HOP):
        frame = x[begin : begin + WINDOW] * window * 2 / window.sum()
        phase = np.arange(WINDOW) / 48_000
        hz = np.arange(500) * 15.625
        power = [abs(np.sum(frame * np.exp(-2j * np.pi * f * phase))) ** 2 for f in hz]
        row = []
        for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
            total = weight = 0.0
            for f, p in zip(hz, power, strict=True):
                w = max(0.0, min((f - left) / (middle - left), (right - f) / (right - middle)))
                total, weight = total + w * p, weight + w
            row.append(10 * np.log10(max(total / weight, 10 ** (FLOOR / 10))))
        rows.append(row)
    return np.array(rows)


def test_it_is_the_definition() -> None:
    x = np.random.default_rng(0).normal(0, 0.1, WINDOW + 2 * HOP + 17)
    got = log_mel(x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, slow(x), atol=1e-4)


@pytest.mark.parametrize("band", [3, 20, 50])
def test_a_tone_is_loudest_in_its_own_band_and_20_db_are_20_db(band: int) -> None:
    tone = np.sin(2 * np.pi * band_centres()[band] * np.arange(9600) / 48_000)
    rows = log_mel(tone)
    assert (rows.argmax(axis=1) == band).all()
    assert -12 < rows.max() <= 0.01  # a mean over a band of the power of one sine at 0 dB
    np.testing.assert_allclose(log_mel(tone / 10), np.maximum(rows - 20, FLOOR), atol=0.01)


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 40), samples=st.integers(WINDOW, 50 * HOP))
def test_rows_depend_on_their_own_samples_only(cut: int, samples: int) -> None:
    x = np.random.default_rng(samples).normal(0, 0.1, samples)
    whole, rest = log_mel(x), log_mel(x[cut * HOP :])
    assert len(whole) == frame_count(samples) == (samples - WINDOW) // HOP + 1
    later = whole[cut:]
    np.testing.assert_allclose(rest[: len(later)], later, atol=1e-4)


def test_more_than_a_block_of_frames() -> None:
    x = np.random.default_rng(0).normal(0, 0.1, WINDOW + 700 * HOP)
    rows = log_mel(x)
    assert rows.shape == (701, BANDS)
    np.testing.assert_allclose(rows[600], log_mel(x[600 * HOP :])[0], atol=1e-4)


def test_short_silent_and_empty_sounds() -> None:
    assert log_mel(np.zeros(0)).shape == (0, BANDS)
    assert log_mel(np.full(1, 0.5)).shape == (1, BANDS)
    np.testing.assert_array_equal(log_mel(np.zeros(4 * WINDOW)), np.float32(FLOOR))
    x = np.random.default_rng(0).normal(0, 0.1, 1000)
    np.testing.assert_array_equal(log_mel(x), log_mel(np.pad(x, (0, WINDOW - 1000))))


def test_times_are_the_middles() -> None:
    np.testing.assert_allclose(frame_times(3), [0.02, 0.0325, 0.045])


@settings(max_examples=50)
@given(st.floats(0, 24_000))
def test_mel_and_back(hz: float) -> None:
    assert float(hertz(mel(hz))) == pytest.approx(hz, abs=1e-6)


@pytest.mark.parametrize(
    "samples",
    [np.zeros((2, 5000)), np.array([1j] * 3000), np.array([np.nan] * 3000), np.full(3000, np.inf)],
)
def test_bad_samples(samples: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="samples"):
        log_mel(samples)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": 0}, "at least one"),
        ({"bands": 900}, "too many"),
        ({"low": 5000.0, "high": 400.0}, "low, high"),
        ({"high": 30_000.0}, "low, high"),
    ],
)
def test_bad_bands(options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        log_mel(np.zeros(5000), **options)
