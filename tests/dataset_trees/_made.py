"""What made-up trees are made of: tiny files that can be decoded, and what a tree declares."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from media_files import write_media

_NUMBERS = itertools.count(1)  # no two files of a tree have the same content
_VIDEOS = 128  # are encoded of each kind, more than a tree has
_videos: dict[tuple[str, int], bytes] = {}


def sound(path: Path) -> Path:
    """Twenty milliseconds of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(next(_NUMBERS)).integers(-9000, 9000, 320, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(noise.tobytes())
    return path


def video(path: Path) -> Path:
    """Four frames of 32 x 32 pixels of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = next(_NUMBERS) % _VIDEOS
    kept = _videos.get((path.suffix, number))
    if kept is not None:
        path.write_bytes(kept)
        return path
    image = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    codec = "flv" if path.suffix == ".flv" else "mpeg4"
    write_media(path, video=codec, stamps=(0, 40, 80, 120), size=(32, 32), paint=lambda _: image)
    _videos[path.suffix, number] = path.read_bytes()
    return path


def picture(path: Path) -> Path:
    """48 x 48 pixels of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(next(_NUMBERS)).integers(0, 256, (48, 48), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True)
class Tree:
    """One layout of a dataset: how a good tree is made, and what is in it.

    Attributes
    ----------
    dataset : the name of its reader.
    make : fills a folder and returns the path to open.
    names : the classes, and ``n``, how many items there are of all.
    groups : how many groups there are.
    examples : file relative to the folder (or "row 3" of one file) → emotion, group, split, kind.
    splits : the parts. outside : the words that are dropped.
    stray : puts a file without a label into it; None where there can be none.
    aside : patterns of files that are neither items nor dropped, such as the table itself.
    options : of `open_dataset`; a layout there means that it is not found without its name.
    """

    dataset: str
    make: Callable[[Path], Path]
    names: str
    n: int
    groups: int
    examples: Mapping[str, tuple[str, str, str, str]]
    splits: str = ""
    outside: tuple[str, ...] = ()
    stray: Callable[[Path], Path] | None = None
    aside: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


SEVEN = "angry disgust fear happy sad surprise neutral"
SIX = "angry disgust fear happy sad neutral"


def stray_sound(root: Path) -> Path:
    return sound(root / "holiday.wav")


def stray_video(root: Path) -> Path:
    return video(root / "holiday.avi")


def stray_picture(root: Path) -> Path:
    return picture(root / "holiday.png")
