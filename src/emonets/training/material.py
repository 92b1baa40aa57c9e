"""Labelled clips with what was taken out of them: what the specialists of a system learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor
from emonets.datasets.base import Dataset
from emonets.datasets.items import Item
from emonets.errors import DataError
from emonets.learners.folds import Indices
from emonets.runtime.files import write_whole
from emonets.runtime.store import Arrays, FeatureStore, parameter_digest
from emonets.training.extraction import Extracted, extract_items

Echo = Callable[[str], Any]


@dataclass(frozen=True, eq=False)
class Material:
    """Labelled clips whose features are in a store.

    Attributes
    ----------
    name : of the data sets; the first is the one that is scored.
    corpora : name of the data set each clip is of, and ``main``, whether that is the first.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`. words : (n,) the data's own.
    groups : (n,) ``corpus/who``. People of two sets of one corpus have the same name.
    splits : (n,) train, valid, test or nothing.
    dropped : (file, why).
    """

    name: str
    store: FeatureStore
    items: tuple[Item, ...]
    contents: tuple[str, ...]
    names: dict[Extractor, tuple[str, ...]]
    corpora: NDArray[np.str_]
    main: NDArray[np.bool_]
    labels: NDArray[np.int64]
    words: NDArray[np.str_]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]
    dropped: tuple[tuple[str, str], ...]
    grouped: bool
    made: int = 0
    reused: int = 0

    def __len__(self) -> int:
        return len(self.items)

    def read(self, extractor: Extractor, i: int) -> Arrays:
        """What an extractor took out of a clip."""
        return self.store.read(self.names[extractor][i])

    def file(self, extractor: Extractor, i: int, cache: Path) -> Path:
        """The same as a file; of a store that is elsewhere it is fetched into a folder."""
        name = self.names[extractor][i]
        if self.store.folder is not None:
            return self.store.folder / name
        here = cache / name
        if not here.exists():
            write_whole(here, self.store.raw(name))
        return here

    def digest(self, rows: Indices, *, labelled: bool = True) -> str:
        """A word for these clips: their content and pieces and, if asked for, labels and groups."""
        which = rows.tolist()
        parts: list[Any] = [
            [self.contents[i] for i in which],
            [[self.items[i].start, self.items[i].end] for i in which],
        ]
        if labelled:
            parts += [self.labels[rows].tolist(), self.groups[rows].tolist()]
            parts += [self.words[rows].tolist(), self.corpora[rows].tolist()]
        return parameter_digest(*parts)


def load_material(
    datasets: Sequence[Dataset],
    extractors: Sequence[Extractor],
    store: FeatureStore,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    on_clip: Callable[[int, int], Any] | None = None,
) -> Material:
    """Take out of all clips what the extractors ask for, or out of the store.

    Raises
    ------
    DataError : no clip can be read; or as `extract_items`.
    """
    items = [item for data in datasets for item in data.items]
    source = [number for number, data in enumerate(datasets) for _ in data.items]
    found = extract_items(
        items, extractors, store, workers=workers, scheduler=scheduler, on_clip=on_clip
    )
    place = {id(item): number for item, number in zip(items, source, strict=True)}
    of = np.array([place[id(item)] for item in found.items])
    if not (of == 0).any():
        raise DataError(f"{datasets[0].root}: none of its clips can be read")
    return _material(datasets, found, of, store)


def _material(
    datasets: Sequence[Dataset], found: Extracted, of: NDArray[np.int64], store: FeatureStore
) -> Material:
    # sets of one corpus (films and utterances, say) are of the same people
    owner = [_owner(data) for data in datasets]
    return Material(
        " + ".join(data.name for data in datasets),
        store,
        found.items,
        found.contents,
        found.names,
        np.array([datasets[n].name for n in of]),
        of == 0,
        np.array([item.label for item in found.items], np.int64),
        np.array([item.word for item in found.items], np.str_),
        np.array([f"{owner[n]}/{i.group}" for n, i in zip(of, found.items, strict=True)]),
        np.array([item.split for item in found.items], np.str_),
        (
            *((str(one.path), one.why) for data in datasets for one in data.dropped),
            *found.dropped,
        ),
        all(data.grouped for data in datasets),
        found.made,
        found.reused,
    )


def _owner(data: Dataset) -> str:
    # in sets of one's own an equal name may well be the same person: it is taken to be
    return "own" if data.info.own else data.info.name
