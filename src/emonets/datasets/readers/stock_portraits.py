"""Portraits of stock agencies and the web, in four emotions.

Folders ``train``, ``valid`` and ``test`` with the class folders angry, happy, normal (neutral) and
sad. Most files have the names of a stock agency's downloads: ``istock4_330.jpg``.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Claim, Place, Reader, named
from emonets.datasets.readers._class_folders import in_folders, read_classes

INFO = DatasetInfo(
    name="stock_portraits",
    title="1,051 portraits of stock agencies and the web, nearly all of different people",
    kinds=("still",),
    citation="none: its page names no publication",
    licence="none stated; the pictures are those of stock agencies",
    where="https://github.com/YuXuan1216/Emotions_Recognition: the folders train, test, valid",
    words={"angry": "angry", "happy": "happy", "sad": "sad", "normal": "neutral"},
    group="the picture itself: nobody is named",
    splits="train, valid and test",
    layout="folders train, valid and test with the folders angry, happy, normal and sad",
    known={"duplicate": "published so: seven copies, two of them in train and test"},
)

_NAME = re.compile(r"istock\d_\d+(?: \(\d+\))?")
_FOLDERS = frozenset(INFO.words)


def read(folder: str | Path) -> Dataset:
    """Read the portraits, in the parts train, valid and test; ``normal`` is neutral.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(folder, INFO, parts=True)


def _claims(place: Place) -> Claim | None:
    n = sum(match is not None for match in map(_NAME.fullmatch, place.stems))
    every = in_folders(place.folders, _FOLDERS)
    return named(every) if 2 * n > every else None


READER = Reader(INFO, read, _claims)
