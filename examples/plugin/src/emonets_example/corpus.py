"""A made-up corpus: clips that are named as ``plugin-anna-joy.mp4``, group and emotion."""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files

INFO = DatasetInfo(
    name="example_corpus",
    title="acted clips of a made-up corpus",
    kinds=("clip", "sound"),
    citation="none: it is made up",
    licence="none: it is made up",
    where="nowhere",
    words={"rage": "angry", "joy": "happy", "sorrow": "sad", "calm": "neutral"},
    outside={"pride": "pride is none of the seven emotions"},
    group="person (the second part of a name)",
    splits="none official",
    layout="videos or sound files named as plugin-anna-joy.mp4, in any folders",
)

_NAME = re.compile(r"plugin-([a-z]+)-([a-z]+)")


def read(folder: str | Path) -> Dataset:
    """Read the corpus, by person.

    Raises
    ------
    DataError : no such folder, or nothing of the corpus in it.
    """
    return read_files(folder, INFO, _meaning)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    group, word = match.groups()
    return labelled(INFO, file, word, group)


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
