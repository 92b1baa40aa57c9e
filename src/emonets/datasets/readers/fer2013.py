"""FER2013: 35,887 grey faces of 48 x 48 pixels, found by web searches for words of emotion.

The paper's "Google data" (section 3.1.1) is this set, from the ICML 2013 workshop's challenge.
Its labels are in canonical order already. Known weaknesses: the labels come from search words
and hurried checks, a few pictures show no face, and the same photographs appear in several
splits (see `emonets.evaluation.near_duplicates`).

Where to get it: the Kaggle competition "Challenges in Representation Learning: Facial Expression
Recognition Challenge" has ``fer2013.csv`` and, later, ``icml_face_data.csv``; the FER+ votes are
``fer2013new.csv`` in Microsoft's FERPlus repository. Give its path to `open_dataset`.
"""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo, Dropped
from emonets.datasets.layouts import Claim, Place, Reader, Strength, by_names, file_in
from emonets.datasets.reading import Meaning, from_faces, labelled, read_files
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError

NAME = "fer2013"
SPLITS = ("Training", "PublicTest", "PrivateTest")
"""In the order of the codes 0, 1, 2: to train on, to choose by, to test on once."""
SIZES = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
"""Pictures in each part as published."""
VOTES = (
    "neutral", "happiness", "surprise", "sadness", "anger",
    "disgust", "fear", "contempt", "unknown", "nf",
)  # fmt: skip
"""The choices of FER+ voters, in the order of its columns."""
LICENCE = "Database Contents License (DbCL) 1.0; FER+ votes: MIT"
CITATION = """@inproceedings{goodfellow2013challenges,
  title = {Challenges in Representation Learning: A Report on Three Machine Learning Contests},
  author = {Goodfellow, Ian J. and Erhan, Dumitru and Carrier, Pierre Luc and Courville, Aaron
            and Mirza, Mehdi and Hamner, Ben and Cukierski, Will and Tang, Yichuan and others},
  booktitle = {Neural Information Processing (ICONIP)},
  year = {2013}
}"""
INFO = DatasetInfo(
    name=NAME,
    title="35,887 grey faces of 48 x 48 pixels from web searches, with the votes of FER+",
    kinds=("still",),
    citation=CITATION,
    licence=LICENCE,
    where='the Kaggle competition "Challenges in Representation Learning: Facial Expression '
    'Recognition Challenge" (fer2013.csv, icml_face_data.csv); the votes are fer2013new.csv in '
    "https://github.com/microsoft/FERPlus",
    words={**{str(k): word for k, word in enumerate(EMOTIONS)}, **WORDS},
    group="the picture itself: who is shown is not known",
    splits="Training (train), PublicTest (valid), PrivateTest (test)",
    layout="fer2013.npz, fer2013.csv or icml_face_data.csv; or class folders of pictures named as "
    "Training_3908.jpg, PublicTest_… and PrivateTest_…",
    known={
        "duplicate": "published so: it holds the same photographs more than once, also in two "
        "parts; report with and without them (emonets.evaluation.near_duplicates)",
    },
)

PACKED = ("fer2013.npz", "fer2013.csv", "icml_face_data.csv")
"""Files that hold the whole set; of several in a folder the first is read."""

_PICTURE = re.compile(r"(Training|PublicTest|PrivateTest)_\d+")
_CANONICAL_VOTES = [4, 5, 6, 1, 3, 2, 0]
_SIDE = 48
_COLUMNS = ("emotion", "pixels", "Usage")
_BLOCK = 4096


def vote_shares(votes: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """FER+ votes as probabilities of the seven emotions.

    Parameters
    ----------
    votes : (n, 10), in the order of `VOTES`.
    labels : (n,) canonical; the result for pictures without a vote for one of the seven.

    Returns
    -------
    (n, 7) in canonical order; rows sum to one. Contempt, unknown and no face are left out.
    """
    seven = np.asarray(votes, np.float64)[:, _CANONICAL_VOTES]
    total = seven.sum(axis=1, keepdims=True)
    own = np.eye(len(EMOTIONS))[labels]
    return np.where(total > 0, seven / np.maximum(total, 1.0), own)


def vote_majority(votes: NDArray[np.uint8] | None, n: int = 0) -> NDArray[np.int64]:
    """The choice of most FER+ voters for each picture.

    Parameters
    ----------
    votes : (n, 10), in the order of `VOTES`; of equals the first counts. None: there are none.
    n : pictures, where there are no votes.

    Returns
    -------
    (n,) canonical; -1 where it is none of the seven (contempt, unknown, no face), or where there
    are no votes.
    """
    if votes is None:
        return np.full(n, -1, np.int64)
    emotion = np.full(len(VOTES), -1, np.int64)
    emotion[_CANONICAL_VOTES] = np.arange(len(EMOTIONS))
    return np.where(votes.any(axis=1), emotion[votes.argmax(axis=1)], -1)


def read_fer2013(path: str | Path, *, votes: str | Path | None = None) -> FaceImages:
    """Read FER2013 from a ``.npz`` or a Kaggle ``.csv`` file.

    Parameters
    ----------
    path : ``.npz`` with arrays ``images`` (n, 48, 48) uint8, ``label`` (n,) 0..6, ``usage`` (n,)
        0..2 and, optionally, ``ferplus_votes`` (n, 10); or ``.csv`` with the columns emotion,
        pixels (48 x 48 numbers apart by blanks) and Usage in any order.
    votes : ``fer2013new.csv``, whose rows go with those of a ``.csv``. By default the one that
        lies beside it, if any.

    Returns
    -------
    FaceImages with splits Training, PublicTest, PrivateTest.

    Raises
    ------
    DataError : the file is not there, damaged, or has something else in it; the message names
        what was expected, what was found, and the row.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; expected fer2013.npz or fer2013.csv")
    if path.suffix.lower() == ".npz":
        if votes is not None:
            raise DataError(f"{path}: an .npz file holds its own votes; leave out {votes}")
        return _read_npz(path)
    images, labels, usage = _read_csv(path)
    beside = path.with_name("fer2013new.csv")
    votes = votes if votes is not None else beside if beside.is_file() else None
    ballots = None if votes is None else _read_votes(Path(votes), len(labels))
    return _faces(images, labels, usage, ballots)


def read(path: str | Path, *, votes: str | Path | None = None) -> Dataset:
    """Read FER2013: its file, a folder that holds it, or a folder of its pictures.

    In a folder of pictures in class folders the part is the first word of a name; the folder
    ``test`` of such copies holds both PublicTest and PrivateTest. There are no FER+ votes for them.

    Parameters
    ----------
    votes : see `read_fer2013`; not for a folder of pictures.

    Raises
    ------
    DataError : as `read_fer2013`; or no such folder, or no such picture in a class folder.
    """
    root = Path(path)
    file = file_in(root, PACKED, (".npz", ".csv"))
    if file is None and root.is_dir() and votes is None:
        return read_files(root, INFO, _meaning, suffixes=STILL_SUFFIXES, grouped=False)
    return from_faces(INFO, root, file or root, read_fer2013(file or root, votes=votes))


def _meaning(file: Path) -> Meaning:
    match = _PICTURE.fullmatch(file.stem)
    if match is None:
        return None
    word = file.parent.name.strip().lower()
    if word not in WORDS:
        return Dropped(file, f"lies in no class folder ({word})", "unlabelled")
    return labelled(INFO, file, word, file.stem, match[1])


def validate(faces: FaceImages) -> list[str]:
    """What differs from the published set, a sentence each; empty if nothing does."""
    found = dict.fromkeys(SIZES, 0)
    if faces.split is not None:
        names, n = np.unique(faces.split, return_counts=True)
        found.update({str(name): int(k) for name, k in zip(names, n, strict=True)})
    return [
        f"{name}: expected {SIZES.get(name, 0)} images, found {n}"
        for name, n in found.items()
        if n != SIZES.get(name, 0)
    ]


def _faces(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    usage: NDArray[np.int64],
    votes: NDArray[np.uint8] | None,
) -> FaceImages:
    return FaceImages(
        images=images,
        labels=labels,
        split=np.array(SPLITS)[usage],
        groups=None,
        name=NAME,
        citation=CITATION,
        licence=LICENCE,
        ferplus_votes=votes,
    )


def _read_npz(path: Path) -> FaceImages:
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("it is a single array, an .npy file")
        with archive as data:
            arrays: dict[str, NDArray[Any]] = {
                key: data[key]
                for key in ("images", "label", "usage", "ferplus_votes")
                if key in data.files
            }
            names = list(data.files)
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(
            f"{path}: not a readable .npz file ({error}); copy it again, it may be damaged"
        ) from error
    missing = [key for key in ("images", "label", "usage") if key not in arrays]
    if missing:
        raise DataError(
            f"{path}: expected arrays images, label, usage; "
            f"found {', '.join(names) or 'none'} ({', '.join(missing)} missing)"
        )
    images = arrays["images"]
    n = len(images) if images.ndim else 0
    if images.shape != (n, _SIDE, _SIDE) or images.dtype != np.uint8:
        raise DataError(
            f"{path}: expected images of shape (n, 48, 48) and type uint8, "
            f"found {images.shape} {images.dtype}"
        )
    codes = {key: _codes(path, key, arrays[key], n) for key in ("label", "usage")}
    votes = arrays.get("ferplus_votes")
    if votes is not None and votes.shape != (n, len(VOTES)):
        raise DataError(
            f"{path}: expected ferplus_votes of shape ({n}, {len(VOTES)}), found {votes.shape}"
        )
    return _faces(
        images,
        codes["label"],
        codes["usage"],
        None if votes is None else votes.astype(np.uint8),
    )


def _codes(path: Path, key: str, values: NDArray[Any], n: int) -> NDArray[np.int64]:
    limit = len(EMOTIONS) if key == "label" else len(SPLITS)
    if values.shape != (n,) or not np.issubdtype(values.dtype, np.integer):
        raise DataError(
            f"{path}: expected {key} of shape ({n},) and an integer type, "
            f"found {values.shape} {values.dtype}"
        )
    wrong = np.flatnonzero((values < 0) | (values >= limit))
    if len(wrong):
        raise DataError(
            f"{path}: {key} of image {wrong[0]} is {values[wrong[0]]}, expected 0..{limit - 1}"
        )
    return values.astype(np.int64)


def _read_csv(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    blocks: list[NDArray[np.uint8]] = []
    block = np.empty((_BLOCK, _SIDE * _SIDE), dtype=np.uint8)
    labels: list[int] = []
    usage: list[int] = []
    splits = {name.lower(): code for code, name in enumerate(SPLITS)}
    rows = _rows(path)
    header, where = _header(path, rows, _COLUMNS)
    for k, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(f"{path}: row {k} has {len(row)} columns, the header has {len(header)}")
        emotion, pixels, part = (row[i].strip() for i in where)
        if emotion not in _LABELS:
            raise DataError(f"{path}: row {k}: emotion is {emotion[:40]!r}, expected 0..6")
        if part.lower() not in splits:
            raise DataError(
                f"{path}: row {k}: Usage is {part[:40]!r}, expected one of {', '.join(SPLITS)}"
            )
        at = len(labels) % _BLOCK
        if at == 0 and labels:
            blocks.append(block.copy())
        block[at] = _pixels(path, k, pixels)
        labels.append(int(emotion))
        usage.append(splits[part.lower()])
    if not labels:
        raise DataError(f"{path}: the header is followed by no rows")
    last = len(labels) - len(blocks) * _BLOCK
    images = np.concatenate([*blocks, block[:last]]).reshape(-1, _SIDE, _SIDE)
    return images, np.array(labels, dtype=np.int64), np.array(usage, dtype=np.int64)


_LABELS = {str(k) for k in range(len(EMOTIONS))}


def _pixels(path: Path, row: int, text: str) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # text that is no number
            values = np.fromstring(text, dtype=np.int64, sep=" ")
    except (DeprecationWarning, ValueError, OverflowError):
        values = np.array([], dtype=np.int64)
    if len(values) != _SIDE * _SIDE:
        raise DataError(
            f"{path}: row {row}: expected {_SIDE * _SIDE} whole numbers in pixels, found "
            f"{len(text.split())} words beginning {text[:20]!r} and ending {text[-20:]!r}"
        )
    if values.min() < 0 or values.max() > 255:
        raise DataError(
            f"{path}: row {row}: pixels run from {values.min()} to {values.max()}, expected 0..255"
        )
    return values.astype(np.uint8)


def _read_votes(path: Path, n: int) -> NDArray[np.uint8]:
    rows = _rows(path)
    _, where = _header(path, rows, VOTES)
    votes: list[list[int]] = []
    for k, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            ballot = [int(row[i]) for i in where]
        except (ValueError, IndexError) as error:
            raise DataError(f"{path}: row {k} does not hold ten whole numbers of votes") from error
        if min(ballot) < 0 or max(ballot) > 255:
            raise DataError(
                f"{path}: row {k} has {min(ballot)}..{max(ballot)} votes, expected 0..255"
            )
        votes.append(ballot)
    if len(votes) != n:
        raise DataError(f"{path}: {len(votes)} rows of votes for {n} images; they must go together")
    return np.array(votes, dtype=np.uint8)


def _header(
    path: Path, rows: Iterator[list[str]], columns: Sequence[str]
) -> tuple[list[str], list[int]]:
    """The names in the first row, in lower case, and the positions of the given columns."""
    header = [name.strip().lower() for name in next(rows, [])]
    names = [name.lower() for name in columns]
    missing = [name for name in names if name not in header]
    if missing:
        raise DataError(
            f"{path}: expected the columns {', '.join(columns)}; "
            f"found {', '.join(header)[:200] or 'an empty file'} ({', '.join(missing)} missing)"
        )
    return header, [header.index(name) for name in names]


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of a csv file, one at a time."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.reader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable csv file ({error})") from error


def _is_one(file: Path) -> bool:
    return _PICTURE.fullmatch(file.stem) is not None


def _claims(place: Place) -> Claim | None:
    file = file_in(place.path, PACKED, (".npz",))
    if file is None and place.path.suffix.lower() == ".csv" and place.path.is_file():
        try:
            header = [name.strip().lower() for name in next(_rows(place.path), [])]
        except DataError:
            header = []
        file = place.path if "pixels" in header else None
    return by_names(_is_one)(place) if file is None else Claim(Strength.FILE, file.name)


READER = Reader(INFO, read, _claims, ("votes",))
