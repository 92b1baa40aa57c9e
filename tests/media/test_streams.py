"""Which picture and sound streams are used, and how others are chosen and named."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import open_clip
from media_files import tone


def write(
    path: Path,
    sizes: tuple[tuple[int, int], ...] = (),
    levels: tuple[float, ...] = (),
    default: tuple[int, ...] = (0,),
) -> Path:
    """A file with a picture stream for each size and a sound stream for each level."""
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for width, height in sizes:
            v: Any = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            v.width, v.height, v.pix_fmt = width, height, "yuv420p"
            streams.append(v)
        for _ in levels:
            a: Any = container.add_stream("pcm_s16le", rate=16_000)
            a.layout = "mono"
            streams.append(a)
        for i, stream in enumerate(streams):
            kinds = len(sizes)
            number = i if i < kinds else i - kinds
            stream.disposition = Disposition.default if number in default else Disposition(0)
        packets = []
        for i, (width, height) in enumerate(sizes):
            for k in range(10):
                picture = np.full((height, width, 3), 40 * (i + 1), np.uint8)
                frame: Any = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                packets += streams[i].encode(frame)
            packets += streams[i].encode()
        for i, level in enumerate(levels):
            stream = streams[len(sizes) + i]
            samples = (tone(0.4, 16_000, level=level) * 32767).astype(np.int16)[np.newaxis]
            part: Any = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            part.sample_rate, part.pts = 16_000, 0
            packets += stream.encode(part)
        packets.sort(key=lambda p: float((p.dts or 0) * p.time_base))
        for packet in packets:
            container.mux(packet)
    return path


def test_the_default_picture_stream_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", ((64, 48), (128, 96)))
    clip = open_clip(path)
    assert (clip.info.width, clip.info.height) == (64, 48)
    assert clip.notes == [
        "it has 2 picture streams: 0 (64x48, default) is used, and not 1 (128x96); "
        "choose with --video-stream (video_stream=)"
    ]
    chosen = open_clip(path, video_stream=1)
    assert chosen.info.width == 128
    assert {frame.image.shape for frame in chosen.frames()} == {(96, 128, 3)}
    assert not chosen.notes
    assert open_clip(write(tmp_path / "b.mkv", ((64, 48), (128, 96)), (), (1,))).info.width == 128


def test_without_one_default_the_largest_is_used(tmp_path: Path) -> None:
    for default in ((), (0, 1)):
        path = write(tmp_path / "a.mkv", ((64, 48), (128, 96)), (), default)
        assert open_clip(path).info.width == 128


def test_one_stream_of_a_kind_needs_no_note(tmp_path: Path) -> None:
    clip = open_clip(write(tmp_path / "a.mkv", ((64, 48),), (0.5,)))
    list(clip.decode())
    assert not clip.notes


def test_a_wrong_number_lists_the_streams(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", ((64, 48),), (0.5, 0.2))
    with pytest.raises(MediaError) as caught:
        open_clip(path, audio_stream=2)
    assert str(caught.value) == (
        f"{path}: has no sound stream 2; it has 0 (1 channel, default), 1 (1 channel); choose one "
        "of these with --audio-stream (audio_stream=)"
    )
    with pytest.raises(MediaError, match="no picture stream 1; it has 0"):
        open_clip(path, video_stream=1)
    for wrong in (-1, 1.0, True, "0"):
        with pytest.raises(ParameterError, match="audio_stream"):
            open_clip(path, audio_stream=wrong)  # type: ignore[arg-type]


def test_a_silent_default_sound_names_one_that_is_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", (), (0.0, 0.0, 0.5))
    clip = open_clip(path)
    assert np.abs(clip.read_sound().samples).max() == 0
    assert clip.notes[1] == (
        "sound stream 0 is silent, and 2 is not: choose it with --audio-stream 2 (audio_stream=2)"
    )
    assert np.abs(open_clip(path, audio_stream=2).read_sound().samples).max() > 0.4
    loud = open_clip(write(tmp_path / "b.mkv", (), (0.5, 0.0)))
    loud.read_sound()
    assert len(loud.notes) == 1
    both = open_clip(write(tmp_path / "c.mkv", (), (0.0, 0.0)))
    both.read_sound()
    assert len(both.notes) == 1
