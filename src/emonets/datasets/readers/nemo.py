"""nEMO: Polish sentences of nine actors in six emotions.

Sound files lie in ``samples``, and ``data.tsv`` beside it has a line for each: file, emotion, text,
speaker. A name has the same emotion and speaker: ``WR0_surprised_64.wav``.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.readers._tables import Line, read_lines, read_table, table_in
from emonets.datasets.reading import SUFFIXES, Meaning, labelled, read_files, same_name
from emonets.errors import DataError

INFO = DatasetInfo(
    name="nemo",
    title="4,481 acted Polish utterances of 9 people",
    kinds=("sound",),
    citation="""@inproceedings{christop2024nemo,
  title = {{nEMO}: Dataset of Emotional Speech in {Polish}},
  author = {Christop, Iwona},
  booktitle = {LREC-COLING},
  year = {2024}
}""",
    licence="CC BY-NC-SA 4.0",
    where="https://github.com/amu-cai/nEMO: the folder samples, and data.tsv",
    words={
        "anger": "angry", "fear": "fear", "happiness": "happy", "sadness": "sad",
        "surprised": "surprise", "neutral": "neutral",
    },
    group="speaker (WR0: the beginning of a name)",
    splits="none official; leave speakers out",
    layout="the folder samples with sound files named as WR0_surprised_64.wav, and data.tsv",
)  # fmt: skip

_NAME = re.compile(r"([A-Z]{2}\d)_([a-z]+)_(\d+)")
_KNOWN = re.compile(rf"[A-Z]{{2}}\d_(?:{'|'.join(INFO.words)})_\d+")
_COLUMNS = ("file_id", "emotion", "speaker_id")


def read(folder: str | Path) -> Dataset:
    """Read nEMO, by speaker.

    Parameters
    ----------
    folder : with ``data.tsv``, or a folder of its sound files without the table. Where there is
        a table, each of its lines must agree with the name of its file.

    Raises
    ------
    DataError : no such folder, or nothing of nEMO in it; a line of the table that is cut off, or
        that has another emotion or speaker than its file's name.
    """
    root = Path(folder)
    table = table_in(root, "data.tsv")
    if table is None:
        return read_files(root, INFO, _meaning, copy_key=same_name)
    lines = []
    for number, cells in read_table(table, _COLUMNS, delimiter="\t"):
        name, word, speaker = (cells[column] for column in _COLUMNS)
        match = _NAME.fullmatch(Path(name).stem)
        if match is not None and match.groups()[:2] != (speaker, word):
            raise DataError(
                f"{table} line {number}: {name} is of speaker {match[1]} and emotion {match[2]} by "
                f"its name, but of {speaker or 'none'} and {word or 'none'} by the table; get the "
                "table again"
            )
        lines.append(Line(number, name, word, speaker))
    return read_lines(root, INFO, table, lines, suffixes=SUFFIXES)


def _meaning(file: Path) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    return None if match is None else labelled(INFO, file, match[2], match[1])


READER = Reader(INFO, read, by_stems(_KNOWN))
