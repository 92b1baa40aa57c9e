"""Faces of the web in three emotions, of several older collections.

The folders ``Angry``, ``Happy`` and ``Sad`` lie in ``dataset``. About half of the names are those
of a widespread collection, such as ``cropped_emotions.231374~angry.jpg``. Of the 2,328 pictures in
``Sad`` 1,075 have a name with ``~angry``: they are angry faces, and files of the same names lie in
``Angry``. They are dropped. Some pictures are of people of KDEF.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped, Item
from emonets.datasets.layouts import Claim, Place, Reader, named
from emonets.datasets.readers._class_folders import in_folders, read_classes
from emonets.datasets.reading import Meaning

INFO = DatasetInfo(
    name="three_web",
    title="6,230 faces of the web, 224 pixels, of some hundreds of people",
    kinds=("still",),
    citation="none: its page names no publication",
    licence="none stated; pictures of third parties",
    where="https://github.com/MaxQuantaIndustries/Fine-Tuned_Facial_Emotion_Recognition: the "
    "folder dataset",
    words={"Angry": "angry", "Happy": "happy", "Sad": "sad"},
    group="the picture itself: nobody is named, though people return; some are those of KDEF",
    splits="none; a random division shares people",
    layout="the folder dataset with the folders Angry, Happy and Sad",
    known={"duplicate": "published so: there are copies of pictures"},
)

_NAME = re.compile(r"cropped_emotions\.\d+(?:~[a-z]+)?")
_FOLDERS = frozenset(INFO.words)
_SHARE = 0.4  # of the files that have such names


def read(folder: str | Path) -> Dataset:
    """Read the faces.

    Returns
    -------
    The items. Angry faces in the folder of sad ones are dropped: their names have ``~angry``.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(folder, INFO, checked=_checked)


def _checked(file: Path, item: Item) -> Meaning:
    if item.word == "Sad" and file.stem.endswith("~angry"):
        why = "lies in Sad, but is an angry face by its name, and lies in Angry, too"
        return Dropped(file, why, "other", "angry faces in the folder of sad ones")
    return item


def _claims(place: Place) -> Claim | None:
    every = in_folders(place.folders, _FOLDERS)
    n = sum(match is not None for match in map(_NAME.fullmatch, place.stems))
    return named(every) if every and n > _SHARE * every else None


READER = Reader(INFO, read, _claims)
