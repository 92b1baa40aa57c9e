"""CREMA-D, two actors, as video and as sound."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from dataset_trees._made import SIX, Tree, sound, stray_sound, stray_video, video


def crema(folder: str, suffix: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor, word in itertools.product((1001, 1091), ("ANG", "DIS", "FEA", "HAP", "SAD")):
            path = root / folder / f"{actor}_IEO_{word}_LO{suffix}"
            _ = sound(path) if suffix == ".wav" else video(path)
            if word == "SAD":  # as one name of the set is
                path.rename(path.with_name(f"{actor}_ITH_SAD_X{suffix}"))
            if word == "ANG":
                other = path.with_name(f"{actor}_DFA_NEU_XX{suffix}")
                _ = sound(other) if suffix == ".wav" else video(other)
        return root

    return make


TREES = {
    "crema_d, videos": Tree(
        "crema_d",
        crema("VideoFlash", ".flv"),
        SIX,
        12,
        2,
        examples={"VideoFlash/1091_IEO_HAP_LO.flv": ("happy", "1091", "", "clip")},
        stray=stray_video,
    ),
    "crema_d, mp4": Tree(
        "crema_d",
        crema("mp4", ".mp4"),
        SIX,
        12,
        2,
        examples={"mp4/1091_IEO_HAP_LO.mp4": ("happy", "1091", "", "clip")},
        stray=stray_video,
    ),
    "crema_d, sound": Tree(
        "crema_d",
        crema("AudioWAV", ".wav"),
        SIX,
        12,
        2,
        examples={"AudioWAV/1001_IEO_FEA_LO.wav": ("fear", "1001", "", "sound")},
        stray=stray_sound,
    ),
}
