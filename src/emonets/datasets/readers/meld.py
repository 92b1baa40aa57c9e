"""MELD: utterances of the series Friends, labelled in their dialogues.

``train_sent_emo.csv``, ``dev_sent_emo.csv`` and ``test_sent_emo.csv`` have a line for each
utterance: speaker, emotion, dialogue, utterance. Its film is ``dia0_utt0.mp4``, in a folder of the
part: ``train_splits``, ``dev_splits_complete``, ``output_repeated_splits_test``. The six main
persons are in every part. A group is therefore a speaker within a part, and a score on the test
part is none of unseen people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Problem
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.readers._tables import Line, read_lines, read_table, require_table, tables_in
from emonets.datasets.reading import SUFFIXES, video_first
from emonets.errors import DataError

INFO = DatasetInfo(
    name="meld",
    title="13,708 utterances of 1,433 dialogues of the series Friends",
    kinds=("clip", "sound"),
    citation="""@inproceedings{poria2019meld,
  title = {{MELD}: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations},
  author = {Poria, Soujanya and Hazarika, Devamanyu and Majumder, Navonil and Naik, Gautam
            and Cambria, Erik and Mihalcea, Rada},
  booktitle = {Annual Meeting of the Association for Computational Linguistics},
  pages = {527--536},
  year = {2019},
  doi = {10.18653/v1/P19-1050}
}""",
    licence="of the labels: see its page; the films are those of the series",
    where="https://affective-meld.github.io: MELD.Raw, and its tables",
    words={
        "anger": "angry", "disgust": "disgust", "fear": "fear", "joy": "happy",
        "sadness": "sad", "surprise": "surprise", "neutral": "neutral",
    },
    group="speaker within a part (train/Ross); the main speakers are in all parts",
    splits="train, dev (valid) and test, by dialogue; they share the main speakers",
    layout="train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv with films named as "
    "dia0_utt0.mp4 in folders of the parts (train_splits, dev_splits_complete, "
    "output_repeated_splits_test)",
    known={"unlabelled": "published so: dev and test have films without a line"},
)  # fmt: skip

TABLES = {"train_sent_emo.csv": "train", "dev_sent_emo.csv": "valid", "test_sent_emo.csv": "test"}
"""Table → its part."""

GONE = frozenset(("valid/dia110_utt7",))
"""Part and utterance of lines whose films were never published."""

_COLUMNS = ("speaker", "emotion", "dialogue_id", "utterance_id")
_NAME = re.compile(r"dia\d+_utt\d+")
_PARTS = {"train": "train", "dev": "valid", "val": "valid", "test": "test"}
_PART = re.compile(r"(?<![a-z])(train|dev|val|test)(?![a-z])", re.IGNORECASE)


def read(folder: str | Path) -> Dataset:
    """Read MELD, in the parts train, valid and test.

    Returns
    -------
    The items, by speaker within the part. Of an utterance that is there as film and as sound the
    film is used. ``found`` has a note with the speakers that are in several parts.

    Raises
    ------
    DataError : no such folder; none of the tables; a line that is cut off; no film.
    """
    root = Path(folder)
    first = require_table(root, INFO, *TABLES)
    tables = list(tables_in(root, *TABLES))
    _require_once(tables)
    lines = (line for table in tables for line in _lines(table))
    found = read_lines(
        root, INFO, first, lines, suffixes=SUFFIXES, key=_key, rank=video_first, gone=GONE
    )
    return replace(found, found=(*found.found, *_shared(root, found)))


def _require_once(tables: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for table in tables:
        before = seen.setdefault(table.name.lower(), table)
        if before is not table:
            raise DataError(f"{table}: is there twice, also as {before}; remove one of them")


def _lines(table: Path) -> Iterator[Line]:
    part = TABLES[table.name.lower()]
    for number, cells in read_table(table, _COLUMNS):
        speaker, word, dialogue, utterance = (cells[column] for column in _COLUMNS)
        if not (dialogue.isdecimal() and utterance.isdecimal()):
            raise DataError(
                f"{table} line {number}: dialogue {dialogue!r} and utterance {utterance!r} must be "
                "whole numbers; get the table again"
            )
        name = f"{part}/dia{int(dialogue)}_utt{int(utterance)}"
        yield Line(number, name, word.lower(), f"{part}/{speaker or name}", part, table)


def _key(file: Path) -> str:
    folders = [parent.name for parent in list(file.parents)[:2]]
    found = (match for name in folders if (match := _PART.search(name.replace("_", " "))))
    part = next((_PARTS[match[1].lower()] for match in found), "")
    return f"{part}/{file.stem}"


def _shared(root: Path, found: Dataset) -> Iterator[Problem]:
    """A note of the speakers that are in several parts."""
    parts: dict[str, set[str]] = {}
    for item in found.items:
        parts.setdefault(item.group.partition("/")[2], set()).add(item.split)
    shared = sorted(name for name, splits in parts.items() if len(splits) > 1)
    if shared:
        more = f" and {len(shared) - 6} more" if len(shared) > 6 else ""
        yield Problem(
            "note", "split", str(root),
            f"{', '.join(shared[:6])}{more} are in several parts, so a score on one of them is "
            "none of unseen people",
        )  # fmt: skip


READER = Reader(INFO, read, by_stems(_NAME))
