"""Predictions of specialists that work on faces: of each face in each window, and of the clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import ALL_OF_IT, NO_TRACK, Features, Floats, Predictions, Spans

_ONCE = ("span", "step")  # arrays of features that are no entries of single pictures


def predict_faces(
    features: Features, spans: Spans, predict_proba: Callable[[Features], Floats]
) -> Predictions:
    """Of every face in every span, and of the clip.

    Parameters
    ----------
    features : ``track``, ``time`` (s), ``probabilities`` (n, 7), an entry a picture, and perhaps
        ``known`` (n,) bool; ``span`` and ``step`` of the pictures.
    spans : (start, end) in seconds, the end excluded unless the span has no length: that of a
        still picture.
    predict_proba : features → (1, 7).

    Returns
    -------
    An entry a face and span, from the face's first picture there to the end of its last.
    """
    faces = of_known(features)
    start, end = map(float, features["span"])
    rows: list[tuple[int, int, float, float]] = []
    p: list[NDArray[Any]] = []
    for number, (begin, stop) in enumerate(spans):
        inside = (faces["time"] >= begin) & (faces["time"] < stop)
        if begin == stop:
            inside = faces["time"] == begin
        for track in np.unique(faces["track"][inside]):
            part = taken(faces, inside & (faces["track"] == track))
            first, last = float(part["time"][0]), float(part["time"][-1])
            until = min(last + float(faces["step"]), max(end, last))
            rows.append((number, int(track), first, until))
            p.append(predict_proba(part)[0])
    rows.append((ALL_OF_IT, NO_TRACK, start, end))
    p.append(predict_proba(features)[0])
    span, track_, begins, ends = (np.array(column) for column in zip(*rows, strict=True))
    found = np.ones(len(rows), bool)
    found[-1] = len(faces["time"]) > 0
    return Predictions(span, track_, begins, ends, found, np.stack(p))


def of_known(features: Features) -> Features:
    """Without the pictures that show nothing, where features have ``known``."""
    return taken(features, features["known"]) if "known" in features else features


def taken(features: Features, mask: NDArray[np.bool_]) -> Features:
    """The entries of single pictures at a mask (n,)."""
    return {key: value if key in _ONCE else value[mask] for key, value in features.items()}
