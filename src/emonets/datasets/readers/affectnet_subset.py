"""A subset of AffectNet-7 whose faces were cut out along their outline, on black.

Class folders in ``train`` and ``test``, with pictures named by numbers: anybody's pictures can lie
so. Therefore it is never recognised: name the layout. Without, it is read as class folders, which
gives the same items.

Its 33,328 files are 30,731 groups of near copies. Of 7,414 pairs of these 1,620 have different
labels, and 338 pictures of test have a near copy in train. Between 4 and 9 % are near copies of
pictures of FER2013. The black outline gives the source away.
"""

from __future__ import annotations

from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader
from emonets.datasets.readers import affectnet
from emonets.datasets.readers._class_folders import read_classes
from emonets.emotions import EMOTIONS

INFO = DatasetInfo(
    name="affectnet_subset",
    title="33,328 faces of AffectNet, cut out along their outline, on black, 200 pixels, colour",
    kinds=("still",),
    citation=affectnet.INFO.citation,
    licence="of AffectNet: for research, not for commercial use; no redistribution of pictures",
    where="https://github.com/quanbk2512/effectnet: the folders train and test",
    words={name: name for name in EMOTIONS},
    group="the picture itself: nobody is named",
    splits="train and test; 338 pictures of test have a near copy in train",
    layout="folders train and test with a folder for each of the seven emotions",
    known={
        "duplicate": "published so: there are copies in two classes and in both parts",
    },
)


def read(folder: str | Path) -> Dataset:
    """Read the subset, in the parts train and test.

    Raises
    ------
    DataError : no such folder, or no picture in a class folder.
    """
    return read_classes(folder, INFO, parts=True)


READER = Reader(INFO, read, lambda place: None)
