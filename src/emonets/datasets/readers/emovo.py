"""EMOVO: fourteen Italian sentences of six actors in seven emotions.

A file's name is emotion, speaker and sentence: ``dis-f1-b1.wav``. Emotions are those of Italian:
disgusto, gioia, neutro, paura, rabbia, sorpresa, tristezza.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="emovo",
    title="588 acted Italian utterances of 6 people",
    kinds=("sound",),
    citation="""@inproceedings{costantini2014emovo,
  title = {{EMOVO} Corpus: an {Italian} Emotional Speech Database},
  author = {Costantini, Giovanni and Iaderola, Iacopo and Paoloni, Andrea
            and Todisco, Massimiliano},
  booktitle = {Language Resources and Evaluation (LREC)},
  pages = {3501--3504},
  year = {2014}
}""",
    licence="set by its authors; ask them, or see its page",
    where="on many public pages; the original was at the Fondazione Ugo Bordoni",
    words={
        "dis": "disgust", "gio": "happy", "neu": "neutral", "pau": "fear", "rab": "angry",
        "sor": "surprise", "tri": "sad",
    },
    group="speaker (f1: the second part of a name)",
    splits="none official; leave one speaker out",
    layout="sound files named as dis-f1-b1.wav, in any folders",
    per_group={"sound": 98},
)  # fmt: skip

_NAME = re.compile(r"([a-z]{3})-([fm]\d)-[a-z]\d", re.IGNORECASE)
_KNOWN = re.compile(rf"(?:{'|'.join(INFO.words)})-[fm]\d-[a-z]\d", re.IGNORECASE)


def read(folder: str | Path) -> Dataset:
    """Read EMOVO, by speaker ("f1" to "m3").

    Raises
    ------
    DataError : no such folder, or nothing of EMOVO in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[1].lower(), match[2].lower())


READER = Reader(INFO, read, by_stems(_KNOWN))
