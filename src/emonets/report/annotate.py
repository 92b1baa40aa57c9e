"""A film with what was predicted drawn into it: boxes, persons, labels and seven bars."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError, MediaError, ParameterError
from emonets.media.clip import Clip, Frame, SoundChunk, open_clip
from emonets.media.limits import Limits
from emonets.media.turned import turns_in
from emonets.person_seen import PersonSeen
from emonets.report.film_writer import KINDS, FilmWriter, even_size, film_file, fitted, kinds, play
from emonets.report.lettering import put, shortened, width_of
from emonets.report.proxy import cannot_write
from emonets.result import UNCERTAIN, Result, Row
from emonets.result_html import LABEL_COLOURS
from emonets.result_tables import shown_rows

LEAST_HEIGHT, LONG_SIDE = 360, 1280
"""Pixels: smaller pictures are made larger so that text can be read, larger ones smaller."""
_FAR = 0.75
"""Seconds between two boxes of a person beyond which it is not seen in between."""
_NEAR = 0.25
"""Seconds around a lone box in which it is shown."""
_PAPER, _INK, _FAINT, _TRACK = (24, 26, 31), (240, 240, 240), (160, 164, 172), (58, 62, 70)
_NOBODY = "no face"

Colour = tuple[int, int, int]


class Boxes:
    """Where a person is seen at any time, between the times of `PersonSeen`."""

    def __init__(self, seen: PersonSeen) -> None:
        order = np.argsort(seen.times, kind="stable")
        self._times = np.asarray(seen.times, np.float64)[order]
        self._boxes = np.asarray(seen.boxes, np.float64).reshape(-1, 4)[order]

    def at(self, time: float) -> NDArray[np.float64] | None:
        """(4,) left, top, right, bottom in pixels of the frame; None where it is not seen."""
        times = self._times
        if not len(times):
            return None
        i = int(np.searchsorted(times, time))
        if 0 < i < len(times) and times[i] - times[i - 1] <= _FAR:
            part = (time - times[i - 1]) / max(times[i] - times[i - 1], 1e-9)
            return np.asarray((1 - part) * self._boxes[i - 1] + part * self._boxes[i])
        near = min(
            (k for k in (i - 1, i) if 0 <= k < len(times)), key=lambda k: abs(times[k] - time)
        )
        return self._boxes[near] if abs(times[near] - time) <= _NEAR else None


class Annotator:
    """Draws one clip's result into its pictures, and a panel of bars beside them.

    Parameters
    ----------
    rows, persons : of the clip.
    size : (width, height) of the pictures as they are drawn, pixels.
    names : of persons by their number; others are called "person 0".
    """

    def __init__(
        self,
        rows: Sequence[Row],
        persons: Sequence[PersonSeen],
        size: tuple[int, int],
        names: Mapping[int, str] | None = None,
    ) -> None:
        self._size, self._names = size, dict(names or {})
        self._letters = max(13, round(size[1] / 30))
        self._boxes = {seen.person: Boxes(seen) for seen in persons}
        self._rows: dict[int | None, list[Row]] = {}
        for row in shown_rows(rows):
            self._rows.setdefault(row.person, []).append(row)
        self._panel: tuple[object, NDArray[np.uint8]] | None = None
        self.panel_width = self._letters * 13 // 2 * 2
        """Pixels of the panel, at the right of the picture."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture with its panel."""
        return self._size[0] + self.panel_width, self._size[1]

    def draw(self, frame: Frame) -> NDArray[np.uint8]:
        """The picture with its boxes and the panel, (h, w, 3) RGB."""
        width, height = self._size
        out = np.empty((height, width + self.panel_width, 3), np.uint8)
        out[:, :width] = fitted(frame.image, self._size)
        picture = out[:, :width]
        h, w = frame.image.shape[:2]
        scale = min(width / w, height / h)
        offset = np.array([(width - w * scale) / 2, (height - h * scale) / 2] * 2)
        shown: list[tuple[int | None, Row | None]] = []
        taken: list[tuple[int, int, int, int]] = []
        for person in sorted(self._boxes):
            box = self._boxes[person].at(frame.time)
            if box is None:
                continue
            row = self._row(person, frame.time)
            shown.append((person, row))
            self._draw_box(picture, box * scale + offset, self._title(person, row), row, taken)
        if not shown:
            shown = [(None, self._row(None, frame.time))]
        out[:, width:] = self._panel_of(shown)
        return out

    def _row(self, person: int | None, time: float) -> Row | None:
        """The window around a time; of several, the one whose middle is nearest."""
        covering = [r for r in self._rows.get(person, ()) if r.start <= time < r.end]
        return min(covering, key=lambda r: abs(r.start + r.end - 2 * time), default=None)

    def _name(self, person: int | None, row: Row | None) -> str:
        if person is None:
            return _NOBODY if row is None or row.face_found is not None else "sound"
        return shortened(self._names.get(person) or f"person {person}", 24)

    def _title(self, person: int, row: Row | None) -> str:
        name = self._name(person, row)
        if row is None or row.label is None:
            return name
        return f"{name}: {row.label} {max(row.probabilities):.0%}"

    def _draw_box(
        self,
        picture: NDArray[np.uint8],
        box: NDArray[np.float64],
        title: str,
        row: Row | None,
        taken: list[tuple[int, int, int, int]],
    ) -> None:
        """A box of the label's colour with a dark edge, and its title where there is room."""
        left, top, right, low = (int(v) for v in np.clip(np.round(box), -9999, 99999))
        thick = max(2, self._letters // 7)
        colour = colour_of(row)
        cv2.rectangle(picture, (left, top), (right, low), (0, 0, 0), thick + 2)
        cv2.rectangle(picture, (left, top), (right, low), colour, thick)
        size = self._letters
        wide, high = width_of(title, size) + size // 2 * 2, round(size * 1.5)
        x = min(max(left - thick, 0), max(0, self._size[0] - wide))
        places = [top - high, low, max(top, 0)]
        room = [y for y in places if 0 <= y <= self._size[1] - high]
        free = [y for y in room if not any(
            x < b and a < x + wide and y < d and c < y + high for a, c, b, d in taken)]  # fmt: skip
        y = next(iter(free or room), 0)
        taken.append((x, y, x + wide, y + high))
        cv2.rectangle(picture, (x, y), (x + wide - 1, y + high - 1), colour, -1)
        put(picture, title, (x + size // 2, y + round(size * 0.1)), size, ink_on(colour))

    def _panel_of(self, shown: Sequence[tuple[int | None, Row | None]]) -> NDArray[np.uint8]:
        """The panel; it changes only with a window or a person."""
        key = tuple((person, id(row)) for person, row in shown)
        if self._panel is None or self._panel[0] != key:
            self._panel = (key, self._draw_panel(shown))
        return self._panel[1]

    def _draw_panel(self, shown: Sequence[tuple[int | None, Row | None]]) -> NDArray[np.uint8]:
        size, height = self._letters, self._size[1]
        out = np.full((height, self.panel_width, 3), _PAPER, np.uint8)
        gap, small = size // 2, max(10, round(size * 0.8))
        line = round(small * 1.35)
        each = round(size * 1.5) * 2 + line * len(EMOTIONS) + gap
        most = max(1, (height - gap) // each)
        if len(shown) > most:
            most = max(1, (height - gap - line) // each)
        y = gap
        for person, row in shown[:most]:
            put(out, self._name(person, row), (gap, y), size, _INK)
            y += round(size * 1.5)
            label = "nothing found" if row is None or row.label is None else row.label
            colour = colour_of(row)
            wide = min(width_of(label, small) + gap, self.panel_width - 2 * gap)
            cv2.rectangle(out, (gap, y), (gap + wide, y + line), colour, -1)
            put(out, label, (gap + gap // 2, y + line // 10), small, ink_on(colour))
            y += round(size * 1.5)
            self._draw_bars(out, y, row, small, line)
            y += line * len(EMOTIONS) + gap
        if len(shown) > most:
            put(out, f"and {len(shown) - most} more", (gap, y), small, _FAINT)
        return out

    def _draw_bars(
        self, out: NDArray[np.uint8], y: int, row: Row | None, small: int, line: int
    ) -> None:
        gap = self._letters // 2
        first = gap + max(width_of(name, small) for name in EMOTIONS) + gap
        whole = max(8, self.panel_width - gap - first)
        for i, name in enumerate(EMOTIONS):
            top = y + i * line
            found = row is not None and row.found
            put(out, name, (gap, top), small, _INK if found else _FAINT)
            low, high = top + line // 5, top + line - line // 5
            cv2.rectangle(out, (first, low), (first + whole - 1, high), _TRACK, -1)
            if found and row is not None:
                bar = round(row.probabilities[i] * whole)
                if bar > 0:
                    cv2.rectangle(out, (first, low), (first + bar - 1, high), rgb(name), -1)


def rgb(label: str) -> Colour:
    """The colour of a label."""
    red, green, blue = (int(LABEL_COLOURS[label][i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def colour_of(row: Row | None) -> Colour:
    """The colour of a row's label; grey without one."""
    if row is None or row.label is None:
        return _FAINT
    return rgb(UNCERTAIN if row.uncertain else row.label)


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = colour
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else (255, 255, 255)


class _Draw:
    """Hands drawn pictures and the sound to a writer."""

    def __init__(
        self, writer: FilmWriter, annotator: Annotator, on_frame: Callable[[Frame], None] | None
    ) -> None:
        self._writer, self._annotator, self._on_frame = writer, annotator, on_frame

    def push_frame(self, frame: Frame) -> None:
        self._writer.push_frame(frame.time, self._annotator.draw(frame), frame.duration)
        if self._on_frame is not None:
            self._on_frame(frame)

    def push_sound(self, chunk: SoundChunk) -> None:
        self._writer.push_sound(chunk)


def drawn_size(width: int, height: int) -> tuple[int, int]:
    """The size of a clip's pictures in its annotated film: even, large enough to read.

    Examples
    --------
    >>> drawn_size(1920, 1080), drawn_size(160, 120)
    ((1280, 720), (480, 360))
    """
    scale = max(1.0, LEAST_HEIGHT / height)
    return even_size(round(width * scale), round(height * scale), LONG_SIDE)


def annotate(
    result: Result,
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    file: str | None = None,
    names: Mapping[int, str] | None = None,
    limits: Limits = Limits(),
    frame_rate: float | None = None,
    video_stream: int | None = None,
    audio_stream: int | None = None,
    on_frame: Callable[[Frame], None] | None = None,
) -> Path:
    """Write an mp4 of a clip with its result drawn into it, and its sound.

    Each person has a box with its name, label and certainty, and seven bars in a panel at the
    right. These are of the window around each picture. Boxes are interpolated between the times
    of `PersonSeen`. Where no face is seen, the panel has what was predicted of the window, mostly
    from its sound. The pictures keep their times; the sound is mono. The clip is decoded once.

    Parameters
    ----------
    result : of the clip, alone or with others. path : of the clip.
    out : the file; it ends in ``.mp4``. It is whole or not there.
    file : as the result names the clip; by default the path.
    names : of persons by number.
    limits, frame_rate, video_stream, audio_stream : as for `emonets.media.clip.open_clip`.
    on_frame : called for every frame, for progress.

    Returns
    -------
    The path of the film.

    Raises
    ------
    ParameterError : the result has no such clip; ``out`` is no mp4 or the clip itself.
    MediaError : the clip has no moving pictures, or cannot be decoded.
    EmoNetsError : no encoder is here, or the file cannot be written.

    Examples
    --------
    >>> annotate(emonets.predict("talk.mp4"), "talk.mp4", "talk-seen.mp4")  # doctest: +SKIP
    """
    target, own = Path(out), os.fspath(path) if file is None else file
    if target.suffix.lower() != ".mp4":
        raise ParameterError(f"{target}: must end in .mp4")
    status = next((s for s in result.files if s.file == own), None)
    if status is None:
        raise ParameterError(f"{own}: is not in the result; give a clip that was predicted")
    clip = open_clip(
        Path(path), limits=limits, frame_rate=frame_rate,
        video_stream=video_stream, audio_stream=audio_stream,
    )  # fmt: skip
    clip.turn(turns_in(status.message))
    check_moving(clip)
    if target.exists() and target.samefile(clip.info.path):
        raise ParameterError(f"{target}: is the clip itself; choose another file")
    annotator = Annotator(
        [row for row in result.rows if row.file == own],
        [seen for seen in result.persons if seen.file == own],
        drawn_size(clip.info.width, clip.info.height), names,
    )  # fmt: skip
    for kind in kinds(sound=clip.info.has_sound, ways=[k for k in KINDS if k.suffix == ".mp4"]):
        rate = clip.info.frame_rate if math.isfinite(clip.info.frame_rate) else 25.0
        about = {
            "sound": clip.info.has_sound, "rate": min(max(rate, 1.0), 240.0),
            "options": {"crf": "21"} if kind.video == "libx264" else {},
        }  # fmt: skip
        try:
            with film_file(target, kind, annotator.size, **about) as writer:
                play(clip, _Draw(writer, annotator, on_frame))
        except (av.FFmpegError, OSError) as error:
            raise (
                cannot_write(target, error) if isinstance(error, OSError) and error.errno
                else EmoNetsError(f"{target}: could not be encoded ({error}); report this clip")
            ) from None  # fmt: skip
        return target
    raise EmoNetsError(
        f"{target}: this computer's FFmpeg has no encoder for mp4 (libx264 or libopenh264, and "
        "aac); install PyAV from PyPI (pip install av)"
    )


def check_moving(clip: Clip) -> None:
    """Refuse a clip of which no annotated film can be made.

    Raises
    ------
    MediaError : it has no pictures, or it is a single one.
    """
    info = clip.info
    if not info.has_frames:
        raise MediaError(info.path, "has no pictures to draw into", "use emonets report for sound")
    if math.isnan(info.frame_rate) and not info.has_sound and info.duration == 0:
        raise MediaError(info.path, "is a single picture", "use emonets report for pictures")
