"""An array that grows at its end: in memory while it is small, in a temporary file beyond."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import EmoNetsError
from emonets.runtime.scratch import temporary_file

IN_MEMORY = 2**26
"""Bytes that stay in memory: 64 MiB."""


class Spool:
    """Rows that are pushed one block after the other and read as one array at the end.

    Parameters
    ----------
    width : numbers a row. dtype : of the numbers. most : bytes that stay in memory.

    Examples
    --------
    >>> spool = Spool(2)
    >>> spool.push(np.ones((3, 2)))
    >>> spool.finish().shape
    (3, 2)
    """

    def __init__(self, width: int, dtype: Any = np.float32, *, most: int = IN_MEMORY) -> None:
        self._width, self._dtype, self._most = width, np.dtype(dtype), most
        self._blocks: list[NDArray[Any]] = []
        self._file: Any = None
        self._rows = self._held = 0

    def push(self, rows: NDArray[Any]) -> None:
        """Append rows (n, width).

        Raises
        ------
        EmoNetsError : the temporary folder has no room.
        """
        block = np.ascontiguousarray(rows, self._dtype).reshape(-1, self._width)
        self._rows += len(block)
        self._held += block.nbytes
        self._blocks.append(block)
        if self._held > self._most:
            self._spill()

    def finish(self) -> NDArray[Any]:
        """All rows, (n, width); of a large array a read-only view of the temporary file."""
        if self._file is None:
            empty = np.empty((0, self._width), self._dtype)
            return np.concatenate([empty, *self._blocks])
        self._spill()
        self._file.flush()
        return np.memmap(self._file, self._dtype, mode="r", shape=(self._rows, self._width))

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = temporary_file()
            for block in self._blocks:
                self._file.write(block.data)
        except OSError as error:
            raise EmoNetsError(
                f"{tempfile.gettempdir()}: cannot keep what is read of a long clip "
                f"({error.strerror or error}); free space, or set TMPDIR to another folder"
            ) from None
        self._blocks, self._held = [], 0
