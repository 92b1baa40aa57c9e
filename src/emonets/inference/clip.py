"""One clip: a pass over it, its persons and their speech, and the rows of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emonets.contracts import FRAMES, SOUND, TUBES, Features, Spans, Specialist
from emonets.fusion.named import Known, NamedFusion
from emonets.inference.combine import combine_clip, combine_windows
from emonets.inference.persons import Scene
from emonets.inference.rows import clip_status, rows_of
from emonets.inference.scene import readers_for, scene_of, with_joined_tracks
from emonets.inference.windows import Windows, outside, spans_of, whole_span
from emonets.media.clip import Clip, Frame
from emonets.one_pass import Pass, read_clip
from emonets.result import FileStatus, PersonSeen, Row
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike


@dataclass(frozen=True)
class Reading:
    """What a pass over a clip found.

    Attributes
    ----------
    clip : it, with its warnings. specialists : those that are used.
    features : of each of them. scene : the persons and their speech.
    start, end : of the clip, seconds. persons : where they are seen.
    pauses : long ones, in which no window lies; seconds.
    """

    clip: Clip
    specialists: Mapping[str, Specialist]
    features: Mapping[str, Features]
    scene: Scene
    start: float
    end: float
    persons: tuple[PersonSeen, ...] = ()
    pauses: Spans = ()


def read(
    clip: Clip,
    specialists: Mapping[str, Specialist],
    *,
    file: str,
    stride: int = 1,
    detector: DetectorLike = "auto",
    crops: Path | None = None,
    device: str = "cpu",
    embeddings: bool = False,
    on_frame: Callable[[Frame], None] | None = None,
    pass_over: Callable[..., Pass] = read_clip,
) -> Reading:
    """Read a clip once, for all these specialists and for its scene.

    Parameters
    ----------
    specialists : by name, in the order of results. Those of pictures are left out where the clip
        has none.
    file : as the result names the clip.
    stride, detector, crops : as in `emonets.model.EmoNets.predict`.
    embeddings : whether persons keep their embedding.
    pass_over : `emonets.one_pass.read_clip`, or what returns the same without decoding again.

    Raises
    ------
    MediaError : the clip cannot be decoded.
    """
    used = {
        name: part for name, part in specialists.items()
        if clip.info.has_frames or not needs_pictures(part)
    }  # fmt: skip
    readers = {name: part.open(device=device) for name, part in used.items()}
    found = pass_over(
        clip, {**readers, **readers_for(used, clip)}, detector=detector, stride=stride,
        crops=None if crops is None else CropFolder(crops), on_frame=on_frame,
    )  # fmt: skip
    found = with_joined_tracks(found)
    sound = next((found.features[n] for n, s in used.items() if SOUND in s.needs), None)
    start, end = whole_span(
        found.pictures.span if any(map(needs_pictures, used.values())) else None,
        None if sound is None else (float(sound["span"][0]), float(sound["span"][1])),
        loud=sound is not None and bool(sound["found"]),
    )
    scene, persons = scene_of(file, clip, used, found, embeddings=embeddings)
    return Reading(clip, used, found.features, scene, start, end, persons, found.pauses)


def predict_rows(
    reading: Reading,
    fusion: NamedFusion | None = None,
    *,
    file: str,
    window: Windows = "auto",
    hop: float | None = None,
    frames: bool = False,
) -> tuple[list[Row], FileStatus]:
    """The rows of a clip, and its status.

    Parameters
    ----------
    fusion : fitted; None: the product of the predictions.
    file : as rows name the clip.
    window, hop, frames : as in `emonets.model.EmoNets.predict`.
    """
    used, scene, whole_clip = reading.specialists, reading.scene, (reading.start, reading.end)
    spans = outside(spans_of(*whole_clip, window, hop), reading.pauses)
    made = rows_of(file, used, reading.features, spans, whole_clip, frames=frames, scene=scene)
    rows, whole = made.rows, made.whole
    known: Known = {name: part.known_classes for name, part in used.items()}
    several = len(whole) > 1
    # one face in one window is as the clip; and without other evidence faces stay as they are
    faces_differ = sum(map(len, scene.tracks.values())) > 1 and sum(row.found for row in whole) > 1
    if several and (len(spans) > 1 or faces_differ):
        faces = any(part.per_face for part in used.values())
        rows += combine_windows(made.by_span, list(used), fusion, known, faces=faces)
    rows += whole
    if several:
        alone = None
        if scene.voice_is_unseen(*whole_clip):
            alone = next(name for name, part in used.items() if part.per_face)
        rows.append(scene.complete(combine_clip(whole, fusion, known, alone=alone)))
    return rows, clip_status(file, reading.clip, whole, made.reasons)


def needs_pictures(specialist: Specialist) -> bool:
    """Whether a specialist rests on the pictures of a clip."""
    return not specialist.needs.isdisjoint((TUBES, FRAMES))
