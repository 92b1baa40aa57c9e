"""Who counts for a clip's own prediction: today's rule beside the one of `docs/howto/persons.md`.

    python benchmarks/clip_answer.py --data ../shared/data [--out docs/results] [--clips 16]

Films are made of Javanese clips, several in one picture. One person speaks: the film's sound is
this person's own clip. Beside this person are photographs (a frame of another clip each), a small
person, a person for a tenth of the time, or a person of the same size whose sound is left out. All
others show another emotion than the person who speaks.

The right answer for a film is that for the person who speaks alone, by the same model. Shown is in
how many films the label is this one, for the face and for face and audio. A film is read once. Its
rows are made by each rule:

- ``all pictures``: the faces of all tracks together, with the voice (the rule before persons);
- ``area and time`` and ``who speaks``: the two parts of the rule by themselves;
- ``persons``: the rule, with what the readers of persons and speech find;
- ``persons, 20``: a speaker counts 1 + 20 times as much as a listener, in place of 1 + 100;
- ``persons, known``: the same, with who speaks known from how the film was made.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import emonets
from emonets.evaluation.metrics import Score
from emonets.evaluation.records import Evidence, write_results
from emonets.inference.clip import Reading, predict_rows, read
from emonets.inference.persons import SPEAKER, Scene, Tracks
from emonets.media.clip import Frame, SoundChunk, open_clip

COMMAND = "python benchmarks/clip_answer.py --data DATA"
WIDTH, HEIGHT = 240, 180
TILES = [(x, y) for y in (0, HEIGHT) for x in (0, WIDTH, 2 * WIDTH)]
SECONDS, RATE = 2.4, 15
EMOTIONS = {"01": 6, "02": 4, "03": 3, "04": 5, "05": 2, "06": 0}
Picture = NDArray[np.uint8]
Kind = tuple[str, int]
KINDS: tuple[Kind, ...] = (
    *(("photographs", n) for n in (1, 3, 5)), ("small", 1), ("short", 1), ("silent", 1),
)  # fmt: skip
NAMES = {
    "small": "a person of half the size", "short": "a person for a tenth of the time",
    "silent": "a person of the same size whose sound is left out",
}  # fmt: skip
LESS = {"persons, 20": 20.0}
RULES = ("all pictures", "area and time", "who speaks", "persons", "persons, 20", "persons, known")


@dataclass(frozen=True)
class Taken:
    """Pictures and sound of a clip."""

    pictures: list[Picture]
    sound: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Known:
    """Who speaks as the film was made: one track's person, all the time that somebody speaks."""

    speaker: int
    speech: Any

    def speaks(self, tracks: Tracks, start: float, end: float) -> bool | None:
        return self.speaker in tracks and self.share(tracks, start, end) > 0

    def share(self, tracks: Tracks, start: float, end: float) -> float:
        if self.speaker not in tracks:
            return 0.0
        return 1.0 if self.speech is None else float(self.speech.share(start, end))


def taken(path: Path) -> Taken:
    """The first seconds of a clip, `RATE` pictures a second."""
    pictures, parts = [], []
    for part in open_clip(path).decode(sound=True):
        if isinstance(part, Frame) and len(pictures) / RATE <= part.time < SECONDS:
            pictures.append(cv2.resize(part.image, (WIDTH, HEIGHT)).astype(np.uint8))
        elif isinstance(part, SoundChunk):
            parts.append(part.samples)
    return Taken(pictures, np.concatenate(parts)[: round(SECONDS * 48_000)])


def film(path: Path, one: Taken, others: Sequence[Taken], kind: str) -> Path:
    """Write a film of the person who speaks, at the top left, and others."""
    count = len(one.pictures)
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = 3 * WIDTH, 2 * HEIGHT, "yuv420p"
        video.options = {"crf": "14", "preset": "ultrafast"}
        audio: Any = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for i in range(count):
            canvas = np.full((2 * HEIGHT, 3 * WIDTH, 3), 120, np.uint8)
            canvas[:HEIGHT, :WIDTH] = one.pictures[i]
            for (x, y), other in zip(TILES[1:], others, strict=False):
                still = kind == "photographs"
                at = len(other.pictures) // 2 if still else i % len(other.pictures)
                if kind == "short" and i < 0.9 * count:
                    continue
                shown, width, height = other.pictures[at], WIDTH, HEIGHT
                if kind == "small":
                    width, height = WIDTH // 2, HEIGHT // 2
                    shown = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
                canvas[y : y + height, x : x + width] = shown
            out.mux(video.encode(av.VideoFrame.from_ndarray(canvas, "rgb24")))
        out.mux(video.encode())
        pcm = np.round(np.clip(one.sound, -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(audio.encode(frame))
        out.mux(audio.encode())
    return path


def labels(reading: Reading) -> dict[str, str | None]:
    """The clip's label by the face, and by face and audio."""
    rows, _ = predict_rows(reading, file="film", window=None)
    return {row.model: row.label for row in rows if row.level == "clip"}


def scenes(reading: Reading) -> Mapping[str, Scene]:
    """The scene of a film by each rule."""
    own = reading.scene
    boxes, track = reading.features["face"]["boxes"], reading.features["face"]["track"]
    left = boxes[:, [0, 2]].mean(axis=1) < WIDTH
    top = boxes[:, [1, 3]].mean(axis=1) < HEIGHT
    mine = sorted(set(track[left & top].tolist()))
    known = None if not mine else Known(mine[0], own.speech)
    even = dict.fromkeys(own.seen, 1.0)
    return {
        "all pictures": Scene(),
        "area and time": replace(own, speakers=None),
        "who speaks": replace(own, seen=even, speakers=known),
        "persons": own,
        "persons, 20": own,
        "persons, known": replace(own, speakers=known),
    }


def draw(files: Sequence[Path], count: int, seed: int) -> list[tuple[Path, list[Path]]]:
    """Clips of those who speak, each with five of other people of one other emotion."""
    rng = np.random.default_rng(seed)
    by_actor: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_actor[file.name[:2]].append(file)
    actors, out = sorted(by_actor), []
    for i in range(count):
        actor = actors[i % len(actors)]
        one = by_actor[actor][int(rng.integers(len(by_actor[actor])))]
        emotion = str(rng.choice([e for e in EMOTIONS if e != one.name[6:8]]))
        rest = rng.permutation([a for a in actors if a != actor])[:5]
        fit = {a: [f for f in by_actor[a] if f.name[6:8] == emotion] for a in rest}
        out.append((one, [fit[a][int(rng.integers(len(fit[a])))] for a in rest]))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = emonets.load()
    right: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mkv"
        for one, others in draw(
            sorted((args.data / "javanese_av").glob("*.mp4")), args.clips, args.seed
        ):
            main_, rest = taken(one), [taken(other) for other in others]
            parts = {name: model.specialists[name] for name in ("face", "audio")}
            wanted = labels(read(open_clip(film(path, main_, [], "")), parts, file="film"))
            for kind, number in KINDS:
                reading = read(
                    open_clip(film(path, main_, rest[:number], kind)), parts, file="film"
                )
                for rule, scene in scenes(reading).items():
                    with patch("emonets.inference.persons.SPEAKER", LESS.get(rule, SPEAKER)):
                        got = labels(replace(reading, scene=scene))
                    for row in ("face", "face+audio"):
                        name = NAMES.get(kind, f"{number} photographs").replace(
                            "1 photographs", "1 photograph"
                        )
                        right[name, rule, row].append(got[row] == wanted[row])
            print(one.name, {r: np.mean(v) for r, v in by_rule(right).items()}, flush=True)
    rows = []
    for (name, rule, row), hits in right.items():
        score = interval(hits, args.seed)
        note = "the rule before" if rule == RULES[0] else ""
        rows += [
            Evidence(
                what=f"{rule}, {row}", data="films of javanese_av", split=name, metric="share",
                group="film", n=len(hits), value=score.value, low=score.low, high=score.high,
                seed=args.seed, command=COMMAND, note=note,
            )
        ]  # fmt: skip
    write_results("clip_answer", rows, args.out)


def by_rule(right: Mapping[tuple[str, str, str], Sequence[bool]]) -> dict[str, list[bool]]:
    out: dict[str, list[bool]] = defaultdict(list)
    for (_, rule, row), hits in right.items():
        out[f"{rule}, {row}"] += hits
    return out


def interval(hits: Sequence[bool], seed: int) -> Score:
    """The share, with a 95 % bootstrap interval over films."""
    values = np.array(hits, np.float64)
    drawn = np.random.default_rng(seed).choice(values, (2000, len(values))).mean(axis=1)
    return Score(float(values.mean()), *map(float, np.quantile(drawn, [0.025, 0.975])))


if __name__ == "__main__":
    main()
