"""Bad media: every byte string ends in a result or in one clear MediaError."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import emonets.media.container as container_module
from emonets.errors import MediaError
from emonets.media.clip import Frame, Limits, open_clip
from media_files import quarters, write_media

LIMIT = 10.0
"""Seconds that no small file may take."""


def outcome(path: Path | str, **options: Any) -> tuple[int, int, list[str]] | MediaError:
    """Decode a clip wholly; frames, samples and warnings, or the error. Anything else fails."""
    started = time.monotonic()
    failure = None
    frames = samples = 0
    warnings = []
    try:
        clip = open_clip(path, **options)
        last = -1.0
        for part in clip.decode():
            if isinstance(part, Frame):
                assert part.time > last
                assert part.image.dtype == np.uint8
                last = part.time
                frames += 1
            else:
                assert np.isfinite(part.samples).all()
                samples += part.samples.size
        warnings = clip.warnings
    except MediaError as error:
        failure = error
    assert time.monotonic() - started < LIMIT
    if failure is None:
        return frames, samples, warnings
    assert failure.path == str(path) or not str(path)
    assert failure.reason
    # never in the middle of a pass
    assert frames == samples == 0
    return failure


def refused(path: Path | str, **options: Any) -> str:
    result = outcome(path, **options)
    assert isinstance(result, MediaError)
    return str(result)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("corpus")
    made: dict[str, dict[str, Any]] = {
        "a.mp4": {"audio": "aac"},
        "a.mkv": {"audio": "aac"},
        "a.avi": {"video": "mpeg4", "audio": "mp3"},
        "a.webm": {"video": "libvpx", "audio": "libopus"},
        "a.mpg": {"video": "mpeg2video", "audio": "mp2"},
        "a.ts": {"audio": "aac"},
        "a.flv": {"video": "flv", "audio": "aac"},
        "a.wav": {"video": None, "audio": "pcm_s16le"},
        "a.mp3": {"video": None, "audio": "mp3"},
        "a.flac": {"video": None, "audio": "flac"},
    }
    files = {n: write_media(folder / n, **options).read_bytes() for n, options in made.items()}
    # the index at the front, so that a beginning can be read
    front = folder / "front.mp4"
    with (
        av.open(str(folder / "a.mp4")) as source,
        av.open(str(front), "w", options={"movflags": "faststart"}) as target,
    ):
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    files["front.mp4"] = front.read_bytes()
    for suffix in ("png", "jpg", "bmp", "webp", "tif"):
        files[f"a.{suffix}"] = cv2.imencode(f".{suffix}", quarters(40, 30))[1].tobytes()
    return files


NAMES = [
    "a.mp4", "front.mp4", "a.mkv", "a.avi", "a.webm", "a.mpg", "a.ts", "a.flv", "a.wav", "a.mp3",
    "a.flac", "a.png", "a.jpg", "a.bmp", "a.webp", "a.tif",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_truncated_files_say_so(corpus: dict[str, bytes], tmp_path: Path, name: str) -> None:
    data = corpus[name]
    path = tmp_path / name
    path.write_bytes(data)
    whole = outcome(path)
    assert not isinstance(whole, MediaError)
    assert whole[2] == []
    partial = 0
    for sixteenth in range(1, 16):
        path.write_bytes(data[: len(data) * sixteenth // 16])
        result = outcome(path)
        if not isinstance(result, MediaError):
            assert result[2], f"{sixteenth}/16 of {name} passes for a whole file"
            partial += 1
    # what decodes is delivered, wherever the container allows it
    if name in ("front.mp4", "a.mkv", "a.webm", "a.mpg", "a.ts", "a.flv", "a.wav", "a.mp3"):
        assert partial >= 12


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bits(corpus: dict[str, bytes], tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    path = tmp_path / name
    for _ in range(15):
        data = np.frombuffer(corpus[name], np.uint8).copy()
        count = int(2 ** rng.uniform(0, 8))
        # half of the time into the headers
        span = len(data) if rng.random() < 0.5 else min(len(data), 1200)
        data[rng.integers(0, span, count)] ^= (1 << rng.integers(0, 8, count)).astype(np.uint8)
        path.write_bytes(data.tobytes())
        outcome(path)


def test_random_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for k, suffix in enumerate((".mp4", ".png", ".wav", "", ".flv", ".mp3", ".ts")):
        path = tmp_path / f"random{suffix}"
        path.write_bytes(rng.bytes(1 + 997 * k))
        refused(path)


# --- not a media file ------------------------------------------------------------------------


def test_missing_empty_and_text(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "gone.mp4")
    assert "does not exist" in refused(tmp_path / "gone" / "gone.mp4")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert "is empty" in refused(empty)
    text = tmp_path / "text.mp4"
    for words in ("hello\n" * 10, "größe " * 200, "1,2,3\n"):
        text.write_text(words, encoding="utf-8")
        assert "is text" in refused(text)
    assert "no file name" in refused("")
    with pytest.raises(MediaError, match="no file name"):
        open_clip("a\0b")


def test_folders_that_are_no_clip(tmp_path: Path) -> None:
    assert "without numbered images" in refused(tmp_path)
    image = cv2.imencode(".png", quarters(8, 8))[1].tobytes()
    for name in ("a_1.png", "b_1.png"):
        (tmp_path / name).write_bytes(image)
    assert "2 series" in refused(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    for number in range(3):
        (broken / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(MediaError, match=r"0\.png"):
        open_clip(broken)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refused(tmp_path / "pipe.mp4")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    assert "cannot be read" in refused(path)


def test_a_file_without_streams(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x14ftypisom\0\0\x02\0isom\0\0\0\x08free\0\0\0\x08moov")
    refused(path)


def test_names_beyond_ascii(tmp_path: Path) -> None:
    path = write_media(tmp_path / "Прüfung 図 😀.mkv", audio="aac")
    result = outcome(path)
    assert not isinstance(result, MediaError)
    assert result[0] == 25
    assert "Прüfung" in refused(tmp_path / "Прüfung.mp4")


# --- nothing but this file -------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.mp4", "https://example.org/a.mp4", "rtsp://example.org/a",
        "concat:a.mp4|b.mp4", "file:a.mp4", "pipe:0", "data:video/mp4;base64,AAAA", "hls+file:a",
    ],
)  # fmt: skip
def test_addresses_are_refused(address: str) -> None:
    assert "only local files" in refused(address)


def playlists(folder: Path) -> Iterator[tuple[str, str]]:
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n"
    segment = f"#EXTINF:1.0,\n{folder / 'secret.ts'}\n#EXT-X-ENDLIST\n"
    yield "hls.mp4", head + segment
    yield "hls.m3u8", head + segment
    yield "relative.mp4", head + "#EXTINF:1.0,\nsecret.ts\n#EXT-X-ENDLIST\n"
    yield "net.mp4", head + "#EXTINF:1.0,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    yield "bom.mp4", "\ufeff" + head + segment
    yield "concat.mp4", "ffconcat version 1.0\nfile secret.ts\n"
    yield "concat.ffconcat", "ffconcat version 1.0\nfile secret.ts\n"
    yield "session.mp4", "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n"
    yield "dash.mp4", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'


def test_playlists_are_refused_under_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_media(tmp_path / "secret.ts")
    monkeypatch.chdir(tmp_path)
    for name, text in playlists(tmp_path):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert "names other files" in refused(path)


def test_a_demuxer_that_asks_for_another_file_does_not_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # were a playlist let in by mistake, the second check holds: no file is opened for FFmpeg
    write_media(tmp_path / "secret.ts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(container_module, "FORMATS", container_module.FORMATS + ",hls,concat")
    attempts = []
    refuse = container_module.Source.refuse

    def spy(self: Any, url: str, flags: int, options: dict[str, str]) -> object:
        attempts.append(url)
        return refuse(self, url, flags, options)

    monkeypatch.setattr(container_module.Source, "refuse", spy)
    for name, text in playlists(tmp_path):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        refused(path)
    assert attempts  # FFmpeg has tried
    # whereas a plain reading would have opened it
    with av.open(str(tmp_path / "hls.m3u8"), options={"allowed_extensions": "ALL"}) as container:
        assert next(container.decode(video=0)).width == 64


# --- limits ----------------------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def jpeg_video(path: Path, *, first: int) -> Path:
    """A video of JPEGs of which those from ``first`` on claim 16384 x 16384 pixels."""
    data = bytearray(write_media(path, video="mjpeg", pixels="yuvj420p").read_bytes())
    at, number = 0, 0
    while (at := data.find(b"\xff\xc0\0\x11\x08", at + 1)) >= 0:
        if number >= first:
            data[at + 5 : at + 9] = (16_384).to_bytes(2, "big") * 2
        number += 1
    assert number == 25
    path.write_bytes(data)
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's peak memory")
def test_huge_headers_take_no_memory(tmp_path: Path) -> None:
    # the peak of a fresh process is the only honest measure
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from emonets.media.clip import open_clip\n"
        "from emonets.errors import MediaError\n"
        "def peak():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(x.split()[1]) for x in lines if x.startswith('VmHWM'))\n"
        "list(open_clip(sys.argv[1]).frames())\n"
        "before = peak()\n"
        "for path in sys.argv[2:]:\n"
        "    try:\n"
        "        print(sum(1 for _ in open_clip(path).frames()))\n"
        "    except MediaError as error:\n"
        "        print(error)\n"
        "print(peak() - before)\n"
    )
    small = write_media(tmp_path / "small.avi", video="mjpeg", pixels="yuvj420p")
    png = tmp_path / "huge.png"
    png.write_bytes(png_header(16_384, 16_384))
    videos = [jpeg_video(tmp_path / f"{first}.avi", first=first) for first in (0, 10)]
    done = subprocess.run(
        [sys.executable, "-c", script, str(small), str(png), *map(str, videos)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    first, second, third, grown = done.stdout.splitlines()
    assert "16384x16384" in first
    assert "nothing in it could be decoded" in second
    assert third == "10"
    assert int(grown) < 100_000  # kilobytes; one such picture would take 800,000
    assert done.stderr == ""


def test_the_limits_can_be_set(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4")
    assert "more than the limit of 3071" in refused(path, limits=Limits(max_pixels=3071))
    assert not isinstance(outcome(path, limits=Limits(max_pixels=3072)), MediaError)
    assert "more than the limit of 100" in refused(path, limits=Limits(max_bytes=100))
    png = tmp_path / "a.png"
    png.write_bytes(png_header(100, 50))
    assert "100x50" in refused(png, limits=Limits(max_pixels=4999))


def test_a_duration_is_only_a_claim(corpus: dict[str, bytes], tmp_path: Path) -> None:
    data = bytearray(corpus["front.mp4"])
    at = data.index(b"mvhd") + 4 + 16  # version 0: the duration, in thousandths
    data[at : at + 4] = (36_000_000).to_bytes(4, "big")
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    clip = open_clip(path)
    frames = list(clip.frames())
    assert len(frames) == 25
    assert frames[-1].time < 1


def test_sound_at_an_impossible_rate(corpus: dict[str, bytes], tmp_path: Path) -> None:
    data = bytearray(corpus["a.wav"])
    at = data.index(b"fmt ") + 12
    path = tmp_path / "a.wav"
    for rate in (1, 2_000_000_000):
        data[at : at + 4] = rate.to_bytes(4, "little")
        path.write_bytes(data)
        refused(path)


# --- what a pass promises --------------------------------------------------------------------


def test_damage_in_the_middle_does_not_end_the_clip(
    corpus: dict[str, bytes], tmp_path: Path
) -> None:
    data = bytearray(corpus["a.ts"])
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 5 * 188] = bytes(5 * 188)
    path = tmp_path / "a.ts"
    path.write_bytes(data)
    clip = open_clip(path)
    times = [f.time for f in clip.frames()]
    assert times[-1] > 0.9
    assert len(times) >= 15
    before = list(clip.warnings)
    list(clip.frames())
    assert clip.warnings == before  # once


def test_warnings_are_kept_when_a_pass_is_given_up(
    corpus: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(corpus["a.mkv"][: len(corpus["a.mkv"]) // 2])
    clip = open_clip(path)
    passing = clip.frames()
    next(passing)
    passing.close()
    assert any("cut off" in w for w in clip.warnings)


def test_a_clip_whose_sound_is_broken_keeps_its_pictures(tmp_path: Path) -> None:
    noise = np.full(48_000, np.nan, np.float32)
    path = write_media(tmp_path / "a.mkv", audio="pcm_f32le", sound=noise)
    clip = open_clip(path)
    assert sum(isinstance(p, Frame) for p in clip.decode()) == 25
    assert np.all(clip.read_sound().samples == 0)
    assert any("no numbers" in w for w in clip.warnings)


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4")
    clip = open_clip(path)
    path.unlink()
    with pytest.raises(MediaError, match=r"a\.mp4"):
        list(clip.frames())


def test_nothing_reaches_the_terminal(
    corpus: dict[str, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    for name in NAMES:
        data = np.frombuffer(corpus[name], np.uint8).copy()
        data[rng.integers(0, len(data), 40)] ^= 8
        path = tmp_path / name
        for content in (data.tobytes(), corpus[name][: len(data) * 2 // 3]):
            path.write_bytes(content)
            outcome(path)
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "")
