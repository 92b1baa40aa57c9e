"""Channels that cancel each other: the mix is the sound that they have in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emonets.media.mix import Mixer, plain_mix

RATE = 16_000
STEREO = ("FL", "FR")
SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")
F32 = NDArray[np.float32]


def voice(seed: int = 0, seconds: float = 4.0) -> F32:
    """Noise with the spectrum and the pauses of speech, as far as they matter here."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    noise = np.fft.irfft(spectrum * (f > 80) / (1 + (f / 500) ** 2), n)
    slow = np.clip(np.sin(2 * np.pi * 3 * np.arange(n) / RATE), 0, 1)
    return np.asarray(0.3 * noise * slow / np.abs(noise).max(), np.float32)


def mixed(x: F32, names: tuple[str, ...] = STEREO, step: int = 1024) -> F32:
    mixer = Mixer()
    parts = []
    for at in range(0, x.shape[1], step):
        parts += mixer.push(x[:, at : at + step], names, RATE, at / RATE)
    parts += mixer.flush()
    assert [part.stamp for part in parts] == [at / RATE for at in range(0, x.shape[1], step)]
    return np.concatenate([part.samples for part in parts])


def likeness(x: F32, to: F32) -> float:
    return float(np.corrcoef(x, to)[0, 1])


def late(x: F32, count: int) -> F32:
    return np.concatenate([np.zeros(count, np.float32), x[:-count]])


V = voice()
NOISE = np.random.default_rng(1).standard_normal((2, V.size)).astype(np.float32)
SILENCE = np.zeros_like(V)


@pytest.mark.parametrize("level", [1.0, 0.5, 2.0])
def test_opposite_channels_do_not_cancel(level: float) -> None:
    out = mixed(np.stack([V, -level * V]))
    np.testing.assert_allclose(out, V * (1 + level) / 2, atol=1e-6)


def test_opposite_channels_with_noise_of_their_own() -> None:
    noisy = np.stack([V, -V]) + 0.3 * V.std() * NOISE
    assert likeness(mixed(noisy), V) > 0.95


def test_opposite_in_a_part_only() -> None:
    second = np.where(np.arange(V.size) < 2 * RATE, V, -V)
    assert likeness(mixed(np.stack([V, second])), V) > 0.9


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("count", [16, 80, 320, 700])
def test_a_late_copy_makes_no_comb(sign: int, count: int) -> None:
    out = mixed(np.stack([V, sign * late(V, count)]))
    assert likeness(out, V) > 0.9


def test_silent_channels_do_not_count() -> None:
    for x, names in (
        (np.stack([V, SILENCE]), STEREO),
        (np.stack([SILENCE, V]), STEREO),
        (np.stack([V, V, *[SILENCE] * 4]), SURROUND),
        (np.stack([SILENCE, SILENCE, V, *[SILENCE] * 3]), SURROUND),
        (np.stack([V, -V, *[SILENCE] * 4]), SURROUND),
    ):
        np.testing.assert_allclose(mixed(x, names), V, atol=1e-6)


def test_a_channel_that_begins_later_counts_from_then_on() -> None:
    other = np.where(np.arange(V.size) < 2 * RATE, 0, voice(5)).astype(np.float32)
    out = mixed(np.stack([V, other]))
    np.testing.assert_allclose(out[:RATE], V[:RATE], atol=1e-6)
    np.testing.assert_allclose(out[3 * RATE :], (V + other)[3 * RATE :] / 2, atol=1e-6)


@given(st.floats(0, 1), st.floats(0.2, 1), st.integers(1, 400), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_ordinary_stereo_has_the_plain_mix(
    apart: float, level: float, delay: int, seed: int
) -> None:
    # a voice in the middle, another one and a room that differ between left and right
    other, room = voice(seed + 1), late(voice(seed + 2), delay)
    x = np.stack([V + apart * other + 0.1 * room, level * V + 0.1 * late(room, 7)])
    x = x.astype(np.float32)
    expected = [plain_mix(STEREO) @ x[:, at : at + 1024] for at in range(0, x.shape[1], 1024)]
    np.testing.assert_array_equal(mixed(x), np.concatenate(expected))


def test_two_voices_left_and_right_are_both_kept() -> None:
    other = voice(9)
    np.testing.assert_allclose(mixed(np.stack([V, other])), (V + other) / 2, atol=1e-6)


def test_mono_passes_at_once() -> None:
    mixer = Mixer()
    (part,) = mixer.push(V[np.newaxis], ("FC",), RATE, 1.5)
    assert part.stamp == 1.5
    np.testing.assert_array_equal(part.samples, V)
    assert mixer.loud
    assert mixer.flush() == []


def test_a_change_of_layout_loses_nothing() -> None:
    mixer = Mixer()
    parts = mixer.push(np.stack([V, V]), STEREO, RATE, 0.0)
    parts += mixer.push(np.stack([V, V])[:, :100], STEREO, RATE, 4.0)
    parts += mixer.push(V[np.newaxis], ("FC",), RATE, 5.0)
    parts += mixer.push(np.stack([V, V])[:, :50], STEREO, 2 * RATE, 6.0)
    parts += mixer.push(np.stack([*[V] * 6])[:, :50], SURROUND, 2 * RATE, 7.0)
    parts += mixer.flush()
    assert [p.stamp for p in parts] == [0, 4, 5, 6, 7]
    assert [p.rate for p in parts] == [RATE, RATE, RATE, 2 * RATE, 2 * RATE]
    for part in parts:
        np.testing.assert_allclose(part.samples, V[: part.samples.size], atol=1e-6)
