"""ASED: two speakers, in the folders of its emotions."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, sound, stray_sound

FOLDERS = ("01Neutral", "02Fearful", "03Happy", "04Sad", "05Angry")


def ased(root: Path) -> Path:
    for folder, word in zip(FOLDERS, ("n1", "f2", "h3", "S4", "a5"), strict=True):
        for speaker in ("01", "50"):
            sound(root / folder / f"{word}-03-01-02-{speaker}.wav")
    return root


TREES = {
    "ased": Tree(
        "ased",
        ased,
        "angry fear happy sad neutral",
        10,
        2,
        {"04Sad/S4-03-01-02-50.wav": ("sad", "50", "", "sound")},
        stray=stray_sound,
    ),
}
