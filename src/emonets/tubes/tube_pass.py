"""One pass over a clip's face tubes, for all specialists that look at faces.

Decoding a film and finding its faces costs more than most of what is then said of them, and is
done once, however many specialists there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.media.clip import Clip, Frame
from emonets.tubes.builder import FaceTube
from emonets.tubes.crop_folder import CropFolder
from emonets.tubes.detect import DetectorLike, SensitiveDetector, load_detector
from emonets.tubes.pipeline import find_tubes

Features = dict[str, NDArray[Any]]

_PENDING = 2  # pieces of tubes that may wait to be looked at: bounds the memory


class Looker(Protocol):
    """Says something of every picture of a tube."""

    def look(self, tube: FaceTube) -> Features:
        """Arrays with an entry a picture, among them ``index`` and ``track``."""

    def nothing(self) -> Features:
        """The same arrays without an entry, for clips without a face."""


def look_at_tubes(
    clip: Clip,
    lookers: Mapping[str, Looker],
    *,
    detector: DetectorLike = "auto",
    stride: int = 1,
    crops: CropFolder | None = None,
    on_frame: Callable[[Frame], None] | None = None,
) -> dict[str, Features]:
    """Decode a clip, follow its faces, and let each of several specialists look at them.

    Parameters
    ----------
    lookers : by name; they work in another thread than the decoder.
    detector, stride, crops, on_frame : as in :func:`emonets.tubes.pipeline.find_tubes`.

    Returns
    -------
    by name, each looker's arrays in order of time and then track; and, once a clip, ``span``
    (2,), start and end of the pictures in seconds, and ``step`` (), the mean time between frames.

    Raises
    ------
    MediaError : the clip has no pictures or cannot be decoded.
    """
    times: list[float] = []
    count = 0

    def seen(frame: Frame) -> None:
        nonlocal count
        times[1:] = [frame.time]  # the first and the last
        count += 1
        if on_frame is not None:
            on_frame(frame)

    def look(tube: FaceTube) -> dict[str, Features]:
        return {name: looker.look(tube) for name, looker in lookers.items()}

    parts: list[dict[str, Features]] = []
    tubes = find_tubes(
        clip, load_detector(detector), stride=stride, crops=crops, second=SensitiveDetector,
        on_frame=seen,
    )  # fmt: skip
    with closing(tubes), ThreadPoolExecutor(1, thread_name_prefix="emonets-look") as pool:
        pending: list[Future[dict[str, Features]]] = []
        for tube in tubes:
            pending.append(pool.submit(look, tube))
            if len(pending) > _PENDING:
                parts.append(pending.pop(0).result())
        parts.extend(future.result() for future in pending)
    first, last = (times[0], times[-1]) if times else (0.0, 0.0)
    step = (last - first) / max(count - 1, 1)
    return {
        name: {
            **joined([looker.nothing(), *(part[name] for part in parts)]),
            "span": np.array([first, last + step]),
            "step": np.array(step),
        }
        for name, looker in lookers.items()
    }


def joined(parts: Sequence[Features]) -> Features:
    """Arrays of several tubes as one of each, in order of ``index`` and then ``track``."""
    whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.lexsort((whole["track"], whole["index"]))
    return {key: value[order] for key, value in whole.items()}
