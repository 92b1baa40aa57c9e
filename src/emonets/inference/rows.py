"""From what the specialists find in a clip to the rows and the status of its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emonets.errors import EmoNetsError, MediaError
from emonets.inference.windows import Spans
from emonets.media.clip import Clip
from emonets.result import FileStatus, Row
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.audio.specialist import AudioSpecialist, Sound
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.tubes.tube_pass import Features

Specialist = FaceSpecialist | AudioSpecialist | ActivitySpecialist | MouthSpecialist


def everything_said(
    file: str,
    specialists: Mapping[str, Specialist],
    seen: Mapping[str, Features],
    clip: Clip,
    sound: Sound | None,
    spans: Spans,
    whole: tuple[float, float],
    frames: bool,
    device: str,
) -> tuple[list[Row], list[list[Row]], list[Row]]:
    """What each specialist says by itself.

    Parameters
    ----------
    seen : features of those that look, by name; none where the clip has no pictures.
    sound : of the clip, where one listens.
    frames : whether there is to be a row a face picture, too.

    Returns
    -------
    All rows but the clip's own; of these, for each span, those that are about it; and the answers,
    the clip's own row of each specialist.
    """
    rows: list[Row] = []
    pieces: list[list[Row]] = [[] for _ in spans]
    answers: list[Row] = []
    for name, part in specialists.items():
        if isinstance(part, AudioSpecialist):
            assert sound is not None
            said, answer = audio_rows(file, part, clip, sound, spans, whole, device)
        elif name not in seen:
            continue
        elif isinstance(part, ActivitySpecialist):
            said, answer = activity_rows(file, part, seen[name], spans, whole)
        else:
            if frames:
                rows += _frame_rows(file, name, seen[name])
            said = face_rows(file, part, seen[name], spans)
            answer = face_answer(file, part, seen[name])
        for piece, some in zip(pieces, said, strict=True):
            piece.extend(some)
            rows += some
        answers.append(answer)
    return rows, pieces, answers


def face_rows(
    file: str,
    face: FaceSpecialist | MouthSpecialist,
    features: Features,
    spans: Spans,
) -> list[list[Row]]:
    """For each window a row a face."""
    end = float(features["span"][1])
    features = _known(features)
    pieces: list[list[Row]] = []
    for begin, stop in spans:
        rows: list[Row] = []
        pieces.append(rows)
        inside = (features["time"] >= begin) & (features["time"] < stop)
        for track in np.unique(features["track"][inside]):
            part = _take(features, inside & (features["track"] == track))
            p = face.predict_proba(part)[0]
            first, last = part["time"][0], part["time"][-1]
            rows.append(
                Row(
                    file, int(track), float(first),
                    float(min(last + features["step"], max(end, last))),
                    True, face.name, tuple(map(float, p)), level="face",
                )
            )  # fmt: skip
    return pieces


def face_answer(file: str, face: FaceSpecialist | MouthSpecialist, features: Features) -> Row:
    """What the faces, or the mouths, of the whole clip say."""
    start, end = map(float, features["span"])
    found = bool(len(features["probabilities"])) and bool(np.any(features.get("known", True)))
    p = face.predict_proba(features)[0]
    return Row(file, None, start, end, found, face.name, tuple(map(float, p)))


def activity_rows(
    file: str,
    activity: ActivitySpecialist,
    features: Features,
    spans: Spans,
    whole: tuple[float, float],
) -> tuple[list[list[Row]], Row]:
    """For each window a row, where there are several, and the row of the clip."""
    rows: list[list[Row]] = [[] for _ in spans]
    if len(spans) > 1:
        edges = np.searchsorted(features["time"], np.asarray(spans))
        p = activity.predict_spans(features, spans)
        rows = [
            [Row(
                file, None, a, min(b, whole[1]), None, activity.name, tuple(map(float, row)),
                level="window", motion_found=bool(last > first),
            )]
            for (a, b), (first, last), row in zip(spans, edges, p, strict=True)
        ]  # fmt: skip
    answer = activity.predict_proba(features)[0]
    return rows, Row(
        file, None, *whole, None, activity.name, tuple(map(float, answer)),
        motion_found=bool(features["found"]),
    )  # fmt: skip


def audio_rows(
    file: str,
    audio: AudioSpecialist,
    clip: Clip,
    sound: Sound,
    spans: Spans,
    whole: tuple[float, float],
    device: str,
) -> tuple[list[list[Row]], Row]:
    """For each window a row, where there are several, and the row of the clip."""
    several = spans if len(spans) > 1 else []
    *p, answer = audio.listen(clip, sound, [*several, (sound.start, sound.end)], device=device)
    rows = [
        [Row(
            file, None, a, min(b, whole[1]), None, audio.name, tuple(map(float, row)),
            sound.heard(a, b), "window",
        )]
        for (a, b), row in zip(several, p, strict=True)
    ]  # fmt: skip
    whole_row = Row(file, None, *whole, None, audio.name, tuple(map(float, answer)), sound.found)
    return rows or [[] for _ in spans], whole_row


def _frame_rows(file: str, name: str, features: Features) -> Iterator[Row]:
    """A row a face picture."""
    features = _known(features)
    step = float(features["step"])
    for time, track, p in zip(
        features["time"], features["track"], features["probabilities"], strict=True
    ):
        yield Row(
            file, int(track), float(time), float(time) + step, True, f"{name}/frame",
            tuple(map(float, p)), level="frame",
        )  # fmt: skip


def _known(features: Features) -> Features:
    """Without the mouths that say nothing."""
    return _take(features, features["known"]) if "known" in features else features


def _take(features: Features, mask: Any) -> Features:
    whole = ("span", "step")
    return {key: value if key in whole else value[mask] for key, value in features.items()}


def verdict(file: str, clip: Clip, answers: Sequence[Row]) -> FileStatus:
    """How a clip fared that could be read."""
    notes = list(clip.warnings)
    status = "damaged" if clip.damaged else "ok"
    looked = next((row for row in answers if row.face_found is not None), None)
    listened = next((row for row in answers if row.sound_found is not None), None)
    if listened is not None and not listened.sound_found:
        what = "there is no sound"
        if clip.info.has_sound:
            what = "nothing was heard in the sound" if clip.damaged else "the sound is silent"
        if looked is None:
            status = "no sound"
        if looked is None or clip.info.has_sound:
            notes.insert(0, f"{what}: its probabilities are 1/7 each")
    if looked is not None and not looked.face_found:
        status = "no face"
        notes.insert(0, "no face was found in any frame: its probabilities are 1/7 each")
    moved = [row for row in answers if row.motion_found is not None]
    if moved and not moved[0].motion_found:
        if len(moved) == len(answers):
            status = "no motion"
        notes.append("no motion could be described: its probabilities are 1/7 each")
    return FileStatus(file, status, "; ".join(notes))


def status_of(error: EmoNetsError, file: str | None = None) -> FileStatus:
    """The status of a file that failed; its name is told once."""
    if not isinstance(error, MediaError):
        return FileStatus(str(file), "error", str(error))
    text = error.reason + (f"; {error.hint}" if error.hint else "")
    if file is not None and error.path != file:  # it was another one, such as a crop
        text = f"{error.path}: {text}"
    return FileStatus(file or error.path, "error", text)
