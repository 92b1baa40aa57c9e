"""The corpora of ``strangers.py``: where each lies, and which of its items are scored.

None of these is trained on as it is split here, except by the networks whose bundles say so.
Benchmarks import this file; it is no command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.base import Dataset
from emonets.datasets.still_faces import read_face
from emonets.evaluation.near_duplicates import near_duplicates
from emonets.runtime.store import parameter_digest

Rows = NDArray[np.intp]
FACES, SPEECH, FILMS = "faces", "speech", "films"


@dataclass(frozen=True)
class Corpus:
    """A corpus, where it lies, and which of its items are scored.

    Attributes
    ----------
    folder : below ``--corpora``, or below ``--data`` where ``shared``.
    layout : the name of its reader. pick : positions of the items that are scored.
    framed : whether its pictures are framed as FER2013's are.
    split : as rows name it. without : an emotion whose items are left out.
    copies : whether items of which its training part has a near copy are left out.
    """

    name: str
    kind: str
    folder: str
    layout: str
    pick: Callable[[Dataset, Path], Rows]
    split: str
    shared: bool = False
    framed: bool = False
    without: str = ""
    copies: bool = False


def everything(data: Dataset, work: Path) -> Rows:
    return np.arange(len(data))


def of_groups(*names: str) -> Callable[[Dataset, Path], Rows]:
    """The items of some people."""

    def pick(data: Dataset, work: Path) -> Rows:
        return np.flatnonzero([item.group.lstrip("0") in names for item in data.items])

    return pick


def of_test(data: Dataset, work: Path) -> Rows:
    return np.flatnonzero(data.splits == "test")


def without_copies(data: Dataset, rows: Rows, work: Path) -> Rows:
    """Those of some rows of which the training part has no near copy; kept in ``work``."""
    train = np.flatnonzero(data.splits == "train")
    names = [data.items[i].path.name for i in [*rows.tolist(), *train.tolist()]]
    file = work / f"copies_{parameter_digest(data.name, names)}.npz"
    if not file.is_file():
        images, others = (
            np.stack([small_face(data.items[i].path) for i in part.tolist()])
            for part in (rows, train)
        )
        np.savez(file, found=near_duplicates(images, others).found)
    found = np.load(file, allow_pickle=False)["found"]
    print(f"{data.name}: {found.sum()} of {len(rows)} pictures have a near copy in training")
    return rows[~found]


def small_face(path: Path) -> NDArray[np.uint8]:
    """(48, 48) the picture as it is, in grey; black where it is damaged."""
    face = read_face(path, 48)
    return np.zeros((48, 48), np.uint8) if isinstance(face, str) else face


CORPORA = (
    Corpus("ckplus48", FACES, "ckplus48", "ckplus48", everything, "all, framed", framed=True),
    Corpus("ckplus_web", FACES, "ckplus_web", "ckplus_web", everything, "all"),
    Corpus("ethiopian", FACES, "ethiopian", "ethiopian", everything, "all"),
    Corpus(
        "ethiopian, five classes", FACES, "ethiopian", "ethiopian", everything, "without fear",
        without="fear",
    ),
    Corpus(
        "affectnet_subset", FACES, "affectnet_subset", "affectnet_subset", of_test,
        "test without near copies of train", copies=True,
    ),
    Corpus("nemo", SPEECH, "nemo", "nemo", of_groups("MK0", "WR0"), "speakers MK0, WR0"),
    Corpus(
        "ased", SPEECH, "ased", "ased", of_groups(*map(str, range(51, 66))), "speakers 51 to 65"
    ),
    Corpus("urdu", SPEECH, "urdu", "urdu", everything, "all"),
    Corpus("korean_emotion", SPEECH, "korean_emotion", "korean_emotion", everything, "all"),
    Corpus("banglaser", SPEECH, "banglaser", "banglaser", everything, "all"),
    Corpus("ravdess_speech", SPEECH, "ravdess_speech", "ravdess", everything, "all", shared=True),
    Corpus("emodb", SPEECH, "emodb", "emodb", everything, "all", shared=True),
    Corpus(
        "javanese_speech", SPEECH, "javanese_speech", "javanese", everything, "all", shared=True
    ),
    Corpus("javanese_av", FILMS, "javanese_av", "javanese", everything, "all", shared=True),
    Corpus("ravdess_av", FILMS, "ravdess_av", "ravdess", everything, "actor 01", shared=True),
    Corpus("crema_d", FILMS, "crema_d", "crema_d", everything, "one actor", shared=True),
)  # fmt: skip
NOT_IN_MEAN = ("ethiopian, five classes",)
"""Another view of a corpus that is in the mean already."""


def drawn(data: Dataset, rows: Rows, limit: int) -> Rows:
    """At most so many rows a class, the first by a digest of the file's name; 0: all."""

    def key(i: int) -> str:
        item = data.items[i]
        try:
            name = item.path.relative_to(data.root).as_posix()
        except ValueError:
            name = item.path.name
        return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()

    order = sorted(rows.tolist(), key=key)
    kept: dict[int, list[int]] = {}
    for i in order:
        mine = kept.setdefault(data.items[i].label, [])
        if not limit or len(mine) < limit:
            mine.append(i)
    return np.sort(np.array([i for mine in kept.values() for i in mine], np.intp))
