"""eNTERFACE'05: three subjects, of whom two have their names in another form."""

from __future__ import annotations

from pathlib import Path

from dataset_trees._made import Tree, stray_video, video

FOLDERS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")


def enterface(root: Path) -> Path:
    for word in FOLDERS:
        short = word[:2]
        video(root / f"subject 1/{word}/sentence 1/s1_{short}_1.avi")
        video(root / f"subject 3/{word}/sentence 1/s_3_{short}_1.avi")
        video(root / f"subject 6/{word}/s6_{short}_1avi.avi")  # has no folder of sentences
    return root


TREES = {
    "enterface": Tree(
        "enterface",
        enterface,
        "angry disgust fear happy sad surprise",
        18,
        3,
        {
            "subject 3/sadness/sentence 1/s_3_sa_1.avi": ("sad", "3", "", "clip"),
            "subject 6/fear/s6_fe_1avi.avi": ("fear", "6", "", "clip"),
        },
        stray=stray_video,
    ),
}
