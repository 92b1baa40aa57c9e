"""ASED, the Amharic Speech Emotional Dataset: 27 sentences of 65 people in five emotions.

A file's name is emotion, sentence, repetition, sex and speaker: ``a5-03-01-02-50`` is speaker 50
in anger. The letter and the number after it both stand for the emotion. Files lie in the folders
``01Neutral``, ``02Fearful``, ``03Happy``, ``04Sad`` and ``05Angry``.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="ased",
    title="2,474 Amharic utterances of 65 people",
    kinds=("sound",),
    citation="""@article{retta2023new,
  title = {A New {Amharic} Speech Emotion Dataset and Classification Benchmark},
  author = {Retta, Ephrem Afele and Almekhlafi, Eiad and Sutcliffe, Richard and Mhamed, Mustafa
            and Ali, Haider and Feng, Jun},
  journal = {ACM Transactions on Asian and Low-Resource Language Information Processing},
  year = {2023},
  doi = {10.1145/3529759}
}""",
    licence="none stated",
    where="https://github.com/Ethio2021/ASED_V1",
    words={"n1": "neutral", "f2": "fear", "h3": "happy", "s4": "sad", "a5": "angry"},
    group="speaker (the last number of a name)",
    splits="none official; leave speakers out",
    layout="sound files named as a5-03-01-02-50.wav, in any folders",
)

_FOLDERS = ("neutral", "fearful", "happy", "sad", "angry")
_NAME = re.compile(r"([A-Za-z]\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_KNOWN = re.compile(r"(?i:n1|f2|h3|s4|a5)-\d\d-\d\d-\d\d-\d\d")
_FOLDER = re.compile(r"0([1-5])([A-Za-z]+)")


def read(folder: str | Path) -> Dataset:
    """Read ASED, by speaker ("01" to "65").

    Returns
    -------
    The items. A file whose folder is of another emotion than its name is dropped.

    Raises
    ------
    DataError : no such folder, or nothing of ASED in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    word = match[1].lower()
    folder = _FOLDER.fullmatch(file.parent.name)
    number = word[1]
    if folder and folder[2].lower() in _FOLDERS and word in INFO.words and folder[1] != number:
        why = f"its name is of emotion {word}, its folder of {file.parent.name}"
        return Dropped(file, why, "unlabelled")
    return labelled(INFO, file, word, match[5])


READER = Reader(INFO, read, by_stems(_KNOWN))
