"""The pictures of a clip: of an open container, or of a folder of images; each with its time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from emonets.errors import MediaError
from emonets.media.container import Media, describe
from emonets.media.convert import RgbConverter
from emonets.media.decoding import Damage
from emonets.media.images import read_image
from emonets.media.limits import Limits
from emonets.media.parts import Frame
from emonets.media.series import Series
from emonets.media.timing import FrameClock

BEYOND = "the rest was not read: it is beyond the limits"
"""What a pass notes when it ends early."""


class PicturePath:
    """From decoded pictures to frames with strictly increasing times.

    Parameters
    ----------
    media : the open container. start : seconds; earlier frames are left out.
    damage : counts what could not be used.
    """

    def __init__(self, media: Media, start: float, damage: Damage) -> None:
        rate = 0.0 if media.video is None else float(media.video.average_rate or 0)
        self.clock = FrameClock(1 / rate if rate > 0 else 0.0)
        self.count = 0
        """Frames so far."""
        self._media, self._start, self._damage = media, start, damage
        self._to_rgb = RgbConverter()

    def push(self, raw: VideoFrame, stamp: float | None, duration: float) -> Frame | None:
        """The frame of a picture with its time stamp and duration in seconds; None: none."""
        clock = self.clock
        time = clock.tick(self._media.settled(stamp, clock.last), duration)
        if time is None:
            text = "a frame with a repeated or earlier time stamp was left out"
            self._damage.add(text, harmless=True)
            return None
        image = None if time < self._start else self._upright(raw)
        if image is None:
            return None
        self.count += 1
        return Frame(self.count - 1, time, image, duration)

    def _upright(self, raw: VideoFrame) -> NDArray[np.uint8] | None:
        if raw.is_corrupt:
            self._damage.add("a frame is damaged, but was kept")
        try:
            return self._to_rgb(raw, self._media.aspect)
        except Exception as error:  # FFmpeg's scaler cannot convert it
            self._damage.add("a frame could not be turned into RGB", describe(error))
            return None


def series_frames(
    series: Series, step: float, start: float, limits: Limits, damage: Damage
) -> Iterator[Frame]:
    """The frames of a folder of images, or of one image.

    Parameters
    ----------
    step : seconds a number. start : seconds; earlier ones are not read.
    """
    index = 0
    for number, path in zip(series.numbers, series.images, strict=True):
        time = number * step
        if time > limits.max_duration or index >= limits.max_frames:
            damage.add(BEYOND)
            return
        if time < start:
            continue
        try:
            image = read_image(path, max_pixels=limits.max_pixels)
        except MediaError as error:
            # its place in time stays empty
            damage.add("an image was left out", str(error))
            continue
        yield Frame(index, time, image)
        index += 1
