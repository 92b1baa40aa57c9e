"""Faces of several corpora, and how training draws them: classes evenly, sources by their share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.runtime.files import write_whole
from emonets.training.strangers.changes import changed
from emonets.training.strangers.frames import SIDE, SIZE, FramedFace, framed_still

CLASSES = len(EMOTIONS)
ENOUGH = 1500
"""Pictures of a class from which a source has its whole share of that class."""

_FER_PLUS = (4, 5, 6, 1, 3, 2, 0)  # columns of FER+ in the order of EMOTIONS

Grey = NDArray[np.uint8]
Ints = NDArray[np.int64]
Rows = NDArray[np.bool_] | NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Faces:
    """Framed faces of a corpus.

    Attributes
    ----------
    images : (n, 128, 128) uint8, see `FramedFace`. shown : (n, 128, 128) bool.
    labels : (n,) 0..6. targets : (n, 7) probabilities to train on.
    names : (n,) of their files, or their positions.
    found : (n,) whether a face was detected.
    """

    images: Grey
    shown: NDArray[np.bool_]
    labels: Ints
    targets: NDArray[np.float32]
    names: NDArray[np.str_]
    found: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Rows) -> Faces:
        """Those at some rows."""
        parts = {name: getattr(self, name)[rows] for name in self.__dataclass_fields__}
        return replace(self, **parts)

    def counts(self) -> list[int]:
        """How many there are of each class."""
        counts: list[int] = np.bincount(self.labels, minlength=CLASSES).tolist()
        return counts


def faces_of(framed: Sequence[FramedFace], labels: Ints, names: Sequence[str]) -> Faces:
    """Framed faces with their labels, which are their targets."""
    return Faces(
        np.stack([face.image for face in framed]), np.stack([face.shown for face in framed]),
        labels, np.eye(CLASSES, dtype=np.float32)[labels], np.array(names, np.str_),
        np.array([face.found for face in framed], bool),
    )  # fmt: skip


def framed_stills(stills: FaceImages) -> Faces:
    """Pictures that are framed as FER2013's are; votes of FER+ are half of the targets."""
    images, shown = zip(*[framed_still(image) for image in stills.images], strict=True)
    labels = stills.labels
    targets = np.eye(CLASSES, dtype=np.float32)[labels]
    if stills.ferplus_votes is not None:
        votes = stills.ferplus_votes[:, _FER_PLUS].astype(np.float32)
        total = votes.sum(axis=1, keepdims=True)
        mixed = 0.5 * targets + 0.5 * votes / np.maximum(total, 1)
        targets = np.where(total > 0, mixed, targets).astype(np.float32)
    names = np.array([str(k) for k in range(len(labels))], np.str_)
    return Faces(
        np.stack(images), np.stack(shown), labels, targets, names, np.ones(len(labels), bool)
    )


def save_faces(path: Path, faces: Faces) -> None:
    """Write faces to a ``.npz`` file; targets are not kept."""
    import io

    n, content = len(faces), io.BytesIO()
    bits = np.packbits(faces.shown.reshape(n, -1), axis=1)
    np.savez(
        content, images=faces.images, bits=bits, found=faces.found, label=faces.labels,
        group=faces.names,
    )  # fmt: skip
    write_whole(path, content.getvalue())


def load_faces(path: Path) -> Faces:
    """Faces of `save_faces`; their labels are their targets.

    Raises
    ------
    DataError : the file is missing, damaged or another one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            labels = np.asarray(file["label"], np.int64)
            n = len(labels)
            shown = np.unpackbits(file["bits"].reshape(n, -1), axis=1, count=SIDE * SIDE)
            images = np.asarray(file["images"], np.uint8).reshape(n, SIDE, SIDE)
            names, found = np.asarray(file["group"], np.str_), np.asarray(file["found"]) > 0
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a file of framed faces ({error}); make it again") from None
    if len(labels) and not 0 <= labels.min() <= labels.max() < CLASSES:
        raise DataError(f"{path}: a label is not in 0..6; make the file again")
    return Faces(
        images, shown.reshape(n, SIDE, SIDE).astype(bool), labels,
        np.eye(CLASSES, dtype=np.float32)[labels], names, found,
    )  # fmt: skip


class Drawing:
    """Draws batches: classes in turn, of each class the sources by their shares.

    Parameters
    ----------
    sources : by name. shares : of each. A source that has fewer than `ENOUGH` pictures of a class
        has less of that class, by the root.
    outlined : names of sources whose faces were cut out along their outlines.
    seed : with the number of a batch it decides the whole batch.

    Raises
    ------
    DataError : a class of which no source has a picture.
    """

    def __init__(
        self,
        sources: Mapping[str, Faces],
        shares: Mapping[str, float],
        *,
        outlined: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        self._sources = list(sources.values())
        self._outlined = [name in outlined for name in sources]
        self._seed = seed
        counts = np.array([faces.counts() for faces in self._sources])
        share = np.array([shares[name] for name in sources])
        weights = share[:, None] * np.minimum(1, counts / ENOUGH) ** 0.5
        if (weights.sum(axis=0) == 0).any():
            absent = [EMOTIONS[c] for c in np.flatnonzero(weights.sum(axis=0) == 0)]
            raise DataError(f"no picture to train on is labelled {', '.join(absent)}")
        self.shares = weights / weights.sum(axis=0)
        """(sources, 7) part of each source in each class."""
        self._rows = [
            [np.flatnonzero(faces.labels == c) for c in range(CLASSES)] for faces in self._sources
        ]

    def batch(self, step: int, size: int) -> tuple[Grey, NDArray[np.float32]]:
        """Changed pictures (size, 96, 96) and their targets (size, 7) of a step, from 0."""
        rng = np.random.default_rng((self._seed, step))
        pictures = np.empty((size, SIZE, SIZE), np.uint8)
        targets = np.empty((size, CLASSES), np.float32)
        count = len(self._sources)
        for j in range(size):
            label = (j + step * size) % CLASSES
            i = int(rng.choice(count, p=self.shares[:, label]))
            faces, row = self._sources[i], int(rng.choice(self._rows[i][label]))
            others = self._sources[int(rng.integers(count))]
            other = others.images[int(rng.integers(len(others)))]
            pictures[j] = changed(
                faces.images[row], faces.shown[row], other, rng, outlined=self._outlined[i]
            )
            targets[j] = faces.targets[row]
        return pictures, targets
