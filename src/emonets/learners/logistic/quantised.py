"""Features of many frames on disk, a byte each: a quarter of float32's room and of its reading."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 2048  # rows whose largest values set how the columns are divided
_ROOM = 1.5  # of those largest values
_ROWS = 512  # computed at a time
_LEVELS = 255


class QuantisedRows(NamedTuple):
    """Features that are 0 or above, in whole steps.

    Attributes
    ----------
    steps : (n, d) uint8 memory map.
    unit : (d,) what a step of each column is worth: feature = steps · unit, to half a unit. Values
        of more than 255 steps, half again as much as any of some 2,048 rows, are cut off.
    """

    steps: NDArray[np.uint8]
    unit: NDArray[np.float64]


def quantise_rows(
    file: Path,
    rows: Callable[[slice | NDArray[np.intp]], NDArray[Any]],
    n: int,
    *,
    sample: NDArray[np.intp] | None = None,
) -> QuantisedRows:
    """Compute features row by row and keep them in a file.

    Parameters
    ----------
    file : to be written; what is there is replaced. It is made under another name and moved there
        when it is whole.
    rows : called with indices or a slice into 0..n-1, gives (m, d) features, 0 or above.
    n : rows, at least 1.
    sample : indices among which the columns' largest values are taken; None: all.

    Returns
    -------
    The rows, mapped read-only.
    """
    among = np.arange(n) if sample is None else sample
    even = np.linspace(0, len(among) - 1, min(len(among), _SAMPLE)).astype(np.intp)
    spread = among[np.unique(even)]
    largest = np.zeros(0)
    for start in range(0, len(spread), _ROWS):
        block = rows(spread[start : start + _ROWS]).max(axis=0)
        largest = np.maximum(largest, block) if largest.size else block.astype(np.float64)
    unit = np.where(largest > 0, largest * _ROOM / _LEVELS, 1.0)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{os.getpid()}-{file.name}.part")
    try:
        with partial.open("wb") as stream:
            for start in range(0, n, _ROWS):
                steps = np.rint(rows(slice(start, min(start + _ROWS, n))) / unit)
                stream.write(np.minimum(steps, _LEVELS).astype(np.uint8).tobytes())
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    steps = np.memmap(file, np.uint8, "r", shape=(n, len(unit)))
    return QuantisedRows(steps, unit)
