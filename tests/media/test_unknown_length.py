"""Sound files that were written to a pipe: no length in the header, and nothing is missing."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from emonets.errors import MediaError
from emonets.media.clip import open_clip
from media_files import tone

RATE = 16_000
SECONDS = 2.0


class Pipe:
    """Takes bytes and cannot go back."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def piped(kind: str, codec: str, **options: str) -> bytes:
    """What FFmpeg writes to a pipe."""
    pipe = Pipe()
    with av.open(pipe, "w", format=kind, options=options) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.layout = "mono"  # type: ignore[attr-defined]
        samples = tone(SECONDS, RATE)[np.newaxis]
        form = stream.codec_context.format.name  # type: ignore[union-attr]
        resampler = av.AudioResampler(format=form, layout="mono", rate=RATE)
        step = stream.codec_context.frame_size or 1024  # type: ignore[union-attr]
        for at in range(0, samples.shape[1], step):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[:, at : at + step]), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = RATE, at
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))  # type: ignore[attr-defined]
        container.mux(stream.encode())  # type: ignore[attr-defined]
    return bytes(pipe.data)


def is_whole(path: Path) -> None:
    clip = open_clip(path)
    samples = clip.read_sound().samples
    assert samples.size / 48_000 == pytest.approx(SECONDS, abs=0.01)
    assert not clip.damaged, clip.warnings
    assert not clip.warnings
    assert not clip.info.duration > SECONDS + 0.1


@pytest.mark.parametrize(
    ("name", "kind", "codec", "options"),
    [
        ("a.wav", "wav", "pcm_s16le", {}),
        ("b.wav", "wav", "pcm_s16le", {"rf64": "always"}),
        ("a.au", "au", "pcm_s16be", {}),
        ("a.aiff", "aiff", "pcm_s16be", {}),
        ("a.caf", "caf", "pcm_s16le", {}),
        ("a.w64", "w64", "pcm_s16le", {}),
        ("a.flac", "flac", "flac", {}),
        ("a.mka", "matroska", "pcm_s16le", {}),
    ],
)
def test_what_a_pipe_gives_is_whole(
    tmp_path: Path, name: str, kind: str, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / name
    path.write_bytes(piped(kind, codec, **options))
    is_whole(path)


@pytest.mark.parametrize(
    ("whole", "sound"),
    [
        (0, 0), (2**32 - 1, 2**32 - 1), (0x7FFFF024, 0x7FFFF000), (0x80000024, 0x80000000),
        (2**31 - 1, 2**31 - 37), (None, 0), (None, 2**32 - 1),
    ],
)  # fmt: skip
def test_the_lengths_that_writers_leave(tmp_path: Path, whole: int | None, sound: int) -> None:
    data = bytearray(piped("wav", "pcm_s16le"))
    at = data.index(b"data")
    data[4:8] = (len(data) - 8 if whole is None else whole).to_bytes(4, "little")
    data[at + 4 : at + 8] = sound.to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    is_whole(path)
    path.write_bytes(data + b"\x07")  # half a sample at the end
    is_whole(path)


def test_a_stated_length_still_shows_what_is_missing(tmp_path: Path) -> None:
    data = bytearray(piped("wav", "pcm_s16le"))
    at = data.index(b"data")
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    data[at + 4 : at + 8] = (len(data) - at - 8).to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    is_whole(path)
    path.write_bytes(data[: len(data) // 2])
    clip = open_clip(path)
    clip.read_sound()
    assert clip.damaged


def test_an_empty_sound_chunk_before_another_is_no_sound(tmp_path: Path) -> None:
    data = bytearray(piped("wav", "pcm_s16le"))
    at = data.index(b"data")
    data[at:] = b"data\0\0\0\0LIST\x04\0\0\0INFO"
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(MediaError):
        open_clip(path).read_sound()


def test_random_headers_end_in_sound_or_one_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind, codec in (("wav", "pcm_s16le"), ("aiff", "pcm_s16be"), ("caf", "pcm_s16le"),
                        ("w64", "pcm_s16le")):  # fmt: skip
        good = piped(kind, codec)
        for _ in range(8):
            data = bytearray(good)
            for at in rng.integers(0, 120, 3):
                data[at] = rng.integers(256)
            path = tmp_path / f"a.{kind}"
            path.write_bytes(data)
            try:
                open_clip(path).read_sound()
            except MediaError:
                continue
