"""The faces of one picture, without a clip around it: what `emonets.look` returns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import Features, Specialist
from emonets.emotions import EMOTIONS
from emonets.errors import MediaError, ParameterError
from emonets.fusion.named import NamedFusion
from emonets.inference.combine import calibrated
from emonets.inference.rows import rows_of
from emonets.media.arrays import as_picture
from emonets.media.find import check_path
from emonets.media.held import is_folder, open_file
from emonets.media.images import HEAD, is_image, read_image
from emonets.media.limits import Limits
from emonets.media.memory import open_picture
from emonets.one_pass import Pictures
from emonets.tubes.boxes import Detections, Detector
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.centerface import CenterFace
from emonets.tubes.detect import DetectorLike, SensitiveDetector, load_detector
from emonets.tubes.tube import FaceTube
from emonets.tubes.upright import set_upright

NAME = "face"
"""The specialist that is used."""


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    Attributes
    ----------
    box : left, top, width and height of the square around it, in pixels of the picture; it may
        reach beyond the picture.
    label : the most probable emotion.
    probabilities : seven numbers in the order of ``emonets.EMOTIONS`` that sum to one.
    score : 0..1, how sure the detector is that this is a face.
    turned : degrees by which the picture was turned clockwise first, for its faces lay on their
        side or head. The box is that of the picture as it was given.

    Examples
    --------
    >>> face = emonets.Face((0, 0, 9, 9), "happy", (0, 0, 0, 1, 0, 0, 0), score=0.9)
    >>> face.label
    'happy'
    """

    box: tuple[float, float, float, float]
    label: str
    probabilities: tuple[float, ...]
    score: float
    turned: int = 0

    def to_dict(self) -> dict[str, Any]:
        """A flat row: ``x``, ``y``, ``w``, ``h``, ``label``, ``score``, and the emotions.

        Examples
        --------
        >>> face = emonets.Face((0, 0, 9, 9), "happy", (0, 0, 0, 1, 0, 0, 0), score=0.9)
        >>> face.to_dict()["w"]
        9
        """
        return {
            **dict(zip("xywh", self.box, strict=True)),
            "label": self.label,
            "score": self.score,
            **dict(zip(EMOTIONS, self.probabilities, strict=True)),
        }


class _Still(CenterFace):
    """The default detector, of each picture by itself; a picture twice in a row costs one run."""

    def __init__(self) -> None:
        super().__init__()
        self._picture: NDArray[np.uint8] | None = None
        self._found: Detections | None = None

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of a picture, at the finest size."""
        if self._found is None or image is not self._picture:
            self.reset()
            self._picture, self._found = image, super().detect(image)
        return self._found


def look(
    image: Any,
    specialists: Mapping[str, Specialist],
    fusion: NamedFusion | None,
    *,
    bgr: bool = False,
    detector: DetectorLike = "auto",
    device: str = "cpu",
    where: str = "image",
) -> list[Face]:
    """The faces of one picture; see `emonets.model.EmoNets.look`.

    Parameters
    ----------
    specialists, fusion : of the model. where : how messages name the picture.
    """
    specialist = specialists.get(NAME)
    if specialist is None:
        raise ParameterError(
            f"a single picture needs the {NAME} model, and this model has "
            f"{', '.join(specialists)}; load a bundle with {NAME}"
        )
    clip = open_picture(_picture_of(image, bgr, where))
    faces: Detector = _Still() if detector in ("auto", "centerface") else load_detector(detector)
    set_upright(clip, faces)
    frame = next(clip.frames())
    reset = getattr(faces, "reset", None)
    if reset is not None:
        reset()
    tubes = _tubes(frame, faces) or _tubes(frame, SensitiveDetector())
    reader = specialist.open(device=device)
    for tube in tubes:
        reader.push_tube(tube)
    pictures = Pictures()
    pictures.add(frame.time)
    features = reader.finish() | pictures.about()
    still = (frame.time, frame.time)
    rows = rows_of(where, {NAME: specialist}, {NAME: features}, [still], still).rows
    turned, size = clip.turned, frame.image.shape[:2]
    return [
        Face(
            _box(features, int(row.track or 0), turned, size), str(row.label), row.probabilities,
            float(features["score"][features["track"] == row.track][0]), 90 * turned,
        )
        for row in calibrated(rows, fusion)
    ]  # fmt: skip


def _tubes(frame: Any, detector: Detector) -> list[FaceTube]:
    builder = TubeBuilder()
    return [*builder.add(frame, detector.detect(frame.image)), *builder.finish()]


def _picture_of(image: Any, bgr: bool, where: str) -> NDArray[np.uint8]:
    if not isinstance(image, str | os.PathLike):
        return as_picture(image, bgr=bgr, where=where)
    limits = Limits()
    path = check_path(Path(image), max_bytes=limits.max_bytes)
    if is_folder(path):
        raise MediaError(path, "is a folder", "give single pictures")
    try:
        with open_file(path) as file:
            head = file.read(HEAD)
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from error
    if not is_image(head):
        raise MediaError(path, "is no picture that can be read", "give films and sound to predict")
    return read_image(path, max_pixels=limits.max_pixels)


def _box(
    features: Features, track: int, turned: int, size: tuple[int, ...]
) -> tuple[float, float, float, float]:
    """Left, top, width and height in the picture as it was before it was turned.

    Parameters
    ----------
    turned : clockwise quarter turns. size : (height, width) of the turned picture.
    """
    left, top, right, bottom = map(float, features["boxes"][features["track"] == track][0])
    height, width = size
    if turned == 1:
        left, top, right, bottom = top, width - right, bottom, width - left
    elif turned == 2:
        left, top, right, bottom = width - right, height - bottom, width - left, height - top
    elif turned == 3:
        left, top, right, bottom = height - bottom, left, height - top, right
    return left, top, right - left, bottom - top
