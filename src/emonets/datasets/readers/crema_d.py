"""CREMA-D: 91 actors, twelve English sentences in six emotions, on video, rated by a crowd.

A file's name is actor, sentence, emotion and level: ``1001_DFA_ANG_XX``. The label is the intended
emotion, not the crowd's rating. The repository holds every clip several times: videos
(``VideoFlash``), sound (``AudioWAV``, ``AudioMP3``).
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import (
    Meaning,
    labelled,
    of_kind,
    read_files,
    same_name,
    video_first,
)

INFO = DatasetInfo(
    name="crema_d",
    title="7,442 acted English clips of 91 actors, video and sound",
    kinds=("clip", "sound"),
    citation="""@article{cao2014crema,
  title = {{CREMA-D}: Crowd-Sourced Emotional Multimodal Actors Dataset},
  author = {Cao, Houwei and Cooper, David G. and Keutmann, Michael K. and Gur, Ruben C.
            and Nenkova, Ani and Verma, Ragini},
  journal = {IEEE Transactions on Affective Computing},
  volume = {5},
  number = {4},
  pages = {377--390},
  year = {2014},
  doi = {10.1109/TAFFC.2014.2336244}
}""",
    licence="Open Database License (ODbL) 1.0; its contents Database Contents License (DbCL) 1.0",
    where="https://github.com/CheyneyComputerScience/CREMA-D: the folder VideoFlash, or AudioWAV",
    words={
        "ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "SAD": "sad",
        "NEU": "neutral",
    },
    group="actor (the first number of a name)",
    splits="none official; keep actors apart",
    layout="videos or sound files named as 1001_DFA_ANG_XX.flv, in any folders",
    per_group={"clip": 82, "sound": 82},
)  # fmt: skip

_NAME = re.compile(r"(1\d{3})_([A-Z]{3})_([A-Z]{3})_([A-Z]{1,2})")


def read(folder: str | Path, *, kind: str | None = None) -> Dataset:
    """Read CREMA-D, by actor ("1001" to "1091").

    Parameters
    ----------
    kind : ``clip`` or ``sound``: which is read where both are there. None: videos, which hold the
        sound, too.

    Raises
    ------
    DataError : no such folder, or nothing of the set, or of that kind, in it.
    ParameterError : an unknown kind.
    """
    meaning = of_kind(_meaning, kind)
    return read_files(folder, INFO, meaning, copy_key=same_name, rank=video_first)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    actor, _, word, _ = match.groups()
    return labelled(INFO, file, word, actor)


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one), ("kind",))
