"""Text as small pictures: any script, without an error where no font has its letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc",
    "NotoSansDevanagari-Regular.ttf",
    "arial.ttf", "Arial Unicode.ttf", "msyh.ttc", "malgun.ttf", "Nirmala.ttf", "PingFang.ttc",
    "Hiragino Sans GB.ttc", "wqy-zenhei.ttc",
)  # fmt: skip
"""Fonts of Linux, Windows and macOS for what Pillow's own font has no letters for."""
_OWN = 0x7E
"""Pillow's own font has the letters of ASCII only, up to this one."""
_NO_LETTER = "\U0010fffe"
_LONGEST = 60

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def shortened(text: str, most: int = _LONGEST) -> str:
    """One line of at most so many letters, without control characters."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    line = line.encode("utf-8", "replace").decode("utf-8")
    return line if len(line) <= most else line[: most - 1] + "…"


@lru_cache(maxsize=512)
def patch(
    text: str, size: int, ink: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A line of text as a picture.

    Parameters
    ----------
    size : of the letters, pixels. ink : their colour, RGB.

    Returns
    -------
    colour : (h, w, 3). cover : (h, w, 1), 0..1, how much of each pixel the text covers.
    """
    line = shortened(text) or " "
    font, known = font_for(line, size)
    line = "".join(c if c in known or c.isspace() else _plain(c) for c in line)
    left, _, right, _ = font.getbbox(line)
    height = round(size * 1.3)
    mask = Image.new("L", (max(1, int(right - left) + 2), height), 0)
    ImageDraw.Draw(mask).text((1 - left, height / 2), line, font=font, fill=255, anchor="lm")
    cover = np.asarray(np.asarray(mask)[..., None] / 255, np.float32)
    colour = np.broadcast_to(np.array(ink, np.uint8), (*cover.shape[:2], 3))
    return np.ascontiguousarray(colour), cover


def width_of(text: str, size: int) -> int:
    """Pixels of a line of text."""
    return int(patch(text, size, (0, 0, 0))[1].shape[1])


def put(
    image: NDArray[np.uint8], text: str, at: tuple[int, int], size: int, ink: tuple[int, int, int]
) -> int:
    """Write a line of text into a picture; what lies outside it is cut off.

    Parameters
    ----------
    image : (h, w, 3) RGB, which is changed. at : (x, y) of its upper left corner.

    Returns
    -------
    The width of the text, pixels.
    """
    colour, cover = patch(text, size, ink)
    h, w = cover.shape[:2]
    x, y = at
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + w, image.shape[1]), min(y + h, image.shape[0])
    if x0 < x1 and y0 < y1:
        part = np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
        below = image[y0:y1, x0:x1]
        image[y0:y1, x0:x1] = below + (colour[part] - below.astype(np.float32)) * cover[part] + 0.5
    return int(w)


@lru_cache(maxsize=64)
def font_for(text: str, size: int) -> tuple[Font, frozenset[str]]:
    """The first font that has all letters of a text, or else most; and those that it has."""
    own: Font = ImageFont.load_default(size)
    letters = frozenset(c for c in text if not c.isspace())
    best, known = own, frozenset(c for c in letters if ord(c) <= _OWN)
    for name in _FONTS:
        if len(known) == len(letters):
            break
        font = _font(name, size)
        if font is None:
            continue
        missing = bytes(font.getmask(_NO_LETTER))
        has = frozenset(c for c in letters if bytes(font.getmask(c)) != missing)
        if len(has) > len(known):
            best, known = font, has
    return best, known


def _plain(letter: str) -> str:
    """A letter without its accent, where that is ASCII; else the letter."""
    base = unicodedata.normalize("NFKD", letter)[:1]
    return base if base.isascii() else letter


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
