"""SFEW, Static Facial Expressions in the Wild: frames of the films of AFEW.

The parts Train, Val and Test (or ``Train_Aligned_Faces`` …) hold a folder for each of the seven
emotions. A name is film, time and frame: ``Airheads_000519240_00000005.png``. The test part may
come without labels. By its authors no person is in two parts; a film is a group within its part.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped, Item
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.readers._class_folders import read_classes
from emonets.datasets.reading import Meaning
from emonets.datasets.splits import split_of
from emonets.emotions import EMOTIONS

INFO = DatasetInfo(
    name="sfew",
    title="about 1,700 frames of feature films, of which some 1,300 are labelled",
    kinds=("still",),
    citation="""@inproceedings{dhall2011static,
  title = {Static Facial Expression Analysis in Tough Conditions: Data, Evaluation Protocol and
           Benchmark},
  author = {Dhall, Abhinav and Goecke, Roland and Lucey, Simon and Gedeon, Tom},
  booktitle = {IEEE International Conference on Computer Vision Workshops},
  pages = {2106--2112},
  year = {2011},
  doi = {10.1109/ICCVW.2011.6130508}
}""",
    licence="on request from its authors, for research under an agreement with them",
    where="on request from its authors, the organisers of the EmotiW challenges",
    words={name: name for name in EMOTIONS},
    group="film, within its part (train/Airheads): the beginning of a name",
    splits="Train, Val and Test; by the authors no person is in two of them",
    layout="Train, Val and Test (or Train_Aligned_Faces …) with class folders (Angry, Disgust, "
    "Fear, Happy, Neutral, Sad, Surprise) of pictures named as Airheads_000519240_00000005.png",
)

_NAME = re.compile(r"(.+)_\d{9}_\d{8}")
_PART = re.compile(r"(train|val|test)(?:_(?:aligned|faces|sfew|\d+))*", re.IGNORECASE)


def read(folder: str | Path) -> Dataset:
    """Read SFEW, in the parts train, valid and test.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(
        folder, INFO, parts=True, part_of=_part, group_of=_group, checked=_checked,
        withheld="test",
    )  # fmt: skip


def _part(name: str) -> str:
    match = _PART.fullmatch(name)
    return (split_of(match[1]) or "") if match else ""


def _group(file: Path, part: str) -> str:
    match = _NAME.fullmatch(file.stem)
    film = match[1] if match else file.stem
    return f"{part}/{film}" if part else film


def _checked(file: Path, item: Item) -> Meaning:
    if _NAME.fullmatch(file.stem) is None:
        return Dropped(file, "its name is none of SFEW (film, time and frame)", "unlabelled")
    return item


READER = Reader(INFO, read, by_stems(_NAME))
