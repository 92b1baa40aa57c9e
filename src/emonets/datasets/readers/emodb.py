"""EMO-DB, the Berlin database: ten German sentences of ten actors in seven emotions.

A file's name is speaker (two digits), sentence (a letter and two digits), emotion (the first
letter of its German name) and version (a letter): ``03a01Wa`` is speaker 03 in anger. Boredom is
none of the seven emotions here: its files are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="emodb",
    title="535 acted German utterances of 10 speakers",
    kinds=("sound",),
    citation="""@inproceedings{burkhardt2005database,
  title = {A Database of German Emotional Speech},
  author = {Burkhardt, Felix and Paeschke, Astrid and Rolfes, Miriam and Sendlmeier, Walter F.
            and Weiss, Benjamin},
  booktitle = {Interspeech},
  pages = {1517--1520},
  year = {2005},
  doi = {10.21437/Interspeech.2005-446}
}""",
    licence="for research, by its site",
    where="http://emodb.bilderbar.info: the folder wav of download.zip",
    words={
        "anger": "angry", "disgust": "disgust", "fear": "fear", "happiness": "happy",
        "sadness": "sad", "neutral": "neutral",
    },
    outside={"boredom": OUTSIDE["boredom"]},
    group="speaker (the first two digits of a name)",
    splits="none; leave one speaker out",
    layout="sound files named as 03a01Wa.wav, in any folders",
)  # fmt: skip

FINE = {
    "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness",
    "N": "neutral",
}  # fmt: skip
"""Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral."""

_NAME = re.compile(r"(\d\d)[a-z]\d\d([A-Z])[a-z]?")


def read(folder: str | Path) -> Dataset:
    """Read EMO-DB, by speaker ("03" to "16"); boredom is listed in ``dropped``.

    Raises
    ------
    DataError : no such folder, or nothing of EMO-DB in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    speaker, letter = match.groups()
    return labelled(INFO, file, FINE.get(letter, letter), speaker)


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
