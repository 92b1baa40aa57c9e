"""Pieces of clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import Clip, Frame, open_clip
from emonets.media.decoding import decoded
from emonets.media.piece import ClipPiece, open_piece
from media_files import tone, write_media


def test_a_piece_is_what_lies_between(happy: Path) -> None:
    whole, piece = open_clip(happy), open_piece(happy, 0.5, 1.25)
    frames = [f for f in whole.frames() if 0.5 <= f.time < 1.25]
    mine = list(piece.frames())
    assert [f.time for f in mine] == [f.time for f in frames]
    assert [f.index for f in mine] == list(range(len(frames)))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(mine, frames, strict=True))
    sound, part = whole.read_sound(), piece.read_sound()
    first = round((0.5 - sound.time) * 48_000)
    assert abs(part.time - 0.5) < 1 / 48_000
    assert part.samples.size == round(0.75 * 48_000)
    assert np.array_equal(part.samples, sound.samples[first : first + part.samples.size])
    assert piece.info.duration == pytest.approx(0.75)


def test_open_ends(happy: Path) -> None:
    assert not isinstance(open_piece(happy), ClipPiece)
    count = sum(1 for _ in open_clip(happy).frames())
    first = sum(1 for _ in open_piece(happy, None, 1.0).frames())
    rest = sum(1 for _ in open_piece(happy, 1.0).frames())
    assert first + rest == count
    assert min(first, rest) > 0


def test_pieces_that_are_none(happy: Path) -> None:
    for start, end in ((2.0, 1.0), (1.0, 1.0), (-1.0, None), (float("nan"), None)):
        with pytest.raises(ParameterError, match="make no piece"):
            open_piece(happy, start, end)
    with pytest.raises(MediaError, match="nothing between 60 and 61 s"):
        list(open_piece(happy, 60, 61).frames())


def numbered(i: int) -> np.ndarray:
    """A picture of which each is another."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, : i % 64] = (i * 7 % 256, i * 31 % 256, i // 2 % 256)
    return image


LONG = range(0, 14_000, 40)
"""Stamps of 14 seconds (ms)."""


@pytest.fixture(scope="module", params=["mp4", "mkv", "mov", "avi", "ts"])
def long_clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    suffix = str(request.param)
    return write_media(
        tmp_path_factory.mktemp("long") / f"path.{suffix}",
        stamps=LONG,
        paint=numbered,
        # open groups and reordered pictures, as encoders make them by default
        options={"preset": "veryfast", "g": "60", "bf": "3", "x264-params": "open-gop=1"},
        audio="mp2" if suffix in ("avi", "ts") else "aac",
        sound=tone(14.0) + 0.3 * tone(14.0, hertz=97.0),
    )


@pytest.mark.parametrize(("start", "end"), [(3.02, 4.5), (8.7, 10.0), (12.5, None)])
def test_a_late_piece_is_the_same_as_of_the_whole(
    long_clip: Path, start: float, end: float | None
) -> None:
    whole, piece = open_clip(long_clip), open_piece(long_clip, start, end)
    last = end or 100.0
    frames = [f for f in whole.frames() if start <= f.time < last]
    mine = list(piece.frames())
    assert len(mine) == len(frames) > 30
    assert [f.time for f in mine] == [f.time for f in frames]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(mine, frames, strict=True))
    sound, part = whole.read_sound(), piece.read_sound()
    first = round((part.time - sound.time) * 48_000)
    assert abs(part.time - start) < 1.5 / 48_000
    assert part.samples.size >= 48_000 * min(1.0, last - start)
    off = 24 if long_clip.suffix == ".mkv" else 0  # its stamps are whole milliseconds
    size = min(part.samples.size, sound.samples.size - first - off) - 2 * off
    mine_there = part.samples[off : off + size]
    differences = [
        np.abs(mine_there - sound.samples[first + at : first + at + size]).max()
        for at in range(2 * off + 1)
    ]
    assert min(differences) < 5e-3  # one sample off would be 0.03; AAC fills in noise of its own
    both = list(piece.decode())
    assert sum(isinstance(p, Frame) for p in both) == len(mine)
    assert not piece.damaged
    assert piece.warnings == whole.warnings


def packets_read(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> int:
    """How many frames and pieces of sound leave the decoders in a pass."""
    count = 0

    def counted(*args: Any) -> Iterator[Any]:
        nonlocal count
        for raw in decoded(*args):
            count += 1
            yield raw

    with monkeypatch.context() as patch:
        patch.setattr("emonets.media.clip.decoded", counted)
        list(clip.decode())
    return count


def test_a_late_piece_costs_no_more_than_an_early_one(
    long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, early = open_piece(long_clip, 12.0, 13.0), open_piece(long_clip, 5.0, 6.0)
    ratio = packets_read(monkeypatch, late) / packets_read(monkeypatch, early)
    enters = long_clip.suffix in (".mp4", ".mkv", ".mov")
    assert (ratio < 1.4) == enters


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_stamps_far_from_the_beginning_are_believed(tmp_path: Path, suffix: str) -> None:
    stamps = range(0, 640_000, 4_000)
    path = write_media(
        tmp_path / f"slow.{suffix}",
        stamps=stamps,
        options={"preset": "ultrafast", "g": "5"},
        audio="aac",
        sound=tone(640.0, 8_000),
        sound_rate=8_000,
    )
    piece = open_piece(path, 610.2, 619.0)
    assert [f.time for f in piece.frames()] == [612.0, 616.0]
    sound = piece.read_sound()
    assert abs(sound.time - 610.2) < 1e-3
    assert sound.samples.size == pytest.approx(8.8 * 48_000, abs=50)


def test_sound_of_another_rate(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "a.mp4", stamps=LONG, audio="aac", sound=tone(14.0, 44_100), sound_rate=44_100
    )
    piece, whole = open_piece(path, 11.123, 13.0).read_sound(), open_clip(path).read_sound()
    first = round((piece.time - whole.time) * 48_000)
    same = whole.samples[first : first + piece.samples.size]
    assert np.corrcoef(piece.samples, same)[0, 1] > 0.998


def test_a_clip_without_an_index_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "one.mkv", stamps=LONG, paint=numbered,
        options={"preset": "ultrafast", "g": "9999"}, audio="aac", sound=tone(14.0),
    )  # fmt: skip
    piece = open_piece(path, 12.0, 13.0)
    assert [f.time for f in piece.frames()] == [12 + i / 25 for i in range(25)]
    assert piece.read_sound().samples.size == 48_000


def test_a_clip_cut_off_yields_what_it_has(tmp_path: Path) -> None:
    path = write_media(tmp_path / "whole.mkv", stamps=LONG, paint=numbered)
    data = path.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 3 // 4])
    frames = [f.time for f in open_clip(cut).frames() if f.time >= 6]
    piece = open_piece(cut, 6.0)
    assert [f.time for f in piece.frames()] == frames
    assert piece.damaged
    with pytest.raises(MediaError, match=r"nothing between 13 and 13\.5 s"):
        list(open_piece(cut, 13, 13.5).frames())


def test_a_piece_of_numbered_images(tmp_path: Path) -> None:
    for i in range(50):
        cv2.imwrite(str(tmp_path / f"{i:04}.png"), numbered(i))
    (tmp_path / "0003.png").write_bytes(b"no image, and before the piece")
    piece = open_piece(tmp_path, 1.0, 1.2)
    assert [(f.index, f.time) for f in piece.frames()] == [(i, 1 + i / 25) for i in range(5)]
    assert not piece.warnings
