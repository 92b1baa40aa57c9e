"""Whose voice it is: for each face of a clip, when that person speaks.

A network compares the movement of each mouth with the audio, 25 times a second. Where somebody
speaks (:mod:`emonets.voices.speech`), the faces that are visible compete for the voice. It belongs
to the face that fits best, if that fits at all: the voice of a person outside the picture belongs
to no face.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import SOUND, TUBES, BaseReader, Features
from emonets.media.clip import SoundChunk
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.tube import FaceTube
from emonets.voices.speakers_input import (
    GRID_RATE,
    BandReader,
    Bands,
    GridSampler,
    mouth_shapes,
    thinned,
)
from emonets.voices.speakers_network import OFFSETS, SpeakersNetwork, load_network

Floats = NDArray[np.float32]

LEAST = 5
"""Steps with speech in which a face must be visible for an answer: 0.2 s."""
LEAST_SHARE = 0.25
"""The share of a span's speech in which a face must be visible for an answer."""
HALF = 0.5
"""A person speaks in a span where the voice is theirs for this share of its speech."""
SMOOTHING = 0.6
"""Seconds on each side over which the network's output is averaged before faces compete."""
THRESHOLD = -1.5
"""The least averaged output of a face to which the voice can belong. Both were chosen on two actors
who are in no table (``benchmarks/who_speaks.py``)."""

MARGIN = 0.6
"""By how much the mean output of the best faces of a clip must grow for another offset of audio and
pictures to be taken."""


class SpeechLike(Protocol):
    """What is used of :class:`emonets.voices.speech.Speech`."""

    @property
    def start(self) -> float: ...

    @property
    def step(self) -> float: ...

    def mask(self) -> NDArray[np.bool_]:
        """(n,) whether somebody speaks, one entry every ``step`` seconds from ``start``."""


@dataclass(frozen=True, eq=False)
class Speakers:
    """Who speaks in a clip; made by :meth:`of`.

    Attributes
    ----------
    tracks : (k,) numbers of the face tracks.
    first : (k,) step of the grid at which each begins; step *s* is at ``s / 25`` seconds.
    scores : k arrays, of each track the averaged output of the network at each step, higher where
        the mouth fits the audio; NaN where the face is not visible.
    speech : (n,) whether somebody speaks, at each step from 0; None: this is not known.

    Examples
    --------
    >>> speakers = Speakers.of(features, speech)          # doctest: +SKIP
    >>> speakers.speaks([0], 1.0, 2.0)                    # doctest: +SKIP
    True
    """

    tracks: NDArray[np.int64]
    first: NDArray[np.int64]
    scores: tuple[Floats, ...]
    speech: NDArray[np.bool_] | None

    @classmethod
    def of(cls, features: Mapping[str, NDArray[Any]], speech: SpeechLike | None) -> Speakers:
        """From a `SpeakersReader`'s features and where somebody speaks.

        Parameters
        ----------
        features : of one clip. speech : of the same clip; None: it is not known, and nothing is
            known of the speakers either.
        """
        numbers = np.asarray(features.get("speaker_track", np.zeros(0)), np.int64)
        steps = np.asarray(features.get("speaker_step", np.zeros(0)), np.int64)
        values = np.asarray(features.get("speaker_score", np.zeros((0, 1))), np.float32)
        values = values[:, None] if values.ndim == 1 else values
        order = np.lexsort([steps, numbers])
        numbers, steps, values = numbers[order], steps[order], values[order]
        tracks, begin = np.unique(numbers, return_index=True)
        talk = None if speech is None else _on_steps(speech, int(steps.max(initial=-1)) + 1)
        first, scores = steps[begin], []
        ends = np.append(begin, len(numbers))[1:]
        for a, b in zip(begin, ends, strict=True):
            at = steps[a:b] - steps[a]
            dense = np.full((int(at[-1]) + 1, values.shape[1]), np.nan, np.float32)
            dense[at] = values[a:b]
            weight = None if talk is None else talk[steps[a] : steps[a] + len(dense)]
            scores.append(np.stack([_averaged(column, weight) for column in dense.T], axis=1))
        offset = _best_offset(first, scores, talk)
        return cls(tracks, first, tuple(part[:, offset] for part in scores), talk)

    def speaks(self, tracks: Iterable[int], start: float, end: float) -> bool | None:
        """Whether one person speaks in a span: whether at least half of its speech is theirs.

        Parameters
        ----------
        tracks : all tracks of the person. start, end : seconds.

        Returns
        -------
        None where it is not known: the face is hardly visible, there are under 8 frames a second,
        or the clip has no sound. False where nobody speaks.
        """
        spoken, own, talk = self._own(tracks, start, end)
        if spoken is None or talk is None or own is None:
            return None
        if not talk.any():
            return False
        known = np.isfinite(own) & talk
        if known.sum() < max(min(LEAST, talk.sum()), LEAST_SHARE * talk.sum()):
            return None
        return bool(spoken[known].mean() >= HALF)

    def share(self, tracks: Iterable[int], start: float, end: float) -> float | None:
        """The share of a span, 0..1, in which one person speaks; None where it is not known.

        Parameters
        ----------
        tracks : all tracks of the person. start, end : seconds.
        """
        spoken, own, talk = self._own(tracks, start, end)
        if spoken is None or talk is None or own is None or not len(talk):
            return None
        if not talk.any():
            return 0.0
        if not (np.isfinite(own) & talk).any():
            return None
        return float((spoken & talk).mean())

    @cached_property
    def _last(self) -> NDArray[np.int64]:
        """(k,) the step behind each track."""
        return np.array(
            [f + len(s) for f, s in zip(self.first, self.scores, strict=True)], np.int64
        )

    def _own(
        self, tracks: Iterable[int], start: float, end: float
    ) -> tuple[NDArray[np.bool_] | None, Floats | None, NDArray[np.bool_] | None]:
        """At each step of a span: whether the voice is one person's, their score, any speech."""
        if self.speech is None:
            return None, None, None
        a = max(0, int(np.ceil(start * GRID_RATE - 1e-6)))
        b = max(a, int(np.ceil(end * GRID_RATE - 1e-6)))
        talk = np.zeros(b - a, np.bool_)
        part = self.speech[a:b]
        talk[: len(part)] = part
        wanted = set(tracks)
        own, others = np.full(b - a, np.nan, np.float32), np.full(b - a, -np.inf, np.float32)
        for k in np.flatnonzero((self.first < b) & (self._last > a)):
            track, first, scores = self.tracks[k], int(self.first[k]), self.scores[k]
            low, high = max(a, first), min(b, first + len(scores))
            piece, place = scores[low - first : high - first], slice(low - a, high - a)
            if int(track) in wanted:
                own[place] = np.fmax(own[place], piece)
            else:
                others[place] = np.fmax(others[place], piece)
        with np.errstate(invalid="ignore"):
            spoken = (own >= THRESHOLD) & (own >= others)
        return spoken, own, talk


class SpeakersReader(BaseReader):
    """Reads face tubes and sound for `Speakers`.

    It finds the landmarks of each face, at most 30 times a second. Of each second it keeps 0.4 KB
    a face, and 2.4 KB of the sound.

    Parameters
    ----------
    network : by default the one that ships with the package.

    Raises
    ------
    BundleError : the file of a network is missing or damaged.
    """

    needs = frozenset({TUBES, SOUND})

    def __init__(self, network: SpeakersNetwork | None = None) -> None:
        self._network = network or load_network()
        self._landmarker = FaceLandmarker(threads=1)
        self._bands = BandReader()
        self._samplers: dict[int, GridSampler] = {}
        self._last: dict[int, float] = {}
        self._steps: dict[int, list[NDArray[np.int64]]] = {}
        self._mouths: dict[int, list[NDArray[np.float16]]] = {}

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube."""
        times = np.asarray(tube.times, np.float64)
        chosen = thinned(times, self._last.get(tube.track, -np.inf))
        if not len(chosen):
            return
        times = times[chosen]
        self._last[tube.track] = float(times[-1])
        shapes = mouth_shapes(self._landmarker.points(tube.crops[chosen]))
        sampler = self._samplers.setdefault(tube.track, GridSampler())
        steps, mouths = sampler.push(times, shapes)
        if len(steps):
            self._steps.setdefault(tube.track, []).append(steps)
            self._mouths.setdefault(tube.track, []).append(mouths.astype(np.float16))

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take sound."""
        self._bands.push(chunk.time, chunk.samples)

    def finish(self) -> Features:
        """``speaker_track`` and ``speaker_step`` (n,), ``speaker_score`` (n, 3).

        An entry is a face at a step of the grid, ``step / 25`` seconds; see `Speakers.of`. There
        are none without sound, and none where there are under 7.5 frames a second.
        """
        levels = self._bands.finish()
        bands = Bands(levels, self._bands.start)
        tracks, steps = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        scores = [np.zeros((0, len(OFFSETS)), np.float32)]
        for track in sorted(self._steps) if len(levels) else ():
            at, mouths = np.concatenate(self._steps[track]), np.concatenate(self._mouths[track])
            for run in np.split(np.arange(len(at)), np.flatnonzero(np.diff(at) > 1) + 1):
                tracks.append(np.full(len(run), track, np.int64))
                steps.append(at[run])
                scores.append(self._network.score(mouths[run], int(at[run[0]]), bands))
        return {
            "speaker_track": np.concatenate(tracks),
            "speaker_step": np.concatenate(steps),
            "speaker_score": np.concatenate(scores),
        }


def _on_steps(speech: SpeechLike, count: int) -> NDArray[np.bool_]:
    """Whether somebody speaks at each step of the grid, ``count`` of them or to its end."""
    mask = speech.mask()
    if not len(mask):
        return np.zeros(count, np.bool_)
    end = speech.start + speech.step * len(mask)
    count = max(count, int(np.ceil(end * GRID_RATE - 1e-6)))
    at = np.floor((np.arange(count) / GRID_RATE - speech.start) / speech.step + 1e-6).astype(int)
    inside = (at >= 0) & (at < len(mask))
    return np.asarray(inside & mask[np.clip(at, 0, len(mask) - 1)])


def _best_offset(
    first: NDArray[np.int64], scores: Sequence[Floats], talk: NDArray[np.bool_] | None
) -> int:
    """Which of the offsets of audio and pictures fits a clip; the middle one if none does better.

    Parameters
    ----------
    first : (k,) step at which each track begins. scores : of each (n, offsets), averaged.
    talk : (m,) whether somebody speaks.
    """
    count = scores[0].shape[1] if scores else 1
    if talk is None or count == 1:
        return count // 2
    best = np.full((len(talk), count), np.nan, np.float32)
    for begin, part in zip(first, scores, strict=True):
        place = slice(int(begin), int(begin) + len(part))
        best[place] = np.fmax(best[place], part)
    best = best[talk & np.isfinite(best[:, 0])]
    if not len(best):
        return count // 2
    means = best.mean(axis=0)
    found = int(means.argmax())
    return found if means[found] > means[count // 2] + MARGIN else count // 2


def _averaged(scores: Floats, weight: NDArray[np.bool_] | None) -> Floats:
    """The mean around each step, over the steps with speech; NaN where there is no score."""
    known = np.isfinite(scores)
    used = known if weight is None or not weight.any() else known & weight
    half = round(SMOOTHING * GRID_RATE)
    kernel = np.ones(2 * half + 1, np.float32)
    total = np.convolve(np.where(used, scores, 0), kernel)[half : half + len(scores)]
    count = np.convolve(used.astype(np.float32), kernel)[half : half + len(scores)]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0.5, total / count, scores)
    return np.asarray(np.where(known, mean, np.nan), np.float32)
