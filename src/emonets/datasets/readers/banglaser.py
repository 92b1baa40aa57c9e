"""BanglaSER: Bangla sentences of actors; and its extension by disgust and fear.

A file's name is seven numbers: mode (03 sound), kind of statement (01), emotion, intensity,
statement, repetition, actor: ``03-01-06-02-04-01-36``. RAVDESS has names of the same form, whose
emotions have other numbers. So files are recognised by the folders of the extension
(``Actor - 36``) or by actors above 24, the last of RAVDESS.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped
from emonets.datasets.layouts import Claim, Place, Reader, named
from emonets.datasets.reading import Meaning, labelled, read_files, same_name

INFO = DatasetInfo(
    name="banglaser",
    title="261 Bangla utterances of 15 people in disgust and fear, which extend the 1,467 of "
    "34 people in five emotions",
    kinds=("sound",),
    citation="""@article{das2022banglaser,
  title = {{BanglaSER}: A speech emotion recognition dataset for the {Bangla} language},
  author = {Das, Rakesh Kumar and Islam, Nahidul and Ahmed, Md. Rayhan and Islam, Salekul
            and Shatabda, Swakkhar and Islam, A. K. M. Muzahidul},
  journal = {Data in Brief},
  volume = {42},
  year = {2022},
  doi = {10.1016/j.dib.2022.108091}
}""",
    licence="none stated for the extension; the original has terms of its own",
    where="https://github.com/Mahbub96/BanglaSER_Extended: the folder complete",
    words={
        "01": "happy", "02": "sad", "03": "angry", "04": "surprise", "05": "neutral",
        "06": "disgust", "07": "fear",
    },
    group="actor (the last number of a name)",
    splits="none official; leave actors out",
    layout="sound files named as 03-01-06-02-04-01-36.wav, in folders such as 'Actor - 36'",
)  # fmt: skip

_NAME = re.compile(r"\d\d-\d\d-(\d\d)-\d\d-\d\d-\d\d-(\d\d)")
_FOLDER = re.compile(r"Actor - (\d+)")
_RAVDESS = 24  # its last actor


def read(folder: str | Path) -> Dataset:
    """Read BanglaSER and its extension, by actor ("35" to "51" in the extension).

    Returns
    -------
    The items. A file whose folder is of another actor than its name is dropped.

    Raises
    ------
    DataError : no such folder, or nothing of the set in it.
    """
    return read_files(folder, INFO, _meaning, copy_key=same_name)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    word, actor = match.groups()
    folder = _FOLDER.fullmatch(file.parent.name)
    if folder is not None and int(folder[1]) != int(actor):
        why = f"its name is of actor {actor}, its folder of actor {folder[1]}"
        return Dropped(file, why, "unlabelled")
    return labelled(INFO, file, word, actor)


def _claims(place: Place) -> Claim | None:
    found = zip(place.files, map(_NAME.fullmatch, place.stems), strict=True)
    mine = [(file, match) for file, match in found if match is not None]
    n = sum(_FOLDER.fullmatch(file.parent.name) is not None for file, _ in mine)
    if not n:
        n = sum(int(match[2]) > _RAVDESS for _, match in mine)
        n = n if 2 * n > len(mine) else 0  # a few odd actors among those of RAVDESS
    return named(n, instead_of=("ravdess",))


READER = Reader(INFO, read, _claims)
