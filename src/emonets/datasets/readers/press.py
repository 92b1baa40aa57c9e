"""Press photographs of faces, mostly of Labeled Faces in the Wild, labelled by hand.

Pictures lie in ``images``; ``data/legend.csv`` has a line for each: who labelled it, file,
emotion, in either case. A name is person and number: ``Aaron_Eckhart_0001.jpg``. Of 13,690 lines
eight name a picture a second time, one of them with another emotion; 36 pictures have no line.
There are near copies: several frames of a film, and crops of one photograph.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo
from emonets.datasets.layouts import Claim, Place, Reader, Strength
from emonets.datasets.readers._tables import Line, read_lines, read_table, require_table, table_in

INFO = DatasetInfo(
    name="press",
    title="13,672 press photographs of some 5,600 people, mostly grey, 350 pixels",
    kinds=("still",),
    citation="none: its page names no publication",
    licence="Apache-2.0 for the repository; photographs of third parties",
    where="https://github.com/muxspace/facial_expressions: the folders images and data",
    words={
        "anger": "angry", "disgust": "disgust", "fear": "fear", "happiness": "happy",
        "sadness": "sad", "surprise": "surprise", "neutral": "neutral",
    },
    outside={"contempt": OUTSIDE["contempt"]},
    group="person (Aaron_Eckhart: a name without its number)",
    splits="none official; keep people apart",
    layout="the folder images, and data/legend.csv with the columns user.id, image, emotion",
    known={
        "unlabelled": "published so: 36 pictures have no line in the table",
        "duplicate": "published so: two pictures have a copy under another name",
    },
)  # fmt: skip

_TABLE = "legend.csv"
_COLUMNS = ("image", "emotion")
_NAME = re.compile(r"(.+?)_\d+")


def read(folder: str | Path) -> Dataset:
    """Read the photographs, by person.

    Returns
    -------
    The items. A picture with two emotions in the table is dropped.

    Raises
    ------
    DataError : no such folder, or no ``legend.csv``; a line of it that is cut off; no picture.
    """
    root = Path(folder)
    table = require_table(root, INFO, _TABLE)
    lines = (
        Line(number, cells["image"], cells["emotion"].lower(), person(cells["image"]))
        for number, cells in read_table(table, _COLUMNS)
    )
    return read_lines(root, INFO, table, lines)


def person(name: str) -> str:
    """The person in a picture, by its file's name; a name without a number is its own group."""
    stem = name.rpartition(".")[0] or name
    match = _NAME.fullmatch(stem)
    return match[1] if match else stem


def _claims(place: Place) -> Claim | None:
    table = table_in(place.path, _TABLE) if place.path.is_dir() else None
    if table is None:
        return None
    with table.open("rb") as file:
        mine = b"user.id,image,emotion" in file.readline(200).lower()
    return Claim(Strength.FILE, _TABLE) if mine else None


READER = Reader(INFO, read, _claims)
