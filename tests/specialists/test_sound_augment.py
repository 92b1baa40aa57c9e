from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonets.errors import ParameterError
from emonets.specialists.audio.features.logmel import band_centres, log_mel
from emonets.specialists.audio.network.augment import (
    Augmentation,
    at_rows,
    band_limited,
    joined,
    network_input,
    normalise_level,
    random_crop,
    reverberated,
    warp_bands,
)

CENTRES = band_centres()
NOTHING = Augmentation(warp=0, tempo=0, tilt=0, noise=0, level=0, masks=0)


def spectrogram(frames: int = 90, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-50, 10, (frames, 64)).astype(np.float32)


@given(st.floats(-60, 60))
def test_gain_does_not_matter(gain: float) -> None:
    x = spectrogram()
    np.testing.assert_allclose(normalise_level(x + gain), normalise_level(x), atol=1e-4)


def test_level_is_relative_to_the_mean_power() -> None:
    x = np.array([[0.0, -200.0], [0.0, -10.0]])
    mean = (1 + 0 + 1 + 0.1) / 4
    expected = 10 * np.log10(np.array([[1, 1e-20], [1, 0.1]]) / mean + 1e-6)
    np.testing.assert_allclose(normalise_level(x), (expected + 25) / 20, atol=1e-6)
    assert np.ptp(normalise_level(np.full((3, 4), -140.0))) == 0


def test_rows_between_rows() -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3) ** 2
    got = at_rows(x, np.array([-1.0, 0.0, 1.25, 3.0, 9.0]))
    np.testing.assert_allclose(got, [x[0], x[0], 0.75 * x[1] + 0.25 * x[2], x[3], x[3]])
    np.testing.assert_array_equal(at_rows(x[:1], np.array([0.0, 2.0])), x[[0, 0]])


@pytest.mark.parametrize("factor", [0.87, 1.0, 1.12])
def test_a_warped_chord_is_the_higher_chord(factor: float) -> None:
    """Against the spectrogram of tones that were played at other frequencies."""
    t = np.arange(9600) / 48_000
    chord = [300.0, 800.0, 2100.0, 4400.0]
    played = log_mel(sum(np.sin(2 * np.pi * f * factor * t) for f in chord))
    warped = warp_bands(log_mel(sum(np.sin(2 * np.pi * f * t) for f in chord)), factor, CENTRES)
    for f in chord:
        near = abs(CENTRES - f * factor).argmin() + np.arange(-2, 3)
        assert abs(warped[3, near].max() - played[3, near].max()) < 6
        assert abs(near[warped[3, near].argmax()] - near[played[3, near].argmax()]) <= 1


def test_changing_nothing_gives_a_stretch_of_the_clip() -> None:
    x = spectrogram()
    crop = random_crop(x, len(x), NOTHING, CENTRES, np.random.default_rng(0))
    np.testing.assert_allclose(crop, normalise_level(x), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 20, 90])
@pytest.mark.parametrize("length", [2, 50])
def test_crops_of_clips_of_any_length(frames: int, length: int) -> None:
    how = Augmentation(noise=1.0)
    x = spectrogram(frames)
    crop = random_crop(x, length, how, CENTRES, np.random.default_rng(0))
    assert crop.shape == (length, 64)
    assert crop.dtype == np.float32
    assert np.isfinite(crop).all()
    again = random_crop(x, length, how, CENTRES, np.random.default_rng(0))
    np.testing.assert_array_equal(crop, again)
    other = random_crop(x, length, how, CENTRES, np.random.default_rng(1))
    assert (crop != other).any()


def test_a_short_clip_stands_amid_its_lowest_value() -> None:
    x = spectrogram(10)
    crop = random_crop(x, 40, NOTHING, CENTRES, np.random.default_rng(0))
    whole = normalise_level(x)
    first = np.flatnonzero((crop != whole.min()).any(axis=1))[0]
    np.testing.assert_allclose(crop[first : first + 10], whole, atol=1e-5)
    assert (crop != whole.min()).any(axis=1).sum() == 10


def test_masks_noise_and_tilt_do_what_they_say() -> None:
    x = spectrogram(200)
    rng = np.random.default_rng(0)
    masked = random_crop(x, 200, replace(NOTHING, masks=1, mask_bands=30), CENTRES, rng)
    kept = np.isclose(masked, normalise_level(x), atol=1e-5)
    rows, columns = kept.any(axis=1), kept.any(axis=0)
    assert (kept == rows[:, None] & columns).mean() > 0.99
    assert not columns.all()
    tilted = random_crop(x, 200, replace(NOTHING, tilt=5.0), CENTRES, rng)
    change = tilted - normalise_level(x)
    assert np.ptp(change, axis=0).max() < 0.05  # the same curve in every frame
    assert np.ptp(change.mean(axis=0)) > 0.1
    quiet = x.copy()
    quiet[:100] = -120
    noisy = random_crop(quiet, 200, replace(NOTHING, noise=1.0, snr=(10, 10)), CENTRES, rng)
    assert noisy[:100].mean() > normalise_level(quiet)[:100].mean() + 0.5


def test_equalising_takes_a_microphone_out() -> None:
    x = -50 + 0.3 * (spectrogram() + 50)  # nothing lies so deep that it is levelled out
    microphone = np.linspace(-9, 9, 64)

    def moved(equalise: float) -> float:
        one, other = (network_input(y, equalise) for y in (x, x + microphone))
        return float(abs(one - one.mean() - other + other.mean()).max())

    assert moved(1.0) < 1e-3
    assert moved(0.0) == pytest.approx(9 / 20, abs=0.01)
    assert moved(0.5) == pytest.approx(9 / 40, abs=0.01)
    equal = network_input(x, 1.0)
    np.testing.assert_allclose(equal.mean(axis=0), equal.mean(), atol=1e-5)
    np.testing.assert_array_equal(network_input(x), normalise_level(x))


def test_silence_has_no_part_in_the_means() -> None:
    x = -50 + 0.3 * (spectrogram() + 50)
    silence = np.full((40, 64), -140.0)
    padded = network_input(np.concatenate([silence, x, silence]), 1.0)[40:-40]
    # the level is relative to the mean power of all frames
    equal = network_input(x, 1.0)
    np.testing.assert_allclose(padded - padded.mean(), equal - equal.mean(), atol=1e-3)


@given(st.floats(0.1, 2.0), st.floats(-20.0, 10.0))
def test_a_room_only_adds_and_falls_at_its_rate(decay: float, ratio: float) -> None:
    x = np.full((60, 64), -200.0)
    x[5] = 0.0
    wet = reverberated(x, decay, ratio)
    assert (wet >= x - 1e-9).all()
    np.testing.assert_allclose(wet[5], 0.0, atol=1e-6)
    np.testing.assert_allclose(wet[:5], -200.0, atol=11)
    fall = 60.0 / (decay * 80)
    np.testing.assert_allclose(np.diff(wet[6:16, 0]), -fall, atol=0.05)


def test_a_room_of_all_the_tail_has_its_power() -> None:
    x = np.full((4000, 1), -300.0)
    x[0] = 0.0
    tail = np.power(10.0, reverberated(x, 0.5, -3.0)[1:] / 10.0).sum()
    assert 10 * np.log10(tail) == pytest.approx(-3.0, abs=0.01)


def test_a_limited_band_keeps_its_middle() -> None:
    x = spectrogram()
    limited = band_limited(x, 300.0, 3400.0, CENTRES)
    inside = (CENTRES >= 300) & (CENTRES <= 3400)
    np.testing.assert_array_equal(limited[:, inside], x[:, inside])
    octave = abs(CENTRES - 6800).argmin()
    assert (x - limited)[:, octave] == pytest.approx(48.0, abs=3)


@pytest.mark.parametrize("name", ["room", "band", "hollow", "squeeze"])
def test_each_new_change_changes_and_can_be_left_out(name: str) -> None:
    x = spectrogram()
    same = random_crop(x, 60, NOTHING, CENTRES, np.random.default_rng(3))
    how = replace(NOTHING, **{name: 1.0})
    changed = random_crop(x, 60, how, CENTRES, np.random.default_rng(3))
    assert np.isfinite(changed).all()
    assert abs(changed - same).max() > 0.05
    silent = random_crop(np.full((5, 64), -140.0), 60, how, CENTRES, np.random.default_rng(3))
    assert np.isfinite(silent).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("room", 1.5), ("band", -0.1), ("hollow", 2.0), ("squeeze", -1.0), ("decay", (0.9, 0.1)),
     ("decay", (0.0, 0.1))],
)  # fmt: skip
def test_changes_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        Augmentation(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("frames", [1, 2, 5, 90])
def test_neighbouring_frames_become_one(frames: int) -> None:
    x = spectrogram(frames).astype(np.float64)
    two = joined(x, 2)
    assert two.shape == (-(-frames // 2), 64)
    first = np.log10((10 ** (x[0] / 10) + 10 ** (x[min(1, frames - 1)] / 10)) / 2) * 10
    np.testing.assert_allclose(two[0], first, atol=1e-6)
    np.testing.assert_array_equal(joined(x, 1), x)
    assert network_input(x, 0.5, 3).shape == (-(-frames // 3), 64)
    crop = random_crop(x, 20, Augmentation(room=1.0), CENTRES, np.random.default_rng(0), 0.5, 2)
    assert crop.shape == (10, 64)
    assert np.isfinite(crop).all()
