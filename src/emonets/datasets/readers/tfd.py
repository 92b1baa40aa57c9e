"""The Toronto Face Database: faces of several older sets, cropped alike, by its ``.mat`` files.

The paper trains ConvNet 1 on its 4,178 labelled pictures beside FER2013 (section 3.1.1). The data
are not public: their terms come with them, from the authors. The files (``TFD_48x48.mat``,
``TFD_96x96.mat``; MATLAB version 7 or older) are assumed to hold, as in public code for them:

- ``images`` (n, side, side), or (side, side, n), grey 0..255;
- ``labs_ex`` n numbers, 1 anger, 2 disgust, 3 fear, 4 happiness, 5 sadness, 6 surprise,
  7 neutral, -1 not labelled: less one, the canonical order;
- ``labs_id`` n numbers, who is shown (optional; -1 unknown);
- ``folds`` (n, 5): for each of five divisions 1 train, 2 validation, 3 test, 0 not labelled;
  people do not cross these parts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.base import Dataset
from emonets.datasets.items import STILL_SUFFIXES, DatasetInfo
from emonets.datasets.layouts import Claim, Place, Reader, Strength, file_in
from emonets.datasets.readers import class_folders
from emonets.datasets.reading import from_faces
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import DataError, ParameterError

NAME = "tfd"
LICENCE = "on request from its authors, for research"
CITATION = """@techreport{susskind2010toronto,
  title = {The Toronto Face Database},
  author = {Susskind, Joshua M. and Anderson, Adam K. and Hinton, Geoffrey E.},
  institution = {Department of Computer Science, University of Toronto},
  number = {UTML TR 2010-001},
  year = {2010}
}"""
INFO = DatasetInfo(
    name=NAME,
    title="4,178 labelled grey faces of older sets, cropped alike",
    kinds=("still",),
    citation=CITATION,
    licence=LICENCE,
    where="on request from its authors",
    words={**{str(k): word for k, word in enumerate(EMOTIONS, start=1)}, **WORDS},
    group="person (labs_id); where the file names none, the picture itself",
    splits="train, valid and test, by the first of its five folds",
    layout="TFD_48x48.mat or TFD_96x96.mat (MATLAB 7 or older), or class folders of pictures, in "
    "folders train, valid and test if they are divided",
)

_PARTS = {1: "train", 2: "valid", 3: "test"}
_FOLDS = 5


def read(path: str | Path, *, fold: int | None = None) -> Dataset:
    """Read a ``.mat`` file, a folder that holds one, or class folders of its pictures.

    Parameters
    ----------
    fold : see `read_tfd`; only of a ``.mat`` file.

    Raises
    ------
    DataError, ParameterError : as `read_tfd`, or as `emonets.datasets.readers.class_folders`.
    """
    root = Path(path)
    file = file_in(root, suffixes=(".mat",))
    if file is None and root.is_dir() and fold is None:
        found = class_folders.read(root, suffixes=STILL_SUFFIXES)
        return replace(found, info=INFO, name=NAME)
    return from_faces(INFO, root, file or root, read_tfd(file or root, fold=fold or 0))


def read_tfd(path: str | Path, *, fold: int = 0) -> FaceImages:
    """Read the labelled pictures of the Toronto Face Database.

    Parameters
    ----------
    path : ``TFD_48x48.mat`` or ``TFD_96x96.mat``.
    fold : 0..4, which of the five divisions gives the splits train, valid and test.

    Returns
    -------
    FaceImages of 48 x 48 or 96 x 96 pixels, without the unlabelled pictures; ``groups`` are the
    people, where the file names them.

    Raises
    ------
    DataError : the file is not there, damaged, in MATLAB's version 7.3, or holds something else.
    ParameterError : fold is not 0..4.
    """
    path = Path(path)
    if fold not in range(_FOLDS):
        raise ParameterError(f"fold must be one of 0..{_FOLDS - 1}, got {fold}")
    data = _load(path)
    labels = _integers(path, "labs_ex", data["labs_ex"]).ravel()
    images = _images(path, data["images"], len(labels))
    folds = _integers(path, "folds", data["folds"])
    if folds.shape == (_FOLDS, len(labels)) and len(labels) != _FOLDS:
        folds = folds.T
    if folds.shape != (len(labels), _FOLDS):
        raise DataError(
            f"{path}: expected folds of shape ({len(labels)}, {_FOLDS}), found {folds.shape}"
        )
    allowed = (labels == -1) | ((labels >= 1) & (labels <= 7))
    if not allowed.all():
        k = int(np.argmin(allowed))
        raise DataError(f"{path}: label {labels[k]} of image {k} is neither 1..7 nor -1")
    part = folds[:, fold]
    chosen = labels > 0
    if not chosen.any():
        raise DataError(f"{path}: not one of its {len(labels)} images is labelled")
    strange = chosen & ~np.isin(part, list(_PARTS))
    if strange.any():
        k = int(np.argmax(strange))
        raise DataError(
            f"{path}: image {k} is labelled, but its entry in fold {fold} is {part[k]}, "
            "expected 1 (train), 2 (validation) or 3 (test)"
        )
    people = None
    if "labs_id" in data:
        people = _integers(path, "labs_id", data["labs_id"]).ravel()
        if len(people) != len(labels):
            raise DataError(f"{path}: {len(labels)} labels but {len(people)} labs_id")
        # these people are unknown: each counts as a person of its own
        unknown = people < 0
        people = np.where(unknown, -1 - np.arange(len(people)), people)[chosen]
    return FaceImages(
        images=images[chosen],
        labels=(labels - 1)[chosen],
        split=np.array([_PARTS[int(k)] for k in part[chosen]]),
        groups=people,
        name=NAME,
        citation=CITATION,
        licence=LICENCE,
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat

    if not path.is_file():
        raise DataError(f"{path}: there is no such file; expected TFD_48x48.mat or TFD_96x96.mat")
    names = ["images", "labs_ex", "labs_id", "folds"]
    try:
        data: dict[str, NDArray[Any]] = loadmat(path, variable_names=names)
    except NotImplementedError as error:
        raise DataError(
            f"{path}: a MATLAB 7.3 (HDF5) file, which is not read here; in MATLAB, load it and "
            "save it again with save(..., '-v7')"
        ) from error
    except Exception as error:  # a foreign format: whatever breaks means a damaged file
        raise DataError(
            f"{path}: not a readable MATLAB file ({type(error).__name__}: {error}); copy it again"
        ) from error
    missing = [name for name in ("images", "labs_ex", "folds") if name not in data]
    if missing:
        raise DataError(f"{path}: expected images, labs_ex, folds; {', '.join(missing)} missing")
    return data


def _integers(path: Path, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    values = np.asarray(values)
    whole = np.issubdtype(values.dtype, np.integer) or (
        np.issubdtype(values.dtype, np.floating) and bool((values == np.round(values)).all())
    )
    if not whole:  # NaN is not equal to itself, so it ends here too
        raise DataError(f"{path}: expected whole numbers in {name}, found {values.dtype}")
    return values.astype(np.int64)


def _images(path: Path, values: NDArray[Any], n: int) -> NDArray[np.uint8]:
    side = values.shape[1] if values.ndim == 3 else 0
    if values.shape == (side, side, n) and values.shape != (n, side, side):
        values = values.transpose(2, 0, 1)
    if side == 0 or values.shape != (n, side, side):
        raise DataError(
            f"{path}: expected images of shape ({n}, side, side) for {n} labels, "
            f"found {values.shape}"
        )
    pixels = _integers(path, "images", values) if values.dtype != np.uint8 else values
    if pixels.size and (pixels.min() < 0 or pixels.max() > 255):
        raise DataError(
            f"{path}: images run from {pixels.min()} to {pixels.max()}, expected 0..255"
        )
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _claims(place: Place) -> Claim | None:
    file = file_in(place.path, suffixes=(".mat",))
    return None if file is None else Claim(Strength.FILE, file.name)


READER = Reader(INFO, read, _claims, ("fold",))
