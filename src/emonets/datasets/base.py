"""A dataset, opened: labelled items in one shape, whatever they were read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.checks import Problem, problems_of
from emonets.datasets.info import DatasetInfo
from emonets.datasets.items import Dropped, Item
from emonets.datasets.kinds import kind_of
from emonets.datasets.reading import Recordings, Why
from emonets.datasets.splits import SPLITS, require_split
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled stills, clips or sounds.

    Attributes
    ----------
    info : what the dataset declares of itself.
    name : of what was read; a corpus of two sets, such as RAVDESS' speech and song, says which.
    root : the path that was opened.
    items : in a fixed order, that of their paths or of the table that names them.
    dropped : what lies there and is not among them, with the reason.
    found : problems that were met in reading, as `validate` lists them.
    folds : group → fold, 0, 1 …, where the field has agreed on folds.
    grouped : whether groups are known of all items. Where one is not, the item is a group of its
        own, and figures of a cross-validation over groups are too good.
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
        """(n,) who is seen or heard."""
        return np.array([item.group for item in self.items])

    @property
    def splits(self) -> NDArray[np.str_]:
        """(n,) train, valid, test or nothing."""
        return np.array([item.split for item in self.items])

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of still, clip and sound, those that are there."""
        here = {item.kind for item in self.items}
        return tuple(kind for kind in ("still", "clip", "sound") if kind in here)

    def counts(self) -> dict[str, dict[str, int]]:
        """Class → split → how many items; the splits that are there, all seven classes."""
        n = Counter((item.label, item.split) for item in self.items)
        here = {split for _, split in n}
        splits = [split for split in ("", *SPLITS) if split in here]
        return {
            name: {split: n[label, split] for split in splits}
            for label, name in enumerate(EMOTIONS)
        }

    def validate(self, *, deep: bool = False) -> tuple[Problem, ...]:
        """What is wrong with the data, errors first.

        Parameters
        ----------
        deep : decode every file to its end. Otherwise files are only looked for, and of those of
            equal size the contents compared.

        Returns
        -------
        Missing, damaged, unlabelled and duplicate files, groups in two splits, classes with a
        single item, pieces outside their file (deep), and what is good to know.
        """
        return problems_of(self, deep=deep)


def from_recordings(
    info: DatasetInfo,
    root: Path,
    recordings: Recordings,
    found: tuple[Problem, ...] = (),
) -> Dataset:
    """A dataset of what a reader of recordings returned."""
    items = []
    for recording in recordings.items:
        items.append(
            Item(
                path=recording.path,
                label=recording.label,
                group=recording.group,
                split=recording.split or "",
                kind=kind_of(recording.path),
                word=recording.fine,
                start=recording.start,
                end=recording.end,
                line=recording.line,
            )
        )
    dropped = tuple(
        Dropped(
            Path(file),
            str(why),
            why.kind if isinstance(why, Why) else "other",
            why.word if isinstance(why, Why) else "",
        )
        for file, why in recordings.dropped
    )
    return Dataset(
        info, recordings.name, root, tuple(items), dropped, found, recordings.folds,
        recordings.grouped,
    )  # fmt: skip


def from_faces(info: DatasetInfo, root: Path, file: Path, faces: FaceImages) -> Dataset:
    """A dataset of still faces that lie in one file; their ``row`` says which each is.

    Raises
    ------
    DataError : a split that is none.
    """
    own = faces.split if faces.split is not None else [""] * len(faces)
    splits = [require_split(str(word), file) for word in own]
    known = faces.groups is not None
    names = [f"row {k}" for k in range(len(faces))]
    if faces.groups is not None:
        names = [str(group) for group in faces.groups.tolist()]
        known = not any(name.startswith("-") for name in names)  # as `read_tfd` has it
    rows = zip(faces.labels.tolist(), names, splits, strict=True)
    return Dataset(
        info,
        faces.name,
        root,
        tuple(
            Item(file, label, group, split, "still", EMOTIONS[label], row=row)
            for row, (label, group, split) in enumerate(rows)
        ),
        grouped=known,
        faces=faces,
    )
