"""CK+ and the web: half of the names are random fractions."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, stray_picture

WORDS = ("anger", "disgust", "fear", "happy", "neutral", "sadness", "surprise")


def web(root: Path) -> Path:
    for k, word in enumerate(WORDS):
        picture(root / "dataset" / word / f"0.64289394913{k}.jpg")
        picture(root / "dataset" / word / "134.jpg")
    return root


TREES = {
    "ckplus_web": Tree(
        "ckplus_web",
        web,
        SEVEN,
        14,
        14,
        {"dataset/sadness/134.jpg": ("sad", "dataset/sadness/134.jpg", "", "still")},
        stray=stray_picture,
    ),
}
