"""The stock portraits: most names are those of an agency."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, picture, stray_picture


def portraits(root: Path) -> Path:
    for part in ("train", "valid", "test"):
        for name in ("angry", "happy", "sad", "normal"):
            picture(root / part / name / "istock4_330.jpg")
            picture(root / part / name / "istock1_75 (2).jpg")
            picture(root / part / name / "anger.jpg")
    return root


TREES = {
    "stock_portraits": Tree(
        "stock_portraits",
        portraits,
        "angry happy sad neutral",
        36,
        36,
        {
            "valid/normal/anger.jpg": ("neutral", "valid/normal/anger.jpg", "valid", "still"),
        },
        splits="train valid test",
        stray=stray_picture,
    ),
}
