"""Labelled films for the activity specialist, and the pictures of each: frames or face tubes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from safetensors.numpy import load

from emonets.bundle import packed
from emonets.contracts import Features
from emonets.datasets._legacy import Recordings, load_recordings
from emonets.errors import DataError, MediaError
from emonets.learners.folds import Fold, shuffled_folds
from emonets.media.clip import Clip, open_clip
from emonets.media.piece import open_piece
from emonets.runtime.files import try_folder, write_whole
from emonets.runtime.store import content_digest
from emonets.specialists.activity.pictures import Affine, Grey, Stream, clip_stream, grey
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.tubes.detect import DetectorLike, SensitiveDetector, load_detector
from emonets.tubes.pipeline import find_tubes

Echo = Callable[[str], Any]

_VERSION = 2  # changes when what is kept in a work folder does
_MOST_FOLDS = 10


@dataclass(frozen=True, eq=False)
class Films:
    """Labelled films.

    Attributes
    ----------
    name : of the data sets.
    paths : (n,) the files.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`.
    groups : (n,) who is seen, ``corpus/subject``.
    splits : (n,) ``train``, ``valid``, ``test`` or nothing.
    dropped : files that were left out, and why.
    """

    name: str
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]
    dropped: tuple[tuple[str, str], ...] = ()

    def part(self, which: Sequence[int] | NDArray[np.intp]) -> Films:
        """Some of the films, by their positions."""
        rows = np.asarray(which, np.intp)
        return Films(
            self.name, tuple(self.paths[i] for i in rows.tolist()), self.labels[rows],
            self.groups[rows], self.splits[rows], self.dropped,
        )  # fmt: skip

    def folds(self) -> list[Fold]:
        """(train, test) positions: one group is tested at a time, or a tenth of them."""
        names = np.unique(self.groups)
        if len(names) < 2:
            raise DataError(f"{self.name}: all films are of one group; there is none to test on")
        if len(names) <= _MOST_FOLDS:
            tests = [np.flatnonzero(self.groups == name) for name in names]
            return [(np.setdiff1d(np.arange(len(self.paths)), test), test) for test in tests]
        random = np.random.RandomState(0)
        return shuffled_folds(len(self.paths), _MOST_FOLDS, random, self.groups)


def load_films(data: Sequence[Path]) -> Films:
    """Read what `emonets.datasets.open_dataset` reads, of films.

    Raises
    ------
    DataError : as the readers say, or no path.
    """
    if not data:
        raise DataError("no data: give a folder of labelled films, or a manifest")
    corpora: list[Recordings] = [load_recordings(path) for path in data]
    items = [(corpus, item) for corpus in corpora for item in corpus.items]
    return Films(
        " + ".join(corpus.name for corpus in corpora),
        tuple(item.path for _, item in items),
        np.array([item.label for _, item in items], np.int64),
        np.array([f"{corpus.name}/{item.group}" for corpus, item in items]),
        np.array([item.split or "" for _, item in items]),
        tuple(pair for corpus in corpora for pair in corpus.dropped),
    )


@dataclass(frozen=True, eq=False)
class Film:
    """The pictures of one film in which motion is looked for.

    Attributes
    ----------
    path : the file.
    longest : see `ActivitySpecialist`.
    tubes : the file that holds its face tubes, where these are looked at.
    start, end : the piece of the file that is meant, seconds.
    """

    path: Path
    longest: int | None = None
    tubes: Path | None = None
    start: float | None = None
    end: float | None = None

    @property
    def key(self) -> tuple[str, float | None, float | None]:
        """A short name of the file's content, and the piece."""
        return of_file(self.path), self.start, self.end

    def stream(self, affine: Affine | None = None) -> Stream:
        """Its pictures, one after the other."""
        if self.tubes is None:
            return clip_stream(self._open(), longest=self.longest, affine=affine)

        def frames() -> Iterator[Grey | None]:
            for _, _, _, crops in self._runs():
                yield None
                yield from crops if affine is None else map(affine, crops)

        return Stream(str(self.path), frames)

    def describe(self, specialist: ActivitySpecialist, affine: Affine | None = None) -> Features:
        """Its motion words."""
        if self.tubes is None:
            return specialist.extract(self._open(), affine=affine)
        reader = specialist.open(affine=affine)
        for track, index, times, crops in self._runs():
            reader.push_crops(track, index, times, crops)
        return reader.finish()

    def _open(self) -> Clip:
        return open_piece(self.path, self.start, self.end)

    def _runs(self) -> Iterator[tuple[int, NDArray[Any], NDArray[Any], NDArray[np.uint8]]]:
        """Track, frames, times and crops of each stretch of a tube without a gap."""
        assert self.tubes is not None
        a = load(self.tubes.read_bytes())
        breaks = np.flatnonzero((np.diff(a["index"]) != 1) | (np.diff(a["track"]) != 0)) + 1
        for rows in np.split(np.arange(len(a["index"])), breaks):
            if len(rows):
                here = slice(int(rows[0]), int(rows[-1]) + 1)
                track = int(a["track"][here][0])
                yield track, a["index"][here], a["time"][here], a["crops"][here]


def prepare(
    films: Films,
    settings: Mapping[str, Any],
    work: Path,
    *,
    detector: DetectorLike = "auto",
    workers: int = 1,
    echo: Echo = print,
) -> list[Film]:
    """Make the pictures of films ready: face tubes are found once and kept in ``work``.

    Parameters
    ----------
    settings : a preset's ``activity`` table; of it ``on`` and ``longest``.

    Raises
    ------
    DataError : a film without a face, where faces are looked at; or one that cannot be read.
    """
    longest = settings.get("longest") or None
    if settings.get("on", "frames") == "frames":
        return [Film(path, longest) for path in films.paths]
    try_folder(work)
    names = [work / f"tubes-{path.stem[:60]}-{of_file(path)}.safetensors" for path in films.paths]
    todo = [(p, n) for p, n in zip(films.paths, names, strict=True) if not n.exists()]
    jobs = (delayed(_find_tubes)(path, name, detector) for path, name in todo)
    runs = Parallel(min(workers, max(len(todo), 1)), return_as="generator")(jobs)
    for count, _ in enumerate(runs, 1):
        if count % 50 == 0:
            echo(f"faces of {count} of {len(todo)} films")
    return [Film(path, None, name) for path, name in zip(films.paths, names, strict=True)]


def _find_tubes(path: Path, name: Path, detector: DetectorLike) -> None:
    parts: list[tuple[int, NDArray[Any], NDArray[Any], NDArray[np.uint8]]] = []
    try:
        looker = load_detector(detector)
        for tube in find_tubes(open_clip(path), looker, second=SensitiveDetector):
            crops = np.stack([grey(crop) for crop in tube.crops])
            parts.append((tube.track, tube.index, tube.times, crops))
    except MediaError as error:
        raise DataError(str(error)) from error
    if not parts:
        raise DataError(f"{path}: shows no face, which training on face tubes needs; leave it out")
    parts.sort(key=lambda part: (part[0], int(part[1][0])))
    arrays = {
        "track": np.concatenate([np.full(len(index), track) for track, index, _, _ in parts]),
        "index": np.concatenate([index for _, index, _, _ in parts]),
        "time": np.concatenate([times for _, _, times, _ in parts]),
        "crops": np.concatenate([crops for _, _, _, crops in parts]),
    }
    write_whole(name, packed(arrays))


def describe_films(
    films: Sequence[Film],
    specialist: ActivitySpecialist,
    work: Path,
    *,
    affines: Sequence[Affine | None] | None = None,
    workers: int = 1,
    strict: bool = True,
    echo: Echo = print,
) -> list[Features]:
    """The motion words of films; what an earlier run left in ``work`` is taken.

    Parameters
    ----------
    affines : how each film's pictures are changed; None: not at all.
    strict : whether a film in which no motion can be described is an error.
    """
    try_folder(work)
    changes = [None] * len(films) if affines is None else list(affines)
    code = of_arrays(specialist)
    names = [
        work / f"words-{code}-{film.path.stem[:40]}-"
        f"{digest(film.key, film.longest, repr(change))}.safetensors"
        for film, change in zip(films, changes, strict=True)
    ]
    todo = [i for i, name in enumerate(names) if not name.exists()]
    jobs = (delayed(_describe)(films[i], specialist, changes[i], names[i], strict) for i in todo)
    runs = Parallel(min(workers, max(len(todo), 1)), return_as="generator")(jobs)
    for count, _ in enumerate(runs, 1):
        if count % 50 == 0:
            echo(f"motion of {count} of {len(todo)} films")
    return [dict(load(name.read_bytes())) for name in names]


def _describe(
    film: Film, specialist: ActivitySpecialist, affine: Affine | None, to: Path, strict: bool
) -> None:
    try:
        features = film.describe(specialist, affine)
    except MediaError as error:
        raise DataError(str(error)) from error
    if strict and not features["found"]:
        raise DataError(
            f"{film.path}: shows no motion that could be described: it has fewer than 14 frames "
            "in a row, is smaller than 20 pixels, or of one grey; leave it out"
        )
    write_whole(to, packed(features))


def of_arrays(specialist: ActivitySpecialist) -> str:
    """A short name of a specialist's motion code and of what it looks at."""
    content = hashlib.sha256(f"{_VERSION} {specialist.on} {specialist.longest}".encode())
    for part, arrays in sorted(specialist.code.to_arrays().items()):
        for name, array in sorted(arrays.items()):
            content.update(f"{part} {name} {array.shape}".encode())
            content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:12]


def of_file(path: Path) -> str:
    """A short name of a file by its content, wherever it lies."""
    return digest(content_digest(path))


def digest(*parts: Any) -> str:
    """A short name of whatever decides what a file holds."""
    text = json.dumps([_VERSION, *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
