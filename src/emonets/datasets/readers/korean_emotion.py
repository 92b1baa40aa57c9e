"""The Korean emotional speech of the conversational corpus of SELVAS AI and KAIST.

``ema/wav/ema00101.wav`` is speaker and a number of 1 to 400, which stands for the emotion: 1 to 100
neutral, 101 to 200 happy, 201 to 300 sad, 301 to 400 angry. The corpus' own page has the last two
the other way round. The texts beside the recordings decide it: those of 201 to 300 are of
mourning, those of 301 to 400 of quarrels. Of every speaker 20 of 400 recordings are public.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="korean_emotion",
    title="300 public ones of 6,000 acted Korean utterances of 15 people",
    kinds=("sound",),
    citation="none: its page names no publication",
    licence="CC BY-NC-SA, for research; its page excludes commercial use",
    where="https://github.com/emotiontts/emotiontts_open_db: Dataset/SpeechCorpus/Emotional",
    words={"0": "neutral", "1": "happy", "2": "sad", "3": "angry"},
    group="speaker (ema: the beginning of a name)",
    splits="none official; leave speakers out",
    layout="sound files named as ema00101.wav, in folders such as ema/wav",
)

_NAME = re.compile(r"((?:em|ne)[a-z])(\d{5})")
_MOST = 400


def read(folder: str | Path) -> Dataset:
    """Read the Korean emotional speech, by speaker ("ema" to "emh", "nea" to "neo").

    Returns
    -------
    The items; ``word`` is the hundred of the number, "0" to "3".

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    number = int(match[2])
    if not 1 <= number <= _MOST:
        why = f"its number {number} is none of 1 to {_MOST}"
        return Dropped(file, why, "unlabelled")
    return labelled(INFO, file, str((number - 1) // 100), match[1])


READER = Reader(INFO, read, by_stems(_NAME))
