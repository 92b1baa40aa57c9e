"""Ethiopian faces of the web, collected by students in fourteen classes.

Six of the classes are among the seven emotions: Anger, Disgusted, Sadness, fears, hapines and
surprise. Folders lie in ``train`` and ``test``. Some names begin with a point; such files are
hidden, and are not read. The classes of fear and surprise are noisy.
"""

from __future__ import annotations

from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Claim, Place, Reader, named
from emonets.datasets.readers._class_folders import in_folders, read_classes

_OTHERS = (
    "Admiration", "Enjoyment", "Pride", "Shyness", "confusion", "loneline", "love", "shame",
)  # fmt: skip

INFO = DatasetInfo(
    name="ethiopian",
    title="897 Ethiopian faces of the web in six of its fourteen classes",
    kinds=("still",),
    citation="none: its page names no publication",
    licence="none stated; pictures of third parties",
    where="https://github.com/behredin/DSA_14_type_Habehsa_Face_IMAGE_CLASSIFIER_Projects: the "
    "folders train and test",
    words={
        "Anger": "angry", "Disgusted": "disgust", "fears": "fear", "hapines": "happy",
        "Sadness": "sad", "surprise": "surprise",
    },
    outside={name: f"{name.lower()} is none of the seven emotions" for name in _OTHERS},
    group="the picture itself: nobody is named",
    splits="train and test; nobody states that they share no people",
    layout="folders train and test with fourteen folders such as Disgusted, hapines and loneline",
    known={"duplicate": "published so: six copies, one of them in train and test"},
)  # fmt: skip

_FOLDERS = frozenset((*INFO.words, *INFO.outside))
_ITS_OWN = frozenset(("hapines", "fears", "loneline"))
"""Names of folders that nothing else has."""


def read(folder: str | Path) -> Dataset:
    """Read the faces of six classes, in the parts train and test; the others are dropped.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(folder, INFO, parts=True)


def _claims(place: Place) -> Claim | None:
    here = {folder[-1] for folder in place.folders if folder}
    return named(in_folders(place.folders, _FOLDERS)) if len(here & _ITS_OWN) > 1 else None


READER = Reader(INFO, read, _claims)
