"""AFEW as two of its editions lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataset_trees._made import SEVEN, Tree, stray_video, video


def afew(parts: tuple[str, str, str]) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for part, hour in zip(parts, "012", strict=True):
            for k, name in enumerate(("Angry", "Disgust", "Fear", "Happy", "Sad", "Neutral")):
                video(root / part / name / f"0{hour}00{k}6280.avi")
            video(root / part / "Surprise" / "001234560.avi")
        video(root / parts[2] / "001700040.avi")
        return root

    return make


TREES = {
    "afew 2013": Tree(
        "afew",
        afew(("Train", "Val", "Test")),
        SEVEN,
        21,
        21,
        examples={"Val/Angry/010006280.avi": ("angry", "Val/Angry/010006280", "valid", "clip")},
        splits="train valid test",
        stray=stray_video,
    ),
    "afew 2016": Tree(
        "afew",
        afew(("Train_AFEW", "Val_AFEW", "Test_2016/AFEW")),
        SEVEN,
        21,
        21,
        examples={
            "Test_2016/AFEW/Surprise/001234560.avi": (
                "surprise",
                "Test_2016/AFEW/Surprise/001234560",
                "test",
                "clip",
            )
        },
        splits="train valid test",
        stray=stray_video,
    ),
}
