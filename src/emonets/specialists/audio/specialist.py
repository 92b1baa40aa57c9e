"""The audio specialist: sound → features a frame → network → seven probabilities (paper 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import BundleError, MediaError, ParameterError
from emonets.learners.logistic.scaled import ScaledLogistic
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.media.clip import SOUND_RATE, Clip
from emonets.specialists.audio.features.front import Front, front
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.features.yaafe import Level
from emonets.specialists.audio.network.classifier import SoundNetClassifier

Features = dict[str, NDArray[Any]]
Spans = Sequence[tuple[float, float]]

SILENCE = 1e-4
"""Sound that swings by no more than this (full scale is 1) is silence: three steps of 16 bits."""
PIECE = 5.0
"""Seconds: sounds longer than twice this are answered in pieces of about this, then averaged."""
_BEYOND = 4.0  # 12 dB above full scale
_MOST_BEYOND = 0.01  # of the samples: a broken packet bursts, music may overshoot, but not so much
_BLOCK = SOUND_RATE // 100  # samples over which the swing is measured
_BATCH = 32  # spans that go to the network together
_MAX_SECONDS = 3600.0


@dataclass(frozen=True)
class Sound:
    """What a first pass over a clip's sound tells.

    Attributes
    ----------
    start, end : seconds; equal where there is no sound.
    level : what the whole signal is scaled by.
    loud : (n,) bool, for each hundredth of a second from ``start``, whether it is no silence.
    """

    start: float
    end: float
    level: Level
    loud: NDArray[np.bool_]

    @property
    def found(self) -> bool:
        """Whether there is any sound that is not silence."""
        return bool(self.loud.any())

    def heard(self, start: float, end: float) -> bool:
        """Whether there is, between two times in seconds."""
        step = _BLOCK / SOUND_RATE
        first, last = int((start - self.start) / step), int(np.ceil((end - self.start) / step))
        return bool(self.loud[max(0, first) : max(0, last)].any())


def survey(clip: Clip) -> Sound:
    """Listen once to all of a clip: where its sound is, how loud, and whether there is any.

    Sound far beyond full scale (integers that were stored as floating point) is not believed: in
    a film it counts as none, and the clip as damaged.

    Raises
    ------
    MediaError : the clip has no pictures, and its sound cannot be decoded or believed.
    """
    start, count, beyond = 0.0, 0, 0
    swing = _Swing()

    def passing() -> Iterator[NDArray[np.float32]]:
        nonlocal start, count, beyond
        for chunk in clip.sound():
            start = start if count else chunk.time
            count += chunk.samples.size
            beyond += int(np.count_nonzero(np.abs(chunk.samples) > _BEYOND))
            swing.push(chunk.samples)
            yield chunk.samples

    level = Level.measure(passing())
    loud = swing.finish()
    if beyond > _MOST_BEYOND * count:
        problem = "its sound lies far beyond full scale, as integers stored as floating point do"
        if not clip.info.has_frames:
            raise MediaError(clip.info.path, problem, "store it as 16-bit PCM, or divide by 32768")
        clip.warnings.append(problem)
        clip.damaged = True
        loud = np.zeros_like(loud)
    return Sound(start, start + count / SOUND_RATE, level, loud)


class Network(Protocol):
    """What turns the frames of sounds into probabilities: a fitted classifier of sequences."""

    classes_: NDArray[Any]

    def predict_proba(self, X: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """(t, width) frames of n sounds → (n, classes)."""

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Settings (JSON) and arrays."""


class AudioSpecialist:
    """Seven probabilities for a clip by its sound.

    Parameters
    ----------
    network : fitted on whitened frames.
    whitening : the fitted whitening; None where the network takes the frames as they are.
    features : the front end, ``yaafe`` (the paper's 909 numbers a frame) or ``logmel``.
    emotions : which of the seven, 0..6, each column of the network's answer counts as; several
        may count as one (calm and neutral); None: the network's classes are the seven.
    head : a fitted classifier of what the sound network's last layer looks at, whose classes are
        emotions 0..6; the network's own answer, and ``emotions``, then play no part.
    """

    name = "audio"

    def __init__(
        self,
        network: Network,
        whitening: Whitening | None = None,
        *,
        features: str = "yaafe",
        emotions: Sequence[int] | None = None,
        head: ScaledLogistic | None = None,
    ) -> None:
        self.network = network
        self.whitening = whitening
        self.head = head
        if head is not None and not isinstance(network, SoundNetClassifier):
            raise ParameterError("a head needs a sound network to look at")
        self.front = front(features)
        self.emotions = tuple(map(int, network.classes_ if emotions is None else emotions))
        if len(self.emotions) != len(network.classes_):
            raise ParameterError(
                f"emotions has {len(self.emotions)} entries for {len(network.classes_)} classes"
            )
        if not set(self.emotions) <= set(range(len(EMOTIONS))):
            raise ParameterError(f"emotions must be 0..{len(EMOTIONS) - 1}, got {self.emotions}")

    @property
    def known_classes(self) -> tuple[int, ...]:
        """The emotions, 0..6, that it can answer; it was shown no others."""
        classes = self.emotions if self.head is None else self.head.classes_
        return tuple(sorted({int(c) for c in classes}))

    @property
    def decision(self) -> str:
        """In words, how frames become one answer."""
        what = (
            self.kind if self.head is None else f"logistic regression on what the {self.kind} hears"
        )
        return f"{what} on {self.front.what}, at most {2 * PIECE:g} s at a time"

    @property
    def kind(self) -> str:
        """What the network is, as bundles and presets call it."""
        return next(name for name, made in _NETWORKS.items() if isinstance(self.network, made))

    def extract(self, clip: Clip) -> Features:
        """The frames of a clip of an hour at most: see :func:`extract`."""
        return extract(clip, self.front.name)

    def listen(
        self, clip: Clip, sound: Sound, spans: Spans, *, device: str = "cpu"
    ) -> NDArray[np.float64]:
        """What is heard in each of several spans of a clip; memory does not grow with either.

        Parameters
        ----------
        sound : what :func:`survey` said of the clip.
        spans : (start, end) in seconds. A long one is answered in :func:`pieces`: by the mean of
            those that are not silent.
        device : where the sound network runs, as far as onnxruntime has it here.

        Returns
        -------
        (n, 7); 1/7 each where there is silence.
        """
        parts = [
            (n, part)
            for n, (start, end) in enumerate(spans)
            for part in pieces(max(start, sound.start), min(end, sound.end))
            if sound.heard(*part)
        ]
        total, count = np.zeros((len(spans), len(EMOTIONS))), np.zeros((len(spans), 1))
        frames = _frames(clip, sound, self.front)
        cut = _cut(frames, self.front, sound.start, [part for _, part in parts])
        for batch in _batches(cut):
            belong = [parts[i][0] for i, _ in batch]
            np.add.at(total, belong, self._predict([rows for _, rows in batch], device))
            np.add.at(count, belong, 1.0)
        return np.where(count, total / np.maximum(count, 1), UNIFORM)

    def predict_proba(self, features: Features | Sequence[Features]) -> NDArray[np.float64]:
        """(n, 7) for the features of one clip or of several; no sound or silence: 1/7 each."""
        clips = [features] if isinstance(features, Mapping) else list(features)
        out = np.full((len(clips), len(EMOTIONS)), UNIFORM)
        for i, clip in enumerate(clips):
            if clip["found"]:
                start, end = map(float, clip["span"])
                cut = _cut([clip["frames"]], self.front, start, pieces(start, end))
                out[i] = self._predict([rows for _, rows in cut]).mean(axis=0)
        return out

    def _predict(
        self, sounds: Sequence[NDArray[np.float32]], device: str = "cpu"
    ) -> NDArray[np.float64]:
        if isinstance(self.network, SoundNetClassifier):
            self.network.use(
                device=device, threads=1
            )  # clips, not threads, are what runs side by side
            if self.head is not None:
                full = np.zeros((len(sounds), len(EMOTIONS)))
                p = self.head.predict_proba(self.network.embed(sounds))
                full[:, np.asarray(self.head.classes_, np.int64)] = p
                return full
        if self.whitening is not None:
            sounds = [self.whitening.transform(rows) for rows in sounds]
        full = np.zeros((len(sounds), len(EMOTIONS)))
        for emotion, column in zip(
            self.emotions, self.network.predict_proba(sounds).T, strict=True
        ):
            full[:, emotion] += column
        return full

    def embed(self, features: Features) -> NDArray[np.float64] | None:
        """What a head learns on, (d,) of a clip; None where there is no sound.

        Of long clips the mean of :func:`pieces`.

        Raises
        ------
        ParameterError : the network is no sound network.
        """
        if not isinstance(self.network, SoundNetClassifier):
            raise ParameterError("only a sound network can be looked into")
        if not features["found"]:
            return None
        self.network.use(threads=1)
        start, end = map(float, features["span"])
        cut = _cut([features["frames"]], self.front, start, pieces(start, end))
        rows: NDArray[np.float64] = self.network.embed([rows for _, rows in cut]).mean(axis=0)
        return rows

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, dict[str, NDArray[Any]]]]:
        """Settings (JSON) and arrays by part, for a bundle."""
        network, arrays = self.network.to_arrays()
        parts = {"audio": arrays}
        if self.head is not None:
            parts["audio_head"] = self.head.to_arrays()
        if self.whitening is not None:
            parts["audio_whitening"] = self.whitening.to_arrays()
        settings = {
            "features": self.front.name,
            "kind": self.kind,
            "network": network,
            "emotions": list(self.emotions),
        }
        return settings, parts

    @classmethod
    def from_arrays(
        cls, settings: Mapping[str, Any], parts: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> Self:
        """The inverse of :meth:`to_arrays`; raises :class:`BundleError` where it does not fit."""
        try:
            network = _NETWORKS[settings["kind"]].from_arrays(settings["network"], parts["audio"])
            whitening = None
            if "audio_whitening" in parts:
                whitening = Whitening.from_arrays(parts["audio_whitening"])
            head = (
                ScaledLogistic.from_arrays(parts["audio_head"]) if "audio_head" in parts else None
            )
            if head is not None and not set(head.classes_.tolist()) <= set(range(len(EMOTIONS))):
                raise BundleError("the classes of the audio head are not among the seven emotions")
            return cls(
                network,
                whitening,
                features=settings["features"],
                emotions=settings["emotions"],
                head=head,
            )
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError, ParameterError) as error:
            raise BundleError(f"the audio specialist is incomplete: {error!r}") from None


_NETWORKS: dict[str, Any] = {
    "pooled perceptron": PooledPerceptron,
    "sound network": SoundNetClassifier,
}
"""By the names that bundles and presets give them."""


def extract(clip: Clip, features: str) -> Features:
    """All frames of a clip's sound, of an hour at most.

    Parameters
    ----------
    features : ``yaafe`` or ``logmel``.

    Returns
    -------
    dict of arrays: ``frames`` (t, width) float32, not yet whitened; ``time`` (t,) in seconds;
    ``span`` (2,) start and end of the sound; ``found`` (), whether it is no silence (if not,
    there are no frames).

    Raises
    ------
    MediaError : the sound is longer than an hour, or cannot be decoded.
    """
    kind = front(features)
    sound = survey(clip)
    if sound.end - sound.start > _MAX_SECONDS:
        raise MediaError(clip.info.path, "has more than an hour of sound", "cut it")
    frames = np.concatenate([np.empty((0, kind.width), np.float32), *_frames(clip, sound, kind)])
    return {
        "frames": frames,
        "time": sound.start + kind.first + kind.step * np.arange(len(frames)),
        "span": np.array([sound.start, sound.end]),
        "found": np.array(sound.found),
    }


def pieces(start: float, end: float) -> list[tuple[float, float]]:
    """The spans whose answers make the whole's: one up to 10 s, else of about 5 s each."""
    length = end - start
    count = 1 if length <= 2 * PIECE else int(np.ceil(length / PIECE))
    return list(pairwise(np.linspace(start, end, count + 1).tolist()))


def _frames(clip: Clip, sound: Sound, kind: Front) -> Iterator[NDArray[np.float32]]:
    """The feature frames of a clip, some at a time; none if it is silent."""
    if not sound.found:
        return
    stream = kind.open(sound.level)
    for chunk in clip.sound():
        yield stream.push(chunk.samples).astype(np.float32)
    yield stream.finish().astype(np.float32)


def _cut(
    blocks: Iterable[NDArray[np.float32]], kind: Front, start: float, spans: Spans
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The number and the rows of each span, as soon as all of its rows are there.

    Of the rows only those are kept that a later span still needs.
    """
    edges = np.ceil((np.asarray(spans) - start - kind.first) / kind.step - 1e-6).astype(int)
    bounds = [(max(i, 0), max(j, i + 1, 1)) for i, j in edges.reshape(-1, 2).tolist()]
    order = sorted(range(len(spans)), key=lambda n: bounds[n][1])
    needed = np.minimum.accumulate([bounds[n][0] for n in reversed(order)])[::-1].tolist()
    kept: list[NDArray[np.float32]] = []
    first = last = 0  # rows first..last are kept
    done = 0

    def rows(n: int) -> NDArray[np.float32]:
        i, j = bounds[n]
        i = min(i, last - 1)  # a span that only touches the end hears the last frame
        return np.concatenate(kept)[i - first : j - first]

    for block in blocks:
        if not len(block):
            continue
        kept.append(block)
        last += len(block)
        while done < len(order) and bounds[order[done]][1] <= last:
            yield order[done], rows(order[done])
            done += 1
        if done == len(order):
            return
        while kept and first + len(kept[0]) <= min(needed[done], last - 1):
            first += len(kept.pop(0))
    for n in order[done:] if kept else []:
        yield n, rows(n)


def _batches(
    items: Iterable[tuple[int, NDArray[np.float32]]],
) -> Iterator[list[tuple[int, NDArray[np.float32]]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


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
