"""Whether a media file is complete, by the length in its own structure.

A cut-off copy often decodes without an error up to where it stops. Most containers state their
length somewhere. A file whose container does not is taken as complete.
"""

from __future__ import annotations

from typing import BinaryIO

_STREAMED = 0xFFFF_FF00
"""Writers that cannot go back put in such RIFF sizes or larger ones; they mean nothing."""

_PACK = b"\0\0\1\xba"
"""What each pack of an MPEG program stream begins with."""

_MAX_BOXES = 10_000


def is_cut_off(file: BinaryIO, size: int) -> bool:
    """Whether a file of ``size`` bytes lacks its end (as far as its structure shows)."""
    head = _at(file, 0, 64)
    if head[:4] == b"RIFF":  # avi, wav
        cut = size < int.from_bytes(head[4:8], "little") + 8 < _STREAMED
    elif head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        cut = size < int.from_bytes(head[20:28], "little") + 8
    elif head[:4] == b"\x1aE\xdf\xa3":
        cut = _is_matroska_cut(head, size)
    elif head[:3] == b"FLV":
        cut = _is_flv_cut(file, size)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        cut = _is_mp4_cut(file, size)
    elif head[:4] == _PACK:
        cut = _is_program_cut(file, size)
    elif head[:1] == b"G" and _at(file, 188, 1) == b"G":  # a transport stream has packets of 188
        cut = size % 188 != 0
    else:
        cut = _is_mp3_cut(file, size)
    return cut


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _is_mp4_cut(file: BinaryIO, size: int) -> bool:
    """Boxes: 4 bytes of length, 4 of type; length 1: 8 more with the length; 0: to the end."""
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= size:
            break
        head = _at(file, offset, 16)
        kind = head[4:8]
        if len(head) < 8:
            return True
        # cameras append things of their own that are no boxes
        if not (kind.isascii() and kind.replace(b" ", b"a").isalnum()):
            return False
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:
            return False
        if length < 8:
            return True
        offset += length
    return offset > size


def _is_matroska_cut(head: bytes, size: int) -> bool:
    """The header element, then the segment, each an id, a length and that many bytes."""
    length, at = _vint(head, 4)
    start = at + length
    if head[start : start + 4] != b"\x18\x53\x80\x67":
        return False
    length, at = _vint(head, start + 4)
    return length >= 0 and at + length > size


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """Read EBML's number: leading zero bits count further bytes. Return it and where it ends.

    All ones mean unknown (-1), as of a live stream.
    """
    first = data[at] if at < len(data) else 0
    count = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + count], "big") & ((1 << 7 * count) - 1)
    return (-1 if value == (1 << 7 * count) - 1 else value), at + count


def _is_flv_cut(file: BinaryIO, size: int) -> bool:
    """Tags: 1 byte of type, 3 of data length, 7 others, the data, then the tag's whole length."""
    last = int.from_bytes(_at(file, max(size - 4, 0), 4), "big")
    if not 11 <= last <= size - 13:
        return True
    tag = _at(file, size - 4 - last, 4)
    return int.from_bytes(tag[1:4], "big") + 11 != last


def _is_program_cut(file: BinaryIO, size: int) -> bool:
    """Packs of packets: 3 bytes 0 0 1, one of type, two of length, and that many bytes."""
    tail = _at(file, max(0, size - 65_536), 65_536)
    at = tail.rfind(_PACK)
    if at < 0 or at + 14 > len(tail):
        return at >= 0
    # the header of a pack of MPEG-1 is shorter, and of MPEG-2 has the length of its stuffing
    at += 14 + (tail[at + 13] & 7) if tail[at + 4] >> 6 == 1 else 12
    while tail[at : at + 3] == b"\0\0\1":
        if tail[at + 3 : at + 4] == b"\xb9":  # the end code
            return False
        at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    return at > len(tail)


def _is_mp3_cut(file: BinaryIO, size: int) -> bool:
    """The first frame may hold a table with the number of bytes, itself included."""
    head = _at(file, 0, 10)
    start = 0
    if head[:3] == b"ID3":  # a tag before the sound: its length in four times 7 bits
        start = 10 + sum((b & 127) << 7 * (3 - i) for i, b in enumerate(head[6:10]))
    frame = _at(file, start, 64)
    found = max(frame.find(b"Xing"), frame.find(b"Info"))
    if frame[:1] != b"\xff" or found < 0:
        return False
    flags = int.from_bytes(frame[found + 4 : found + 8], "big")
    if not flags & 2:
        return False
    at = found + 8 + 4 * (flags & 1)
    return size < start + int.from_bytes(frame[at : at + 4], "big")
