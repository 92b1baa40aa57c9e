"""BanglaSER: two actors in the folders of its extension, and actors that RAVDESS does not have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataset_trees._made import SEVEN, Tree, sound, stray_sound


def banglaser(folder: str, actors: tuple[str, str]) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        for actor in actors:
            for word in range(1, 8):
                sound(root / folder.format(actor) / f"03-01-0{word}-01-04-02-{actor}.wav")
        return root

    return make


TREES = {
    "banglaser, extended": Tree(
        "banglaser",
        banglaser("complete/Actor - {}", ("08", "36")),
        SEVEN,
        14,
        2,
        {
            "complete/Actor - 08/03-01-06-01-04-02-08.wav": ("disgust", "08", "", "sound"),
            "complete/Actor - 36/03-01-07-01-04-02-36.wav": ("fear", "36", "", "sound"),
        },
        stray=stray_sound,
    ),
    "banglaser, actors above 24": Tree(
        "banglaser",
        banglaser("{}", ("25", "34")),
        SEVEN,
        14,
        2,
        {"25/03-01-01-01-04-02-25.wav": ("happy", "25", "", "sound")},
        stray=stray_sound,
    ),
}
