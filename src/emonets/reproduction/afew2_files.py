"""Readers of the authors' stored files of AFEW2; each raises DataError for a wrong file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError
from emonets.reproduction.afew2_quirks import parse_names

Floats = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]

SPLITS: dict[str, str] = {"train": "Train", "validation": "Val", "test": "Test"}
"""Folder → suffix of the part's arrays in the authors' SVM files."""

DESCRIPTORS = ("segments.csv", "mean.csv", "count.csv", "classifications.csv")


@dataclass(frozen=True)
class ClipFrames:
    """The face images of one clip, in file order."""

    label: int
    frames: NDArray[np.int64]
    probabilities: Floats


@dataclass(frozen=True)
class AudioTable:
    """The audio model's predictions: clips in file order, classes in canonical order.

    ``labels`` are zeros where the file has no true classes, and ``labelled`` is false.
    """

    names: list[str]
    labels: NDArray[np.intp]
    predicted: NDArray[np.intp]
    probabilities: Floats
    labelled: bool = True


def clip_key(name: str | int, split: str) -> int:
    """A clip's number; of test clips only the last seven digits, which all files have."""
    digits = int(str(name).rsplit("/", 1)[-1])
    return digits % 10**7 if split == "test" else digits


def read_frames(path: Path, split: str) -> dict[int, ClipFrames]:
    """``frame_by_frame.csv``: a file name and seven probabilities in each line."""
    try:
        table = pd.read_csv(path, dtype={0: str}, skipinitialspace=True)
        names = [str(name) for name in table.iloc[:, 0]]
        values = table.iloc[:, 1:].to_numpy(dtype=np.float64)
        clips, frames = parse_names(names)
        labels = np.array([int(name[0]) for name in names])
        keys = np.array([clip_key(clip, split) for clip in clips])
    except (OSError, ValueError, IndexError, pd.errors.ParserError) as error:
        raise _bad(path, f"cannot be read as face images and probabilities ({error})") from None
    if values.shape[1:] != (len(EMOTIONS),) or not len(values) or not np.isfinite(values).all():
        raise _bad(path, "should have a file name and seven finite numbers in every line")
    order = np.argsort(keys, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
    return {
        int(keys[rows[0]]): ClipFrames(int(labels[rows[0]]), frames[rows], values[rows])
        for rows in parts
    }


def read_descriptors(path: Path, split: str) -> dict[int, Floats]:
    """A file with one line for each clip: number, true label, values (or one class)."""
    skip = 1 if path.name == "classifications.csv" else 2
    result: dict[int, Floats] = {}
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            fields = line.split(",")
            if fields[0].strip().isdigit():
                result[clip_key(fields[0], split)] = np.array(fields[skip:], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise _bad(path, f"cannot be read as one line of numbers for each clip ({error})") from None
    if not result:
        raise _bad(path, "has no clip")
    return result


def read_audio(path: Path) -> AudioTable:
    """``audio_*.txt``: clip, true class, predicted class, seven probabilities in each line.

    The file of the test part, whose name ends in ``_test.txt``, may have no true class.
    """
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line]
        words = len(rows[0]) - 1 - len(EMOTIONS)
        classes = np.array(
            [[emotion_index(word) for word in row[1 : 1 + words]] for row in rows], dtype=np.intp
        )
        values = np.array([row[1 + words :] for row in rows], dtype=np.float64)
        table = AudioTable(
            names=[row[0].rsplit("/", 1)[-1] for row in rows],
            labels=classes[:, 0] if words == 2 else np.zeros(len(rows), dtype=np.intp),
            predicted=classes[:, -1] if words > 0 else values.argmax(axis=1),
            probabilities=values,
            labelled=words == 2,
        )
        _ = [int(name) for name in table.names]
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise _bad(path, f"cannot be read as the audio model's predictions ({error})") from None
    shape = len(table.names), len(EMOTIONS)
    fewest = 0 if path.stem.endswith("_test") else 2
    if table.probabilities.shape != shape or not fewest <= words <= 2:
        raise _bad(
            path,
            "should have a clip, the true and the predicted class and seven numbers in every line "
            "(the true class may be left out in audio_test.txt)",
        )
    return table


def read_svm(path: Path) -> dict[str, NDArray[Any]]:
    """``svm_*.npz``: arrays by name, columns flattened to vectors."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise _bad(path, f"is not a readable npz file ({error})") from None
    return {name: a.ravel() if a.ndim == 2 and a.shape[1] == 1 else a for name, a in arrays.items()}


def needed(stored: Arrays, name: str, path: Path) -> NDArray[Any]:
    """One array of a file; raises DataError if there is none of that name."""
    if name not in stored:
        raise DataError(f"{path}: has no array {name}; copy it again from the reference data")
    return stored[name]


def _bad(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: {reason}; copy it again from the reference data")
