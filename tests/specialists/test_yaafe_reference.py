"""The 909 features against those of Yaafe 0.70 itself, where they lie beside the checkout."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from emonets.specialists.audio.features import YAAFE_NAMES, YaafeStream, yaafe_features
from emonets.specialists.audio.features.plan import PLAN
from emonets.specialists.audio.features.yaafe import Level

SIGNALS = ("chirp", "noise", "speech", "edge_silence")


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    path = shared / "reference" / "yaafe"
    if not path.is_dir():
        pytest.skip("Yaafe's reference features do not lie beside this checkout")
    return path


def read(path: Path) -> tuple[np.ndarray, int]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_column_is_yaafes(folder: Path, signal: str) -> None:
    samples, rate = read(folder / "signals" / f"{signal}.wav")
    with np.load(folder / f"{signal}_features.npz") as stored:
        expected = np.concatenate([stored[name] for name in PLAN], axis=1)
    got = yaafe_features(samples, rate)
    assert got.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    scale = np.nanmax(np.abs(expected), axis=0)
    worst = np.nanmax(np.abs(got - expected), axis=0)
    wrong = [
        f"{name}: {w:.1e} of {s:.1e}"
        for name, w, s in zip(YAAFE_NAMES, worst, scale, strict=True)
        if w > 1e-9 * s
    ]
    assert not wrong


def test_a_stream_is_yaafes_too(folder: Path) -> None:
    samples, _ = read(folder / "signals" / "edge_silence.wav")
    chunks = np.array_split(samples, 100)
    stream = YaafeStream(level=Level.measure(chunks))
    rows = [stream.push(chunk) for chunk in chunks]
    np.testing.assert_array_equal(np.concatenate([*rows, stream.finish()]), yaafe_features(samples))
