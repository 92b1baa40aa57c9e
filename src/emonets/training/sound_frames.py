"""Feature frames of many recordings, computed once and kept in a folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from emonets.errors import EmoNetsError
from emonets.media.clip import open_clip
from emonets.one_pass import read_clip
from emonets.runtime.files import try_folder, write_whole
from emonets.runtime.store import content_digest, parameter_digest
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader

_VERSION = 1  # changes when the numbers that `extract` gives do


class StoredFrames(Sequence[NDArray[np.float32]]):
    """Feature frames (t, width) of recordings, each read from its file when it is asked for.

    No file stays open: a mapped one would, and systems allow a process a thousand or less.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, which: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, which: slice) -> StoredFrames: ...
    def __getitem__(self, which: int | slice) -> NDArray[np.float32] | StoredFrames:
        """One recording's frames, or the recordings of a slice."""
        if isinstance(which, slice):
            return StoredFrames(self.files[which])
        frames: NDArray[np.float32] = np.load(self.files[which], allow_pickle=False)
        return frames


def sound_frames(
    paths: Sequence[Path],
    features: str,
    folder: Path,
    *,
    workers: int = 1,
    echo: Callable[[str], Any] = print,
) -> list[Path | None]:
    """A file of feature frames a recording; what an earlier run left in the folder is taken.

    Parameters
    ----------
    paths : sound files or films.
    features : ``yaafe`` or ``logmel``, as in :func:`emonets.specialists.audio.specialist.extract`.
    folder : a file a recording is kept there, named by the recording's content.
    workers : processes.

    Returns
    -------
    one file a recording, for :class:`StoredFrames`; None where the recording is silent or cannot
    be read, which is said.
    """
    try_folder(folder)
    names = [folder / f"{_key(path, features)}.npy" for path in paths]
    todo = [i for i, name in enumerate(names) if not name.exists()]
    jobs = (delayed(_compute)(paths[i], features, names[i]) for i in todo)
    for count, problem in enumerate(
        Parallel(min(workers, max(len(todo), 1)), return_as="generator")(jobs), 1
    ):
        if problem:
            echo(problem)
        if count % 200 == 0:
            echo(f"features of {count} of {len(todo)} recordings")
    return [name if _count(name) else None for name in names]


def _compute(path: Path, features: str, name: Path) -> str:
    try:
        frames = read_clip(open_clip(path), {"sound": SoundReader(front(features))}).features[
            "sound"
        ]["frames"]
    except EmoNetsError as error:
        return f"left out: {error}"
    buffer = io.BytesIO()
    np.save(buffer, frames, allow_pickle=False)
    write_whole(name, buffer.getvalue())
    return "" if len(frames) else f"left out: {path}: it is silent"


def _count(name: Path) -> int:
    """How many frames a file holds, by its header; 0 where there is none."""
    return len(np.load(name, mmap_mode="r", allow_pickle=False)) if name.exists() else 0


def _key(path: Path, features: str) -> str:
    return f"{path.stem[:60]}-{parameter_digest(_VERSION, features, content_digest(path))}"
