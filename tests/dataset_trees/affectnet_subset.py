"""The subset of AffectNet: numbers in class folders."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, stray_picture


def subset(root: Path) -> Path:
    for part in ("train", "test"):
        for name in SEVEN.split():
            picture(root / part / name / "134.png")
    return root


TREES = {
    "affectnet_subset": Tree(
        "affectnet_subset",
        subset,
        SEVEN,
        14,
        14,
        {"test/sad/134.png": ("sad", "test/sad/134.png", "test", "still")},
        splits="train test",
        stray=stray_picture,
        options={"layout": "affectnet_subset"},
    ),
}
