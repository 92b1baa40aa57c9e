"""One pass over a clip's pictures, for all specialists that look at it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import numpy as np

from emonets.media.clip import Clip, Frame
from emonets.specialists.activity.specialist import ActivityReader, ActivitySpecialist
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.tubes.builder import FaceTube
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike
from emonets.tubes.pipeline import prefetch
from emonets.tubes.tube_pass import Features, Looker, look_at_tubes

_WAITING = 4  # frames that may wait for the motion: bounds the memory


def look(
    clip: Clip,
    specialists: Mapping[str, Any],
    *,
    detector: DetectorLike = "auto",
    stride: int = 1,
    crops: CropFolder | None = None,
    device: str = "cpu",
    on_frame: Callable[[Frame], None] | None = None,
) -> dict[str, Features]:
    """What the specialists that look (face, activity, mouth) find in a clip, decoded once.

    Parameters
    ----------
    specialists : by name; others than these three are left alone.
    detector, stride, crops, device, on_frame : as for ``FaceSpecialist.extract``.

    Raises
    ------
    MediaError : the clip has no pictures or cannot be decoded.
    """
    face, activity = specialists.get("face"), specialists.get("activity")
    lookers: dict[str, Looker] = {
        name: specialists[name] for name in ("face", "mouth") if name in specialists
    }
    if isinstance(face, FaceSpecialist):
        face.network.use(device=device, threads=1)
    if not isinstance(activity, ActivitySpecialist):
        return look_at_tubes(
            clip, lookers, detector=detector, stride=stride, crops=crops, on_frame=on_frame
        )
    reader = activity.open()
    if activity.on == "tubes":
        lookers["activity"] = _Motion(reader)
        found = look_at_tubes(
            clip, lookers, detector=detector, stride=stride, crops=crops, on_frame=on_frame
        )
        return {**found, "activity": reader.finish()}
    with _Aside(reader) as aside:

        def seen(frame: Frame) -> None:
            aside.push(frame)
            if on_frame is not None:
                on_frame(frame)

        found = {}
        if lookers:
            found = look_at_tubes(
                clip, lookers, detector=detector, stride=stride, crops=crops, on_frame=seen
            )
        else:
            with closing(prefetch(clip.frames())) as frames:
                for frame in frames:
                    seen(frame)
        aside.wait()
    return {**found, "activity": reader.finish()}


class _Motion:
    """Hands face tubes on to a reader of motion, among those that look at faces."""

    def __init__(self, reader: ActivityReader) -> None:
        self._reader = reader

    def look(self, tube: FaceTube) -> Features:
        self._reader.push(tube)
        return self.nothing()

    def nothing(self) -> Features:
        return {"index": np.empty(0, np.int64), "track": np.empty(0, np.int64)}


class _Aside:
    """A reader of motion in a thread of its own, a few frames behind at most."""

    def __init__(self, reader: ActivityReader) -> None:
        self._reader = reader
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="emonets-motion")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> _Aside:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def push(self, frame: Frame) -> None:
        self._waiting.append(self._pool.submit(self._reader.push, frame))
        if len(self._waiting) > _WAITING:
            self._waiting.popleft().result()

    def wait(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()
