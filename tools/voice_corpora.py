"""The speech corpora that the voice learned from: files, labels, speakers, and cached frames.

Each corpus is a folder under DATA. Labels are 0..6 in the order of `emonets.EMOTIONS`. ``calm`` of
RAVDESS counts as neutral. Files of other emotions, such as boredom, are left out.

The frames of a clip are those that the product uses: log-mel frames within half a second of speech
(`emonets.specialists.audio.specialist.frames_used`). A clip without speech has none, and is left
out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, MediaError
from emonets.media.clip import open_clip
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader
from emonets.specialists.audio.specialist import frames_used

ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL = range(len(EMOTIONS))


class Entry(NamedTuple):
    """A labelled file: its path, its emotion 0..6 and its speaker."""

    file: Path
    label: int
    speaker: str


@dataclass(frozen=True)
class Corpus:
    """What a corpus is, and how its files are named.

    Attributes
    ----------
    language : that is spoken.
    terms : that its publisher states.
    pattern : of a file's path below the corpus' folder, with the groups ``emotion`` and
        ``speaker``.
    emotions : word or number of a name → 0..6.
    held_out : speakers that are never trained on.
    most : clips that are used of each emotion of a speaker, the first in a random order.
    """

    language: str
    terms: str
    pattern: str
    emotions: dict[str, int]
    held_out: frozenset[str] = frozenset()
    most: int = 1000

    def entries(self, folder: Path) -> Iterator[Entry]:
        """The labelled files of a folder that are used."""
        named = re.compile(self.pattern, re.IGNORECASE)
        files = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".opus"))
        random, taken = np.random.default_rng(0), Counter[tuple[str, str]]()
        for k in random.permutation(len(files)).tolist():
            match = named.search(files[k].relative_to(folder).as_posix())
            if not match or match["emotion"].lower() not in self.emotions:
                continue
            emotion, speaker = match["emotion"].lower(), match["speaker"]
            taken[emotion, speaker] += 1
            if taken[emotion, speaker] <= self.most:
                yield Entry(files[k], self.emotions[emotion], speaker)


CORPORA = {
    "javanese_speech": Corpus(
        "Javanese", "MIT", r"(?P<speaker>\d+)-\d+-(?P<emotion>\d+)_\d+\.\w+$",
        {"01": NEUTRAL, "02": SAD, "03": HAPPY, "04": SURPRISE, "05": FEAR, "06": ANGRY},
    ),
    "emodb": Corpus(
        "German", "research use", r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[weaftn])[a-z]?\.\w+$",
        {"w": ANGRY, "e": DISGUST, "a": FEAR, "f": HAPPY, "t": SAD, "n": NEUTRAL},
    ),
    "ravdess_speech": Corpus(
        "English", "CC BY-NC-SA 4.0",
        r"\d\d-\d\d-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)\.\w+$",
        {
            "01": NEUTRAL, "02": NEUTRAL, "03": HAPPY, "04": SAD, "05": ANGRY, "06": FEAR,
            "07": DISGUST, "08": SURPRISE,
        },
        most=3,
    ),
    "nemo": Corpus(
        "Polish", "CC BY-NC-SA 4.0", r"(?P<speaker>\w\w\d)_(?P<emotion>[a-z]+)_\d+\.wav$",
        {
            "anger": ANGRY, "fear": FEAR, "happiness": HAPPY, "neutral": NEUTRAL,
            "sadness": SAD, "surprised": SURPRISE,
        },
        frozenset({"MK0", "WR0"}), most=10,
    ),
    "ased": Corpus(
        "Amharic", "none stated", r"(?P<emotion>[nfhsa])\d-\d\d-\d\d-\d\d-(?P<speaker>\d\d)\.wav$",
        {"n": NEUTRAL, "f": FEAR, "h": HAPPY, "s": SAD, "a": ANGRY},
        frozenset(map(str, range(51, 66))), most=2,
    ),
    "urdu": Corpus(
        "Urdu", "research use", r"(?P<speaker>S[MF]\d+)_F\d+_(?P<emotion>[AHNS])\d+\.wav$",
        {"a": ANGRY, "h": HAPPY, "n": NEUTRAL, "s": SAD}, most=12,
    ),
    # Its README states 201-300 angry and 301-400 sad; the sound shows the reverse.
    "korean_emotion": Corpus(
        "Korean", "CC BY-NC-SA", r"(?P<speaker>\w{3})00(?P<emotion>\d)\d\d\.wav$",
        {"0": NEUTRAL, "1": HAPPY, "2": SAD, "3": ANGRY},
    ),
    "banglaser": Corpus(
        "Bangla", "none stated",
        r"\d\d-\d\d-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)\.wav$",
        {
            "01": HAPPY, "02": SAD, "03": ANGRY, "04": SURPRISE, "05": NEUTRAL, "06": DISGUST,
            "07": FEAR,
        },
    ),
    "emotale": Corpus(
        "Danish and English", "none stated",
        r"(DK|EN)_(?P<speaker>\d+)_(?P<emotion>[AHSN])_\d\.wav$",
        {"a": ANGRY, "h": HAPPY, "s": SAD, "n": NEUTRAL}, most=6,
    ),
}  # fmt: skip
"""By the name of the folder."""


@dataclass(frozen=True)
class Material:
    """The frames of a corpus' clips with speech.

    Attributes
    ----------
    name : of the corpus.
    frames : n arrays (t, 64), dB, float16.
    labels : (n,) 0..6.
    speakers : (n,).
    files : (n,) paths below the corpus' folder.
    dropped : files without speech, or that cannot be decoded.
    """

    name: str
    frames: list[NDArray[np.float16]]
    labels: NDArray[np.int64]
    speakers: NDArray[np.str_]
    files: NDArray[np.str_]
    dropped: NDArray[np.str_]

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """(n,) whether the speaker is never trained on."""
        return np.isin(self.speakers, sorted(CORPORA[self.name].held_out))


def material(name: str, data: Path, cache: Path) -> Material:
    """The frames of a corpus, out of the cache; extracted where they are not yet there.

    Raises
    ------
    DataError : the corpus is unknown, or its folder holds none of its files.
    """
    if name not in CORPORA:
        raise DataError(f"{name}: unknown corpus; known are {', '.join(CORPORA)}")
    kept = cache / f"{name}.npz"
    if not kept.exists():
        _extract(name, data / name, kept)
    with np.load(kept) as stored:
        frames = np.split(stored["frames"], np.cumsum(stored["lengths"])[:-1])
        rest = {key: stored[key] for key in ("labels", "speakers", "files", "dropped")}
    return Material(name, frames, **rest)


def _extract(name: str, folder: Path, kept: Path) -> None:
    frames, entries, dropped = [], [], []
    for entry in CORPORA[name].entries(folder):
        found = frames_of(entry.file)
        if found is None:
            dropped.append(entry.file.relative_to(folder).as_posix())
        else:
            frames.append(found)
            entries.append(entry)
    if not entries:
        raise DataError(f"{folder}: holds no sound of {name}; name the folder with --data")
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part.npz")
    np.savez(
        part, frames=np.concatenate(frames), lengths=np.array([len(f) for f in frames]),
        labels=np.array([e.label for e in entries]),
        speakers=np.array([e.speaker for e in entries]),
        files=np.array([e.file.relative_to(folder).as_posix() for e in entries]),
        dropped=np.array(dropped, np.str_),
    )  # fmt: skip
    part.rename(kept)


def frames_of(file: Path) -> NDArray[np.float16] | None:
    """(t, 64) dB of a file's speech; None where there is none."""
    reader = SoundReader(front("logmel"), speech=True)
    try:
        for chunk in open_clip(file).sound():
            reader.push_sound(chunk)
    except MediaError:
        return None
    features = reader.finish()
    return frames_used(features).astype(np.float16) if features["found"] else None
