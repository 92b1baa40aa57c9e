"""AFEW, Acted Facial Expressions in the Wild: short clips out of feature films (paper section 2).

The data of the EmotiW challenges from 2013 on. Every edition has the parts Train, Val and Test,
with a folder for each of the seven emotions in them; later ones call the parts ``Train_AFEW``,
``Val_AFEW`` and the like, and some lie a folder deeper. The test part may come without labels.

A name such as ``000046280.avi`` is where in its film the clip starts: hours, minutes, seconds and
milliseconds. The film is not named, so no group is known: each clip is a group of its own. Scores
of a cross-validation over these are too good. Reliable is the division into parts, which by its
authors share neither films nor actors.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, read_files
from emonets.emotions import EMOTIONS, WORDS

INFO = DatasetInfo(
    name="afew",
    title="about 1,800 short clips out of feature films, of which some 1,150 are labelled",
    kinds=("clip",),
    citation="""@article{dhall2012collecting,
  title = {Collecting Large, Richly Annotated Facial-Expression Databases from Movies},
  author = {Dhall, Abhinav and Goecke, Roland and Lucey, Simon and Gedeon, Tom},
  journal = {IEEE MultiMedia},
  volume = {19},
  number = {3},
  pages = {34--41},
  year = {2012},
  doi = {10.1109/MMUL.2012.26}
}""",
    licence="on request from its authors, for research under an agreement with them",
    where="on request from its authors, the organisers of the EmotiW challenges",
    words=WORDS,
    group="the clip itself: names give a time within a film, and the films are not named",
    splits="Train, Val, Test; by the authors no film and no actor is in two of them",
    layout="Train, Val and Test (or Train_AFEW …) with class folders (Angry, Disgust, Fear, Happy, "
    "Neutral, Sad, Surprise) of clips named as 000046280.avi",
)

_PART = re.compile(r"(train|val|test)(?![a-z])|(training|valid|validation)(?![a-z])", re.IGNORECASE)
_WHOLE = re.compile(r"(?:train|val|test)(?:_afew|_\d{4})*", re.IGNORECASE)
_NAME = re.compile(r"\d{9}(?:[_-]\d+)?")


def read(folder: str | Path) -> Dataset:
    """Read AFEW, any edition.

    Returns
    -------
    The items in the splits train, valid and test; ``grouped`` is False. Clips of the test part
    that lie in no class folder are dropped: their labels are withheld.

    Raises
    ------
    DataError : no such folder, or nothing of this layout in it.
    """
    return read_files(folder, INFO, partial(_meaning, Path(folder)), grouped=False)


def _meaning(root: Path, file: Path) -> Meaning:
    inside = file.relative_to(root)
    folders = inside.parts[:-1]
    # a part alone, such as Train, may have been given; but the folders in it come first
    own = root.resolve().name
    whole = [own] if _WHOLE.fullmatch(own) else []
    parts = [*whole, *(name for name in folders if _PART.match(name))]
    word = _PART.match(parts[-1]) if parts else None
    if word is None:
        return Dropped(file, "lies in none of Train, Val and Test", "unlabelled")
    classes = [name.strip().lower() for name in folders if name.strip().lower() in WORDS]
    if len(classes) > 1:
        why = f"lies in folders of several classes ({', '.join(classes)})"
        return Dropped(file, why, "unlabelled")
    if not classes and word[0].lower() == "test":
        return Dropped(file, "belongs to the test part, whose labels are withheld", "withheld")
    if not classes:
        return Dropped(file, f"lies in no class folder ({', '.join(EMOTIONS)})", "unlabelled")
    return labelled(INFO, file, classes[0], inside.with_suffix("").as_posix(), word[0])


def _is_one(file: Path) -> bool:
    """Whether a file is named, and lies, as those of AFEW do."""
    near = [folder.name for folder in file.parents][:3]
    return _NAME.fullmatch(file.stem) is not None and any(map(_PART.match, near))


READER = Reader(INFO, read, by_names(_is_one))
