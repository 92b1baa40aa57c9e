"""TESS, the Toronto Emotional Speech Set: 200 words of two women, 26 and 64, in seven emotions.

A file's name is speaker, word and emotion: ``OAF_back_angry``; ``ps`` is pleasant surprise. With
two groups a score of unseen people means little.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="tess",
    title="2,800 acted English utterances of two women",
    kinds=("sound",),
    citation="""@data{pichorafuller2020tess,
  title = {Toronto emotional speech set ({TESS})},
  author = {Pichora-Fuller, M. Kathleen and Dupuis, Kate},
  publisher = {Scholars Portal Dataverse},
  year = {2020},
  doi = {10.5683/SP2/E8H2MF}
}""",
    licence="Creative Commons, not for commercial use; see its page for which of them",
    where="https://doi.org/10.5683/SP2/E8H2MF",
    words={
        "angry": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy",
        "ps": "surprise", "sad": "sad", "neutral": "neutral",
    },
    group="speaker (OAF, the older, or YAF, the younger)",
    splits="none official; leave one speaker out",
    layout="sound files named as OAF_back_angry.wav, in any folders",
    per_group={"sound": 1400},
)  # fmt: skip

_NAME = re.compile(r"([OY])AF?_([A-Za-z']+)_([A-Za-z]+)")  # one name begins with OA


def read(folder: str | Path) -> Dataset:
    """Read TESS, by speaker ("OAF", "YAF").

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[3].lower(), f"{match[1]}AF")


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
