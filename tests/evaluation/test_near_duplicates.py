"""Copies and near-copies are found; different pictures are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.evaluation.near_duplicates import exact_copies, near_duplicates

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
Pictures = NDArray[np.uint8]


def textures(n: int, seed: int, side: int = 80) -> Pictures:
    """Pictures with structure at every scale, as photographs have it."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = np.inf
    x = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, side, side))) / frequency**1.5).real
    x -= x.min(axis=(1, 2), keepdims=True)
    return (255 * x / x.max(axis=(1, 2), keepdims=True)).astype(np.uint8)


def crop(images: Pictures, x: float = 16, y: float = 16, scale: float = 1.0) -> Pictures:
    """The 48 x 48 pictures whose corner lies at (x, y) and whose pixels are `scale` wide."""
    m = np.array([[scale, 0, x], [0, scale, y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(i, m, (48, 48), flags=flags) for i in images])


def jpeg(images: Pictures, quality: int = 60) -> Pictures:
    coded = [cv2.imencode(".jpg", i, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for i in images]
    return np.stack([cv2.imdecode(c, cv2.IMREAD_GRAYSCALE) for c in coded])


@pytest.fixture(scope="module")
def scenes() -> Pictures:
    return textures(40, seed=1)


def test_exact_copies_name_the_first_of_equal_pictures(scenes: Pictures) -> None:
    b = crop(scenes)
    b = np.concatenate([b, b[:5]])
    assert exact_copies(b[[7, 2]], b).tolist() == [7, 2]
    result = near_duplicates(b[[39, 41]], b)
    assert result.exact.all()
    assert result.found.all()
    assert result.index.tolist() == [39, 1]
    assert result.score.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: crop(s, 19, 14), id="shift"),
        pytest.param(lambda s: crop(s, 16.4, 15.7), id="fraction of a pixel"),
        pytest.param(lambda s: crop(s, 13.6, 13.6, 1.1), id="wider crop"),
        pytest.param(lambda s: crop(s, 18.4, 18.4, 0.9), id="tighter crop"),
        pytest.param(lambda s: (crop(s) * 0.6 + 20).astype(np.uint8), id="brightness, contrast"),
        pytest.param(lambda s: jpeg(crop(s)), id="jpeg"),
        pytest.param(lambda s: crop(s)[:, :, ::-1], id="mirror"),
        pytest.param(lambda s: jpeg(crop(s, 18, 17)[:, :, ::-1] // 2 + 60), id="all of it"),
    ],
)
def test_near_copies_are_found(change, scenes: Pictures) -> None:
    result = near_duplicates(change(scenes[:12]), crop(scenes))
    assert result.found.all(), result.score
    assert result.index.tolist() == list(range(12))
    assert not result.exact.any()


def test_mirror_images_are_said_to_be_mirrored(scenes: Pictures) -> None:
    b = crop(scenes)
    assert near_duplicates(b[:4, :, ::-1], b).mirrored.all()
    assert not near_duplicates(crop(scenes[:4], 17, 16), b).mirrored.any()


def test_other_pictures_are_not_copies(scenes: Pictures) -> None:
    result = near_duplicates(crop(textures(40, seed=2)), crop(scenes))
    assert not result.found.any()
    assert (result.index == -1).all()
    assert (result.score < 0.9).all()


def test_even_pictures_are_like_nothing_but_themselves(scenes: Pictures) -> None:
    grey = np.full((2, 48, 48), 90, np.uint8)
    grey[1] = 91
    assert not near_duplicates(grey, crop(scenes)).found.any()
    assert not near_duplicates(crop(scenes[:3]), grey).found.any()
    assert near_duplicates(grey, grey[:1]).found.tolist() == [True, False]


def test_every_picture_is_judged_alone(scenes: Pictures) -> None:
    a = np.concatenate([crop(scenes[:6], 18, 16), crop(textures(6, seed=3))])
    b = crop(scenes)
    whole = near_duplicates(a, b)
    for i in (0, 5, 6, 11):
        one = near_duplicates(a[i : i + 1], b)
        assert one.found[0] == whole.found[i]
        assert one.index[0] == whole.index[i]
        assert one.score[0] == pytest.approx(whole.score[i], abs=1e-5)


def test_threshold_one_leaves_exact_copies_alone(scenes: Pictures) -> None:
    b = crop(scenes)
    a = np.concatenate([b[:1], crop(scenes[:1], 17, 16)])
    assert near_duplicates(a, b, threshold=1.0).found.tolist() == [True, False]


def test_empty_sets(scenes: Pictures) -> None:
    nothing = np.empty((0, 48, 48), np.uint8)
    assert near_duplicates(nothing, crop(scenes)).found.shape == (0,)
    assert not near_duplicates(crop(scenes[:2]), nothing).found.any()


def test_bad_input(scenes: Pictures) -> None:
    b = crop(scenes)
    with pytest.raises(DataError, match=r"images_a: expected uint8 of shape \(n, 48, 48\)"):
        near_duplicates(b / 255.0, b)
    with pytest.raises(DataError, match="images_b"):
        near_duplicates(b, b[0])
    for threshold in (0.0, 1.5, float("nan")):
        with pytest.raises(ParameterError, match="threshold"):
            near_duplicates(b, b, threshold=threshold)


def test_fer2013_test_images_with_a_copy_in_training() -> None:
    path = SHARED / "data" / "fer2013.npz"
    if not path.exists():
        pytest.skip("the shared FER2013 file is not here")
    with np.load(path, allow_pickle=False) as data:
        images, usage = data["images"], data["usage"]
    copies = exact_copies(images[usage == 2], images[usage == 0])
    assert (copies >= 0).sum() == 285
    # the near-copies of sixty images, against the part of Training that holds them
    asked = np.flatnonzero(copies < 0)[:60]
    result = near_duplicates(images[usage == 2][asked], images[usage == 0][:6000])
    assert result.found.sum() == 7
    # and no score lies near the threshold: the answer does not hang on rounding
    assert not ((result.score > 0.82) & (result.score < 0.96)).any()
