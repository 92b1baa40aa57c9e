"""One labelled item of a dataset, and one file that is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """One labelled still, clip or sound.

    Attributes
    ----------
    path : the file.
    label : 0..6 in the order of `emonets.EMOTIONS`.
    group : who is seen or heard (or what else items must not be torn apart by); never empty.
    split : ``train``, ``valid``, ``test``, or nothing where the data are not divided.
    kind : ``still``, ``clip`` or ``sound``.
    word : the dataset's own word for the emotion, such as "calm".
    start, end : the piece of the file that is meant, seconds; None for its beginning and end.
    row : which picture of a file that holds many, from 0.
    line : where a table names it, the line there.
    """

    path: Path
    label: int
    group: str
    split: str
    kind: str
    word: str
    start: float | None = None
    end: float | None = None
    row: int | None = None
    line: int | None = None


@dataclass(frozen=True)
class Dropped:
    """A file that lies there and is no item.

    Attributes
    ----------
    why : the reason, in words.
    kind : of the reason: see `emonets.datasets.reading.Why`.
    word : the dataset's own word for the emotion, where that is the reason.
    """

    path: Path
    why: str
    kind: str
    word: str = ""
