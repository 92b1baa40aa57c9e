"""Class folders, with parts and people, and of pictures alone."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, sound, stray_picture, stray_sound, video


def folders(root: Path) -> Path:
    for split, person in (("train", "ann"), ("valid", "bob"), ("test", "cid")):
        for name in ("angry", "Happiness", "CALM"):
            sound(root / split / name / person / "1.wav")
    video(root / "train" / "angry" / "ann" / "2.mp4")
    sound(root / "train" / "contempt" / "ann" / "1.wav")
    return root


def pictures(root: Path) -> Path:
    for name in SEVEN.split():
        for k in range(2):
            picture(root / name / f"{k}.png")
    return root


TREES = {
    "folders": Tree(
        "folders",
        folders,
        "angry happy neutral",
        10,
        3,
        examples={
            "train/Happiness/ann/1.wav": ("happy", "ann", "train", "sound"),
            "train/angry/ann/2.mp4": ("angry", "ann", "train", "clip"),
        },
        splits="train valid test",
        outside=("contempt",),
        stray=stray_sound,
    ),
    "folders of pictures": Tree(
        "folders",
        pictures,
        SEVEN,
        14,
        14,
        examples={"sad/0.png": ("sad", "sad/0.png", "", "still")},
        stray=stray_picture,
    ),
}
