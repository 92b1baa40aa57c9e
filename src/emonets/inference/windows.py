"""The spans of a clip that rows are made for: the whole clip, or windows."""

from __future__ import annotations

import numpy as np

from emonets.contracts import Spans
from emonets.errors import ParameterError

LONG = 10.0
"""Seconds; with ``"auto"`` a clip longer than this is cut into windows."""
WINDOW = 5.0
"""Seconds of those windows."""
SHORTEST = 0.001
"""Seconds of the shortest window and hop."""
_APART = 0.5  # seconds; pictures and sound of a clip often differ by less, without a reason

Windows = float | str | None


def check_windows(window: Windows, hop: float | None) -> None:
    """Raise :class:`ParameterError` unless window and hop are valid and fit each other."""
    if isinstance(window, str) and window != "auto":
        raise ParameterError(f"window must be seconds, 'auto' or None, got {window!r}")
    for name, value in (("window", window), ("hop", hop)):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not (value is None or (name == "window" and value == "auto")):
            raise ParameterError(f"{name} must be seconds, got {value!r}")
    if hop is not None and (window is None or isinstance(window, str)):
        raise ParameterError(
            f"hop requires a window in seconds, and window is {window!r}; give window too, or "
            "leave hop out"
        )
    windows(0.0, 1.0, WINDOW if isinstance(window, str) else window, hop)


def spans_of(start: float, end: float, window: Windows, hop: float | None) -> Spans:
    """The windows of a clip; without a window one span, the whole clip."""
    length = window
    if window == "auto":
        length = WINDOW if end - start > LONG else None
    assert length is None or isinstance(length, int | float)
    return windows(start, end, length, hop)


def outside(spans: Spans, pauses: Spans) -> Spans:
    """The windows that do not lie in a pause as a whole; seconds. At least one."""
    kept = [(a, b) for a, b in spans if not any(c <= a and b <= d for c, d in pauses)]
    return kept or list(spans[:1])


def whole_span(
    pictures: tuple[float, float] | None, sound: tuple[float, float] | None, *, loud: bool = True
) -> tuple[float, float]:
    """Start and end of a clip in seconds: of its pictures, or, where it has none, of its sound.

    Of both where sound lies well outside the pictures, as behind a title that stands still.

    Parameters
    ----------
    pictures, sound : start and end of each, or None where the clip has none.
    loud : whether the sound is not silent; silence outside the pictures does not count.
    """
    if pictures is None:
        return sound or (0.0, 0.0)
    start, end = pictures
    if sound is not None and loud:
        start = sound[0] if sound[0] < start - _APART else start
        end = sound[1] if sound[1] > end + _APART else end
    return start, end


def windows(start: float, end: float, length: float | None, hop: float | None) -> Spans:
    """The windows of ``length`` seconds every ``hop`` seconds that cover ``start``..``end``.

    Without a length there is one window, all of it. The last window may hang over the end; a
    window that would hold nothing new is left out.

    Raises
    ------
    ParameterError : length or hop not finite, or below `SHORTEST`.
    """
    if length is None:
        return [(start, end)]
    hop = length if hop is None else hop
    if not (np.isfinite(length) and np.isfinite(hop) and min(length, hop) >= SHORTEST):
        raise ParameterError(
            f"window and hop must be {SHORTEST:g} seconds or more, got {length} and {hop}"
        )
    count = max(1, int(np.ceil((end - start - length) / hop - 1e-9)) + 1)
    return [(start + i * hop, start + i * hop + length) for i in range(count)]
