"""EmoTale: ten sentences, Danish and English, of eighteen people in five emotions.

A file's name is language, speaker, emotion and sentence: ``DK_004_A_5`` is speaker 004 in anger, in
Danish. Boredom is none of the seven emotions here: its files are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="emotale",
    title="800 acted Danish and English utterances of 18 speakers",
    kinds=("sound",),
    citation="none: its page names a paper of ASRU 2025 that is to appear",
    licence="none stated",
    where="https://github.com/snehadas/EmoTale: the folder wav",
    words={"A": "angry", "H": "happy", "N": "neutral", "S": "sad"},
    outside={"B": OUTSIDE["boredom"]},
    group="speaker (the number of a name); some speak both languages",
    splits="none official; leave speakers out",
    layout="sound files named as DK_004_A_5.wav or EN_004_A_5.wav, in any folders",
)

_NAME = re.compile(r"(?:DK|EN)_(\d{3})_([A-Z])_\d")


def read(folder: str | Path) -> Dataset:
    """Read EmoTale, by speaker ("001" and on); boredom is listed in ``dropped``.

    Raises
    ------
    DataError : no such folder, or nothing of EmoTale in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[2], match[1])


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
