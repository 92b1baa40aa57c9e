"""MY CORPUS: three sentences of twelve people in seven emotions (a template: copy this file).

To add a corpus

1. copy this file to ``readers/NAME.py``; every module there without a leading underscore is found
   by itself, so nothing else needs an edit;
2. write here how a file is named: ``mine-anna-02-joy`` is group, sentence and emotion;
3. copy ``tests/dataset_trees/_template.py`` to ``tests/dataset_trees/NAME.py``: a tiny made-up
   tree of your corpus, on which ``tests/datasets/test_reader_contract.py`` checks the reader.

The same file may lie outside this package: see `emonets.datasets.register_reader`.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="my_corpus",  # of the command line, and of the groups in a bundle's card
    title="252 acted English clips of 12 people",
    kinds=("clip", "sound"),  # of still, clip and sound, those that it has
    citation="""@misc{nobody2000mine,
  title = {A Made-Up Corpus},
  author = {Nobody, Ann},
  year = {2000}
}""",  # or "none: " and why there is none
    licence="made up; of a real corpus its terms, such as CC BY 4.0",
    where="nowhere; of a real corpus its address, and which file of it is needed",
    # every word that names or tables use → one of the seven of emonets.EMOTIONS
    words={
        "rage": "angry", "disgust": "disgust", "fear": "fear", "joy": "happy", "sorrow": "sad",
        "surprise": "surprise", "calm": "neutral",
    },
    # words that are none of the seven → why their items are dropped
    outside={"pride": "pride is none of the seven emotions"},
    group="person (the second part of a name)",
    splits="none official; two folds of people that the field has agreed on",
    layout="videos or sound files named as mine-anna-02-joy.mp4, in any folders",
    # optional: per_group={"clip": 21} as published; known={kind of problem: why it is known}
)  # fmt: skip

FOLDS = {"anna": 0, "bert": 1}
"""Person → fold. Leave it out where no paper defines folds: each group is then a fold."""

_NAME = re.compile(r"mine-([a-z]+)-(\d\d)-([a-z]+)")


def read(folder: str | Path) -> Dataset:
    """Read my corpus, by person.

    Raises
    ------
    DataError : no such folder, or nothing of the corpus in it.
    """
    # `copy_key=same_name`: where a clip is there as video and as sound, one of them is read
    return read_files(folder, INFO, _meaning, copy_key=same_name, folds=FOLDS)


def _meaning(file: Path) -> Meaning:
    """The item that a file is; a `Dropped` with the reason; or None where it is not of the set."""
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    group, _, word = match.groups()
    # drops words of `outside` and unknown words. A corpus with parts gives its word for the part
    # as split="Train"; `emonets.datasets.splits` has the usual ones
    return labelled(INFO, file, word, group)


def _is_one(file: Path) -> bool:
    """Whether a file has a name of this corpus; must be false of the names of every other."""
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
"""What is found. Options of ``read`` are named at its end: ``("channel",)``."""
