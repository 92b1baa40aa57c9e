"""Each audio feature alone, against its definition written out."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import ParameterError
from emonets.media.clip import open_clip
from emonets.specialists.audio.features import (
    bands,
    envelope,
    perceptual,
    plan,
    prediction,
    spectral,
    temporal,
)
from emonets.specialists.audio.features.derivative import derivative
from emonets.specialists.audio.features.framing import cut_frames

EPS = np.finfo(float).eps


@pytest.fixture(scope="module")
def frames(angry: Path) -> np.ndarray:
    """Fifty frames of a real voice."""
    voice = open_clip(angry).read_sound().samples.astype(float)
    return cut_frames(voice)[40:90]


@pytest.fixture(scope="module")
def block(frames: np.ndarray) -> plan.Block:
    return plan.Block(frames)


def close(got: np.ndarray, expected: object, tolerance: float = 1e-11) -> None:
    expected = np.asarray(expected, float).reshape(got.shape)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_zero_crossings_skip_zeros() -> None:
    f = np.array([
        [0, 0, 1, 0, -1, 0, -1, 2], [1, -1, 1, -1, 1, -1, 1, -1],
        [0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 1, -0.0, 1],
    ], float)  # fmt: skip
    np.testing.assert_array_equal(temporal.zero_crossing_rate(f)[:, 0] * 8, [2, 7, 0, 0])


def test_energy_and_shape(frames: np.ndarray) -> None:
    close(temporal.energy(frames), [math.sqrt(np.mean(f**2)) for f in frames])
    for row, f in zip(temporal.shape_statistics(frames), frames, strict=True):
        u = np.abs(f) / np.abs(f).sum()
        m1, m2, m3, m4 = (math.fsum(np.arange(len(u)) ** r * u) for r in (1.0, 2.0, 3.0, 4.0))
        d = math.sqrt(m2 - m1**2)
        skew = (2 * m1**3 - 3 * m1 * m2 + m3) / d**3
        kurt = (-3 * m1**4 + 6 * m1 * m2 - 4 * m1 * m3 + m4) / d**4 - 3
        np.testing.assert_allclose(row, [m1, d, skew, kurt], rtol=1e-8)


def test_shape_of_nothing_and_of_a_spike() -> None:
    np.testing.assert_array_equal(temporal.shape_statistics(np.zeros((1, 7))), [[0, EPS, 0, -3]])
    spikes = np.random.default_rng(0).random(50)[:, None] * np.eye(1248)[::25][:50]
    assert np.isfinite(temporal.shape_statistics(spikes)).all()


@pytest.mark.parametrize("n", [1248, 100, 49])
def test_autocorrelation(n: int) -> None:
    f = np.random.default_rng(n).normal(size=(3, n))
    expected = [[x[: n - lag] @ x[lag:] for lag in range(49)] for x in f]
    close(temporal.autocorrelation(f), expected, 1e-14)
    assert temporal.autocorrelation(f, 3).shape == (3, 3)


def test_linear_prediction_solves_the_normal_equations(block: plan.Block) -> None:
    r = block.autocorrelation
    for order in (2, 10):
        expected = [scipy.linalg.solve_toeplitz(x[:order], -x[1 : order + 1]) for x in r]
        close(prediction.linear_prediction(r, order), expected, 1e-8)


def test_line_spectral_frequencies_are_angles_of_roots(block: plan.Block) -> None:
    r = block.autocorrelation
    fast = prediction.line_spectral_frequencies(r)
    a, reflection = prediction.levinson(r, 10)
    assert (np.abs(reflection) < 1).all()
    assert (np.diff(fast, axis=1) > 0).all()
    assert ((fast > 0) & (fast < np.pi)).all()
    for row, coefficients in zip(fast, a, strict=True):
        c = np.array([1, *coefficients, 0])
        roots = np.concatenate([np.roots(c + c[::-1]), np.roots(c - c[::-1])])
        angles = np.sort(np.angle(roots[roots.imag > 1e-9]))
        np.testing.assert_allclose(row, angles[(angles > 1e-7) & (angles < np.pi - 1e-7)], 1e-8)
        np.testing.assert_allclose(row, prediction._by_roots(coefficients), rtol=1e-8)


@settings(deadline=None)
@given(st.lists(st.floats(-0.999, 0.999), min_size=10, max_size=10))
def test_frequencies_of_any_stable_predictor(reflection: list[float]) -> None:
    k = np.array([reflection])
    w = prediction._by_eigenvalues(k)[0]
    a = np.zeros(0)
    for x in reflection:
        a = np.append(a + x * a[::-1], x)
    c = np.array([1, *a, 0])
    z = np.exp(-1j * w)
    # alternately roots of P and of Q, whose powers of z are up to 11
    p, q = (np.polynomial.polynomial.polyval(z, c + s * c[::-1]) for s in (1, -1))
    scale = np.abs(c).sum()
    assert np.abs(p[::2]).max() < 1e-11 * scale
    assert np.abs(q[1::2]).max() < 1e-11 * scale


def test_a_predictor_on_the_brink_is_left_to_roots() -> None:
    r = np.cos(np.arange(11) * 0.3)[None] * (1 + 1e-17)  # an eternal tone: singular
    w = prediction.line_spectral_frequencies(np.concatenate([r, np.zeros((1, 11))]))
    assert np.isnan(w[1]).all()
    assert np.isfinite(w[0]).all()
    assert np.abs(w[0] - 0.3).min() < 1e-6
    a = np.array([-2 * math.cos(0.3), 1.0, *np.zeros(8)])
    assert np.abs(prediction._by_roots(a) - 0.3).min() < 1e-12


def test_spectrum(frames: np.ndarray) -> None:
    expected = np.fft.rfft(frames * scipy.signal.get_window("hann", 1248), axis=1)
    got = spectral.spectrum(frames)
    assert np.abs(got - expected).max() < 1e-13 * np.abs(expected).max()
    zero = spectral.magnitude_spectrum(spectral.spectrum(np.zeros((1, 1248))))
    np.testing.assert_array_equal(zero, np.full((1, 625), EPS))


def test_features_of_change(block: plan.Block) -> None:
    a, x = block.magnitudes, block.spectra
    flux, variation = spectral.spectral_flux(a), spectral.spectral_variation(a)
    onset = spectral.complex_domain_onset_detection(x)
    assert flux[0] == variation[0] == 0
    np.testing.assert_allclose(onset[0], np.abs(x[0]).sum())
    for t in range(1, len(a)):
        norm = np.linalg.norm(a[t]) * np.linalg.norm(a[t - 1])
        assert flux[t, 0] == pytest.approx(((a[t] - a[t - 1]) ** 2).sum() / norm)
        assert variation[t, 0] == pytest.approx(1 - a[t] @ a[t - 1] / norm)
        earlier = np.exp(1j * np.angle(x[t - 2])) if t > 1 else 1
        turn = np.exp(1j * np.angle(x[t - 1])) / earlier
        assert onset[t, 0] == pytest.approx(np.abs(x[t] - x[t - 1] * turn).sum())
    # in two parts as in one
    np.testing.assert_array_equal(spectral.spectral_flux(a[9:], a[8])[:, 0], flux[9:, 0])
    later = spectral.complex_domain_onset_detection(x[9:], x[7:9])
    np.testing.assert_array_equal(later, onset[9:])


def test_spectral_scalars(block: plan.Block) -> None:
    a, p = block.magnitudes, block.powers
    k = np.arange(625)
    slopes = [np.polyfit(k * 48_000 / 1248, x, 1)[0] / x.sum() for x in a]
    close(spectral.spectral_slope(a), slopes, 1e-9)
    close(spectral.spectral_flatness(a), scipy.stats.gmean(a, axis=1) / a.mean(axis=1))
    decrease = [((x[1:] - x[0]) / k[1:]).sum() / x[1:].sum() for x in a]
    close(spectral.spectral_decrease(a), decrease)
    rolloff = []
    for x in p:
        left, bin_ = x.sum(), 625
        while left > 0.99 * x.sum():
            bin_ -= 1
            left -= x[bin_]
        rolloff.append(bin_ * 48_000 / 1248)
    np.testing.assert_allclose(spectral.spectral_rolloff(p)[:, 0], rolloff)


def test_bands(block: plan.Block) -> None:
    octaves = bands.quarter_octaves()
    assert len(octaves) == 27
    assert octaves[0] == (5, 7, 1)
    assert octaves[10:14] == ((26, 36, 2), (31, 43, 2), (37, 51, 2), (44, 60, 2))
    assert octaves[-1] == (419, 547, 32)
    flatness = bands.spectral_flatness_per_band(block.powers)
    crest = bands.spectral_crest_factor_per_band(block.powers)
    for b, (first, end, group) in enumerate(octaves):
        q = block.powers[:, first:end].reshape(len(flatness), -1, group).sum(axis=2)
        close(crest[:, b], q.max(axis=1) / q.mean(axis=1))
        close(flatness[:, b], np.exp(np.log(q + EPS).mean(axis=1)) / (q + EPS).mean(axis=1))


def test_mel_and_cepstra(block: plan.Block) -> None:
    edges = 700 * np.expm1(np.linspace(*(1127 * np.log1p([130 / 700, 6854 / 700])), 42) / 1127)
    f = np.arange(625) * 48_000 / 1248
    mel = np.zeros((len(block.mel), 40))
    for b in range(40):
        low, peak, high = edges[b : b + 3]
        mel[:, b] = block.magnitudes @ np.interp(f, [low, peak, high], [0, 2 / (high - low), 0])
    close(block.mel, mel)
    j = np.arange(40)
    for i in (1, 2, 22):
        basis = math.sqrt(2 / 40) * np.cos(np.pi * i * (j + 0.5) / 40)
        close(block.cepstra[:, i - 1], np.log10(mel) @ basis)
    assert bands.mfcc(np.zeros((1, 40)), 13).shape == (1, 13)


def test_derivatives() -> None:
    x = np.arange(30.0)[:, None] * [1, 2] + [5, 0]
    np.testing.assert_allclose(derivative(x)[4:-4], np.tile([1, 2], (22, 1)))
    np.testing.assert_allclose(derivative(x**2, 2)[5:-5], np.tile([2, 8], (20, 1)))
    np.testing.assert_allclose(derivative(np.ones((1, 1))), [[0]], atol=1e-17)
    assert derivative(np.ones((9, 1)))[0] == pytest.approx(10 / 60)
    with pytest.raises(ParameterError, match="order=3"):
        derivative(x, 3)


def test_loudness(block: plan.Block) -> None:
    assert perceptual.bark_limits() == (
        0, 3, 6, 9, 12, 15, 18, 22, 26, 30, 35, 41, 47, 56, 65, 78, 93, 111, 133, 159, 189, 228,
        283, 378, 624,
    )  # fmt: skip
    limits = perceptual.bark_limits()
    n = [block.powers[:, i:j].sum(axis=1) ** 0.23 for i, j in pairwise(limits)]
    close(block.loudness, np.transpose(n) / np.sum(n, axis=0)[:, None])
    one = np.eye(24)
    sharp = perceptual.perceptual_sharpness(one)[:, 0]
    assert sharp[13] == pytest.approx(0.11 * 14)
    assert sharp[14] == pytest.approx(0.11 * 15 * 0.066 * math.exp(0.171 * 15))
    np.testing.assert_array_equal(perceptual.perceptual_spread(one), np.zeros((24, 1)))


def test_octaves() -> None:
    # a tone on a peak counts twice there and not elsewhere; the floor is 0.001 of the magnitude
    p = np.full((1, 625), EPS**2)
    p[0, 22] = 9.0  # 846 Hz, between the peaks at 440 and 880 Hz (bins 11.44 and 22.88)
    got = bands.obsi(p)[0]
    rise = (22 - 11.44) / 11.44
    np.testing.assert_allclose(got[4:6], np.log([9 * 2 * (1 - rise), 9 * 2 * rise]))
    np.testing.assert_allclose(np.delete(got, [4, 5]), np.log(3e-3))
    np.testing.assert_allclose(bands.obsir(got[None])[0], got[1:] - got[:-1])


def test_envelope_and_modulation(frames: np.ndarray, block: plan.Block) -> None:
    modulus = np.pad(np.abs(scipy.signal.hilbert(frames, axis=1)), ((0, 0), (2400, 152)))
    taps = scipy.signal.windows.hann(4802)[1:-1][2400:]
    taps /= taps.sum()
    points = [modulus[:, (i + 1) * 200 : (i + 1) * 200 + 2400] @ taps for i in range(7)]
    close(block.envelope, np.transpose(points))
    windowed = block.envelope * scipy.signal.windows.hann(9)[1:-1]
    m = np.abs(np.fft.fft(windowed, 1248, axis=1))[:, :624]
    got = envelope.amplitude_modulation(block.envelope)
    for k, (start, end) in enumerate([(20, 42), (51, 208)]):
        band = m[:, start:end]
        expected = np.zeros((len(m), 4))
        expected[:, 0] = (start + band.argmax(axis=1)) * 240 / 1248
        expected[:, 1] = np.maximum(band.max(axis=1) - m.mean(axis=1), 0)
        expected[:, 2] = band.max(axis=1) - band.mean(axis=1)
        expected[:, 3] = expected[:, 0] * expected[:, 1]
        np.testing.assert_allclose(got[:, 4 * k : 4 * k + 4], expected, rtol=1e-10, atol=1e-12)
