"""Labelled clips with their features, from which the specialists of a system learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Extractor
from emonets.datasets.base import Dataset
from emonets.datasets.items import Item, refuse
from emonets.datasets.spans import outside_pieces
from emonets.errors import DataError
from emonets.learners.folds import Indices
from emonets.runtime.files import write_whole
from emonets.runtime.store import Arrays, FeatureStore, parameter_digest
from emonets.training.division import agreed_folds, owner_of
from emonets.training.extraction import Extracted, extract_items, kept_as

_STILLS = 2048  # still faces in one batch


@dataclass(frozen=True, eq=False)
class Material:
    """Labelled clips whose features are in a store; see `emonets.training_contract.Material`.

    Attributes
    ----------
    name : of the data sets.
    corpora : (n,) name of the data set of each clip. main : (n,) whether that one is scored.
    labels : (n,) 0..6 in the order of `emonets.EMOTIONS`. words : (n,) the labels
        as the data name them.
    groups : (n,) ``corpus/group``. A group in two sets of one corpus has one name.
    splits : (n,) train, valid, test or empty.
    agreed : group → fold, of the corpora with published folds.
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
    agreed: dict[str, int] = field(default_factory=dict)
    made: int = 0
    reused: int = 0
    _stills: dict[str, Arrays] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.items)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stills": {}}  # the store has them

    def read(self, extractor: Extractor, i: int) -> Arrays:
        """The features of a clip, as an extractor made them."""
        name, row = self.names[extractor][i], self.items[i].row
        if row is None:
            return self.store.read(name)
        if name not in self._stills:
            self._stills[name] = self.store.read(name)
        return {key: array[row : row + 1] for key, array in self._stills[name].items()}

    def file(self, extractor: Extractor, i: int, cache: Path) -> Path:
        """The same as a file. From a store that is elsewhere it is copied into ``cache``."""
        name = self.names[extractor][i]
        if self.store.folder is not None:
            return self.store.folder / name
        here = cache / name
        if not here.exists():
            write_whole(here, self.store.raw(name))
        return here

    def digest(self, rows: Indices, *, labelled: bool = True) -> str:
        """A digest of the clips' content and pieces; with ``labelled``, also of labels and groups.

        ``rows`` are their positions.
        """
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
    scored: int = 1,
    workers: int = 1,
    scheduler: str | None = None,
    on_clip: Callable[[int, int, float], Any] | None = None,
) -> Material:
    """Run the extractors on all clips, or read the features from the store.

    Parameters
    ----------
    scored : how many of the data sets, from the first on, are scored; the others are trained on.

    Raises
    ------
    DataError : no clip of a scored data set can be read; a piece lies behind the end of its file;
        still faces for an extractor of clips; or as `extract_items`.
    """
    check_stills(datasets, extractors)
    owners = [owner_of(data) for data in datasets]
    clips = [n for n, data in enumerate(datasets) if data.faces is None]
    items = [item for n in clips for item in datasets[n].items]
    found = Extracted(store, (), dict.fromkeys(extractors, ()), (), (), 0, 0)
    if items:
        refuse(outside_pieces(items))
        found = extract_items(
            items, extractors, store, workers=workers, scheduler=scheduler, on_clip=on_clip
        )
    place = {id(item): n for n in clips for item in datasets[n].items}
    parts = {n: [k for k, item in enumerate(found.items) if place[id(item)] == n] for n in clips}
    all_items: list[Item] = []
    contents: list[str] = []
    names: dict[Extractor, list[str]] = {e: [] for e in extractors}
    of: list[int] = []
    made, reused = found.made, found.reused
    for n, data in enumerate(datasets):
        if data.faces is None:
            rows = parts[n]
            used: Sequence[Item] = [found.items[k] for k in rows]
            contents += [found.contents[k] for k in rows]
            for e in extractors:
                names[e] += [found.names[e][k] for k in rows]
        else:
            used = data.items
            content, new = extract_stills(data, extractors, store)
            contents += [f"{content}#{item.row}" for item in used]
            for e in extractors:
                names[e] += [kept_as(e, content)] * len(used)
            made, reused = made + new * len(used), reused + (not new) * len(used)
        if n < scored and not used:
            raise DataError(f"{data.root}: none of its clips can be read")
        all_items += used
        of += [n] * len(used)
    return Material(
        " + ".join(data.name for data in datasets),
        store,
        tuple(all_items),
        tuple(contents),
        {e: tuple(own) for e, own in names.items()},
        np.array([datasets[n].name for n in of], np.str_),
        np.array(of, np.int64) < scored,
        np.array([item.label for item in all_items], np.int64),
        np.array([item.word for item in all_items], np.str_),
        np.array([f"{owners[n]}/{i.group}" for n, i in zip(of, all_items, strict=True)], np.str_),
        np.array([item.split for item in all_items], np.str_),
        (
            *((str(one.path), one.why) for data in datasets for one in data.dropped),
            *found.dropped,
        ),
        all(data.grouped for data in datasets),
        agreed_folds(datasets[:scored]),
        made,
        reused,
    )


def check_stills(datasets: Sequence[Dataset], extractors: Sequence[Extractor]) -> None:
    """Raise DataError if still faces are given to specialists of clips."""
    for data in datasets:
        strange = [e.kind for e in extractors if data.faces is not None and e.stills is None]
        if strange:
            raise DataError(
                f"{data.root}: still faces cannot be used for {strange[0]}; use emonets train face "
                "or emonets train mouth"
            )


def extract_stills(
    data: Dataset, extractors: Sequence[Extractor], store: FeatureStore
) -> tuple[str, bool]:
    """Run the extractors on still faces; features that the store has are not made again.

    Returns
    -------
    A digest of the pictures, and whether anything was made.
    """
    assert data.faces is not None
    content = parameter_digest(data.faces.images)
    made = False
    for extractor in extractors:
        assert extractor.stills is not None
        if not store.has(kept_as(extractor, content)):
            made = True
            images = data.faces.images
            parts = [
                extractor.stills(images[start : start + _STILLS])
                for start in range(0, len(images), _STILLS)
            ]
            whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
            about = {"stills": data.name, "kind": extractor.kind, "version": extractor.version,
                     "settings": dict(extractor.settings)}  # fmt: skip
            store.write(kept_as(extractor, content), whole, about)
    return content, made
