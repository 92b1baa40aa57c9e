"""CK+48: the last frames of the labelled sequences of CK+, cut to faces of 48 x 48 pixels.

A widespread copy: ``CK+48/happy/S032_006_00000014.png`` is subject, sequence and frame, in a
folder for each emotion. Of every sequence there are the last three frames. Contempt is none of
the seven. Pictures of CK+ itself have the same names, but lie in folders of subjects.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo, Dropped, Item
from emonets.datasets.layouts import Claim, Place, Reader, named
from emonets.datasets.readers import ckplus
from emonets.datasets.readers._class_folders import read_classes
from emonets.datasets.reading import Meaning

INFO = DatasetInfo(
    name="ckplus48",
    title="927 posed faces of 106 people of CK+, 48 pixels: three frames of each sequence",
    kinds=("still",),
    citation=ckplus.INFO.citation,
    licence="of CK+: for research under an agreement with its authors",
    where="copies of it are on many public pages; CK+ itself is had from its authors",
    words={
        "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy",
        "sadness": "sad", "surprise": "surprise",
    },
    outside={"contempt": OUTSIDE["contempt"]},
    group="subject (S032: the beginning of a name), as in CK+",
    splits="none official; keep subjects apart, also from those of ckplus and ckplus_web",
    layout="folders anger, contempt, disgust, fear, happy, sadness and surprise with pictures "
    "named as S032_006_00000014.png",
)  # fmt: skip

_NAME = re.compile(r"(S\d{3})_\d{3}_\d{8}")
_FOLDERS = frozenset((*INFO.words, *INFO.outside))


def read(folder: str | Path) -> Dataset:
    """Read the faces, by subject ("S005" to "S999").

    Raises
    ------
    DataError : no such folder, or no picture of CK+ in a class folder.
    """
    return read_classes(folder, INFO, group_of=_group, checked=_checked)


def _group(file: Path, part: str) -> str:
    return file.stem[:4]


def _checked(file: Path, item: Item) -> Meaning:
    if _NAME.fullmatch(file.stem) is None:
        return Dropped(file, "its name is none of CK+ (S032_006_00000014)", "unlabelled")
    return item


def _claims(place: Place) -> Claim | None:
    found = zip(place.files, map(_NAME.fullmatch, place.stems), strict=True)
    n = sum(m is not None and file.parent.name.lower() in _FOLDERS for file, m in found)
    return named(n, instead_of=("ckplus",))


READER = Reader(INFO, read, _claims)
