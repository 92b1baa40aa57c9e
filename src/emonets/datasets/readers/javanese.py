"""Acted Javanese speech, as sound and as videos: sentences in six emotions, without disgust.

A file's name is actor, sentence, emotion and, after an underscore, repetition: ``01-02-03_01``.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

FINE = {
    "01": "neutral", "02": "sad", "03": "happy", "04": "surprise", "05": "fear", "06": "angry",
}  # fmt: skip
"""Its emotions, by the number in a name."""

INFO = DatasetInfo(
    name="javanese",
    title="acted Javanese speech of 8 actors: 1,344 utterances, and 192 videos",
    kinds=("sound", "clip"),
    citation="none: no publication is known",
    licence="sound: MIT; the videos of the same actors lie in a repository without a statement",
    where="published by their author, sound and videos apart; no address is known to stay",
    words={word: word for word in FINE.values()},
    group="actor (the first number of a name)",
    splits="none; leave one actor out",
    layout="sound files or videos named as 01-02-03_01.wav, in any folders; one kind at a time",
    per_group={"sound": 168, "clip": 24},
)

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)_(\d\d)")


def read(folder: str | Path) -> Dataset:
    """Read the Javanese sound files, or the videos, by actor.

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_files(folder, INFO, _meaning, name="javanese_speech", copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    actor, _, number, _ = match.groups()
    return labelled(INFO, file, FINE.get(number, number), actor)


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
