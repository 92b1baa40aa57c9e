"""Pieces of clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emonets.clip import open_clip
from emonets.clip_piece import ClipPiece, open_piece
from emonets.errors import MediaError, ParameterError


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
