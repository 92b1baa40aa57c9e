"""Small made-up results for the tests of tables, exports and pages."""

from __future__ import annotations

import numpy as np

from emonets.emotions import EMOTIONS
from emonets.result import FileStatus, PersonSeen, Result, Row


def p_of(label: str, p: float = 0.7) -> tuple[float, ...]:
    """Probabilities with one label at ``p`` and the rest equal."""
    return tuple(p if name == label else (1 - p) / 6 for name in EMOTIONS)


def face_row(
    file: str, person: int, start: float, end: float, label: str, *, model: str = "face+audio",
    p: float = 0.7, speaks: bool | None = True, usable: float = 1.0, uncertain: bool = False,
) -> Row:  # fmt: skip
    """A row of a face in a window."""
    return Row(
        file, person, start, end, True, model, p_of(label, p), True, "face", person=person,
        speech=0.5, speaks=speaks, box=(10.0 + person, 20.0, 64.0, 64.0), usable=usable,
        uncertain=uncertain,
    )  # fmt: skip


def clip_row(file: str, start: float, end: float, label: str, model: str = "face+audio") -> Row:
    """A row of a whole clip."""
    return Row(file, None, start, end, True, model, p_of(label), True, "clip")


def seen(file: str, person: int, start: float, end: float, usable: float = 0.9) -> PersonSeen:
    """A person that is seen in a span."""
    times = np.arange(start, end - 1e-9, 0.2)
    boxes = np.tile([10.0, 20.0, 74.0, 84.0], (len(times), 1))
    return PersonSeen(file, person, (person,), times, boxes, usable)


def film(file: str = "film.mp4", seconds: float = 20.0, window: float = 5.0) -> Result:
    """Two persons: the first happy and then sad, the second there in the first half only.

    The last row of a single model is the clip's of the face; the last of all is the fused one.
    """
    rows: list[Row] = []
    half = seconds / 2
    for k in range(int(seconds / window)):
        a, b = k * window, (k + 1) * window
        rows.append(face_row(file, 0, a, b, "happy" if b <= half else "sad", model="face"))
        rows.append(Row(file, None, a, b, None, "audio", p_of("neutral"), True, "window"))
    for k in range(int(seconds / window)):
        a, b = k * window, (k + 1) * window
        rows.append(face_row(file, 0, a, b, "happy" if b <= half else "sad"))
        if b <= half:
            rows.append(face_row(file, 1, a, b, "angry", speaks=False, usable=0.5))
    rows += [
        clip_row(file, 0, seconds, "happy", "face"),
        clip_row(file, 0, seconds, "sad", "audio"),
    ]
    rows.append(clip_row(file, 0, seconds, "happy"))
    persons = (seen(file, 0, 0.0, seconds), seen(file, 1, 0.0, half, 0.25))
    return Result(tuple(rows), (FileStatus(file, "ok"),), {"bundle": "modern"}, persons)


def failed(file: str = "broken.mp4") -> Result:
    """A file that could not be read."""
    return Result((), (FileStatus(file, "error", "is empty"),))
