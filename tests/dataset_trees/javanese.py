"""The Javanese set, two actors, as sound and as video."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from dataset_trees._made import Tree, sound, stray_sound, stray_video, video


def javanese(suffix: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor, emotion in itertools.product((1, 8), range(1, 7)):
            path = root / f"0{actor}-01-0{emotion}_01{suffix}"
            _ = sound(path) if suffix == ".wav" else video(path)
        return root

    return make


TREES = {
    "javanese, sound": Tree(
        "javanese",
        javanese(".wav"),
        "angry fear happy sad surprise neutral",
        12,
        2,
        examples={"08-01-06_01.wav": ("angry", "08", "", "sound")},
        stray=stray_sound,
    ),
    "javanese, videos": Tree(
        "javanese",
        javanese(".mp4"),
        "angry fear happy sad surprise neutral",
        12,
        2,
        examples={"01-01-03_01.mp4": ("happy", "01", "", "clip")},
        stray=stray_video,
    ),
}
