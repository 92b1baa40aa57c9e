"""Clips as the input of scikit-learn estimators: an array of paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emonets.errors import DataError


def tags_of_clips(tags: Any) -> Any:
    """An estimator's tags, changed for input of one path a clip."""
    tags.input_tags.two_d_array = False
    tags.input_tags.one_d_array = True
    tags.input_tags.string = True
    tags.no_validation = True
    return tags


def clip_paths(X: ArrayLike) -> list[Path]:
    """The paths of clips: (n,) texts or paths, or a single one.

    Raises
    ------
    DataError : something else.
    """
    given: list[Any]
    if isinstance(X, str | os.PathLike):
        given = [X]
    else:
        given = list(X) if isinstance(X, Sequence) else np.asarray(X).ravel().tolist()
    if not all(isinstance(path, str | os.PathLike) for path in given):
        raise DataError("X must be paths of clips, as text or pathlib.Path")
    return [Path(path) for path in given]
