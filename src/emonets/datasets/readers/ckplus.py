"""CK+, the Extended Cohn-Kanade set: faces that go from neutral to the height of an expression.

Pictures lie in ``cohn-kanade-images/S005/001/S005_001_00000011.png`` (subject, sequence, frame).
The last frame of a sequence is its apex, and for a part of the sequences (327 of 593)
``Emotion/S005/001/S005_001_00000011_emotion.txt`` holds a number for what it shows: 0 neutral,
1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness, 7 surprise. What is read here are the
apexes; contempt is none of the seven.
"""

from __future__ import annotations

import re
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, STILL_SUFFIXES, DatasetInfo, Dropped, Item
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import labelled, media_files, summary
from emonets.errors import DataError

CODES = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""Its own numbers, 0 to 7."""

INFO = DatasetInfo(
    name="ckplus",
    title="593 posed picture sequences of 123 people, of which 327 are labelled; their apexes",
    kinds=("still",),
    citation="""@inproceedings{lucey2010extended,
  title = {The Extended {Cohn-Kanade} Dataset ({CK+}): A Complete Dataset for Action Unit and
           Emotion-Specified Expression},
  author = {Lucey, Patrick and Cohn, Jeffrey F. and Kanade, Takeo and Saragih, Jason
            and Ambadar, Zara and Matthews, Iain},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition Workshops},
  pages = {94--101},
  year = {2010},
  doi = {10.1109/CVPRW.2010.5543262}
}""",
    licence="on request from its authors, for research under an agreement with them",
    where="on request from its authors; see their page",
    words={
        "neutral": "neutral", "anger": "angry", "disgust": "disgust", "fear": "fear",
        "happy": "happy", "sadness": "sad", "surprise": "surprise",
    },
    outside={"contempt": OUTSIDE["contempt"]},
    group="subject (S005)",
    splits="none official; keep subjects apart",
    layout="the folders cohn-kanade-images and Emotion, with pictures named as "
    "S005/001/S005_001_00000011.png",
    known={"unlabelled": "published so: of its 593 sequences 266 have no label"},
)  # fmt: skip

_FRAME = re.compile(r"(S\d{3})_(\d{3})_(\d{8})")
_IMAGES, _LABELS = "cohn-kanade-images", "emotion"


def read(folder: str | Path) -> Dataset:
    """Read the apexes of the labelled sequences of CK+, by subject.

    Parameters
    ----------
    folder : that holds ``cohn-kanade-images`` and ``Emotion``, or folders with these.

    Returns
    -------
    One picture a labelled sequence. Sequences without a label, with contempt, or without the
    frame that is labelled are dropped, and so are the frames before the apex.

    Raises
    ------
    DataError : one of the folders is not there; no labelled sequence; a label that is no number
        of CK+.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; expected {INFO.layout}")
    images, labels = _find(root, _IMAGES), _find(root, _LABELS)
    frames: dict[tuple[str, str], list[Path]] = {}
    dropped: list[Dropped] = []
    for file, problem in media_files(images, STILL_SUFFIXES):
        match = _FRAME.fullmatch(file.stem)
        if match is None or (problem and problem.kind == "foreign"):
            dropped.append(problem or Dropped(file, "its name is none of ckplus", "foreign"))
        else:
            frames.setdefault((match[1], match[2]), []).append(file)
    items: list[Item] = []
    names = _label_files(labels)
    for key in sorted({*frames, *names}):
        pictures, name = frames.get(key, []), names.get(key)
        if name is None:
            folder_of = pictures[-1].parent
            dropped.append(Dropped(folder_of, "the sequence has no label", "unlabelled"))
            continue
        found = _apex(name, pictures, key[0])
        if isinstance(found, Item):
            items.append(found)
        else:
            dropped.append(found)
        before = "is a frame before the apex, and only apexes are read"
        dropped += [Dropped(p, before, "channel") for p in pictures if p != found.path]
    if not items:
        raise DataError(f"{root}: no labelled sequence of CK+{summary(dropped)}")
    return Dataset(INFO, INFO.name, root, tuple(items), tuple(dropped))


def _apex(name: Path, pictures: list[Path], subject: str) -> Item | Dropped:
    """The picture that a label file names."""
    word = _word(name)
    apex = name.stem.lower().removesuffix("_emotion")
    found = next((p for p in pictures if p.stem.lower() == apex), None)
    if found is None:
        return Dropped(name, "the picture that it labels is not there", "missing")
    if not _size(found):
        return Dropped(found, "is empty", "damaged")
    return labelled(INFO, found, word, subject)


def _find(root: Path, name: str) -> Path:
    """The folder of that name, in any case, in this one or one or two below."""
    for pattern in ("*", "*/*", "*/*/*"):
        for folder in sorted(root.glob(pattern)):
            if folder.is_dir() and folder.name.lower() == name:
                return folder
    inside = sorted(p.name for p in root.iterdir())[:8]
    raise DataError(
        f"{root}: expected {INFO.layout}; found no folder {name}, but "
        + (", ".join(inside) or "nothing")
    )


def _label_files(folder: Path) -> dict[tuple[str, str], Path]:
    """(subject, sequence) → its label file."""
    names: dict[tuple[str, str], Path] = {}
    for file in sorted(folder.rglob("*_emotion.txt")):
        match = _FRAME.fullmatch(file.stem.removesuffix("_emotion"))
        if match is not None:
            names[match[1], match[2]] = file
    return names


def _word(file: Path) -> str:
    try:
        text = file.read_text(encoding="ascii").strip()
        number = float(text)
    except (OSError, ValueError):
        text, number = "unreadable", -1.0
    if number not in range(len(CODES)):
        raise DataError(f"{file}: its label is {text[:20]!r}, expected a number of 0 to 7")
    return CODES[int(number)]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _is_one(file: Path) -> bool:
    return _FRAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one))
