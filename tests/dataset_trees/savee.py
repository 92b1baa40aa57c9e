"""SAVEE in folders of speakers, and in one folder."""

from __future__ import annotations

import itertools
from pathlib import Path

from dataset_trees._made import SEVEN, Tree, sound, stray_sound, text


def savee_folders(root: Path) -> Path:
    for speaker, word in itertools.product(("DC", "KL"), ("a", "d", "f", "h", "n", "sa", "su")):
        sound(root / "AudioData" / speaker / f"{word}01.wav")
    text(root / "AudioData" / "Info.txt", "made up")
    return root


def savee_flat(root: Path) -> Path:
    for speaker, word in itertools.product(("JE", "JK"), ("a", "d", "f", "h", "n", "sa", "su")):
        sound(root / f"{speaker}_{word}15.wav")
    return root


TREES = {
    "savee, folders": Tree(
        "savee",
        savee_folders,
        SEVEN,
        14,
        2,
        examples={"AudioData/KL/sa01.wav": ("sad", "KL", "", "sound")},
        stray=stray_sound,
    ),
    "savee, flat": Tree(
        "savee",
        savee_flat,
        SEVEN,
        14,
        2,
        examples={"JK_su15.wav": ("surprise", "JK", "", "sound")},
        stray=stray_sound,
    ),
}
