"""RAVDESS, two actors, as sound and as video."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from dataset_trees._made import SEVEN, Tree, sound, stray_sound, stray_video, video


def ravdess(prefix: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor, emotion in itertools.product((1, 12), range(1, 9)):
            name = f"Actor_{actor:02}/{prefix}-0{emotion}-01-02-01-{actor:02}"
            _ = sound(root / f"{name}.wav") if prefix[1] == "3" else video(root / f"{name}.mp4")
        return root

    return make


TREES = {
    "ravdess, speech": Tree(
        "ravdess",
        ravdess("03-01"),
        SEVEN,
        16,
        2,
        examples={"Actor_12/03-01-06-01-02-01-12.wav": ("fear", "12", "", "sound")},
        stray=stray_sound,
    ),
    "ravdess, videos": Tree(
        "ravdess",
        ravdess("01-01"),
        SEVEN,
        16,
        2,
        examples={"Actor_01/01-01-02-01-02-01-01.mp4": ("neutral", "01", "", "clip")},
        stray=stray_video,
    ),
}
