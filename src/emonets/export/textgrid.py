"""Praat TextGrid: an interval tier for each person, for the audio and for the clip.

The long text format in UTF-8, by https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html.
An interval tier has no gaps, so intervals without a label fill it up. Quotes are doubled.
"""

from pathlib import Path

from emonets.export.base import clip_writer
from emonets.export.tiers import ClipTiers, Tier


def encode(clip: ClipTiers, folder: Path) -> bytes:
    """The TextGrid of a clip, from 0 to its end. Praat needs a tier: an empty one, if need be."""
    tiers = clip.every or (Tier("Clip", None, "", ()),)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0 ",
        f"xmax = {_seconds(clip.end)} ",
        "tiers? <exists> ",
        f"size = {len(tiers)} ",
        "item []: ",
    ]
    for number, tier in enumerate(tiers, 1):
        intervals = _without_gaps(tier, clip.end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier" ',
            f"        name = {_quoted(tier.name)} ",
            "        xmin = 0 ",
            f"        xmax = {_seconds(clip.end)} ",
            f"        intervals: size = {len(intervals)} ",
        ]
        for i, (start, end, label) in enumerate(intervals, 1):
            lines += [
                f"        intervals [{i}]:",
                f"            xmin = {_seconds(start)} ",
                f"            xmax = {_seconds(end)} ",
                f"            text = {_quoted(label)} ",
            ]
    return ("\n".join(lines) + "\n").encode()


def _without_gaps(tier: Tier, end: int) -> list[tuple[int, int, str]]:
    filled: list[tuple[int, int, str]] = []
    at = 0
    for s in tier.stretches:
        if s.start > at:
            filled.append((at, s.start, ""))
        if s.end > s.start:
            filled.append((s.start, s.end, s.label))
        at = s.end
    if at < end:
        filled.append((at, end, ""))
    return filled


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


WRITER = clip_writer("textgrid", "intervals for Praat, a file a clip", "TextGrid", encode)
