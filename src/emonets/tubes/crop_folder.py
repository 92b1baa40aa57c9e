"""A user's own face crops, such as a photo manager exports: pictures named by frame number."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.errors import MediaError
from emonets.media.held import files_in, is_folder
from emonets.media.images import IMAGE_SUFFIXES, read_image

_MAX_PIXELS = 64_000_000


class CropFolder:
    """Face crops of one clip, found by the frame they were cut from.

    Parameters
    ----------
    folder : holds one picture a face. The last number in a name is the number of the frame,
        counted from ``first``: ``clip-007.png``, or ``clip-TUBE-FRAME.png`` as the authors' tools
        wrote them. Several crops may share a frame.
    first : number of a clip's first frame; 1 as in names that FFmpeg writes.

    Raises
    ------
    MediaError : no such folder, no pictures in it, or a name without a number.
    """

    def __init__(self, folder: str | Path, *, first: int = 1) -> None:
        place = Path(folder)
        if not is_folder(place):
            raise MediaError(place, "is no folder of face crops", "give the folder they lie in")
        self._files: dict[int, list[Path]] = {}
        for file in sorted(files_in(place)):
            if file.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            numbers = re.findall(r"\d+", file.stem)
            if not numbers:
                raise MediaError(
                    file, "has no frame number in its name", "name crops like clip-007.png"
                )
            self._files.setdefault(int(numbers[-1]) - first, []).append(file)
        if not self._files:
            raise MediaError(place, "holds no pictures", "expected crops named like clip-007.png")

    def __len__(self) -> int:
        return sum(map(len, self._files.values()))

    def at(self, index: int) -> list[NDArray[np.uint8]]:
        """The crops, (h, w, 3) uint8 RGB, of the frame with this index (from 0)."""
        return [read_image(f, max_pixels=_MAX_PIXELS) for f in self._files.get(index, ())]
