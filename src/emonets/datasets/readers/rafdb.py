"""RAF-DB, the Real-world Affective Faces Database: faces of the web, its seven basic emotions.

- *list*: ``EmoLabel/list_patition_label.txt`` (so spelt) has lines such as ``train_00001.jpg 5``;
  the pictures are ``Image/aligned/train_00001_aligned.jpg``, or ``Image/original/train_00001.jpg``.
- *folders*: ``train/1`` to ``train/7`` and ``test``, of pictures named as
  ``train_00001_aligned.jpg``. With other names anybody's folders can be named by numbers, so it
  has to be named: ``--layout rafdb``.

The numbers are 1 surprise, 2 fear, 3 disgust, 4 happy, 5 sad, 6 angry, 7 neutral.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped, Item
from emonets.datasets.layouts import Claim, Place, Reader, Strength, named
from emonets.datasets.readers._class_folders import in_folders, numbered, read_classes
from emonets.datasets.readers._tables import Line, read_lines, table_in
from emonets.datasets.reading import Meaning
from emonets.errors import DataError

INFO = DatasetInfo(
    name="rafdb",
    title="15,339 faces of the web in seven basic emotions, each labelled by some forty people",
    kinds=("still",),
    citation="""@inproceedings{li2017reliable,
  title = {Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition
           in the Wild},
  author = {Li, Shan and Deng, Weihong and Du, JunPing},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages = {2584--2593},
  year = {2017},
  doi = {10.1109/CVPR.2017.277}
}""",
    licence="on request from its authors, for research, not for commercial use",
    where="on request from its authors: http://www.whdeld.cn/RAF/model1.html",
    words={
        "1": "surprise", "2": "fear", "3": "disgust", "4": "happy", "5": "sad", "6": "angry",
        "7": "neutral",
    },
    group="the picture itself: nobody is named",
    splits="train and test, by the beginning of a name",
    layout="EmoLabel/list_patition_label.txt with Image/aligned (train_00001_aligned.jpg), or "
    "folders train and test with 1 to 7 (1 surprise, 2 fear, 3 disgust, 4 happy, 5 sad, 6 angry, "
    "7 neutral)",
)  # fmt: skip

LISTS = ("list_patition_label.txt", "list_partition_label.txt")
"""The list of labels, as it is spelt and as people correct it."""

_LINE = re.compile(r"((?:train|test)_\d+\.\w+)\s+(\S+)")
_NAME = re.compile(r"(train|test)_\d{4,5}(?:_aligned)?")
_NUMBERS = frozenset(INFO.words)


def read(folder: str | Path) -> Dataset:
    """Read RAF-DB, basic emotions, in the parts train and test.

    Returns
    -------
    The items. Of a picture that is there aligned and as it was, the aligned one is used.

    Raises
    ------
    DataError : no such folder; neither the list nor folders of numbers in it; a line of the list
        that is no name with a number.
    """
    root = Path(folder)
    table = table_in(root, *LISTS)
    if table is None:
        return read_classes(root, INFO, parts=True, checked=_checked)
    return read_lines(root, INFO, table, _lines(table), key=_key, rank=_rank)


def _checked(file: Path, item: Item) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is not None and item.split and match[1] != item.split:
        return Dropped(file, f"its name is of {match[1]}, its folder of {item.split}", "unlabelled")
    return item


def _lines(table: Path) -> Iterator[Line]:
    try:
        text = table.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{table}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line.strip())
        if match is not None:
            yield Line(number, match[1], match[2], "", match[1].partition("_")[0])
        elif line.strip():
            raise DataError(
                f"{table} line {number}: is {line.strip()[:40]!r}, expected a name and a number, "
                "such as 'train_00001.jpg 5'; the list was changed or copied in part"
            )


def _key(file: Path) -> str:
    stem = file.stem.removesuffix("_aligned")
    return f"{stem}.jpg" if _NAME.fullmatch(file.stem) else file.name


def _rank(file: Path) -> int:
    return 0 if file.stem.endswith("_aligned") else 1


def _claims(place: Place) -> Claim | None:
    table = table_in(place.path, *LISTS) if place.path.is_dir() else None
    if table is not None:
        return Claim(Strength.FILE, table.name)
    n = sum(match is not None for match in map(_NAME.fullmatch, place.stems))
    # pictures named as test_0001 are anybody's, unless all of them lie in folders of numbers
    sure = n and n == len(place.files) == in_folders(place.folders, _NUMBERS)
    return named(n) if sure else numbered(place, _NUMBERS)


READER = Reader(INFO, read, _claims)
