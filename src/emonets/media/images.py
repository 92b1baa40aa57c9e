"""Image files: which they are, their size by the header, and their pixels.

PNG, JPEG, BMP, WebP, TIFF and the PNM family are decoded by OpenCV; HEIC and AVIF, which phones
write as a grid of tiles, by `emonets.media.heif`.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import MediaError
from emonets.media.ends import is_cut_off
from emonets.media.heif import is_heif, opened_heif, read_heif
from emonets.media.held import open_file, status_of_path

_SUFFIXES = """
    .png .jpg .jpeg .jpe .jfif .jif .jfi .mpo .bmp .dib .webp .tif .tiff .pbm .pgm .ppm .pnm
    .heic .heif .hif .avif
"""
IMAGE_SUFFIXES = frozenset(_SUFFIXES.split())
"""Endings of image files that are read."""

_MAX_IMAGE_BYTES = 2**30
"""An image file larger than this is not read into memory."""

HEAD = 4096
"""So many bytes from a file's beginning show what it is."""

_PNM = re.compile(rb"P[1-6](?:\s+|\s*#[^\n]*\n)+(\d{1,9})(?:\s+|\s*#[^\n]*\n)+(\d{1,9})\s")

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers (start of frame) that carry a size."""


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which ``frame10`` comes after ``frame9``; case does not matter."""
    parts = re.split(r"(\d+)", text.casefold())
    # isdecimal, for int() refuses digits such as superscripts
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)


def is_image(head: bytes) -> bool:
    """Whether a file that starts with these bytes (`HEAD` of them) is an image.

    A moving PNG (APNG), and a HEIF file that is a sequence, are clips and no images.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"acTL" not in head.partition(b"IDAT")[0]
    return (
        head.startswith((b"\xff\xd8\xff", b"II*\0", b"MM\0*"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:2] == b"BM" and head[6:10] == b"\0\0\0\0")
        or _PNM.match(head) is not None
        or is_heif(head)
    )


def image_size(data: bytes) -> tuple[int, int] | None:
    """Read (width, height) off an image file's header, without decoding; None if it has none."""
    try:
        if data.startswith(b"\x89PNG"):
            return _number(data, 16, 4, big=True), _number(data, 20, 4, big=True)
        if data.startswith(b"BM"):
            return _bmp_size(data)
        if data[8:12] == b"WEBP":
            return _webp_size(data)
        if pnm := _PNM.match(data):
            return int(pnm[1]), int(pnm[2])
        return (_jpeg_size if data.startswith(b"\xff\xd8") else _tiff_size)(data)
    except (ValueError, KeyError):
        return None


@dataclass(frozen=True)
class ImageHeader:
    """What an image file states before its pixels.

    Attributes
    ----------
    size : (width, height), pixels, before its EXIF orientation.
    camera : whether it names a camera or the time at which it was taken.
    count : pictures in it, such as the pages of a TIFF file. Views of one picture count as one.
    """

    size: tuple[int, int]
    camera: bool
    count: int = 1


_CAMERA_TAGS = (0x10F, 0x110, 0x132, 0x9003, 0x9004)
"""EXIF: maker, model, date and time of the file, of taking the picture, of digitizing it."""


def image_header(path: Path) -> ImageHeader | None:
    """Read an image file's header only; None where it is damaged or of a kind that is not read."""
    from PIL import ExifTags, Image

    try:
        with open_file(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures
            if is_heif(file.read(HEAD)):
                file.seek(0)
                with opened_heif(path, file.read()) as picture:
                    size, exif = picture.size, picture.getexif()
                    count = picture.n_frames
            else:
                file.seek(0)
                with Image.open(file) as image:
                    size, exif = image.size, image.getexif()
                    count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    except Exception:  # damaged files raise errors of many kinds; the reading pass reports them
        return None
    return ImageHeader(size, any(tags.get(tag) for tag in _CAMERA_TAGS), count)


def _number(data: bytes, at: int, count: int, *, big: bool = False, signed: bool = False) -> int:
    if at + count > len(data):
        raise ValueError("the header is cut off")
    return int.from_bytes(data[at : at + count], "big" if big else "little", signed=signed)


def _bmp_size(data: bytes) -> tuple[int, int]:
    if _number(data, 14, 4) == 12:  # of OS/2
        return _number(data, 18, 2), _number(data, 20, 2)
    return abs(_number(data, 18, 4, signed=True)), abs(_number(data, 22, 4, signed=True))


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return _number(data, 24, 3) + 1, _number(data, 27, 3) + 1
    if kind == b"VP8L":
        bits = _number(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _number(data, 26, 2) & 0x3FFF, _number(data, 28, 2) & 0x3FFF


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while _number(data, at, 1) == 0xFF:
        marker = _number(data, at + 1, 1)
        if marker in _JPEG_SIZES:
            return _number(data, at + 7, 2, big=True), _number(data, at + 5, 2, big=True)
        # 0xFF before a marker is padding
        at += 1 if marker == 0xFF else 2 + max(2, _number(data, at + 2, 2, big=True))
    raise ValueError("no marker where one should be")


def _tiff_size(data: bytes) -> tuple[int, int]:
    big = data.startswith(b"MM")
    at = _number(data, 4, 4, big=big)
    found = {}
    for entry in range(at + 2, at + 2 + 12 * _number(data, at, 2, big=big), 12):
        # a short number (type 3) sits at the front of its four bytes
        count = 2 if _number(data, entry + 2, 2, big=big) == 3 else 4
        found[_number(data, entry, 2, big=big)] = _number(data, entry + 8, count, big=big)
    return found[256], found[257]


def _load(path: Path, max_pixels: int) -> bytes:
    try:
        if status_of_path(path)[1] > _MAX_IMAGE_BYTES:
            raise MediaError(path, f"is an image of more than {_MAX_IMAGE_BYTES} bytes")
        with open_file(path) as file:
            data = file.read()
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from error
    if is_heif(data[:HEAD]):
        # libheif would leave the missing tiles grey
        if is_cut_off(io.BytesIO(data), len(data)):
            raise MediaError(path, "is cut off: its end is missing", "copy it again")
        with opened_heif(path, data) as picture:
            size: tuple[int, int] | None = picture.size
    else:
        size = image_size(data)
    if size is None or 0 in size:
        raise MediaError(path, "is a damaged image: its header gives no size", "save it again")
    if size[0] * size[1] > max_pixels:
        raise MediaError(
            path,
            f"claims {size[0]}x{size[1]} pixels, more than the limit of {max_pixels}",
            "scale it down, or raise the limit (Limits(max_pixels=...), --limit pixels=...)",
        )
    return data


def read_image(path: Path, *, max_pixels: int) -> NDArray[np.uint8]:
    """Read an image file into upright uint8 RGB, (height, width, 3).

    Its EXIF orientation is honoured, alpha is ignored, deeper pixels are brought to 8 bits.

    Raises
    ------
    MediaError : it cannot be read, is damaged, or has more than ``max_pixels``.
    """
    data = _load(path, max_pixels)
    if is_heif(data[:HEAD]):
        return read_heif(path, data)
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # its messages on damaged images would go to the terminal
    try:
        # from memory, for OpenCV cannot open every name on every system
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise MediaError(path, f"is a damaged image ({error.err})", "save it again") from error
    finally:
        cv2.utils.logging.setLogLevel(level)
    if image is None:
        raise MediaError(path, "is a damaged image, or of a kind that is not read", "save it again")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
