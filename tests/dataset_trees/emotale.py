"""EmoTale: two speakers, one in both languages."""

from __future__ import annotations

import itertools
from pathlib import Path

from dataset_trees._made import Tree, sound, stray_sound


def emotale(root: Path) -> Path:
    for speaker, letter in itertools.product(("DK_004", "EN_004", "DK_017"), "AHSNB"):
        sound(root / "wav" / f"{speaker}_{letter}_5.wav")
    return root


TREES = {
    "emotale": Tree(
        "emotale",
        emotale,
        "angry happy sad neutral",
        12,
        2,
        {"wav/EN_004_A_5.wav": ("angry", "004", "", "sound")},
        outside=("B",),
        stray=stray_sound,
    ),
}
