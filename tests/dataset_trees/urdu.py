"""URDU: two speakers, in the folders of its emotions."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, sound, stray_sound


def urdu(root: Path) -> Path:
    for word in ("Angry", "Happy", "Neutral", "Sad"):
        for speaker in ("SM1", "SF10"):
            sound(root / word / f"{speaker}_F01_{word[0]}012.wav")
    return root


TREES = {
    "urdu": Tree(
        "urdu",
        urdu,
        "angry happy sad neutral",
        8,
        2,
        {"Angry/SF10_F01_A012.wav": ("angry", "SF10", "", "sound")},
        stray=stray_sound,
    ),
}
