"""Small pictures of clips."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emonets.errors import ParameterError
from emonets.report.thumbnails import card_picture, thumbnails
from media_files import quarters, write_media


def brightening(i: int) -> np.ndarray:
    return np.full((48, 64, 3), min(2 * i, 250), np.uint8)


def test_sheets(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.mkv", stamps=range(0, 13_000, 100), paint=brightening)
    made = thumbnails(film, tmp_path / "out", every=0.1)
    assert len(made.times) == 130
    assert made.times[:3] == (0.0, 0.1, 0.2)
    assert [path.name for path in made.sheets] == ["a-1.jpg", "a-2.jpg"]
    first, last = (np.asarray(Image.open(path)) for path in made.sheets)
    assert first.shape == (480, 640, 3)
    assert last.shape == (144, 640, 3)
    # picture 37 is in the fourth row and the eighth column
    assert abs(int(first[3 * 48 + 24, 7 * 64 + 32, 0]) - 74) < 12
    with pytest.raises(ParameterError, match="every"):
        thumbnails(film, tmp_path, every=0)


def test_late_pictures_keep_their_times(tmp_path: Path) -> None:
    film = write_media(
        tmp_path / "a.mkv", stamps=[900, 1400, 5200, 5300], audio="aac", paint=brightening
    )
    assert thumbnails(film, tmp_path).times == (0.9, 1.4, 5.2)


def test_card(tmp_path: Path) -> None:
    black = write_media(
        tmp_path / "a.mp4", stamps=range(0, 4000, 100), size=(640, 480),
        paint=lambda i: quarters(640, 480) * np.uint8(i > 20),
    )  # fmt: skip
    picture = np.asarray(Image.open(io.BytesIO(card_picture(black))))
    assert picture.shape == (240, 320, 3)
    assert picture.mean() > 60  # not one of the black ones
    assert Image.open(io.BytesIO(card_picture(black, turns=1))).size == (240, 320)
    one = write_media(tmp_path / "b.flv", video="flv", stamps=[0], paint=lambda i: quarters(64, 48))
    assert card_picture(one)
    sound = write_media(tmp_path / "c.wav", video=None, audio="pcm_s16le")
    assert card_picture(sound) == b""
