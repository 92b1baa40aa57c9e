"""Folders of images: a film by the numbers in the names, or photographs; what is passed over."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import open_clip
from emonets.media.find import search_clips

CAMERA_NAMES = [
    ("IMG_1201.jpg", "IMG_1202.jpg"), ("DSC01230.jpg", "DSC01237.jpg"),
    ("P1010034.jpg", "P1010035.jpg"), ("_MG_0007.jpg", "_MG_0009.jpg"),
    ("20231105_101010.jpg", "20231105_101544.jpg"),
    ("PXL_20231105_101010123.jpg", "PXL_20231105_101012456.jpg"),
    ("IMG-20231105-WA0001.jpg", "IMG-20231105-WA0004.jpg"),
    ("Screenshot_20231105-101010.png", "Screenshot_20231105-101210.png"),
]  # fmt: skip
FRAME_NAMES = [
    ("0001.png", "0002.png"), ("frame_0001.jpg", "frame_0002.jpg"), ("img001.png", "img002.png"),
    ("clip_20231105_0001.png", "clip_20231105_0002.png"), ("a7.jpg", "a107.jpg"),
    ("00000001.jpg", "00000002.jpg"),
]  # fmt: skip


def save(path: Path, size: tuple[int, int] = (40, 30), exif: dict[int, str] | None = None) -> None:
    tags = Image.Exif()
    for tag, text in (exif or {}).items():
        tags[tag] = text
    rng = np.random.default_rng(len(path.name))
    image = rng.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(image).save(path, exif=tags)


def folder(path: Path, names: tuple[str, ...], **options: dict[int, str]) -> Path:
    path.mkdir()
    for name in names:
        save(path / name, **options)
    return path


@pytest.mark.parametrize("names", CAMERA_NAMES, ids=lambda n: n[0])
def test_names_of_a_camera_are_photographs(tmp_path: Path, names: tuple[str, ...]) -> None:
    place = folder(tmp_path / "a", names)
    found = search_clips([place])
    assert [clip.name for clip in found.clips] == list(names)
    assert "names as a camera gives them" in found.notes[0]
    with pytest.raises(MediaError, match="photographs"):
        open_clip(place)
    # a rate makes them frames
    assert search_clips([place], fps=5).clips == (place,)
    assert len(list(open_clip(place, frame_rate=5).frames())) == 2


@pytest.mark.parametrize("names", FRAME_NAMES, ids=lambda n: n[0])
def test_other_numbered_names_are_frames(tmp_path: Path, names: tuple[str, ...]) -> None:
    place = folder(tmp_path / "a", names)
    assert search_clips([place]).clips == (place,)


@pytest.mark.parametrize("tag", [271, 272, 306])
def test_exif_of_a_camera_makes_photographs(tmp_path: Path, tag: int) -> None:
    place = folder(tmp_path / "a", ("001.jpg", "002.jpg"), exif={tag: "2023:11:05 10:10:10"})
    found = search_clips([place])
    assert len(found.clips) == 2
    assert "state a camera" in found.notes[0]


def test_the_time_of_taking_a_picture_counts_too(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", ("001.jpg", "002.jpg"))
    for path in place.iterdir():
        tags = Image.Exif()
        tags.get_ifd(0x8769)[36867] = "2023:11:05 10:10:10"
        Image.new("RGB", (40, 30)).save(path, exif=tags)
    assert len(search_clips([place]).clips) == 2


def test_different_sizes_are_photographs(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", ("001.jpg", "002.jpg", "003.jpg"))
    save(place / "002.jpg", (30, 40))
    found = search_clips([place])
    assert len(found.clips) == 3
    assert "30x40" in found.notes[0]
    assert "--fps" in found.notes[0]


@pytest.mark.parametrize(
    ("numbers", "clips"),
    [((12, 873, 2201, 2202), 4), ((1, 2, 240), 3), ((1, 2, 4), 1), ((1, 2, 3, 4, 90, 91), 1),
     ((0, 250, 500, 1000), 1), ((5, 900), 1)],
)  # fmt: skip
def test_large_gaps_are_photographs(tmp_path: Path, numbers: tuple[int, ...], clips: int) -> None:
    place = folder(tmp_path / "a", tuple(f"{n:06}.png" for n in numbers))
    found = search_clips([place])
    assert len(found.clips) == clips
    assert bool(found.notes) == (clips > 1)
    assert len(search_clips([place], fps=1).clips) == 1


def test_numbers_count(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", ("f_0000.jpg", "f_0250.jpg", "f_0500.jpg"))
    clip = open_clip(place, frame_rate=25)
    assert [frame.time for frame in clip.frames()] == [0, 10, 20]
    assert not clip.notes  # the rate was given
    clip = open_clip(place)
    assert [frame.time for frame in clip.frames()] == [0, 10, 20]
    assert "in steps of 250, are read as a film at 25 numbers a second" in clip.notes[0]
    assert "*.jpg" in clip.notes[0]


@pytest.mark.parametrize(
    ("names", "times"),
    [(("sec_0000.jpg", "sec_0010.jpg"), [0, 10]), (("t_ms0040.jpg", "t_ms0080.jpg"), [0, 0.04]),
     (("parsec1.jpg", "parsec2.jpg"), [0, 0.04])],
)  # fmt: skip
def test_a_unit_in_the_names(tmp_path: Path, names: tuple[str, ...], times: list[float]) -> None:
    place = folder(tmp_path / "a", names)
    assert [frame.time for frame in open_clip(place).frames()] == pytest.approx(times)
    rated = open_clip(place, frame_rate=5).frames()
    step = 2 if times[1] == 10 else 8 if "ms" in names[0] else 0.2
    assert [frame.time for frame in rated] == pytest.approx([0, step])


def test_a_missing_number_leaves_its_time(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", ("7.png", "8.png", "10.png", "010.png"))
    clip = open_clip(place, frame_rate=2)
    assert [frame.time for frame in clip.frames()] == [0, 0.5, 1.5]
    assert clip.info.duration == 2
    assert clip.notes == [
        "1 of its numbers are missing; the times of the others stay",
        "1 images were left out: their number is there twice",
    ]


def test_a_rate_needs_a_folder_of_frames(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(ParameterError, match="no path is one"):
        search_clips([tmp_path], fps=5)
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ParameterError, match="above 0"):
            search_clips([tmp_path], fps=wrong)


def test_frames_with_other_media_beside_them_are_noted(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", tuple(f"{i}.png" for i in range(8)))
    (place / "sound.wav").write_bytes(b"x")
    found = search_clips([tmp_path])
    assert len(found.clips) == 9
    assert "its 8 numbered pictures are read as stills: other media lie beside" in found.notes[0]
    few = folder(tmp_path / "b", ("1.png", "2.png", "anna.png"))
    assert not search_clips([few]).notes


def test_a_pattern_makes_stills(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", ("1.png", "2.png"))
    assert len(search_clips([str(place / "*.png")]).clips) == 2


def test_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    names = ("a.wav", "a.srt", "b.txt", "c.TXT", "README", ".DS_Store", "._a.wav", "x/d.xml")
    for name in (*names, ".git/config", ".git/a.wav", "x/d.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    found = search_clips([tmp_path])
    assert [clip.name for clip in found.clips] == ["a.wav", "d.heic"]
    assert found.passed_over[str(tmp_path)] == {
        ".txt": 2, "hidden": 2, ".srt": 1, "without suffix": 1, ".xml": 1, "hidden folder": 1,
        "linked folder": 1,
    }  # fmt: skip
    (text,) = found.messages()
    assert text.startswith(f"{tmp_path}: passed over 9 files: 2 .txt, 2 hidden")


def test_a_folder_without_media_names_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (error,) = search_clips([tmp_path]).wrong
    assert "holds no video, sound or image file (it holds 1 .txt)" in str(error)


def test_a_folder_of_frames_with_side_files_is_a_clip(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", ("1.png", "2.png"))
    (place / "labels.csv").write_text("x")
    found = search_clips([tmp_path])
    assert found.clips == (place,)
    assert found.passed_over == {str(tmp_path): {".csv": 1}}


def test_pages_beside_the_first_are_noted(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    clip = open_clip(tmp_path / "a.tif")
    assert clip.notes == ["it holds 2 pictures; only its main one is read"]
    cv2.imwrite(str(tmp_path / "b.tif"), np.zeros((30, 40, 3), np.uint8))
    assert not open_clip(tmp_path / "b.tif").notes
