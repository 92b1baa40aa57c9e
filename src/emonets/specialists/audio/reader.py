"""What the audio specialist takes out of a clip's sound, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import SOUND, BaseReader, Features, Problem
from emonets.media.clip import SOUND_RATE, SoundChunk
from emonets.runtime.spool import Spool
from emonets.specialists.audio.features.front import Front, FrontStream
from emonets.specialists.audio.features.yaafe import LevelMeter
from emonets.voices.speech import Speech, SpeechReader

SILENCE = 1e-4
"""Sound that swings by no more than this (full scale is 1) is silence: three steps of 16 bits."""
_BEYOND = 4.0  # 12 dB above full scale
_MOST_BEYOND = 0.01  # of the samples: a broken packet bursts, music may overshoot, but not so much
_BLOCK = SOUND_RATE // 100  # samples over which the swing is measured
_AT_ONCE = 10 * SOUND_RATE  # samples of a spool that are read at a time


@dataclass(frozen=True, eq=False)
class SoundSpan:
    """Where a clip's sound lies, and where it counts: it is no silence, or somebody speaks.

    Attributes
    ----------
    start, end : seconds; equal where there is no sound.
    loud : (n,) bool, for each hundredth of a second from ``start``, whether it is no silence.
    speech : where somebody speaks; None: all that is no silence counts.
    """

    start: float
    end: float
    loud: NDArray[np.bool_]
    speech: Speech | None = None

    @classmethod
    def of(cls, features: Features) -> SoundSpan:
        """Of the features that `SoundReader.finish` returns."""
        start, end = map(float, features["span"])
        return cls(start, end, features["loud"], Speech.of(features))

    def counts_in(self, start: float, end: float) -> bool:
        """Whether the sound between two times in seconds is used: `loud_in`, with speech."""
        if self.speech is not None and not self.speech.found_in(start, end):
            return False
        return self.loud_in(start, end)

    def loud_in(self, start: float, end: float) -> bool:
        """Whether there is any sound but silence between two times in seconds."""
        step = _BLOCK / SOUND_RATE
        first, last = int((start - self.start) / step), int(np.ceil((end - self.start) / step))
        return bool(self.loud[max(0, first) : max(0, last)].any())


class SoundReader(BaseReader):
    """Turns sound into feature frames as it comes.

    Frames that depend on the level of the whole sound (the paper's 909 features) are made at the
    end, out of samples that were kept till then; others at once. What is kept lies in memory up
    to 64 MiB, and in a temporary file beyond.

    Parameters
    ----------
    front : what turns sound into frames.
    most : seconds; longer sound is refused. None: any length.
    speech : whether to find out where somebody speaks; sound without speech then counts as none.
    """

    needs = frozenset({SOUND})

    def __init__(self, front: Front, *, most: float | None = None, speech: bool = False) -> None:
        self._front, self._most = front, most
        self._speech = SpeechReader() if speech else None
        self._meter = LevelMeter()
        self._stream: FrontStream | None = None
        if not front.levelled:
            self._stream = front.open(self._meter.level())
        self._kept = Spool(1 if front.levelled else front.width)
        self._swing = _Swing()
        self._start, self._count, self._beyond = 0.0, 0, 0
        self._taken = self._left_out = 0  # samples that frames are made of, and not
        self._skips: list[tuple[int, int]] = []

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take sound at 48 kHz; each chunk begins where the one before ended."""
        samples = chunk.samples
        self._start = self._start if self._count else chunk.time
        self._count += samples.size
        self._beyond += int(np.count_nonzero(np.abs(samples) > _BEYOND))
        self._swing.push(samples)
        if self._speech is not None and not self._is_too_long:
            self._speech.push_sound(chunk)
        if chunk.gap:
            self._left_out += samples.size
            self._meter.push(samples)
            return
        if self._left_out:
            self._skip()
        self._take(samples)

    @property
    def _is_too_long(self) -> bool:
        return self._most is not None and self._count > self._most * SOUND_RATE

    def _skip(self) -> None:
        """Leave whole frames out in the middle of a gap, and take the rest of its zeros."""
        hop = round(self._front.step * SOUND_RATE)
        frames, rest = divmod(self._left_out, hop)
        self._skips.append((self._taken // hop, frames))
        self._left_out = 0
        self._take(np.zeros(rest, np.float32), measured=True)

    def _take(self, samples: NDArray[np.float32], *, measured: bool = False) -> None:
        self._taken += samples.size
        if self._is_too_long:
            return
        if self._stream is None:
            if not measured:
                self._meter.push(samples)
            self._kept.push(samples)
        else:
            self._kept.push(self._stream.push(samples))

    def finish(self) -> Features:
        """What was taken out of the sound.

        Returns
        -------
        dict of arrays: ``frames`` (t, width) float32, not yet whitened; ``time`` (t,) seconds,
        which leaves out what lies in a long gap, `emonets.media.parts.MARGIN` from any sound;
        ``span`` (2,) start and end of the sound; ``loud`` (n,) bool, for each hundredth of a
        second, whether it is no silence; ``found`` (), whether any sound is used (if not, there
        are no frames). With ``speech``, also what `SpeechReader.finish` returns; sound without
        speech is not used. Sound far beyond full scale (integers that were stored as floating
        point) counts as none.
        """
        loud = self._swing.finish()
        if self._beyond > _MOST_BEYOND * self._count:
            self.problem = Problem(
                "its sound lies far beyond full scale, as integers stored as floating point do",
                "store it as 16-bit PCM, or divide by 32768",
            )
            loud = np.zeros_like(loud)
        if self._most is not None and self._is_too_long:
            self.problem = Problem(
                f"has more than {self._most / 3600:g} h of sound", "cut it", fatal=True
            )
            loud = np.zeros_like(loud)
        span = (self._start, self._start + self._count / SOUND_RATE)
        speech = {} if self._speech is None else self._speech.finish()
        found = SoundSpan(*span, loud, Speech.of(speech)).counts_in(*span)
        frames = self._frames() if found else np.empty((0, self._front.width), np.float32)
        front = self._front
        return {
            "frames": frames,
            "time": self._start + front.first + front.step * self._numbers(len(frames)),
            "span": np.array(span),
            "loud": loud,
            "found": np.array(found),
            **speech,
        }

    def _numbers(self, count: int) -> NDArray[np.int64]:
        """(count,) the numbers of the frames, with those that were left out in long gaps."""
        numbers = np.arange(count)
        for first, frames in self._skips:
            numbers[first:] += frames
        return numbers

    def _frames(self) -> NDArray[np.float32]:
        if self._stream is not None:
            self._kept.push(self._stream.finish())
            return self._kept.finish()
        samples = self._kept.finish()[:, 0]
        stream, out = self._front.open(self._meter.level()), Spool(self._front.width)
        for first in range(0, len(samples), _AT_ONCE):
            out.push(stream.push(np.asarray(samples[first : first + _AT_ONCE])))
        out.push(stream.finish())
        return out.finish()


class _Swing:
    """Whether each stretch of `_BLOCK` of a signal that comes in pieces is loud."""

    def __init__(self) -> None:
        self._rest = np.empty(0, np.float32)
        self._loud: list[NDArray[np.bool_]] = []

    def push(self, samples: NDArray[np.float32]) -> None:
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // _BLOCK * _BLOCK
        self._rest = samples[whole:]
        blocks = samples[:whole].reshape(-1, _BLOCK)
        self._loud.append(np.ptp(blocks, axis=1) > SILENCE)

    def finish(self) -> NDArray[np.bool_]:
        if len(self._rest):
            self._loud.append(np.array([np.ptp(self._rest) > SILENCE]))
        return np.concatenate([np.empty(0, np.bool_), *self._loud])
