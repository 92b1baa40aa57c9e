"""SubRip: subtitles for players that do not read WebVTT, a file a clip."""

from pathlib import Path

from emonets.export.base import clip_writer
from emonets.export.tiers import ClipTiers
from emonets.result import printable


def encode(clip: ClipTiers, folder: Path) -> bytes:
    """The subtitles of a clip: a cue for each window and person, in the order of time."""
    cues = sorted(
        (window.start, window.end, tier.name, window.label)
        for tier in clip.tiers
        for window in tier.windows
    )
    blocks = [
        f"{number}\n{_time(start)} --> {_time(end)}\n{printable(name)}: {label}\n"
        for number, (start, end, name, label) in enumerate(cues, 1)
    ]
    return "\n".join(blocks).encode()


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d},{ms:03d}"


WRITER = clip_writer("srt", "subtitles for older players, a file a clip", "srt", encode)
