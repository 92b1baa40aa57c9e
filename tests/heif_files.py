"""HEIC files with properties of their own, made by editing one that a phone's software wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

TILES = Path(__file__).parent / "media" / "data" / "photo_tiles256.heic"
"""CREMA-D's actor 1001 (NOTICE), 1024x768 pixels in a grid of 4x3 tiles."""

TURN_90 = b"\0\0\0\x09irot\x03"
"""Shown turned clockwise by 90 degrees; irot counts anticlockwise."""
MIRROR = b"\0\0\0\x09imir\x01"
"""Shown mirrored left to right (axis 1 is horizontal in ISO/IEC 23008-12:2022)."""


def crop(width: int, height: int, right: int, down: int) -> bytes:
    """A clean aperture, its centre so far from the picture's."""
    numbers = (width, 1, height, 1, right, 1, down, 1)
    return b"\0\0\0\x28clap" + b"".join(n.to_bytes(4, "big", signed=True) for n in numbers)


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start < end:
        length = int.from_bytes(data[start : start + 4], "big")
        yield bytes(data[start + 4 : start + 8]), start, start + length
        start += length


def with_properties(path: Path, *properties: bytes) -> Path:
    """Write a copy of `TILES` whose main picture has these transformations, in this order."""
    data = bytearray(TILES.read_bytes())
    added = b"".join(properties)
    (meta,) = (b for b in _boxes(data, 0, len(data)) if b[0] == b"meta")
    inner = {name: (a, b) for name, a, b in _boxes(data, meta[1] + 12, meta[2])}
    parts = {name: (a, b) for name, a, b in _boxes(data, inner[b"iprp"][0] + 8, inner[b"iprp"][1])}
    start, end = parts[b"ipco"]
    first = len(list(_boxes(data, start + 8, end))) + 1
    item = int.from_bytes(data[inner[b"pitm"][0] + 12 : inner[b"pitm"][1]], "big")
    # version 0, flags 0: two bytes an item, one a property
    at = parts[b"ipma"][0] + 16
    while int.from_bytes(data[at : at + 2], "big") != item:
        at += 3 + data[at + 2]
    numbers = bytes(0x80 | (first + i) for i in range(len(properties)))
    more = len(added) + len(numbers)
    _grow(data, meta[1], more)
    _grow(data, inner[b"iprp"][0], more)
    _grow(data, parts[b"ipma"][0], len(numbers))
    _grow(data, start, len(added))
    _shift(data, inner[b"iloc"][0], more)
    last = at + 3 + data[at + 2]
    data[at + 2] += len(properties)
    data[last:last] = numbers
    data[end:end] = added
    path.write_bytes(data)
    return path


def _grow(data: bytearray, at: int, count: int) -> None:
    length = int.from_bytes(data[at : at + 4], "big") + count
    data[at : at + 4] = length.to_bytes(4, "big")


def _shift(data: bytearray, iloc: int, count: int) -> None:
    """Move what lies in the file, behind the header, by so many bytes."""
    version = data[iloc + 8]
    offset_size, length_size = data[iloc + 12] >> 4, data[iloc + 12] & 15
    base_size, index_size = data[iloc + 13] >> 4, data[iloc + 13] & 15 if version else 0
    at = iloc + 16
    for _ in range(int.from_bytes(data[iloc + 14 : iloc + 16], "big")):
        inside = bool(version) and bool(data[at + 3] & 15)  # the grid lies in the header itself
        at += 4 if version else 2
        at += 2
        base = at
        at += base_size
        extents = int.from_bytes(data[at : at + 2], "big")
        at += 2
        if base_size and not inside:
            _grow_number(data, base, base_size, count)
        for _ in range(extents):
            at += index_size
            if not base_size and not inside:
                _grow_number(data, at, offset_size, count)
            at += offset_size + length_size


def _grow_number(data: bytearray, at: int, size: int, count: int) -> None:
    number = int.from_bytes(data[at : at + size], "big") + count
    data[at : at + size] = number.to_bytes(size, "big")
