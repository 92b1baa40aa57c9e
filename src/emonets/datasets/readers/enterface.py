"""eNTERFACE'05: films of 43 people who react to short stories in six emotions.

Films lie in ``subject 1/anger/sentence 1/s1_an_1.avi``; subject 6 has no folders of sentences. A
name is subject, emotion and sentence. Some names differ in form (``s_3_an_1.avi``,
``s16_su_3avi.avi``) and are read, too.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files, same_name, video_first

INFO = DatasetInfo(
    name="enterface",
    title="about 1,290 films of 43 people, who speak English in six emotions",
    kinds=("clip", "sound"),
    citation="""@inproceedings{martin2006enterface,
  title = {The {eNTERFACE}'05 Audio-Visual Emotion Database},
  author = {Martin, Olivier and Kotsia, Irene and Macq, Benoit and Pitas, Ioannis},
  booktitle = {International Conference on Data Engineering Workshops},
  year = {2006},
  doi = {10.1109/ICDEW.2006.145}
}""",
    licence="set by its authors; ask them, or see its page",
    where="https://enterface.net/enterface05/main.php?frame=emotion",
    words={
        "an": "angry", "di": "disgust", "fe": "fear", "ha": "happy", "sa": "sad",
        "su": "surprise",
    },
    group="subject (1: the beginning of a name)",
    splits="none official; keep subjects apart",
    layout="films named as s1_an_1.avi, in folders such as 'subject 1/anger/sentence 1'",
)  # fmt: skip

_NAME = re.compile(r"s_?(\d{1,2})_([a-z]{2})_?(\d)(?:avi)?", re.IGNORECASE)
_KNOWN = re.compile(rf"s_?\d{{1,2}}_(?:{'|'.join(INFO.words)})_?\d(?:avi)?", re.IGNORECASE)
_SUBJECT = re.compile(r"subject[ _-]?(\d+)", re.IGNORECASE)
_FOLDERS = {
    "anger": "an", "disgust": "di", "fear": "fe", "happiness": "ha", "sadness": "sa",
    "surprise": "su",
}  # fmt: skip


def read(folder: str | Path) -> Dataset:
    """Read eNTERFACE'05, by subject ("1" to "44").

    Returns
    -------
    The items. A film whose folders are of another subject or emotion than its name is dropped.

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name, rank=video_first)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    subject, word = str(int(match[1])), match[2].lower()
    for folder in (parent.name for parent in list(file.parents)[:3]):
        named = _SUBJECT.fullmatch(folder)
        if named is not None and int(named[1]) != int(subject):
            why = f"its name is of subject {subject}, its folder of {folder}"
            return Dropped(file, why, "unlabelled")
        if _FOLDERS.get(folder.lower(), word) != word:
            why = f"its name is of emotion {word}, its folder of {folder}"
            return Dropped(file, why, "unlabelled")
    return labelled(INFO, file, word, subject)


READER = Reader(INFO, read, by_stems(_KNOWN))
