"""Which data a figure or table of the paper is made from: what ``--data`` names, sorted by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emonets.datasets.readers.fer2013 import PACKED
from emonets.errors import DataError, ParameterError
from emonets.evaluation.figures import readable
from emonets.media.find import MEDIA_SUFFIXES
from emonets.reproduction.submission_data import (
    AUTHORS_FILE,
    SubmissionData,
    read_submission_data,
)

Train = Callable[[Path, Sequence[str], bool, bool], SubmissionData]
"""(labelled clips, models, alone, every_pair) → data of models trained on the clips, see
``submission_training.train_for_submissions``."""


@dataclass(frozen=True, eq=False)
class Source:
    """Data with predictions, and whether the authors of the paper left them."""

    data: SubmissionData
    authors: bool

    @property
    def turns(self) -> int:
        """Test folds; 1: the parts of a challenge."""
        return len(self.data.splits)

    def about(self, n: int) -> str:
        """The data of a panel of n clips, in words.

        Examples
        --------
        >>> Source(read_submission_data(["javanese.npz"]), False).about(192)  # doctest: +SKIP
        'Javanese, 192 clips, 4 folds in turn; not the paper's data'
        """
        if self.authors:
            return f"AFEW2 validation, {n} clips; the authors' own predictions"
        if self.turns > 1:
            part = f", {self.turns} folds in turn"
        else:
            part = ", validation part" if not len(self.data.splits[0].test) else ", test part"
        return f"{readable(self.data.name)}, {n} clips{part}; not the paper's data"


@dataclass
class PaperData:
    """What is there to draw from.

    Attributes
    ----------
    authors : the folder of AFEW2 that the authors left. faces : FER2013. media : clips to look at.
    predictions : files of stored predictions. labelled : folders of labelled clips.
    train : trains on labelled clips. models : only these are trained; empty: those of a figure.
    together : single models that are trained in one reading of the clips, for several panels.
    """

    authors: Path | None = None
    faces: Path | None = None
    media: tuple[Path, ...] = ()
    predictions: tuple[str, ...] = ()
    labelled: tuple[Path, ...] = ()
    train: Train | None = None
    models: Sequence[str] = ()
    together: Sequence[str] = ()
    _read: dict[object, SubmissionData] = field(default_factory=dict, repr=False)

    def sources(
        self, models: Sequence[str], *, alone: bool = False, every_pair: bool = False
    ) -> Iterator[Source]:
        """Data with predictions, in order: the authors', stored ones, labelled clips.

        Parameters
        ----------
        models : that labelled clips are trained for. alone, every_pair : see
            ``submission_training.train_for_submissions``.
        """
        if self.authors is not None:
            yield Source(self._once("authors", [self.authors]), True)
        if self.predictions:
            yield Source(self._once("predictions", self.predictions), False)
        chosen = [name for name in models if not self.models or name in self.models]
        if alone and chosen and set(chosen) <= set(self.together):
            chosen = [name for name in self.together if not self.models or name in self.models]
        for path in self.labelled if self.train is not None and chosen else ():
            assert self.train is not None
            key = (path, *chosen, alone, every_pair)
            if key not in self._read:
                self._read[key] = self.train(path, chosen, alone, every_pair)
            yield Source(self._read[key], False)

    def _once(self, key: str, paths: Sequence[str | Path]) -> SubmissionData:
        if key not in self._read:
            self._read[key] = read_submission_data(paths)
        return self._read[key]


def sort_data(
    paths: Sequence[str], *, train: Train | None = None, models: Sequence[str] = ()
) -> PaperData:
    """Sort the paths of ``--data`` by kind.

    Parameters
    ----------
    paths : the authors' folder of AFEW2; ``fer2013.npz`` or its csv; clips; stored predictions
        (npz, csv, parquet), also as MODEL=FILE; folders or manifests of labelled clips.
    train, models : see :class:`PaperData`.

    Raises
    ------
    ParameterError : a path is not there, or it is of no known kind.

    Examples
    --------
    >>> sort_data(["afew2/", "javanese_av/"]).authors  # doctest: +SKIP
    PosixPath('afew2')
    """
    out = PaperData(train=train, models=models)
    for text in paths:
        path = Path(text)
        named = Path(text.partition("=")[2]) if "=" in text and not path.exists() else path
        if not named.exists():
            raise ParameterError(f"{named}: there is no such file or folder; check --data")
        kind = named.suffix.lower()
        if named.is_dir():
            if (named / AUTHORS_FILE).is_file():
                out.authors = named
            else:
                out.labelled += (named,)
        elif named.name in PACKED or (kind == ".npz" and _has(named, "images")):
            out.faces = named
        elif kind == ".npz" or (kind in (".csv", ".parquet") and not _is_manifest(named)):
            out.predictions += (text,)
        elif kind in (".csv", ".parquet"):
            out.labelled += (named,)
        elif kind in MEDIA_SUFFIXES:
            out.media += (named,)
        else:
            raise ParameterError(
                f"{named}: is no clip, no predictions and no folder; give one of these to --data"
            )
    return out


def _has(path: Path, name: str) -> bool:
    try:
        with np.load(path, allow_pickle=False) as file:
            return name in file.files
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise DataError(f"{path}: is not a readable npz file ({error})") from None


def _is_manifest(path: Path) -> bool:
    from emonets.evaluation.predictions import read_table

    return "path" in read_table(path).columns
