"""Fingerprints of audio, pictures and stills: copies are recognised, other clips are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_clips import face, speech, write_clip
from numpy.typing import NDArray

from emonets.provenance.pictures import RULE as PICTURES
from emonets.provenance.pictures import picture_words
from emonets.provenance.prints import clip_words
from emonets.provenance.sound import RULE as SOUND
from emonets.provenance.sound import sound_words, to_rate
from emonets.provenance.stills import as_face, find_stills, still_words
from emonets.provenance.words import HOP, Match, WordIndex

RULES = {"sound": SOUND, "pictures": PICTURES}
SEEDS = range(6)


@pytest.fixture(scope="module")
def indices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, WordIndex]:
    """Of six clips, their audio and their pictures."""
    folder = tmp_path_factory.mktemp("clips")
    words = [clip_words(write_clip(folder / f"{seed}.mp4", seed)) for seed in SEEDS]
    made = {}
    for kind, rule in RULES.items():
        kept = [some[kind][::HOP] for some in words]
        made[kind] = WordIndex(np.concatenate(kept), np.array([len(k) for k in kept]), rule)
    return made


@pytest.mark.parametrize("kind", ["sound", "pictures"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"scale": 0.5, "gain": 0.2, "audio": "libopus", "suffix": ".mkv"},
        {"rate": 16_000, "audio": "libmp3lame", "suffix": ".mkv"},
        {"start": 0.313, "end": 2.7, "scale": 0.5},
        {"start": 1.27, "end": 2.77},
    ],
    ids=["as it is", "smaller, quieter, Opus", "16 kHz, MP3", "trimmed", "half"],
)
def test_copies_are_found(
    indices: dict[str, WordIndex], tmp_path: Path, kind: str, change: dict[str, Any]
) -> None:
    name = f"copy{change.pop('suffix', '.mp4')}"
    words = clip_words(write_clip(tmp_path / name, 3, **change), kinds=[kind])
    match = indices[kind].find(words[kind])
    assert match.copy
    assert match.clip == 3


@pytest.mark.parametrize("kind", ["sound", "pictures"])
def test_other_clips_are_not(
    indices: dict[str, WordIndex], tmp_path: Path, kind: str, happy: Path, angry: Path
) -> None:
    """Made-up ones of the same background, and two of one sentence by one person."""
    clips = [write_clip(tmp_path / f"{seed}.mp4", seed) for seed in (11, 12, 13)]
    for clip in (*clips, happy):
        assert not indices[kind].find(clip_words(clip)[kind]).copy
    kept = clip_words(angry)[kind][::HOP]
    index = WordIndex(kept, np.array([len(kept)]), RULES[kind])
    assert not index.find(clip_words(happy)[kind]).copy
    assert index.find(clip_words(angry)[kind]).copy


def test_a_piece_has_the_words_of_its_time(happy: Path) -> None:
    whole, piece = clip_words(happy), clip_words(happy, 0.4, 1.6)
    for kind, rule in RULES.items():
        kept = whole[kind][::HOP]
        assert WordIndex(kept, np.array([len(kept)]), rule).find(piece[kind]).copy
        assert 0 < len(piece[kind]) < len(whole[kind])


def test_what_carries_no_information_matches_nothing() -> None:
    silence = np.zeros(24_000, np.float32)
    assert not sound_words(silence).any()
    assert len(sound_words(silence[:1000])) == 0
    still = [np.full((16, 16), 90, np.float32)] * 50
    assert not picture_words(still, [k / 25 for k in range(50)]).any()
    assert len(picture_words(still[:1], [0.0])) == 0
    for words, rule in ((sound_words(silence), SOUND), (np.zeros(50, np.uint64), PICTURES)):
        index = WordIndex(words[::HOP], np.array([len(words[::HOP])]), rule)
        assert index.find(words) == Match()
        assert WordIndex(words[:0], np.zeros(0, int), rule).find(words) == Match()


def test_pauses_do_not_tie_clips_together() -> None:
    """Two clips that share only silence, as all of a studio do."""
    pause = np.zeros(96_000, np.float32)
    words = [
        sound_words(to_rate([np.concatenate([pause, speech(seed, 1.5), pause])], 48_000))
        for seed in (1, 2)
    ]
    kept = words[0][::HOP]
    assert not WordIndex(kept, np.array([len(kept)]), SOUND).find(words[1]).copy


def test_resampled_in_pieces_is_the_same() -> None:
    sound = speech(0, 1.0)
    np.testing.assert_allclose(
        to_rate(np.split(sound, [100, 17_000]), 48_000), to_rate([sound], 48_000), atol=1e-6
    )


def _warped(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    matrix = np.array([[1.0, 0, 2], [0, 1.0, -1]])
    return cv2.warpAffine(image, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: cv2.imdecode(cv2.imencode(".jpg", x, [1, 40])[1], 0),
        lambda x: as_face(np.repeat(cv2.resize(x, (120, 120))[:, :, None], 3, axis=2)),
        lambda x: (0.6 * x + 30).astype(np.uint8),
        lambda x: np.ascontiguousarray(x[:, ::-1]),
        _warped,
    ],
    ids=["as it is", "JPEG", "larger and coloured", "darker", "mirrored", "shifted"],
)
def test_copies_of_stills_are_found(change: Callable[[Any], NDArray[np.uint8]]) -> None:
    kept = still_words(np.stack([face(seed) for seed in range(200)]))
    asked = np.stack([change(face(seed)) for seed in (3, 70, 199)])
    assert find_stills(asked, kept).all()
    others = np.stack([change(face(seed)) for seed in range(1000, 1030)])
    assert not find_stills(others, kept).any()


def test_a_still_without_contrast_is_no_copy() -> None:
    flat = np.full((2, 48, 48), 7, np.uint8)
    assert not still_words(flat).any()
    assert not find_stills(flat, still_words(flat)).any()
    assert not find_stills(flat[:0], still_words(flat)).any()
