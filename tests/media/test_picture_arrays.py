"""Pictures from memory: every usual array, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from emonets.errors import ParameterError
from emonets.media.arrays import as_picture
from emonets.media.images import read_image

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
GREY = np.ascontiguousarray(RGB[:, :, 1])
ALPHA = RNG.integers(0, 256, (12, 17, 1), dtype=np.uint8)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_float_pictures_are_the_same_pixels(kind: Any) -> None:
    assert (as_picture((RGB / 255).astype(kind)) == RGB).all()


def test_rounding_beyond_the_range_is_clipped() -> None:
    assert as_picture(np.array([[-1e-4, 1 + 1e-4]])).tolist() == [[[0] * 3, [255] * 3]]


def test_a_picture_that_needs_no_change_is_itself_unless_a_copy_is_requested() -> None:
    assert as_picture(RGB) is RGB
    own = as_picture(RGB, copy=True)
    assert not np.may_share_memory(own, RGB)
    assert (own == RGB).all()


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (GREY, {}, np.repeat(GREY[..., None], 3, axis=2)),
        (GREY[..., None], {"bgr": True}, np.repeat(GREY[..., None], 3, axis=2)),
        (np.concatenate([RGB, ALPHA], axis=2), {}, RGB),
        (RGB[..., ::-1], {"bgr": True}, RGB),
        (np.concatenate([RGB[..., ::-1], ALPHA], axis=2), {"bgr": True}, RGB),
        (RGB.astype(np.uint16) * 257, {}, RGB),
        (np.asfortranarray(RGB), {}, RGB),
        (Image.fromarray(RGB), {"bgr": True}, RGB),
        (Image.fromarray(GREY), {}, np.repeat(GREY[..., None], 3, axis=2)),
        (Image.fromarray(np.concatenate([RGB, ALPHA], axis=2)), {}, RGB),
        (Image.fromarray(GREY.astype(np.uint16) * 257), {}, np.repeat(GREY[..., None], 3, 2)),
    ],
)
def test_every_usual_picture(image: Any, options: dict[str, Any], expected: Any) -> None:
    made = as_picture(image, **options)
    assert made.dtype == np.uint8
    assert made.flags.c_contiguous
    assert (made == expected).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_arrays_are_the_pixels_of_their_file(tmp_path: Path, channels: int, kind: Any) -> None:
    most = int(np.iinfo(kind).max) + 1
    pixels = RNG.integers(0, most, (9, 8, channels)).astype(kind)
    path = tmp_path / "picture.png"
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())  # BGR, as OpenCV has it
    assert (as_picture(pixels, bgr=True) == read_image(path, max_pixels=99)).all()


def test_a_pillow_image_is_turned_as_its_file_is(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x112] = 6
    path = tmp_path / "phone.png"
    image.save(path, exif=exif)
    with Image.open(path) as opened:
        made = as_picture(opened)
    assert made.shape == (17, 12, 3)
    assert (made == read_image(path, max_pixels=999)).all()


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (np.zeros((0, 4, 3), np.uint8), "holds no pixel"),
        (np.zeros((2, 4, 4, 3), np.uint8), "several pictures; give one of them"),
        (np.zeros(5, np.uint8), r"a picture is \(h, w, 3\)"),
        (np.zeros((3, 20, 30), np.uint8), r"channels first; turn it with array.transpose"),
        (np.zeros((20, 30, 2), np.uint8), "has 2 channels"),
        (np.zeros((4, 4), np.bool_), r"type bool.*astype\(np.uint8\) \* 255"),
        (np.zeros((4, 4), np.int64), r"type int64.*astype\(np.uint8\)"),
        (np.full((4, 4), np.nan), "NaN or infinity"),
        (np.full((4, 4), np.inf), "NaN or infinity"),
        (np.full((4, 4), 200.0), r"up to 200, .*array / 255"),
        (np.full((4, 4), 3e4), "divide it by its white value"),
        (np.full((4, 4), -1.0), r"down to -1, .*\(array \+ 1\) / 2"),
        (np.full((4, 4), 255, np.uint16), "65535 is white"),
        (np.array([[None]]), "type object"),
        (None, "is no picture but NoneType"),
        ("a.png", "is no picture but str"),
        ([[1, 2], [3]], "cannot be made an array"),
    ],
)
def test_one_sentence_for_what_is_refused(image: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=text) as raised:
        as_picture(image, where="frames[3]")
    assert str(raised.value).startswith("frames[3]: ")


def test_a_pillow_image_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    Image.fromarray(np.tile(RGB, (20, 20, 1))).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with Image.open(path) as opened, pytest.raises(ParameterError, match="Pillow cannot decode"):
        as_picture(opened)
