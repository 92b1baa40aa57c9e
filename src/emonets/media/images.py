"""Image files: single pictures, and folders of numbered ones that are the frames of a clip."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import MediaError

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".dib", ".webp", ".tif", ".tiff"}
)

_MAX_IMAGE_BYTES = 2**30
"""An image file larger than this is not read into memory."""

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers (start of frame) that carry a size."""


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which ``frame10`` comes after ``frame9``; case does not matter."""
    parts = re.split(r"(\d+)", text.casefold())
    # isdecimal, for int() refuses digits such as superscripts
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)


def is_image(head: bytes) -> bool:
    """Whether a file that starts with these bytes (12 or more) is an image."""
    return (
        head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:2] == b"BM" and head[6:10] == b"\0\0\0\0")
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
        if data.startswith(b"\xff\xd8"):
            return _jpeg_size(data)
        return _tiff_size(data)
    except (ValueError, KeyError):
        return None


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
        if path.stat().st_size > _MAX_IMAGE_BYTES:
            raise MediaError(path, f"is an image of more than {_MAX_IMAGE_BYTES} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from error
    size = image_size(data)
    if size is None or 0 in size:
        raise MediaError(path, "is a damaged image: its header gives no size", "save it again")
    if size[0] * size[1] > max_pixels:
        raise MediaError(
            path,
            f"claims {size[0]}x{size[1]} pixels, more than the limit of {max_pixels}",
            "scale it down, or raise Limits(max_pixels=...)",
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


def numbered_images(folder: Path) -> dict[str, list[Path]]:
    """Find the series of numbered images that lie directly in a folder.

    Returns
    -------
    The series by the text before the number (``frame_0012.png`` → ``frame_``), each in the order
    of its numbers. Hidden files and images whose name does not end in a number are left out.

    Raises
    ------
    MediaError : the folder cannot be read.
    """
    series: dict[str, list[tuple[int, str, Path]]] = defaultdict(list)
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise MediaError(folder, f"cannot be read ({error.strerror})") from error
    for entry in entries:
        numbered = re.fullmatch(r"(.*?)([0-9]+)", entry.stem)
        if (
            numbered
            and entry.suffix.lower() in IMAGE_SUFFIXES
            and not entry.name.startswith(".")
            and entry.is_file()
        ):
            series[numbered[1]].append((int(numbered[2]), entry.name, entry))
    return {prefix: [path for *_, path in sorted(found)] for prefix, found in series.items()}


def frame_folder(path: Path) -> tuple[Path, ...]:
    """The frames of a folder that is a clip, in order.

    Raises
    ------
    MediaError : it holds none, or several series; or it cannot be read.
    """
    series = numbered_images(path)
    if not series:
        raise MediaError(
            path,
            "is a folder without numbered images",
            "name its frames like 0001.png, or give the media files in it",
        )
    if len(series) > 1:
        names = ", ".join(sorted(f"{prefix}*" for prefix in series)[:4])
        raise MediaError(
            path, f"holds {len(series)} series of images ({names})", "give each its own folder"
        )
    return tuple(next(iter(series.values())))
