"""P[clip, model, class] of AFEW2, from the answers that the authors stored: what is left to fuse.

Of the paper's five models two left their answers: ConvNet 1 (its SVM, Table 1, submission 1) and
audio; and of the combinations the machine on both (submission 2), a model of its own in later
submissions. The data are for checking only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import UNIFORM
from emonets.errors import DataError
from emonets.reproduction.afew2_files import Floats, clip_key, needed, read_audio, read_svm

MODELS = ("ConvNet 1", "audio", "ConvNet 1 + audio")


@dataclass(frozen=True, eq=False)
class StoredPredictions:
    """What the stored models say of one part of AFEW2.

    Attributes
    ----------
    names : of the clips: time stamps in their films. Which film is not said.
    labels : (n,) 0..6. P : (n, 3, 7), of :data:`MODELS`. found : (n, 3), false where no face was.
    """

    names: list[str]
    labels: NDArray[np.intp]
    P: Floats
    found: NDArray[np.bool_]


def stored_predictions(folder: Path, part: str) -> StoredPredictions:
    """Read ``audio_{train,valid}.txt`` and the two ``svm_*.npz``.

    Parameters
    ----------
    part : "train" or "valid". The predictions of train are of the clips that the models had been
        trained on.

    Raises
    ------
    DataError : a file is missing or damaged, or they are not of the same clips.
    """
    audio = read_audio(folder / f"audio_{part}.txt")
    end = {"train": "Train", "valid": "Val"}[part]
    split = {"train": "train", "valid": "validation"}[part]
    n = len(audio.names)
    p = np.full((n, len(MODELS), 7), UNIFORM)
    found = np.ones((n, len(MODELS)), dtype=bool)
    p[:, 1] = audio.probabilities

    path = folder / "svm_convnet.npz"
    svm = read_svm(path)
    rows = {clip_key(str(i), split): k for k, i in enumerate(needed(svm, f"videoID{end}", path))}
    said = needed(svm, f"prob_values_{end.lower()}", path)
    columns = _columns(needed(svm, "model_label", path), path)
    for i, name in enumerate(audio.names):
        row = rows.get(clip_key(name, split))
        found[i, 0] = row is not None
        if row is not None:
            p[i, 0] = said[row][columns]

    path = folder / "svm_convnet_audio.npz"
    svm = read_svm(path)
    both = needed(svm, f"prob_values_{end.lower()}f", path)
    if both.shape != (n, 7):
        raise DataError(f"{path}: {both.shape} probabilities for {n} clips; copy it again")
    p[:, 2] = both[:, _columns(needed(svm, "model_label", path), path)]
    return StoredPredictions(audio.names, audio.labels, p, found)


def _columns(order: NDArray[np.generic], path: Path) -> NDArray[np.intp]:
    """Which stored column is each canonical class."""
    labels = np.asarray(order, dtype=np.float64)
    if sorted(labels - labels.min()) != list(range(7)):
        raise DataError(f"{path}: its classes are {labels}, not seven; copy it again")
    return np.argsort(labels)
