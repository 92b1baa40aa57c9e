"""What the speakers' network is trained on and measured with: mouths and audio of clips.

``train_speakers.py`` and ``benchmarks/who_speaks.py`` use it. Each clip of one person who speaks is
decoded once; the landmarks of its face and its audio lie in a folder. Landmarks are found in the
clip as it is, and in altered ones: other framing and light, a turn, mirrored, small, blurred,
compressed, of a lower rate. A listener is made of the pauses of a clip: what the face shows between
two words, before the first and after the last, played forwards and backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.media.clip import GapFiller, SoundChunk, open_clip
from emonets.tubes.detect import load_detector
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.registration import to_grey
from emonets.voices.speakers_input import (
    BAND_RATE,
    BANDS,
    GRID_RATE,
    PER_STEP,
    BandReader,
    mouth_shapes,
    on_grid,
)

CORPORA = {"javanese_av": "*.mp4", "ravdess_av": "01-*.mp4", "crema_d": "*.flv", "grid": "*.mpg"}
"""Folders of clips with sound in which one person speaks."""
FLOOR = -110.0
"""Decibels of silence."""
VIEWS = 3
"""Altered ones of each clip."""
LEAST_SPEECH = 15
"""Steps of speech that a clip must hold."""
Generator = np.random.Generator
Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(eq=False)
class Talk:
    """A clip of one person who speaks.

    Attributes
    ----------
    name, corpus, group : the file's name, its folder, and its actor.
    mouths : shapes (n, 8), of the clip as it is and of altered ones.
    firsts : step of the grid of the first shape of each.
    levels : (m, 24) of the audio, from ``start`` seconds. talks : (k,) speech, at each step from 0.
    """

    name: str
    corpus: str
    group: str
    firsts: list[int]
    mouths: list[Floats]
    levels: NDArray[np.uint8]
    start: float
    talks: NDArray[np.bool_]

    def speech(self, view: int) -> NDArray[np.bool_]:
        """Whether the person speaks, for each mouth of a view."""
        return self.speech_at(self.firsts[view], len(self.mouths[view]))

    def speech_at(self, first: int, count: int) -> NDArray[np.bool_]:
        """Whether the person speaks, at steps of the grid."""
        at = np.arange(first, first + count)
        inside = (at >= 0) & (at < len(self.talks))
        return inside & self.talks[np.clip(at, 0, len(self.talks) - 1)]

    def pauses(self, view: int) -> list[tuple[int, int]]:
        """Runs of at least six mouths of a view that are four steps away from speech."""
        quiet = np.convolve(self.speech(view), np.ones(9), "same") == 0
        edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet, [0]])))
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 6]

    def listener(self, view: int, count: int, rng: Generator) -> Floats | None:
        """(count, 8), a pause forwards and backwards; None: there is none."""
        runs = self.pauses(view)
        if not runs:
            return None
        a, b = runs[rng.integers(len(runs))]
        there_and_back = np.concatenate([np.arange(a, b), np.arange(b - 2, a, -1)])
        at = (rng.integers(len(there_and_back)) + np.arange(count)) % len(there_and_back)
        return self.mouths[view][there_and_back[at]]

    def decibels(self, shift: float, first: int, count: int) -> Floats:
        """(4 count, 24) of the audio, moved by ``shift`` steps; silence beyond its ends."""
        a = round(((first - shift) / GRID_RATE - self.start) * BAND_RATE) - 1
        out = np.full((PER_STEP * count, BANDS), FLOOR, np.float32)
        low, high = max(0, a), min(len(self.levels), a + PER_STEP * count)
        if low < high:
            out[low - a : high - a] = self.levels[low:high] * np.float32(0.5) + FLOOR
        return out


def group_of(corpus: str, name: str) -> str:
    """The actor of a clip."""
    if corpus == "javanese_av":
        return f"javanese {name[:2]}"
    if corpus == "ravdess_av":
        return f"ravdess {name[-2:]}"
    return f"{corpus} {name.split('_', maxsplit=1)[0]}"


def clips_of(data: Sequence[Path]) -> list[tuple[str, Path]]:
    """Corpus and file of each clip, in a fixed order."""
    return [
        (corpus, path)
        for folder in data
        for corpus, pattern in CORPORA.items()
        for path in sorted((folder / corpus).glob(pattern))
    ]


def read_clips(data: Sequence[Path], work: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Corpus and name of each clip, ``samples``, ``start``, and ``times0``, ``points0`` of a view.

    Clips are decoded once and then read from ``work``.
    """
    work.mkdir(parents=True, exist_ok=True)
    landmarker = FaceLandmarker()
    for number, (corpus, path) in enumerate(clips_of(data)):
        kept = work / f"{corpus}__{path.stem}.npz"
        if not kept.exists():
            np.savez(kept, **_landmarks(path, landmarker, np.random.default_rng(number)))
        yield corpus, path.stem, dict(np.load(kept))


def decode(path: Path) -> tuple[NDArray[np.float64], Pictures, SoundChunk]:
    """Times (n,) and grey face crops (n, 96, 96) of the longest track, and the sound."""
    gaps, chunks = GapFiller(), []

    def on_sound(chunk: SoundChunk) -> None:
        chunks.extend(gaps.fill(chunk))

    tracks: dict[int, list[Any]] = {}
    for tube in find_tubes(open_clip(path), load_detector("auto"), on_sound=on_sound):
        tracks.setdefault(tube.track, []).append(tube)
    longest = max(tracks.values(), key=lambda pieces: sum(map(len, pieces)))
    times = np.concatenate([tube.times for tube in longest])
    crops = np.concatenate([to_grey(tube.crops) for tube in longest])
    return times, crops, SoundChunk(chunks[0].time, np.concatenate([c.samples for c in chunks]))


def _landmarks(path: Path, landmarker: FaceLandmarker, rng: Generator) -> dict[str, Any]:
    times, crops, sound = decode(path)
    out: dict[str, Any] = {"samples": sound.samples.astype(np.float16), "start": sound.time}
    for view in range(VIEWS + 1):
        at, seen = (times, crops) if view == 0 else altered(times, crops, rng)
        points = landmarker.points(np.repeat(seen[..., None], 3, axis=3))
        out |= {f"times{view}": at, f"points{view}": points.astype(np.float16)}
    return out


def talks_of(data: Sequence[Path], work: Path) -> list[Talk]:
    """All clips that hold speech."""
    out = []
    for corpus, name, arrays in read_clips(data, work):
        firsts, mouths = [], []
        for view in range(VIEWS + 1):
            steps, shapes = on_grid(arrays[f"times{view}"], mouth_shapes(arrays[f"points{view}"]))
            # where a face is missing the shape before stays
            every = np.arange(steps[0], steps[-1] + 1)
            firsts.append(int(steps[0]))
            mouths.append(shapes[np.searchsorted(steps, every, side="right") - 1])
        start, bands = float(arrays["start"]), BandReader()
        bands.push(start, arrays["samples"].astype(np.float32))
        levels = bands.finish()
        speech = speech_steps(levels, start, int(arrays["times0"][-1] * GRID_RATE) + 2)
        if speech.sum() > LEAST_SPEECH:
            group = group_of(corpus, name)
            out.append(Talk(name, corpus, group, firsts, mouths, levels, start, speech))
    return out


def speech_steps(levels: NDArray[np.uint8], start: float, count: int) -> NDArray[np.bool_]:
    """Where the level shows speech in a quiet recording, at steps of the grid from 0."""
    level = levels[:, 1:16].astype(np.float32).mean(axis=1) * 0.5
    level = np.convolve(level, np.ones(5) / 5, "same")
    on = level > max(np.percentile(level, 96) - 22, np.percentile(level, 5) + 8)
    at = np.round((np.arange(count) / GRID_RATE - start) * BAND_RATE).astype(int)
    speech = (at >= 0) & (at < len(on)) & on[np.clip(at, 0, len(on) - 1)]
    return _without_short(_without_short(speech, False, 5), True, 3)


def _without_short(mask: NDArray[np.bool_], value: bool, least: int) -> NDArray[np.bool_]:
    """Turn runs of a value that are shorter; those at the ends stay."""
    out = mask.copy()
    edges = [0, *(np.flatnonzero(np.diff(mask)) + 1), len(mask)]
    for a, b in list(pairwise(edges))[1:-1]:
        if mask[a] == value and b - a < least:
            out[a:b] = not value
    return out


def altered(
    times: NDArray[np.float64], crops: Pictures, rng: Generator
) -> tuple[NDArray[np.float64], Pictures]:
    """Times and faces of face crops (n, 96, 96), seen otherwise."""
    count, knots = len(crops), np.linspace(0, 1, 6)

    def wander(size: float) -> NDArray[np.float64]:
        return np.interp(np.linspace(0, 1, count), knots, rng.normal(0, size, len(knots)))

    scale, turn = np.exp(rng.normal(0, 0.06) + wander(0.012)), rng.normal(0, 4) + wander(1.5)
    x, y = rng.normal(0, 2) + wander(1.0), rng.normal(0, 2) + wander(1.0)
    mirrored = rng.random() < 0.5
    face = int(rng.choice([0, 0, 0, 36, 44, 61]))  # side of a small face
    quality, blur = int(rng.choice([0, 0, 30, 50, 70])), float(rng.choice([0, 0, 0.8, 1.3]))
    gain, gamma = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.2))
    noise = float(rng.choice([0, 0, 2, 5]))
    rate = float(rng.choice([0, 0, 0, 8.5, 10, 12.5, 15, 20]))
    out = np.empty(crops.shape, np.float32)
    size = crops.shape[1]
    for k in range(count):
        crop: Any = crops[k]
        if face:
            small = cv2.resize(crop, (face, face), interpolation=cv2.INTER_AREA)
            crop = cv2.resize(small, (size, size))
        if quality:
            coded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            crop = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        if blur:
            crop = cv2.GaussianBlur(crop, (0, 0), blur)
        m = cv2.getRotationMatrix2D((size / 2, size / 2), turn[k], scale[k])
        m[:, 2] += x[k], y[k]
        picture = cv2.warpAffine(crop, m, (size, size), borderMode=cv2.BORDER_REPLICATE)
        out[k] = picture[:, ::-1] if mirrored else picture
    out = 255 * np.clip(out / 255 * gain, 0, 1) ** gamma + rng.normal(0, noise, out.shape)
    faces = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    if not rate:
        return times, faces
    wanted = np.arange(times[0] + rng.uniform(0, 1 / rate), times[-1], 1 / rate)
    chosen = np.unique(np.clip(np.searchsorted(times, wanted), 0, count - 1))
    return times[chosen], faces[chosen]


def noisy(x: Floats, rng: Generator, other: Floats) -> Floats:
    """Decibels of audio (m, 24) in noise of any colour, with another voice, or through a filter."""
    loud, bands = np.percentile(x.mean(axis=1), 90), np.arange(BANDS)
    if rng.random() < 0.6:
        noise = loud - rng.uniform(3, 35) + rng.normal(0, 0.8) * (bands - BANDS / 2)
        noise = noise + rng.normal(0, 3, (1, BANDS)) + rng.normal(0, 3, x.shape)
        if rng.random() < 0.4:
            seconds = np.arange(len(x))[:, None] / BAND_RATE
            turns = rng.uniform(0.5, 6) * seconds + rng.uniform(0, 1)
            noise = noise + 6 * np.sin(2 * np.pi * turns)
        x = _sum(x, noise)
    if rng.random() < 0.25:
        x = _sum(x, other + loud - np.percentile(other.mean(axis=1), 90) - rng.uniform(6, 20))
    if rng.random() < 0.4:
        x = x + rng.normal(0, 5) * np.linspace(-1, 1, BANDS)
    if rng.random() < 0.2:
        x = x - 30.0 * (bands >= rng.integers(14, 22))
    return np.asarray(x, np.float32)


def _sum(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return 10 * np.log10(10 ** (a / 10) + 10 ** (b / 10))
