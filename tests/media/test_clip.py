"""Reading clips: times, shapes, colours and sound of files of many kinds."""

from __future__ import annotations

import copy
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import SOUND_RATE, Clip, Frame, Limits, SoundChunk, find_clips, open_clip
from emonets.media.convert import SOUND_TOLERANCE, SoundPipe, square_size
from emonets.media.images import image_size, natural_key
from emonets.media.timing import FrameClock
from media_files import quarters, rotate_mp4, tone, write_media

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128)


def everything(clip: Clip) -> tuple[list[Frame], list[SoundChunk]]:
    parts = list(clip.decode())
    return [p for p in parts if isinstance(p, Frame)], [
        p for p in parts if isinstance(p, SoundChunk)
    ]


def corners(image: np.ndarray) -> list[Any]:
    """The colours near the four corners: top left, top right, bottom left, bottom right."""
    h, w = image.shape[0] // 6, image.shape[1] // 6
    return [image[h, w], image[h, -w - 1], image[-h - 1, w], image[-h - 1, -w - 1]]


def assert_corners(image: np.ndarray, colours: list[Any], tolerance: int = 12) -> None:
    np.testing.assert_allclose(np.array(corners(image), int), np.array(colours), atol=tolerance)


# --- containers ------------------------------------------------------------------------------

FILMS = {
    "a.mp4": {"audio": "aac"},
    "a.mov": {"video": "mjpeg", "pixels": "yuvj420p", "audio": "pcm_s16le"},
    "a.mkv": {"audio": "libopus"},
    "a.avi": {"video": "mpeg4", "audio": "pcm_s16le"},
    "h264.avi": {"options": {"bf": "3", "preset": "veryfast"}},
    "bframes.mp4": {"options": {"bf": "3", "preset": "veryfast"}, "audio": "aac"},
    "a.flv": {"video": "flv", "audio": "aac"},
    "a.webm": {"video": "libvpx", "audio": "libopus"},
    "a.mpg": {"video": "mpeg2video", "options": {"bf": "2"}, "audio": "mp2"},
    "a.ts": {"audio": "aac"},
    "a.gif": {"video": "gif", "pixels": "rgb8"},
}


@pytest.mark.parametrize("name", FILMS)
def test_each_container_gives_all_frames_and_sound(tmp_path: Path, name: str) -> None:
    given: dict[str, Any] = FILMS[name]
    clip = open_clip(write_media(tmp_path / name, **given))
    assert clip.info.has_frames
    assert clip.info.has_sound == ("audio" in given)
    assert (clip.info.width, clip.info.height) == (64, 48)
    assert clip.info.frame_rate == pytest.approx(25, rel=0.01)
    assert clip.info.duration == pytest.approx(1, abs=0.1)
    frames, chunks = everything(clip)
    assert [f.index for f in frames] == list(range(25))
    times = np.array([f.time for f in frames])
    # mp3, aac and mp2 may push the picture by their run-in, never the frames' distances
    assert 0 <= times[0] < 0.05
    np.testing.assert_allclose(np.diff(times), 0.04, atol=0.0011)
    for frame in frames[::12]:
        assert frame.image.shape == (48, 64, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert_corners(frame.image, [RED, GREEN, BLUE, GREY], 60 if name == "a.gif" else 15)
    if "audio" in given:
        assert sum(c.samples.size for c in chunks) == pytest.approx(48_000, abs=2100)
        # one unbroken run
        for before, after in pairwise(chunks):
            assert after.time == pytest.approx(before.time + before.samples.size / SOUND_RATE)
    assert clip.warnings == []


SOUNDS = {
    "wav": "pcm_s16le", "mp3": "mp3", "flac": "flac", "opus": "libopus", "ogg": "libopus",
    "m4a": "aac", "aac": "aac", "aiff": "pcm_s16be", "w64": "pcm_f32le", "au": "pcm_s16be",
}  # fmt: skip


@pytest.mark.parametrize("suffix", SOUNDS)
def test_a_sound_file_is_a_clip_without_frames(tmp_path: Path, suffix: str) -> None:
    path = write_media(tmp_path / f"a.{suffix}", video=None, audio=SOUNDS[suffix])
    clip = open_clip(path)
    info = clip.info
    assert (info.has_frames, info.has_sound, info.width, info.height) == (False, True, 0, 0)
    assert np.isnan(info.frame_rate)
    assert list(clip.frames()) == []
    sound = clip.read_sound()
    assert sound.samples.dtype == np.float32
    assert sound.samples.size == pytest.approx(48_000, abs=1200)
    # the tone is there, at its own loudness and pitch
    middle = sound.samples[10_000:34_000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)
    assert np.argmax(np.abs(np.fft.rfft(middle))) * SOUND_RATE / 24_000 == 440
    assert clip.warnings == []


def test_cover_pictures_are_not_frames(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp3", video=None, audio="mp3")
    cover = cv2.imencode(".png", quarters(32, 32))[1].tobytes()
    body = b"\0image/png\0\x03\0" + cover
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = len(frame)
    header = b"ID3\x03\0\0" + bytes((size >> 7 * k) & 127 for k in (3, 2, 1, 0))
    data = path.read_bytes()
    assert data[:3] == b"ID3"
    path.write_bytes(header + frame + data[data.index(b"\xff\xfb") :])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    clip = open_clip(path)
    assert not clip.info.has_frames
    frames, chunks = everything(clip)
    assert not frames
    assert chunks


@pytest.mark.parametrize("name", ["angry", "happy"])
def test_the_shipped_examples(request: pytest.FixtureRequest, name: str) -> None:
    path = request.getfixturevalue(name)
    clip = open_clip(path)
    assert (clip.info.width, clip.info.height) == (480, 360)
    frames, chunks = everything(clip)
    assert len(frames) > 50
    assert np.all(np.diff([f.time for f in frames]) > 0.02)
    length = sum(c.samples.size for c in chunks) / SOUND_RATE
    assert length == pytest.approx(frames[-1].time, abs=0.1)
    assert clip.warnings == []
    # a second pass sees the same, and a clip travels to other processes
    again = list(copy.deepcopy(clip).frames())
    assert [f.time for f in again] == [f.time for f in frames]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(again, frames, strict=True))


def test_frames_agree_with_a_plain_loop(happy: Path) -> None:
    with av.open(str(happy)) as container:
        plain = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    ours = list(open_clip(happy).frames())
    assert len(ours) == len(plain)
    for frame, (time, image) in zip(ours, plain, strict=True):
        assert frame.time == pytest.approx(time, abs=1e-9)
        assert np.abs(frame.image.astype(int) - image).max() <= 2


def test_times_and_frames_do_not_depend_on_the_threads(tmp_path: Path) -> None:
    options = {"bf": "3", "preset": "veryfast"}
    for name in ("a.avi", "a.mp4"):
        path = write_media(tmp_path / name, options=options)
        one, four = (list(open_clip(path, threads=n).frames()) for n in (1, 4))
        assert [f.time for f in one] == [f.time for f in four]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(one, four, strict=True))


def test_sound_and_picture_alone_are_what_they_are_together(tmp_path: Path) -> None:
    clip = open_clip(write_media(tmp_path / "a.mkv", audio="aac", sound_start=0.3))
    frames, chunks = everything(clip)
    assert [f.time for f in clip.frames()] == [f.time for f in frames]
    alone = [p for p in clip.decode(frames=False) if isinstance(p, SoundChunk)]
    assert [c.time for c in alone] == [c.time for c in chunks]
    kinds = [type(p) for p in clip.decode()]
    # interleaved, not one after the other
    assert len({*kinds[: len(kinds) // 2]}) == 2


# --- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_variable_frame_rate(tmp_path: Path, name: str) -> None:
    stamps = (0, 40, 100, 300, 310, 900, 1000, 5000)
    path = write_media(tmp_path / name, stamps=stamps, options={"bf": "2", "preset": "veryfast"})
    times = [f.time for f in open_clip(path).frames()]
    np.testing.assert_allclose(times, np.array(stamps) / 1000, atol=1e-6)


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_late_sound_keeps_its_time(tmp_path: Path, name: str) -> None:
    path = write_media(tmp_path / name, audio="aac", sound_start=0.5)
    clip = open_clip(path)
    frames, _ = everything(clip)
    sound = clip.read_sound()
    assert frames[0].time == 0
    assert sound.time == pytest.approx(0.5, abs=0.03)
    loud = np.flatnonzero(np.abs(sound.samples) > 0.2)[0]
    assert sound.time + loud / SOUND_RATE == pytest.approx(0.5, abs=0.005)


def test_late_picture_keeps_its_time(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mkv", audio="pcm_s16le", stamps=range(500, 1000, 40))
    frames, chunks = everything(open_clip(path))
    assert frames[0].time == pytest.approx(0.5, abs=0.002)
    assert chunks[0].time == 0


def test_repeated_and_backward_time_stamps_are_dropped(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mkv", video="rawvideo", stamps=(0, 40, 40, 80, 60, 120))
    clip = open_clip(path)
    times = [f.time for f in clip.frames()]
    assert all(a < b for a, b in pairwise(times))
    assert times[0] == 0
    assert times[-1] == pytest.approx(0.12)
    assert any("time stamp" in w for w in clip.warnings)


def test_clock_without_time_stamps_follows_durations() -> None:
    clock = FrameClock(0.05)
    assert [clock.tick(None), clock.tick(None), clock.tick(None, 0.1), clock.tick(None)] == (
        pytest.approx([0, 0.05, 0.1, 0.2])
    )
    clock = FrameClock(0.0)
    assert [clock.tick(t) for t in (0.0, 0.3, None, 0.7)] == pytest.approx([0, 0.3, 0.6, 0.7])


def test_clock_goes_on_after_a_step_back() -> None:
    clock = FrameClock(0.04)
    stamps = [10.0, 10.04, 0.0, 0.04, 0.02, 0.08]
    times = [clock.tick(t, 0.04) for t in stamps]
    assert times == pytest.approx([10, 10.04, 10.08, 10.12, None, 10.16])
    assert clock.back == (10.04, 0.0)


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-1e6, 1e6) | st.floats(0, 5), st.just(0.0) | st.floats(0, 2)
        ),
        max_size=40,
    )
)
@settings(max_examples=100, deadline=None)
def test_clock_only_ever_goes_forward(stamps: list[tuple[float | None, float]]) -> None:
    clock = FrameClock(0.04)
    times = [t for t in (clock.tick(s, d) for s, d in stamps) if t is not None]
    assert all(t >= 0 for t in times)
    assert all(a < b for a, b in pairwise(times))


def test_limits_end_a_pass_with_a_warning(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4")
    for limits, count in ((Limits(max_frames=5), 5), (Limits(max_duration=0.5), 12)):
        clip = open_clip(path, limits=limits)
        assert len(list(clip.frames())) == pytest.approx(count, abs=1)
        assert any("limits" in w for w in clip.warnings)


# --- picture ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        (90, [BLUE, RED, GREY, GREEN]),
        (180, [GREY, BLUE, GREEN, RED]),
        (270, [GREEN, GREY, RED, BLUE]),
        (-1, [GREEN, RED, GREY, BLUE]),
    ],
)
def test_rotation(tmp_path: Path, degrees: int, expected: list[Any]) -> None:
    path = write_media(tmp_path / "a.mp4", stamps=(0, 40))
    rotate_mp4(path, degrees)
    clip = open_clip(path)
    frame = next(clip.frames())
    assert frame.image.shape == ((64, 48, 3) if degrees in (90, 270) else (48, 64, 3))
    assert (clip.info.height, clip.info.width) == frame.image.shape[:2]
    assert_corners(frame.image, expected, 15)


@pytest.mark.parametrize(
    ("aspect", "width"), [(Fraction(16, 11), 93), (Fraction(1, 2), 32), (Fraction(1), 64)]
)
def test_pixels_that_are_not_square(tmp_path: Path, aspect: Fraction, width: int) -> None:
    path = write_media(tmp_path / "a.mp4", aspect=aspect, stamps=(0, 40))
    clip = open_clip(path)
    frame = next(clip.frames())
    assert frame.image.shape == (48, width, 3)
    assert (clip.info.width, clip.info.height) == (width, 48)
    assert_corners(frame.image, [RED, GREEN, BLUE, GREY], 15)


def test_a_broken_aspect_is_no_aspect() -> None:
    for broken in (None, Fraction(0), Fraction(1, 65_535), Fraction(1000)):
        assert square_size(64, 48, broken) == (64, 48)


FORMATS = {
    "yuv420p10le": ("libx264", True), "yuv422p": ("libx264", True), "yuv444p": ("libx264", True),
    "gray": ("libx264", False), "gray10le": ("libx264", False), "yuv410p": ("ffv1", True),
    "bgra": ("ffv1", True), "yuva420p": ("ffv1", True), "gray16le": ("ffv1", False),
    "rgb48le": ("ffv1", True), "yuvj420p": ("mjpeg", True),
}  # fmt: skip


@pytest.mark.parametrize("pixels", FORMATS)
def test_every_pixel_format_becomes_rgb(tmp_path: Path, pixels: str) -> None:
    video, coloured = FORMATS[pixels]
    path = write_media(tmp_path / "a.mkv", video=video, pixels=pixels, stamps=(0, 40))
    image = next(open_clip(path).frames()).image
    assert image.shape == (48, 64, 3)
    if coloured:
        assert_corners(image, [RED, GREEN, BLUE, GREY], 16)
    else:
        assert np.ptp(image.astype(int), axis=2).max() <= 2
        assert_corners(image, [(81,) * 3, (130,) * 3, (49,) * 3, (128,) * 3], 12)


@pytest.mark.parametrize("size", [(63, 47), (1, 1), (2, 9), (9, 2), (65, 48)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_media(tmp_path / "a.mkv", video="ffv1", pixels="bgr0", size=size)
    clip = open_clip(path)
    frames = list(clip.frames())
    assert len(frames) == 25
    assert frames[0].image.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_colour_matrix_and_range_are_the_streams(tmp_path: Path, matrix: str, full: bool) -> None:
    luma, cb, cr = 120, 100, 170
    planes = np.full((72, 64), luma, np.uint8)
    planes[48:60], planes[60:] = cb, cr
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        pixels = "yuvj420p" if full else "yuv420p"
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        stream.options = {"qp": "0", "x264-params": f"colormatrix={matrix}"}
        frame = av.VideoFrame.from_ndarray(planes, format=pixels)
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    # ITU-R BT.601 and BT.709
    red, blue = (0.2126, 0.0722) if matrix == "bt709" else (0.299, 0.114)
    y = luma if full else (luma - 16) * 255 / 219
    u, v = ((c - 128) * (1 if full else 255 / 224) for c in (cb, cr))
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    expected = [r, (y - red * r - blue * b) / (1 - red - blue), b]
    image = next(open_clip(path).frames()).image
    np.testing.assert_allclose(image[20, 20], expected, atol=2.5)


# --- sound -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "rate"),
    [("pcm_u8", 44_100), ("pcm_s24le", 8_000), ("pcm_f64le", 96_000), ("pcm_s32le", 22_050)],
)
def test_any_rate_and_format(tmp_path: Path, codec: str, rate: int) -> None:
    path = write_media(
        tmp_path / "a.wav", video=None, audio=codec, sound=tone(1, rate), sound_rate=rate
    )
    sound = open_clip(path).read_sound()
    assert sound.samples.size == pytest.approx(48_000, abs=60)
    expected = tone(1)[: sound.samples.size]
    error = (sound.samples[: expected.size] - expected)[500:-500]
    assert np.abs(error).max() < (0.01 if codec == "pcm_u8" else 0.003)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_f32le"), ("a.wav", "pcm_s16le")])
def test_two_equal_channels_keep_their_loudness(tmp_path: Path, name: str, codec: str) -> None:
    both = np.stack([tone(1, level=1.0)] * 2)
    path = write_media(tmp_path / name, video=None, audio=codec, sound=both, layout="stereo")
    samples = open_clip(path).read_sound().samples
    np.testing.assert_allclose(samples, tone(1, level=1.0), atol=1e-4)


def test_many_channels_cannot_clip_and_the_bass_stays_out(tmp_path: Path) -> None:
    for layout, channels in (("5.1", 6), ("7.1", 8)):
        loud = np.tile(tone(1, level=1.0), (channels, 1))
        path = write_media(
            tmp_path / "a.wav", video=None, audio="pcm_f32le", sound=loud, layout=layout
        )
        samples = open_clip(path).read_sound().samples
        np.testing.assert_allclose(samples, loud[0], atol=1e-5)
        loud[:3] = 0
        loud[4:] = 0  # only the fourth, the bass
        path = write_media(
            tmp_path / "b.wav", video=None, audio="pcm_f32le", sound=loud, layout=layout
        )
        assert np.abs(open_clip(path).read_sound().samples).max() == 0


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mka", "aac")])
def test_eight_channels_in_planes(tmp_path: Path, name: str, codec: str) -> None:
    loud = np.tile(tone(1), (8, 1))
    path = write_media(tmp_path / name, video=None, audio=codec, sound=loud, layout="7.1")
    samples = open_clip(path).read_sound().samples[2000:40_000]
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_samples_that_are_no_numbers_are_zero(tmp_path: Path) -> None:
    data = tone(1)
    data[1000:1010], data[20], data[30] = np.nan, np.inf, 1e30
    path = write_media(tmp_path / "a.mkv", audio="pcm_f32le", sound=data)
    clip = open_clip(path)
    frames, chunks = everything(clip)
    assert len(frames) == 25
    samples = np.concatenate([c.samples for c in chunks])
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 8
    assert np.all(samples[1000:1010] == 0)
    assert any(w.startswith("11 times: sound samples") for w in clip.warnings)


def test_a_clip_without_sound(tmp_path: Path) -> None:
    sound = open_clip(write_media(tmp_path / "a.mp4")).read_sound()
    assert (sound.time, sound.samples.size, sound.samples.dtype) == (0, 0, np.float32)


def test_long_sound_is_not_read_at_once(tmp_path: Path) -> None:
    clip = open_clip(write_media(tmp_path / "a.wav", video=None, audio="pcm_s16le"))
    with pytest.raises(MediaError, match="more than"):
        clip.read_sound(max_seconds=0.5)


def _pipe(pieces: list[tuple[float | None, int]], rate: int = 16_000) -> list[Any]:
    pipe = SoundPipe()
    out = []
    for stamp, count in pieces:
        out += pipe.push(np.ones(count, np.float32), rate, stamp)
    return out + pipe.flush()


def test_a_gap_in_the_sound_stays_a_gap() -> None:
    out = _pipe([(0.0, 1600), (0.1, 1600), (1.0, 1600), (None, 1600)])
    total = sum(s.size for _, s in out)
    assert total == pytest.approx(4 * 4800, abs=4)
    late = [t for t, _ in out if t >= 0.5]
    assert late[0] == 1.0
    assert out[-1][0] + out[-1][1].size / SOUND_RATE == pytest.approx(1.2, abs=1e-4)


def test_small_errors_of_the_stamps_make_no_seam() -> None:
    rng = np.random.default_rng(0)
    stamps = [k * 0.1 + rng.uniform(-0.5, 0.5) * SOUND_TOLERANCE for k in range(20)]
    out = _pipe([(max(s, 0.0), 1600) for s in stamps])
    assert sum(s.size for _, s in out) == pytest.approx(20 * 4800, abs=4)
    assert max(abs(s - 1).max() for _, s in out[1:-1]) < 0.2


def test_overlapping_and_early_sound_is_trimmed() -> None:
    out = _pipe([(-0.05, 1600), (0.05, 1600), (0.05, 1600), (0.15, 1600)])
    assert out[0][0] == 0
    assert out[-1][0] + out[-1][1].size / SOUND_RATE == pytest.approx(0.25, abs=1e-3)


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-1e6, 1e6) | st.floats(0, 3),
            st.integers(1, 300),
            st.sampled_from([8_000, 44_100, 48_000]),
        ),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_sound_never_goes_back(pieces: list[tuple[float | None, int, int]]) -> None:
    pipe = SoundPipe()
    out = []
    for stamp, count, rate in pieces:
        out += pipe.push(np.ones(count, np.float32), rate, stamp)
    out += pipe.flush()
    ends = [t + s.size / SOUND_RATE for t, s in out]
    assert all(t >= 0 for t, _ in out)
    # at most the rounding of a change of rate
    assert all(b[0] > a - 2e-3 for a, b in zip(ends, out[1:], strict=False))


# --- images ----------------------------------------------------------------------------------


def write_image(path: Path, image: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, image[..., ::-1])[1].tobytes())
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_an_image_is_a_clip_of_one_frame(tmp_path: Path, suffix: str) -> None:
    path = write_image(tmp_path / f"bildnis_größe 図{suffix}", quarters(60, 40))
    assert image_size(path.read_bytes()) == (60, 40)
    clip = open_clip(path)
    assert (clip.info.width, clip.info.height, clip.info.has_sound) == (60, 40, False)
    assert clip.info.duration == 0
    (frame,) = clip.decode()
    assert isinstance(frame, Frame)
    assert (frame.index, frame.time) == (0, 0.0)
    assert_corners(frame.image, [RED, GREEN, BLUE, GREY], 15)
    assert clip.read_sound().samples.size == 0


def test_exif_orientation(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.jpg", quarters(64, 48))
    data = path.read_bytes()
    tag = b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"  # orientation 6: turn by 90 degrees
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + tag + b"\0\0\0\0"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    clip = open_clip(path)
    assert (clip.info.width, clip.info.height) == (48, 64)
    assert_corners(next(clip.frames()).image, [BLUE, RED, GREY, GREEN], 15)


def test_a_folder_of_numbered_images_is_a_clip(tmp_path: Path) -> None:
    for number in (1, 2, 10, 9, 11):
        image = np.full((20, 30, 3), number * 10, np.uint8)
        write_image(tmp_path / f"frame_{number}.png", image)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "._frame_3.png").write_bytes(b"junk")
    clip = open_clip(tmp_path, frame_rate=10)
    assert (clip.info.width, clip.info.height, clip.info.frame_rate) == (30, 20, 10)
    assert clip.info.duration == pytest.approx(1.1)
    frames = list(clip.frames())
    assert [f.image[0, 0, 0] for f in frames] == [10, 20, 90, 100, 110]
    assert [f.time for f in frames] == pytest.approx([0, 0.1, 0.8, 0.9, 1.0])
    assert list(clip.decode(frames=False)) == []
    # a damaged one leaves a hole in time
    (tmp_path / "frame_2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    clip = open_clip(tmp_path, frame_rate=10)
    frames = list(clip.frames())
    assert [f.time for f in frames] == pytest.approx([0, 0.8, 0.9, 1.0])
    assert [f.index for f in frames] == [0, 1, 2, 3]
    assert any("frame_2.png" in w for w in clip.warnings)


def test_the_frame_rate_has_to_be_one(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", quarters(8, 8))
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="frame_rate"):
            open_clip(path, frame_rate=bad)
    with pytest.raises(ParameterError, match="threads"):
        open_clip(path, threads=-1)
    with pytest.raises(ParameterError, match="max_pixels"):
        Limits(max_pixels=0)


@given(st.text(max_size=8), st.text(max_size=8))
@settings(max_examples=100, deadline=None)
def test_natural_keys_can_always_be_compared(one: str, other: str) -> None:
    a, b = natural_key(one), natural_key(other)
    assert (a < b) + (a > b) + (a == b) == 1


def test_natural_order() -> None:
    names = ["a10", "a9", "A1", "b", "a"]
    assert sorted(names, key=natural_key) == ["a", "A1", "a9", "a10", "b"]


# --- finding clips ---------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b10.mp4", "b9.MP4", "x/c.wav", "x/notes.txt", ".hidden/d.mp4", ".e.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "film").mkdir()
    for number in range(3):
        write_image(tmp_path / "film" / f"{number:04}.png", quarters(8, 8))
    (tmp_path / "photos").mkdir()
    for name in ("anna.png", "bert.png"):
        write_image(tmp_path / "photos" / name, quarters(8, 8))
    return tmp_path


def test_find_clips_in_folders(tree: Path) -> None:
    found = [p.relative_to(tree).as_posix() for p in find_clips([tree])]
    assert found == [
        "b9.MP4", "b10.mp4", "film", "photos/anna.png", "photos/bert.png", "x/c.wav",
    ]  # fmt: skip
    assert find_clips([tree / "film"]) == [tree / "film"]
    assert len(find_clips([tree / "photos"])) == 2


def test_find_clips_by_patterns_without_doubles(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_clips([str(tree / "*.mp4")]) == [tree / "b10.mp4"]
    assert find_clips([str(tree / "**" / "*.wav"), tree / "x" / "c.wav"]) == [tree / "x" / "c.wav"]
    monkeypatch.chdir(tree)
    assert find_clips(["b10.mp4", tree / "b10.mp4", "./b10.mp4"]) == [Path("b10.mp4")]
    # a file is taken as it is, whatever its name
    odd = tree / "odd[1].xyz"
    odd.write_bytes(b"x")
    assert find_clips([odd]) == [odd]


@pytest.mark.parametrize("argument", ["gone.mp4", "*.avi", "empty"])
def test_find_clips_says_what_holds_nothing(
    tree: Path, argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    os.mkdir("empty")
    with pytest.raises(MediaError, match=argument.replace("*", r"\*")):
        find_clips([argument])
