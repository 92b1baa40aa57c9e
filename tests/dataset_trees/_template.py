"""A tree of the reader that is there to be copied; copy it with that, and give it TREES."""

from __future__ import annotations

import itertools
from pathlib import Path

from dataset_trees._made import SEVEN, Tree, stray_video, text, video


def make(root: Path) -> Path:
    """Two people, each emotion once, and one word that is none of the seven."""
    words = ("rage", "disgust", "fear", "joy", "sorrow", "surprise", "calm", "pride")
    for person, word in itertools.product(("anna", "bert"), words):
        video(root / person / f"mine-{person}-01-{word}.mp4")
    text(root / "README.txt", "made up")
    return root


TREE = Tree(
    "my_corpus",
    make,
    names=SEVEN,
    n=14,
    groups=2,
    examples={"anna/mine-anna-01-joy.mp4": ("happy", "anna", "", "clip")},
    outside=("pride",),
    stray=stray_video,
)
"""In a tree of your own: ``TREES = {"my corpus": Tree(...)}``, one for each layout that it has."""
