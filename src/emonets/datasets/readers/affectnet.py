"""AffectNet: faces of the web, labelled by hand, in the layouts in which people have it.

- *annotations*: ``train_set/images/0.jpg`` and ``train_set/annotations/0_exp.npy``, which holds the
  number of the expression; ``val_set`` is the validation part. The current download has this.
- *tables*: ``training.csv`` and ``validation.csv`` with the columns subDirectory_filePath and
  expression, and pictures in folders such as ``Manually_Annotated_Images/689``. The first release
  had this. The second table may lack the line of names.
- *words*: ``labels.csv`` with the columns pth and label, whose cells are ``anger/image0000006.jpg``
  and a word.
- *folders*: ``train/0`` to ``train/7``, and ``val`` or ``test``. Anybody's folders can be named by
  numbers, so this layout has to be named: ``--layout affectnet``.

The numbers are 0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt,
8 none, 9 uncertain, 10 no face. What is above 6 is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from emonets.datasets.base import Dataset
from emonets.datasets.items import OUTSIDE, STILL_SUFFIXES, DatasetInfo, Dropped, Problem
from emonets.datasets.layouts import Claim, Place, Reader, Strength
from emonets.datasets.readers._class_folders import numbered, read_classes
from emonets.datasets.readers._tables import Line, read_lines, tables_in, text_rows
from emonets.datasets.reading import Meaning, labelled, read_files
from emonets.datasets.splits import split_of
from emonets.errors import DataError

_WORDS = {
    "0": "neutral", "1": "happy", "2": "sad", "3": "surprise", "4": "fear", "5": "disgust",
    "6": "angry",
}  # fmt: skip
_OTHERS = {
    "7": OUTSIDE["contempt"],
    "8": "names no emotion",
    "9": "names no emotion: its labeller was uncertain",
    "10": "is no face, by its label",
}

INFO = DatasetInfo(
    name="affectnet",
    title="about 290,000 faces of the web, labelled by hand",
    kinds=("still",),
    citation="""@article{mollahosseini2019affectnet,
  title = {{AffectNet}: A Database for Facial Expression, Valence, and Arousal Computing in the
           Wild},
  author = {Mollahosseini, Ali and Hasani, Behzad and Mahoor, Mohammad H.},
  journal = {IEEE Transactions on Affective Computing},
  volume = {10},
  number = {1},
  pages = {18--31},
  year = {2019},
  doi = {10.1109/TAFFC.2017.2740923}
}""",
    licence="on request from its authors, for research, not for commercial use; no redistribution",
    where="on request from its authors; see their page: http://mohammadmahoor.com/affectnet/",
    words={
        **_WORDS, "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy",
        "sad": "sad", "surprise": "surprise", "neutral": "neutral",
    },
    outside={**_OTHERS, "contempt": OUTSIDE["contempt"]},
    group="the picture itself: nobody is named",
    splits="train and valid; nobody states that they share no people, and there are near copies",
    layout="train_set and val_set with images and annotations (0_exp.npy), or training.csv and "
    "validation.csv with their pictures, or labels.csv with class folders, or folders train and "
    "val with 0 to 7 (0 neutral, 1 happy, 2 sad, 3 surprise, 4 fear, 5 disgust, 6 anger)",
    known={"duplicate": "published so: there are copies, some of them with two labels"},
)  # fmt: skip

_TABLES = {
    "training.csv": "train", "validation.csv": "valid", "automatically_annotated.csv": "train",
    "labels.csv": "",
}  # fmt: skip
_COLUMNS = {"subdirectory_filepath": "expression", "pth": "label"}
_MARK = "_exp.npy"
_NUMBERS = frozenset((*_WORDS, *_OTHERS))
_PATH = re.compile(r"\d+/\w+\.\w+")
_EXPRESSION = 6  # its column in a table without the line of names
_WIDTH = 9  # of its columns
_SETS = ("train_set", "val_set", "test_set")
_LARGEST = 1000  # bytes; an array of one number has some 130


def read(folder: str | Path) -> Dataset:
    """Read AffectNet, in the parts train and valid (and test, where folders are named so).

    Pictures of the first release are whole photographs; the box of the face in its tables is not
    used, so cut them first.

    Parameters
    ----------
    folder : with any of the layouts, or with one part of them.

    Raises
    ------
    DataError : no such folder; none of the layouts in it; a table or an annotation that is damaged
        or holds a number above 10.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; expected {INFO.layout}")
    if _annotated(root):
        return _by_annotations(root)
    tables = list(_tables(root))
    if tables:
        return _by_tables(root, tables)
    return read_classes(root, INFO, parts=True, part_of=_part)


def _part(name: str) -> str:
    return split_of(name.lower().removesuffix("_set").removesuffix("_class")) or ""


# annotations


def _annotated(root: Path) -> list[Path]:
    """The folders ``annotations`` in it."""
    here = (root / "annotations", *(root / name / "annotations" for name in _SETS))
    return [folder for folder in here if any(folder.glob(f"*{_MARK}"))]


def _by_annotations(root: Path) -> Dataset:
    found = read_files(root, INFO, _annotation, suffixes=STILL_SUFFIXES, grouped=False)
    # each number of an annotation has been used; what is left over has no picture
    used = {_annotation_of(item.path) for item in found.items}
    used |= {_annotation_of(one.path) for one in found.dropped if one.kind != "foreign"}
    problems: list[Problem] = []
    dropped = []
    for one in found.dropped:
        if not one.path.name.endswith(_MARK):
            dropped.append(one)
        elif one.path not in used:
            why = "the picture that it labels is not there"
            problems.append(Problem("error", "missing", str(one.path), why))
    return replace(found, dropped=tuple(dropped), found=tuple(problems))


def _annotation_of(picture: Path) -> Path:
    return picture.parent.parent / "annotations" / f"{picture.stem}{_MARK}"


def _annotation(picture: Path) -> Meaning:
    if picture.parent.name != "images":
        return None
    file = _annotation_of(picture)
    word = _number(file)
    if word is None:
        return Dropped(picture, f"has no annotation {file.name}", "unlabelled")
    part = _part(picture.parent.parent.name)
    return labelled(INFO, picture, word, f"{part or 'part'}/{picture.stem}", part)


def _number(file: Path) -> str | None:
    """The number in an annotation; None where it is not there."""
    try:
        if file.stat().st_size > _LARGEST:
            raise DataError(f"{file}: is no annotation of AffectNet (one number); get it again")
        values = np.load(file, allow_pickle=False).ravel()
        number = int(float(values[0]))
        wrong = values.size != 1 or str(number) not in _NUMBERS
    except FileNotFoundError:
        return None
    except (OSError, ValueError, IndexError, EOFError, TypeError) as error:
        raise DataError(
            f"{file}: is no readable annotation of AffectNet ({error}); get it again"
        ) from error
    if wrong:
        raise DataError(
            f"{file}: its expression is {values[:1].tolist()}, expected a number of 0 to 10"
        )
    return str(number)


# tables


def _tables(root: Path) -> Iterator[Path]:
    """Tables of these names that are those of AffectNet."""
    for table in tables_in(root, *_TABLES):
        _, first = next(text_rows(table), (0, []))
        header = [name.strip().lower() for name in first]
        if set(_COLUMNS) & set(header) or (header and _PATH.fullmatch(header[0])):
            yield table


def _by_tables(root: Path, tables: list[Path]) -> Dataset:
    lines = (line for table in tables for line in _lines(table))
    return read_lines(root, INFO, tables[0], lines, key=_key)


def _lines(table: Path) -> Iterator[Line]:
    """The lines of one table."""
    rows = text_rows(table)
    first = next(rows)
    header = [name.strip().lower() for name in first[1]]
    path = next((name for name in _COLUMNS if name in header), "")
    if not path:
        for number, cells in chain([first], rows):
            yield _line(table, number, cells, _WIDTH, (0, _EXPRESSION))
        return
    word = _COLUMNS[path]
    if word not in header:
        raise DataError(f"{table}: expected the columns {path}, {word}; found {', '.join(header)}")
    for number, cells in rows:
        yield _line(table, number, cells, len(header), (header.index(path), header.index(word)))


def _line(table: Path, number: int, cells: list[str], width: int, where: tuple[int, int]) -> Line:
    if len(cells) != width:
        raise DataError(
            f"{table} line {number}: has {len(cells)} cells, expected {width}; the table was "
            "changed or copied in part, so get it again"
        )
    name, word = (cells[k].strip() for k in where)
    name = "/".join(name.replace("\\", "/").split("/")[-2:])
    return Line(number, name, word.lower(), "", _TABLES[table.name.lower()], table)


def _key(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _claims(place: Place) -> Claim | None:
    if not place.path.is_dir():
        return None
    if _annotated(place.path):
        return Claim(Strength.FILE, f"annotations such as 0{_MARK}")
    try:
        table = next(_tables(place.path), None)
    except DataError:
        table = None
    if table is not None:
        return Claim(Strength.FILE, table.name)
    return numbered(place, _NUMBERS - {"10"})


READER = Reader(INFO, read, _claims)
