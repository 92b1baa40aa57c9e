"""Pieces of files that lie behind the end of their file, and the unit that they seem to be in."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emonets.datasets.items import Item, Problem
from emonets.errors import EmoNetsError
from emonets.media.clip import open_clip

SLACK = 0.1
"""Seconds that a piece may end after its file, for durations are rounded."""

_DECODED = 3  # files whose end is found by decoding; of the others the header is used
_SHORTEST = 0.05  # seconds of a usual piece: a shorter one would be no reading in milliseconds
_SAMPLES = 192_000.0  # a second, at most
_MOST = 0.75  # share of pieces in another unit, from which the unit is named


@dataclass(frozen=True)
class End:
    """The end of a file in seconds, and its pictures a second (nan where it has none)."""

    seconds: float
    rate: float


def outside_pieces(items: Sequence[Item], ends: Mapping[Path, End] | None = None) -> list[Problem]:
    """Errors for pieces that end behind the end of their file.

    The headers of files that are read in pieces are opened. Where a header is exceeded, the file is
    decoded, for headers may be wrong; of many such files only the first few are.

    Parameters
    ----------
    items : the items; those without start and end are passed over.
    ends : the ends of files that were decoded already.

    Returns
    -------
    An error for each piece. Where most pieces would fit as milliseconds or as numbers of frames,
    the first error states so, and what to do.
    """
    pieces: dict[Path, list[Item]] = defaultdict(list)
    for item in items:
        if _times(item) and item.kind != "still":
            pieces[item.path].append(item)
    behind: list[tuple[Item, End]] = []
    confirmed = 0
    for path, mine in pieces.items():
        known = None if ends is None else ends.get(path)
        end = known or _end(path, mine, decode=confirmed < _DECODED)
        found = [] if end is None else [(item, end) for item in mine if _exceeds(item, end)]
        confirmed += bool(found)
        behind += found
    every = [item for mine in pieces.values() for item in mine]
    most = len(behind) >= _MOST * len(every)
    return list(_problems(behind, _unit(behind, every) if behind and most else ""))


def _end(path: Path, pieces: Sequence[Item], *, decode: bool) -> End | None:
    """The end of a file by its header or, where that is unknown or exceeded, by decoding it."""
    try:
        clip = open_clip(path)
        end = End(clip.info.duration, clip.info.frame_rate)
        unknown = not math.isfinite(end.seconds)
        if unknown or (decode and any(_exceeds(item, end) for item in pieces)):
            last = max((part.time for part in clip.decode()), default=0.0)
            return End(last if unknown else max(last, end.seconds), end.rate)
    except EmoNetsError:
        return None  # reported when it is read
    return end


def _problems(behind: Sequence[tuple[Item, End]], unit: str) -> Iterator[Problem]:
    for k, (item, end) in enumerate(behind):
        piece = (
            f"{item.start or 0:g} s on"
            if item.end is None
            else (f"{item.start or 0:g} to {item.end:g} s")
        )
        what = f"has no piece from {piece}, for it ends at {end.seconds:.2f} s"
        what += f"; {unit}" if unit and k == 0 else ""
        yield Problem("error", "span", str(item.path), what, item.line)


def _unit(behind: Sequence[tuple[Item, End]], every: Sequence[Item]) -> str:
    """The unit in which the pieces would lie in their files, and what to do; "" for none."""
    fits = []
    rates = {end.rate for _, end in behind}
    whole = len(behind) > 1 and all(x.is_integer() for item in every for x in _times(item))
    known = all(math.isfinite(rate) and rate > 0 for rate in rates)
    if whole and known and all(_fits(item, end, end.rate) for item, end in behind):
        common = f"{min(rates):.4g}" if len(rates) == 1 else "the file's frames a second"
        fits.append(("numbers of frames", f"divide them by {common}"))
    lengths = [max(_times(item)) - (item.start or 0.0 if item.end else 0.0) for item, _ in behind]
    long = np.median(lengths) >= _SHORTEST * 1000
    if long and all(_fits(item, end, 1000.0) for item, end in behind):
        fits.append(("milliseconds", "divide them by 1000"))
    if not fits and whole and all(_fits(item, end, _SAMPLES) for item, end in behind):
        fits.append(("numbers of samples", "divide them by the file's samples a second"))
    if not fits:
        return ""
    names, advice = (" or ".join(texts) for texts in zip(*fits, strict=True))
    return f"start and end look like {names}; they must be seconds: {advice}"


def _times(item: Item) -> list[float]:
    return [float(x) for x in (item.start, item.end) if x is not None]


def _fits(item: Item, end: End, units: float) -> bool:
    return max(_times(item)) <= (end.seconds + SLACK) * units


def _exceeds(item: Item, end: End) -> bool:
    if not math.isfinite(end.seconds):
        return False
    # a piece that begins at the end holds nothing
    begins = item.start is not None and item.start > 0 and item.start >= end.seconds
    return begins or max(_times(item)) > end.seconds + SLACK
