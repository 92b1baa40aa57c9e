"""AFEW, Acted Facial Expressions in the Wild: short clips out of feature films (paper section 2).

The data of the EmotiW challenges from 2013 on. Every edition has the parts Train, Val and Test,
with a folder for each of the seven emotions in them; later ones call the parts ``Train_AFEW``,
``Val_AFEW`` and the like, and some lie a folder deeper. The test part may come without labels.

A name such as ``000046280.avi`` is where in its film the clip starts: hours, minutes, seconds and
milliseconds. Which film that is nobody says. So no group can be told: each clip counts as its own,
figures of a cross-validation over them are too good, and what can be relied on is the division
into parts, which by its authors share neither films nor actors.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.info import DatasetInfo
from emonets.datasets.reading import Recording, Recordings, Why, media_files, summary
from emonets.emotions import EMOTIONS, WORDS, emotion_index
from emonets.errors import DataError

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
_SPLITS = {"trai": "train", "vali": "valid", "val": "valid", "test": "test"}
_NAME = re.compile(r"\d{9}(?:[_-]\d+)?")


def is_afew(file: Path) -> bool:
    """Whether a file is named, and lies, as those of AFEW do."""
    near = [folder.name for folder in file.parents][:3]
    return _NAME.fullmatch(file.stem) is not None and any(map(_PART.match, near))


def read_afew(folder: str | Path) -> Recordings:
    """Read AFEW, any edition.

    Returns
    -------
    Recordings with the splits train, valid and test; ``grouped`` is False. Clips of the test part
    that lie in no class folder are listed in ``dropped``: their labels are withheld.

    Raises
    ------
    DataError : no such folder, or nothing of this layout in it.
    """
    root = Path(folder)
    items: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    for file, problem in media_files(root):
        found = problem or _meaning(root, file)
        if isinstance(found, str):
            dropped.append((str(file), found))
        else:
            items.append(found)
    if not items:
        raise DataError(
            f"{root}: expected {INFO.layout}; found no clip in such folders{summary(dropped)}"
        )
    return Recordings(INFO.name, tuple(items), tuple(dropped), grouped=False, about=INFO)


def _meaning(root: Path, file: Path) -> Recording | str:
    inside = file.relative_to(root)
    folders = inside.parts[:-1]
    # a part alone, such as Train, may have been given; but its own folders say more
    own = root.resolve().name
    whole = [own] if _WHOLE.fullmatch(own) else []
    parts = [*whole, *(name for name in folders if _PART.match(name))]
    word = _PART.match(parts[-1]) if parts else None
    if word is None:
        return Why("lies in none of Train, Val and Test", "unlabelled")
    split = _SPLITS[word[0].lower()[:4]]
    classes = [name.strip().lower() for name in folders if _is_class(name)]
    if len(classes) > 1:
        return Why(f"lies in folders of several classes ({', '.join(classes)})", "unlabelled")
    if not classes and split == "test":
        return Why("belongs to the test part, whose labels are withheld", "withheld")
    if not classes:
        return Why(f"lies in no class folder ({', '.join(EMOTIONS)})", "unlabelled")
    group = inside.with_suffix("").as_posix()
    return Recording(file, emotion_index(classes[0]), group, split, classes[0])


def _is_class(name: str) -> bool:
    return name.strip().lower() in WORDS
