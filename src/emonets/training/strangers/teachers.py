"""Answers of finished networks as a part of the targets: labels of web pictures are often wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.training.strangers.frames import MARGIN, SIZE, frames_of
from emonets.training.strangers.material import Faces

_LEAST = 1e-6
_BATCH = 512


def taught(faces: Faces, teachers: Sequence[FaceSpecialist], share: float) -> Faces:
    """Faces whose targets are in part what finished networks answer.

    Parameters
    ----------
    faces : n faces in their frame.
    teachers : their probabilities are multiplied, each to the power 1 / number of teachers.
    share : 0..1, of the answers in the targets; the rest is as before.

    Raises
    ------
    ParameterError : no teacher, or a share outside 0..1.
    """
    if not teachers or not 0 <= share <= 1:
        raise ParameterError(f"give a teacher, and a share from 0 to 1 (got {share!r})")
    answers = np.zeros((len(faces), faces.targets.shape[1]))
    for teacher in teachers:
        answers += np.log(_answers(faces, teacher) + _LEAST) / len(teachers)
    p = np.exp(answers - answers.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mixed = (1 - share) * faces.targets + share * p
    return replace(faces, targets=mixed.astype(np.float32))


def _answers(faces: Faces, teacher: FaceSpecialist) -> NDArray[np.float64]:
    parts = [
        teacher.network.predict_proba(_pictures(faces.images[i : i + _BATCH], teacher))
        for i in range(0, len(faces), _BATCH)
    ]
    return np.concatenate([np.empty((0, faces.targets.shape[1])), *parts])


def _pictures(images: NDArray[np.uint8], teacher: FaceSpecialist) -> NDArray[np.uint8]:
    """What a network is given of framed faces (n, 128, 128): its own frame, in its own size."""
    size = teacher.preprocessing.size
    if size == SIZE:  # of the kind that is trained here, whose frame is another than FER2013's
        return frames_of(images)
    whole = images[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    small = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in whole]
    return teacher.preprocessing.normalise(np.stack(small).astype(np.uint8))
