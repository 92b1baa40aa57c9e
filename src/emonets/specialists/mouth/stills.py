"""Mouths out of still faces that are framed as FER2013's (paper 3.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.splits import require_split
from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError
from emonets.runtime.store import Arrays
from emonets.specialists.mouth.crops import MouthView, stills_as_tubes
from emonets.specialists.mouth.training import Mouths
from emonets.tubes.landmarks import FaceLandmarker

_STILLS = 512  # still faces whose landmarks are found at once


def mouths_of_pictures(view: MouthView, images: NDArray[np.uint8]) -> Arrays:
    """The mouths of still faces.

    Parameters
    ----------
    images : (n, height, width) grey uint8, framed as FER2013's.

    Returns
    -------
    dict of arrays with an entry a picture: ``mouths`` (n, 30, 40) uint8, and ``known`` (n,) bool,
    whether the crop holds anything (`MouthView.known`).

    Raises
    ------
    DataError : the view is in colour.
    """
    if view.colour != "grey":
        raise DataError(
            f"still faces are grey, and a model of mouths in {view.colour} cannot learn from "
            "them; take colour grey, or clips"
        )
    landmarker = FaceLandmarker() if view.region == "landmarks" else None
    parts = [np.empty((0, *view.shape), np.uint8)]
    for start in range(0, len(images), _STILLS):
        tubes = stills_as_tubes(images[start : start + _STILLS])
        points = None
        if landmarker is not None:
            points = landmarker.points(np.repeat(tubes[..., None], 3, axis=3))
        parts.append(view.cut(tubes, points, window=1))
    mouths = np.concatenate(parts)
    return {"mouths": mouths, "known": view.known(mouths)}


def mouths_of_stills(faces: FaceImages, view: MouthView) -> Mouths:
    """The labelled mouths of still faces; each face is a clip of one picture.

    Raises
    ------
    DataError : the view is in colour; a split that is none.
    """
    cut = mouths_of_pictures(view, faces.images)
    known = cut["known"]
    numbers = np.arange(len(faces))
    groups = numbers if faces.groups is None else faces.groups
    splits = np.array([""])
    if faces.split is not None:
        splits = np.array([require_split(str(s), faces.name) for s in faces.split])
    return Mouths(
        faces.name, view, cut["mouths"][known], numbers[known], faces.labels,
        np.char.add(f"{faces.name}/", groups.astype(str)),
        np.broadcast_to(splits, len(faces)).astype(np.str_),
        tuple((file, "could not be read") for file in faces.skipped),
    )  # fmt: skip
