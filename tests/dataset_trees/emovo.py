"""EMOVO: two speakers."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, sound, stray_sound


def emovo(root: Path) -> Path:
    for speaker in ("f1", "m3"):
        for word in ("dis", "gio", "neu", "pau", "rab", "sor", "tri"):
            sound(root / speaker / f"{word}-{speaker}-b1.wav")
    return root


TREES = {
    "emovo": Tree(
        "emovo",
        emovo,
        SEVEN,
        14,
        2,
        {"f1/pau-f1-b1.wav": ("fear", "f1", "", "sound")},
        stray=stray_sound,
    ),
}
