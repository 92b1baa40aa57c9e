"""The Ethiopian faces: fourteen classes, and a file that is hidden by its name."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataset_trees._made import Tree, picture, stray_picture

WORDS = ("Anger", "Disgusted", "fears", "hapines", "Sadness", "surprise")
OTHERS = (
    "Admiration", "Enjoyment", "Pride", "Shyness", "confusion", "loneline", "love", "shame",
)  # fmt: skip


def ethiopian(root: Path) -> Path:
    for part in ("train", "test"):
        for word in (*WORDS, *OTHERS):
            picture(root / part / word / "images (7).jpg")
    hidden = picture(root / "train/Sadness/mnb.png")
    shutil.move(hidden, hidden.with_name(".mnb.PNG"))
    return root


TREES = {
    "ethiopian": Tree(
        "ethiopian",
        ethiopian,
        "angry disgust fear happy sad surprise",
        12,
        12,
        {
            "test/hapines/images (7).jpg": (
                "happy",
                "test/hapines/images (7).jpg",
                "test",
                "still",
            )
        },
        splits="train test",
        outside=OTHERS,
        aside=(".mnb.PNG",),
        stray=stray_picture,
    ),
}
