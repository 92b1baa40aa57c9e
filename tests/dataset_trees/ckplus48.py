"""CK+48: names of CK+ in class folders."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, picture, stray_picture

WORDS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")


def ckplus48(root: Path) -> Path:
    for sequence, word in enumerate(WORDS):
        for subject in ("S005", "S032"):
            picture(root / "CK+48" / word / f"{subject}_00{sequence}_00000014.png")
    return root


TREES = {
    "ckplus48": Tree(
        "ckplus48",
        ckplus48,
        "angry disgust fear happy sad surprise",
        12,
        2,
        {"CK+48/sadness/S032_005_00000014.png": ("sad", "S032", "", "still")},
        outside=("contempt",),
        stray=stray_picture,
    ),
}
