"""One clip: a pass over it, its persons and their speech, and the rows of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emonets.contracts import FRAMES, SOUND, TUBES, Features, Spans, Specialist
from emonets.errors import MediaError
from emonets.fusion.named import NamedFusion
from emonets.inference.input_pictures import input_readers, with_inputs
from emonets.inference.persons import Scene
from emonets.inference.rows import clip_status, rows_of
from emonets.inference.scene import readers_for, scene_of, with_joined_tracks
from emonets.inference.unfused import Unfused
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
    inputs: bool = False,
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
    inputs : whether persons keep pictures that specialists were given.
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
    kept = input_readers(used) if inputs and clip.info.has_frames else {}
    found = pass_over(
        clip, {**readers, **readers_for(used, clip), **kept}, detector=detector, stride=stride,
        crops=None if crops is None else CropFolder(crops), on_frame=on_frame,
    )  # fmt: skip
    return reading_of(clip, used, found, file=file, embeddings=embeddings, stride=stride)


def reading_of(
    clip: Clip,
    used: Mapping[str, Specialist],
    found: Pass,
    *,
    file: str,
    embeddings: bool = False,
    stride: int = 1,
) -> Reading:
    """What a pass found, with the persons of the clip.

    Parameters
    ----------
    used : the specialists by name. found : by their readers and those of `scene.readers_for`.
    file, embeddings, stride : as for `read`.
    """
    found = with_joined_tracks(found)
    sound = next((found.features[n] for n, s in used.items() if SOUND in s.needs), None)
    start, end = whole_span(
        found.pictures.span if any(map(needs_pictures, used.values())) else None,
        None if sound is None else (float(sound["span"][0]), float(sound["span"][1])),
        loud=sound is not None and bool(sound["found"]),
    )
    scene, persons = scene_of(file, clip, used, found, embeddings=embeddings, stride=stride)
    persons = with_inputs(persons, found.features)
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
    made, status = unfused_rows(reading, file=file, window=window, hop=hop, frames=frames)
    known = {name: part.known_classes for name, part in reading.specialists.items()}
    return made.fuse(fusion, known), status


def unfused_rows(
    reading: Reading,
    *,
    file: str,
    window: Windows = "auto",
    hop: float | None = None,
    frames: bool = False,
    baseline: tuple[float, float] | None = None,
) -> tuple[Unfused, FileStatus]:
    """The rows of a clip's specialists before they are fused, and its status.

    Parameters
    ----------
    baseline : start and end, in seconds, of a stretch whose rows are needed too.
    """
    used, scene, whole_clip = reading.specialists, reading.scene, (reading.start, reading.end)
    spans = outside(spans_of(*whole_clip, window, hop), reading.pauses)
    made = rows_of(file, used, reading.features, spans, whole_clip, frames=frames, scene=scene)
    per_face = [name for name, part in used.items() if part.per_face]
    calm: list[Row] = []
    if baseline is not None:
        # twice: of a single span, a specialist of no single face gives the row of the whole clip
        calm = rows_of(
            file, used, reading.features, [baseline] * 2, whole_clip, scene=scene
        ).by_span[0]  # fmt: skip
    return (
        Unfused.of(made, scene, list(used), per_face, whole_clip, calm),
        clip_status(file, reading.clip, made.whole, made.reasons),
    )


def needs_pictures(specialist: Specialist) -> bool:
    """Whether a specialist rests on the pictures of a clip."""
    return not specialist.needs.isdisjoint((TUBES, FRAMES))


def check_streams(clip: Clip, specialists: Mapping[str, Specialist]) -> None:
    """Refuse a clip that has nothing of what these specialists rest on.

    Raises
    ------
    MediaError : it has no pictures, or no sound, and they need them.
    """
    info = clip.info
    visual = [name for name, part in specialists.items() if needs_pictures(part)]
    audible = [name for name, part in specialists.items() if SOUND in part.needs]
    if not audible and not info.has_frames:
        raise MediaError(
            info.path, "has no video stream", f"the {visual[0]} model requires pictures"
        )
    if not visual and not info.has_sound:
        raise MediaError(info.path, "has no sound", f"the {audible[0]} model requires it")
