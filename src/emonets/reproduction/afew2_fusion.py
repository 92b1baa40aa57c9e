"""P[clip, model, class] of AFEW2, from the authors' stored predictions.

The authors stored predictions of two of the five models: ConvNet 1 (its SVM, Table 1, submission 1)
and audio. They also stored those of the SVM on both (submission 2), a separate model in later
submissions. The data are for checks only.
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
    """Predictions of the stored models for one part of AFEW2.

    Attributes
    ----------
    names : of the clips: time stamps in their movies. The movie is not known.
    labels : (n,) 0..6. P : (n, 3, 7), of :data:`MODELS`. found : (n, 3), false without a face.
    """

    names: list[str]
    labels: NDArray[np.intp]
    P: Floats
    found: NDArray[np.bool_]


def stored_predictions(folder: Path, part: str) -> StoredPredictions:
    """Read ``audio_{train,valid}.txt`` and the two ``svm_*.npz``.

    Parameters
    ----------
    part : "train" or "valid". Those of train are for the models' training clips.

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
    stored = needed(svm, f"prob_values_{end.lower()}", path)
    columns = _columns(needed(svm, "model_label", path), path)
    for i, name in enumerate(audio.names):
        row = rows.get(clip_key(name, split))
        found[i, 0] = row is not None
        if row is not None:
            p[i, 0] = stored[row][columns]

    path = folder / "svm_convnet_audio.npz"
    svm = read_svm(path)
    both = needed(svm, f"prob_values_{end.lower()}f", path)
    if both.shape != (n, 7):
        raise DataError(f"{path}: {both.shape} probabilities for {n} clips; copy it again")
    p[:, 2] = both[:, _columns(needed(svm, "model_label", path), path)]
    return StoredPredictions(audio.names, audio.labels, p, found)


def _columns(order: NDArray[np.generic], path: Path) -> NDArray[np.intp]:
    """The stored column of each canonical class."""
    labels = np.asarray(order, dtype=np.float64)
    if sorted(labels - labels.min()) != list(range(7)):
        raise DataError(f"{path}: its classes are {labels}, not seven; copy it again")
    return np.argsort(labels)
