"""Pictures that specialists were given, kept for a page that shows them at the playhead."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emonets.contracts import TUBES, BaseReader, Features, ShowsInputs, Specialist
from emonets.person_seen import InputPictures, PersonSeen
from emonets.tubes.tube import FaceTube

EVERY = 0.2
"""Seconds from one kept picture of a face to the next, at first."""
MOST = 900
"""Pictures that are kept of a clip and a specialist. Beyond, every other one is dropped."""
COLUMNS = 30
_PREFIX = "inputs of "  # no specialist's name: those are one word


def input_readers(specialists: Mapping[str, Specialist]) -> dict[str, InputReader]:
    """Readers that keep what these specialists are given, by the names of their features."""
    return {
        _PREFIX + name: InputReader(part)
        for name, part in specialists.items()
        if isinstance(part, ShowsInputs) and part.per_face
    }


class InputReader(BaseReader):
    """Keeps a picture of each face five times a second; of long clips fewer, so that `MOST` hold.

    The specialist makes its pictures of the whole piece of a tube, as it does to predict. So they
    are the same, to the pixel.

    Parameters
    ----------
    specialist : that is given the pictures.
    every : seconds. most : pictures of a clip.
    """

    needs = frozenset({TUBES})

    def __init__(self, specialist: ShowsInputs, *, every: float = EVERY, most: int = MOST) -> None:
        self._specialist, self._every, self._most = specialist, every, most
        self._kept: list[tuple[int, float, NDArray[np.uint8]]] = []
        self._last: dict[int, int] = {}

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube."""
        chosen = []
        for i, time in enumerate(np.asarray(tube.times).tolist()):
            slot = math.floor(time / self._every + 1e-6)
            if slot != self._last.get(tube.track):
                self._last[tube.track] = slot
                chosen.append(i)
        if not chosen:
            return
        pictures = self._specialist.inputs(tube)
        self._kept += [(tube.track, float(tube.times[i]), pictures[i].copy()) for i in chosen]
        while len(self._kept) > self._most:
            self._thin()

    def _thin(self) -> None:
        """Double the interval: keep the first picture of each new slot of a track."""
        self._every *= 2
        kept, self._last = [], {}
        for track, time, picture in self._kept:
            slot = math.floor(time / self._every + 1e-6)
            if slot != self._last.get(track):
                self._last[track] = slot
                kept.append((track, time, picture))
        if len(kept) == len(self._kept):  # many short tracks: an even choice of these
            kept = kept[::2]
        self._kept = kept

    def finish(self) -> Features:
        """``track`` (n,), ``time`` (n,) s and ``picture`` (n, h, w) or (n, h, w, 3) uint8."""
        kept = sorted(self._kept, key=lambda own: own[:2])
        blank = np.zeros((0, 1, 1), np.uint8)
        return {
            "track": np.array([own[0] for own in kept], np.int64),
            "time": np.array([own[1] for own in kept], np.float64),
            "picture": np.stack([own[2] for own in kept]) if kept else blank,
        }


def with_inputs(
    persons: tuple[PersonSeen, ...], features: Mapping[str, Features]
) -> tuple[PersonSeen, ...]:
    """Persons with what `input_readers` kept of their tracks."""
    kept = {
        name.removeprefix(_PREFIX): own for name, own in features.items()
        if name.startswith(_PREFIX)
    }  # fmt: skip
    return tuple(
        replace(one, inputs=tuple(
            _sheet(source, own, inside)
            for source, own in kept.items()
            for inside in [np.isin(own["track"], one.tracks)] if inside.any()
        ))
        for one in persons
    ) if kept else persons  # fmt: skip


def _sheet(source: str, features: Features, inside: NDArray[np.bool_]) -> InputPictures:
    order = np.argsort(features["time"][inside], kind="stable")
    times, pictures = features["time"][inside][order], features["picture"][inside][order]
    height, width = pictures.shape[1:3]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width, *pictures.shape[3:]), np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // columns * height, k % columns * width
        sheet[top : top + height, left : left + width] = picture
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, "JPEG", quality=80, optimize=True)
    return InputPictures(
        source, tuple(map(float, times)), width, height, columns, out.getvalue()
    )  # fmt: skip
