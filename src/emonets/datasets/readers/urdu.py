"""URDU: utterances out of Urdu talk shows, in four emotions.

A file's name is speaker, a number of his, and emotion with a number: ``SM1_F01_A12`` is speaker
SM1 (a man; SF are women) in anger.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="urdu",
    title="400 utterances of 29 people out of Urdu talk shows",
    kinds=("sound",),
    citation="""@inproceedings{latif2018cross,
  title = {Cross Lingual Speech Emotion Recognition: {Urdu} vs. {Western} Languages},
  author = {Latif, Siddique and Qayyum, Adnan and Usman, Muhammad and Qadir, Junaid},
  booktitle = {International Conference on Frontiers of Information Technology},
  year = {2018},
  eprint = {1812.10411},
  archiveprefix = {arXiv}
}""",
    licence="for research only",
    where="https://github.com/siddiquelatif/URDU-Dataset",
    words={"A": "angry", "H": "happy", "N": "neutral", "S": "sad"},
    group="speaker (SM1: the beginning of a name); its page has 38 of them, its files 29",
    splits="none official; leave speakers out",
    layout="sound files named as SM1_F01_A12.wav, in any folders",
)

_NAME = re.compile(r"(S[MF]\d+)_F\d+_([A-Z])\d+")


def read(folder: str | Path) -> Dataset:
    """Read the Urdu talk shows, by speaker ("SM1", "SF6").

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[2], match[1])


READER = Reader(INFO, read, by_stems(_NAME))
