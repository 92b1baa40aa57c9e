"""IEMOCAP: dialogues of ten actors, scripted and improvised, cut into utterances.

``Session1/dialog/EmoEvaluation/Ses01F_impro01.txt`` has a line for each utterance: its time, its
name and its emotion. Its sound is ``Ses01F_impro01_F000.wav``, in
``Session1/sentences/wav/Ses01F_impro01``. The speaker is the letter before the last number: the
first letter names who wears the markers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo
from emonets.datasets.layouts import Reader, by_stems
from emonets.datasets.readers._tables import Line, read_lines
from emonets.datasets.reading import SUFFIXES, Words
from emonets.errors import DataError

INFO = DatasetInfo(
    name="iemocap",
    title="10,039 utterances of ten actors in dialogues, some 4,500 in the seven emotions",
    kinds=("sound",),
    citation="""@article{busso2008iemocap,
  title = {{IEMOCAP}: Interactive Emotional Dyadic Motion Capture Database},
  author = {Busso, Carlos and Bulut, Murtaza and Lee, Chi-Chun and Kazemzadeh, Abe
            and Mower, Emily and Kim, Samuel and Chang, Jeannette N. and Lee, Sungbok
            and Narayanan, Shrikanth S.},
  journal = {Language Resources and Evaluation},
  volume = {42},
  number = {4},
  pages = {335--359},
  year = {2008},
  doi = {10.1007/s10579-008-9076-6}
}""",
    licence="on request from its authors, for research under an agreement with them",
    where="on request: https://sail.usc.edu/iemocap/",
    words={
        "ang": "angry", "dis": "disgust", "fea": "fear", "hap": "happy", "neu": "neutral",
        "sad": "sad", "sur": "surprise",
    },
    outside={
        "exc": "excitement is none of the seven emotions (--map exc=happy counts it as happy)",
        "fru": "frustration is none of the seven emotions",
        "oth": "names no emotion",
        "xxx": "names no emotion: its judges did not agree",
    },
    group="speaker (Ses01F: session and sex)",
    splits="none official; five folds, a session each, are usual",
    layout="folders Session1 to Session5 with dialog/EmoEvaluation/Ses01F_impro01.txt and "
    "sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    known={"unlabelled": "published so: the sound of whole dialogues has no label"},
)  # fmt: skip

FOLDS = {f"Ses0{session}{sex}": session - 1 for session in range(1, 6) for sex in "FM"}
"""Speaker → fold: one session each."""

_FOLDER = "EmoEvaluation"
_NAME = re.compile(r"(Ses0[1-5])[FM]_(?:impro|script)\d\d\w*?_([FM])\w{3,4}")
_KNOWN = re.compile(r"Ses0[1-5][FM]_(?:impro|script)\d\d\w*")
_LINE = re.compile(r"\[[\d.]+ - [\d.]+\]\t(\S+)\t(\S+)\t\[[\d., -]+\]")


def read(folder: str | Path, *, labels: Mapping[str, str] | None = None) -> Dataset:
    """Read IEMOCAP, by speaker ("Ses01F" to "Ses05M"), with a fold for each session.

    Parameters
    ----------
    labels : a word of the set → one of the seven emotions, or ``drop``: ``{"exc": "happy"}``
        counts excitement as happy, as many papers do.

    Returns
    -------
    The items. Frustration, excitement (without ``labels``) and utterances without agreement are
    dropped.

    Raises
    ------
    DataError : no such folder; no label file; a line of one that is damaged, or that is of another
        dialogue than the file; no sound.
    ParameterError : a word is mapped to what is none of the seven.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; expected {INFO.layout}")
    own = Words(labels or {})
    info = own.added_to(INFO)
    mapped = {word: why for word, why in info.outside.items() if word not in info.words}
    info = replace(info, outside=mapped)
    files = sorted(f for f in root.rglob(f"{_FOLDER}/Ses*.txt") if f.name[0] != ".")
    if not files:
        inside = ", ".join(sorted(p.name for p in root.rglob("*") if p.is_file())[:8])
        raise DataError(
            f"{root}: expected {INFO.layout}; found no label file in a folder {_FOLDER}, but "
            + (inside or "no file")
        )
    lines = (line for file in files for line in _lines(file))
    found = read_lines(root, info, files[0], lines, suffixes=SUFFIXES, key=lambda file: file.stem)
    here = set(found.groups)
    dropped = tuple(one for one in found.dropped if one.path not in set(files))
    return replace(
        found, dropped=dropped, folds={g: fold for g, fold in FOLDS.items() if g in here}
    )


def _lines(file: Path) -> Iterator[Line]:
    """The utterances of one dialogue."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not re.match(r"\[\d", line):
            continue
        match = _LINE.fullmatch(line.strip())
        name = None if match is None else _NAME.fullmatch(match[1])
        if match is None or name is None:
            raise DataError(
                f"{file} line {number}: is {line.strip()[:60]!r}, expected time, name, emotion and "
                "three numbers, divided by tabs; it was changed or copied in part, so get it again"
            )
        if not match[1].startswith(f"{file.stem}_"):
            raise DataError(f"{file} line {number}: {match[1]} is of another dialogue")
        yield Line(number, match[1], match[2].lower(), name[1] + name[2], "", file)


READER = Reader(INFO, read, by_stems(_KNOWN), ("labels",))
