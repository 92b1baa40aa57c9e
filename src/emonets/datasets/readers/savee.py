"""SAVEE, Surrey Audio-Visual Expressed Emotion: English sentences of four men in seven emotions.

Sound and videos lie in a folder for each speaker, DC, JE, JK and KL; a file's name is emotion and
sentence: ``DC/a01.wav`` is DC in anger. A widespread copy of the sound has all in one folder, with
the speaker in the name: ``DC_a01.wav``. Both are read.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, of_kind, read_files, video_first

INFO = DatasetInfo(
    name="savee",
    title="480 acted English utterances of 4 men, sound and video",
    kinds=("sound", "clip"),
    citation="""@inproceedings{haq2009speaker,
  title = {Speaker-Dependent Audio-Visual Emotion Recognition},
  author = {Haq, Sanaul and Jackson, Philip J. B.},
  booktitle = {Auditory-Visual Speech Processing (AVSP)},
  pages = {53--58},
  year = {2009}
}""",
    licence="for research, on registration with the authors; see their page",
    where="the SAVEE page of the University of Surrey: http://kahlan.eps.surrey.ac.uk/savee/",
    words={
        "a": "angry", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad",
        "su": "surprise",
    },
    group="speaker (DC, JE, JK or KL: the folder, or the start of the name)",
    splits="none official; leave one speaker out",
    layout="files named as DC/a01.wav or DC_a01.wav",
    per_group={"sound": 120, "clip": 120},
)  # fmt: skip

SPEAKERS = ("DC", "JE", "JK", "KL")

_NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])(\d{1,2})")


def read(folder: str | Path, *, kind: str | None = None) -> Dataset:
    """Read SAVEE, by speaker.

    Parameters
    ----------
    kind : ``clip`` or ``sound``: which is read where both are there. None: videos, which hold the
        sound, too.

    Raises
    ------
    DataError : no such folder, or nothing of the set, or of that kind, in it.
    ParameterError : an unknown kind.
    """
    return read_files(folder, INFO, of_kind(_meaning, kind), copy_key=_copy_key, rank=video_first)


def _parts(file: Path) -> tuple[str, str, int] | None:
    """Speaker, emotion and sentence."""
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    speaker = match[1] or file.parent.name
    return (speaker, match[2], int(match[3])) if speaker in SPEAKERS else None


def _copy_key(file: Path) -> str:
    return str(_parts(file))


def _meaning(file: Path) -> Meaning:
    parts = _parts(file)
    if parts is None:
        return None
    speaker, word, _ = parts
    return labelled(INFO, file, word, speaker)


READER = Reader(INFO, read, by_names(_parts), ("kind",))
