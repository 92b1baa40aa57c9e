"""Labelled mouths, out of clips and out of still faces (paper 3.4)."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from emonets.datasets import open_dataset
from emonets.datasets._legacy import Recordings, load_recordings
from emonets.datasets.readers.manifest import looks_like_manifest
from emonets.datasets.reading import media_files
from emonets.datasets.splits import require_split
from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError, EmoNetsError, MediaError
from emonets.learners.patches.bag import BagOfPatches
from emonets.media.clip import open_clip
from emonets.one_pass import TubeReader, read_clip
from emonets.runtime.files import try_folder, write_whole
from emonets.runtime.store import content_digest, parameter_digest
from emonets.specialists.mouth.crops import REGIONS, MouthView, stills_as_tubes
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.registration import to_grey

Echo = Callable[[str], Any]

_VERSION = 1  # changes when the crops that are kept in a work folder do
_STILLS = 512  # still faces whose landmarks are found at once
_SPLITS = {
    "train": "train", "public": "valid", "dev": "valid", "val": "valid",
    "private": "test", "test": "test",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mouths:
    """Mouth crops of labelled clips; a still face is a clip of one picture.

    Attributes
    ----------
    name : of the data.
    view : how they were cut.
    mouths : (n, 30, 40[, 3]) uint8, those that show something (`MouthView.known`).
    clip : (n,) number of the clip that each is of.
    labels : (c,) 0..6 of the clips, in the order of `emonets.EMOTIONS`.
    groups : (c,) subjects, ``corpus/subject``.
    splits : (c,) ``train``, ``valid``, ``test`` or, where the data are not divided, nothing.
    dropped : (file, why) of clips that were left out.
    blind : clips in which no mouth was found; they are among the clips, without a picture.
    """

    name: str
    view: MouthView
    mouths: NDArray[np.uint8]
    clip: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]
    dropped: tuple[tuple[str, str], ...] = ()

    @property
    def blind(self) -> int:
        return len(self.labels) - len(np.unique(self.clip))

    def take(self, clips: NDArray[np.bool_]) -> Mouths:
        """Some of the clips, by a mask (c,)."""
        number = np.cumsum(clips) - 1
        pictures = clips[self.clip]
        return Mouths(
            self.name, self.view, self.mouths[pictures], number[self.clip[pictures]],
            self.labels[clips], self.groups[clips], self.splits[clips], self.dropped,
        )  # fmt: skip


def load_mouths(
    data: Sequence[Path],
    view: MouthView,
    work: Path,
    *,
    every: int = 1,
    workers: int = 1,
    echo: Echo = print,
) -> Mouths:
    """Mouth crops of labelled data.

    Parameters
    ----------
    data : each either clips, anything `emonets.datasets.open_dataset` reads, or still
        faces, anything `emonets.datasets.open_dataset` reads; the latter only in grey.
    work : folder in which the crops of clips are kept, for another run and another view.
    every : of a clip's mouths each so-many-th is taken: neighbours say the same.
    workers : processes.

    Raises
    ------
    DataError : as the readers say; still faces for a view in colour; no mouth in any clip.
    """
    parts = []
    for path in data:
        if is_stills(path):
            part = mouths_of_stills(open_dataset(path).still_faces(), view, echo=echo)
        else:
            part = mouths_of_clips(
                load_recordings(path), view, work, every=every, workers=workers, echo=echo
            )
        if not len(part.mouths):
            raise DataError(f"{path}: no mouth was found in any of it")
        parts.append(part)
    if not parts:
        raise DataError("no data: give at least one file or folder of labelled clips or faces")
    starts = np.cumsum([0, *(len(part.labels) for part in parts[:-1])])
    return Mouths(
        " + ".join(part.name for part in parts),
        view,
        np.concatenate([part.mouths for part in parts]),
        np.concatenate([part.clip + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.splits for part in parts]),
        tuple(pair for part in parts for pair in part.dropped),
    )


def is_stills(path: Path) -> bool:
    """Whether still faces lie there, and not clips: by suffix, or by what a folder holds."""
    if path.is_dir():
        return not any(not problem for _, problem in media_files(path))
    if path.suffix.lower() in (".npz", ".mat"):
        return True
    return path.suffix.lower() == ".csv" and path.exists() and not looks_like_manifest(path)


def mouths_of_stills(faces: FaceImages, view: MouthView, *, echo: Echo = print) -> Mouths:
    """The mouths of still faces that are framed as FER2013's.

    Raises
    ------
    DataError : the view is in colour.
    """
    if view.colour != "grey":
        raise DataError(
            f"{faces.name}: its faces are grey, and a model of mouths in {view.colour} cannot "
            "learn from them; take colour grey, or clips"
        )
    landmarker = FaceLandmarker() if view.region == "landmarks" else None
    parts = []
    for start in range(0, len(faces), _STILLS):
        tubes = stills_as_tubes(faces.images[start : start + _STILLS])
        points = None
        if landmarker is not None:
            points = landmarker.points(np.repeat(tubes[..., None], 3, axis=3))
            if start // _STILLS % 20 == 19:
                echo(f"{faces.name}: landmarks of {start + len(tubes)} of {len(faces)} faces")
        parts.append(view.cut(tubes, points, window=1))
    mouths = np.concatenate(parts)
    known = view.known(mouths)
    numbers = np.arange(len(faces))
    groups = numbers if faces.groups is None else faces.groups
    splits = np.array(
        [require_split(str(s), faces.name) for s in faces.split]
        if faces.split is not None
        else [""]
    )
    return Mouths(
        faces.name, view, mouths[known], numbers[known], faces.labels,
        np.char.add(f"{faces.name}/", groups.astype(str)),
        np.broadcast_to(splits, len(faces)).astype(np.str_),
        tuple((file, "could not be read") for file in faces.skipped),
    )  # fmt: skip


def mouths_of_clips(
    recordings: Recordings,
    view: MouthView,
    work: Path,
    *,
    every: int = 1,
    workers: int = 1,
    echo: Echo = print,
) -> Mouths:
    """The mouths of labelled clips; those that cannot be read are dropped, which is said."""
    folder = work / "mouths"
    try_folder(folder)
    files = [folder / f"{_key(item.path)}.npz" for item in recordings.items]
    todo = [i for i, file in enumerate(files) if not file.exists()]
    jobs = (delayed(_keep)(recordings.items[i].path, files[i]) for i in todo)
    problems: dict[int, str] = {}
    running = Parallel(min(workers, max(len(todo), 1)), return_as="generator")
    for i, problem in zip(todo, running(jobs), strict=True):
        if problem:
            echo(f"left out: {problem}")
            problems[i] = problem
        if len(todo) > 50 and todo.index(i) % 50 == 49:
            echo(f"mouths of {todo.index(i) + 1} of {len(todo)} clips")
    read = [i for i in range(len(files)) if i not in problems]
    items = [recordings.items[i] for i in read]
    mouths, clip = [np.empty((0, *view.shape), np.uint8)], [np.empty(0, np.int64)]
    for number, i in enumerate(read):
        with np.load(files[i], allow_pickle=False) as kept:
            part = kept[view.region]
        part = to_grey(part) if view.colour == "grey" else part
        mouths.append(part[view.known(part)][::every])
        clip.append(np.full(len(mouths[-1]), number))
    return Mouths(
        recordings.name,
        view,
        np.concatenate(mouths),
        np.concatenate(clip),
        np.array([item.label for item in items], np.int64),
        np.array([f"{recordings.name}/{item.group}" for item in items]),
        np.array([item.split or "" for item in items], np.str_),
        (*recordings.dropped, *((str(recordings.items[i].path), p) for i, p in problems.items())),
    )


def _keep(path: Path, file: Path) -> str:
    """Find the faces of a clip and keep their mouths, in colour, of both regions."""
    lookers = {
        region: TubeReader(MouthSpecialist(MouthView(region, "rgb"), bag=BagOfPatches()).keeper())
        for region in REGIONS
    }
    try:
        clip = open_clip(path)
        if not clip.info.has_frames:
            raise MediaError(path, "has no pictures")
        found = read_clip(clip, lookers).features
    except EmoNetsError as error:
        return str(error)
    buffer = io.BytesIO()
    kept: dict[str, Any] = {region: found[region]["mouths"] for region in REGIONS}
    np.savez(buffer, **kept)
    write_whole(file, buffer.getvalue())
    return ""


def _key(path: Path) -> str:
    return f"{path.stem[:60]}-{parameter_digest(_VERSION, content_digest(path))}"
