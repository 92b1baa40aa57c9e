"""Stock pictures of the rarest emotions: fear, disgust and contempt.

Pictures are named by numbers, in the folders ``fear``, ``disgust`` and ``contempt``: anybody's
pictures can lie so. Therefore it is never recognised: name the layout. Without, it is read as
class folders, which gives the same items. Contempt is none of the seven.
"""

from __future__ import annotations

from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo
from emonets.datasets.layouts import Reader
from emonets.datasets.readers._class_folders import read_classes

INFO = DatasetInfo(
    name="moodme",
    title="200 stock pictures of fear and disgust, of about as many people",
    kinds=("still",),
    citation="none: its page names no publication",
    licence="none stated; the pictures are those of stock agencies",
    where="https://github.com/vinhyard/moodme-fear-disgust-contempt",
    words={"disgust": "disgust", "fear": "fear"},
    outside={"contempt": OUTSIDE["contempt"]},
    group="the picture itself: nobody is named",
    splits="none",
    layout="the folders fear, disgust and contempt with pictures",
    known={"duplicate": "published so: one picture is in fear and in disgust"},
)


def read(folder: str | Path) -> Dataset:
    """Read the pictures of fear and disgust; those of contempt are dropped.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(folder, INFO)


READER = Reader(INFO, read, lambda place: None)
