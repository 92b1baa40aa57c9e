"""The picture of the sound."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emonets.errors import ParameterError
from emonets.media.parts import SoundChunk
from emonets.report.spectrogram import Spectrogram, SpectrogramSink, spectrogram
from media_files import tone, write_media


def picture_of(sound: np.ndarray, start: float = 0.0, **size: int) -> Spectrogram:
    sink = SpectrogramSink(**size)
    for at in range(0, sound.size, 5000):
        sink.push_sound(SoundChunk(start + at / 48_000, sound[at : at + 5000].astype(np.float32)))
    return sink.finish()


def pixels(made: Spectrogram) -> np.ndarray:
    """(rows, columns), the number of the colour, 0..31."""
    return np.asarray(Image.open(io.BytesIO(made.png)))


def mel(hertz: float) -> float:
    return 2595 * float(np.log10(1 + hertz / 700))


@pytest.mark.parametrize("hertz", [200.0, 1000.0, 5000.0])
def test_tone_lies_in_its_row(hertz: float) -> None:
    made = picture_of(tone(1.0, hertz=hertz))
    rows = pixels(made).astype(float).mean(axis=1)
    part = (mel(hertz) - mel(made.low)) / (mel(made.high) - mel(made.low))
    assert abs(int(rows.argmax()) - (1 - part) * made.height) <= 2


def test_time_runs_from_left_to_right() -> None:
    sound = np.concatenate([np.zeros(48_000), tone(0.5), np.zeros(24_000)])
    made = picture_of(sound, start=0.5)
    loud = pixels(made).max(axis=0)
    assert (made.start, made.end) == (0.5, 2.5)
    assert loud.size == 100
    assert loud[:49].max() == 0
    assert loud[52:73].min() > 20
    assert loud[77:].max() == 0


def test_many_columns_are_averaged() -> None:
    rng = np.random.default_rng(0)
    made = picture_of(rng.standard_normal(48_000 * 12) * 0.1, width=100)
    assert made.width == 100
    assert made.end == pytest.approx(12.0, abs=0.2)
    sound = np.concatenate([np.zeros(48_000 * 9), tone(3.0)])
    loud = pixels(picture_of(sound, width=100)).max(axis=0)
    assert loud[:73].max() == 0
    assert loud[77:].min() > 20


def test_noise_is_small_enough() -> None:
    sink = SpectrogramSink()
    rng = np.random.default_rng(0)
    sink._columns[:] = rng.random(sink._columns.shape)  # as after ten minutes
    sink._filled, sink._start, sink._samples, sink._each = len(sink._columns), 0.0, 600 * 48_000, 8
    assert len(sink.finish().png) < 200_000


def test_silence_and_no_sound(tmp_path: Path) -> None:
    made = picture_of(np.zeros(48_000))
    assert made.silent
    assert pixels(made).max() == 0
    assert picture_of(np.zeros(0)).png == b""
    assert spectrogram(write_media(tmp_path / "a.mp4")).png == b""
    heard = spectrogram(write_media(tmp_path / "b.mp4", stamps=[0, 40], audio="aac"))
    assert not heard.silent
    assert heard.end == pytest.approx(1.0, abs=0.05)


def test_short_and_wrong_sizes() -> None:
    assert picture_of(tone(0.005)).width == 1
    for size in ({"width": 5000}, {"height": 4}, {"width": True}):
        with pytest.raises(ParameterError, match="must be a whole number"):
            SpectrogramSink(**size)
