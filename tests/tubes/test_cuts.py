"""Scene cuts: found at splices, not within a shot."""

from __future__ import annotations

import av
import numpy as np
import pytest

from emonets.errors import DataError
from emonets.tubes.cuts import THUMBNAIL, change_between, is_cut, shrink


def thumbnails(path, count=10_000):
    with av.open(str(path)) as container:
        out = []
        for i, frame in enumerate(container.decode(video=0)):
            if i == count:
                break
            out.append(shrink(frame.to_ndarray(format="rgb24")))
    return out


@pytest.fixture(scope="module")
def clips(happy, angry):
    return [thumbnails(angry), thumbnails(happy)]


def cuts_in(pictures):
    return [i for i in range(1, len(pictures)) if is_cut(pictures[i - 1], pictures[i])]


def other_shot(seed):
    """Made-up content: large coloured areas with edges between them."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    return shrink(np.repeat(np.repeat(cells, 40, axis=0), 50, axis=1))


def test_no_cuts_within_the_examples(clips):
    for pictures in clips:
        assert len(pictures) > 50
        assert cuts_in(pictures) == []


def test_splices_are_found(clips):
    first, second = clips
    for seed in range(20):
        spliced = [*first[:10], *[other_shot(seed)] * 3, *second[20:30]]
        assert cuts_in(spliced) == [10, 13]
    upside = [np.ascontiguousarray(p[::-1]) for p in second]
    for i in range(0, 50, 5):
        assert is_cut(first[i], upside[i])
    black = np.zeros_like(first[0])
    assert cuts_in([black, black, *first[:4], black]) == [2, 6]


def test_the_same_person_in_the_same_place_is_hardly_a_cut(clips):
    """The two examples join almost without a seam: nothing that tells a cut from motion."""
    first, second = clips
    assert not is_cut(first[-1], second[0])


@pytest.mark.parametrize(("gain", "offset"), [(1.3, 10), (1.6, 30), (0.5, 0), (0.8, 40)])
def test_a_flash_is_no_cut(clips, gain, offset):
    for picture in clips[0][::10]:
        flash = np.clip(picture * gain + offset, 0, 255).astype(np.uint8)
        assert not is_cut(picture, flash)
        assert not is_cut(flash, picture)


@pytest.mark.parametrize("shift", [1, 4, 6])
def test_a_pan_is_no_cut(clips, shift):
    for picture in clips[0][::10]:
        assert not is_cut(picture, np.roll(picture, shift, axis=1))


def test_quick_motion_is_no_cut(clips):
    for pictures in clips:
        assert not any(is_cut(a, b) for a, b in zip(pictures, pictures[5:], strict=False))


def test_something_that_appears_before_a_still_scene_is_no_cut(clips):
    picture = clips[0][0]
    changed = picture.copy()
    changed[10:24, 10:26] = other_shot(1)[10:24, 10:26]
    assert not is_cut(picture, changed)


def test_noise_and_darkness():
    rng = np.random.default_rng(0)
    dark = [rng.integers(0, 3, (36, 64, 3)).astype(np.uint8) for _ in range(10)]
    assert cuts_in(dark) == []
    assert change_between(dark[0], dark[0]).colours == 0


def test_real_clips_have_a_cut_at_most_after_black_frames(shared):
    paths = sorted((shared / "data" / "javanese_av").glob("*.mp4"))[::25]
    if not paths:
        pytest.skip("the Javanese clips are not there")
    for path in paths:
        pictures = thumbnails(path, 60)
        for i in cuts_in(pictures):
            assert pictures[i - 1].max() < 20, f"{path.name} frame {i}"


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (480, 640), (1080, 1920), (2000, 10)])
def test_thumbnails_of_any_size(size):
    small = shrink(np.full((*size, 3), 50, np.uint8))
    assert small.shape == (THUMBNAIL[1], THUMBNAIL[0], 3)
    assert (small == 50).all()


def test_bad_frames():
    for bad in (np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3))):
        with pytest.raises(DataError, match="RGB"):
            shrink(bad)
