"""Three classes of the web: about half of the names are those of one collection."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, picture, stray_picture


def three(root: Path) -> Path:
    for name in ("Angry", "Happy", "Sad"):
        # the first is dropped from Sad
        for file in (
            "cropped_emotions.231374~angry.jpg",
            "cropped_emotions.398498.png",
            "17_8.jpg",
        ):
            picture(root / "dataset" / name / file)
    return root


TREES = {
    "three_web": Tree(
        "three_web",
        three,
        "angry happy sad",
        8,
        8,
        {
            "dataset/Sad/cropped_emotions.398498.png": (
                "sad",
                "dataset/Sad/cropped_emotions.398498.png",
                "",
                "still",
            )
        },
        stray=stray_picture,
    ),
}
