"""Faces that lie on their side or head: which way a clip's pictures are turned before reading.

A phone that lay flat, a scan or a lost header turn all pictures of a clip by a quarter or a half.
CenterFace finds most faces then too, but what is predicted from them is wrong. The five points of
a face show its direction: of 192 pictures (24 clips, turned all four ways) a face was found in all,
and the line from the eyes to the mouth was within 30 degrees of the right one in all but one.

The first picture with a face decides mostly, and costs one detection. Only where its faces are not
upright, pictures of the whole clip are examined.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress

import numpy as np
from numpy.typing import NDArray

from emonets.errors import MediaError
from emonets.media.clip import Clip, Frame
from emonets.media.convert import turn
from emonets.media.turned import note_of
from emonets.tubes.boxes import Detections, Detector
from emonets.tubes.centerface import CenterFace
from emonets.tubes.landmarks import MAX_ASYMMETRY, FaceLandmarker, asymmetry
from emonets.tubes.neighbourhood import cut_crop, neighbourhood
from emonets.tubes.registration import TUBE_SIZE, shape_residuals

_FIRST = (0.0, 0.2, 0.5, 1.0, 2.0, 3.5, 5.0)
"""Seconds at which a first face is searched for."""
_EXAMINED = 8
"""Pictures of a whole clip that are examined where a face is not upright."""
_SHORT = 120.0
"""A clip up to this (s) is decoded once for these pictures; a longer one is entered for each."""

_UPRIGHT = 60.0
"""Degrees; a face that leans less is upright. Registration turns it."""
_LYING = 30.0
"""Degrees; a face this close to a quarter or a half turn lies on its side or head."""
_SURE = 0.5
"""Least score of a face that counts."""
_SURER = 0.7
"""Likewise where no face was found before the picture was turned."""
_SHARE = 0.3
"""Upright faces of this share, by size and score, make a picture upright."""
_MIXED = 0.2
"""Clips with upright faces in this share of the examined pictures are not turned."""
_MAX_RESIDUAL = 3.0
"""Of a face's landmarks, as `SensitiveDetector` has it."""


def lean_of(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """By how many degrees faces lean: 0 upright, 90 the mouth right of the eyes, 180 on the head.

    Parameters
    ----------
    points : (n, 5, 2), as in `Detections`.

    Returns
    -------
    (n,), above -180 up to 180.
    """
    down = points[:, 3:].mean(axis=1) - points[:, :2].mean(axis=1)
    return np.asarray(np.degrees(np.arctan2(down[:, 0], down[:, 1])), np.float64)


def turns_of(found: Detections) -> int | None:
    """The clockwise quarter turns, 0..3, after which most faces of a picture are upright.

    None where there are no faces, or they lean in between.
    """
    if found.points is None or not len(found):
        return None
    lean = lean_of(found.points)
    side = found.boxes[:, 2] - found.boxes[:, 0]
    weight = np.where(found.scores >= _SURE, side**2 * found.scores, 0)
    near = np.round(lean / 90).astype(int)
    by_way = np.zeros(4)
    for w, way, off in zip(weight, near % 4, np.abs(lean - 90 * near), strict=True):
        by_way[way] += w * (off <= _LYING)
    by_way[0] = weight[np.abs(lean) <= _UPRIGHT].sum()
    if not by_way.any():
        return None
    return 0 if by_way[0] >= _SHARE * by_way.sum() else int(by_way[1:].argmax()) + 1


def set_upright(clip: Clip, detector: Detector) -> None:
    """Let a clip turn its pictures where their faces lie on the side or head, and note it.

    Parameters
    ----------
    detector : only CenterFace returns the points that are needed; with another nothing is done.
    """
    if not isinstance(detector, CenterFace):
        return
    # what is damaged is found by the pass that follows
    warnings, damaged = list(clip.warnings), clip.damaged
    with suppress(MediaError):
        _settle(clip, detector)
    clip.warnings[:], clip.damaged = warnings, damaged


def _settle(clip: Clip, detector: CenterFace) -> None:
    first = []
    turns: int | None = None
    with closing(_frames_at(clip, _FIRST, from_first=True)) as frames:
        for frame in frames:
            turns = turns_of(_detect(detector, frame.image))
            if turns == 0:
                return
            first.append(frame.image)
            if turns is not None:
                break
    check = _Check(detector)
    # no face at all: it may be found in turned pictures only
    if turns is None and not any(
        check.upright(image, k, least=_SURER) for image in first[::3] for k in (1, 2, 3)
    ):
        return
    upright, lying = 0, np.zeros(4, int)
    for image in _throughout(clip):
        if check.upright(image, 0):
            upright += 1
        else:
            for k in (1, 2, 3):
                lying[k] += check.upright(image, k)
    best = int(lying.argmax())
    if not lying[best]:
        return
    if lying[best] == lying.sum() and upright <= _MIXED * (upright + lying[best]):
        clip.turn(best)
        clip.notes.append(note_of(best))
    elif lying.sum() > _MIXED * (upright + lying.sum()):
        clip.notes.append(
            f"faces lie on their side or head in {lying.sum()} of {upright + lying.sum()} "
            "pictures that were examined; nothing is turned"
        )


class LeanWatch:
    """A detector that counts, beside, in how many pictures the faces lie on their side or head.

    Parameters
    ----------
    detector : does the work.
    """

    def __init__(self, detector: Detector) -> None:
        self.name = detector.name
        self._detector = detector
        self.upright = self.lying = 0

    def reset(self) -> None:
        """Begin another clip."""
        reset = getattr(self._detector, "reset", None)
        if reset is not None:
            reset()
        self.upright = self.lying = 0

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """The faces of the next picture."""
        found = self._detector.detect(image)
        turns = turns_of(found)
        self.upright += turns == 0
        self.lying += turns is not None and turns > 0
        return found

    def note(self) -> str | None:
        """A sentence for a clip in which most faces lie on their side or head."""
        if self.lying <= max(self.upright, 2):
            return None
        return (
            f"its faces lie on their side or head in {self.lying} of {self.upright + self.lying} "
            "pictures with a face, which were not turned: turn them before"
        )


def _detect(detector: CenterFace, image: NDArray[np.uint8]) -> Detections:
    detector.reset()  # each picture by itself, at the finest size
    return detector.detect(image)


class _Check:
    """Whether a face is upright in a picture: by its points and by its landmarks."""

    def __init__(self, detector: CenterFace) -> None:
        self._detector = detector
        self._landmarker = FaceLandmarker()

    def upright(self, image: NDArray[np.uint8], turns: int, *, least: float = _SURE) -> bool:
        """Whether that is so after clockwise quarter turns, of a face with the least score."""
        image = np.ascontiguousarray(turn(image, turns, False))
        found = _detect(self._detector, image)
        if not len(found) or found.points is None:
            return False
        good = (found.scores >= least) & (np.abs(lean_of(found.points)) <= _LYING)
        squares = found.boxes[good]
        if not len(squares):
            return False
        crops = np.stack([cut_crop(neighbourhood(image, s), s, TUBE_SIZE) for s in squares])
        plain, mirrored = self._landmarker.points(crops), self._landmarker.mirrored_points(crops)
        faces = shape_residuals((plain + mirrored) / 2) <= _MAX_RESIDUAL
        faces &= asymmetry(plain, mirrored, crops.shape[1]) <= MAX_ASYMMETRY
        return bool(faces.any())


def _pictures(clip: Clip, start: float = 0.0) -> Generator[Frame, None, None]:
    for part in clip.decode(sound=False, start=start, ahead=True):
        if isinstance(part, Frame):
            yield part


def _frames_at(
    clip: Clip, times: Sequence[float], *, from_first: bool = False
) -> Generator[Frame, None, None]:
    """The first frame at or after each time (s), in one pass; fewer if the clip ends before.

    Parameters
    ----------
    from_first : whether times count from the first frame, and not from the clip's start.
    """
    due = list(times)
    base = None if from_first else 0.0
    with closing(_pictures(clip)) as frames:
        for frame in frames:
            base = frame.time if base is None else base
            if frame.time - base >= due[0]:
                yield frame
                due = [t for t in due if t > frame.time - base]
                if not due:
                    return


def _throughout(clip: Clip) -> Iterator[NDArray[np.uint8]]:
    """Pictures evenly from the whole clip."""
    length = clip.info.duration
    if not math.isfinite(length) or length <= 0:
        times = [0.0, *(2.0**k for k in range(_EXAMINED - 1))]
    else:
        times = [length * (i + 0.5) / _EXAMINED for i in range(_EXAMINED)]
    if not math.isfinite(length) or length <= _SHORT:
        for frame in _frames_at(clip, times):
            yield frame.image
        return
    for time in times:
        with closing(_pictures(clip, time)) as frames:
            first = next(frames, None)
        if first is not None:
            yield first.image
