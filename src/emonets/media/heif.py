"""HEIC and AVIF pictures, as phones and browsers write them.

Such a file holds pictures as items of a container: a grid of tiles that make one picture, its
thumbnails, transparency and depth, and how it is to be turned. FFmpeg returns the bare tiles. Here
libheif (by ``pi-heif``) and libavif (by Pillow) put the picture together.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import MediaError

_STILL = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"avif", b"jpeg", b"avci"}
)
"""Brands of files whose main content is a picture (ISO/IEC 23008-12, AV1 image format)."""
_AVIF = frozenset(b"avif avio".split())


def is_heif(head: bytes) -> bool:
    """Whether a file that starts with these bytes (64 or more) is a HEIC or AVIF picture.

    The first, major brand decides: image sequences (``msf1``, ``hevc``, ``avis``) are clips.
    """
    return head[4:8] == b"ftyp" and head[8:12] in _STILL


def _is_avif(data: bytes) -> bool:
    """Whether the brands (8 bytes behind the box's head, then 4 each) name AVIF."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, length, 4))]
    return not _AVIF.isdisjoint(brands)


@contextmanager
def opened_heif(path: Path, data: bytes) -> Iterator[Any]:
    """The main picture as a Pillow image, opened by its header and not decoded yet.

    Raises
    ------
    MediaError : it is damaged or cannot be read here; also where it is decoded.
    """
    try:
        # Pillow warns of large pictures; Limits decides on these
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if _is_avif(data):
                from PIL import Image

                with Image.open(io.BytesIO(data), formats=["AVIF"]) as picture:
                    yield picture
            else:
                from pi_heif import HeifImageFile

                with HeifImageFile(io.BytesIO(data)) as picture:
                    yield picture
    except MediaError:
        raise
    except ImportError as error:
        raise MediaError(
            path,
            "is a HEIC picture, and the package pi-heif is missing here",
            "pip install pi-heif, or save the picture as JPEG",
        ) from error
    except Exception as error:  # both libraries raise many kinds
        # Pillow names its source by an address in memory, which differs each time
        text = re.sub(r" <[^>]* at 0x[0-9a-f]+>", "", str(error)) or type(error).__name__
        raise MediaError(
            path,
            f"is a damaged HEIC or AVIF picture, or of a kind that is not read ({text})",
            "save it as JPEG",
        ) from error


def read_heif(path: Path, data: bytes) -> NDArray[np.uint8]:
    """Decode the main picture of a HEIC or AVIF file: upright uint8 RGB, (height, width, 3).

    Its tiles are put together, cropped, turned and mirrored as the file states. Transparency,
    depth and thumbnails are left out, deeper pixels are brought to 8 bits.

    Raises
    ------
    MediaError : it is damaged or cannot be read here.
    """
    with opened_heif(path, data) as picture:
        from PIL import ImageOps

        # libheif has turned its picture; Pillow states an AVIF's turn as an EXIF orientation
        image = ImageOps.exif_transpose(picture).convert("RGB")
        return np.ascontiguousarray(np.asarray(image, np.uint8))
