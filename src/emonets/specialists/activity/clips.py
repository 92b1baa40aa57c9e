"""Clips for the activity specialist: their frames or face tubes, and their motion words."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from safetensors.numpy import load

from emonets.bundle import packed
from emonets.contracts import Features
from emonets.errors import DataError, MediaError
from emonets.media.clip import Clip
from emonets.media.piece import open_piece
from emonets.runtime.ending import in_worker
from emonets.runtime.files import try_folder, write_whole
from emonets.runtime.store import content_digest
from emonets.specialists.activity.pictures import Affine, Grey, Stream, clip_stream
from emonets.specialists.activity.specialist import ActivitySpecialist

log = logging.getLogger(__name__)

_VERSION = 2  # changes when what is kept in a work folder does


@dataclass(frozen=True, eq=False)
class MotionClip:
    """The pictures of one clip in which motion is described.

    Attributes
    ----------
    path : the file.
    longest : see `ActivitySpecialist`.
    tubes : the file that holds its face tubes, where motion is described on these.
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


def describe_clips(
    clips: Sequence[MotionClip],
    specialist: ActivitySpecialist,
    work: Path,
    *,
    affines: Sequence[Affine | None] | None = None,
    workers: int = 1,
    strict: bool = True,
) -> list[Features]:
    """The motion words of clips; what an earlier run left in ``work`` is taken.

    Parameters
    ----------
    affines : how each clip's pictures are changed; None: not at all.
    strict : whether a clip in which no motion can be described is an error.
    """
    try_folder(work)
    changes = [None] * len(clips) if affines is None else list(affines)
    code = of_arrays(specialist)
    names = [
        work / f"words-{code}-{clip.path.stem[:40]}-"
        f"{digest(clip.key, clip.longest, repr(change))}.safetensors"
        for clip, change in zip(clips, changes, strict=True)
    ]
    todo = [i for i, name in enumerate(names) if not name.exists()]
    jobs = (delayed(_describe)(clips[i], specialist, changes[i], names[i], strict) for i in todo)
    runs = Parallel(min(workers, max(len(todo), 1)), return_as="generator")(jobs)
    for count, _ in enumerate(runs, 1):
        if count % 50 == 0:
            log.info(f"motion of {count} of {len(todo)} clips")
    return [dict(load(name.read_bytes())) for name in names]


def _describe(
    clip: MotionClip, specialist: ActivitySpecialist, affine: Affine | None, to: Path, strict: bool
) -> None:
    try:
        with in_worker():
            features = clip.describe(specialist, affine)
    except MediaError as error:
        raise DataError(str(error)) from error
    if strict and not features["found"]:
        raise DataError(
            f"{clip.path}: shows no motion that could be described: it has fewer than 14 frames "
            "in a row, is smaller than 20 pixels, or of one grey; leave it out"
        )
    write_whole(to, packed(features))


def of_arrays(specialist: ActivitySpecialist) -> str:
    """A short name of a specialist's motion code and of where it is described."""
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
