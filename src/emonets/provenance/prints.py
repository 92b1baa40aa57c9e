"""Identity of labelled clips: their content, and fingerprints of audio, pictures and stills."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.items import Item
from emonets.errors import DataError, MediaError
from emonets.media.clip import SOUND_RATE, Frame, Limits
from emonets.media.images import read_image
from emonets.media.piece import open_piece
from emonets.provenance.pictures import picture_words, thumbnail
from emonets.provenance.sound import sound_words, to_rate
from emonets.provenance.stills import SIDE, as_face
from emonets.runtime.parallel import run_each
from emonets.runtime.store import Arrays, FeatureStore, content_digest, parameter_digest

_VERSION = 1  # changes if the words of a clip change

SOUND, PICTURES = "sound", "pictures"
BOTH = (SOUND, PICTURES)
_TYPES: Mapping[str, Any] = {SOUND: np.uint16, PICTURES: np.uint64}


@dataclass(frozen=True, eq=False)
class Prints:
    """The identity of n clips or stills.

    Attributes
    ----------
    content : (n,) uint64, the first 8 bytes of the SHA-256 of a file, or of a still's pixels.
    pieces : (n, 2) start and end in the file, seconds; 0 and infinity for the whole file.
    sound : n arrays uint16 (`sound.sound_words`). pictures : n arrays uint64
        (`pictures.picture_words`). Empty if there is none, or none was requested.
    stills : (m, 48, 48) uint8 grey. shown : (m,) the position, of n, of each still.
    """

    content: NDArray[np.uint64]
    pieces: NDArray[np.float64]
    sound: tuple[NDArray[np.uint16], ...]
    pictures: tuple[NDArray[np.uint64], ...]
    stills: NDArray[np.uint8]
    shown: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.content)

    def take(self, rows: NDArray[np.integer[Any]]) -> Prints:
        """The clips at these positions."""
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        mine = place[self.shown] >= 0
        order = np.argsort(place[self.shown[mine]], kind="stable")
        return Prints(
            self.content[rows], self.pieces[rows],
            tuple(self.sound[i] for i in rows.tolist()),
            tuple(self.pictures[i] for i in rows.tolist()),
            self.stills[mine][order], place[self.shown[mine]][order],
        )  # fmt: skip


@dataclass(frozen=True)
class _Job:
    path: Path
    start: float | None
    end: float | None
    names: Mapping[str, str]
    store: FeatureStore | None


def prints_of(
    items: Sequence[Item],
    *,
    kinds: Iterable[str] = BOTH,
    images: Mapping[Path, NDArray[np.uint8]] | None = None,
    store: FeatureStore | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    on_clip: Callable[[int, int], Any] | None = None,
) -> Prints:
    """The identity of labelled items.

    A file that cannot be decoded has its content only. A file that cannot be read has the content
    0, which matches nothing.

    Parameters
    ----------
    kinds : the fingerprints to compute, of ``sound`` and ``pictures``. Without any, no clip is
        decoded.
    images : file → its stills (n, height, width), where items are rows of one file.
    store : where fingerprints are kept and found again.
    workers, scheduler : as `emonets.runtime.parallel.run_each`.
    on_clip : called with how many clips are done, and how many there are.
    """
    requested = tuple(kind for kind in BOTH if kind in set(kinds))
    content, todo, stills, shown = [], [], [], []
    for i, item in enumerate(items):
        if item.row is not None:
            picture = (images or {})[item.path][item.row]
            content.append(still_content(picture))
        else:
            digest = _digest(item.path)
            content.append(int(digest[:16], 16))
            if item.kind != "still":
                names = {kind: _name(kind, digest, item) for kind in requested}
                if names and content[-1]:
                    todo.append((i, _Job(item.path, item.start, item.end, names, store)))
                continue
            picture = _decoded(item.path)
            if picture is None:
                continue
        stills.append(as_face(picture))
        shown.append(i)
    sound = [np.zeros(0, np.uint16) for _ in items]
    pictures = [np.zeros(0, np.uint64) for _ in items]
    for i, words in _taken(todo, workers, scheduler, on_clip):
        sound[i] = words.get(SOUND, sound[i])
        pictures[i] = words.get(PICTURES, pictures[i])
    pieces = [
        (0.0 if item.start is None else item.start, math.inf if item.end is None else item.end)
        for item in items
    ]
    return Prints(
        np.array(content, np.uint64), np.array(pieces, np.float64).reshape(-1, 2),
        tuple(sound), tuple(pictures), np.array(stills, np.uint8).reshape(-1, SIDE, SIDE),
        np.array(shown, np.int64),
    )  # fmt: skip


def prints_of_stills(images: NDArray[np.uint8]) -> Prints:
    """The identity of stills (n, height, width) uint8."""
    n = len(images)
    stills = np.array([as_face(image) for image in images], np.uint8).reshape(-1, SIDE, SIDE)
    return Prints(
        np.array([still_content(image) for image in images], np.uint64),
        np.tile([0.0, math.inf], (n, 1)), (np.zeros(0, np.uint16),) * n,
        (np.zeros(0, np.uint64),) * n, stills, np.arange(n),
    )  # fmt: skip


def still_content(image: NDArray[np.uint8]) -> int:
    """8 bytes of the SHA-256 of a still's pixels, as a number."""
    pixels = np.ascontiguousarray(image).tobytes()
    return int.from_bytes(hashlib.sha256(pixels).digest()[:8], "big")


def clip_words(
    path: Path, start: float | None = None, end: float | None = None, kinds: Iterable[str] = BOTH
) -> Arrays:
    """``sound`` and ``pictures``, the words of a clip or of a piece of it, in one pass.

    Raises
    ------
    MediaError : it cannot be decoded.
    """
    requested = set(kinds)
    shown: list[NDArray[np.float32]] = []
    times: list[float] = []

    def chunks() -> Iterator[NDArray[np.float32]]:
        clip = open_piece(path, start, end)
        for part in clip.decode(frames=PICTURES in requested, sound=SOUND in requested):
            if isinstance(part, Frame):
                shown.append(thumbnail(part.image))
                times.append(part.time)
            else:
                yield part.samples

    samples = to_rate(chunks(), SOUND_RATE)
    words: Arrays = {SOUND: sound_words(samples), PICTURES: picture_words(shown, times)}
    return {kind: words[kind] for kind in BOTH if kind in requested}


def _taken(
    todo: Sequence[tuple[int, _Job]],
    workers: int,
    scheduler: str | None,
    on_clip: Callable[[int, int], Any] | None,
) -> Iterator[tuple[int, Arrays]]:
    missing = []
    for i, job in todo:
        store = job.store
        here = [kind for kind, name in job.names.items() if store is not None and store.has(name)]
        if store is not None and here:
            yield i, {kind: store.read(job.names[kind])["words"] for kind in here}
        if len(here) < len(job.names):
            names = {kind: name for kind, name in job.names.items() if kind not in here}
            missing.append((i, replace(job, names=names)))
    jobs = [job for _, job in missing]
    results = run_each(_take, jobs, workers=workers, scheduler=scheduler)
    for done, (k, words) in enumerate(results, 1):
        if on_clip is not None:
            on_clip(done, len(jobs))
        yield missing[k][0], words


def _take(job: _Job) -> Arrays:
    words = {kind: np.zeros(0, _TYPES[kind]) for kind in job.names}
    with suppress(MediaError):
        words |= clip_words(job.path, job.start, job.end, job.names)
    for kind, name in job.names.items():
        if job.store is not None:
            about = {"clip": job.path.name, "version": _VERSION}
            job.store.write(name, {"words": words[kind]}, about)
    return words


def _name(kind: str, digest: str, item: Item) -> str:
    key = parameter_digest(_VERSION, item.start, item.end)
    return f"{kind}_words/{digest[:2]}/{digest}-{key}.safetensors"


def _digest(path: Path) -> str:
    try:
        return content_digest(path)
    except DataError:
        return "0" * 32


def _decoded(path: Path) -> NDArray[np.uint8] | None:
    try:
        return read_image(path, max_pixels=Limits().max_pixels)
    except (MediaError, DataError):
        return None
