"""JAFFE, Japanese Female Facial Expression: ten women, posed in a studio.

A file's name is person, emotion with its repetition, and a number: ``KA.AN1.39.tiff``.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files

INFO = DatasetInfo(
    name="jaffe",
    title="213 posed faces of 10 Japanese women",
    kinds=("still",),
    citation="""@inproceedings{lyons1998coding,
  title = {Coding Facial Expressions with {Gabor} Wavelets},
  author = {Lyons, Michael and Akamatsu, Shigeru and Kamachi, Miyuki and Gyoba, Jiro},
  booktitle = {IEEE International Conference on Automatic Face and Gesture Recognition},
  pages = {200--205},
  year = {1998},
  doi = {10.1109/AFGR.1998.670949}
}""",
    licence="on request from its authors, for research, not for commercial use",
    where="on request: https://zenodo.org/record/3451524",
    words={
        "AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "NE": "neutral",
        "SA": "sad", "SU": "surprise",
    },
    group="person (KA: the beginning of a name)",
    splits="none official; leave persons out",
    layout="pictures named as KA.AN1.39.tiff, in any folders",
)  # fmt: skip

_NAME = re.compile(r"([A-Z]{2})\.([A-Z]{2})\d\.\d{1,3}")


def read(folder: str | Path) -> Dataset:
    """Read JAFFE, by person.

    Raises
    ------
    DataError : no such folder, or nothing of JAFFE in it.
    """
    return read_files(folder, INFO, _meaning, suffixes=STILL_SUFFIXES)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[2], match[1])


READER = Reader(INFO, read, by_stems(_NAME))
