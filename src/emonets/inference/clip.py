"""One clip: a pass over it, its persons and their speech, and the rows of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emonets.contracts import FRAMES, SOUND, TUBES, Specialist
from emonets.fusion.named import Known, NamedFusion
from emonets.inference.combine import combine_clip, combine_windows
from emonets.inference.rows import clip_status, rows_of
from emonets.inference.scene import readers_for, scene_of
from emonets.inference.windows import Windows, spans_of, whole_span
from emonets.media.clip import Clip, Frame
from emonets.one_pass import read_clip
from emonets.result import FileStatus, PersonSeen, Row
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike


@dataclass(frozen=True)
class Predicted:
    """What a clip's result is made of: its rows, its status and its persons."""

    rows: list[Row]
    status: FileStatus
    persons: tuple[PersonSeen, ...] = ()


def predict_rows(
    clip: Clip,
    specialists: Mapping[str, Specialist],
    fusion: NamedFusion | None = None,
    *,
    file: str,
    window: Windows = "auto",
    hop: float | None = None,
    stride: int = 1,
    detector: DetectorLike = "auto",
    frames: bool = False,
    crops: Path | None = None,
    device: str = "cpu",
    on_frame: Callable[[Frame], None] | None = None,
) -> Predicted:
    """Read a clip once and predict it with all these specialists.

    Parameters
    ----------
    specialists : by name, in the order of results. Those of pictures are left out where the clip
        has none.
    fusion : fitted; None: the product of the predictions.
    file : as rows name the clip.
    window, hop, stride, detector, frames, crops : as in `emonets.model.EmoNets.predict`.

    Raises
    ------
    MediaError : the clip cannot be decoded.
    """
    used = {
        name: part for name, part in specialists.items()
        if clip.info.has_frames or not needs_pictures(part)
    }  # fmt: skip
    readers = {name: part.open(device=device) for name, part in used.items()}
    found = read_clip(
        clip, {**readers, **readers_for(used, clip)}, detector=detector, stride=stride,
        crops=None if crops is None else CropFolder(crops), on_frame=on_frame,
    )  # fmt: skip
    scene, persons = scene_of(file, used, found)
    sound = next((found.features[n] for n, s in used.items() if SOUND in s.needs), None)
    start, end = whole_span(
        found.pictures.span if any(map(needs_pictures, used.values())) else None,
        None if sound is None else (float(sound["span"][0]), float(sound["span"][1])),
        loud=sound is not None and bool(sound["found"]),
    )
    spans = spans_of(start, end, window, hop)
    made = rows_of(file, used, found.features, spans, (start, end), frames=frames, scene=scene)
    rows, whole = made.rows, made.whole
    known: Known = {name: part.known_classes for name, part in specialists.items()}
    several = len(whole) > 1
    if several and (len(spans) > 1 or len(scene.tracks) > 1):
        faces = any(part.per_face for part in used.values())
        rows += combine_windows(made.by_span, list(used), fusion, known, faces=faces)
    rows += whole
    if several:
        alone = None
        if scene.voice_is_unseen(start, end):
            alone = next(name for name, part in used.items() if part.per_face)
        rows.append(scene.complete(combine_clip(whole, fusion, known, alone=alone)))
    return Predicted(rows, clip_status(file, clip, whole), persons)


def needs_pictures(specialist: Specialist) -> bool:
    """Whether a specialist rests on the pictures of a clip."""
    return not specialist.needs.isdisjoint((TUBES, FRAMES))
