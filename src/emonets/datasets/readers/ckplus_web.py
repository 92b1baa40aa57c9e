"""Faces of CK+ and of the web, 350 pixels, with noisy labels.

The folders anger, disgust, fear, happy, neutral, sadness and surprise lie in ``dataset``. Names
are numbers, half of them random fractions: ``0.642893949136.jpg``. The subjects are not named, but
they are those of CK+ and CK+48. So this set and those two must not lie on both sides of a line
between training and test.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Claim, Place, Reader, named
from emonets.datasets.readers import ckplus
from emonets.datasets.readers._class_folders import in_folders, read_classes

INFO = DatasetInfo(
    name="ckplus_web",
    title="2,740 faces of CK+ and of the web, with noisy labels",
    kinds=("still",),
    citation=ckplus.INFO.citation,
    licence="of CK+: for research under an agreement with its authors; of the others none stated",
    where="https://github.com/katstudz/emotion_reco: the folder dataset",
    words={
        "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy",
        "neutral": "neutral", "sadness": "sad", "surprise": "surprise",
    },
    group="the picture itself: nobody is named; many are the people of ckplus and ckplus48",
    splits="none; never train on this and test on ckplus or ckplus48, nor the other way round",
    layout="the folder dataset with folders anger, disgust, fear, happy, neutral, sadness and "
    "surprise, of pictures named as 0.642893949136.jpg",
    known={"duplicate": "published so: 573 pictures are copies of others of their class"},
)  # fmt: skip

_NAME = re.compile(r"0\.\d{8,13}")
_FOLDERS = frozenset(INFO.words)
_SHARE = 0.4  # of the files that have such names


def read(folder: str | Path) -> Dataset:
    """Read the faces.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(folder, INFO)


def _claims(place: Place) -> Claim | None:
    every = in_folders(place.folders, _FOLDERS)
    n = sum(match is not None for match in map(_NAME.fullmatch, place.stems))
    return named(every) if every and n > _SHARE * every else None


READER = Reader(INFO, read, _claims)
