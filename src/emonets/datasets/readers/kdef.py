"""KDEF, the Karolinska Directed Emotional Faces: 70 amateur actors in a studio, from five sides.

A file's name is session (A or B), sex, person, emotion and side: ``AF01ANS.JPG`` is the first
session of woman 01 in anger, seen straight. Sides are S straight, HL and HR half left and right,
FL and FR full profile. Face detectors find few full profiles.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="kdef",
    title="4,900 posed faces of 70 people, from five sides",
    kinds=("still",),
    citation="""@misc{lundqvist1998karolinska,
  title = {The {Karolinska} Directed Emotional Faces ({KDEF})},
  author = {Lundqvist, Daniel and Flykt, Anders and {\\"O}hman, Arne},
  howpublished = {CD ROM, Department of Clinical Neuroscience, Karolinska Institutet},
  year = {1998}
}""",
    licence="for research, not for commercial use, by its page",
    where="https://kdef.se, after registration",
    words={
        "AF": "fear", "AN": "angry", "DI": "disgust", "HA": "happy", "NE": "neutral",
        "SA": "sad", "SU": "surprise",
    },
    group="person (F01: sex and number), in both sessions",
    splits="none official; keep persons apart",
    layout="pictures named as AF01ANS.JPG, in any folders",
    per_group={"still": 70},
)  # fmt: skip

_NAME = re.compile(r"[AB]([FM]\d\d)([A-Z]{2})(?:F[LR]|H[LR]|S)", re.IGNORECASE)

_KNOWN = re.compile(rf"[AB][FM]\d\d(?:{'|'.join(INFO.words)})(?:F[LR]|H[LR]|S)", re.IGNORECASE)


def read(folder: str | Path) -> Dataset:
    """Read KDEF, by person, all sides.

    Raises
    ------
    DataError : no such folder, or nothing of KDEF in it.
    """
    return read_files(folder, INFO, _meaning, suffixes=STILL_SUFFIXES, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[2].upper(), match[1].upper())


READER = Reader(INFO, read, by_stems(_KNOWN))
