"""Frames of a tube in which the detector did not find the face, or did not run."""

from __future__ import annotations

from collections.abc import Iterable

from emonets.tubes import gaps
from emonets.tubes.track import Entry, Floats, Track, Waiting, filled_entry


def filled(
    track: Track, end: Entry, colours: Floats, frames: Iterable[Waiting],
    least: float,
) -> list[Entry]:  # fmt: skip
    """The frames between a tube's last entry and its next detection.

    Parameters
    ----------
    end : the detection. colours : its histogram (48,).
    frames : those that wait, in order.
    least : correlation of the colours below which a frame stays out.
    """
    start, found = track.last, []
    for frame in frames:
        if frame.position <= start.position:
            continue
        share = (frame.position - start.position) / (end.position - start.position)
        if end.time > start.time:
            share = (frame.time - start.time) / (end.time - start.time)
        box = gaps.interpolate(start.box, end.box, share)
        if frame.searched:
            near = (start.box, track.latest_colours) if share <= 0.5 else (end.box, colours)
            place = gaps.search(frame.image, near[1], near[0], expected=box, min_correlation=least)
            if place is None:
                continue
            box = place.box
        score = start.score + (end.score - start.score) * share
        found.append(filled_entry(frame, box, score))
    return found


def extended(track: Track, frames: Iterable[Waiting], least: float) -> list[Entry]:
    """Frames without detector next to a tube's end, as far as its colours are found."""
    start, found = track.last, []
    box = start.box
    for frame in frames:
        if frame.searched:
            break
        place = gaps.search(frame.image, track.latest_colours, box, min_correlation=least)
        if place is None:
            break
        box = place.box
        found.append(filled_entry(frame, box, start.score))
    return found
