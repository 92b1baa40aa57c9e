"""The film of a page: when the clip itself is used, and that a copy keeps its times."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.signal import correlate

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import open_clip
from emonets.report.film_writer import KINDS, kinds
from emonets.report.proxy import make_proxy
from media_files import rotate_mp4, tone, write_media

UNEVEN = (0, 33, 67, 100, 140, 200, 333, 400, 1033, 1101)
LATE = tuple(stamp + 480 for stamp in UNEVEN)


def times(path: Path) -> list[float]:
    return [frame.time for frame in open_clip(path).frames()]


def noise(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    made = 0.3 * rng.standard_normal(round(seconds * 48_000))
    return (made * np.linspace(0, 1, made.size)).astype(np.float32)


@pytest.mark.parametrize("stamps", [UNEVEN, LATE], ids=["uneven", "late"])
def test_mp4_itself(tmp_path: Path, stamps: tuple[int, ...]) -> None:
    film = write_media(tmp_path / "a.mp4", stamps=stamps, audio="aac", sound=tone(1.2))
    made = make_proxy(film, tmp_path / "out")
    assert (made.kind, made.path, made.mime, made.why) == ("film", film, "video/mp4", "")
    assert (made.width, made.height, made.has_sound) == (64, 48, True)
    assert not (tmp_path / "out").exists()


def test_webm_itself(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.webm", video="libvpx", audio="libopus", sound=tone(1.0))
    assert make_proxy(film, tmp_path / "out").mime == "video/webm"


@pytest.mark.parametrize("way", [k.video for k in kinds(sound=True)])
@pytest.mark.parametrize("stamps", [UNEVEN, LATE], ids=["uneven", "late"])
def test_copy_keeps_times(tmp_path: Path, stamps: tuple[int, ...], way: str) -> None:
    film = write_media(tmp_path / "a.mkv", stamps=stamps, audio="aac", sound=noise(1.2))
    ways = [kind for kind in KINDS if kind.video == way]
    made = make_proxy(film, tmp_path / "out", ways=ways)
    assert made.kind == "proxy"
    assert made.path is not None
    assert "mkv" in made.why
    np.testing.assert_allclose(times(made.path), times(film), atol=1e-3)
    own, copy = open_clip(film).read_sound(), open_clip(made.path).read_sound()
    n = min(own.samples.size, copy.samples.size) - 2000
    assert own.time == copy.time == 0
    assert n > 50_000
    where = correlate(copy.samples[:n], own.samples[20_000:40_000], "valid", "fft").argmax()
    assert abs(int(where) - 20_000) <= 48  # a millisecond
    assert [path.name for path in (tmp_path / "out").iterdir()] == [made.path.name]


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [("a.avi", "mpeg4", None), ("a.flv", "flv", "libmp3lame"), ("a.mpg", "mpeg2video", "mp2"),
     ("a.wmv", "wmv2", None), ("a.mp4", "mpeg4", "aac")],
)  # fmt: skip
def test_other_films_are_copied(tmp_path: Path, name: str, video: str, audio: str | None) -> None:
    film = write_media(tmp_path / name, video=video, audio=audio, stamps=range(0, 400, 40))
    made = make_proxy(film, tmp_path / "out")
    assert (made.kind, made.has_sound) == ("proxy", audio is not None)
    assert made.path is not None
    np.testing.assert_allclose(times(made.path), times(film), atol=1e-3)


def test_turned_film(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.mp4")
    rotate_mp4(film, 90)
    made = make_proxy(film, tmp_path / "out")
    assert (made.kind, made.width, made.height) == ("proxy", 48, 64)
    assert made.path is not None
    image = next(open_clip(made.path).frames()).image
    assert image.shape == (64, 48, 3)
    assert image[5, -5].argmax() == 0  # red, top left before the turn
    again = make_proxy(write_media(tmp_path / "b.mp4"), tmp_path / "out", turns=1)
    assert (again.kind, again.width, again.height) == ("proxy", 48, 64)


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"aspect": Fraction(2, 1)}, "square"), ({"pixels": "yuv444p"}, "colours"),
     ({"stamps": LATE}, "begin at 0")],
)  # fmt: skip
def test_odd_films_are_copied(tmp_path: Path, changes: dict, why: str) -> None:
    film = write_media(tmp_path / "a.mp4", **changes)
    made = make_proxy(film, tmp_path / "out", long_side=32)
    assert made.kind == "proxy"
    assert why in made.why
    assert made.path is not None
    info = open_clip(made.path).info
    assert max(info.width, info.height) == 32


def test_no_encoder(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.mkv", stamps=range(0, 3000, 100))
    made = make_proxy(film, tmp_path / "out", ways=[])
    assert (made.kind, made.path) == ("thumbnails", None)
    assert made.thumbnails is not None
    assert made.thumbnails.times == (0.0, 1.0, 2.0)
    assert "a picture a second" in made.why


def test_failing_encoder_leaves_nothing(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.mkv", stamps=range(0, 1000, 100))
    bad = replace(KINDS[0], options={"preset": "there is none"})
    made = make_proxy(film, tmp_path / "out", ways=[bad])
    assert made.kind == "thumbnails"
    assert [p.suffix for p in (tmp_path / "out").iterdir()] == [".jpg"]


def test_sound_only(tmp_path: Path) -> None:
    wav = write_media(tmp_path / "a.wav", video=None, audio="pcm_s16le")
    assert (make_proxy(wav, tmp_path / "out").kind, wav.suffix) == ("film", ".wav")
    ac3 = write_media(tmp_path / "a.ac3", video=None, audio="ac3")
    made = make_proxy(ac3, tmp_path / "out")
    assert (made.kind, made.mime, made.has_frames) == ("proxy", "audio/mp4", False)


def test_single_picture(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (200, 0, 0)).save(tmp_path / "a.tif")
    made = make_proxy(tmp_path / "a.tif", tmp_path / "out")
    assert (made.kind, made.mime, made.width) == ("picture", "image/jpeg", 40)


def test_never_over_the_clip(tmp_path: Path) -> None:
    film = write_media(tmp_path / "a.mp4", pixels="yuv444p")
    with pytest.raises(ParameterError, match="is the clip itself"):
        make_proxy(film, tmp_path)


def test_damaged_clip_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_bytes(b"RIFF" + bytes(4000))
    with pytest.raises(MediaError, match=r"a\.avi"):
        make_proxy(tmp_path / "a.avi", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ParameterError, match="long_side"):
        make_proxy(tmp_path / "a.avi", tmp_path / "out", long_side=3)
