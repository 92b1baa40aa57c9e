"""Made-up results: one that shows all there can be, and random ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from emonets.emotions import EMOTIONS
from emonets.result import FileStatus, Result, Row

UNKNOWN = (1 / 7,) * 7


def p(label: str, most: float = 0.4) -> tuple[float, ...]:
    """Probabilities with this one as the largest."""
    return tuple(most if name == label else (1 - most) / 6 for name in EMOTIONS)


def row(
    file: str, start: float, end: float, label: str, person: int | None = None, **more: Any
) -> Row:
    """A row of a face if there is a person, and else of the audio."""
    of: dict[str, Any] = {"model": "face", "face_found": True, "level": "face"}
    if person is None:
        of = {"model": "audio", "face_found": None, "sound_found": True, "level": "window"}
    of |= {"track": person, "person": person, "probabilities": p(label)} | more
    return Row(file=file, start=start, end=end, **of)


TALK, PHOTO, SONG, BROKEN = "day 1/ Täl&k <1>.mp4", "photo.jpg", "song.wav", "broken.mp4"


def fused(start: float, end: float, label: str, person: int | None = None, **more: Any) -> Row:
    """A fused row of the clip with two persons."""
    level = "window" if person is None else "face"
    return row(TALK, start, end, label, person, model="face+audio", level=level, **more)


RESULT = Result(
    (
        row(TALK, 0.0, 1.0, "sad", 0),  # the specialist's: the fused one counts
        row(TALK, 0.0, 1.0, "angry"),
        row(TALK, 1.0, 2.0, "angry"),
        row(TALK, 2.0, 3.0, "angry", sound_found=False, probabilities=UNKNOWN),
        fused(0.0, 1.0, "happy", 0, probabilities=p("happy", 0.4)),
        fused(0.0, 1.0, "sad", 1),
        fused(1.0, 2.0, "happy", 0, probabilities=p("happy", 0.6)),
        fused(1.0, 2.0, "neutral", 1, uncertain=True),
        fused(3.0, 4.25, "happy", 0),
        fused(2.0, 3.0, "fear"),
        row(TALK, 0.0, 4.25, "sad", level="clip", model="face", face_found=True, sound_found=None),
        row(TALK, 0.0, 4.25, "angry", level="clip"),
        row(TALK, 0.0, 4.25, "happy", level="clip", model="face+audio", face_found=True),
        row(PHOTO, 0.0, 0.0, "surprise", 0),
        row(PHOTO, 0.0, 0.0, "surprise", level="clip", model="face", face_found=True,
            sound_found=None),
        row(SONG, 0.0, 2.5, "sad", level="clip"),
    ),
    (
        FileStatus(TALK, "ok"),
        FileStatus(PHOTO, "ok"),
        FileStatus(BROKEN, "error", "it cannot be read"),
        FileStatus(SONG, "ok"),
    ),
    {"emonets": "0.1", "bundle": "modern"},
)  # fmt: skip
"""Two persons who overlap in time, a pause, a window without a face, one without a sound, labels
that are uncertain; a photograph; a sound that is one window; a file without rows."""

EXPECTED = {
    TALK: {
        "Person 0": [(0, 2000, "happy"), (3000, 4250, "happy")],
        "Person 1": [(0, 1000, "sad"), (1000, 2000, "uncertain")],
        "Audio": [(0, 2000, "angry")],
        "No face": [(2000, 3000, "fear")],
        "Clip": [(0, 4250, "happy")],
    },
    SONG: {"Clip": [(0, 2500, "sad")]},
}
"""The stretches of :data:`RESULT` in milliseconds, but for the photograph."""

FILES = (
    "a.mp4", "x/a.mp4", "x/a.wav", "ä\N{GRINNING FACE}.mkv", "q\u2028 \"'<&>-->\x01.avi",
    "a\udcff.mp4", "con.mp4", "子.mp4", "tab\tname.mp4",
)  # fmt: skip
_time = st.floats(0, 30, allow_nan=False).map(lambda t: round(t, 4))


@st.composite
def rows(draw: st.DrawFn, file: str) -> Row:
    """A row of any kind; times may overlap, or have no length."""
    start, length = draw(_time), draw(st.one_of(st.just(0.0), st.floats(0, 6)))
    level = draw(st.sampled_from(["face", "window", "clip", "frame"]))
    person = draw(st.sampled_from([None, 0, 1, 7])) if level in ("face", "frame") else None
    model = draw(st.sampled_from(["face", "audio", "activity", "face+audio", "my own"]))
    found = draw(st.booleans())
    probabilities = (
        p(draw(st.sampled_from(EMOTIONS)), draw(st.floats(0.2, 1))) if found else UNKNOWN
    )
    return Row(
        file, person, start, start + length, found if level == "face" else None, model,
        probabilities, found if level != "face" else None, level, None, draw(st.booleans()),
        person=draw(st.sampled_from([person, None])),
    )  # fmt: skip


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Results of no clip, of one or of several, also of clips without rows."""
    files = draw(st.lists(st.sampled_from(FILES), max_size=4, unique=True))
    made = [one for file in files for one in draw(st.lists(rows(file), max_size=12))]
    return Result(tuple(made), tuple(FileStatus(file, "ok") for file in files))
