"""Predictions of single specialists for people whom they were not trained on, with two caches.

What does not depend on a network (face tubes) is kept by set; predictions are kept by set and
network. So another network costs no second decoding. Corpora that are not there are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.contracts import BaseReader, Features, Specialist
from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS, UNIFORM
from emonets.media.clip import open_clip
from emonets.one_pass import read_clip
from emonets.tubes.registration import TUBE_TO_FER
from emonets.tubes.tube import FaceTube

EVERY = 3
"""Of a film's frames, so many are one in which faces are detected and whose faces are kept."""
STILLS = 100
"""Of each class of a corpus of stills, at most."""
RECORDINGS = 40
"""Of each class of a corpus of speech, at most."""
TAKES = 5
"""One RAVDESS take of so many is used; all 24 actors are among these."""
WORDS = {
    **{name: k for k, name in enumerate(EMOTIONS)}, "anger": 0, "disgusted": 1, "fearful": 2,
    "happiness": 3, "sadness": 4, "surprised": 5,
}  # fmt: skip
HELD_OUT = {"nemo": ("MK0", "WR0"), "ased": tuple(str(k) for k in range(51, 66))}
"""Speakers of corpora of speech whom no network is trained on."""
FACES = ("ckplus48", "affectnet_test")
SPEECH = ("nemo", "ased")
PAIRED = ("ravdess_takes", "ravdess_av", "crema_d", "javanese_av")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """A file with its class, 0..6, and its person."""

    path: Path
    label: int
    group: str


@dataclass(frozen=True)
class Predicted:
    """Predictions of one specialist for n clips: ``p`` (n, 7), and ``found`` (n,)."""

    p: Floats
    found: NDArray[np.bool_]


def clips_of(name: str, data: Path, corpora: Path) -> list[Clip]:
    """The clips of a set, in the order of their names; none where the corpus is not there."""
    if name in PAIRED:
        folder = data / {"ravdess_takes": "ravdess_speech"}.get(name, name)
        if not folder.exists():
            return []
        items = sorted(open_dataset(folder).items, key=lambda item: item.path.name)
        clips = [Clip(item.path, item.label, item.group) for item in items]
        # silent films have no voice; a third of the takes is enough
        if name == "ravdess_av":
            return [clip for clip in clips if clip.path.name.startswith("01-")]
        if name == "javanese_av":  # sentences 01 and 03 of every actor
            return [clip for clip in clips if clip.path.name.split("-")[1] in ("01", "03")]
        return clips[::TAKES] if name == "ravdess_takes" else clips
    readers = {"ckplus48": _ckplus, "affectnet_test": _affectnet, "nemo": _nemo, "ased": _ased}
    return _by_class(list(readers[name](corpora)), STILLS if name in FACES else RECORDINGS)


def _by_class(clips: Sequence[Clip], most: int) -> list[Clip]:
    """At most so many of each class, spread evenly over their names."""
    ordered = sorted(clips, key=lambda clip: str(clip.path))
    out = []
    for label in range(len(EMOTIONS)):
        own = [clip for clip in ordered if clip.label == label]
        step = max(1.0, len(own) / most)
        out += [own[int(k * step)] for k in range(min(len(own), most))]
    return out


def _ckplus(root: Path) -> Iterator[Clip]:
    for path in (root / "ckplus48").glob("*/*/*.png"):
        if path.parent.name in WORDS:
            yield Clip(path, WORDS[path.parent.name], path.name.split("_")[0])


def _affectnet(root: Path) -> Iterator[Clip]:
    for path in (root / "affectnet_subset" / "test").glob("*/*"):
        yield Clip(path, WORDS[path.parent.name], path.stem)


def _nemo(root: Path) -> Iterator[Clip]:
    for path in (root / "nemo" / "samples").glob("*.wav"):
        speaker, word, _ = path.stem.split("_")
        if speaker in HELD_OUT["nemo"]:
            yield Clip(path, WORDS[word], speaker)


def _ased(root: Path) -> Iterator[Clip]:
    letters = {"n": 6, "f": 2, "h": 3, "s": 4, "a": 0}
    for path in (root / "ased").glob("*/*.wav"):
        speaker = path.stem.split("-")[-1]
        if speaker in HELD_OUT["ased"]:
            yield Clip(path, letters[path.stem[0]], speaker)


# faces


class _Keep(BaseReader):
    """Keeps the face tubes of a clip, thinned."""

    needs = frozenset({"tubes"})

    def __init__(self) -> None:
        self.tubes: list[FaceTube] = []

    def push_tube(self, tube: FaceTube) -> None:
        """Keep a piece of a tube."""
        self.tubes.append(_thinned(tube))

    def finish(self) -> Features:
        """Nothing: what is kept lies in ``tubes``."""
        return {}


_OF_TUBE = ("index", "times", "boxes", "raw_boxes", "detected", "scores", "crops")


def _thinned(tube: FaceTube) -> FaceTube:
    return replace(tube, **{name: getattr(tube, name)[::EVERY] for name in _OF_TUBE})


def _still_tube(path: Path) -> FaceTube:
    """A tube of one picture that fills FER2013's frame, such as those of CK+48."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    picture = cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA)
    whole = cv2.warpAffine(
        picture, TUBE_TO_FER, (96, 96), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    box = np.array([[0.0, 0.0, 96.0, 96.0]])
    return FaceTube(
        0, np.zeros(1, np.int64), np.zeros(1), box, box, np.ones(1, np.bool_), np.ones(1),
        np.repeat(whole[None, :, :, None], 3, axis=3),
    )  # fmt: skip


def tubes_of(name: str, clip: Clip, cache: Path) -> list[FaceTube]:
    """The face tubes of a clip, from the cache or made."""
    file = cache / f"tubes-{name}-{_digest([clip])}.npz"
    if not file.exists():
        keep = _Keep()
        if name == "ckplus48":
            keep.tubes.append(_still_tube(clip.path))
        else:
            read_clip(open_clip(clip.path), {"face": keep}, stride=1 if name in FACES else EVERY)
        if not keep.tubes and name in FACES:  # the face fills the picture
            keep.tubes.append(_still_tube(clip.path))
        arrays: dict[str, Any] = {
            "track": np.array([tube.track for tube in keep.tubes], np.int64),
            "length": np.array([len(tube.index) for tube in keep.tubes], np.int64),
        }
        if keep.tubes:
            for key in _OF_TUBE:
                arrays[key] = np.concatenate([getattr(tube, key) for tube in keep.tubes])
        _write(file, arrays)
    with np.load(file) as stored:
        arrays = dict(stored)
    ends = np.cumsum(arrays["length"])
    return [
        FaceTube(int(track), **{key: arrays[key][first:last] for key in _OF_TUBE})
        for track, first, last in zip(arrays["track"], ends - arrays["length"], ends, strict=True)
    ]


def face_of(
    specialist: Specialist, name: str, clips: Sequence[Clip], cache: Path, key: str
) -> Predicted:
    """Predictions of the face specialist."""

    def make() -> Predicted:
        p, found = [], []
        for number, clip in enumerate(clips):
            if number % 50 == 0:
                print(f"{name}: faces of {number} of {len(clips)} files", flush=True)
            reader = specialist.open()
            for tube in tubes_of(name, clip, cache):
                reader.push_tube(tube)
            features = reader.finish()
            found.append(bool(len(features["index"])))
            p.append(specialist.predict_proba(features)[0])
        return Predicted(np.array(p), np.array(found))

    return _kept(cache / f"face-{name}-{key}-{_digest(clips)}.npz", make)


def packaged_faces(clips: Sequence[Clip], file: Path) -> Predicted:
    """Means of a third party's probabilities of the frames of RAVDESS takes, by the takes' sound.

    ``file`` holds ``clip`` (n,) names, and ``proba`` (n, 7).
    """
    with np.load(file) as stored:
        takes, place = np.unique(stored["clip"], return_inverse=True)
        sums = np.zeros((len(takes), len(EMOTIONS)))
        np.add.at(sums, place, stored["proba"].astype(np.float64))
    mean = dict(zip(takes.tolist(), sums / sums.sum(axis=1, keepdims=True), strict=True))
    names = ["01" + clip.path.stem[2:] for clip in clips]
    rows = [mean.get(one, np.full(len(EMOTIONS), UNIFORM)) for one in names]
    return Predicted(np.array(rows), np.array([one in mean for one in names]))


# voices


def voice_of(
    specialist: Specialist, name: str, clips: Sequence[Clip], cache: Path, key: str
) -> Predicted:
    """Predictions of the audio specialist."""

    def make() -> Predicted:
        p, found = [], []
        for number, clip in enumerate(clips):
            # of a film the sound alone
            features = read_clip(open_clip(clip.path), {"audio": specialist.open()}).features[
                "audio"
            ]
            found.append(bool(features["found"]))
            p.append(specialist.predict_proba(features)[0])
            if number % 200 == 0:
                print(f"{name}: voices of {number} of {len(clips)} files", flush=True)
        return Predicted(np.array(p), np.array(found))

    return _kept(cache / f"voice-{name}-{key}-{_digest(clips)}.npz", make)


def key_of(specialist: Specialist) -> str:
    """Changes with the numbers and settings of a specialist."""
    settings, parts = specialist.to_arrays()
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for part in sorted(parts):
        for name in sorted(parts[part]):
            digest.update(np.ascontiguousarray(parts[part][name]).tobytes())
    return digest.hexdigest()[:16]


def _digest(clips: Sequence[Clip]) -> str:
    """Of the names of clips, wherever they lie."""
    names = [f"{clip.path.parent.name}/{clip.path.name}" for clip in clips]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:10]


def _write(file: Path, arrays: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.stem + ".part.npz")
    np.savez(part, **arrays)
    part.rename(file)


def _kept(file: Path, make: Callable[[], Predicted]) -> Predicted:
    if not file.exists():
        made = make()
        _write(file, {"p": made.p, "found": made.found})
    with np.load(file) as stored:
        return Predicted(stored["p"], stored["found"])
