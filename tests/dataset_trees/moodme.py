"""The stock pictures of the rarest emotions."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, picture, stray_picture


def moodme(root: Path) -> Path:
    for name in ("contempt", "disgust", "fear"):
        for k in range(3):
            picture(root / name / f"{k}.jpg")
    return root


TREES = {
    "moodme": Tree(
        "moodme",
        moodme,
        "disgust fear",
        6,
        6,
        {"fear/0.jpg": ("fear", "fear/0.jpg", "", "still")},
        outside=("contempt",),
        stray=stray_picture,
        options={"layout": "moodme"},
    ),
}
