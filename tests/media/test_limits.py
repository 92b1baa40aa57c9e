"""Limits by text, as the command line takes them, and the suffixes of folders."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import open_clip
from emonets.media.find import MEDIA_SUFFIXES
from emonets.media.formats import FORMATS
from emonets.media.images import IMAGE_SUFFIXES
from emonets.media.limits import Limits
from media_files import write_media


def test_parse() -> None:
    limits = Limits.parse(["pixels=1e6", "max_duration=2.5", "max-frames=10"])
    assert limits == Limits(max_pixels=10**6, max_duration=2.5, max_frames=10)
    assert Limits.parse([]) == Limits()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size=3", "pixels, duration, frames, bytes, got 'size=3'"),
        ("frames", "--limit frames: needs a number above 0, got ''"),
        ("frames=x", "got 'x'"),
        ("frames=inf", "got 'inf'"),
        ("frames=0", "above 0"),
        ("duration=-1", "above 0"),
        ("duration=nan", "above 0"),
        ("pixels=1e12", "at most"),
    ],
)
def test_wrong_texts(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        Limits.parse([text])


def test_the_error_names_the_option(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4")
    for limits in (Limits(max_pixels=100), Limits(max_bytes=10)):
        with pytest.raises(MediaError, match=r"Limits\(max_(pixels|bytes)=...\), --limit"):
            open_clip(path, limits=limits)


NOT_BY_FOLDER = {
    ".mks",  # subtitles
    ".apl", ".mac",  # lists of the tracks of an APE file, and paintings of old Macs
    ".mpo",  # an image
}  # fmt: skip


def test_what_ffmpeg_knows_of_the_containers_is_read() -> None:
    known: set[str] = set()
    for name in FORMATS.split(","):
        for mode in ("r", "w"):
            try:
                known |= av.ContainerFormat(name, mode).extensions
            except ValueError:  # it cannot be written
                continue
    suffixes = {f".{suffix}" for suffix in known}
    assert suffixes - MEDIA_SUFFIXES - NOT_BY_FOLDER == set()


def test_suffixes_that_users_missed() -> None:
    missed = ".heic .avif .jfif .mxf .mpe .mka .mp2 .qt .ismv .m4b .3gpp .wave .mpga .rmvb .hif"
    assert set(missed.split()) <= MEDIA_SUFFIXES
    assert IMAGE_SUFFIXES <= MEDIA_SUFFIXES


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mxf", {"video": "mpeg2video", "audio": "pcm_s16le"}),
        ("a.nut", {}),
        ("a.ivf", {"video": "libvpx"}),
        ("a.h264", {}),
        ("a.mpe", {"video": "mpeg1video", "kind": "mpeg"}),
        ("a.mka", {"video": None, "audio": "flac", "kind": "matroska"}),
        ("a.mp2", {"video": None, "audio": "mp2"}),
        ("a.qt", {"kind": "mov"}),
        ("a.ismv", {"kind": "ismv"}),
        ("a.m2v", {"video": "mpeg2video", "kind": "mpeg2video"}),
        ("a.mjpeg", {"video": "mjpeg", "pixels": "yuvj420p"}),
    ],
)
def test_they_are_read(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = write_media(tmp_path / name, **options)  # type: ignore[arg-type]
    clip = open_clip(path)
    assert len(list(clip.decode())) > 10
