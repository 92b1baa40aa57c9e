"""Where files were joined: what the bytes of a transport or program stream show.

Each packet of a transport stream, of 188 bytes, has the number of the stream that it belongs to and
a counter from 0 to 15 for that stream. A counter that skips, or a flag that announces it, means
that the packets before and behind do not come out of one recording (ISO/IEC 13818-1, 2.4.3). A
program stream begins with a system header (2.5.3).
"""

from __future__ import annotations

from pathlib import Path

from emonets.media.held import open_file

_SYNC = 0x47
_SIZES = (188, 192, 204)
_MARGIN = 192 * 1024
"""Bytes around the place that are examined, too: each stream has a packet among them."""
_MOST = 8 * 2**20
_NO_DATA = 0x1FFF
_SYSTEM = b"\0\0\1\xbb"
"""What a system header begins with."""


def is_spliced(path: Path, kind: str, before: int | None, behind: int | None) -> bool | None:
    """Whether a file was put together out of two between two of its bytes.

    Parameters
    ----------
    kind : of the container, as FFmpeg names it.
    before, behind : places in the file, bytes; None: unknown.

    Returns
    -------
    None : its container cannot show that.
    """
    if before is None or behind is None or kind not in ("mpegts", "mpeg"):
        return None
    first, last = sorted((before, behind))
    if kind == "mpeg":
        return _SYSTEM in _bytes(path, first, last)
    data = _bytes(path, max(0, first - _MARGIN), last + _MARGIN)
    found = _grid(data)
    return None if found is None else _skips(data, *found)


def _bytes(path: Path, first: int, last: int) -> bytes:
    try:
        with open_file(path) as file:
            file.seek(first)
            return file.read(min(last - first, _MOST))
    except OSError:
        return b""


def _grid(data: bytes) -> tuple[int, int] | None:
    """Where the first packet begins, and bytes from one to the next."""
    for size in _SIZES:
        for start in range(size):
            heads = data[start : start + 5 * size : size]
            if len(heads) == 5 and all(byte == _SYNC for byte in heads):
                return start, size
    return None


def _skips(data: bytes, start: int, size: int) -> bool:
    counters: dict[int, int] = {}
    for at in range(start, len(data) - 187, size):
        if data[at] != _SYNC:
            return True  # the two were not of whole packets
        number = int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF
        if number == _NO_DATA:
            continue
        fields, counter = data[at + 3] >> 4 & 3, data[at + 3] & 15
        if fields & 2 and data[at + 4] and data[at + 5] & 0x80:
            return True
        last = counters.get(number)
        counters[number] = counter
        # a packet without a payload does not count, and one may be sent twice
        if last is not None and fields & 1 and counter not in ((last + 1) % 16, last):
            return True
    return False
