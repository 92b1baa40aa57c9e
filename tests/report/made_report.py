"""A small report for the tests of pages: films of four seconds, with results made up for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emonets.person_seen import InputPictures
from emonets.report.thumbnails import jpeg_of
from emonets.result import FileStatus, PersonSeen, Result, Row
from made_results import clip_row, face_row, p_of
from media_files import tone, write_media

EVIL = "<img src=x onerror=alert(1)>.mp4"
ABOUT = {
    "emonets": "0.1.0", "bundle": "modern", "bundle_digest": "ab" * 32, "model": "face+audio",
    "decision": "face: mean; audio: network",
}  # fmt: skip
_UNEVEN = [0, 40, 80, 200, 240, *range(400, 4000, 40)]
"""Times in ms of the frames of the film with two persons: not all of one length."""


def frame_stamps() -> list[float]:
    """Seconds of the frames of ``two.mp4``."""
    return [ms / 1000 for ms in _UNEVEN]


def person(file: str, number: int, first: float, last: float, left: float) -> PersonSeen:
    """A person whose box moves right by 5 pixels a second."""
    times = np.arange(first, last, 0.2)
    x = left + 5 * times
    boxes = np.stack([x, x * 0 + 20, x + 40, x * 0 + 60], 1)
    picture = jpeg_of(np.full((32, 32, 3), 90 + 80 * number, np.uint8))
    return PersonSeen(
        file, number, (number,), times, boxes, 0.9 - 0.4 * number, picture,
        inputs=(inputs(first, last),),
    )  # fmt: skip


def inputs(first: float, last: float) -> InputPictures:
    """Pictures of a face, four a second, three in a row of the sheet."""
    times = tuple(np.arange(first, last, 0.25).tolist())
    rows = -(-len(times) // 3)
    sheet = np.linspace(0, 255, rows * 24 * 36).astype(np.uint8).reshape(rows * 24, 36)
    return InputPictures("face", times, 12, 24, 3, jpeg_of(sheet))


def two_persons(file: str) -> Result:
    """Person 0 in all of it, person 1 in the second half, and sound."""
    rows: list[Row] = []
    for k, label in enumerate(("happy", "happy", "sad", "fear")):
        a, b = float(k), float(k + 1)
        rows.append(face_row(file, 0, a, b, label, model="face", p=0.9, uncertain=label == "fear"))
        rows.append(Row(file, None, a, b, None, "audio", p_of("neutral", 0.5), True, "window"))
        rows.append(face_row(file, 0, a, b, label, p=0.8, speaks=k % 2 == 0))
        if k >= 2:
            rows.append(face_row(file, 1, a, b, "angry", p=0.55, speaks=False))
    rows += [clip_row(file, 0, 4, "happy", m) for m in ("face", "audio", "face+audio")]
    seen = (person(file, 0, 0.0, 4.0, 10.0), person(file, 1, 2.0, 4.0, 80.0))
    return Result(tuple(rows), (FileStatus(file, "ok"),), ABOUT, seen)


def no_face(file: str) -> Result:
    """Sound, and no face."""
    rows = [
        Row(file, None, a, a + 2, face, model, p_of("sad"), True, "window", speech=0.5)
        for a in (0.0, 2.0)
        for model, face in (("audio", None), ("face+audio", False))
    ]
    whole = Row(file, None, 0, 4, False, "face+audio", p_of("sad"), True, "clip", speech=0.5)
    status = FileStatus(file, "no face", "no face was found")
    return Result((*rows, whole), (status,), ABOUT)


def no_voice(file: str) -> Result:
    """A face, and no sound."""
    rows = (
        Row(file, 0, 0, 4, True, "face", p_of("surprise"), None, "face", person=0, usable=1.0),
        Row(file, None, 0, 4, True, "face", p_of("surprise"), False, "clip"),
    )
    return Result(rows, (FileStatus(file, "ok"),), ABOUT, (person(file, 0, 0.0, 4.0, 10.0),))


def made_clips(folder: Path) -> Result:
    """Write the films; return the results of all."""
    stamps, size = range(0, 4000, 40), (160, 96)
    two, evil, silent = (str(folder / name) for name in ("two.mp4", EVIL, "silent.webm"))
    write_media(Path(two), stamps=_UNEVEN, size=size, audio="aac", sound=tone(4.0))
    write_media(Path(evil), stamps=stamps, size=size, audio="aac", sound=tone(4.0))
    write_media(Path(silent), video="libvpx", stamps=stamps, size=size)
    broken = Result((), (FileStatus(str(folder / "broken.mp4"), "error", "is empty"),), ABOUT)
    return Result.concatenate([two_persons(two), no_face(evil), no_voice(silent), broken])
