"""A folder of class folders: ``happy/1.png``, or ``train/happy/1.png`` and ``test/happy/2.png``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.datasets.splits import is_split
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError, ParameterError

LICENCE = "as its owner says"
CITATION = ""
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm")
)
"""Endings of the files that are read; others are passed over."""


def read_face_folder(
    path: str | Path, *, side: int = 48, group_pattern: str | None = None
) -> FaceImages:
    """Read labelled face pictures from a folder of class folders.

    Class folders are named after the seven emotions or their common synonyms (`emotion_index`),
    in any case. They lie either in the folder itself or in split folders in it: train or
    Training, valid, validation, val or PublicTest, test or PrivateTest. Folders within class
    folders are searched too. Pictures become grey; of one that is not square the largest centred
    square is kept, since stretching would distort the face.

    Parameters
    ----------
    path : the folder.
    side : width and height of the pictures returned, pixels.
    group_pattern : a regular expression searched for in each file name; what its first bracket
        (or, without brackets, the whole of it) matches is who is shown. ``r"^(\\d+)_"`` takes
        the number before the first underscore.

    Returns
    -------
    FaceImages, ordered by split, class and file name. Files that cannot be read are left out and
    listed in ``skipped``.

    Raises
    ------
    DataError : no such folder; folders that are neither classes nor splits; no readable picture;
        a file name that the group pattern does not match.
    ParameterError : the pattern is no regular expression, or side is not positive.
    """
    path = Path(path)
    if side < 1:
        raise ParameterError(f"side must be at least 1 pixel, got {side}")
    try:
        pattern = re.compile(group_pattern) if group_pattern is not None else None
    except re.error as error:
        raise ParameterError(f"group_pattern {group_pattern!r}: {error}") from error
    if not path.is_dir():
        raise DataError(f"{path}: there is no such folder; expected a folder of class folders")
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    split: list[str] = []
    groups: list[str] = []
    skipped: list[str] = []
    for part, label, file in _files(path):
        image = read_face(file, side)
        if isinstance(image, str):
            skipped.append(f"{file}: {image}")
            continue
        if pattern is not None:
            groups.append(_group(file, pattern))
        images.append(image)
        labels.append(label)
        split.append(part)
    if not images:
        many = f"; {len(skipped)} could not be read, first {skipped[0]}" if skipped else ""
        raise DataError(
            f"{path}: no picture in its class folders ({', '.join(sorted(SUFFIXES))}){many}"
        )
    return FaceImages(
        images=np.stack(images),
        labels=np.array(labels, dtype=np.int64),
        split=np.array(split) if any(split) else None,
        groups=np.array(groups) if pattern is not None else None,
        name=path.resolve().name,
        citation=CITATION,
        licence=LICENCE,
        skipped=tuple(skipped),
    )


def _files(path: Path) -> Iterator[tuple[str, int, Path]]:
    """Split (empty if there are none), label and file of every picture."""
    folders = _folders(path)
    parts = [folder for folder in folders if is_split(folder.name)]
    if parts and len(parts) < len(folders):
        others = [folder.name for folder in folders if folder not in parts]
        raise DataError(
            f"{path}: split folders ({', '.join(p.name for p in parts)}) lie beside others "
            f"({', '.join(others)}); expected either split folders alone or class folders alone"
        )
    for part in parts or [path]:
        classes = [(_label(folder), folder) for folder in _folders(part)]
        unknown = [folder.name for label, folder in classes if label is None]
        if unknown or not classes:
            raise DataError(
                f"{part}: expected class folders named {', '.join(EMOTIONS)}; found "
                + (", ".join(f.name for _, f in classes) or "no folder")
                + (f" (not understood: {', '.join(unknown)})" if unknown else "")
            )
        for label, folder in sorted((k, f) for k, f in classes if k is not None):
            for file in sorted(folder.rglob("*")):
                wanted = file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
                if wanted and not file.is_dir():
                    yield (part.name if parts else ""), label, file


def _folders(path: Path) -> list[Path]:
    """The folders in a folder, without what file managers and notebooks leave behind."""
    return [
        p for p in sorted(path.iterdir()) if p.is_dir() and p.name[0] != "." and p.name[:2] != "__"
    ]


def _label(folder: Path) -> int | None:
    try:
        return emotion_index(folder.name)
    except KeyError:
        return None


def _group(file: Path, pattern: re.Pattern[str]) -> str:
    match = pattern.search(file.name)
    if match is None:
        raise DataError(f"{file}: group_pattern {pattern.pattern!r} does not match its name")
    return str(match.group(1 if pattern.groups else 0))


def read_face(file: Path, side: int) -> NDArray[np.uint8] | str:
    """A picture (side, side) in grey, its largest centred square; or why there is none."""
    try:
        # OpenCV's own file reading fails on names beyond ASCII on some systems
        data = file.read_bytes()
        if not data:
            return "is empty"
        if _cut_short(data):
            return "breaks off before its end; it is damaged"
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        return f"cannot be read ({error})"
    if image is None:
        return "is not a picture that OpenCV knows, or is damaged"
    height, width = image.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = image[top : top + edge, left : left + edge]
    how = cv2.INTER_AREA if edge >= side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side, side), interpolation=how), dtype=np.uint8)


def _cut_short(data: bytes) -> bool:
    """Whether the end of a JPEG or PNG is missing: OpenCV would fill in grey without a word."""
    tail = data[-4096:]  # programs append their own things
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in tail
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in tail
    return False
