"""Sound files whose header has no length, because their writer could not go back to it.

FFmpeg, SoX and recorders that write to a pipe or were stopped leave 0 or a very large number. The
sound is whole, but FFmpeg refuses such files or counts the last packet as damaged. Here the lengths
that follow from the file's size are found; they replace those of the header while it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal

Order = Literal["little", "big"]

Patches = dict[int, bytes]
"""Bytes by their place in the file, instead of those that are there."""

_HUGE = 0x7FFF_0000
"""A length of 32 bits from here on, and beyond the file's end, stands for an unknown one."""

_MAX_CHUNKS = 1000

_W64_RIFF = b"riff.\x91\xcf\x11\xa5\xd6(\xdb\x04\xc1\0\0"
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\0\xc0O\x8e\xdb\x8a"


def missing_lengths(file: BinaryIO, size: int) -> Patches:
    """What is to be read instead of a header's missing lengths; empty where none is missing.

    Parameters
    ----------
    file : can be read and positioned. size : of it, in bytes.
    """
    head = _at(file, 0, 24)
    kind = head[8:12]
    if head[:4] == b"RIFF" and kind == b"WAVE":
        return _wave(file, size)
    if head[:4] in (b"RF64", b"BW64") and kind == b"WAVE":
        return _wave_64(file, size)
    if head[:4] == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return _aiff(file, size)
    if head[:4] == b"caff":
        return _caf(file, size)
    return _w64(file, size) if head[:16] == _W64_RIFF else {}


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    if offset >= 2**63:  # no file is so large
        return b""
    file.seek(offset)
    return file.read(count)


def _chunks(file: BinaryIO, size: int, at: int, order: Order) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and stated length of each chunk of 4 + 4 bytes and its content."""
    for _ in range(_MAX_CHUNKS):
        head = _at(file, at, 8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], order)
        yield head[:4], at, length
        at += 8 + length + length % 2
        if at > size:
            return


def _is_unknown(file: BinaryIO, size: int, at: int, length: int, order: Order) -> bool:
    """Whether the length of the chunk at a place, the one with the sound, was never written."""
    rest = size - at - 8
    if length:
        return length > rest and length >= _HUGE
    # an empty chunk is followed by another one or by nothing
    name, _, behind = next(_chunks(file, size, at + 8, order), (b"", 0, 0))
    is_chunk = name.isascii() and name.decode().isprintable() and behind <= rest - 8
    return rest > 8 and not is_chunk


def _wave(file: BinaryIO, size: int) -> Patches:
    found = _samples(file, size)
    if found is None:
        return {}
    at, length, rest = found
    if rest >= 2**32 - 1 or not _is_unknown(file, size, at, length, "little"):
        return {}
    whole = min(size - 8, 2**32 - 2)
    return {4: whole.to_bytes(4, "little"), at + 4: rest.to_bytes(4, "little")}


def _samples(file: BinaryIO, size: int) -> tuple[int, int, int] | None:
    """The chunk ``data`` of a RIFF file: place, stated length, bytes of whole samples."""
    block = 1
    for name, at, length in _chunks(file, size, 12, "little"):
        if name == b"fmt ":
            block = max(1, int.from_bytes(_at(file, at + 20, 2), "little"))
        if name == b"data":
            rest = size - at - 8
            return at, length, rest - rest % block
    return None


def _wave_64(file: BinaryIO, size: int) -> Patches:
    """The lengths of RF64 are in a chunk ``ds64`` at the beginning, 8 bytes each."""
    lengths = _at(file, 12, 24)
    stated = int.from_bytes(lengths[16:24], "little")
    if lengths[:4] != b"ds64" or 0 < stated < 2**62:
        return {}
    found = _samples(file, size)
    if found is None:
        return {}
    return {20: (size - 8).to_bytes(8, "little"), 28: found[2].to_bytes(8, "little")}


def _aiff(file: BinaryIO, size: int) -> Patches:
    """The number of samples stands a second time, in the chunk ``COMM``."""
    common, block = 0, 1
    for name, at, length in _chunks(file, size, 12, "big"):
        if name == b"COMM":
            about = _at(file, at + 8, 8)
            common = at
            channels, bits = int.from_bytes(about[:2], "big"), int.from_bytes(about[6:8], "big")
            block = max(1, channels * ((bits + 7) // 8))
        if name == b"SSND":
            rest = size - at - 8
            count = (rest - 8) // block
            if rest < 8 or rest >= 2**32 or not _is_unknown(file, size, at, length, "big"):
                return {}
            found = {
                4: (size - 8).to_bytes(4, "big"),
                at + 4: (8 + count * block).to_bytes(4, "big"),
            }
            return found | ({common + 10: count.to_bytes(4, "big")} if common else {})
    return {}


def _caf(file: BinaryIO, size: int) -> Patches:
    """Chunks of 4 + 8 bytes; -1 is an unknown length, which only the sound may have."""
    at = 8
    for _ in range(_MAX_CHUNKS):
        head = _at(file, at, 12)
        length = int.from_bytes(head[4:], "big", signed=True)
        if len(head) < 12 or (length < 0 and head[:4] != b"data"):
            return {}
        if length < 0:
            return {at + 4: (size - at - 12).to_bytes(8, "big")}
        at += 12 + length
    return {}


def _w64(file: BinaryIO, size: int) -> Patches:
    """Chunks of 16 bytes of name and 8 of length, which counts these 24 too."""
    at = 40
    for _ in range(_MAX_CHUNKS):
        head = _at(file, at, 24)
        if len(head) < 24:
            return {}
        length = int.from_bytes(head[16:], "little")
        if head[:16] == _W64_DATA:
            if 24 <= length < 2**62:
                return {}
            return {16: size.to_bytes(8, "little"), at + 16: (size - at).to_bytes(8, "little")}
        if length < 24:
            return {}
        at += -(-length // 8) * 8
    return {}
