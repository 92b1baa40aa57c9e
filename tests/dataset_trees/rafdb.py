"""RAF-DB by its list, and in folders of numbers."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, stray_picture, text


def by_list(root: Path) -> Path:
    lines = []
    for part in ("train", "test"):
        for code in range(1, 8):
            name = f"{part}_0000{code}"
            picture(root / "basic/Image/aligned" / f"{name}_aligned.jpg")
            picture(root / "basic/Image/original" / f"{name}.jpg")
            lines.append(f"{name}.jpg {code}")
    text(root / "basic/EmoLabel/list_patition_label.txt", *lines)
    return root


def folders(root: Path) -> Path:
    for part in ("train", "test"):
        for code in range(1, 8):
            picture(root / "DATASET" / part / str(code) / f"{part}_0000{code}_aligned.jpg")
    text(root / "train_labels.csv", "image,label", "train_00001_aligned.jpg,1")
    return root


def other_names(root: Path) -> Path:
    for part in ("train", "test"):
        for code in range(1, 8):
            picture(root / part / str(code) / "1.jpg")
    return root


TREES = {
    "rafdb, list": Tree(
        "rafdb",
        by_list,
        SEVEN,
        14,
        14,
        {
            "basic/Image/aligned/test_00002_aligned.jpg": (
                "fear",
                "test_00002.jpg",
                "test",
                "still",
            )
        },
        splits="train test",
        aside=("list_patition_label.txt",),
        stray=stray_picture,
    ),
    "rafdb, folders": Tree(
        "rafdb",
        folders,
        SEVEN,
        14,
        14,
        {
            "DATASET/train/1/train_00001_aligned.jpg": (
                "surprise",
                "DATASET/train/1/train_00001_aligned.jpg",
                "train",
                "still",
            )
        },
        splits="train test",
        stray=stray_picture,
    ),
    "rafdb, other names": Tree(
        "rafdb",
        other_names,
        SEVEN,
        14,
        14,
        {"test/7/1.jpg": ("neutral", "test/7/1.jpg", "test", "still")},
        splits="train test",
        stray=stray_picture,
        options={"layout": "rafdb"},
    ),
}
