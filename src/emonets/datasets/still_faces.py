"""Labelled still faces: the pictures of a dataset as arrays, and decoding one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.datasets.splits import split_of
from emonets.emotions import EMOTIONS
from emonets.errors import DataError


@dataclass(frozen=True, eq=False)
class FaceImages:
    """Labelled grey pictures of faces.

    Attributes
    ----------
    images : (n, height, width) uint8.
    labels : (n,) int64, 0..6 in the order of `emonets.EMOTIONS`.
    split : (n,) of str, the part of the data each picture belongs to, or None where the data
        are not divided.
    groups : (n,) of int or str, who is shown (or what else must not be divided between parts), or
        None where that is not known.
    name, citation, licence : the dataset's name, BibTeX entry and terms.
    ferplus_votes : (n, 10) uint8, the FER+ votes for neutral, happiness, surprise, sadness,
        anger, disgust, fear, contempt, unknown, no face; all zero for a picture without votes.
    skipped : files that could not be read, each with the reason.

    Raises
    ------
    DataError : arrays whose types, shapes or values do not fit the above.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    split: NDArray[np.str_] | None
    groups: NDArray[np.generic] | None
    name: str
    citation: str
    licence: str
    ferplus_votes: NDArray[np.uint8] | None = None
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim != 3 or images.dtype != np.uint8:
            raise DataError(
                f"{self.name}: expected images of shape (n, height, width) and type uint8, "
                f"found {images.shape} {images.dtype}"
            )
        for what, array in (
            ("labels", labels),
            ("split", self.split),
            ("groups", self.groups),
            ("ferplus_votes", self.ferplus_votes),
        ):
            if array is not None and len(array) != len(images):
                raise DataError(f"{self.name}: {len(images)} images but {len(array)} {what}")
        if labels.ndim != 1 or labels.dtype != np.int64:
            raise DataError(
                f"{self.name}: expected labels of shape (n,) and type int64, "
                f"found {labels.shape} {labels.dtype}"
            )
        wrong = np.flatnonzero((labels < 0) | (labels >= len(EMOTIONS)))
        if len(wrong):
            raise DataError(
                f"{self.name}: label {labels[wrong[0]]} of image {wrong[0]} is not in 0..6 "
                f"({len(wrong)} such)"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the parts, in the order in which they first appear."""
        return () if self.split is None else tuple(dict.fromkeys(map(str, self.split)))

    def take(self, split: str) -> FaceImages:
        """The pictures of one part, such as ``"PrivateTest"``.

        Case does not matter, and one dataset's word for a part is accepted for another: Training
        = train, PublicTest = validation = valid = val, PrivateTest = test.

        Raises
        ------
        DataError : no picture belongs to it; the message names the parts there are.
        """
        if self.split is None:
            raise DataError(
                f"{self.name} is not divided into splits, got {split!r}; use all of it "
                "(--split all)"
            )
        word = split.strip().lower()
        names = [name for name in self.splits if name.lower() == word]
        if not names:
            part = split_of(word)
            names = [name for name in self.splits if part and split_of(name) == part]
        chosen = np.isin(self.split, names)
        if not chosen.any():
            raise DataError(
                f"{self.name} has no split {split!r}; it has {', '.join(self.splits) or 'none'}"
            )
        return self.select(chosen)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> FaceImages:
        """The pictures at some rows, given as a mask (n,) or as indices."""
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            split=None if self.split is None else self.split[rows],
            groups=None if self.groups is None else self.groups[rows],
            ferplus_votes=None if self.ferplus_votes is None else self.ferplus_votes[rows],
        )

    def counts(self) -> dict[str, int]:
        """How many pictures there are of each class."""
        n = np.bincount(self.labels, minlength=len(EMOTIONS))
        return {name: int(k) for name, k in zip(EMOTIONS, n, strict=True)}


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
        return "is not a picture that OpenCV reads, or is damaged"
    height, width = image.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = image[top : top + edge, left : left + edge]
    how = cv2.INTER_AREA if edge >= side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side, side), interpolation=how), dtype=np.uint8)


def _cut_short(data: bytes) -> bool:
    """Whether the end of a JPEG or PNG is missing: OpenCV would fill in grey without an error."""
    tail = data[-4096:]  # programs append their own things
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in tail
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in tail
    return False
