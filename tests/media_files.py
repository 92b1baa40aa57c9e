"""Small media files made with PyAV, for the tests of reading them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def quarters(width: int, height: int) -> Image:
    """Red top left, green top right, blue bottom left, grey bottom right."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (200, 30, 30)
    image[: height // 2, width // 2 :] = (30, 200, 30)
    image[height // 2 :, : width // 2] = (30, 30, 200)
    image[height // 2 :, width // 2 :] = (128, 128, 128)
    return image


def tone(seconds: float, rate: int = 48_000, hertz: float = 440.0, level: float = 0.5) -> Any:
    """A sine, (n,) float32."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def write_media(
    path: Path,
    *,
    video: str | None = "libx264",
    stamps: Sequence[int] = tuple(range(0, 1000, 40)),
    size: tuple[int, int] = (64, 48),
    pixels: str = "yuv420p",
    aspect: Fraction | None = None,
    paint: Callable[[int], Image] | None = None,
    options: dict[str, str] | None = None,
    audio: str | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_rate: int = 48_000,
    layout: str = "mono",
    sound_start: float = 0.0,
    kind: str | None = None,
) -> Path:
    """Write a media file.

    ``stamps`` are the frames' times in ms; ``paint(i)`` gives picture i; ``sound`` is (n,) or
    (channels, n), full scale 1, from ``sound_start`` seconds on.
    """
    width, height = size
    with av.open(str(path), "w", format=kind) as container:
        streams: list[Any] = []
        if video is not None:
            v: Any = container.add_stream(video, rate=25)
            v.width, v.height, v.pix_fmt = width, height, pixels
            fixed = ("mpeg1video", "mpeg2video", "mpeg4", "flv")
            if video not in fixed and path.suffix != ".avi":
                v.codec_context.time_base = Fraction(1, 1000)
            if aspect is not None:
                v.codec_context.sample_aspect_ratio = aspect
            v.options = (
                options
                if options is not None
                else ({"preset": "ultrafast", "crf": "12"} if video == "libx264" else {})
            )
            if options is None and video != "libx264":
                v.bit_rate = 2_000_000
            streams.append(v)
        if audio is not None:
            a: Any = container.add_stream(audio, rate=sound_rate)
            a.layout = layout
            streams.append(a)
        packets = []
        if video is not None:
            for i, stamp in enumerate(stamps):
                image = quarters(width, height) if paint is None else paint(i)
                frame: Any = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                    format=pixels
                )
                frame.pts, frame.time_base = stamp, Fraction(1, 1000)
                packets += v.encode(frame)
            packets += v.encode()
        if audio is not None:
            data = tone(1.0, sound_rate) if sound is None else sound
            data = np.atleast_2d(data)
            made = a.codec_context.format.name
            step = a.codec_context.frame_size or 1024
            resampler = av.AudioResampler(format=made, layout=layout, rate=sound_rate)
            for at in range(0, data.shape[1], step):
                # packed, for PyAV cannot fill frames with eight planes
                packed = np.ascontiguousarray(data[:, at : at + step].T).reshape(1, -1)
                part: Any = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
                part.sample_rate = sound_rate
                part.pts = at + round(sound_start * sound_rate)
                part.time_base = Fraction(1, sound_rate)
                for ready in resampler.resample(part):
                    packets += a.encode(ready)
            packets += a.encode()
        # the muxer wants the two interleaved
        packets.sort(key=lambda p: float((p.dts or 0) * p.time_base))
        for packet in packets:
            container.mux(packet)
    return path


def rotate_mp4(path: Path, degrees: int) -> None:
    """Write a clockwise turn into the matrix of the first track's header (``tkhd``)."""
    data = bytearray(path.read_bytes())
    one = 0x10000
    turns = {
        90: (0, one, -one, 0),
        180: (-one, 0, 0, -one),
        270: (0, -one, one, 0),
        -1: (-one, 0, 0, one),  # mirrored left to right
    }
    a, b, c, d = turns[degrees]
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of other fields
    for place, value in zip((0, 4, 12, 16), (a, b, c, d), strict=True):
        data[at + place : at + place + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
