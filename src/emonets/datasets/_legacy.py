"""An adapter for the training that is about to be deleted; it goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emonets.datasets.items import Item
from emonets.datasets.registry import open_dataset
from emonets.errors import DataError


@dataclass(frozen=True, eq=False)
class Recordings:
    """The clips and sound files of a dataset, whole. ``dropped`` holds (file, why)."""

    name: str
    items: tuple[Item, ...]
    dropped: tuple[tuple[str, str], ...]
    folds: Mapping[str, int] | None
    grouped: bool


def load_recordings(path: str | Path) -> Recordings:
    """Open labelled data and leave the stills out.

    Raises
    ------
    DataError : as `open_dataset`; no clip or sound file; pieces of files.
    """
    data = open_dataset(path, shared_groups=True)
    items = tuple(item for item in data.items if item.kind != "still")
    if not items:
        raise DataError(f"{path}: no labelled video or sound file in it, only pictures")
    piece = next((item for item in items if item.start is not None or item.end is not None), None)
    if piece is not None:
        raise DataError(
            f"{path}: start and end in line {piece.line}, but pieces of files are not read here; "
            "cut them out into files of their own, or take the columns away"
        )
    dropped = tuple((str(one.path), one.why) for one in data.dropped)
    return Recordings(data.name, items, dropped, data.folds, data.grouped)
