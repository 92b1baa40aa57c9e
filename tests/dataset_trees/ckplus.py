"""CK+: sequences of pictures, and their label files."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, picture, text


def ckplus(root: Path) -> Path:
    for subject in ("S005", "S010"):
        for code in range(1, 8):
            for frame in (1, 2, 3):
                picture(
                    root / "cohn-kanade-images" / subject / f"00{code}"
                    / f"{subject}_00{code}_{frame:08}.png"
                )  # fmt: skip
            text(
                root / "Emotion" / subject / f"00{code}"
                / f"{subject}_00{code}_00000003_emotion.txt",
                f"   {code}.0000000e+00",
            )  # fmt: skip
    picture(root / "cohn-kanade-images/S010/008/S010_008_00000001.png")  # has no label
    return root


def stray_sequence(root: Path) -> Path:
    return picture(root / "cohn-kanade-images/S005/009/S005_009_00000001.png")


TREES = {
    "ckplus": Tree(
        "ckplus",
        ckplus,
        "angry disgust fear happy sad surprise",
        12,
        2,
        examples={
            "cohn-kanade-images/S005/003/S005_003_00000003.png": ("disgust", "S005", "", "still")
        },
        aside=("*_emotion.txt",),
        outside=("contempt",),
        stray=stray_sequence,
    ),
}
