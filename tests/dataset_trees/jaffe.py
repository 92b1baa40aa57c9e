"""JAFFE: two persons."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, stray_picture

WORDS = ("AN", "DI", "FE", "HA", "NE", "SA", "SU")


def jaffe(root: Path) -> Path:
    for person in ("KA", "YM"):
        for number, word in enumerate(WORDS):
            picture(root / f"{person}.{word}1.{number + 9}.tiff")
    return root


TREES = {
    "jaffe": Tree(
        "jaffe",
        jaffe,
        SEVEN,
        14,
        2,
        {"KA.AN1.9.tiff": ("angry", "KA", "", "still")},
        stray=stray_picture,
    ),
}
