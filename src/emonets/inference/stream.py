"""What is known now of a stream: its faces, its voice and both together, over the last seconds.

The faces of each frame are described as soon as they are found, by readers of the same specialists
as a clip's. The voice of the last seconds is read anew, every now and then, by the audio
specialist's own reader, in a thread: frames do not wait for it. Nothing older than the window is
kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import SOUND, TUBES, Features, Specialist
from emonets.fusion.named import Known, NamedFusion
from emonets.inference.combine import calibrated, combine_windows
from emonets.inference.persons import Scene, SpeakersLike, SpeechLike
from emonets.inference.rows import rows_of
from emonets.inference.scene import uses_speech
from emonets.media.clip import SoundChunk
from emonets.result import Row
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.tube import FaceTube
from emonets.voices.speakers import Speakers
from emonets.voices.speakers_input import BandReader, Bands, mouth_shapes, on_grid, thinned
from emonets.voices.speakers_network import OFFSETS, SpeakersNetwork, load_network
from emonets.voices.speech import Speech

_ONCE = ("span", "step")


@dataclass(frozen=True)
class LivePerson:
    """One face that is in the picture now.

    Attributes
    ----------
    track : number of the face, as long as it is followed without a break.
    box : left, top, right, bottom in pixels of the frame.
    rows : of each specialist of faces, over the window.
    combined : with the voice, by the model's fusion; where only one specialist is used, its own.
    """

    track: int
    box: tuple[float, float, float, float]
    rows: tuple[Row, ...]
    combined: Row

    @property
    def label(self) -> str | None:
        """The most probable emotion of `combined`."""
        return self.combined.label

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of `combined`, in the order of ``emonets.EMOTIONS``."""
        return self.combined.probabilities


@dataclass(frozen=True)
class Update:
    """What is known of a stream at one moment.

    Attributes
    ----------
    time : of the latest frame, or of the sound where there is none; by the clock of the pushes.
    age : seconds from the arrival of that frame to this answer. NaN before the first frame.
    persons : the faces of the latest frame. Empty where there is none.
    voice : over the last seconds in which somebody speaks; None where nobody does, where it is
        not known yet, and where it is older than the window.
    frames : frames that were examined so far. dropped : frames that were left out to keep up.
    """

    time: float
    age: float
    persons: tuple[LivePerson, ...] = ()
    voice: Row | None = None
    frames: int = 0
    dropped: int = 0


class LiveFaces:
    """The faces of the last seconds, described frame by frame.

    Parameters
    ----------
    specialists : by name; those of single faces are used.
    window : seconds that are kept. device : as in `emonets.model.EmoNets`.
    """

    def __init__(
        self, specialists: Mapping[str, Specialist], window: float, *, device: str = "cpu"
    ) -> None:
        self.specialists = {
            name: part for name, part in specialists.items()
            if part.per_face and part.needs == {TUBES}
        }  # fmt: skip
        self._window, self._device = window, device
        self._kept: deque[tuple[float, dict[str, Features]]] = deque()
        self._times: deque[float] = deque()
        self.latest: list[FaceTube] = []

    def push(self, time: float, faces: Sequence[FaceTube]) -> None:
        """Take the faces of the next frame, each a tube of one picture."""
        self._times.append(time)
        self.latest = list(faces)
        described = {}
        for name, part in self.specialists.items() if faces else ():
            reader = part.open(device=self._device)
            for face in faces:
                reader.push_tube(face)
            described[name] = reader.finish()
        if described:
            self._kept.append((time, described))
        while self._kept and self._kept[0][0] <= time - self._window:
            self._kept.popleft()
        while self._times[0] <= time - self._window:
            self._times.popleft()

    def features(self) -> dict[str, Features]:
        """Of each specialist, over the frames that are kept; empty where there is no face."""
        if not self._kept:
            return {}
        times = list(self._times)
        step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
        about = {"span": np.array([times[0], times[-1] + step]), "step": np.array(step)}
        parts = [described for _, described in list(self._kept)]
        return {
            name: {
                key: np.concatenate([part[name][key] for part in parts])
                for key in parts[0][name] if key not in _ONCE
            } | about
            for name in parts[0]
        }  # fmt: skip


class Heard(NamedTuple):
    """An answer about the voice: rows of its specialists, where somebody speaks, and who does."""

    rows: tuple[Row, ...] = ()
    speech: SpeechLike | None = None
    speakers: SpeakersLike | None = None


class LiveVoice:
    """The voice of the last seconds, and whose it is, read anew in a thread.

    Parameters
    ----------
    specialists : by name; those that need sound alone are used.
    window : seconds. every : seconds between answers, at least.
    faces : whether faces are followed: who speaks is then examined. file : as rows name it.
    """

    def __init__(
        self,
        specialists: Mapping[str, Specialist],
        window: float,
        *,
        every: float = 1.0,
        device: str = "cpu",
        faces: bool = True,
        file: str = "",
    ) -> None:
        self.specialists = {
            name: part for name, part in specialists.items() if part.needs == {SOUND}
        }
        self.heard = Heard()
        """The latest answer."""
        self._window, self._every, self._device, self._file = window, every, device, file
        self._chunks: deque[SoundChunk] = deque()
        self.answers = 0
        self._answered = -np.inf
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: Future[None] | None = None
        spoken = any(map(uses_speech, self.specialists.values()))
        self._mouths, self._network = None, None
        if faces and spoken:
            self._mouths, self._network = _Mouths(window), load_network()

    @property
    def end(self) -> float:
        """Where the sound so far ends, seconds; -inf before any."""
        return self._chunks[-1].end if self._chunks else -np.inf

    def push_faces(self, faces: Sequence[FaceTube]) -> None:
        """Take the faces of the next frame: their mouths tell who speaks."""
        if self._mouths is not None and self._chunks:
            self._mouths.push(faces)

    def push(self, chunk: SoundChunk) -> None:
        """Take the next sound at 48 kHz, which begins where the one before ended."""
        if not self.specialists:
            return
        self._chunks.append(chunk)
        while self._chunks[0].end <= chunk.end - self._window:
            self._chunks.popleft()
        if self._waiting is not None and self._waiting.done():
            self.settle()
        if self._waiting is None and chunk.end >= self._answered + self._every:
            self._submit()

    def settle(self, *, latest: bool = False) -> None:
        """Wait for the answer that is being made, if any; its error is raised here.

        With ``latest`` also for one about the latest sound.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.result()
        if latest and self._chunks and self.end >= self._answered + self._every:
            self._submit()
            self.settle()

    def _submit(self) -> None:
        self._answered = self.end
        self._pool = self._pool or ThreadPoolExecutor(1, "emonets-voice")
        mouths = None if self._mouths is None else self._mouths.taken()
        self._waiting = self._pool.submit(self._answer, list(self._chunks), mouths)

    def close(self) -> None:
        """End the thread."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _answer(self, chunks: Sequence[SoundChunk], mouths: _Taken | None) -> None:
        start, end = chunks[0].time, chunks[-1].end
        sound = SoundChunk(start, np.concatenate([chunk.samples for chunk in chunks]))
        features: dict[str, Features] = {}
        for name, part in self.specialists.items():
            reader = part.open(device=self._device)
            reader.push_sound(sound)
            features[name] = reader.finish()
        speech = next(filter(None, map(Speech.of, features.values())), None)
        speakers = None
        if mouths is not None and speech is not None and self._network is not None:
            speakers = Speakers.of(speaker_features(mouths, sound, self._network), speech)
        made = rows_of(
            self._file,
            self.specialists,
            features,
            [(start, end)],
            (start, end),
            scene=Scene(speech=speech),
        )
        self.heard = Heard(tuple(made.whole), speech, speakers)
        self.answers += 1


_Taken = dict[int, tuple[NDArray[np.float64], NDArray[np.float32]]]
"""Track → times (n,) in seconds and shapes (n, 8) of its mouth."""


class _Mouths:
    """The shapes of the mouths of the last seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._landmarker = FaceLandmarker(threads=1)
        self._kept: deque[tuple[int, float, NDArray[np.float32]]] = deque()
        self._last: dict[int, float] = {}

    def push(self, faces: Sequence[FaceTube]) -> None:
        for face in faces:
            if not len(thinned(face.times, self._last.get(face.track, -np.inf))):
                continue
            self._last[face.track] = float(face.times[0])
            shape = mouth_shapes(self._landmarker.points(face.crops))[0]
            self._kept.append((face.track, float(face.times[0]), shape))
        while self._kept and self._kept[0][1] <= self._kept[-1][1] - self._window:
            self._kept.popleft()
        if len(self._last) > len(faces):  # of faces that left
            self._last = {face.track: self._last[face.track] for face in faces}

    def taken(self) -> _Taken:
        out: dict[int, list[tuple[float, NDArray[np.float32]]]] = {}
        for track, time, shape in list(self._kept):  # sound may come from another thread
            out.setdefault(track, []).append((time, shape))
        return {
            track: (np.array([t for t, _ in own]), np.stack([shape for _, shape in own]))
            for track, own in out.items()
        }


def speaker_features(mouths: _Taken, sound: SoundChunk, network: SpeakersNetwork) -> Features:
    """As `emonets.voices.speakers.SpeakersReader` returns them."""
    reader = BandReader()
    reader.push(sound.time, sound.samples)
    levels = reader.finish()
    bands = Bands(levels, reader.start)
    tracks, steps = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    scores = [np.zeros((0, len(OFFSETS)), np.float32)]
    for track, (times, shapes) in sorted(mouths.items()) if len(levels) else ():
        at, values = on_grid(times, shapes)
        for run in np.split(np.arange(len(at)), np.flatnonzero(np.diff(at) > 1) + 1):
            if len(run):
                tracks.append(np.full(len(run), track, np.int64))
                steps.append(at[run])
                kept = values[run].astype(np.float16)
                scores.append(network.score(kept, int(at[run[0]]), bands))
    return {
        "speaker_track": np.concatenate(tracks),
        "speaker_step": np.concatenate(steps),
        "speaker_score": np.concatenate(scores),
    }


def answer(
    faces: LiveFaces,
    heard: Heard,
    fusion: NamedFusion | None,
    known: Known,
    *,
    time: float,
    window: float,
    file: str = "",
) -> tuple[tuple[LivePerson, ...], Row | None]:
    """The persons of the latest frame and the voice, over the window that ends there.

    Parameters
    ----------
    heard : the latest answer about the voice.
    fusion, known : as for `emonets.inference.combine.combine_windows`.
    time : of the latest frame, seconds. file : as rows name the stream.
    """
    rows = [row for row in heard.rows if row.end > time - window]
    found = [row for row in rows if row.found]
    features = faces.features()
    names = [*(faces.specialists if features else ()), *(row.model for row in rows)]
    persons: list[LivePerson] = []
    if features and faces.latest:
        scene = Scene.of(features.values(), None, heard.speech, heard.speakers)
        span = (time - window, float(np.nextafter(time, np.inf)))
        made = rows_of(file, faces.specialists, features, [span], span, scene=scene).by_span[0]
        boxes = {face.track: face.boxes[0] for face in faces.latest}
        shown = [row for row in made if row.track in boxes]
        if len(names) > 1:
            fused = combine_windows([[*shown, *rows]], names, fusion, known)
        else:
            fused = calibrated(shown, fusion)
        for row in fused:
            if row.track is not None:
                own = tuple(other for other in shown if other.track == row.track)
                box = tuple(map(float, boxes[row.track]))
                persons.append(LivePerson(row.track, box, own, row))  # type: ignore[arg-type]
    return tuple(persons), found[0] if found else None


def shifted(row: Row, by: float) -> Row:
    """A row with other times, seconds."""
    return replace(row, start=row.start + by, end=row.end + by)


def moved(person: LivePerson, by: float) -> LivePerson:
    """A person whose rows have other times, seconds."""
    rows: Any = tuple(shifted(row, by) for row in person.rows)
    return replace(person, rows=rows, combined=shifted(person.combined, by))
