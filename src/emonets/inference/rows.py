"""From the features of a clip to the rows and the status of its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emonets.contracts import ALL_OF_IT, NO_TRACK, Features, Predictions, Spans, Specialist
from emonets.errors import EmoNetsError, MediaError
from emonets.inference.own_voice import own_voices
from emonets.inference.persons import Scene
from emonets.media.clip import Clip
from emonets.result import FileStatus, Row
from emonets.specialists.per_face import of_known


@dataclass(frozen=True)
class ClipRows:
    """The rows of the single specialists.

    Attributes
    ----------
    rows : all but those of the whole clip.
    by_span : for each span the rows that are about it. With one span, which is the clip, also
        the clip's own rows of specialists without single faces. Where several persons speak, also
        rows of each one's voice, with a track.
    whole : the clip's own row of each specialist.
    reasons : why a specialist found nothing, by name, where it states one.
    """

    rows: list[Row] = field(default_factory=list)
    by_span: list[list[Row]] = field(default_factory=list)
    whole: list[Row] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def rows_of(
    file: str,
    specialists: Mapping[str, Specialist],
    features: Mapping[str, Features],
    spans: Spans,
    whole: tuple[float, float],
    *,
    frames: bool = False,
    scene: Scene | None = None,
) -> ClipRows:
    """Rows of each specialist by itself.

    Parameters
    ----------
    file : as rows name it.
    features : by name; specialists without any are left out.
    spans : of the windows, seconds. whole : of the clip.
    frames : whether to add a row a face picture.
    scene : the persons of the clip and who speaks; None: neither is known.
    """
    scene = Scene() if scene is None else scene
    out = ClipRows(by_span=[[] for _ in spans])
    for name, specialist in specialists.items():
        if name not in features:
            continue
        several = spans if specialist.per_face or len(spans) > 1 else []
        predictions = specialist.predict(features[name], several)
        if specialist.per_face:
            predictions = scene.weigh(specialist, features[name], predictions, *whole)
        if predictions.reason:
            out.reasons[name] = predictions.reason
        if frames and specialist.per_face:
            out.rows.extend(map(scene.complete, _frame_rows(file, name, features[name])))
        for number, made in _rows(file, specialist, predictions, whole):
            row = scene.complete(made)
            if number == ALL_OF_IT:
                out.whole.append(row)
                if len(spans) == 1 and not specialist.per_face:
                    out.by_span[0].append(row)
            else:
                out.by_span[number].append(row)
                out.rows.append(row)
    for rows in out.by_span:
        rows.extend(own_voices(scene, specialists, features, rows))
    return out


def _rows(
    file: str, specialist: Specialist, made: Predictions, whole: tuple[float, float]
) -> Iterator[tuple[int, Row]]:
    """Position of the span, or `ALL_OF_IT`, and the row of each prediction."""
    column = f"{specialist.finds}_found"  # of the row
    for i, (number, track) in enumerate(zip(made.span.tolist(), made.track.tolist(), strict=True)):
        start, end = float(made.start[i]), float(made.end[i])
        level = "face" if specialist.per_face else "window"
        if number == ALL_OF_IT:
            level = "clip"
        if not specialist.per_face:
            start, end = whole if number == ALL_OF_IT else (start, min(end, whole[1]))
        flags: dict[str, Any] = {"face_found": None, column: bool(made.found[i])}
        yield number, Row(
            file=file, track=None if track == NO_TRACK else track, start=start, end=end,
            model=specialist.name, probabilities=tuple(map(float, made.p[i])), level=level,
            **flags,
        )  # fmt: skip


def _frame_rows(file: str, name: str, features: Features) -> Iterator[Row]:
    """A row a face picture."""
    features = of_known(features)
    step = float(features["step"])
    for time, track, p in zip(
        features["time"], features["track"], features["probabilities"], strict=True
    ):
        yield Row(
            file, int(track), float(time), float(time) + step, True, f"{name}/frame",
            tuple(map(float, p)), level="frame",
        )  # fmt: skip


def clip_status(
    file: str, clip: Clip, clip_rows: Sequence[Row], reasons: Mapping[str, str] | None = None
) -> FileStatus:
    """The status of a clip that could be read, from its own rows.

    Parameters
    ----------
    reasons : why a specialist found nothing; see `ClipRows`.
    """
    notes = [*clip.notes, *clip.warnings]
    status = "damaged" if clip.damaged else "ok"
    face = next((row for row in clip_rows if row.face_found is not None), None)
    sound = next((row for row in clip_rows if row.sound_found is not None), None)
    found = [row.model for row in clip_rows if row.found]
    rest = f"the answer rests on {' and '.join(found)}" if found else "all probabilities are 1/7"
    if sound is not None and not sound.sound_found and sound.model in (reasons or {}):
        notes.insert(0, f"{(reasons or {})[sound.model]}; {rest}")
        if face is None:
            status = "no speech"
    elif sound is not None and not sound.sound_found:
        what = "there is no sound"
        if clip.info.has_sound:
            what = "no usable sound was found" if clip.damaged else "the sound is silent"
        if face is None:
            status = "no sound"
        if face is None or clip.info.has_sound:
            notes.insert(0, f"{what}: {rest}")
    if face is not None and not face.face_found:
        status = "no face"
        notes.insert(0, f"no face was found in any frame: {rest}")
    motion = [row for row in clip_rows if row.motion_found is not None]
    if motion and not motion[0].motion_found:
        if len(motion) == len(clip_rows):
            status = "no motion"
        notes.append(f"no motion could be described: {rest}")
    return FileStatus(file, status, "; ".join(notes))


def status_of(error: EmoNetsError, file: str | None = None) -> FileStatus:
    """The status of a file that failed; its message does not repeat the file's name."""
    if not isinstance(error, MediaError):
        return FileStatus(str(file), "error", str(error))
    text = error.reason + (f"; {error.hint}" if error.hint else "")
    if file is not None and error.path != file:  # it was another one, such as a crop
        text = f"{error.path}: {text}"
    return FileStatus(file or error.path, "error", text)
