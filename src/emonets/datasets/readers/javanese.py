"""Acted Javanese speech, as sound and as films: sentences in six emotions, without disgust.

A file's name is actor, sentence, emotion and, after an underscore, repetition: ``01-02-03_01``.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.info import DatasetInfo
from emonets.datasets.reading import (
    About,
    Meaning,
    Recording,
    Recordings,
    Why,
    read_named,
)
from emonets.emotions import emotion_index

FINE = ("neutral", "sad", "happy", "surprise", "fear", "angry")
"""Its emotions, 01 to 06."""

INFO = DatasetInfo(
    name="javanese",
    title="acted Javanese speech of 8 actors: 1,344 utterances, and 192 films",
    kinds=("sound", "clip"),
    citation="",  # none is known
    licence="recordings: MIT; the films of the same actors lie in a repository without a statement",
    where="published by their author, sound and films apart; no address is known to stay",
    words={word: word for word in FINE},
    group="actor (the first number of a name)",
    splits="none; leave one actor out",
    layout="sound files or films named as 01-02-03_01.wav, in any folders; one kind at a time",
    per_group={"sound": 168, "clip": 24},
)
ABOUT = About("javanese_speech", INFO.citation, INFO.licence, INFO.where)

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)_(\d\d)")


def is_javanese(file: Path) -> bool:
    """Whether a file is named as those of the Javanese set are."""
    return _NAME.fullmatch(file.stem) is not None


def read_javanese(folder: str | Path) -> Recordings:
    """Read the Javanese recordings, or the films, by actor.

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_named(folder, ABOUT, _meaning)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    actor, _, emotion, _ = match.groups()
    if not 1 <= int(emotion) <= len(FINE):
        return Why(f"emotion {emotion} is none of the Javanese set (01 to 06)", "unlabelled")
    fine = FINE[int(emotion) - 1]
    return Recording(file, emotion_index(fine), actor, None, fine)
