"""SFEW with aligned faces, and a test part without labels."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import SEVEN, Tree, picture, stray_picture


def sfew(root: Path) -> Path:
    for part in ("Train", "Val"):
        for name in SEVEN.split():
            for film in ("Airheads", "21"):
                folder = root / f"{part}_Aligned_Faces" / name.capitalize()
                picture(folder / f"{film}_000519240_00000005.png")
    picture(root / "Test_Aligned_Faces" / "AboutABoy_000125680_00000011.png")
    return root


TREES = {
    "sfew": Tree(
        "sfew",
        sfew,
        SEVEN,
        28,
        4,
        {
            "Val_Aligned_Faces/Sad/21_000519240_00000005.png": (
                "sad",
                "valid/21",
                "valid",
                "still",
            )
        },
        splits="train valid",
        stray=stray_picture,
    ),
}
