"""A dataset, opened: labelled items in one shape, whatever they were read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.checks import problems_of
from emonets.datasets.folds import folds_of_groups
from emonets.datasets.items import KINDS, DatasetInfo, Dropped, Item, Problem
from emonets.datasets.splits import SPLITS
from emonets.datasets.still_faces import FaceImages, read_face
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.learners.folds import Fold, Indices


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled stills, clips or sounds.

    Attributes
    ----------
    info : the dataset's declaration.
    name : of what was read; of a corpus of two sets, such as RAVDESS' speech and song, one of them.
    root : the path that was opened.
    items : in a fixed order, that of their paths or of the table that names them.
    dropped : files that are there and are no items, each with the reason.
    found : problems that were found in reading, as `validate` lists them.
    folds : group → fold, 0, 1 …, where the field has agreed on folds.
    grouped : whether the groups of all items are known. An item without one is a group of its own,
        and scores of a cross-validation over groups are then too good.
    faces : the pictures themselves, (n, height, width), where they lie in one file, with the
        votes of FER+ if there are any; in the order of ``items``.
    """

    info: DatasetInfo
    name: str
    root: Path
    items: tuple[Item, ...]
    dropped: tuple[Dropped, ...] = ()
    found: tuple[Problem, ...] = ()
    folds: Mapping[str, int] | None = None
    grouped: bool = True
    faces: FaceImages | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) 0..6 in the order of `emonets.EMOTIONS`."""
        return np.array([item.label for item in self.items], dtype=np.int64)

    @property
    def groups(self) -> NDArray[np.str_]:
        """(n,) the person in each item."""
        return np.array([item.group for item in self.items], dtype=np.str_)

    @property
    def splits(self) -> NDArray[np.str_]:
        """(n,) train, valid, test or nothing."""
        return np.array([item.split for item in self.items], dtype=np.str_)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of still, clip and sound, those of its items."""
        here = {item.kind for item in self.items}
        return tuple(kind for kind in KINDS if kind in here)

    def counts(self) -> dict[str, dict[str, int]]:
        """Class → split → how many items; the splits that are there, all seven classes."""
        n = Counter((item.label, item.split) for item in self.items)
        here = {split for _, split in n}
        splits = [split for split in ("", *SPLITS) if split in here]
        return {
            name: {split: n[label, split] for split in splits}
            for label, name in enumerate(EMOTIONS)
        }

    def folds_for(
        self,
        rows: Sequence[int] | Indices | None = None,
        *,
        count: int | None = None,
        seed: int = 0,
    ) -> tuple[list[Fold], str]:
        """Folds of a cross-validation: the agreed ones if there are any, else of whole groups.

        Parameters
        ----------
        rows : positions of the items that take part; None: all.
        count, seed : see `emonets.datasets.folds.folds_of_groups`.

        Returns
        -------
        (train, test) positions among **all** items, and a text: how they divide the groups.

        Raises
        ------
        DataError : as `emonets.datasets.folds.folds_of_groups`.
        """
        chosen = np.arange(len(self)) if rows is None else np.asarray(rows, np.intp)
        folds, text = folds_of_groups(self.groups[chosen], self.folds, count, seed, name=self.name)
        return [(chosen[train], chosen[test]) for train, test in folds], text

    def validate(self, *, deep: bool = False) -> tuple[Problem, ...]:
        """Problems of the data, errors first.

        Parameters
        ----------
        deep : decode every file to its end. Otherwise it is only checked that files are there,
            and of those of equal size the contents are compared.

        Returns
        -------
        Missing, damaged, unlabelled and duplicate files, groups in two splits, classes with a
        single item, pieces outside their file (deep), and notes.
        """
        return problems_of(
            str(self.root), self.info, self.items, dropped=self.dropped, found=self.found,
            images=None if self.faces is None else self.faces.images, grouped=self.grouped,
            deep=deep,
        )  # fmt: skip

    def still_faces(self, side: int = 48) -> FaceImages:
        """The stills as arrays, to train a face network on.

        Pictures that lie in one file are returned as they are there. Others are decoded to grey;
        of one that is not square the largest centred square is kept, since stretching would
        distort the face.

        Parameters
        ----------
        side : width and height of pictures that are decoded here, pixels.

        Returns
        -------
        FaceImages, of pictures that are decoded here by split, class and path. Its ``skipped``
        lists the pictures that were dropped or cannot be decoded.

        Raises
        ------
        DataError : no still that can be decoded; some pictures lie in parts and others in none.
        ParameterError : side is not positive.
        """
        if side < 1:
            raise ParameterError(f"side must be at least 1 pixel, got {side}")
        if self.faces is not None:
            return self.faces
        stills = [item for item in self.items if item.kind == "still"]
        parts = sorted({item.split for item in stills if item.split})
        loose = [item for item in stills if not item.split]
        if parts and loose:
            raise DataError(
                f"{self.root}: pictures lie in the parts {', '.join(parts)}, but {len(loose)} in "
                f"none, such as {loose[0].path}; move all into parts, or none"
            )
        kept: list[tuple[Item, NDArray[np.uint8]]] = []
        skipped = [f"{one.path}: {one.why}" for one in self.dropped if one.kind != "foreign"]
        for item in sorted(stills, key=lambda item: (item.split, item.label, item.path)):
            image = read_face(item.path, side)
            if isinstance(image, str):
                skipped.append(f"{item.path}: {image}")
            else:
                kept.append((item, image))
        if not kept:
            first = f"; {len(skipped)} could not be read, first {skipped[0]}" if skipped else ""
            raise DataError(f"{self.root}: no labelled picture in it{first}")
        return FaceImages(
            images=np.stack([image for _, image in kept]),
            labels=np.array([item.label for item, _ in kept], dtype=np.int64),
            split=np.array([item.split for item, _ in kept]) if parts else None,
            groups=np.array([item.group for item, _ in kept]) if self.grouped else None,
            name=self.name,
            citation=self.info.citation,
            licence=self.info.licence,
            skipped=tuple(skipped),
        )
