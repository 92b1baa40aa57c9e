"""The sound of an open container: mixed to mono, at 48 kHz, each piece with its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from emonets.media.container import Media, describe, open_media
from emonets.media.convert import SOUND_RATES, SoundPipe, to_channels
from emonets.media.decoding import Damage, decoded
from emonets.media.mix import SILENCE, Mixer, Mono, peak_of
from emonets.media.streams import Choice, Streams

_NOT_CONVERTED = "sound that could not be converted was skipped"

_EXAMINED = 600.0
"""Seconds of another sound stream that are decoded to find out whether it is silent."""

Piece = tuple[float, NDArray[np.float32]]
"""Time of the first sample in seconds, and samples."""


class SoundPath:
    """From decoded sound to pieces of mono sound.

    Parameters
    ----------
    pipe : resamples and gives times. damage : counts what could not be converted.
    """

    def __init__(self, pipe: SoundPipe, damage: Damage) -> None:
        self.pipe = pipe
        self._mixer, self._damage = Mixer(), damage

    @property
    def silent(self) -> bool:
        """Whether there was sound, and all of it was silent."""
        return self.pipe.end > 0 and not self._mixer.loud

    def push(self, raw: AudioFrame, stamp: float | None) -> Iterator[Piece]:
        """Take decoded sound with its time stamp in seconds; return what is ready."""
        if raw.sample_rate not in SOUND_RATES:
            self._damage.add(_NOT_CONVERTED, f"{raw.sample_rate} samples a second")
            return
        try:
            channels, bad = to_channels(raw)
            names = tuple(channel.name for channel in raw.layout.channels)
            mono = self._mixer.push(channels, names, raw.sample_rate, stamp)
        except Exception as error:  # nothing can be made of it
            self._damage.add(_NOT_CONVERTED, describe(error))
            return
        if bad:
            text = "sound samples that are no numbers were set to 0"
            self._damage.add(text, count=bad, harmless=True)
        yield from self._converted(mono)

    def flush(self) -> Iterator[Piece]:
        """Return the rest, at the end."""
        yield from self._converted(self._mixer.flush())
        yield from self.pipe.flush()

    def _converted(self, mono: Sequence[Mono]) -> Iterator[Piece]:
        for part in mono:
            try:
                pieces = self.pipe.push(part.samples, part.rate, part.stamp)
            except Exception as error:  # FFmpeg's resampler cannot convert it
                self._damage.add(_NOT_CONVERTED, describe(error))
                continue
            yield from pieces


def note_of_other_sound(path: Path, used: Streams, max_pixels: int) -> str | None:
    """A sentence that names a sound stream that is not silent, where the one that is used is.

    Parameters
    ----------
    path : of the container. used : its streams.
    max_pixels : of a picture, as in `emonets.media.limits.Limits`.
    """
    for number in used.other_sounds:
        choice = Choice(None, number)
        with open_media(path, max_pixels=max_pixels, threads=1, choice=choice) as media:
            if _is_loud(media):
                return (
                    f"sound stream {used.sound_number} is silent, and {number} is not: choose it "
                    f"with --audio-stream {number} (audio_stream={number})"
                )
    return None


def _is_loud(media: Media) -> bool:
    assert media.audio is not None
    for frame in decoded(media, [media.audio], Damage()):
        assert isinstance(frame, AudioFrame)
        if peak_of(to_channels(frame)[0]) > SILENCE:
            return True
        if frame.time is not None and frame.time > _EXAMINED:
            break
    return False
