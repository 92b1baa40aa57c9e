"""Small pictures of a clip: one for its card, and a picture a second where no film can be shown."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import Clip, Frame, SoundChunk, open_clip
from emonets.report.film_writer import even_size, fitted, play
from emonets.report.outputs import Outputs, outputs_of

_COLUMNS, _ROWS = 10, 10
_QUALITY = 60
_INDEXED = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""Of films with an index: a late part costs no more than an early one."""
_DARK = 24
"""A picture whose mean is below this (0..255) is a fade or a black lead."""


@dataclass(frozen=True)
class Thumbnails:
    """Pictures of a clip in sheets: JPEGs, each with at most ``columns`` × ``rows`` pictures.

    Attributes
    ----------
    times : seconds of each picture. width, height : of one picture.
    columns, rows : of a full sheet; picture ``i`` is the ``i % (columns * rows)``-th of its sheet,
        row by row.
    sheets : the files.
    """

    times: tuple[float, ...]
    width: int
    height: int
    columns: int
    rows: int
    sheets: tuple[Path, ...]


def jpeg_of(image: NDArray[np.uint8], quality: int = 80) -> bytes:
    """A picture, (h, w, 3) RGB or (h, w) grey, as JPEG. Equal pictures give equal bytes."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


class ThumbnailSink:
    """Keeps a picture every so many seconds, and writes a sheet as soon as it is full.

    Parameters
    ----------
    place : folder of the sheets, or what takes them. name : ``NAME-1.jpg``, ``NAME-2.jpg``.
    size : (width, height) of the clip's pictures.
    every : seconds from one picture to the next. long_side : of a picture, pixels.
    """

    def __init__(
        self,
        place: Path | Outputs,
        name: str,
        size: tuple[int, int],
        *,
        every: float = 1.0,
        long_side: int = 240,
    ) -> None:
        if not (math.isfinite(every) and every > 0):
            raise ParameterError(f"every={every!r}: must be seconds above 0")
        self._outputs, self._name, self._every = outputs_of(place), name, every
        self._size = even_size(*size, long_side)
        self._times: list[float] = []
        self._open: list[NDArray[np.uint8]] = []
        self._sheets: list[Path] = []
        self._next = -math.inf

    def push_frame(self, frame: Frame) -> None:
        """Keep the picture if its time has come."""
        if frame.time < self._next - 1e-6:
            return
        self._next = (math.floor(frame.time / self._every + 1e-6) + 1) * self._every
        self._times.append(frame.time)
        self._open.append(fitted(frame.image, self._size))
        if len(self._open) == _COLUMNS * _ROWS:
            self._write()

    def push_sound(self, chunk: SoundChunk) -> None:
        """Nothing."""

    def finish(self) -> Thumbnails:
        """Write the last sheet."""
        if self._open:
            self._write()
        width, height = self._size
        return Thumbnails(tuple(self._times), width, height, _COLUMNS, _ROWS, tuple(self._sheets))

    def _write(self) -> None:
        name = f"{self._name}-{len(self._sheets) + 1}.jpg"
        self._outputs.write(name, jpeg_of(sheet_of(self._open, _COLUMNS), _QUALITY))
        self._sheets.append(self._outputs.path(name))
        self._open.clear()


def sheet_of(images: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Pictures of one size side by side, row by row; black where none is left."""
    columns = min(columns, len(images))
    h, w = images[0].shape[:2]
    rows = math.ceil(len(images) / columns)
    out = np.zeros((rows * h, columns * w, *images[0].shape[2:]), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * h, i % columns * w
        out[y : y + h, x : x + w] = image
    return out


def thumbnails(
    path: str | Path,
    folder: str | Path,
    *,
    name: str | None = None,
    every: float = 1.0,
    long_side: int = 240,
    turns: int = 0,
) -> Thumbnails:
    """Write a picture a second of a clip, in sheets of 100.

    Parameters
    ----------
    path : the clip. folder, name : of the sheets; by default the clip's own name.
    every : seconds from one picture to the next. long_side : of a picture, pixels.
    turns : clockwise quarter turns (`emonets.media.turned`).

    Raises
    ------
    MediaError : the clip cannot be decoded.

    Examples
    --------
    >>> thumbnails("film.flv", "out").times  # doctest: +SKIP
    (0.0, 1.0, 2.0)
    """
    clip = open_clip(path)
    clip.turn(turns)
    sink = ThumbnailSink(
        Path(folder), name or Path(path).stem, (clip.info.width, clip.info.height),
        every=every, long_side=long_side,
    )  # fmt: skip
    play(clip, sink, sound=False)
    return sink.finish()


def card_picture(path: str | Path, *, long_side: int = 320, turns: int = 0) -> bytes:
    """A picture of a clip for its card, JPEG; empty bytes of a clip without pictures.

    It lies at a third of a film with an index, and else within the first seconds. Black pictures
    are passed over where there are others.

    Raises
    ------
    MediaError : the clip cannot be decoded.
    """
    clip = open_clip(path)
    if not clip.info.has_frames:
        return b""
    clip.turn(turns)
    best: NDArray[np.uint8] | None = None
    for image in _candidates(clip):
        if best is None or image.mean() > best.mean():
            best = image
        if best.mean() >= _DARK:
            break
    if best is None:
        raise MediaError(path, "no picture could be decoded", "check that it plays")
    h, w = best.shape[:2]
    return jpeg_of(fitted(best, even_size(w, h, long_side)), 75)


def _candidates(clip: Clip) -> Iterator[NDArray[np.uint8]]:
    """Pictures, the best place first."""
    duration = clip.info.duration
    if clip.info.path.suffix.lower() in _INDEXED and math.isfinite(duration):
        for part in (1 / 3, 2 / 3):
            decoded: Any = clip.decode(sound=False, start=duration * part)
            with closing(decoded) as parts:
                found = next((p.image for p in parts if isinstance(p, Frame)), None)
            if found is not None:
                yield found
    whole: Any = clip.frames()
    with closing(whole) as frames:
        due = 1.0 if math.isfinite(duration) and duration > 2 else 0.0
        first = None
        for frame in frames:
            first = frame.image if first is None else first
            if frame.time >= due:
                yield frame.image
                due += 1.0
            if frame.time > 10:
                break
        if first is not None:
            yield first
