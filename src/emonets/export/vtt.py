"""WebVTT: subtitles that show the label of each person while the clip plays.

A cue for each window and person, in the voice of the person. Written by
https://www.w3.org/TR/webvtt1/ (3.3 and 4.1: cues in order of their start; ``&``, ``<`` and ``>``
escaped; no ``-->`` in notes).
"""

from pathlib import Path

from emonets.export.base import clip_writer
from emonets.export.tiers import ClipTiers
from emonets.result import printable


def encode(clip: ClipTiers, folder: Path) -> bytes:
    """The subtitles of a clip. Its own label, which holds all the time, is in a note."""
    cues = sorted(
        ((s.start, s.end, i, tier.name, s) for i, tier in enumerate(clip.tiers)
         for s in tier.windows), key=lambda cue: cue[:3],
    )  # fmt: skip
    notes = [f"file: {printable(clip.file)}"]
    if clip.whole is not None and clip.whole.windows:
        (own,) = clip.whole.windows
        notes.append(f"clip: {own.label} {own.probability:.0%} ({clip.whole.model})")
    blocks = ["WEBVTT", "NOTE\n" + "\n".join(map(_note, notes))]
    for start, end, _, name, s in cues:
        voice = _escaped(name)
        text = f"<v {voice}>{voice}: {_escaped(s.label)} {s.probability:.0%}</v>"
        blocks.append(f"{_time(start)} --> {_time(end)}\n{text}")
    return ("\n\n".join(blocks) + "\n").encode()


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{ms:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _note(text: str) -> str:
    return " ".join(text.split()).replace("-->", "->")


WRITER = clip_writer("vtt", "subtitles for a player, a file a clip", "vtt", encode)
