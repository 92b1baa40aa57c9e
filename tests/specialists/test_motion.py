"""Blocks, super blocks and what reads them: against loops over patches, and in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.word_histogram import WordHistogram
from emonets.media.clip import open_clip
from emonets.specialists.activity import (
    Affine,
    MotionFilters,
    MotionReader,
    Motions,
    Projection,
    Stream,
    clip_stream,
    grey,
    mean_contrast,
    normalise_blocks,
    sample_blocks,
    shrink,
)
from emonets.specialists.activity.blocks import Geometry
from emonets.specialists.activity.code import MotionCode

Video = NDArray[np.uint8]


def moving(frames: int = 30, height: int = 45, width: int = 61, seed: int = 0) -> Video:
    """Textures that drift."""
    random = np.random.default_rng(seed)
    canvas = cv2.GaussianBlur(random.normal(size=(height + 40, width + 40)), (0, 0), 2)
    canvas = (canvas - canvas.min()) / np.ptp(canvas) * 255
    return np.stack(
        [canvas[t % 40 : t % 40 + height, 20 : 20 + width] for t in range(frames)]
    ).astype(np.uint8)


def stream(pictures: Any, name: str = "a clip") -> Stream:
    def frames() -> Iterator[Any]:
        yield from pictures

    return Stream(name, frames)


PAPER = Geometry()
OTHER = Geometry((6, 8, 12), (8, 11, 17), (4, 5, 9))


def model(
    basis: bool = False, filters: int = 7, kept: int = 5, geometry: Geometry = PAPER
) -> tuple[MotionFilters, Projection]:
    random = np.random.default_rng(1)
    width = 40 if basis else geometry.pixels
    written = np.linalg.qr(random.normal(size=(geometry.pixels, width)))[0] if basis else None
    frames = geometry.block[0]
    joined = MotionFilters.join(
        0.01 * random.normal(size=frames * width),
        random.normal(size=(12, frames * width)) / 8,
        random.normal(size=(filters, 12)),
        contrast=9.0,
        basis=written,
        geometry=geometry,
    )
    components = np.linalg.qr(random.normal(size=(8 * filters, kept)))[0].T
    mean = random.random(8 * filters)
    return joined, Projection(mean.astype(np.float32), components.astype(np.float32))


def read(pictures: Video, filters: MotionFilters, projection: Projection | None) -> list[Motions]:
    reader = MotionReader(filters, projection)
    found = [reader.push(image, t / 25) for t, image in enumerate(pictures)]
    reader.finish()
    return [motions for motions in found if motions is not None]


def patch_by_patch(pictures: Video, filters: MotionFilters, projection: Projection) -> Any:
    """As in the paper, in double precision: (steps, super blocks, D), energies likewise."""
    matrix = filters.matrix.astype(float)
    if filters.basis is not None:
        matrix = np.einsum("pr,trf->tpf", filters.basis.astype(float), matrix)
    (bt, by, bx), (st, sy, sx) = filters.geometry.block, filters.geometry.superblock
    step = filters.geometry.stride
    matrix = matrix.reshape(bt * by * bx, -1)
    values, energies = [], []
    for t in range(0, len(pictures) - st + 1, step[0]):
        for y in range(0, pictures.shape[1] - sy + 1, step[1]):
            for x in range(0, pictures.shape[2] - sx + 1, step[2]):
                parts = []
                for dt in (0, st - bt):
                    for dy in (0, sy - by):
                        for dx in (0, sx - bx):
                            a, b, c = t + dt, y + dy, x + dx
                            block = pictures[a : a + bt, b : b + by, c : c + bx].astype(float)
                            block = (block - block.mean()) / (block.std() + filters.contrast)
                            f = block.ravel() @ matrix + filters.bias
                            parts.append(1 / (1 + np.exp(-(f**2))))
                h = np.concatenate(parts)
                values.append(projection.components @ (h - projection.mean))
                energies.append((2 * h - 1).mean())
    return np.array(values), np.array(energies)


@pytest.mark.parametrize("basis", [False, True])
def test_equals_a_loop_over_patches(basis: bool) -> None:
    pictures = moving()
    filters, projection = model(basis)
    found = read(pictures, filters, projection)
    values, energies = patch_by_patch(pictures, filters, projection)
    # 30 frames: super blocks begin at 0, 7 and 14; 45 x 61 pixels: 3 rows, 5 columns
    assert [len(m.energy) for m in found] == [15, 15, 15]
    assert [m.time for m in found] == pytest.approx([6.5 / 25, 13.5 / 25, 20.5 / 25])
    assert found[0].place.tolist() == [[10 * i, 10 * j] for i in range(3) for j in range(5)]
    np.testing.assert_allclose(np.concatenate([m.descriptors for m in found]), values, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([m.energy for m in found]), energies, atol=1e-6)


@pytest.mark.parametrize("basis", [False, True])
def test_blocks_of_another_size_and_stride(basis: bool) -> None:
    pictures = moving()
    filters, projection = model(basis, geometry=OTHER)
    found = read(pictures, filters, projection)
    values, energies = patch_by_patch(pictures, filters, projection)
    # 30 frames: 0, 4 … 20; 45 x 61 pixels: 7 rows, 5 columns
    assert [len(m.energy) for m in found] == [35] * 6
    assert [m.time for m in found] == pytest.approx([(3.5 + 4 * i) / 25 for i in range(6)])
    np.testing.assert_allclose(np.concatenate([m.descriptors for m in found]), values, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([m.energy for m in found]), energies, atol=1e-6)
    words = WordHistogram(4, random_state=0).fit(found[0].descriptors)
    arrays = MotionCode(filters, projection, words).to_arrays()
    again = MotionCode.from_arrays(arrays)
    assert again.filters.geometry == OTHER
    assert "geometry" not in MotionCode(*model(), words).to_arrays()["activity"]
    arrays["activity"]["geometry"][1, 0] = 3
    with pytest.raises(BundleError, match="must be larger"):
        MotionCode.from_arrays(arrays)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (((10, 16, 16), (10, 20, 20), (7, 10, 10)), "larger than blocks"),
        (((10, 16, 16), (14, 16, 20), (7, 10, 10)), "larger than blocks"),
        (((10, 16, 16), (14, 20, 20), (7, 0, 10)), "larger than blocks"),
        (((10, 16, 16), (14, 20, 20), (4, 10, 10)), "by less than the stride of 4 frames"),
    ],
)
def test_sizes_that_do_not_fit(sizes: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Geometry(*sizes)


@pytest.mark.parametrize("basis", [False, True])
def test_cut_out_blocks_give_the_same(basis: bool) -> None:
    pictures = moving(21)
    filters, projection = model(basis)
    whole = read(pictures, filters, None)
    for step, motions in enumerate(whole):
        cut = np.stack(
            [pictures[7 * step : 7 * step + 14, y : y + 20, x : x + 20] for y, x in motions.place]
        )
        np.testing.assert_allclose(filters.describe(cut), motions.descriptors, atol=1e-5)
    reduced = read(pictures, filters, projection)
    np.testing.assert_allclose(projection(whole[0].descriptors), reduced[0].descriptors, atol=1e-5)


def test_answers_do_not_depend_on_company(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = moving()
    filters, projection = model()
    whole = read(pictures, filters, projection)
    # a part of the pictures, and other sizes of what is multiplied together
    part = read(pictures[:, 10:, 20:], filters, projection)
    inside = [i for i, (y, x) in enumerate(whole[0].place) if y >= 10 and x >= 20]
    for a, b in zip(part, whole, strict=True):
        np.testing.assert_allclose(a.descriptors, b.descriptors[inside], atol=1e-5)
    for size in (1, 10_000):
        monkeypatch.setattr("emonets.specialists.activity.superblocks._AT_ONCE", size)
        for a, b in zip(read(pictures, filters, projection), whole, strict=True):
            np.testing.assert_allclose(a.descriptors, b.descriptors, atol=1e-5)


def test_a_new_size_or_a_cut_begins_anew() -> None:
    filters, projection = model()
    first, second = moving(20), moving(20, 30, 30, seed=1)
    reader = MotionReader(filters, projection)
    found = [reader.push(image, 0.0) for image in [*first, *second]]
    at = [i for i, motions in enumerate(found) if motions is not None]
    assert at == [13, 20 + 13]
    np.testing.assert_array_equal(
        found[33].descriptors,
        read(second, filters, projection)[0].descriptors,  # type: ignore[union-attr]
    )
    reader.restart()
    assert all(reader.push(image, 0.0) is None for image in second[:13])
    assert reader.push(second[13], 0.0) is not None


@pytest.mark.parametrize(
    "pictures",
    [moving(13), moving(30, 19, 40), moving(30, 40, 19), np.zeros((20, 40, 40), np.uint8),
     np.full((20, 40, 40), 200, np.uint8), moving(20, 1, 1)],
    ids=["short", "low", "narrow", "black", "constant", "tiny"],
)  # fmt: skip
def test_nothing_to_describe(pictures: Video) -> None:
    found = read(pictures, *model())
    assert sum(len(motions.energy) for motions in found) == 0


def test_black_bars_are_left_out_and_a_still_has_descriptors() -> None:
    pictures = moving(14, 60, 60)
    pictures[:, :30] = 0
    assert read(pictures, *model())[0].place[:, 0].min() == 20
    still = np.repeat(moving(1), 14, axis=0)
    assert len(read(still, *model())[0].energy) == 15


def test_rgb_and_wrong_pictures() -> None:
    filters, projection = model()
    pictures = moving(14)
    coloured = np.repeat(pictures[..., None], 3, axis=3)
    a, b = (read(p, filters, projection)[0].descriptors for p in (pictures, coloured))
    np.testing.assert_array_equal(a, b)
    for wrong in (pictures[0].astype(float), np.zeros((5, 5, 4), np.uint8)):
        with pytest.raises(DataError, match="uint8"):
            grey(wrong)
    with pytest.raises(DataError, match="projection"):
        MotionReader(filters, Projection(np.zeros(3, np.float32), np.zeros((2, 3), np.float32)))


def test_shrinks_only_what_is_larger() -> None:
    image = moving(1)[0]
    assert shrink(image, None) is image
    assert shrink(image, 61) is image
    assert shrink(image, 30).shape == (22, 30)


def test_normalised_by_their_own_contrast() -> None:
    blocks = sample_blocks([stream(moving())], 50)
    x = normalise_blocks(blocks, 4.0)
    plain = blocks.reshape(50, -1).astype(float)
    centred = plain - plain.mean(axis=1, keepdims=True)
    expected = centred / (plain.std(axis=1, keepdims=True) + 4.0)
    np.testing.assert_allclose(x, expected, atol=1e-5)
    assert mean_contrast(blocks) == pytest.approx(plain.std(axis=1).mean())
    np.testing.assert_array_equal(normalise_blocks(blocks[7:8], 4.0), x[7:8])
    with pytest.raises(DataError, match="one grey"):
        mean_contrast(np.zeros((3, 10, 16, 16), np.uint8))


# --- sampling ---


def numbered(frames: int, height: int = 20, width: int = 24) -> Video:
    """The value of each pixel is its place and time."""
    t, y, x = np.indices((frames, height, width))
    return ((t * 7 + y * 5 + x * 3) % 256).astype(np.uint8)


def test_blocks_are_pieces_of_the_clips_and_reproducible() -> None:
    clips = [numbered(25), moving(12, 30, 30)]
    streams = [stream(f) for f in clips]
    blocks = sample_blocks(streams, 21, seed=3)
    np.testing.assert_array_equal(sample_blocks(streams, 21, seed=3), blocks)
    assert not np.array_equal(sample_blocks(streams, 21, seed=4), blocks)
    for k, block in enumerate(blocks):
        source = clips[0 if k < 10 else 1]
        windows = np.lib.stride_tricks.sliding_window_view(source, (10, 16, 16))
        assert (windows == block).all(axis=(3, 4, 5)).any()
    # what a clip gives depends on no other clip
    other = sample_blocks([streams[0], stream(moving(40))], 21, seed=3)
    np.testing.assert_array_equal(other[:10], blocks[:10])


def test_all_moments_are_equally_likely() -> None:
    frames, count = 29, 4000
    pictures = np.repeat(np.arange(frames, dtype=np.uint8), 256).reshape(frames, 16, 16)
    starts = sample_blocks([stream(pictures)], count)[:, 0, 0, 0]
    seen = np.bincount(starts, minlength=20)
    assert len(seen) == 20
    chi2 = ((seen - count / 20) ** 2 / (count / 20)).sum()
    assert chi2 < 43.8  # 0.999 of chi-square with 19 degrees of freedom


def test_no_block_crosses_a_cut() -> None:
    a, b = np.zeros((12, 16, 16), np.uint8), np.ones((12, 16, 16), np.uint8)
    blocks = sample_blocks([stream([*a, None, *b])], 100)
    assert set(blocks.reshape(100, -1).mean(axis=1)) == {0.0, 1.0}


def test_clips_that_hold_no_block_are_named() -> None:
    with pytest.raises(DataError, match=r"short\.mp4"):
        sample_blocks([stream(moving()), stream(moving(9), "short.mp4")], 10)
    with pytest.raises(DataError, match=r"small\.mp4"):
        sample_blocks([stream(moving(20, 15, 40), "small.mp4")], 10)
    with pytest.raises(ParameterError):
        sample_blocks([], 10)


def test_streams_of_clips(happy: Path) -> None:
    clip = open_clip(happy)
    pictures = list(clip_stream(clip, longest=100).frames())
    assert {p.shape for p in pictures if p is not None} == {(75, 100)}
    assert len(pictures) == sum(1 for _ in clip.frames())


# --- affine changes ---


def test_affine_changes() -> None:
    image = moving(1)[0]
    np.testing.assert_array_equal(Affine()(image), image)
    np.testing.assert_array_equal(Affine(mirror=True)(image), image[:, ::-1])
    moved = Affine(shift=(0.0, 2 / 45))(image)
    np.testing.assert_array_equal(moved[2:], image[:-2])
    square = moving(1, 41, 41)[0]
    np.testing.assert_allclose(Affine(angle=90)(square), np.rot90(square), atol=1)
    larger = Affine(scale=2)(square)
    np.testing.assert_array_equal(larger[::2, ::2], square[10:31, 10:31])
    random = np.random.default_rng(0)
    assert Affine.draw(random) != Affine.draw(random)
    with pytest.raises(ParameterError, match="scale"):
        Affine(scale=0)
