"""FER2013 in one file, and taken apart into pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dataset_trees._made import SEVEN, Tree, picture, stray_picture, text


def fer_arrays() -> dict[str, Any]:
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(7), 6)
    return {
        "images": random.integers(0, 256, (42, 48, 48), dtype=np.uint8),
        "label": labels,
        "usage": np.repeat([0, 1, 2], 14),
        "ferplus_votes": random.integers(0, 10, (42, 10), dtype=np.uint8),
    }


def fer_npz(root: Path) -> Path:
    np.savez(root / "fer2013.npz", **fer_arrays())
    return root / "fer2013.npz"


def fer_csv(root: Path) -> Path:
    a = fer_arrays()
    usage = ("Training", "PublicTest", "PrivateTest")
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{usage[part]}"
        for label, image, part in zip(a["label"], a["images"], a["usage"], strict=True)
    ]
    text(root / "fer2013.csv", "emotion,pixels,Usage", *rows)
    names = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = [",".join(map(str, row)) for row in a["ferplus_votes"]]
    text(root / "fer2013new.csv", names, *votes)
    return root


def fer_folders(root: Path) -> Path:
    for name in SEVEN.split():
        for k, (part, start) in enumerate(
            (("train", "Training"), ("test", "PublicTest"), ("test", "PrivateTest"))
        ):
            picture(root / part / name / f"{start}_{k}{len(name)}{ord(name[0])}.png")
    return root


TREES = {
    "fer2013, npz": Tree(
        "fer2013",
        fer_npz,
        SEVEN,
        42,
        42,
        examples={"row 15": ("disgust", "row 15", "valid", "still")},
        splits="train valid test",
    ),
    "fer2013, csv": Tree(
        "fer2013",
        fer_csv,
        SEVEN,
        42,
        42,
        examples={"row 15": ("disgust", "row 15", "valid", "still")},
        aside=("fer2013.csv", "fer2013new.csv"),
        splits="train valid test",
    ),
    "fer2013, folders": Tree(
        "fer2013",
        fer_folders,
        SEVEN,
        21,
        21,
        examples={"test/sad/PrivateTest_23115.png": ("sad", "PrivateTest_23115", "test", "still")},
        splits="train valid test",
        stray=stray_picture,
    ),
}
