"""HEIC and AVIF pictures: tiles are put together, turned and cropped, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from emonets.errors import MediaError
from emonets.media.clip import Limits, open_clip
from emonets.media.images import image_header, is_image, read_image
from heif_files import MIRROR, TILES, TURN_90, crop, with_properties
from media_files import Image as Pixels
from media_files import quarters

MOST = 2**26


@pytest.fixture(scope="module")
def whole() -> Pixels:
    return read_image(TILES, max_pixels=MOST)


def test_tiles_are_put_together(whole: Pixels) -> None:
    clip = open_clip(TILES)
    assert (clip.info.width, clip.info.height) == (1024, 768)
    (frame,) = clip.frames()
    assert frame.image.shape == (768, 1024, 3)
    # no tile is grey or repeated: neighbours fit at every seam
    image = whole.astype(int)
    for seam in (256, 512, 768):
        across = np.abs(image[:, seam] - image[:, seam - 1]).mean()
        assert across < 3 * np.abs(image[:, seam + 8] - image[:, seam + 7]).mean() + 2
    tiles = image.reshape(3, 256, 4, 256, 3).swapaxes(1, 2).reshape(12, -1)
    assert min(tile.std() for tile in tiles) > 5


def test_turned_mirrored_and_cropped(tmp_path: Path, whole: Pixels) -> None:
    turned = np.rot90(whole, -1)
    for expected, properties in (
        (turned, [TURN_90]),
        (whole[:, ::-1], [MIRROR]),
        (turned[:, ::-1], [TURN_90, MIRROR]),
        (whole[184:584, 212:812], [crop(600, 400, 0, 0)]),
    ):
        path = with_properties(tmp_path / "a.heic", *properties)
        np.testing.assert_array_equal(read_image(path, max_pixels=MOST), expected)
        header = image_header(path)
        assert header is not None
        assert header.size == (expected.shape[1], expected.shape[0])


@pytest.mark.parametrize("options", [{}, {"tile_cols": 2, "tile_rows": 2}])
def test_avif(tmp_path: Path, options: dict[str, int]) -> None:
    path = tmp_path / "a.avif"
    image = Image.fromarray(quarters(640, 480))
    image.save(path, quality=90, **options)
    assert np.abs(read_image(path, max_pixels=MOST).astype(int) - quarters(640, 480)).mean() < 4
    tags = Image.Exif()
    tags[274] = 6
    image.rotate(90, expand=True).save(path, quality=90, exif=tags)
    assert np.abs(read_image(path, max_pixels=MOST).astype(int) - quarters(640, 480)).mean() < 4
    image.putalpha(100)
    image.save(path, quality=90)
    assert np.abs(read_image(path, max_pixels=MOST).astype(int) - quarters(640, 480)).mean() < 4


def test_a_moving_avif_or_png_is_a_film(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(quarters(64, 48), 8 * i, 1)) for i in range(3)]
    for name in ("a.avif", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=40)
        times = [frame.time for frame in open_clip(tmp_path / name).frames()]
        assert times == pytest.approx([0, 0.04, 0.08]), name


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_a_cut_off_picture_is_refused(tmp_path: Path, share: float) -> None:
    data = TILES.read_bytes()
    path = tmp_path / "a.heic"
    path.write_bytes(data[: round(share * len(data))])
    with pytest.raises(MediaError, match=r"cut off|damaged"):
        open_clip(path)


def test_damage_in_the_header_is_refused_or_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.heic"
    refused = 0
    for _ in range(40):
        data = bytearray(TILES.read_bytes())
        for at in rng.integers(12, 909, 3):
            data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            image = read_image(path, max_pixels=2**21)
            assert image.shape[:2] != (256, 256)
        except MediaError:
            refused += 1
    assert refused


def test_limits_hold(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="claims 1024x768 pixels"):
        open_clip(TILES, limits=Limits(max_pixels=1000))


def test_other_kinds_of_images(tmp_path: Path) -> None:
    for suffix in (".ppm", ".pgm", ".jfif", ".jpe"):
        path = tmp_path / f"a{suffix}"
        name = ".jpg" if suffix.startswith(".j") else suffix
        image = quarters(40, 30) if suffix != ".pgm" else quarters(40, 30)[:, :, 0]
        path.write_bytes(cv2.imencode(name, image)[1].tobytes())
        assert is_image(path.read_bytes()[:4096])
        assert open_clip(path).info.width == 40


def test_the_message_of_a_damaged_picture_is_the_same_each_time(tmp_path):
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + b"\xff" * 99)
    with pytest.raises(MediaError, match=r"cannot identify image file\)") as caught:
        open_clip(tmp_path / "a.avif")
    assert "0x" not in str(caught.value)
