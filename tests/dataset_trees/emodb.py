"""EMO-DB, two speakers."""

from __future__ import annotations

import itertools
from pathlib import Path

from dataset_trees._made import SIX, Tree, sound, stray_sound


def emodb(root: Path) -> Path:
    for speaker, letter in itertools.product(("03", "16"), "WLEAFTN"):
        sound(root / "wav" / f"{speaker}a01{letter}b.wav")
    return root


TREES = {
    "emodb": Tree(
        "emodb",
        emodb,
        SIX,
        12,
        2,
        examples={"wav/16a01Tb.wav": ("sad", "16", "", "sound")},
        outside=("boredom",),
        stray=stray_sound,
    ),
}
