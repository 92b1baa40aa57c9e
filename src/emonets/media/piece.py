"""A piece of a clip, as labelled data name it by start and end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import SOUND_RATE, Clip, Frame, SoundChunk, open_clip


class ClipPiece(Clip):
    """What lies between two times of a clip, by its own time stamps.

    Times stay those of the whole; frames are numbered from 0 within the piece. Each pass decodes
    to the piece's end, from shortly before it where the file can be entered there
    (`emonets.media.clip.Clip.decode`), else from the file's beginning.

    Parameters
    ----------
    clip : the whole.
    start, end : seconds, the end excluded; None: its own beginning and end.
    """

    def __init__(self, clip: Clip, start: float | None = None, end: float | None = None) -> None:
        first, last = 0.0 if start is None else start, math.inf if end is None else end
        if not 0 <= first < last:
            raise ParameterError(
                f"{clip.info.path}: start {start} and end {end} make no piece of it"
            )
        length = min(last, clip.info.duration) - first  # nan where the header has no duration
        info = replace(clip.info, duration=length if length > 0 else math.nan)
        super().__init__(info, limits=clip.limits)
        self.warnings, self.notes = clip.warnings, clip.notes
        self._whole, self._start, self._end = clip, first, last

    def decode(
        self, *, frames: bool = True, sound: bool = True, start: float = 0.0, ahead: bool = False
    ) -> Iterator[Frame | SoundChunk]:
        """See `Clip.decode`.

        Raises
        ------
        MediaError : as the whole clip, or it ends before the piece begins.
        """
        waited: set[type] = {Frame} if frames and self.info.has_frames else set()
        if sound and self.info.has_sound:
            waited.add(SoundChunk)
        count, found = 0, False
        whole = self._whole.decode(
            frames=frames, sound=sound, start=max(start, self._start), ahead=ahead
        )
        for part in whole:
            if part.time >= self._end:
                waited.discard(type(part))
                if not waited:  # the streams are interleaved: both have passed the end
                    break
                continue
            if isinstance(part, Frame):
                yield replace(part, index=count)
                count, found = count + 1, True
                continue
            cut = self._cut(part)
            if cut is not None:
                yield cut
                found = True
        self.damaged |= self._whole.damaged
        if not found and (frames or not self.info.has_frames):
            self.raise_undecoded()

    def turn(self, turns: int) -> None:
        """Let all later passes turn the pictures, those of the whole clip."""
        super().turn(turns)
        self._whole.turn(turns)
        self.turned = 0  # the whole returns them turned

    def raise_undecoded(self, why: Sequence[str] = ()) -> NoReturn:
        """Raise the error of a piece of which a pass could decode nothing that it needs."""
        raise MediaError(
            self.info.path,
            f"has nothing between {self._start:g} and {self._end:g} s",
            "correct start and end in the table that names it",
        )

    def _cut(self, chunk: SoundChunk) -> SoundChunk | None:
        first = max(0, math.ceil((self._start - chunk.time) * SOUND_RATE - 1e-6))
        last = chunk.samples.size
        if math.isfinite(self._end):
            last = min(last, math.ceil((self._end - chunk.time) * SOUND_RATE - 1e-6))
        if first >= last:
            return None
        samples = np.ascontiguousarray(chunk.samples[first:last])
        return SoundChunk(chunk.time + first / SOUND_RATE, samples)


def open_piece(path: str | Path, start: float | None = None, end: float | None = None) -> Clip:
    """A clip (`emonets.media.clip.open_clip`), or the piece of it between two times in seconds."""
    clip = open_clip(path)
    return clip if start is None and end is None else ClipPiece(clip, start, end)
