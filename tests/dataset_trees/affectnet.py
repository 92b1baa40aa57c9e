"""AffectNet in four layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dataset_trees._made import SEVEN, Tree, picture, stray_picture, text

COLUMNS = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)


def annotated(root: Path) -> Path:
    for part in ("train_set", "val_set"):
        (root / part / "annotations").mkdir(parents=True)
        for code in range(8):
            picture(root / part / "images" / f"{code}7.jpg")
            # some copies hold text, others numbers
            value = np.array(str(code)) if part == "train_set" else np.array(code)
            np.save(root / part / "annotations" / f"{code}7_exp.npy", value)
            np.save(root / part / "annotations" / f"{code}7_val.npy", np.array("-0.5"))
    return root


def stray_image(root: Path) -> Path:
    return picture(root / "train_set" / "images" / "99.jpg")


def tables(root: Path) -> Path:
    for table, folder in (("training.csv", "689"), ("validation.csv", "13")):
        lines = []
        for code in range(11):
            name = f"{folder}/ab{code}.jpg"
            if code < 8:
                picture(root / "Manually_Annotated_Images" / name)
            lines.append(f"{name},1,2,30,40,1.5;2.5,{code},0.1,-0.2")
        text(root / table, *([COLUMNS, *lines] if folder == "689" else lines))
    return root


def words(root: Path) -> Path:
    lines = [",pth,label,relFCs"]
    for k, word in enumerate(2 * (*SEVEN.split()[1:], "anger", "contempt")):
        picture(root / word / f"image000000{k}.jpg")
        lines.append(f"{k},{word}/image000000{k}.jpg,{word},0.87")
    text(root / "labels.csv", *lines)
    return root


def folders(root: Path) -> Path:
    for part in ("train", "val"):
        for code in range(8):
            picture(root / part / str(code) / "1.jpg")
    return root


TREES = {
    "affectnet, annotations": Tree(
        "affectnet",
        annotated,
        SEVEN,
        14,
        14,
        {"val_set/images/27.jpg": ("sad", "valid/27", "valid", "still")},
        splits="train valid",
        outside=("7",),
        aside=("*.npy",),
        stray=stray_image,
    ),
    "affectnet, tables": Tree(
        "affectnet",
        tables,
        SEVEN,
        14,
        14,
        {
            "Manually_Annotated_Images/13/ab6.jpg": ("angry", "13/ab6.jpg", "valid", "still"),
        },
        splits="train valid",
        outside=("7", "8", "9", "10"),
        aside=("*.csv",),
        stray=stray_picture,
    ),
    "affectnet, words": Tree(
        "affectnet",
        words,
        SEVEN,
        14,
        14,
        {"anger/image0000006.jpg": ("angry", "anger/image0000006.jpg", "", "still")},
        outside=("contempt",),
        aside=("labels.csv",),
        stray=stray_picture,
    ),
    "affectnet, folders": Tree(
        "affectnet",
        folders,
        SEVEN,
        14,
        14,
        {"val/4/1.jpg": ("fear", "val/4/1.jpg", "valid", "still")},
        splits="train valid",
        outside=("7",),
        stray=stray_picture,
        options={"layout": "affectnet"},
    ),
}
